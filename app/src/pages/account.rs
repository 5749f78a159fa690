//! Who is signed in: the account, how they want the pages, and the keys that lead somewhere.

use domain::preference::{Density, Theme, Times};
use domain::role::Role;
use leptos::prelude::*;

use crate::components::{card, csrf, date_and_time, error_summary, hidden, page_head, select_field, submit};
use crate::context::Context;
use crate::shell::KEYS;

/// `/admin/account`
#[derive(Clone, Debug)]
pub struct Account;

/// `/admin/account/preferences`
#[derive(Clone, Debug)]
pub struct Preferences {
    /// Zones to choose from, by region.
    pub zones: Vec<(&'static str, Vec<String>)>,
}

/// `/admin/account/shortcuts`
#[derive(Clone, Debug)]
pub struct Shortcuts;

pub(super) fn tabs(here: &str) -> AnyView {
    let tabs = [
        ("/admin/account", "Account"),
        ("/admin/account/security", "Security"),
        ("/admin/account/preferences", "Preferences"),
        ("/admin/account/shortcuts", "Shortcuts"),
    ];
    let tabs: Vec<_> = tabs
        .into_iter()
        .map(|(href, words)| view! { <a href=href aria-current=(href == here).then_some("page")>{words}</a> })
        .collect();
    view! { <nav class="tabs" aria-label="Your account">{tabs}</nav> }.into_any()
}

/// What each role may do, for who has it.
const fn may(role: Role) -> &'static str {
    match role {
        Role::Viewer => "You may read everything but raw payloads.",
        Role::Support => {
            "You may read everything, resync, process events again, link payments, and grant access for up to 30 days."
        }
        Role::Admin => "You may do everything but change the staff and Stripe's credentials.",
        Role::Owner => "You may do everything.",
    }
}

impl Account {
    #[expect(clippy::unused_self, reason = "as every page")]
    pub(super) fn title(&self) -> String {
        "Your account".into()
    }

    #[expect(clippy::unused_self, reason = "as every page")]
    pub(super) fn body(&self, context: &Context) -> AnyView {
        let Some(staff) = &context.staff else { return ().into_any() };
        let facts = view! {
            <dl class="kv pad">
                <dt>"Name"</dt><dd>{staff.name.clone()}</dd>
                <dt>"E-mail address"</dt><dd>{staff.email.clone()}</dd>
                <dt>"Role"</dt><dd>{staff.role.as_str()}": "{may(staff.role)}</dd>
            </dl>
            <footer><p class="muted">"An owner changes your role on the page Staff; you change your password under Security."</p></footer>
        };
        let end = view! {
            <form method="post" action="/admin/logout" class="pad">
                {csrf(context)}
                <p>"This browser's session ends 12 hours after you last used it, and 7 days after you signed in."</p>
                <div class="actions"><button type="submit" class="btn">"Sign out"</button></div>
            </form>
        };
        view! {
            {page_head("Your account", ())}
            {tabs("/admin/account")}
            {card("Who you are here", (), facts)}
            {card("This session", (), end)}
        }
        .into_any()
    }
}

impl Preferences {
    #[expect(clippy::unused_self, reason = "as every page")]
    pub(super) fn title(&self) -> String {
        "Preferences".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let chosen = &context.preferences;
        let pair = |value: &str, words: &str| (value.to_owned(), words.to_owned());
        let themes = [
            pair(Theme::System.as_str(), "As the system has it"),
            pair(Theme::Light.as_str(), "Light"),
            pair(Theme::Dark.as_str(), "Dark"),
        ];
        let densities = [
            pair(Density::Comfortable.as_str(), "Comfortable"),
            pair(Density::Compact.as_str(), "Compact: more rows on a screen"),
        ];
        let times = [
            pair(Times::Distance.as_str(), "By distance within a day (5 min ago), then by date"),
            pair(Times::Date.as_str(), "Always by date and time of day"),
        ];
        let shortcuts = match context.typed("shortcuts") {
            Some(_) => true,
            None => context.form.errors.is_empty() && chosen.shortcuts,
        };
        let form = view! {
            <form method="post" action="/admin/account/preferences" class="form pad">
                {csrf(context)}
                {select_field(context, "theme", "Colours", &themes, chosen.theme.as_str())}
                {select_field(context, "density", "Tables", &densities, chosen.density.as_str())}
                {self.zone_field(context)}
                {select_field(context, "times", "Times are written", &times, chosen.times.as_str())}
                <div class="field check">
                    <input id="shortcuts" type="checkbox" name="shortcuts" value="on" checked=shortcuts aria-describedby="shortcuts-hint" />
                    <label for="shortcuts">"Single keys are shortcuts"</label>
                    <p class="hint" id="shortcuts-hint">"Turn them off when you speak to your computer. "<a href="/admin/account/shortcuts">"Which keys"</a></p>
                </div>
                <div class="actions">{submit(context, "Save preferences", "btn primary", Role::Viewer)}</div>
            </form>
        };
        view! {
            {page_head("Preferences", ())}
            {tabs("/admin/account/preferences")}
            {error_summary(context)}
            {card("How you want the pages", view! { <span class="muted">"You alone; on every device."</span> }, form)}
        }
        .into_any()
    }

