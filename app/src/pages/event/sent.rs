//! What Stripe sent: what it says changed, the object, and all of it as it came.

use domain::role::Role;
use leptos::prelude::*;

use super::{View, difference};
use crate::components::{card, table, time};
use crate::context::Context;
use crate::pages::events::segment;

/// A value of Stripe's `previous_attributes`.
#[derive(Clone, Debug)]
pub struct Change {
    /// Dotted.
    pub path: String,
    /// As JSON.
    pub before: String,
    /// As JSON; none when it is gone.
    pub after: Option<String>,
}

/// A body, for those who may see it.
#[derive(Clone, Debug)]
pub struct Payload {
    /// What Stripe says changed.
    pub changes: Vec<Change>,
    /// The object it is about, to be unfolded; none in a thin event, in what is no JSON, and in what is too long for a page.
    pub object: Option<Json>,
    /// All of it, indented; none when it is too long for a page.
    pub text: Option<String>,
    /// Its length in bytes.
    pub size: usize,
}

/// A JSON value as a page shows it.
#[derive(Clone, Debug)]
pub enum Json {
    /// Text, number, true, false, null, or something empty; as JSON.
    Leaf(String),
    /// An object or a list, with the name or the number of each entry.
    Branch {
        /// Whether it is a list.
        is_list: bool,
        /// What is inside.
        entries: Vec<(String, Json)>,
    },
}

impl Json {
    fn entry(&self, name: &str) -> AnyView {
        let name = view! { <span class="json-name">{name.to_owned()}</span> };
        match self {
            Self::Leaf(value) => view! { <li>{name}": "<span class="wrap-any">{value.clone()}</span></li> }.into_any(),
            Self::Branch { is_list, entries } => {
                let number = entries.len();
                let kind = match (is_list, number) {
                    (true, 1) => "1 entry".to_owned(),
                    (true, number) => format!("{number} entries"),
                    (false, 1) => "1 field".to_owned(),
                    (false, number) => format!("{number} fields"),
                };
                view! {
                    <li><details>
                        <summary>{name}" "<span class="muted">{kind}</span></summary>
                        {self.list()}
                    </details></li>
                }
                .into_any()
            }
        }
    }

    /// What is inside, one line each.
    fn list(&self) -> AnyView {
        match self {
            Self::Leaf(value) => view! { <p class="mono">{value.clone()}</p> }.into_any(),
            Self::Branch { entries, .. } => {
                let entries: Vec<_> = entries.iter().map(|(name, value)| value.entry(name)).collect();
                view! { <ul class="json">{entries}</ul> }.into_any()
            }
        }
    }
}

impl View {
    /// What Stripe sent may hold personal data.
    pub(super) fn sent(&self, context: &Context) -> AnyView {
        if let Some((at, kept)) = &self.removed {
            let why = kept.as_ref().map_or_else(
                || "with the personal data of its customer".to_owned(),
                |kept| format!("payloads are kept for {kept}"),
            );
            let fetched = match kept {
                Some(_) => {
                    "The event cannot be processed again. Stripe lists events for 30 days, so it cannot be fetched either: what Stripe says now comes with a resync of the customer."
                }
                None => {
                    "The event cannot be processed again, and is not fetched: that would bring the person's data back."
                }
            };
            let body = view! {
                <div class="pad">
                    <p>"The payload was removed "{time(*at, context.now)}" ("{why}"). What it changed is kept."</p>
                    <p class="muted">{fetched}</p>
                </div>
            };
            return card("Payload", (), body);
        }
        let Some(payload) = self.payload.as_ref().filter(|_| context.may(Role::Support)) else {
            let words = "Payloads may hold personal data: reading them needs the role support.";
            return card("Payload", (), view! { <p class="pad muted">{words}</p> });
        };
        let changes = (!payload.changes.is_empty()).then(|| {
            let rows = payload.changes.iter().map(|change| {
                let path = change.path.clone();
                view! { <tr><th scope="row" class="mono">{path}</th>{difference(Some(&change.before), change.after.as_deref())}</tr> }.into_any()
            });
            card("What Stripe says changed", (), table("What Stripe says changed", &["Field", "Before and after"], rows.collect()))
        });
        let object =
            payload.object.as_ref().map(|object| card("Object", (), view! { <div class="pad">{object.list()}</div> }));
        let href = format!("/admin/events/{}/payload.json", segment(&self.event_id));
        let download = view! { <a class="btn sm" href=href download>"Download"</a> };
        let raw = match payload.text.clone() {
            Some(text) => view! {
                <details class="more pad">
                    <summary>"As it came, indented"</summary>
                    <pre class="code"><code>{text}</code></pre>
                </details>
            }
            .into_any(),
            None => {
                let words = format!("With {} KiB it is too long for a page.", payload.size / 1024);
                view! { <p class="pad">{words}</p> }.into_any()
            }
        };
        view! { {changes}{object}{card("Payload", download, raw)} }.into_any()
    }
}
