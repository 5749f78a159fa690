//! What is asked before access is taken away: a page of its own, so that it works without a script and can be left by going back.

use domain::role::Role;
use leptos::prelude::*;

use crate::components::{
    NAMED, Side, card, crumbs, csrf, error_summary, hidden, page_head, reason_field, sides, submit, summary,
};
use crate::context::Context;

/// Somebody is about to change something.
#[derive(Clone, Debug)]
pub struct View {
    /// The question.
    pub question: String,
    /// Words and address of the page it stands below.
    pub above: (&'static str, String),
    /// What happens, in a sentence.
    pub sentence: String,
    /// Whose access changes.
    pub effects: Vec<Effect>,
    /// Where the form goes.
    pub action: String,
    /// What the form says beyond the reason.
    pub fields: Vec<(&'static str, String)>,
    /// The button's words.
    pub button: String,
    /// The weakest role that may.
    pub role: Role,
    /// Whether a reason has to be given.
    pub reason_required: bool,
    /// Where to go afterwards, and when it is not done.
    pub back: String,
}

/// The same where it is decided between users: each is shown with what they have now and would have then.
#[derive(Clone, Debug)]
pub struct Review {
    /// The question.
    pub asked: View,
    /// The users concerned.
    pub sides: Vec<Side>,
}

/// What changes for one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The user.
    pub user_id: String,
    /// Path of the user's page.
    pub href: String,
    /// Features the user has access to now and not any more.
    pub loses: Vec<String>,
    /// Features the user has no access to now and will have.
    pub gains: Vec<String>,
}

impl View {
    pub(super) fn title(&self) -> String {
        format!("{} · {}", self.button, self.above.0)
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        self.page(context, ().into_any(), "btn danger")
    }

    fn page(&self, context: &Context, above_the_form: AnyView, class: &'static str) -> AnyView {
        let above = [(self.above.0, self.above.1.clone())];
        let fields: Vec<_> = self.fields.iter().map(|(name, value)| hidden(name, value.clone())).collect();
        let body = view! {
            <form method="post" action=self.action.clone() class="form pad">
                {csrf(context)}
                {hidden("return_to", self.back.clone())}
                {fields}
                <p>{self.sentence.clone()}</p>
                {self.effects()}
                {reason_field(context, self.reason_required)}
                <div class="actions">
                    {submit(context, &self.button, class, self.role)}
                    <a class="btn" href=self.back.clone()>"Cancel"</a>
                </div>
            </form>
        };
        view! {
            {crumbs(&above, &self.button)}
            {page_head(self.question.clone(), ())}
            {error_summary(context)}
            {above_the_form}
            {card("What happens", (), body)}
        }
        .into_any()
    }

    fn effects(&self) -> AnyView {
        let named = self.effects.iter().take(NAMED).map(|effect| {
            let part = |verb: &str, features: &[String]| {
                (!features.is_empty()).then(|| format!(" {verb} {}", features.join(", ")))
            };
            let words = [part("loses", &effect.loses), part("gains", &effect.gains)];
            let words = words.into_iter().flatten().collect::<Vec<_>>().join(" and");
            view! { <li><a class="mono" href=effect.href.clone()>{effect.user_id.clone()}</a>{words}</li> }
        });
        let named: Vec<_> = named.collect();
        let rest = self.effects.len().saturating_sub(NAMED);
        view! {
            <p><strong>{counted(&self.effects)}</strong></p>
            {(!named.is_empty()).then(|| view! { <ul class="stack tight">{named}</ul> })}
            {(rest > 0).then(|| view! { <p class="muted">{format!("And {rest} more.")}</p> })}
        }
        .into_any()
    }
}

impl Review {
    pub(super) fn title(&self) -> String {
        self.asked.title()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        // Red where somebody loses access.
        let harmless = self.asked.effects.iter().all(|effect| effect.loses.is_empty());
        let class = if harmless { "btn primary" } else { "btn danger" };
        self.asked.page(context, sides(&self.sides), class)
    }
}

/// How many users lose and gain access.
fn counted(effects: &[Effect]) -> String {
    let count = |those: fn(&Effect) -> bool| effects.iter().filter(|effect| those(effect)).count();
    summary(count(|effect| !effect.loses.is_empty()), count(|effect| !effect.gains.is_empty()), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(loses: &[&str], gains: &[&str]) -> Effect {
        let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        Effect { user_id: "user_1".into(), href: String::new(), loses: owned(loses), gains: owned(gains) }
    }

    #[test]
    fn the_summary_counts_users_and_not_features() {
        assert_eq!(counted(&[]), "Nobody's access changes.");
        assert_eq!(counted(&[effect(&["pro", "seats"], &[])]), "1 user loses access.");
        assert_eq!(counted(&[effect(&[], &["pro"])]), "Nobody loses access; 1 user gains access.");
        let both = [effect(&["pro"], &[]), effect(&["pro"], &[]), effect(&[], &["pro"])];
        assert_eq!(counted(&both), "2 users lose access, 1 user gains access.");
    }
}
