//! Exceptions by hand.

use domain::Timestamp;
use domain::access::{Decision, OverrideEffect};
use domain::catalog::Feature;
use domain::role::Role;
use leptos::prelude::*;

use crate::components::{
    Tone, actor, asking_link, chip, crumbs, csrf, empty, error_summary, feature_choice, feature_group, field,
    page_head, pager, reason_field, select_field, submit, table, time, until,
};
use crate::context::Context;

/// `/admin/overrides`
#[derive(Clone, Debug)]
pub struct View {
    /// The overrides.
    pub rows: Vec<Row>,
    /// Link to the first rows, when these are behind them.
    pub first: Option<String>,
    /// Link to the rows behind these.
    pub next: Option<String>,
}

/// One override.
#[derive(Clone, Debug)]
pub struct Row {
    /// `ovr_…`
    pub id: String,
    /// The user.
    pub user_id: String,
    /// Path of the user's page.
    pub href: String,
    /// The feature's key.
    pub feature: String,
    /// Grant or deny.
    pub effect: OverrideEffect,
    /// Why.
    pub reason: String,
    /// By whom.
    pub created_by: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Taken back since.
    pub revoked_at: Option<Timestamp>,
}

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
}

impl View {
    pub(super) fn title(&self) -> String {
        "Overrides".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let list = if self.rows.is_empty() {
            empty("No overrides", view! { <p>"Grant or deny a feature by hand on a customer's page."</p> })
        } else {
            view! { <div class="card">{rows_table(&self.rows, context, true)}</div>{pager(self.first.clone(), self.next.clone())} }
                .into_any()
        };
        view! { {page_head("Overrides", ())}{list} }.into_any()
    }
}

/// The table of overrides, of one user or of all.
pub(super) fn rows_table(rows: &[Row], context: &Context, with_user: bool) -> AnyView {
    let rows = rows.iter().map(|row| row.view(context, with_user)).collect();
    let columns: &[&'static str] = &["Feature", "Effect", "Reason", "By", "Since", "Until", "Change"];
    table("Overrides", columns, rows)
}

impl Row {
    fn view(&self, context: &Context, with_user: bool) -> AnyView {
        let (tone, word) = match self.effect {
            OverrideEffect::Grant => (Tone::Violet, "Grant"),
            OverrideEffect::Deny => (Tone::Bad, "Deny"),
        };
        let over = self.revoked_at.is_some() || self.expires_at.is_some_and(|end| end <= context.now);
        let change = if self.revoked_at.is_some() {
            chip(Tone::Neutral, "Revoked").into_any()
        } else if over {
            chip(Tone::Neutral, "Ended").into_any()
        } else {
            let revoke = format!("/admin/overrides/{}/revoke", self.id);
            let object = format!("{} for {}", self.feature, self.user_id);
            asking_link(context, &revoke, "Revoke", &object, Role::Support)
        };
        view! {
            <tr>
                <th scope="row" class="nowrap">
                    <span class="mono">{self.feature.clone()}</span>
                    {with_user.then(|| view! { <small>"for " <a href=self.href.clone()>{self.user_id.clone()}</a></small> })}
                </th>
                <td>{chip(tone, word)}</td>
                <td class="wide">{self.reason.clone()}</td>
                <td>{actor(&self.created_by)}</td>
                <td>{time(self.created_at, context.now)}</td>
                <td>{until(self.expires_at, context.now)}</td>
                <td>{change}</td>
            </tr>
        }
        .into_any()
    }
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
        let ends = [
            pair("24h", "24 hours"),
            pair("7d", "7 days"),
            pair("30d", "30 days"),
            pair("at", "The date below"),
            pair("never", "No end (admin)"),
        ];
        view! {
            {crumbs(&[("Customers", "/admin/customers".into()), (&self.user_id, self.back.clone())], "Grant or deny")}
            {page_head("Grant or deny", ())}
            {error_summary(context)}
            <form method="post" action=self.action.clone() class="form card pad">
                {csrf(context)}
                <input type="hidden" name="return_to" value=self.back.clone() />
                {feature_group(context, "One or several. Each becomes an override of its own.", choices.collect())}
                {select_field(context, "effect", "Effect", &effects, "grant")}
                {select_field(context, "until", "Until", &ends, "7d")}
                {field(context, "until_at", "Date and time, UTC", "datetime-local", "", "Only with \"The date below\".", false)}
                {reason_field(context, true)}
                <div class="actions">
                    {submit(context, "Save override", "btn primary", Role::Support)}
                    <a class="btn" href=self.back.clone()>"Cancel"</a>
                </div>
            </form>
        }
        .into_any()
    }
}
