//! The program, its database, its queue and its work in the background.

use domain::Timestamp;
use leptos::prelude::*;

use crate::components::{card, page_head, time};
use crate::context::Context;
use crate::islands::CopyButton;

use super::backups::Backups;

/// `/admin/system`
#[derive(Clone, Debug)]
pub struct View {
    /// What is told, by heading.
    pub groups: Vec<(&'static str, Vec<Fact>)>,
    /// Backups of the database.
    pub backups: Backups,
    /// All of it as plain text, without secrets.
    pub report: String,
}

/// Something about the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What.
    pub name: &'static str,
    /// What is known of it, in words.
    pub value: String,
    /// A moment that belongs to it.
    pub at: Option<Timestamp>,
}

impl View {
    pub(super) fn title(&self) -> String {
        "System".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let groups: Vec<_> = self
            .groups
            .iter()
            .map(|(heading, facts)| {
                let facts: Vec<_> = facts
                    .iter()
                    .map(|fact| {
                        let at = fact.at.map(|at| view! { " " {time(at, context.now)} });
                        view! { <dt>{fact.name}</dt><dd>{fact.value.clone()}{at}</dd> }
                    })
                    .collect();
                card(*heading, (), view! { <dl class="kv pad">{facts}</dl> })
            })
            .collect();
        let report = self.report.clone();
        let body = view! {
            <div class="pad stack tight">
                <p>"For a ticket: no secrets, no names of customers. "<CopyButton text=report.clone() what="support report".to_owned() /></p>
                <pre class="code"><code>{report}</code></pre>
            </div>
        };
        view! {
            {page_head("System", view! { <a class="btn" href="/admin/validator">"Check the set-up"</a> })}
            {groups}
            {self.backups.card(context)}
            {card("Support report", (), body)}
        }
        .into_any()
    }
}
