//! One's own password, and where one is signed in.

use domain::Timestamp;
use leptos::prelude::*;

use super::account::tabs;
use crate::components::{
    Tone, card, chip, code_field, csrf, error_summary, field, new_password, page_head, table, time,
};
use crate::context::Context;

mod passkeys;
pub use passkeys::{NewPasskey, Passkey, Passkeys};

/// `/admin/account/security`
#[derive(Clone, Debug)]
pub struct View {
    /// The person's sessions, this one first.
    pub sessions: Vec<Session>,
    /// Their second factor.
    pub second: Second,
    /// Their passkeys.
    pub passkeys: Passkeys,
    /// Whether the person's role needs a second factor.
    pub is_required: bool,
    /// Whether a second factor has to be given once more before anything is changed.
    pub is_locked: bool,
}

/// How two-factor sign-in is.
#[derive(Clone, Copy, Debug)]
pub enum Second {
    /// Nothing can encrypt its key.
    NeedsKey,
    /// Off.
    Off,
    /// On.
    On {
        /// Since when.
        since: Timestamp,
        /// Recovery codes that are left.
        codes_left: i64,
    },
}

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// By what it is named: nobody gets in with it.
    pub hash: String,
    /// Whether it is the one of this page.
    pub is_this: bool,
    /// What the browser says it is.
    pub agent: String,
    /// The address it began at.
    pub address: String,
    /// Since when.
    pub started_at: Timestamp,
    /// Last used, to ten minutes.
    pub used_at: Timestamp,
    /// When it ends unless it is used before.
    pub expires_at: Timestamp,
}

impl View {
    #[expect(clippy::unused_self, reason = "as every page")]
    pub(super) fn title(&self) -> String {
        "Security".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let rows = self.sessions.iter().map(|session| row(context, session)).collect();
        let others = (self.sessions.len() > 1).then(|| {
            view! {
                <form method="post" action="/admin/account/sessions/end" class="inline">
                    {csrf(context)}
                    <button type="submit" class="btn sm danger">"Sign out everywhere else"</button>
                </form>
            }
        });
        let password = view! {
            <form method="post" action="/admin/account/password" class="form pad">
                {csrf(context)}
                {field(context, "current", "Password you have now", "password", "", "", true)}
                {new_password(context, "New password")}
                <p class="muted">"You stay signed in here, and are signed out everywhere else."</p>
                <div class="actions"><button type="submit" class="btn primary">"Change the password"</button></div>
            </form>
        };
        view! {
            {page_head("Security", ())}
            {error_summary(context)}
            {tabs("/admin/account/security")}
            {(self.is_required && !self.passkeys.any() && !matches!(self.second, Second::On { .. })).then(|| {
                let sentence = "Your role needs two-factor sign-in. Add a passkey or set up an authenticator below to go on: until then nothing else opens.";
                view! { <div class="banner" data-tone="warn"><p>{sentence}</p></div> }
            })}
            {card("Where you are signed in", others, table("Sessions", &["Device", "Address", "Began", "Last used", "Ends", "End it"], rows))}
            {if self.is_locked {
                locked(context)
            } else {
                view! {
                    {self.passkeys.card(context, !matches!(self.second, Second::On { .. }))}
                    {second_card(context, self.second, self.passkeys.any())}
                    {card("Password", (), password)}
                }
                .into_any()
            }}
        }
        .into_any()
    }
}

/// In the place of all that changes how one signs in.
fn locked(context: &Context) -> AnyView {
    let body = view! {
        <form method="post" action="/admin/account/proof" class="form pad">
            {csrf(context)}
            <p>"Before you change your password, your passkeys or your authenticator, show once more that it is you: it is more than ten minutes since you did."</p>
            <div class="actions"><button type="submit" class="btn primary">"Confirm that it is you"</button></div>
        </form>
    };
    card("How you sign in", (), body)
}

