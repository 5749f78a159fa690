//! The frame around every page.

use std::sync::Arc;

use domain::preference::Theme;
use domain::role::Role;
use domain::{Livemode, Timestamp};
use leptos::nonce::use_nonce;
use leptos::prelude::*;

use crate::components::{Tone, address, chip, csrf, distance, hidden, time, write_times_as};
use crate::context::{Context, Staff};
use crate::islands::{Live, OpenPage, Palette};
use crate::pages::Page;
use crate::pages::account::about_times;

/// No event for this long is said in other words, in milliseconds.
const SILENT: i64 = 6 * 60 * 60 * 1000;

/// Pages that the key `g` and another one lead to: address, key, words.
pub(crate) const KEYS: &[(&str, char, &str)] = &[
    ("/admin", 'o', "Overview"),
    ("/admin/customers", 'c', "Customers"),
    ("/admin/subscriptions", 's', "Subscriptions"),
    ("/admin/mappings", 'm', "Mappings"),
    ("/admin/catalog", 'p', "Catalog: prices and products"),
    ("/admin/features", 'f', "Features"),
    ("/admin/events", 'e', "Events"),
    ("/admin/events?status=failed", 'x', "Failed events"),
    ("/admin/unattributed", 'u', "Unattributed"),
    ("/admin/replays", 'y', "Replays"),
    ("/admin/simulator", 't', "Check as user: test what your application is told"),
    ("/admin/overrides", 'v', "Overrides"),
    ("/admin/resyncs", 'r', "Resyncs"),
    ("/admin/validator", 'w', "Set-up"),
    ("/admin/audit", 'l', "Audit log"),
    ("/admin/api-keys", 'k', "API keys"),
    ("/admin/account", 'a', "Your account"),
];

/// The whole document.
pub fn shell(context: &Arc<Context>, page: &Arc<Page>) -> impl IntoView + use<> {
    write_times_as(&context.preferences);
    let preferences = &context.preferences;
    let theme = (preferences.theme != Theme::System).then(|| preferences.theme.as_str());
    let density = preferences.density.as_str();
    let title = fitting(page.title(), &format!(" · Tollkeeper · {}", context.livemode.as_str().to_uppercase()));
    let script = context.has_wasm.then(wake);
    let body = match &context.staff {
        Some(staff) => signed_in(context, staff, page).into_any(),
        None => view! { <main id="main" class="auth"><p class="brand">"tollkeeper"</p>{flash(context)}{page.body(context)}</main> }.into_any(),
    };
    let stylesheet = format!("{}/admin.css", context.assets);
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme data-density=density>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <title>{title}</title>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href=stylesheet />
            </head>
            <body data-root="/">{icons()}{body}{script}</body>
        </html>
    }
}

/// Loads the WASM, which lies beside the style sheet, and wakes the islands once the page is painted: nothing a page shows waits for it, so
/// it must not take the line from what does. (Leptos' own `HydrationScripts` preloads it from the head.)
fn wake() -> AnyView {
    const SCRIPT: &str = "const at=name=>new URL(name,document.querySelector(\"link[rel=stylesheet]\").href);\
         const wake=async()=>{const m=await import(at(\"tollkeeper.js\"));\
         await m.default({module_or_path:at(\"tollkeeper_bg.wasm\")});m.hydrate();\
         for(const i of document.querySelectorAll(\"leptos-island\"))m[i.dataset.component]?.(i)};\
         const painted=()=>requestAnimationFrame(()=>setTimeout(wake));\
         document.readyState===\"complete\"?painted():addEventListener(\"load\",painted)";
    view! { <script type="module" nonce=use_nonce() inner_html=SCRIPT></script> }.into_any()
}

/// A title with its end, in no more characters than tabs and bookmarks show.
fn fitting(mut title: String, end: &str) -> String {
    const MOST: usize = 70;
    let room = MOST - end.chars().count();
    if title.chars().count() > room {
        title = title.chars().take(room - 1).chain(['…']).collect();
    }
    title + end
}

fn signed_in(context: &Arc<Context>, staff: &Staff, page: &Arc<Page>) -> AnyView {
    let query = match page.as_ref() {
        Page::Search(search) => search.query.clone(),
        Page::Message(message) => message.query.clone(),
        _ => String::new(),
    };
    // Milliseconds of this age are exact in a float.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let made = context.now.millis() as f64;
    view! {
        <a class="skip" href="#main">"Skip to content"</a>
        <div class="shell">
            <header class="top">
                <button type="button" class="btn menu-btn" popovertarget="nav">"Menu"</button>
                <a class="brand" href="/admin">"tollkeeper"</a>
                {mode(context)}
                <form class="search" role="search" action="/admin/search">
                    <label class="vh" for="q">"Search customers, events, subscriptions"</label>
                    <input id="q" name="q" type="search" value=query placeholder="E-mail, user id, cus_, sub_, evt_ …" />
                    <button type="submit" class="btn">"Search"</button>
                </form>
                <div class="end">
                    <a class="btn sm hide-sm" href="/admin/validator" data-live="health">{health(context.counts.failed_events, context.last_event_at, context.now)}</a>
                    <button type="button" class="btn sm" popovertarget="me">{staff.name.clone()}</button>
                    {menu(context, staff)}
                </div>
            </header>
            {banner(context)}
            {nav(context, staff, page)}
            <main id="main" tabindex="-1"><div class="stack">{flash(context)}{page.body(context)}{about_times(context)}</div></main>
        </div>
        <Live url=live(context) />
        <OpenPage made=made />
        <Palette mode=context.livemode.as_str().to_owned() keys=context.preferences.shortcuts />
    }
    .into_any()
}

