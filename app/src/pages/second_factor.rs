//! Two-factor sign-in: the key for the authenticator, and recovery codes.

use leptos::prelude::*;

use super::once::Secret;
use crate::components::{card, code_field, crumbs, csrf, error_summary, id, page_head};
use crate::context::Context;

/// `/admin/account/2fa`
#[derive(Clone, Debug)]
pub struct SetUp {
    /// The key as people type it.
    pub key: Secret,
    /// The same as authenticators read it.
    pub address: Secret,
    /// The address as a QR code.
    pub picture: Picture,
}

/// A QR code.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Modules of a side.
    pub size: usize,
    /// The dark ones, as a path of SVG.
    pub path: Secret,
}

/// What the forms that make recovery codes answer with, once.
#[derive(Clone, Debug)]
pub struct Codes {
    /// The codes.
    pub codes: Vec<Secret>,
    /// What came before them.
    pub why: Why,
}

/// Why there are new recovery codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// An authenticator was set up.
    Authenticator,
    /// A first passkey was added.
    Passkey,
    /// They were asked for.
    Renewed,
}

fn above(here: &str) -> AnyView {
    crumbs(&[("Account", "/admin/account".to_owned()), ("Security", "/admin/account/security".to_owned())], here)
}

impl SetUp {
    #[expect(clippy::unused_self, reason = "as every page")]
    pub(super) fn title(&self) -> String {
        "Set up two-factor sign-in".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let Secret(key) = &self.key;
        let view_box = format!("0 0 {0} {0}", self.picture.size);
        let groups: Vec<&str> = key.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
        let body = view! {
            <div class="pad stack">
                <p>"Scan this with an authenticator, such as the one of your password manager or your phone. Any that makes codes of six digits "
                    "each 30 seconds will do."</p>
                <svg class="qr" viewBox=view_box role="img" aria-label="QR code of the key below" shape-rendering="crispEdges">
                    <rect width="100%" height="100%" fill="#fff" />
                    <path d=self.picture.path.0.clone() fill="#000" />
                </svg>
                <p>"On this very device: "<a href=self.address.0.clone()>"open your authenticator"</a>". Or type the key "
                    <strong class="mono">{groups.join(" ")}</strong>" into it:"</p>
                <p>{id(key, "key")}</p>
            </div>
            <form method="post" action="/admin/account/2fa/confirm" class="form pad">
                {csrf(context)}
                {code_field(context, "code", "Code that the authenticator shows", "Two-factor sign-in is on once you gave one.")}
                <div class="actions">
                    <button type="submit" class="btn primary">"Turn it on"</button>
                    <a class="btn" href="/admin/account/security">"Cancel"</a>
                </div>
            </form>
        };
        view! {
            {above("Two-factor sign-in")}
            {page_head("Set up two-factor sign-in", ())}
            {error_summary(context)}
            {card("The key", (), body)}
        }
        .into_any()
    }
}

impl Codes {
    #[expect(clippy::unused_self, reason = "as every page")]
    pub(super) fn title(&self) -> String {
        "Recovery codes".into()
    }

    pub(super) fn body(&self, _context: &Context) -> AnyView {
        let codes: Vec<_> =
            self.codes.iter().map(|Secret(code)| view! { <li class="mono">{code.clone()}</li> }).collect();
        let said = match self.why {
            Why::Authenticator => {
                "Two-factor sign-in is on. From now on you give a code of your authenticator after your password; you are signed out everywhere else."
            }
            Why::Passkey => {
                "The passkey is added. From now on you sign in with it alone, or give it after your password; you are signed out everywhere else."
            }
            Why::Renewed => "The recovery codes that you had are worth nothing now.",
        };
        let body = view! {
            <div class="pad stack">
                <p>{said}</p>
                <p>"Each of these codes signs you in once after your password, should you lose what you sign in with. "
                    <strong>"Keep them now, apart from your password: they are shown this once."</strong></p>
                <ol class="codes">{codes}</ol>
                <div class="actions"><a class="btn primary" href="/admin/account/security">"I have kept them"</a></div>
            </div>
        };
        view! {
            {above("Recovery codes")}
            {page_head("Recovery codes", ())}
            {card("Ten codes", (), body)}
        }
        .into_any()
    }
}