    fn zone_field(&self, context: &Context) -> AnyView {
        let chosen = context.typed("time_zone").unwrap_or_else(|| context.preferences.zone.name()).to_owned();
        let error = context.error("time_zone").map(str::to_owned);
        let described = if error.is_some() { "time_zone-error time_zone-hint" } else { "time_zone-hint" };
        let groups: Vec<_> = self
            .zones
            .iter()
            .map(|(region, names)| {
                let names: Vec<_> = names
                    .iter()
                    .map(|name| view! { <option selected={*name == chosen}>{name.clone()}</option> })
                    .collect();
                view! { <optgroup label=*region>{names}</optgroup> }
            })
            .collect();
        view! {
            <div class="field">
                <label for="time_zone">"Time zone"</label>
                <p class="hint" id="time_zone-hint">"In which times are shown, and asked for where a form names no other; now it is "{date_and_time(context.now)}"."</p>
                <select id="time_zone" name="time_zone" aria-describedby=described aria-invalid=error.is_some().then_some("true")>
                    <option selected={chosen == "UTC"}>"UTC"</option>
                    {groups}
                </select>
                {error.map(|error| view! { <p class="error" id="time_zone-error">{error}</p> })}
            </div>
        }
        .into_any()
    }
}

impl Shortcuts {
    #[expect(clippy::unused_self, reason = "as every page")]
    pub(super) fn title(&self) -> String {
        "Shortcuts".into()
    }

    #[expect(clippy::unused_self, reason = "as every page")]
    pub(super) fn body(&self, context: &Context) -> AnyView {
        let row = |keys: &[&str], words: String| {
            let keys: Vec<_> = keys.iter().map(|key| view! { <kbd>{(*key).to_owned()}</kbd>" " }).collect();
            view! { <dt>{keys}</dt><dd>{words}</dd> }.into_any()
        };
        let pages: Vec<_> =
            KEYS.iter().map(|(_, key, words)| row(&["g", &key.to_string()], (*words).to_owned())).collect();
        let state = if context.preferences.shortcuts {
            "Single keys are on, except while you type in a field."
        } else {
            "Single keys are off; Ctrl K works."
        };
        let list = view! {
            <dl class="kv pad">
                {row(&["Ctrl", "K"], "Go to a page or search; on a Mac with ⌘".into())}
                {row(&["/"], "Search".into())}
                {row(&["?"], "Pages with their keys".into())}
                {pages}
            </dl>
            <footer>
                <p>{state}</p>
                <a href="/admin/account/preferences">"Change"</a>
            </footer>
        };
        view! {
            {page_head("Shortcuts", ())}
            {tabs("/admin/account/shortcuts")}
            {card("Keys", (), list)}
        }
        .into_any()
    }
}

/// The small print below every page: the zone of its times, and the way to another form of them.
pub(crate) fn about_times(context: &Context) -> AnyView {
    let zone = context.preferences.zone.name().to_owned();
    let (words, other, label) = match context.preferences.times {
        Times::Distance => ("; those within a day by distance", Times::Date, "Show dates"),
        Times::Date => ("", Times::Distance, "Show distances"),
    };
    view! {
        <footer class="foot row">
            <span>"Times in "{zone}{words}". Pointing at one shows it in UTC to the second."</span>
            <form method="post" action="/admin/account/times" class="inline">
                {csrf(context)}
                {hidden("return_to", context.path.clone())}
                {hidden("times", other.as_str().to_owned())}
                <button type="submit" class="btn link sm">{label}</button>
            </form>
            <a href="/admin/account/preferences">"Change the zone"</a>
        </footer>
    }
    .into_any()
}
