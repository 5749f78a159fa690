//! API keys of the host application.

use domain::role::{Role, Scope};
use domain::{Livemode, Timestamp};
use leptos::prelude::*;

use crate::components::{
    Tone, actor, asking_link, card, chip, csrf, empty, error_summary, field, page_head, select_field, submit, table,
    time, time_or,
};
use crate::context::Context;

/// `/admin/api-keys`
#[derive(Clone, Debug)]
pub struct View {
    /// The keys, newest first.
    pub keys: Vec<Key>,
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
    /// Revoked since.
    pub revoked_at: Option<Timestamp>,
}

impl View {
    pub(super) fn title(&self) -> String {
        "API keys".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let list = if self.keys.is_empty() {
            empty(
                "No API key yet",
                view! { <p>"Your application asks for access with a key. Create the first one below."</p> },
            )
        } else {
            let rows = self.keys.iter().map(|key| key_row(context, key)).collect();
            let columns = ["Name", "Key", "Mode", "Scope", "Created", "Last used", "State"];
            card("All keys", (), table("API keys", &columns, rows))
        };
        let modes: Vec<(String, String)> =
            Livemode::ALL.into_iter().map(|mode| (mode.as_str().to_owned(), mode.as_str().to_owned())).collect();
        let scopes: Vec<(String, String)> = Scope::ALL
            .into_iter()
            .map(|scope| {
                let words = match scope {
                    Scope::Check => "check: ask for access",
                    Scope::Read => "read: see everything",
                    Scope::Write => "write: change all but the catalog, and never deny",
                    Scope::Admin => "admin: everything",
                };
                (scope.as_str().to_owned(), words.to_owned())
            })
            .collect();
        let form = view! {
            <form method="post" action="/admin/api-keys" class="form pad">
                {csrf(context)}
                {field(context, "name", "Name", "text", "", "What uses it, such as shop backend.", true)}
                {select_field(context, "mode", "Mode", &modes, context.livemode.as_str())}
                {select_field(context, "scope", "Scope", &scopes, Scope::Check.as_str())}
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

fn key_row(context: &Context, key: &Key) -> AnyView {
    let tone = if key.livemode.is_live() { Tone::Ok } else { Tone::Warn };
    let state = match key.revoked_at {
        Some(at) => view! { {chip(Tone::Neutral, "Revoked")} " " {time(at, context.now)} }.into_any(),
        None => asking_link(context, &format!("/admin/api-keys/{}/revoke", key.id), "Revoke", &key.name, Role::Admin),
    };
    view! {
        <tr>
            <th scope="row">{key.name.clone()}</th>
            <td class="mono">{key.shown.clone()}</td>
            <td>{chip(tone, key.livemode.as_str().to_uppercase())}</td>
            <td>{key.scope.as_str()}</td>
            <td>{time(key.created_at, context.now)} <small>{actor(&key.created_by)}</small></td>
            <td>{time_or(key.last_used_at, context.now, "never")}</td>
            <td>{state}</td>
        </tr>
    }
    .into_any()
}
