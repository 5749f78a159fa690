//! Which Stripe customer is which user: the links, by what evidence, and where evidence contradicts.

use domain::Timestamp;
use domain::mapping::MappingSource;
use domain::role::Role;
use leptos::prelude::*;

use super::events::{customer_link, segment};
use crate::components::{
    address, asking_link, card, csrf, empty, error_summary, field, hidden, list_card, page_head, pager, reason_field,
    shortened, status_word, submit, time,
};
use crate::context::Context;

/// The mappings' page.
#[derive(Clone, Debug)]
pub struct View {
    /// Conflicts nobody has settled.
    pub conflicts: Vec<Conflict>,
    /// Newest first.
    pub rows: Vec<Row>,
    /// What was searched for.
    pub query: String,
    /// Whether any customer is mapped in this mode.
    pub ever: bool,
    /// Whether these are the rows behind others.
    pub paged: bool,
    /// Where the rows behind these begin.
    pub next: Option<String>,
}

/// A mapping.
#[derive(Clone, Debug)]
pub struct Row {
    /// `cus_…`
    pub customer_id: String,
    /// Name or e-mail address in Stripe.
    pub name: Option<String>,
    /// The user.
    pub user_id: String,
    /// By what.
    pub source: MappingSource,
    /// The event or the person.
    pub evidence: String,
    /// Since when.
    pub since: Timestamp,
}

/// A claim that contradicts a mapping.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// `cfl_…`
    pub conflict_id: String,
    /// `cus_…`
    pub customer_id: String,
    /// The user it is mapped to.
    pub mapped_user_id: String,
    /// The user the claim names.
    pub claimed_user_id: String,
    /// Where the claim stands.
    pub source: MappingSource,
    /// The event.
    pub evidence: String,
    /// Since when.
    pub since: Timestamp,
}

/// What stands behind a mapping: an event's page, or words.
fn evidence(text: &str) -> AnyView {
    let words = text.to_owned();
    if text.starts_with("evt_") {
        let short = shortened(&words);
        view! { <a class="mono" href=format!("/admin/events/{}", segment(text)) title=words>{short}</a> }.into_any()
    } else {
        view! { <span>{words}</span> }.into_any()
    }
}

impl View {
    pub(super) fn title(&self) -> String {
        match self.conflicts.len() {
            0 => "Mappings".into(),
            1 => "1 conflict · Mappings".into(),
            count => format!("{count} conflicts · Mappings"),
        }
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let conflicts: Vec<_> = self.conflicts.iter().map(|conflict| conflict.view(context)).collect();
        let search = view! {
            <form class="filters" action="/admin/mappings">
                <div class="field grow">
                    <label for="search">"User or customer id begins with"</label>
                    <input id="search" name="q" type="search" value=self.query.clone() autocomplete="off" />
                </div>
                <button type="submit" class="btn">"Search"</button>
                {(!self.query.is_empty()).then(|| view! { <a class="btn link" href="/admin/mappings">"Clear search"</a> })}
            </form>
        };
        let rows = if !self.rows.is_empty() {
            let rows = self.rows.iter().map(|row| row.view(context)).collect();
            view! {
                {list_card("Mappings", &["Stripe customer", "User", "By", "Evidence", "Since", "Change"], rows)}
                {pager(self.paged.then(|| self.href("")), self.next.as_deref().map(|after| self.href(after)))}
            }
            .into_any()
        } else if self.ever {
            empty("No mapping matches", view! { <p><a class="btn" href="/admin/mappings">"Clear search"</a></p> })
        } else {
            let body = view! {
                <p>"A customer is linked when a Checkout Session with client_reference_id completes, or by the API, or here."</p>
                <p><a href="/admin/unattributed">"Payments of nobody"</a></p>
            };
            empty("No Stripe customer is linked to a user yet", body)
        };
        view! {
            {page_head("Mappings", ())}
            {error_summary(context)}
            {conflicts}
            {search}
            {rows}
            {link_form(context)}
        }
        .into_any()
    }

    fn href(&self, after: &str) -> String {
        address("/admin/mappings", &[("q", &self.query), ("after", after)])
    }
}

/// Links any customer by hand.
fn link_form(context: &Context) -> AnyView {
    let form = view! {
        <form method="post" action="/admin/mappings" class="form pad">
            {csrf(context)}
            {hidden("return_to", context.path.clone())}
            {field(context, "customer_id", "Stripe customer", "text", "", "It starts with cus_.", true)}
            {field(context, "user_id", "User", "text", "", "The user's id in your application.", true)}
            {reason_field(context, false)}
            <p class="muted">"A customer who is linked already moves to this user; that needs the role admin."</p>
            <div class="actions">{submit(context, "Link customer", "btn primary", Role::Support)}</div>
        </form>
    };
    card("Link a customer by hand", (), form)
}

impl Row {
    fn view(&self, context: &Context) -> AnyView {
        let customer = format!("/admin/customers/{}", segment(&self.customer_id));
        let id = self.customer_id.clone();
        let words = match &self.name {
            Some(name) => view! { <a href=customer>{name.clone()}</a><small class="mono">{id}</small> }.into_any(),
            None => view! { <a class="mono" href=customer>{id}</a> }.into_any(),
        };
        let unlink = format!("/admin/mappings/{}/delete", segment(&self.customer_id));
        let unlink = asking_link(context, &unlink, "Unlink", &self.customer_id, Role::Admin);
        view! {
            <tr>
                <th scope="row">{words}</th>
                <td>{customer_link(None, Some(&self.user_id))}</td>
                <td class="nowrap">{status_word(self.source.as_str())}</td>
                <td>{evidence(&self.evidence)}</td>
                <td class="nowrap">{time(self.since, context.now)}</td>
                <td>{unlink}</td>
            </tr>
        }
        .into_any()
    }
}

impl Conflict {
    fn view(&self, context: &Context) -> AnyView {
        let choice = |resolution: &str, words: String| {
            let path = format!("/admin/conflicts/{}", segment(&self.conflict_id));
            let href = address(&path, &[("resolution", resolution), ("return_to", &context.path)]);
            view! { <a class="btn" href=href>{words}</a> }
        };
        let body = view! {
            <div class="pad stack tight">
                <p>
                    {customer_link(Some(&self.customer_id), None)}" is linked to "{customer_link(None, Some(&self.mapped_user_id))}"; "
                    {status_word(self.source.as_str())}" of "{evidence(&self.evidence)}" says "
                    {customer_link(None, Some(&self.claimed_user_id))}", "{time(self.since, context.now)}"."
                </p>
                <p class="muted">"Whoever it belongs to has what this customer pays for; the other one has it no longer."</p>
                {match context.may(Role::Admin) {
                    true => view! {
                        <div class="row">
                            {choice("keep", format!("Keep {}", self.mapped_user_id))}
                            {choice("move", format!("Move to {}", self.claimed_user_id))}
                        </div>
                    }.into_any(),
                    false => view! { <p class="muted">"Settling it needs the role admin."</p> }.into_any(),
                }}
            </div>
        };
        card(format!("Conflict: whose is {}?", self.customer_id), (), body)
    }
}
