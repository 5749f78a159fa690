//! The forms of overrides: a new one, and another end for those there are.

use domain::Timestamp;
use domain::access::{Decision, Reason};
use domain::catalog::Feature;
use domain::role::Role;
use leptos::prelude::*;

use crate::components::{
    Radio, card, crumbs, csrf, empty, end_field, error_summary, feature_choice, feature_group, field, guarded, hidden,
    page_head, radio_group, reason_field, reason_field_with, select_field, submit, time_until,
};
use crate::context::Context;

const DAY: i64 = 86_400;

/// `/admin/customers/{id}/overrides/new`
#[derive(Clone, Debug)]
pub struct New {
    /// The user.
    pub user_id: String,
    /// Where the form goes.
    pub action: String,
    /// Path of the user's page.
    pub back: String,
    /// Features to choose from, each with the user's answer now.
    pub features: Vec<(Feature, Decision)>,
    /// The one that is asked for.
    pub feature: Option<String>,
    /// When the period that is paid for now ends.
    pub period_end: Option<Timestamp>,
    /// Reasons that were given last.
    pub reasons: Vec<String>,
}

/// `/admin/overrides/change?what=extend`
#[derive(Clone, Debug)]
pub struct Extend {
    /// The overrides, in words: `pro for user_1, until …`, with their ids.
    pub overrides: Vec<(String, String)>,
    /// The weakest role that may.
    pub role: Role,
    /// Where to go afterwards, and when it is not done.
    pub back: String,
}

impl New {
    pub(super) fn title(&self) -> String {
        format!("Grant or deny · {}", self.user_id)
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        if self.features.is_empty() {
            let body = view! { <p><a class="btn primary" href="/admin/features">"Create a feature"</a></p> };
            return view! { {page_head("Grant or deny", ())}{empty("There is no feature to grant yet", body)} }
                .into_any();
        }
        let choices = self.features.iter().map(|(feature, now)| {
            let note = if now.allowed { "granted now" } else { "denied now" };
            let asked = (self.feature.as_ref() == Some(&feature.key)).then_some(None);
            feature_choice(context, feature, asked, note)
        });
        let pair = |value: &str, words: &str| (value.to_owned(), words.to_owned());
        let effects = [
            pair("grant", "Grant: access although nothing else gives it"),
            pair("deny", "Deny: no access whatever else gives it (admin)"),
        ];
        let hint = "For no end only: type the user's id.";
        view! {
            {crumbs(&[("Customers", "/admin/customers".into()), (&self.user_id, self.back.clone())], "Grant or deny")}
            {page_head("Grant or deny", ())}
            {error_summary(context)}
            {self.preview(context)}
            <form method="post" action=self.action.clone() class="form card pad" data-guarded=guarded(context)>
                {csrf(context)}
                <input type="hidden" name="return_to" value=self.back.clone() />
                {feature_group(context, "One or several. Each becomes an override of its own.", choices.collect())}
                {select_field(context, "effect", "Effect", &effects, "grant")}
                {radio_group(context, "until", "Until", self.ends(context), "7d")}
                {end_field(context)}
                {context.may(Role::Admin).then(|| field(context, "typed_user", "User id", "text", "", hint, false))}
                {reason_field_with(context, &self.reasons)}
                {field(context, "ticket_url", "Ticket", "url", "", "The address of the case, such as https://… May stay empty.", false)}
                <div class="actions">
                    {submit(context, "Save override", "btn primary", Role::Support)}
                    <button type="submit" class="btn" name="preview" value="true">"Preview"</button>
                    <a class="btn" href=self.back.clone()>"Cancel"</a>
                </div>
            </form>
        }
        .into_any()
    }

    /// Each end with the moment it means: nobody has to reckon.
    fn ends(&self, context: &Context) -> Vec<Radio> {
        let at = |end: Timestamp| time_until(end);
        let spans = [("24h", "24 hours", DAY), ("7d", "7 days", 7 * DAY), ("30d", "30 days", 30 * DAY)];
        let mut ends: Vec<Radio> =
            spans.map(|(value, words, seconds)| Radio::new(value, words, at(context.now.plus_secs(seconds)))).into();
        if let Some(end) = self.period_end {
            ends.push(Radio::new("period", "End of the period that is paid for", at(end)));
        }
        ends.push(Radio::new("at", "A date and time", "below".to_owned()));
        if context.may(Role::Admin) {
            ends.push(Radio::new("never", "No end", "until somebody revokes it".to_owned()));
        }
        ends
    }

    /// What the form, as it was filled in, would change.
    fn preview(&self, context: &Context) -> AnyView {
        if context.typed("preview").is_none() || !context.form.errors.is_empty() {
            return ().into_any();
        }
        let grants = context.typed("effect") != Some("deny");
        let chosen = |key: &str| context.form.values.iter().any(|(name, value)| name == "feature" && value == key);
        let lines = self.features.iter().filter(|(feature, _)| chosen(&feature.key)).map(|(feature, now)| {
            let word = |allowed: bool| if allowed { "granted" } else { "denied" };
            // A denial by hand beats a grant.
            let then = grants && now.reason != Reason::OverrideDeny;
            let note = if grants && !then { ": another override denies it" } else { "" };
            let line = format!("{}: {} → {}{note}", feature.key, word(now.allowed), word(then));
            view! { <li class="mono">{line}</li> }
        });
        let lines: Vec<_> = lines.collect();
        let until = context.typed("until").unwrap_or("7d");
        let end = self.ends(context).into_iter().find(|end| end.value == until);
        let end = end.map(|end| format!("{}, {}", end.words, end.note)).unwrap_or_default();
        let body = view! {
            <div class="pad"><ul>{lines}</ul><p>"Until: "{end}"."</p><p class="muted">"Nothing is saved yet."</p></div>
        };
        view! { <div role="status">{card("Preview", (), body)}</div> }.into_any()
    }
}

impl Extend {
    pub(super) fn title(&self) -> String {
        "Extend · Overrides".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let rows: Vec<_> = self.overrides.iter().map(|(words, _)| view! { <li>{words.clone()}</li> }).collect();
        let ids: Vec<_> = self.overrides.iter().map(|(_, id)| hidden("id", id.clone())).collect();
        let note = "from the end it has".to_owned();
        let mut ends = vec![
            Radio::new("7d", "7 days longer", note.clone()),
            Radio::new("30d", "30 days longer", note),
            Radio::new("at", "A date and time", "below".to_owned()),
        ];
        if context.may(Role::Admin) {
            ends.push(Radio::new("never", "No end", "until somebody revokes it".to_owned()));
        }
        let question = match self.overrides.len() {
            1 => "Extend this override?".to_owned(),
            count => format!("Extend {count} overrides?"),
        };
        let limit = (!context.may(Role::Admin)).then(|| {
            view! { <p class="muted">"Support staff grant at most 30 days from now; an admin can go further."</p> }
        });
        view! {
            {crumbs(&[("Overrides", "/admin/overrides".into())], "Extend")}
            {page_head(question, ())}
            {error_summary(context)}
            <form method="post" action="/admin/overrides/extend" class="form card pad" data-guarded=guarded(context)>
                {csrf(context)}
                {hidden("return_to", self.back.clone())}
                {ids}
                <ul>{rows}</ul>
                {radio_group(context, "until", "Until", ends, "7d")}
                {end_field(context)}
                {limit}
                {reason_field(context, true)}
                <div class="actions">
                    {submit(context, "Extend", "btn primary", self.role)}
                    <a class="btn" href=self.back.clone()>"Cancel"</a>
                </div>
            </form>
        }
        .into_any()
    }
}
