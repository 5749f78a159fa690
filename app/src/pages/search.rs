//! Where is this id?

use leptos::prelude::*;

use crate::components::{empty, page_head};
use crate::context::Context;

/// `/admin/search`
#[derive(Clone, Debug)]
pub struct View {
    /// What was searched for.
    pub query: String,
    /// What was found: kind, label, path.
    pub hits: Vec<(&'static str, String, String)>,
}

impl View {
    pub(super) fn title(&self) -> String {
        format!("{} found · Search", self.hits.len())
    }

    pub(super) fn body(&self, _context: &Context) -> AnyView {
        if self.hits.is_empty() {
            let body = view! {
                <p>"No customer, subscription or event here has or begins with " <strong>{self.query.clone()}</strong> "."</p>
                <p>"It may belong to the other mode, or its event never came."</p>
            };
            return view! { {page_head("Search", ())}{empty("Nothing found", body)} }.into_any();
        }
        let hits: Vec<_> = self
            .hits
            .iter()
            .map(|(kind, label, href)| view! { <li><span class="muted">{*kind}</span>" "<a href=href.clone()>{label.clone()}</a></li> })
            .collect();
        view! { {page_head(format!("Found for {}", self.query), ())}<div class="card"><ul class="pad stack tight">{hits}</ul></div> }.into_any()
    }
}
