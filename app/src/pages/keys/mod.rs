//! API keys of the host application: all of them, and the form that makes one.

mod created;
mod key;
mod rotate;
mod terms;

use domain::role::{Role, Scope};
use domain::{Livemode, Timestamp};
use leptos::prelude::*;

pub use self::created::{Created, Rotated};
pub use self::key::One;
pub use self::rotate::Rotate;
use crate::components::{
    Tone, asking_link, card, chip, csrf, empty, error_summary, field, guarded, page_head, select_field, submit, table,
    time, time_or,
};
use crate::context::Context;

/// A key that ends within this many milliseconds is worth a look.
const SOON: i64 = 7 * DAY;
const DAY: i64 = 24 * 3_600_000;

/// `/admin/api-keys`
#[derive(Clone, Debug)]
pub struct View {
    /// The keys, newest first.
    pub keys: Vec<Key>,
    /// Requests a second of keys that say nothing else.
    pub usual: Rates,
}

/// Requests a second.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Access checks.
    pub checks: u32,
    /// All others.
    pub requests: u32,
}

/// A key; the key itself is nowhere.
#[derive(Clone, Debug)]
pub struct Key {
    /// `key_…`
    pub id: String,
    /// A name for people.
    pub name: String,
    /// The mode it may ask about.
    pub livemode: Livemode,
    /// What it may do.
    pub scope: Scope,
    /// Beginning and end, such as `tk_test_ab12…9xyz`.
    pub shown: String,
    /// Since when.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// From which address.
    pub last_used_from: Option<String>,
    /// Not to be used from then on.
    pub expires_at: Option<Timestamp>,
    /// Revoked since.
    pub revoked_at: Option<Timestamp>,
    /// Networks it may be used from; none: from anywhere.
    pub addresses: Vec<String>,
    /// Access checks a second, where it says how many.
    pub check_rate: Option<u32>,
    /// Other requests a second, where it says how many.
    pub request_rate: Option<u32>,
    /// The key whose place it took.
    pub replaces: Option<Other>,
    /// The key that took its place.
    pub replaced_by: Option<Other>,
}

/// Another key.
#[derive(Clone, Debug)]
pub struct Other {
    /// `key_…`
    pub id: String,
    /// Beginning and end.
    pub shown: String,
}

impl Other {
    fn link(&self) -> AnyView {
        view! { <a class="mono" href=path(&self.id)>{self.shown.clone()}</a> }.into_any()
    }
}

/// The page of a key.
fn path(id: &str) -> String {
    format!("/admin/api-keys/{id}")
}

/// What a scope allows.
const fn words(scope: Scope) -> &'static str {
    match scope {
        Scope::Check => "check: ask for access",
        Scope::Read => "read: see everything",
        Scope::Write => "write: change all but the catalog, and never deny",
        Scope::Admin => "admin: everything",
    }
}

impl Key {
    /// Whether it can be used.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }

    fn mode_chip(&self) -> AnyView {
        let tone = if self.livemode.is_live() { Tone::Ok } else { Tone::Warn };
        chip(tone, self.livemode.as_str().to_uppercase())
    }

    /// When it ends, with a tone where that is soon.
    fn end(&self, context: &Context) -> AnyView {
        let Some(end) = self.expires_at else { return time_or(self.revoked_at, context.now, "never") };
        if self.revoked_at.is_some() {
            return time_or(self.revoked_at, context.now, "");
        }
        match end.millis() - context.now.millis() {
            ..=0 => time(end, context.now),
            left @ 1..=SOON => {
                let tone = if left <= DAY { Tone::Bad } else { Tone::Warn };
                chip(tone, format!("Expires in {}", span(left)))
            }
            _ => time(end, context.now),
        }
    }

