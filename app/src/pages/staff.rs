//! Who may sign in, and as what.

use domain::Timestamp;
use domain::role::Role;
use leptos::prelude::*;

use crate::components::{
    Tone, card, chip, csrf, error_summary, field, hidden, page_head, select_field, submit, table, time_or,
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
}

impl View {
    pub(super) fn title(&self) -> String {
        "Staff".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let rows = self.people.iter().map(|person| person_row(context, person)).collect();
        let form = view! {
            <form method="post" action="/admin/staff" class="form pad">
                {csrf(context)}
                {field(context, "email", "E-mail address", "email", "", "", true)}
                {field(context, "name", "Name", "text", "", "May stay empty.", false)}
                {select_field(context, "role", "Role", &role_options(), Role::Viewer.as_str())}
                {password(context)}
                <div class="actions">{submit(context, "Add", "btn primary", Role::Owner)}</div>
            </form>
        };
        view! {
            {page_head("Staff", ())}
            {error_summary(context)}
            {card("Everybody", (), table("Staff", &["Name", "E-mail address", "State", "Last sign-in", "Role", "Access"], rows))}
            {card("Add somebody", (), form)}
        }
        .into_any()
    }
}

/// Not [`field`]: a browser must offer a new password here, not the one of who is signed in.
fn password(context: &Context) -> AnyView {
    let error = context.error("password").map(str::to_owned);
    let described = if error.is_some() { "password-error" } else { "password-hint" };
    view! {
        <div class="field">
            <label for="password">"First password"</label>
            <p class="hint" id="password-hint">"At least 8 characters. Tell it to them in person."</p>
            <input id="password" name="password" type="password" required=true autocomplete="new-password"
                aria-describedby=described aria-invalid=error.is_some().then_some("true") />
            {error.map(|error| view! { <p class="error" id="password-error">{error}</p> })}
        </div>
    }
    .into_any()
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
    let state = if disabled { chip(Tone::Neutral, "Disabled") } else { chip(Tone::Ok, "Active") };
    let (verb, class) = if disabled { ("Enable", "btn sm") } else { ("Disable", "btn sm danger") };
    let words = format!("{verb} {}", person.email);
    let label = format!("Role of {}", person.email);
    let saved = format!("Save the role of {}", person.email);
    view! {
        <tr>
            <th scope="row">{person.name.clone()}</th>
            <td>{person.email.clone()}</td>
            <td>{state}</td>
            <td>{time_or(person.last_seen_at, context.now, "never")}</td>
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