/// Where this page hears what is new.
fn live(context: &Context) -> String {
    let newest = context.newest_event.to_string();
    address("/admin/live", &[("mode", context.livemode.as_str()), ("after", &newest)])
}

fn menu(context: &Context, staff: &Staff) -> AnyView {
    view! {
        <div class="menu" id="me" popover="auto">
            <p class="who">{staff.email.clone()}" · "{staff.role.as_str()}</p>
            <a href="/admin/account">"Your account"</a>
            <a href="/admin/account/preferences">"Preferences"</a>
            <a href="/admin/account/shortcuts">"Shortcuts"</a>
            <form method="post" action="/admin/logout">
                {csrf(context)}
                <button type="submit" class="btn sm">"Sign out"</button>
            </form>
        </div>
    }
    .into_any()
}

fn banner(context: &Context) -> AnyView {
    let Some(banner) = context.banner.clone() else { return ().into_any() };
    let tone = if banner.certain { Tone::Bad } else { Tone::Warn };
    view! {
        <section class="banner" data-tone=tone.as_str() aria-label="What is wrong">
            <p><strong>{banner.sentence}</strong>" Seen "{time(banner.at, context.now)}". "<a href=banner.href>{banner.link}</a></p>
        </section>
    }
    .into_any()
}

fn mode(context: &Context) -> AnyView {
    let (tone, other) = match context.livemode {
        Livemode::Live => (Tone::Ok, Livemode::Test),
        Livemode::Test => (Tone::Warn, Livemode::Live),
    };
    view! {
        {chip(tone, context.livemode.as_str().to_uppercase())}
        <form method="post" action="/admin/mode" class="inline">
            {csrf(context)}
            {hidden("mode", other.as_str().to_owned())}
            // The same page in the other mode; what narrows or pages a list is about this one.
            {hidden("return_to", context.path.split('?').next().unwrap_or_default().to_owned())}
            <button type="submit" class="btn sm">{format!("Show {other}")}</button>
        </form>
    }
    .into_any()
}

/// How webhooks are, in the words of the top bar.
#[must_use]
pub fn health(failed_events: i64, last_event_at: Option<Timestamp>, now: Timestamp) -> String {
    let Some(last) = last_event_at.filter(|_| failed_events == 0) else {
        return match failed_events {
            0 => "Webhooks: none yet".into(),
            failed => format!("Webhooks: {failed} failed"),
        };
    };
    let silence = now.millis() - last.millis();
    match distance(last, now) {
        Some(ago) if silence < SILENT => format!("Webhooks: last event {ago}"),
        Some(_) => format!("Webhooks: silent for {} h", silence / 3_600_000),
        None => format!("Webhooks: silent for {} d", silence / 86_400_000),
    }
}

fn nav(context: &Context, staff: &Staff, page: &Page) -> AnyView {
    let here = page.section();
    let counts = context.counts;
    let entry = move |href: &'static str, words: &'static str, count: i64, what: &'static str, tone: Tone| {
        let badge = (count > 0).then(
            || view! { <span class="chip" data-tone=tone.as_str()>{count}<span class="vh">" " {what}</span></span> },
        );
        let key = KEYS.iter().find(|(page, ..)| *page == href).map(|(_, key, _)| key.to_string());
        view! { <a href=href aria-current=(here == href).then_some("page") data-key=key><span>{words}</span>{badge}</a> }
    };
    let plain = move |href: &'static str, words: &'static str| entry(href, words, 0, "", Tone::Neutral);
    let who = format!("{} · {}", staff.name, staff.role);
    view! {
        <nav class="nav" id="nav" popover="auto" aria-label="Main">
            {plain("/admin", "Overview")}
            {plain("/admin/customers", "Customers")}
            {plain("/admin/subscriptions", "Subscriptions")}
            {entry("/admin/mappings", "Mappings", counts.conflicts, "conflicts", Tone::Warn)}
            {entry("/admin/catalog", "Catalog", counts.prices_without_features, "prices give nothing", Tone::Warn)}
            {plain("/admin/features", "Features")}
            <h2>"Webhooks"</h2>
            {plain("/admin/events", "Events")}
            {entry("/admin/events?status=failed", "Failed", counts.failed_events, "failed events", Tone::Bad)}
            {entry("/admin/unattributed", "Unattributed", counts.unattributed, "unattributed customers", Tone::Violet)}
            {plain("/admin/replays", "Replays")}
            <h2>"Operate"</h2>
            {plain("/admin/simulator", "Check as user")}
            {plain("/admin/overrides", "Overrides")}
            {plain("/admin/resyncs", "Resyncs")}
            {plain("/admin/validator", "Set-up")}
            {plain("/admin/audit", "Audit log")}
            <h2>"Settings"</h2>
            {plain("/admin/api-keys", "API keys")}
            {(staff.role >= Role::Admin).then(|| plain("/admin/staff", "Staff"))}
            {plain("/admin/account", "Your account")}
            {(staff.role >= Role::Admin).then(|| plain("/admin/settings", "Settings"))}
            {plain("/admin/system", "System")}
            <p class="muted who">{who}</p>
        </nav>
    }
    .into_any()
}

