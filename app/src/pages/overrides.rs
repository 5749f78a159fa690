//! Exceptions by hand.

use domain::Timestamp;
use domain::access::OverrideEffect;
use domain::role::Role;
use leptos::prelude::*;

use crate::components::{
    Pages, Tone, actor, address, asking_link, chip, empty, error_summary, filter_chips, hidden, page_head, table, time,
    until,
};
use crate::context::Context;

/// `/admin/overrides`
#[derive(Clone, Debug)]
pub struct View {
    /// Which are shown.
    pub list: List,
    /// The overrides.
    pub rows: Vec<Row>,
    /// Whether any was ever made in this mode.
    pub ever: bool,
    /// The pages around this one.
    pub pages: Pages,
}

/// Which overrides a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// All that count.
    Active,
    /// Those that end within 7 days.
    Ending,
    /// Those without an end.
    NoEnd,
    /// Those that whoever looks has made.
    Mine,
    /// Those that are over.
    Ended,
}

impl List {
    /// All lists.
    pub const ALL: [Self; 5] = [Self::Active, Self::Ending, Self::NoEnd, Self::Mine, Self::Ended];

    /// The word in the address; none for the list that is shown without one.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "",
            Self::Ending => "ending",
            Self::NoEnd => "no_end",
            Self::Mine => "mine",
            Self::Ended => "ended",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Active => "All that count",
            Self::Ending => "Ending within 7 days",
            Self::NoEnd => "No end",
            Self::Mine => "Mine",
            Self::Ended => "Ended",
        }
    }

    /// Where it is.
    #[must_use]
    pub fn href(self) -> String {
        address("/admin/overrides", &[("list", self.word())])
    }
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
    /// Where the case is written down.
    pub ticket_url: Option<String>,
    /// Whether the user would have access without it; none where it counts no longer.
    pub underneath: Option<bool>,
    /// Whether whoever looks has made it.
    pub is_own: bool,
}

impl View {
    pub(super) fn title(&self) -> String {
        "Overrides".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let chips = List::ALL.map(|list| (list.name().to_owned(), list.href(), list == self.list));
        let list = if !self.rows.is_empty() {
            view! { {self.table(context)}{self.pages.view(("override", "overrides"))} }.into_any()
        } else if self.ever {
            let clear = view! { <p><a class="btn" href="/admin/overrides">"All that count"</a></p> };
            empty(format!("No override here: {}", self.list.name().to_lowercase()), clear)
        } else {
            empty("No overrides", view! { <p>"Grant or deny a feature by hand on a customer's page."</p> })
        };
        view! { {page_head("Overrides", ())}{error_summary(context)}{filter_chips("Which overrides", chips.into())}{list} }.into_any()
    }

    /// Admins choose several and go on to what is to become of them.
    fn table(&self, context: &Context) -> AnyView {
        let chosen = context.may(Role::Admin) && self.list != List::Ended;
        let rows = self.rows.iter().map(|row| row.of_all(context, chosen)).collect();
        let columns = [
            ("Choose", 4),
            ("Customer", 10),
            ("Feature", 8),
            ("Reason", 10),
            ("By", 8),
            ("Until", 7),
            ("Underneath", 8),
            ("Change", 6),
        ];
        let columns = if chosen { &columns[..] } else { &columns[1..] };
        let table = view! { <div class="card">{table("Overrides", columns, rows)}</div> };
        if !chosen {
            return table.into_any();
        }
        view! {
            <form action="/admin/overrides/change" class="stack tight">
                {hidden("return_to", context.path.clone())}
                {table}
                <div class="row">
                    <button type="submit" class="btn" name="what" value="extend">"Extend those chosen"</button>
                    <button type="submit" class="btn danger" name="what" value="revoke">"Revoke those chosen"</button>
                </div>
            </form>
        }
        .into_any()
    }
}

