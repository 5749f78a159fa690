//! Where a feature or a price departs from the installation's policy.

use domain::access::{Policy, PolicyExceptions, Treatment};
use domain::role::Role;
use leptos::prelude::*;

use crate::components::{card, crumbs, csrf, error_summary, field, guarded, page_head, select_field, submit};
use crate::context::Context;

/// `/admin/features/{key}/policy` and `/admin/catalog/prices/{id}/policy`
#[derive(Clone, Debug)]
pub struct View {
    /// The feature's key or the price's id.
    pub of: String,
    /// Words and address of the page it stands below.
    pub above: (&'static str, String),
    /// The page's path, where its form goes as well.
    pub href: String,
    /// What departs.
    pub own: PolicyExceptions,
    /// Its grace, as people write it.
    pub grace: Option<String>,
    /// What holds where nothing departs.
    pub installation: Policy,
    /// Its grace, as people write it.
    pub installation_grace: String,
    /// What only the installation decides: what about, how, and the setting's name.
    pub rest: Vec<(&'static str, String, &'static str)>,
}

/// How a policy of its own is told beside a feature or a price; empty when there is none.
#[must_use]
pub fn summary(own: &PolicyExceptions) -> String {
    let treatment = |what: &str, treatment: Option<Treatment>| treatment.map(|t| format!("{what}: {}", t.as_str()));
    let grace = own.past_due_grace.map(|_| "its own grace".to_owned());
    let all = [grace, treatment("trial", own.trialing), treatment("paused", own.paused)];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

impl View {
    pub(super) fn title(&self) -> String {
        format!("Policy of {} · {}", self.of, self.above.0)
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let choice = |standard: Treatment| {
            let follows = format!("as the installation has it: {}", standard.as_str());
            let own = [Treatment::Allow, Treatment::Deny].map(|t| (t.as_str().to_owned(), t.as_str().to_owned()));
            [vec![(String::new(), follows)], own.to_vec()].concat()
        };
        let chosen = |own: Option<Treatment>| own.map(Treatment::as_str).unwrap_or_default();
        let grace =
            format!("How long past due keeps access; empty: {}, as the installation has it", self.installation_grace);
        let (trialing, paused) = (choice(self.installation.trialing), choice(self.installation.paused));
        let form = view! {
            <form method="post" action=self.href.clone() class="form pad" data-guarded=guarded(context)>
                {csrf(context)}
                {field(context, "past_due_grace", grace, "text", self.grace.as_deref().unwrap_or_default(), "Such as 14d, 12h or 300s.", false)}
                {select_field(context, "trialing", "A trial gives access", &trialing, chosen(self.own.trialing))}
                {select_field(context, "paused", "A subscription that somebody paused gives access", &paused, chosen(self.own.paused))}
                <div class="actions">
                    {submit(context, "Save policy", "btn primary", Role::Admin)}
                    <a class="btn" href=self.above.1.clone()>"Cancel"</a>
                </div>
            </form>
        };
        let rest: Vec<_> = self
            .rest
            .iter()
            .map(|(what, how, setting)| view! { <dt>{*what}</dt><dd>{how.clone()} " " <code>{*setting}</code></dd> })
            .collect();
        let rest = view! {
            <div class="pad stack tight">
                <p class="muted">"These are the same for every feature and price, and are set where the program is started."</p>
                <dl class="kv">{rest}</dl>
            </div>
        };
        view! {
            {crumbs(&[(self.above.0, self.above.1.clone())], &format!("Policy of {}", self.of))}
            {page_head(format!("Policy of {}", self.of), ())}
            {error_summary(context)}
            {card("Where it departs from the installation", (), form)}
            {card("What the installation decides", (), rest)}
        }
        .into_any()
    }
}
