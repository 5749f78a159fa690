//! Forms: plain posts with a token, errors beside their fields.

use domain::role::Role;
use leptos::prelude::*;

use crate::context::Context;

/// The token every form sends back.
pub fn csrf(context: &Context) -> AnyView {
    hidden("csrf", context.csrf.clone())
}

/// A hidden field.
pub fn hidden(name: &'static str, value: String) -> AnyView {
    view! { <input type="hidden" name=name value=value /> }.into_any()
}

/// A labelled input; keeps what was typed and says what is wrong with it. `kind` is the input's type.
pub fn field(
    context: &Context,
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    value: &str,
    hint: &'static str,
    required: bool,
) -> AnyView {
    let value = if kind == "password" { String::new() } else { context.typed(name).unwrap_or(value).to_owned() };
    let error = context.error(name).map(str::to_owned);
    let described =
        error.is_some().then(|| format!("{name}-error")).or_else(|| (!hint.is_empty()).then(|| format!("{name}-hint")));
    let autocomplete = match (name, kind) {
        ("email", _) => "username",
        ("password", _) => "current-password",
        _ => "off",
    };
    view! {
        <div class="field">
            <label for=name>{label}</label>
            {(!hint.is_empty()).then(|| view! { <p class="hint" id=format!("{name}-hint")>{hint}</p> })}
            <input id=name name=name type=kind value=value required=required autocomplete=autocomplete
                aria-describedby=described aria-invalid=error.is_some().then_some("true") />
            {error.map(|error| view! { <p class="error" id=format!("{name}-error")>{error}</p> })}
        </div>
    }
    .into_any()
}

/// A labelled choice of `(value, words)`.
pub fn select_field(
    context: &Context,
    name: &'static str,
    label: &'static str,
    options: &[(String, String)],
    chosen: &str,
) -> AnyView {
    let chosen = context.typed(name).unwrap_or(chosen).to_owned();
    let error = context.error(name).map(str::to_owned);
    let options: Vec<_> = options
        .iter()
        .map(|(value, words)| {
            let selected = *value == chosen;
            view! { <option value=value.clone() selected=selected>{words.clone()}</option> }
        })
        .collect();
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <select id=name name=name>{options}</select>
            {error.map(|error| view! { <p class="error">{error}</p> })}
        </div>
    }
    .into_any()
}

/// Why a person changes something.
pub fn reason_field(context: &Context) -> AnyView {
    field(context, "reason", "Reason", "text", "", "It stands in the audit log.", true)
}

/// What is wrong with the form, on top of it.
pub fn error_summary(context: &Context) -> AnyView {
    if context.form.errors.is_empty() {
        return ().into_any();
    }
    let errors: Vec<_> = context
        .form
        .errors
        .iter()
        .map(|(field, message)| {
            let message = message.clone();
            if field.is_empty() {
                view! { <li>{message}</li> }.into_any()
            } else {
                view! { <li><a href=format!("#{field}")>{message}</a></li> }.into_any()
            }
        })
        .collect();
    view! {
        <div class="error-summary" role="alert" tabindex="-1">
            <h2>"This could not be saved"</h2>
            <ul>{errors}</ul>
        </div>
    }
    .into_any()
}

/// A button that posts at once; disabled with the reason where the role does not suffice.
pub fn action_button(context: &Context, action: String, label: &str, class: &'static str, role: Role) -> AnyView {
    let allowed = context.may(role);
    let label = label.to_owned();
    let path = context.path.clone();
    view! {
        <form method="post" action=action class="inline">
            {csrf(context)}
            {hidden("return_to", path)}
            <button type="submit" class=class disabled=!allowed>{label}</button>
            {(!allowed).then(|| view! { <span class="muted">" needs the role " {role.as_str()}</span> })}
        </form>
    }
    .into_any()
}
