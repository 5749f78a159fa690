//! What is not there, or not for this person.

use leptos::prelude::*;

use super::Page;
use super::search::{Hit, hits_list};
use crate::components::{card, page_head};
use crate::context::Context;

/// A heading and a sentence.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The heading.
    pub heading: String,
    /// What can be done.
    pub sentence: String,
    /// What was asked for, to be searched for.
    pub query: String,
    /// What is called much alike.
    pub nearest: Vec<Hit>,
    /// The mode that has it.
    pub elsewhere: Option<String>,
}

/// There is no page at this address.
#[must_use]
pub fn no_page() -> Page {
    let sentence = "There is no page at this address. Search for an id or an e-mail address above.".into();
    Page::Message(View { heading: "Not found".into(), sentence, ..View::default() })
}

/// There is no such thing. `elsewhere` is the mode that has it, `nearest` what is called much alike.
#[must_use]
pub fn not_found(id: &str, elsewhere: Option<&str>, nearest: Vec<Hit>) -> Page {
    let sentence = match elsewhere {
        Some(mode) => format!("{id} belongs to {mode} mode."),
        None => format!(
            "{id} is not known here, in test mode or in live mode. Was it typed right? Did its event ever come?"
        ),
    };
    let elsewhere = elsewhere.map(str::to_owned);
    Page::Message(View { heading: "Not found".into(), sentence, query: id.into(), nearest, elsewhere })
}

/// The role does not suffice.
#[must_use]
pub fn forbidden(sentence: &str) -> Page {
    Page::Message(View { heading: "Not allowed".into(), sentence: sentence.into(), ..View::default() })
}

impl View {
    pub(super) fn title(&self) -> String {
        self.heading.clone()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let elsewhere = self.elsewhere.as_ref().map(|mode| {
            let path = context.path.split('?').next().unwrap_or_default();
            view! { <p><a class="btn primary" href=format!("{path}?mode={mode}")>{format!("Show it in {mode} mode")}</a></p> }
        });
        let nearest = (!self.nearest.is_empty()).then(|| card("Called much alike", (), hits_list(&self.nearest)));
        view! {
            {page_head(self.heading.clone(), ())}
            <p>{self.sentence.clone()}</p>
            {elsewhere}
            {nearest}
            <p class="row">
                <a href="/admin/customers">"Customers"</a>
                <a href="/admin/events">"Events"</a>
                <a href="/admin">"Overview"</a>
            </p>
        }
        .into_any()
    }
}
