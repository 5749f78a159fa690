//! What is not there, or not for this person.

use leptos::prelude::*;

use super::Page;
use crate::context::Context;

/// A heading and a sentence.
#[derive(Clone, Debug)]
pub struct View {
    /// The heading.
    pub heading: String,
    /// What can be done.
    pub sentence: String,
}

/// There is no such page or thing.
#[must_use]
pub fn not_found(path: &str) -> Page {
    Page::Message(View {
        heading: "Not found".into(),
        sentence: format!("There is nothing at {path} in this mode. Search for the id above, or show the other mode."),
    })
}

/// The role does not suffice.
#[must_use]
pub fn forbidden(sentence: &str) -> Page {
    Page::Message(View { heading: "Not allowed".into(), sentence: sentence.into() })
}

impl View {
    pub(super) fn title(&self) -> String {
        self.heading.clone()
    }

    pub(super) fn body(&self, _context: &Context) -> AnyView {
        view! { <h1>{self.heading.clone()}</h1><p>{self.sentence.clone()}</p><p><a href="/admin">"Back to the overview"</a></p> }.into_any()
    }
}
