//! What is asked before a key takes the place of another.

use domain::role::Role;
use leptos::prelude::*;

use super::{Key, path, terms};
use crate::components::{
    Radio, card, crumbs, csrf, error_summary, page_head, radio_group, reason_field, submit, time_or, time_until,
};
use crate::context::Context;

/// `/admin/api-keys/{id}/rotate`
#[derive(Clone, Debug)]
pub struct Rotate {
    /// The key.
    pub key: Key,
}

impl Rotate {
    pub(in crate::pages) fn title(&self) -> String {
        let name: String = self.key.name.chars().take(24).collect();
        format!("Rotate {name} · API keys")
    }

    pub(in crate::pages) fn body(&self, context: &Context) -> AnyView {
        let key = &self.key;
        let here = path(&key.id);
        let until = |hours: i64| {
            let end = context.now.plus_secs(hours * 3600);
            time_until(key.expires_at.map_or(end, |own| own.min(end)))
        };
        let overlaps = vec![
            Radio::new("24h", "24 hours", until(24)),
            Radio::new("7d", "7 days", until(7 * 24)),
            Radio::new("none", "Not at all", "what uses the old key is refused from now on".to_owned()),
        ];
        let same = if key.expires_at.is_some() { "As long after now as the old one was made for" } else { "Never" };
        let first: &[(&str, &str)] =
            if key.expires_at.is_some() { &[("same", same), ("never", "Never")] } else { &[("same", same)] };
        let form = view! {
            <form method="post" action=format!("{here}/rotate") class="form pad">
                {csrf(context)}
                <p>"A new key with the same name, mode, scope, addresses and rates is made and shown once. Give it to your application while the old one "
                    <span class="mono">{key.shown.clone()}</span>" still works. It was last used: "{time_or(key.last_used_at, context.now, "never")}"."</p>
                {radio_group(context, "overlap", "How long the old key goes on working", overlaps, "24h")}
                {terms::expiry(context, first, "same")}
                {reason_field(context, false)}
                <div class="actions">
                    {submit(context, "Make the new key", "btn primary", Role::Admin)}
                    <a class="btn" href=here.clone()>"Cancel"</a>
                </div>
            </form>
        };
        view! {
            {crumbs(&[("API keys", "/admin/api-keys".to_owned()), (&key.name, here.clone())], "Rotate")}
            {page_head(format!("Rotate the key {}", key.name), ())}
            {error_summary(context)}
            {card("A new key in its place", (), form)}
        }
        .into_any()
    }
}
