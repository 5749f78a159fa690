//! Forms: plain posts with a token, errors beside their fields.

use domain::catalog::{Feature, FeatureGrant, FeatureType};
use domain::role::Role;
use leptos::prelude::*;

use super::layout::address;
use crate::context::Context;

/// What every form sends back: the token, the mode of the page it stands on, since the mode that is shown may have been switched in
/// another tab since, and when the page was made, since somebody else may have changed what it shows.
pub fn csrf(context: &Context) -> AnyView {
    view! {
        {hidden("csrf", context.csrf.clone())}
        {hidden("livemode", context.livemode.as_str().to_owned())}
        {hidden("seen", context.now.millis().to_string())}
    }
    .into_any()
}

/// What `data-guarded` of a longer form says, so that a script asks before it is left with something typed in it: nothing, or that all of
/// it was typed, and saved nowhere.
pub fn guarded(context: &Context) -> &'static str {
    if context.form.values.is_empty() { "" } else { "typed" }
}

/// A hidden field.
pub fn hidden(name: &'static str, value: String) -> AnyView {
    view! { <input type="hidden" name=name value=value /> }.into_any()
}

/// The ids of what describes a field, its error first.
fn described(name: &str, error: bool, hint: bool) -> Option<String> {
    let ids = [(error, "error"), (hint, "hint")].into_iter().filter(|(there, _)| *there);
    let ids: Vec<String> = ids.map(|(_, what)| format!("{name}-{what}")).collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// A labelled input; keeps what was typed and says what is wrong with it. `kind` is the input's type.
pub fn field(
    context: &Context,
    name: &'static str,
    label: impl Into<String>,
    kind: &'static str,
    value: &str,
    hint: &'static str,
    required: bool,
) -> AnyView {
    let label = label.into();
    let value = if kind == "password" { String::new() } else { context.typed(name).unwrap_or(value).to_owned() };
    let error = context.error(name).map(str::to_owned);
    let described = described(name, error.is_some(), !hint.is_empty());
    let autocomplete = match (name, kind) {
        ("email", _) => "username",
        (_, "password") => "current-password",
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

/// A field for a code of an authenticator, or in its place a recovery code. What was typed is worth nothing any more, and not shown again.
pub fn code_field(context: &Context, name: &'static str, label: &'static str, hint: &'static str) -> AnyView {
    let error = context.error(name).map(str::to_owned);
    let described = described(name, error.is_some(), !hint.is_empty());
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <p class="hint" id=format!("{name}-hint")>{hint}</p>
            <input id=name name=name type="text" required=true autocomplete="one-time-code" autocapitalize="off" spellcheck="false"
                inputmode={if name == "code" { "numeric" } else { "text" }} aria-describedby=described
                aria-invalid=error.is_some().then_some("true") />
            {error.map(|error| view! { <p class="error" id=format!("{name}-error")>{error}</p> })}
        </div>
    }
    .into_any()
}

/// The end of something as a date and time in the zone of the person, which the form says with it.
pub fn end_field(context: &Context) -> AnyView {
    let zone = context.typed("zone").unwrap_or_else(|| context.preferences.zone.name()).to_owned();
    let label = format!("Date and time in {}", zone.replace('_', " "));
    view! {
        {hidden("zone", zone)}
        {field(context, "until_at", label, "datetime-local", "", "Only with \"A date and time\".", false)}
        <p class="hint means" role="status" data-means=""></p>
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
            <select id=name name=name aria-describedby=described(name, error.is_some(), false)
                aria-invalid=error.is_some().then_some("true")>{options}</select>
            {error.map(|error| view! { <p class="error" id=format!("{name}-error")>{error}</p> })}
        </div>
    }
    .into_any()
}

/// A labelled text of several lines.
pub fn text_area(
    context: &Context,
    name: &'static str,
    label: &'static str,
    value: &str,
    hint: &'static str,
) -> AnyView {
    // What stands in this element is written as it is: it must not end it, and the first line break belongs to the element.
    let value = context.typed(name).unwrap_or(value).replace('&', "&amp;").replace('<', "&lt;");
    let value = format!("\n{value}");
    let error = context.error(name).map(str::to_owned);
    let described = described(name, error.is_some(), true);
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <p class="hint" id=format!("{name}-hint")>{hint}</p>
            <textarea id=name name=name rows="3" spellcheck="false" autocomplete="off"
                aria-describedby=described aria-invalid=error.is_some().then_some("true")>{value}</textarea>
            {error.map(|error| view! { <p class="error" id=format!("{name}-error")>{error}</p> })}
        </div>
    }
    .into_any()
}

/// One of several, with a note on what it means.
#[derive(Clone, Debug)]
pub struct Radio {
    /// What the form says.
    pub value: &'static str,
    /// In few words.
    pub words: &'static str,
    /// What it means here.
    pub note: String,
}

impl Radio {
    /// One of several.
    #[must_use]
    pub const fn new(value: &'static str, words: &'static str, note: String) -> Self {
        Self { value, words, note }
    }
}

/// One of several, all of them in view.
pub fn radio_group(
    context: &Context,
    name: &'static str,
    label: &'static str,
    choices: Vec<Radio>,
    chosen: &str,
) -> AnyView {
    let chosen = context.typed(name).unwrap_or(chosen).to_owned();
    let error = context.error(name).map(str::to_owned);
    let choices: Vec<_> = choices
        .into_iter()
        .map(|choice| {
            let id = format!("{name}-{}", choice.value);
            let note = view! { <span class="muted">" · " {choice.note}</span> };
            view! {
                <div class="field check">
                    <input id=id.clone() type="radio" name=name value=choice.value checked=choice.value == chosen />
                    <label for=id>{choice.words} {note}</label>
                </div>
            }
        })
        .collect();
    let described = described(name, error.is_some(), false);
    view! {
        <fieldset class="field" id=name tabindex="-1" aria-describedby=described>
            <legend>{label}</legend>
            {error.map(|error| view! { <p class="error" id=format!("{name}-error")>{error}</p> })}
            {choices}
        </fieldset>
    }
    .into_any()
}

/// Why a person changes something, with what was said lately to choose from.
pub fn reason_field_with(context: &Context, suggestions: &[String]) -> AnyView {
    let value = context.typed("reason").unwrap_or_default().to_owned();
    let error = context.error("reason").map(str::to_owned);
    let (described, invalid) = (described("reason", error.is_some(), true), error.is_some().then_some("true"));
    let options: Vec<_> = suggestions.iter().map(|reason| view! { <option value=reason.clone()></option> }).collect();
    view! {
        <div class="field">
            <label for="reason">"Reason"</label>
            <p class="hint" id="reason-hint">"At least 5 characters. It is kept in the audit log."</p>
            <input id="reason" name="reason" type="text" value=value required=true minlength="5" autocomplete="off" list="reasons"
                aria-describedby=described aria-invalid=invalid />
            <datalist id="reasons">{options}</datalist>
            {error.map(|error| view! { <p class="error" id="reason-error">{error}</p> })}
        </div>
    }
    .into_any()
}

/// Why a person changes something.
pub fn reason_field(context: &Context, required: bool) -> AnyView {
    let hint = if required {
        "At least 5 characters. It is kept in the audit log."
    } else {
        "May stay empty. It is kept in the audit log."
    };
    field(context, "reason", "Reason", "text", "", hint, required)
}

/// A feature to tick, with the number it gives where it has one. `note` says how things are now.
pub fn feature_choice(context: &Context, feature: &Feature, given: Option<Option<i64>>, note: &str) -> AnyView {
    let key = feature.key.clone();
    let refused = !context.form.values.is_empty();
    let ticked = context.form.values.iter().any(|(name, value)| name == "feature" && *value == key);
    let checked = if refused { ticked } else { given.is_some() };
    let words = match &feature.name {
        Some(name) => format!("{name} ({key})"),
        None => key.clone(),
    };
    let note = (!note.is_empty()).then(|| view! { <span class="muted">" · " {note.to_owned()}</span> });
    let value = (feature.kind != FeatureType::Switch).then(|| {
        let stored = given.flatten().map(|value| value.to_string()).unwrap_or_default();
        let empty =
            if feature.kind == FeatureType::Limit { "empty: as many as were bought" } else { "empty: no bound" };
        nested_field(context, &format!("value_{key}"), format!("How many {key}; {empty}"), "number", stored)
    });
    let box_id = format!("feature_{key}");
    view! {
        <div class="field check">
            <input id=box_id.clone() type="checkbox" name="feature" value=key checked=checked />
            <label for=box_id>{words} {note}</label>
        </div>
        {value}
    }
    .into_any()
}

/// A field below the box of its feature, whose name holds the feature's key. `kind` is the input's type.
fn nested_field(context: &Context, name: &str, label: String, kind: &'static str, stored: String) -> AnyView {
    let name = name.to_owned();
    let shown = context.typed(&name).map_or(stored, str::to_owned);
    let error = context.error(&name).map(str::to_owned);
    let (min, step) = if kind == "number" { (Some("0"), Some("1")) } else { (None, None) };
    view! {
        <div class="field nested">
            <label for=name.clone()>{label}</label>
            <input id=name.clone() name=name.clone() type=kind min=min step=step value=shown autocomplete="off"
                aria-describedby=described(&name, error.is_some(), false) aria-invalid=error.is_some().then_some("true") />
            {error.map(|error| view! { <p class="error" id=format!("{name}-error")>{error}</p> })}
        </div>
    }
    .into_any()
}

/// For how long a one-time purchase gives the feature of a [`feature_choice`], and how many credits.
pub fn purchase_fields(context: &Context, feature: &Feature, given: Option<&FeatureGrant>) -> AnyView {
    let key = &feature.key;
    let duration = given.and_then(|grant| grant.duration).map(|term| term.to_string()).unwrap_or_default();
    let credits = given.and_then(|grant| grant.credits).map(|credits| credits.to_string()).unwrap_or_default();
    let (lasts, adds) = (format!("duration_{key}"), format!("credits_{key}"));
    // Credits of what is only on or off are possible and rarely meant.
    let is_refused = context.error(&adds).is_some();
    let has_credits = feature.kind != FeatureType::Switch || !credits.is_empty() || is_refused;
    let credits = has_credits.then(|| {
        nested_field(
            context,
            &adds,
            format!("Credits of {key} that each purchase adds; empty: none"),
            "number",
            credits,
        )
    });
    view! {
        {nested_field(context, &lasts, format!("Bought once, {key} lasts, such as 30d; empty: for ever"), "text", duration)}
        {credits}
    }
    .into_any()
}

/// A group of [`feature_choice`]s, which an error of `feature` leads to.
pub fn feature_group(context: &Context, hint: &'static str, choices: Vec<AnyView>) -> AnyView {
    let error = context.error("feature").map(str::to_owned);
    let described = described("feature", error.is_some(), true);
    view! {
        <fieldset class="field" id="feature" tabindex="-1" aria-describedby=described>
            <legend>"Features"</legend>
            <p class="hint" id="feature-hint">{hint}</p>
            {error.map(|error| view! { <p class="error" id="feature-error">{error}</p> })}
            {choices}
        </fieldset>
    }
    .into_any()
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
        <div class="error-summary" role="alert" tabindex="-1" autofocus=true>
            <h2>"There is a problem"</h2>
            <ul>{errors}</ul>
        </div>
    }
    .into_any()
}

