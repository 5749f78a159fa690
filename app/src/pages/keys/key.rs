//! One API key: what it may, who uses it from where, and the form that changes its terms.

use domain::role::Role;
use leptos::prelude::*;

use super::{Key, Rates, path, terms, words};
use crate::components::{
    actor, asking_link, card, crumbs, csrf, error_summary, guarded, id, page_head, reason_field, submit, thousands,
    time, time_or, time_until,
};
use crate::context::Context;

/// `/admin/api-keys/{id}`
#[derive(Clone, Debug)]
pub struct One {
    /// The key.
    pub key: Key,
    /// Requests a second of keys that say nothing else.
    pub usual: Rates,
    /// Where the API is.
    pub public_url: String,
}

impl One {
    pub(in crate::pages) fn title(&self) -> String {
        let name: String = self.key.name.chars().take(24).collect();
        format!("{name} · API keys")
    }

    pub(in crate::pages) fn body(&self, context: &Context) -> AnyView {
        let key = &self.key;
        let here = path(&key.id);
        let is_active = key.is_active(context.now);
        let may = is_active && context.may(Role::Admin);
        let rotate = (may && key.replaced_by.is_none())
            .then(|| view! { <a class="btn primary" href=format!("{here}/rotate")>"Rotate"</a> });
        let revoke =
            is_active.then(|| asking_link(context, &format!("{here}/revoke"), "End now", &key.name, Role::Admin));
        view! {
            {crumbs(&[("API keys", "/admin/api-keys".to_owned())], &key.name)}
            {page_head(key.name.clone(), view! { {rotate} {revoke} })}
            {error_summary(context)}
            <p class="row">{key.state(context.now)} {key.mode_chip()} <span class="mono">{key.shown.clone()}</span></p>
            {self.facts(context)}
            {may.then(|| self.form(context))}
            {is_active.then(|| self.sample())}
        }
        .into_any()
    }

    fn facts(&self, context: &Context) -> AnyView {
        let (key, now) = (&self.key, context.now);
        let addresses = if key.addresses.is_empty() {
            "anywhere".into_any()
        } else {
            let rows: Vec<_> = key.addresses.iter().map(|one| view! { <li class="mono">{one.clone()}</li> }).collect();
            view! { <ul>{rows}</ul> }.into_any()
        };
        let rate = |own: Option<u32>, usual: u32| {
            let words = if own.is_some() { "" } else { " (as keys that say nothing else)" };
            format!("{} a second{words}", thousands(usize::try_from(own.unwrap_or(usual)).unwrap_or(usize::MAX)))
        };
        let from = key.last_used_from.clone().map(|from| view! { " from " <span class="mono">{from}</span> });
        let end = match key.expires_at {
            Some(end) => {
                view! { {time_until(end)} " " {(key.revoked_at.is_none() && end > now).then(|| key.end(context))} }
                    .into_any()
            }
            None => "never".into_any(),
        };
        let other = |words: &'static str, other: &Option<super::Other>| {
            other.as_ref().map(|other| view! { <dt>{words}</dt><dd>{other.link()}</dd> })
        };
        let history = format!("/admin/audit?object={}&from=all", key.id);
        let facts = view! {
            <dl class="kv pad">
                <dt>"Id"</dt><dd>{id(&key.id, "id of the key")}</dd>
                <dt>"Scope"</dt><dd>{words(key.scope)}</dd>
                <dt>"Made"</dt><dd>{time(key.created_at, now)} " by " {actor(&key.created_by)}</dd>
                <dt>"Last used"</dt><dd>{time_or(key.last_used_at, now, "never")}{from}</dd>
                <dt>"Expires"</dt><dd>{end}</dd>
                {key.revoked_at.map(|at| view! { <dt>"Revoked"</dt><dd>{time(at, now)}</dd> })}
                <dt>"May be used from"</dt><dd>{addresses}</dd>
                <dt>"Access checks"</dt><dd>{rate(key.check_rate, self.usual.checks)}</dd>
                <dt>"Other requests"</dt><dd>{rate(key.request_rate, self.usual.requests)}</dd>
                {other("Replaces", &key.replaces)}
                {other("Replaced by", &key.replaced_by)}
                <dt>"History"</dt><dd><a href=history>"In the audit log"</a></dd>
            </dl>
        };
        card("The key", (), facts)
    }

    fn form(&self, context: &Context) -> AnyView {
        let key = &self.key;
        let first = [("keep", "As it is now"), ("never", "Never")];
        let form = view! {
            <form method="post" action=path(&key.id) class="form pad" data-guarded=guarded(context)>
                {csrf(context)}
                {terms::expiry(context, &first, "keep")}
                {terms::addresses(context, &key.addresses)}
                {terms::rates(context, key.check_rate, key.request_rate, self.usual)}
                {reason_field(context, false)}
                <div class="actions">{submit(context, "Save", "btn", Role::Admin)}</div>
            </form>
        };
        card("Change until when, from where and how often", (), form)
    }

    fn sample(&self) -> AnyView {
        let sample = format!(
            "curl -i -H \"Authorization: Bearer $KEY\" '{}/v1/access?user_id=USER&feature=FEATURE'",
            self.public_url
        );
        let body = view! {
            <div class="pad stack tight">
                <p>"With the key in "<code>"$KEY"</code>"; the headers "<code>"RateLimit-Policy"</code>" and "<code>"RateLimit"</code>
                    " of each answer say how it stands with its limit."</p>
                <pre class="code"><code>{sample}</code></pre>
            </div>
        };
        card("Use it", (), body)
    }
}