fn flash(context: &Context) -> impl IntoView + use<> {
    context.flash.clone().map(|flash| {
        let (tone, role) = if flash.ok { (Tone::Ok, "status") } else { (Tone::Bad, "alert") };
        view! {
            <div class="flash" data-tone=tone.as_str() role=role>
                {undo(context, &flash.undo)}
                <p>{flash.message}</p>
            </div>
        }
    })
}

/// A change can be taken back from the sentence that tells of it.
fn undo(context: &Context, entries: &[i64]) -> AnyView {
    if entries.is_empty() {
        return ().into_any();
    }
    let entries: Vec<_> = entries.iter().map(|entry| hidden("entry", entry.to_string())).collect();
    view! {
        <form method="post" action="/admin/undo">
            {csrf(context)}
            {hidden("return_to", context.path.clone())}
            {entries}
            <button type="submit" class="btn sm">"Undo"</button>
        </form>
    }
    .into_any()
}

fn icons() -> impl IntoView {
    view! {
        <svg class="sprite" aria-hidden="true" xmlns="http://www.w3.org/2000/svg">
            <symbol id="i-x" viewBox="0 0 16 16"><path d="M4 4l8 8M12 4l-8 8" stroke="currentColor" stroke-width="2" fill="none"></path></symbol>
            <symbol id="i-ok" viewBox="0 0 16 16"><path d="M3 8.5l3.2 3.2L13 5" stroke="currentColor" stroke-width="2" fill="none"></path></symbol>
            <symbol id="i-skip" viewBox="0 0 16 16"><path d="M3 8h10" stroke="currentColor" stroke-width="2"></path></symbol>
            <symbol id="i-copy" viewBox="0 0 16 16"><path d="M5 5h8v8H5zM3 11V3h8" stroke="currentColor" stroke-width="1.5" fill="none"></path></symbol>
            <symbol id="i-warn" viewBox="0 0 16 16">
                <path d="M8 2l6.5 12h-13zM8 6v4M8 11.5v1" stroke="currentColor" stroke-width="1.5" fill="none"></path>
            </symbol>
            <symbol id="i-clock" viewBox="0 0 16 16">
                <path d="M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 1 0 8 1.8M8 4.5V8l2.5 1.6" stroke="currentColor" stroke-width="1.5" fill="none"></path>
            </symbol>
            <symbol id="i-person" viewBox="0 0 16 16">
                <path d="M8 8a2.8 2.8 0 1 0 0-5.6A2.8 2.8 0 1 0 8 8M2.8 14c.6-3 2.6-4.4 5.2-4.4s4.6 1.4 5.2 4.4" stroke="currentColor" stroke-width="1.5" fill="none"></path>
            </symbol>
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_fits_whatever_an_id_is_like() {
        assert_eq!(fitting("Overview".into(), " · T"), "Overview · T");
        let long = fitting("ü".repeat(100), " · T");
        assert_eq!((long.chars().count(), long.ends_with("ü… · T")), (70, true));
    }

    #[test]
    fn webhooks_are_well_silent_or_failing() {
        let now = Timestamp::from_secs(1_795_000_000);
        assert_eq!(health(0, None, now), "Webhooks: none yet");
        assert_eq!(health(0, Some(now.plus_secs(-12)), now), "Webhooks: last event 12 s ago");
        assert_eq!(health(0, Some(now.plus_secs(-7 * 3600)), now), "Webhooks: silent for 7 h");
        assert_eq!(health(0, Some(now.plus_secs(-50 * 3600)), now), "Webhooks: silent for 2 d");
        assert_eq!(health(3, Some(now), now), "Webhooks: 3 failed");
    }

    #[test]
    fn every_key_leads_to_one_page() {
        let mut keys: Vec<char> = KEYS.iter().map(|(_, key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), KEYS.len());
    }
}
