//! A new key, shown once.

use domain::role::Scope;
use domain::{Livemode, Timestamp};
use leptos::prelude::*;

use super::Other;
use crate::components::{card, crumbs, id, page_head, time_until};
use crate::context::Context;
use crate::pages::once::Secret;

/// What the forms of `/admin/api-keys` answer with when they make a key, once.
#[derive(Clone, Debug)]
pub struct Created {
    /// `key_…`
    pub id: String,
    /// A name for people.
    pub name: String,
    /// The mode it may ask about.
    pub livemode: Livemode,
    /// What it may do.
    pub scope: Scope,
    /// Not to be used from then on.
    pub expires_at: Option<Timestamp>,
    /// Networks it may be used from; none: from anywhere.
    pub addresses: Vec<String>,
    /// The key.
    pub key: Secret,
    /// Where the API is.
    pub public_url: String,
    /// The key whose place it takes.
    pub rotated: Option<Rotated>,
}

/// A key whose place another took.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// Which.
    pub old: Other,
    /// Until when it goes on working; none: it has ended.
    pub until: Option<Timestamp>,
}

impl Created {
    pub(in crate::pages) fn title(&self) -> String {
        "Key made · API keys".into()
    }

    pub(in crate::pages) fn body(&self, _context: &Context) -> AnyView {
        let Secret(key) = &self.key;
        let sample = format!(
            "curl -H 'Authorization: Bearer {key}' '{}/v1/access?user_id=USER&feature=FEATURE'",
            self.public_url
        );
        let mut words = format!("It opens {} mode with the scope {}", self.livemode.as_str(), self.scope.as_str());
        if !self.addresses.is_empty() {
            words += &format!(", from {} alone", self.addresses.join(", "));
        }
        if let Some(end) = self.expires_at {
            words += &format!(", {}", time_until(end));
        }
        let rotated = self.rotated.as_ref().map(|rotated| {
            let old = rotated.old.link();
            match rotated.until {
                Some(until) => view! {
                    <p>"The old key " {old} " goes on working "{time_until(until)}": give your application the new one before that."</p>
                }
                .into_any(),
                None => view! { <p>"The old key " {old} " opens nothing any more."</p> }.into_any(),
            }
        });
        let body = view! {
            <div class="pad stack tight">
                <p>{id(key, "API key")}</p>
                <p>{words}". Copy it now: it is shown this once and kept nowhere here."</p>
                {rotated}
                <p>"To try it, put a user and a feature of yours into this:"</p>
                <pre class="code"><code>{sample}</code></pre>
                <div class="actions">
                    <a class="btn primary" href="/admin/api-keys">"Back to the keys"</a>
                    <a class="btn" href=super::path(&self.id)>"See this key"</a>
                </div>
            </div>
        };
        view! {
            {crumbs(&[("API keys", "/admin/api-keys".to_owned())], "Key made")}
            {page_head(format!("The key {} is made", self.name), ())}
            {card("The key", (), body)}
        }
        .into_any()
    }
}