/// A form's button, disabled with the reason where the role does not suffice.
pub fn submit(context: &Context, words: &str, class: &'static str, role: Role) -> AnyView {
    let allowed = context.may(role);
    let words = words.to_owned();
    view! {
        <button type="submit" class=class disabled=!allowed>{words}</button>
        {(!allowed).then(|| view! { <span class="muted">"needs the role " {role.as_str()}</span> })}
    }
    .into_any()
}

/// A link to the page that asks before something is done; `object` says to screen readers to what.
pub fn asking_link(context: &Context, href: &str, words: &'static str, object: &str, role: Role) -> AnyView {
    if !context.may(role) {
        return view! { <span class="muted nowrap">"needs " {role.as_str()}</span> }.into_any();
    }
    let href = address(href, &[("return_to", &context.path)]);
    let object = object.to_owned();
    view! { <a class="btn sm danger" href=href>{words}<span class="vh">" " {object}</span></a> }.into_any()
}

/// A button that posts at once; disabled with the reason where the role does not suffice.
pub fn action_button(context: &Context, action: String, label: &str, class: &'static str, role: Role) -> AnyView {
    view! {
        <form method="post" action=action class="inline">
            {csrf(context)}
            {hidden("return_to", context.path.clone())}
            {submit(context, label, class, role)}
        </form>
    }
    .into_any()
}

/// A field for a new password. Not [`field`]: a browser must offer a new one here, not the one of who is signed in.
pub fn new_password(context: &Context, label: &'static str) -> AnyView {
    let error = context.error("password").map(str::to_owned);
    let described = if error.is_some() { "password-error" } else { "password-hint" };
    view! {
        <div class="field">
            <label for="password">{label}</label>
            <p class="hint" id="password-hint">"At least 8 characters; 15 or more are better. Any characters."</p>
            <input id="password" name="password" type="password" required=true autocomplete="new-password"
                aria-describedby=described aria-invalid=error.is_some().then_some("true") />
            {error.map(|error| view! { <p class="error" id="password-error">{error}</p> })}
        </div>
    }
    .into_any()
}