fn second_card(context: &Context, second: Second, has_passkeys: bool) -> AnyView {
    const HEADING: &str = "Authenticator";
    match second {
        Second::NeedsKey => {
            let body = view! {
                <p class="pad">"It needs the setting "<code>"ENCRYPTION_KEY"</code>", which encrypts its keys: 32 random bytes, such as "
                    <code>"openssl rand -base64 32"</code>" prints. Whoever runs Tollkeeper can set it."</p>
            };
            card(HEADING, chip(Tone::Neutral, "Off"), body)
        }
        Second::Off => {
            let body = view! {
                <form method="post" action="/admin/account/2fa" class="form pad">
                    <p>"A code of your authenticator after the password keeps out who has learned the password."</p>
                    {has_passkeys.then(|| view! { <p class="muted">"You get new recovery codes with it. Those that came with your passkey stop working."</p> })}
                    {csrf(context)}
                    {field(context, "begin_password", "Your password", "password", "", "", true)}
                    <div class="actions"><button type="submit" class="btn primary">"Set up two-factor sign-in"</button></div>
                </form>
            };
            card(HEADING, chip(Tone::Neutral, "Off"), body)
        }
        Second::On { since, codes_left } => {
            let tone = if codes_left < 3 { Tone::Warn } else { Tone::Ok };
            let left = if codes_left == 1 {
                "1 recovery code left".to_owned()
            } else {
                format!("{codes_left} recovery codes left")
            };
            let is_refused = |names: &[&str]| names.iter().any(|name| context.error(name).is_some());
            let body = view! {
                <div class="pad stack">
                    <p>"On since "{time(since, context.now)}". "{chip(tone, left)}</p>
                    <details open=is_refused(&["renew_code"])>
                        <summary>"New recovery codes"</summary>
                        <form method="post" action="/admin/account/2fa/codes" class="form">
                            {csrf(context)}
                            {code_field(context, "renew_code", "Code for new ones", "Of the authenticator, or a recovery code. The ones you have stop working.")}
                            <div class="actions"><button type="submit" class="btn">"Make new recovery codes"</button></div>
                        </form>
                    </details>
                    <details open=is_refused(&["off_password", "off_code"])>
                        <summary>"Turn it off"</summary>
                        <form method="post" action="/admin/account/2fa/off" class="form">
                            {csrf(context)}
                            {field(context, "off_password", "Your password", "password", "", "", true)}
                            {code_field(context, "off_code", "Code to turn it off", "Of the authenticator, or a recovery code.")}
                            <div class="actions"><button type="submit" class="btn danger">"Turn two-factor sign-in off"</button></div>
                        </form>
                    </details>
                </div>
            };
            card(HEADING, chip(Tone::Ok, "On"), body)
        }
    }
}

fn row(context: &Context, session: &Session) -> AnyView {
    let words = device(&session.agent);
    let label = format!("End the session of {words} at {}", session.address);
    let end = if session.is_this {
        chip(Tone::Ok, "This one")
    } else {
        view! {
            <form method="post" action=format!("/admin/account/sessions/{}/end", session.hash) class="inline">
                {csrf(context)}
                <button type="submit" class="btn sm danger" aria-label=label>"End"</button>
            </form>
        }
        .into_any()
    };
    view! {
        <tr>
            <th scope="row" title=session.agent.clone()>{words}</th>
            <td class="mono">{session.address.clone()}</td>
            <td>{time(session.started_at, context.now)}</td>
            <td>{time(session.used_at, context.now)}</td>
            <td>{time(session.expires_at, context.now)}</td>
            <td>{end}</td>
        </tr>
    }
    .into_any()
}

/// The browser and the system that a `User-Agent` names, as far as people know them by that.
fn device(agent: &str) -> String {
    // The first that is named counts: Edge says that it is Chrome, and Chrome that it is Safari.
    let browsers =
        [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    let systems = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let named =
        |names: &[(&str, &'static str)]| names.iter().find(|(part, _)| agent.contains(part)).map(|(_, name)| *name);
    match (named(&browsers), named(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) if agent.is_empty() => "unknown".to_owned(),
        (None, None) => agent.chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::device;

    #[test]
    fn a_browser_goes_by_its_own_name() {
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0";
        assert_eq!(device(edge), "Edge on Windows");
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1";
        assert_eq!(device(iphone), "Safari on iPhone");
        assert_eq!(device("curl/8.9.1"), "curl/8.9.1");
        assert_eq!(device(""), "unknown");
    }
}
