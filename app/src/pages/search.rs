//! Where is this id?

use leptos::prelude::*;

use crate::components::{empty, page_head};
use crate::context::Context;

/// `/admin/search`
#[derive(Clone, Debug)]
pub struct View {
    /// What was searched for.
    pub query: String,
    /// What was found.
    pub hits: Vec<Hit>,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// `Customer`, `Event` …
    pub kind: &'static str,
    /// What people call it.
    pub label: String,
    /// Its id.
    pub id: String,
    /// Path of its page.
    pub href: String,
}

impl View {
    pub(super) fn title(&self) -> String {
        format!("{} found · Search", self.hits.len())
    }

    pub(super) fn body(&self, _context: &Context) -> AnyView {
        if self.query.is_empty() {
            let body = view! { <p>"By e-mail address, name or any id, such as a user's, cus_, sub_, evt_ or cs_."</p> };
            return view! { {page_head("Search", ())}{empty("What are you looking for?", body)} }.into_any();
        }
        if self.hits.is_empty() {
            let body = view! {
                <p>"No customer, subscription or event here has or begins with " <strong>{self.query.clone()}</strong> "."</p>
                <p>"It may belong to the other mode, or its event never came."</p>
                <p><a class="btn" href="/admin/validator">"Check the set-up"</a></p>
            };
            return view! { {page_head("Search", ())}{empty("Nothing found", body)} }.into_any();
        }
        view! {
            {page_head(format!("Found for “{}”", self.query), ())}
            <div class="card">{hits_list(&self.hits)}</div>
        }
        .into_any()
    }
}

/// Hits as a list of links.
pub(super) fn hits_list(hits: &[Hit]) -> AnyView {
    let hits: Vec<_> = hits
        .iter()
        .map(|hit| {
            let id = (hit.id != hit.label).then(|| view! { <span class="mono muted">{hit.id.clone()}</span> });
            view! {
                <li class="row">
                    <span class="muted hit-kind">{hit.kind}</span>
                    <a href=hit.href.clone()>{hit.label.clone()}</a>
                    {id}
                </li>
            }
        })
        .collect();
    view! { <ul class="pad stack tight">{hits}</ul> }.into_any()
}
