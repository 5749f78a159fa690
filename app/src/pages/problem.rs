//! What went wrong with a request, and what to do about it: pages that stand at no address of their own.

use domain::Timestamp;
use leptos::prelude::*;

use crate::components::{actor, did, id, page_head, time};
use crate::context::Context;

/// What went wrong.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// In two or three words.
    pub heading: String,
    /// In a sentence.
    pub sentence: String,
    /// Who was quicker.
    pub by: Option<By>,
    /// What to do.
    pub advice: String,
    /// Ways on: words and address. The first is the one to take.
    pub ways: Vec<(String, String)>,
    /// `req_…`, as it stands in the log; empty: there is nothing to look up.
    pub request_id: String,
}

/// Who changed what a form was about after it had been opened.
#[derive(Clone, Debug)]
pub struct By {
    /// `staff:ada@example.com`, `api_key:key_…`
    pub actor: String,
    /// What they did, as the audit log calls it.
    pub action: String,
    /// To what.
    pub object: String,
    /// When.
    pub at: Timestamp,
    /// The entry of the audit log, which has how it was and how it is.
    pub href: String,
}

impl View {
    pub(super) fn title(&self) -> String {
        self.heading.clone()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let by = self.by.as_ref().map(|by| {
            view! {
                <p>{actor(&by.actor)}", "{time(by.at, context.now)}": "<a href=by.href.clone()>{did(&by.action)}" "{by.object.clone()}</a></p>
            }
        });
        let ways: Vec<_> = (self.ways.iter().enumerate())
            .map(|(n, (words, href))| {
                let class = if n == 0 { "btn primary" } else { "btn" };
                view! { <a class=class href=href.clone()>{words.clone()}</a> }
            })
            .collect();
        let request = (!self.request_id.is_empty())
            .then(|| view! { <p class="muted">"Request "{id(&self.request_id, "request id")}</p> });
        view! {
            {page_head(self.heading.clone(), ())}
            <div class="stack tight">
                <p>{self.sentence.clone()}</p>
                {by}
                <p>{self.advice.clone()}</p>
                <p class="row">{ways}</p>
                {request}
            </div>
        }
        .into_any()
    }
}
