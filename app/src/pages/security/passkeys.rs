//! One's own passkeys.

use domain::Timestamp;
use leptos::prelude::*;

use crate::components::{Tone, card, chip, code_field, crumbs, csrf, error_summary, field, page_head, table, time};
use crate::context::Context;
use crate::islands::PasskeyButton;

/// The passkeys of who looks.
#[derive(Clone, Debug)]
pub struct Passkeys {
    /// Each of them, oldest first.
    pub list: Vec<Passkey>,
    /// Whether browsers offer passkeys at this address.
    pub site: bool,
    /// Recovery codes that are left.
    pub codes_left: i64,
}

/// A passkey.
#[derive(Clone, Debug)]
pub struct Passkey {
    /// `pky_…`
    pub id: String,
    /// What its person calls it.
    pub name: String,
    /// Since when it counts.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// `/admin/account/passkeys/new`
#[derive(Clone, Debug)]
pub struct NewPasskey {
    /// What its person calls it.
    pub name: String,
    /// What the browser makes it by, as JSON.
    pub options: String,
}

impl Passkeys {
    /// Whether there is any.
    pub(super) const fn any(&self) -> bool {
        !self.list.is_empty()
    }

    /// The card, with the recovery codes where no other card has them.
    pub(super) fn card(&self, context: &Context, has_codes: bool) -> AnyView {
        let is_refused = |names: &[&str]| names.iter().any(|name| context.error(name).is_some());
        let any = !self.list.is_empty();
        let rows = self.list.iter().map(|one| row(context, one)).collect();
        let list = any.then(|| table("Passkeys", &["Name", "Added", "Last used"], rows));
        let remove = any.then(|| {
            let choices: Vec<_> = self
                .list
                .iter()
                .map(|one| view! { <option value=one.id.clone()>{one.name.clone()}</option> })
                .collect();
            view! {
                <details open=is_refused(&["remove_password"])>
                    <summary>"Remove a passkey"</summary>
                    <form method="post" action="/admin/account/passkeys/remove" class="form">
                        {csrf(context)}
                        <div class="field">
                            <label for="passkey_id">"Passkey"</label>
                            <select id="passkey_id" name="passkey_id">{choices}</select>
                        </div>
                        {field(context, "remove_password", "Your password", "password", "", "", true)}
                        <p class="muted">"You are signed out everywhere else. With your last second factor the recovery codes go too."</p>
                        <div class="actions"><button type="submit" class="btn danger">"Remove it"</button></div>
                    </form>
                </details>
            }
        });
        let renew = (any && has_codes).then(|| renew(context, self.site));
        let left = (any && has_codes).then(|| {
            let words = match self.codes_left {
                1 => "1 recovery code left".to_owned(),
                left => format!("{left} recovery codes left"),
            };
            view! { <p>{chip(if self.codes_left < 3 { Tone::Warn } else { Tone::Ok }, words)}</p> }
        });
        let add = if self.site {
            view! {
                <details open={!any || is_refused(&["passkey_name", "add_password"])}>
                    <summary>"Add a passkey"</summary>
                    <form method="post" action="/admin/account/passkeys" class="form">
                        {csrf(context)}
                        {field(context, "passkey_name", "Name", "text", "", "By which you know it again, such as the device it is on.", true)}
                        {field(context, "add_password", "Your password", "password", "", "", true)}
                        <p class="muted">"Its device asks you, by finger, face or PIN. Passkeys need JavaScript; everything else works without."</p>
                        <div class="actions"><button type="submit" class="btn primary">"Add a passkey"</button></div>
                    </form>
                </details>
            }
            .into_any()
        } else {
            view! {
                <p class="muted">"Browsers offer passkeys only at a name that is reached by https, or at localhost. Whoever runs Tollkeeper can set "
                    <code>"PUBLIC_URL"</code>" to one."</p>
            }
            .into_any()
        };
        let body = view! {
            {list}
            <div class="pad stack">
                <p>"A passkey signs you in without a password, and no imitated site can use it. It can also be given after the password."</p>
                {left}
                {add}
                {renew}
                {remove}
            </div>
        };
        let state = if any { chip(Tone::Ok, "On") } else { chip(Tone::Neutral, "None") };
        card("Passkeys", state, body)
    }
}

fn renew(context: &Context, site: bool) -> AnyView {
    let passkey = site.then(|| {
        view! {
            <form method="post" action="/admin/account/2fa/codes" class="form">
                {csrf(context)}
                <PasskeyButton label="Make them with a passkey".to_owned() primary=false options=None />
            </form>
        }
    });
    view! {
        <details open=context.error("renew_code").is_some()>
            <summary>"New recovery codes"</summary>
            <form method="post" action="/admin/account/2fa/codes" class="form">
                {csrf(context)}
                {code_field(context, "renew_code", "Recovery code", "One of those that you have; they all stop working.")}
                <div class="actions"><button type="submit" class="btn">"Make new recovery codes"</button></div>
            </form>
            {passkey}
        </details>
    }
    .into_any()
}

fn row(context: &Context, one: &Passkey) -> AnyView {
    let used = match one.last_used_at {
        Some(at) => time(at, context.now).into_any(),
        None => "Not yet".into_any(),
    };
    view! {
        <tr>
            <th scope="row">{one.name.clone()}</th>
            <td>{time(one.created_at, context.now)}</td>
            <td>{used}</td>
        </tr>
    }
    .into_any()
}

impl NewPasskey {
    #[expect(clippy::unused_self, reason = "as every page")]
    pub(crate) fn title(&self) -> String {
        "Add a passkey".into()
    }

    pub(crate) fn body(&self, context: &Context) -> AnyView {
        let crumb = |words, href: &str| (words, href.to_owned());
        let above = crumbs(
            &[crumb("Account", "/admin/account"), crumb("Security", "/admin/account/security")],
            "Add a passkey",
        );
        let body = view! {
            <form method="post" action="/admin/account/passkeys/new" class="form pad">
                {csrf(context)}
                <p>"The browser asks where to keep the passkey "<strong>{self.name.clone()}</strong>", and makes sure that it is you. You have five minutes."</p>
                <PasskeyButton label="Create the passkey".to_owned() primary=true options=Some(self.options.clone()) />
                <p><a href="/admin/account/security">"Cancel"</a></p>
            </form>
        };
        view! {
            {above}
            {page_head("Add a passkey", ())}
            {error_summary(context)}
            {card("The passkey", (), body)}
        }
        .into_any()
    }
}