    /// Whether it can be used, in a word.
    fn state(&self, now: Timestamp) -> AnyView {
        match (self.revoked_at, self.is_active(now), &self.replaced_by) {
            (Some(_), ..) => chip(Tone::Neutral, "Revoked"),
            (None, false, _) => chip(Tone::Neutral, "Expired"),
            (None, true, Some(_)) => chip(Tone::Info, "Replaced"),
            (None, true, None) => chip(Tone::Ok, "Active"),
        }
    }

    fn row(&self, context: &Context) -> AnyView {
        let revoke = self
            .is_active(context.now)
            .then(|| asking_link(context, &format!("{}/revoke", path(&self.id)), "Revoke", &self.name, Role::Admin));
        let from = self.last_used_from.clone().map(|from| view! { " " <small class="mono">{from}</small> });
        let replaces =
            self.replaces.as_ref().map(|other| view! { <br /> <small class="muted">"replaces "{other.link()}</small> });
        let replaced = self
            .replaced_by
            .as_ref()
            .map(|other| view! { <br /> <small class="muted">"replaced by "{other.link()}</small> });
        view! {
            <tr>
                <th scope="row"><a href=path(&self.id)>{self.name.clone()}</a>{replaces}{replaced}</th>
                <td class="mono">{self.shown.clone()}</td>
                <td>{self.mode_chip()}</td>
                <td>{self.scope.as_str()}</td>
                <td>{time_or(self.last_used_at, context.now, "never used")}{from}</td>
                <td>{self.end(context)}</td>
                <td>{self.state(context.now)} " " {revoke}</td>
            </tr>
        }
        .into_any()
    }
}

/// A length of time, cut to its largest unit.
fn span(millis: i64) -> String {
    match millis {
        ..3_600_000 => format!("{} min", millis / 60_000),
        3_600_000..DAY => format!("{} h", millis / 3_600_000),
        _ => format!("{} d", millis / DAY),
    }
}

impl View {
    pub(in crate::pages) fn title(&self) -> String {
        "API keys".into()
    }

    pub(in crate::pages) fn body(&self, context: &Context) -> AnyView {
        let list = if self.keys.is_empty() {
            empty(
                "No API key yet",
                view! { <p>"Your application asks for access with a key. Create the first one below."</p> },
            )
        } else {
            let rows = self.keys.iter().map(|key| key.row(context)).collect();
            let columns =
                [("Name", 10), ("Key", 11), ("Mode", 7), ("Scope", 5), ("Last used", 8), ("Ends", 11), ("State", 9)];
            card("All keys", (), table("API keys", &columns, rows))
        };
        let modes: Vec<(String, String)> =
            Livemode::ALL.into_iter().map(|mode| (mode.as_str().to_owned(), mode.as_str().to_owned())).collect();
        let scopes: Vec<(String, String)> =
            Scope::ALL.into_iter().map(|scope| (scope.as_str().to_owned(), words(scope).to_owned())).collect();
        let form = view! {
            <form method="post" action="/admin/api-keys" class="form pad" data-guarded=guarded(context)>
                {csrf(context)}
                {field(context, "name", "Name", "text", "", "What uses it, such as shop backend.", true)}
                {select_field(context, "mode", "Mode", &modes, context.livemode.as_str())}
                {select_field(context, "scope", "Scope", &scopes, Scope::Check.as_str())}
                {terms::expiry(context, &[("never", "Never")], "never")}
                {terms::addresses(context, &[])}
                {terms::rates(context, None, None, self.usual)}
                <div class="actions">{submit(context, "Create key", "btn primary", Role::Admin)}</div>
            </form>
        };
        view! {
            {page_head("API keys", ())}
            {error_summary(context)}
            {list}
            {card("Create a key", (), form)}
        }
        .into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY, span};

    #[test]
    fn what_is_left_is_never_said_to_be_more_than_it_is() {
        assert_eq!(span(4 * DAY - 1), "3 d");
        assert_eq!(span(DAY - 1), "23 h");
        assert_eq!(span(59_999), "0 min");
    }
}
