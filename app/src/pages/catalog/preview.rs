//! What a change of the catalog would do, before it is saved: a page of its own, so that it works without a script. Nothing is written.

use domain::role::Role;
use leptos::prelude::*;

use crate::components::{Impact, card, crumbs, csrf, error_summary, field, hidden, page_head, reason_field, submit};
use crate::context::Context;

/// The address of the form that asks, and `/preview` behind it.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The question.
    pub question: String,
    /// Words and address of the page it stands below.
    pub above: (&'static str, String),
    /// What is changed, a sentence each.
    pub changes: Vec<String>,
    /// What that does.
    pub impact: Impact,
    /// What is asked to be typed.
    pub typed: Option<TypedId>,
    /// Where the form goes.
    pub action: String,
    /// What it says: the change, field by field.
    pub fields: Vec<(String, String)>,
    /// By what it is known that this was looked at.
    pub previewed: String,
    /// The button's words.
    pub button: String,
    /// Where to go when it is not done; none: to the form, with what was filled in.
    pub back: Option<String>,
}

/// What has to be typed where access is taken away.
#[derive(Clone, Debug)]
pub struct TypedId {
    /// `price id`, `product id`
    pub what: &'static str,
    /// The id.
    pub id: String,
}

impl Preview {
    pub(in crate::pages) fn title(&self) -> String {
        format!("{} · {}", self.question, self.above.0)
    }

    pub(in crate::pages) fn body(&self, context: &Context) -> AnyView {
        let changes: Vec<_> = self.changes.iter().map(|change| view! { <li>{change.clone()}</li> }).collect();
        let what = view! {
            <div class="pad">
                <ul>{changes}</ul>
                <p class="muted">"Nothing is saved yet. Once it is, it works at once, also for those who already pay."</p>
            </div>
        };
        let impact = view! { <div class="pad stack tight">{self.impact.view()}</div> };
        view! {
            {crumbs(&[(self.above.0, self.above.1.clone())], "Preview")}
            {page_head(self.question.clone(), ())}
            {error_summary(context)}
            {card("What changes", (), what)}
            {card("What it does", (), impact)}
            {self.form(context)}
        }
        .into_any()
    }

    fn form(&self, context: &Context) -> AnyView {
        let fields = self.fields.iter().map(|(name, value)| {
            view! { <input type="hidden" name=name.clone() value=value.clone() /> }
        });
        let fields: Vec<_> = fields.collect();
        let typed = self.typed.as_ref().map(|typed| {
            let label = format!("Type the {} {} to take access away", typed.what, typed.id);
            field(context, "typed_id", label, "text", "", "", true)
        });
        let class = if self.impact.losing.count > 0 { "btn danger" } else { "btn primary" };
        let back = match &self.back {
            Some(href) => view! { <a class="btn" href=href.clone()>"Cancel"</a> }.into_any(),
            None => {
                view! { <button type="submit" class="btn" name="step" value="back" formnovalidate>"Go back"</button> }
                    .into_any()
            }
        };
        view! {
            <form method="post" action=self.action.clone() class="form card pad">
                {csrf(context)}
                {fields}
                {hidden("previewed", self.previewed.clone())}
                {typed}
                {reason_field(context, false)}
                <div class="actions">{submit(context, &self.button, class, Role::Admin)} {back}</div>
            </form>
        }
        .into_any()
    }
}
