//! Which Stripe customer is which user: the links, by what evidence, and where evidence contradicts.

use domain::Timestamp;
use domain::mapping::MappingSource;
use domain::role::Role;
use leptos::prelude::*;

use super::events::{customer_link, segment};
use super::unattributed::Guess;
use crate::components::{
    Choice, Pages, Tone, active_filters, address, asking_link, card, chip, choices, counted, crumbs, empty,
    error_summary, hidden, id, list_card, page_head, shortened, status_word, table, time,
};
use crate::context::Context;

/// What conflicts are counted as.
const CONFLICTS: (&str, &str) = ("conflict", "conflicts");
/// Where all of them are.
const CONFLICTS_HREF: &str = "/admin/mappings?list=conflicts";

/// The mappings' page.
#[derive(Clone, Debug)]
pub struct View {
    /// Conflicts nobody has settled: those that have waited longest, or a page of all.
    pub conflicts: Vec<Conflict>,
    /// How many there are, counted to the cap.
    pub number: i64,
    /// Newest first; none where the list is one of conflicts.
    pub rows: Option<Vec<Row>>,
    /// What was searched for.
    pub query: String,
    /// Whether any customer is mapped in this mode.
    pub ever: bool,
    /// The pages around this one, of mappings or of conflicts.
    pub pages: Pages,
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
    /// Whether a claim contradicts it.
    pub in_conflict: bool,
}

/// `/admin/mappings/{cus}`
#[derive(Clone, Debug)]
pub struct One {
    /// `cus_…`
    pub customer_id: String,
    /// Name in Stripe.
    pub name: Option<String>,
    /// E-mail address in Stripe.
    pub email: Option<String>,
    /// What it pays for, in a sentence.
    pub told: String,
    /// Who it is.
    pub mapping: Option<Row>,
    /// Claims that contradict it.
    pub conflicts: Vec<Conflict>,
    /// Who it may be instead.
    pub guesses: Vec<Guess>,
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
        if self.number == 0 { "Mappings".into() } else { format!("{} · Mappings", counted(self.number, CONFLICTS)) }
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let conflicts: Vec<_> = self.conflicts.iter().map(|conflict| conflict.view(context)).collect();
        let Some(rows) = &self.rows else {
            let nobody = conflicts
                .is_empty()
                .then(|| empty("No conflict here", view! { <p><a href="/admin/mappings">"All mappings"</a></p> }));
            return view! {
                {page_head("Mappings", ())}
                {error_summary(context)}
                {self.choices()}
                {conflicts}
                {nobody}
                {self.pages.view(CONFLICTS)}
            }
            .into_any();
        };
        let more = (!conflicts.is_empty() && self.number > 1)
            .then(|| view! { <p><a href=CONFLICTS_HREF>{format!("All {}", counted(self.number, CONFLICTS))}</a></p> });
        view! {
            {page_head("Mappings", ())}
            {error_summary(context)}
            {self.choices()}
            {conflicts}
            {more}
            {self.search()}
            {self.list(rows, context)}
            {self.pages.view(("mapping", "mappings"))}
            {card("Link a customer by hand", (), link_form(None))}
        }
        .into_any()
    }

    /// All mappings, or the conflicts among them.
    fn choices(&self) -> AnyView {
        let all = Choice {
            words: "All mappings".into(),
            href: "/admin/mappings".into(),
            chosen: self.rows.is_some(),
            count: None,
        };
        let conflicts = Choice {
            words: "Conflicts".into(),
            href: CONFLICTS_HREF.into(),
            chosen: self.rows.is_none(),
            count: Some(self.number),
        };
        choices("Which mappings", vec![all, conflicts])
    }

    fn search(&self) -> AnyView {
        let searched =
            (!self.query.is_empty()).then(|| (format!("Begins with “{}”", self.query), "/admin/mappings".to_owned()));
        view! {
            <form class="filters" action="/admin/mappings">
                <div class="field grow">
                    <label for="search">"User id, cus_, e-mail or name"</label>
                    <input id="search" name="q" type="search" value=self.query.clone() autocomplete="off" />
                </div>
                <button type="submit" class="btn">"Find"</button>
            </form>
            {active_filters(searched.into_iter().collect(), "/admin/mappings")}
        }
        .into_any()
    }

    fn list(&self, rows: &[Row], context: &Context) -> AnyView {
        if !rows.is_empty() {
            let rows = rows.iter().map(|row| row.view(context)).collect();
            list_card(
                "Mappings",
                &[
                    ("Stripe customer", 13),
                    ("User", 11),
                    ("By", 8),
                    ("Evidence", 10),
                    ("Since", 7),
                    ("State", 6),
                    ("Change", 6),
                ],
                rows,
            )
        } else if self.ever && self.query.is_empty() {
            empty("Nothing further", view! { <p><a class="btn" href="/admin/mappings">"First page"</a></p> })
        } else if self.ever {
            let body = view! {
                <p>"No linked customer's id, name or e-mail address, and no linked user's id or e-mail address, begins with "<strong>{self.query.clone()}</strong>"."</p>
                <p><a class="btn" href="/admin/mappings">"Clear the search"</a></p>
            };
            empty("No mapping matches", body)
        } else {
            let body = view! {
                <p>"A customer is linked when a Checkout Session with client_reference_id completes, or by the API, or here."</p>
                <p><a href="/admin/unattributed">"Payments of nobody"</a></p>
            };
            empty("No Stripe customer is linked to a user yet", body)
        }
    }
}

