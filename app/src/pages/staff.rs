//! Who may sign in, and as what.

use domain::Timestamp;
use domain::role::Role;
use leptos::prelude::*;

use super::once::Secret;
use crate::components::{
    Tone, card, chip, crumbs, csrf, date_and_time, error_summary, field, hidden, id, page_head, select_field, submit,
    table, time, time_or,
};
use crate::context::Context;

/// `/admin/staff`
#[derive(Clone, Debug)]
pub struct View {
    /// Everybody.
    pub people: Vec<Person>,
}

/// A member of staff.
#[derive(Clone, Debug)]
pub struct Person {
    /// `stf_…`
    pub id: String,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Role.
    pub role: Role,
    /// Last sign-in.
    pub last_seen_at: Option<Timestamp>,
    /// Disabled since.
    pub disabled_at: Option<Timestamp>,
    /// Has not chosen a password yet.
    pub is_invited: bool,
    /// Until when the link they were given can be used.
    pub link_until: Option<Timestamp>,
    /// Sessions that go on.
    pub sessions: usize,
    /// Gives a second factor at sign-in.
    pub has_second_factor: bool,
    /// The one who looks.
    pub is_self: bool,
}

/// What the forms of `/admin/staff` answer with when they make a link, once.
#[derive(Clone, Debug)]
pub struct Link {
    /// Whose.
    pub email: String,
    /// Their role.
    pub role: Role,
    /// To come in the first time, or to choose another password.
    pub is_invite: bool,
    /// Until when it can be used.
    pub expires_at: Timestamp,
    /// The link.
    pub address: Secret,
}

impl Link {
    pub(super) fn title(&self) -> String {
        format!("Link for {} · Staff", self.email)
    }

    pub(super) fn body(&self, _context: &Context) -> AnyView {
        let Secret(address) = &self.address;
        let what = if self.is_invite {
            format!(
                "Whoever opens it chooses a password and is signed in as {}, with the role {}.",
                self.email, self.role
            )
        } else {
            format!(
                "Whoever opens it chooses another password for {}, and every session of that account ends.",
                self.email
            )
        };
        let body = view! {
            <div class="pad stack tight">
                <p>{id(address, "link")}</p>
                <p>{what}" Hand it over in a way that nobody else reads."</p>
                <p>"It works once, until "{date_and_time(self.expires_at)}". It is shown this once; you can make another at any time, and then this one "
                    "stops working."</p>
                <div class="actions"><a class="btn primary" href="/admin/staff">"Back to the staff"</a></div>
            </div>
        };
        view! {
            {crumbs(&[("Staff", "/admin/staff".to_owned())], "Link")}
            {page_head(format!("Link for {}", self.email), ())}
            {card(if self.is_invite { "Invitation" } else { "Another password" }, (), body)}
        }
        .into_any()
    }
}

impl View {
    pub(super) fn title(&self) -> String {
        "Staff".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let rows = self.people.iter().map(|person| person_row(context, person)).collect();
        let form = view! {
            <form method="post" action="/admin/staff" class="form pad">
                <p class="muted">"You get a link to hand over as you like; no mail is sent. It works once, for 72 hours."</p>
                {csrf(context)}
                {field(context, "email", "E-mail address", "email", "", "", true)}
                {field(context, "name", "Name", "text", "", "May stay empty.", false)}
                {select_field(context, "role", "Role", &role_options(), Role::Viewer.as_str())}
                <div class="actions">{submit(context, "Make the invitation link", "btn primary", Role::Owner)}</div>
            </form>
        };
        view! {
            {page_head("Staff", ())}
            {error_summary(context)}
            {card("Everybody", (), table("Staff", &[("Name", 10), ("E-mail address", 14), ("State", 7), ("Last sign-in", 9), ("Role", 12), ("Access", 13)], rows))}
            {card("Invite somebody", (), form)}
        }
        .into_any()
    }
}

fn role_options() -> Vec<(String, String)> {
    Role::ALL
        .into_iter()
        .map(|role| {
            let words = match role {
                Role::Viewer => "viewer: reads",
                Role::Support => "support: resyncs, links, grants for a while",
                Role::Admin => "admin: catalog, mappings, keys",
                Role::Owner => "owner: staff as well",
            };
            (role.as_str().to_owned(), words.to_owned())
        })
        .collect()
}

fn person_row(context: &Context, person: &Person) -> AnyView {
    let action = format!("/admin/staff/{}", person.id);
    let may = context.may(Role::Owner);
    let select_id = format!("role-{}", person.id);
    let options: Vec<_> = Role::ALL
        .into_iter()
        .map(|role| view! { <option value=role.as_str() selected={role == person.role}>{role.as_str()}</option> })
        .collect();
    let disabled = person.disabled_at.is_some();
    let state = match (disabled, person.is_invited, person.link_until) {
        (true, ..) => chip(Tone::Neutral, "Disabled"),
        (false, true, Some(until)) => {
            view! { {chip(Tone::Info, "Invited")} " " <small>"until "{time(until, context.now)}</small> }.into_any()
        }
        (false, true, None) => chip(Tone::Warn, "Invitation expired"),
        (false, false, Some(_)) => view! { {chip(Tone::Ok, "Active")} " " {chip(Tone::Info, "Has a link")} }.into_any(),
        (false, false, None) => chip(Tone::Ok, "Active"),
    };
    let second = person.has_second_factor.then(|| view! { " " {chip(Tone::Ok, "2FA")} });
    let reset_second = (person.has_second_factor && !person.is_self).then(|| {
        let label = format!("Reset 2FA of {}", person.email);
        view! {
            <form method="post" action=format!("{action}/2fa") class="inline">
                {csrf(context)}
                <button type="submit" class="btn sm danger" disabled=!may aria-label=label>"Reset 2FA"</button>
            </form>
        }
    });
    let sessions = match person.sessions {
        0 => "none".to_owned(),
        1 => "1 session".to_owned(),
        more => format!("{more} sessions"),
    };
    let (link_words, link_label) = if person.is_invited {
        ("New invitation", format!("New invitation for {}", person.email))
    } else {
        ("Reset password", format!("Reset password of {}", person.email))
    };
    let (verb, class) = if disabled { ("Enable", "btn sm") } else { ("Disable", "btn sm danger") };
    let words = format!("{verb} {}", person.email);
    let label = format!("Role of {}", person.email);
    let saved = format!("Save the role of {}", person.email);
    view! {
        <tr>
            <th scope="row">{person.name.clone()}</th>
            <td>{person.email.clone()}</td>
            <td>{state}{second}</td>
            <td>{time_or(person.last_seen_at, context.now, "never")} " " <small class="muted">{sessions}</small></td>
            <td>
                <form method="post" action=action.clone() class="inline">
                    {csrf(context)}
                    <label class="vh" for=select_id.clone()>{label}</label>
                    <select id=select_id name="role" disabled=!may>{options}</select>
                    <button type="submit" class="btn sm" disabled=!may aria-label=saved>"Save"</button>
                </form>
                {(!may).then(|| view! { <span class="muted">"needs the role owner"</span> })}
            </td>
            <td>
                <form method="post" action=format!("{action}/link") class="inline">
                    {csrf(context)}
                    <button type="submit" class="btn sm" disabled={!may || disabled} aria-label=link_label>{link_words}</button>
                </form>
                {reset_second}
                <form method="post" action=action class="inline">
                    {csrf(context)}
                    {hidden("disabled", (!disabled).to_string())}
                    <button type="submit" class=class disabled=!may aria-label=words>{verb}</button>
                </form>
            </td>
        </tr>
    }
    .into_any()
}
