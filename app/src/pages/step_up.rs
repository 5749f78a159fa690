//! What is asked before a form that gives others a way in: who is there.

use leptos::prelude::*;

use crate::components::{card, hidden, page_head};
use crate::context::Context;

/// A form that waits for a proof.
#[derive(Clone, Debug)]
pub struct View {
    /// Where the form goes.
    pub action: String,
    /// What was filled in.
    pub fields: Vec<(String, String)>,
    /// What is asked for.
    pub proof: Proof,
    /// What was wrong with the one that was given.
    pub fault: Option<String>,
    /// The page that the form stood on.
    pub back: String,
}

/// How somebody shows that it is they.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By the password, when there is no second factor.
    Password,
    /// By a code of the authenticator, or a recovery code.
    Code,
}

impl View {
    #[expect(clippy::unused_self, reason = "as every page")]
    pub(super) fn title(&self) -> String {
        "Confirm that it is you".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let fields: Vec<_> = (self.fields.iter().cloned())
            .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
            .collect();
        let (name, label, hint, kind, autocomplete) = match self.proof {
            Proof::Password => {
                ("proof_password", "Your password", "The one you sign in with.", "password", "current-password")
            }
            Proof::Code => {
                ("proof_code", "Code", "Of your authenticator, or a recovery code.", "text", "one-time-code")
            }
        };
        let described = if self.fault.is_some() { "proof-error proof-hint" } else { "proof-hint" };
        let body = view! {
            <form method="post" action=self.action.clone() class="form pad">
                <input type="hidden" name="csrf" value=context.csrf.clone() />
                {hidden("proof_back", self.back.clone())}
                {fields}
                <p>"What you are about to do gives others a way in, or takes it from them. It is more than ten minutes since you showed that it is you. "
                    "What you filled in is done as soon as you have."</p>
                <div class="field">
                    <label for="proof">{label}</label>
                    <p class="hint" id="proof-hint">{hint}</p>
                    <input id="proof" name=name type=kind required=true autocomplete=autocomplete autocapitalize="off" spellcheck="false"
                        aria-describedby=described aria-invalid=self.fault.is_some().then_some("true") />
                    {self.fault.clone().map(|fault| view! { <p class="error" id="proof-error">{fault}</p> })}
                </div>
                <div class="actions">
                    <button type="submit" class="btn primary">"Confirm"</button>
                    <a class="btn" href=self.back.clone()>"Cancel"</a>
                </div>
            </form>
        };
        view! {
            {page_head("Confirm that it is you", ())}
            {card("Who is there?", (), body)}
        }
        .into_any()
    }
}