/// Leads to the review of a link: nothing is linked before both sides have been seen.
fn link_form(customer_id: Option<&str>) -> AnyView {
    let customer = match customer_id {
        Some(id) => hidden("customer_id", id.to_owned()),
        None => view! {
            <div class="field">
                <label for="customer_id">"Stripe customer"</label>
                <p class="hint" id="customer_id-hint">"It starts with cus_."</p>
                <input id="customer_id" name="customer_id" type="text" required=true pattern="cus_.+" autocomplete="off"
                    aria-describedby="customer_id-hint" />
            </div>
        }
        .into_any(),
    };
    view! {
        <form action="/admin/mappings/link" class="form pad">
            {customer}
            <div class="field">
                <label for="user_id">"User"</label>
                <p class="hint" id="user_id-hint">"The user's id in your application."</p>
                <input id="user_id" name="user_id" type="text" required=true maxlength="255" autocomplete="off" aria-describedby="user_id-hint" />
            </div>
            <p class="muted">"The next page shows who would gain and lose what. Moving a customer who is linked already needs the role admin."</p>
            <div class="actions"><button type="submit" class="btn primary">"Review the link"</button></div>
        </form>
    }
    .into_any()
}

impl One {
    pub(super) fn title(&self) -> String {
        let user = self.mapping.as_ref().map_or("linked to nobody", |mapping| mapping.user_id.as_str());
        format!("{user} · {} · Mappings", self.customer_id)
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let called = self.name.as_ref().or(self.email.as_ref()).unwrap_or(&self.customer_id).clone();
        let conflicts: Vec<_> = self.conflicts.iter().map(|conflict| conflict.view(context)).collect();
        let linked = match &self.mapping {
            None => view! { <p class="pad">"No user is linked to this customer: nobody has what it pays for."</p> }
                .into_any(),
            Some(mapping) => {
                let unlink = format!("/admin/mappings/{}/delete", segment(&self.customer_id));
                view! {
                    <dl class="kv pad">
                        <dt>"User"</dt><dd>{customer_link(None, Some(&mapping.user_id))}</dd>
                        <dt>"By"</dt><dd>{status_word(mapping.source.as_str())}</dd>
                        <dt>"Evidence"</dt><dd>{evidence(&mapping.evidence)}</dd>
                        <dt>"Since"</dt><dd>{time(mapping.since, context.now)}</dd>
                        <dt>"Change"</dt><dd>{asking_link(context, &unlink, "Unlink", &self.customer_id, Role::Admin)}</dd>
                    </dl>
                }
                .into_any()
            }
        };
        let customer = format!("/admin/customers/{}", segment(&self.customer_id));
        view! {
            {crumbs(&[("Mappings", "/admin/mappings".into())], &called)}
            {page_head(format!("Who is {called}?"), ())}
            <dl class="kv">
                <dt>"Stripe customer"</dt><dd>{id(&self.customer_id, "customer id")}" "<a href=customer>"Its page"</a></dd>
                {self.email.clone().map(|email| view! { <dt>"E-mail"</dt><dd>{email}</dd> })}
                <dt>"Pays for"</dt><dd>{self.told.clone()}</dd>
            </dl>
            {conflicts}
            {card("Linked to", (), linked)}
            {self.suggestions()}
            {card(if self.mapping.is_some() { "Move to another user" } else { "Link to a user" }, (), link_form(Some(&self.customer_id)))}
        }
        .into_any()
    }

    fn suggestions(&self) -> AnyView {
        if self.guesses.is_empty() {
            return ().into_any();
        }
        let rows = self.guesses.iter().map(|guess| {
            let href = address("/admin/mappings/link", &[("customer_id", &self.customer_id), ("user_id", &guess.user_id)]);
            view! {
                <tr>
                    <th scope="row">{customer_link(None, Some(&guess.user_id))}</th>
                    <td class="wide">{guess.why.clone()}</td>
                    <td><a class="btn sm" href=href>"Review"<span class="vh">" linking to " {guess.user_id.clone()}</span></a></td>
                </tr>
            }
            .into_any()
        });
        let rows = table("Suggestions", &["User", "Why", "Review"], rows.collect());
        let words = "An e-mail address suggests a user and proves nothing: anybody can type one at checkout.";
        card("Suggestions", (), view! { <p class="pad muted">{words}</p>{rows} })
    }
}

impl Row {
    fn view(&self, context: &Context) -> AnyView {
        let customer = format!("/admin/mappings/{}", segment(&self.customer_id));
        let own = self.customer_id.clone();
        let words = match &self.name {
            Some(name) => view! { <a href=customer>{name.clone()}</a><small class="mono">{own}</small> }.into_any(),
            // A guest's Checkout Session is longer than any column.
            None => view! { <a class="mono" href=customer title=own.clone()>{shortened(&own)}</a> }.into_any(),
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
                <td>{if self.in_conflict { chip(Tone::Warn, "Conflict") } else { chip(Tone::Ok, "Linked") }}</td>
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
