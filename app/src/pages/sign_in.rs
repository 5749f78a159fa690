//! The pages before sign-in.

use leptos::prelude::*;

use crate::components::{csrf, error_summary, field, hidden};
use crate::context::Context;

/// `/admin/login`
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Where to go afterwards.
    pub return_to: String,
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
        let kept: Vec<_> =
            kept.cloned().map(|(name, value)| view! { <input type="hidden" name=name value=value /> }).collect();
        view! {
            <h1>"Sign in to Tollkeeper"</h1>
            {error_summary(context)}
            <form method="post" action="/admin/login" class="form">
                {csrf(context)}
                {hidden("return_to", self.return_to.clone())}
                {kept}
                {field(context, "email", "E-mail", "email", "", "", true)}
                {field(context, "password", "Password", "password", "", "", true)}
                <div class="actions"><button type="submit" class="btn primary">"Sign in"</button></div>
            </form>
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