/// The table of overrides, of one user or of all.
pub(super) fn rows_table(rows: &[Row], context: &Context, with_user: bool) -> AnyView {
    let rows = rows.iter().map(|row| row.view(context, with_user)).collect();
    let columns: &[(&'static str, u8)] =
        &[("Feature", 10), ("Effect", 6), ("Reason", 14), ("By", 11), ("Since", 7), ("Until", 7), ("Change", 6)];
    table("Overrides", columns, rows)
}

impl Row {
    fn is_over(&self, now: Timestamp) -> bool {
        self.revoked_at.is_some() || self.expires_at.is_some_and(|end| end <= now)
    }

    fn effect(&self) -> AnyView {
        match self.effect {
            OverrideEffect::Grant => chip(Tone::Violet, "Grant"),
            OverrideEffect::Deny => chip(Tone::Bad, "Deny"),
        }
    }

    fn reason(&self) -> AnyView {
        let ticket = self.ticket_url.clone().map(|url| view! { " "<a href=url rel="noreferrer">"Ticket"</a> });
        view! { {self.reason.clone()}{ticket} }.into_any()
    }

    /// What can be done with it: support staff change their own grants, admins any.
    fn change(&self, context: &Context) -> AnyView {
        if self.revoked_at.is_some() {
            return chip(Tone::Neutral, "Revoked");
        }
        if self.is_over(context.now) {
            return chip(Tone::Neutral, "Ended");
        }
        let role = if self.is_own && self.effect == OverrideEffect::Grant { Role::Support } else { Role::Admin };
        if !context.may(role) {
            return view! { <span class="muted nowrap">"needs " {role.as_str()}</span> }.into_any();
        }
        let object = format!("{} for {}", self.feature, self.user_id);
        let extend = self.expires_at.map(|_| {
            let query = [("what", "extend"), ("id", self.id.as_str()), ("return_to", context.path.as_str())];
            let href = address("/admin/overrides/change", &query);
            view! { <a class="btn sm" href=href>"Extend"<span class="vh">" " {object.clone()}</span></a> }
        });
        let revoke = format!("/admin/overrides/{}/revoke", self.id);
        view! { <div class="row">{extend}{asking_link(context, &revoke, "Revoke", &object, role)}</div> }.into_any()
    }

    /// In the list of all.
    fn of_all(&self, context: &Context, chosen: bool) -> AnyView {
        let object = format!("Choose {} for {}", self.feature, self.user_id);
        let choose = chosen
            .then(|| view! { <td><input type="checkbox" name="id" value=self.id.clone() aria-label=object /></td> });
        let underneath = match (self.underneath, self.effect) {
            (None, _) => view! { <span class="muted">"–"</span> }.into_any(),
            (Some(true), _) => chip(Tone::Ok, "Has access"),
            (Some(false), OverrideEffect::Grant) => chip(Tone::Bad, "No access"),
            (Some(false), OverrideEffect::Deny) => chip(Tone::Neutral, "No access"),
        };
        view! {
            <tr>
                {choose}
                <th scope="row"><a href=self.href.clone()>{self.user_id.clone()}</a></th>
                <td><span class="mono">{self.feature.clone()}</span> " " {self.effect()}</td>
                <td class="wide">{self.reason()}</td>
                <td>{actor(&self.created_by)}</td>
                <td class="nowrap">{until(self.expires_at, context.now)}</td>
                <td>{underneath}</td>
                <td>{self.change(context)}</td>
            </tr>
        }
        .into_any()
    }

    /// Among those of one user.
    fn view(&self, context: &Context, with_user: bool) -> AnyView {
        view! {
            <tr>
                <th scope="row" class="nowrap">
                    <span class="mono">{self.feature.clone()}</span>
                    {with_user.then(|| view! { <small>"for " <a href=self.href.clone()>{self.user_id.clone()}</a></small> })}
                </th>
                <td>{self.effect()}</td>
                <td class="wide">{self.reason()}</td>
                <td>{actor(&self.created_by)}</td>
                <td>{time(self.created_at, context.now)}</td>
                <td>{until(self.expires_at, context.now)}</td>
                <td>{self.change(context)}</td>
            </tr>
        }
        .into_any()
    }
}
