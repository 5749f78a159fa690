//! The pages before sign-in.

use domain::role::Role;
use leptos::prelude::*;

use crate::components::{code_field, csrf, error_summary, field, hidden, new_password};
use crate::context::Context;
use crate::islands::PasskeyButton;

/// `/admin/login`
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Where to go afterwards.
    pub return_to: String,
    /// Whether passkeys work at this address.
    pub passkeys: bool,
}

/// `/admin/login/code`: after the password.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// Whether the person has an authenticator.
    pub codes: bool,
    /// Whether the person has a passkey, and may use it here.
    pub passkeys: bool,
}

/// `/admin/invite`: somebody chooses a password.
#[derive(Clone, Debug)]
pub struct Enter {
    /// The one-time token of the link.
    pub token: String,
    /// Whose link it is; none when it cannot be used (any more).
    pub entering: Option<Entering>,
}

/// Who comes in by a link.
#[derive(Clone, Debug)]
pub struct Entering {
    /// E-mail address.
    pub email: String,
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// For the first time, or for another password.
    pub is_invite: bool,
}

/// `/admin/setup`: the first owner.
#[derive(Clone, Debug)]
pub struct SetUp {
    /// The one-time token of the link.
    pub token: String,
    /// Whether it is valid.
    pub valid: bool,
}

impl SignIn {
    pub(super) fn title(&self) -> String {
        "Sign in".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        // A form that was sent after its session had ended waits here.
        let kept = context.form.values.iter().filter(|(name, _)| name.starts_with("kept."));
        let kept: Vec<(String, String)> = kept.cloned().collect();
        let kept = || -> Vec<_> {
            let field = |(name, value)| view! { <input type="hidden" name=name value=value /> };
            kept.iter().cloned().map(field).collect()
        };
        let passkey = self.passkeys.then(|| {
            view! {
                <form method="post" action="/admin/login/passkey" class="form">
                    {csrf(context)}
                    {hidden("return_to", self.return_to.clone())}
                    {kept()}
                    <PasskeyButton label="Sign in with a passkey".to_owned() primary=false options=None />
                </form>
            }
        });
        view! {
            <h1>"Sign in to Tollkeeper"</h1>
            {error_summary(context)}
            <form method="post" action="/admin/login" class="form">
                {csrf(context)}
                {hidden("return_to", self.return_to.clone())}
                {kept()}
                {field(context, "email", "E-mail", "email", "", "", true)}
                {field(context, "password", "Password", "password", "", "", true)}
                <div class="actions"><button type="submit" class="btn primary">"Sign in"</button></div>
            </form>
            {passkey}
        }
        .into_any()
    }
}

impl Code {
    #[expect(clippy::unused_self, reason = "as every page")]
    pub(super) fn title(&self) -> String {
        "Second factor".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let is_recovery = context.error("recovery_code").is_some();
        let heading = if self.codes { "Code of your authenticator" } else { "Your passkey" };
        let code = self.codes.then(|| {
            view! {
                <form method="post" action="/admin/login/code" class="form">
                    {csrf(context)}
                    {code_field(context, "code", "Code", "Six digits, which change every 30 seconds.")}
                    <div class="actions">
                        <button type="submit" class="btn primary">"Sign in"</button>
                        <a class="btn" href="/admin/login">"Start over"</a>
                    </div>
                </form>
            }
        });
        let passkey = self.passkeys.then(|| {
            view! {
                <form method="post" action="/admin/login/passkey" class="form">
                    {csrf(context)}
                    {hidden("second", "1".to_owned())}
                    <PasskeyButton label="Use a passkey".to_owned() primary={!self.codes} options=None />
                </form>
            }
        });
        let over = (!self.codes).then(|| view! { <p><a href="/admin/login">"Start over"</a></p> });
        let lost = if self.codes { "You have lost the authenticator?" } else { "You have lost the passkey?" };
        view! {
            <h1>{heading}</h1>
            {error_summary(context)}
            {code}
            {passkey}
            {over}
            <details open=is_recovery>
                <summary>{lost}</summary>
                <form method="post" action="/admin/login/code" class="form">
                    {csrf(context)}
                    {field(context, "recovery_code", "Recovery code", "text", "", "One of those you kept when you set it up. It works once.", true)}
                    <div class="actions"><button type="submit" class="btn">"Sign in with it"</button></div>
                </form>
                <p class="muted">"Without any, an owner can take two-factor sign-in away from you on the staff page, or who runs the program with "
                    <code>"tollkeeper staff reset-2fa"</code>"."</p>
            </details>
        }
        .into_any()
    }
}

impl SetUp {
    pub(super) fn title(&self) -> String {
        "First run".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        if !self.valid {
            return view! {
                <h1>"Set up Tollkeeper"</h1>
                {error_summary(context)}
                <p>"There is no owner yet. Open the set-up link the program printed when it started; it works once, for 30 minutes."</p>
                <p>"For a new one, restart the program or run:"</p>
                <pre class="code"><code>"tollkeeper staff setup-link"</code></pre>
            }
            .into_any();
        }
        view! {
            <h1>"Create the first owner"</h1>
            <p class="muted">"This account may do everything, adding others included."</p>
            {error_summary(context)}
            <form method="post" action="/admin/setup" class="form">
                {csrf(context)}
                {hidden("token", self.token.clone())}
                {field(context, "email", "E-mail", "email", "", "", true)}
                {field(context, "name", "Name", "text", "", "", true)}
                {field(context, "password", "Password", "password", "", "At least 8 characters; 15 or more are better. Any characters.", true)}
                <div class="actions"><button type="submit" class="btn primary">"Create owner"</button></div>
            </form>
        }
        .into_any()
    }
}

impl Enter {
    pub(super) fn title(&self) -> String {
        match &self.entering {
            Some(entering) if entering.is_invite => "Choose a password".into(),
            Some(_) => "Choose another password".into(),
            None => "This link is worth nothing".into(),
        }
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let Some(entering) = &self.entering else {
            return view! {
                <h1>"This link does not work"</h1>
                <p>"It was used already, another one was made after it, or its time is over: an invitation lasts 72 hours, a link for "
                    "another password one hour. Ask an owner for a new one."</p>
                <div class="actions"><a class="btn primary" href="/admin/login">"Sign in"</a></div>
            }
            .into_any();
        };
        let (email, role) = (entering.email.clone(), entering.role.as_str());
        let name = entering.is_invite.then(|| field(context, "name", "Your name", "text", &entering.name, "", true));
        let ends =
            (!entering.is_invite).then(|| view! { <p class="muted">"You will be signed out everywhere else."</p> });
        view! {
            <h1>{self.title()}</h1>
            <p>"You sign in as "<strong>{email.clone()}</strong>", with the role "{role}"."</p>
            {ends}
            {error_summary(context)}
            <form method="post" action="/admin/invite" class="form">
                {csrf(context)}
                {hidden("token", self.token.clone())}
                // For password managers: what the password belongs to.
                <input type="hidden" name="email" autocomplete="username" value=email />
                {name}
                {new_password(context, "Password")}
                <div class="actions"><button type="submit" class="btn primary">"Save and sign in"</button></div>
            </form>
        }
        .into_any()
    }
}
