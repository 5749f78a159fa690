//! The frame around every page.

use std::sync::Arc;

use domain::Livemode;
use domain::role::Role;
use leptos::config::LeptosOptions;
use leptos::prelude::*;

use crate::components::{Tone, chip, csrf, hidden, time};
use crate::context::{Context, Staff};
use crate::pages::Page;

/// The whole document.
pub fn shell(context: &Arc<Context>, page: &Arc<Page>, options: &LeptosOptions) -> impl IntoView + use<> {
    let title = format!("{} · Tollkeeper · {}", page.title(), context.livemode.as_str().to_uppercase());
    let scripts = context.has_wasm.then(|| view! { <HydrationScripts options=options.clone() islands=true /> });
    let body = match &context.staff {
        Some(staff) => signed_in(context, staff, page).into_any(),
        None => view! { <main id="main" class="auth"><p class="brand">"tollkeeper"</p>{flash(context)}{page.body(context)}</main> }.into_any(),
    };
    let stylesheet = format!("{}/admin.css", context.assets);
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <title>{title}</title>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href=stylesheet />
                {scripts}
            </head>
            <body>{icons()}{body}</body>
        </html>
    }
}

fn signed_in(context: &Arc<Context>, staff: &Staff, page: &Arc<Page>) -> AnyView {
    let query = match page.as_ref() {
        Page::Search(search) => search.query.clone(),
        Page::Message(message) => message.query.clone(),
        _ => String::new(),
    };
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
                    <a class="btn sm hide-sm" href="/admin/validator">{health(context)}</a>
                    <form method="post" action="/admin/logout" class="inline">
                        {csrf(context)}
                        <button type="submit" class="btn sm">"Sign out"</button>
                    </form>
                </div>
            </header>
            {nav(context, staff, page)}
            <main id="main" tabindex="-1"><div class="stack">{flash(context)}{page.body(context)}{foot()}</div></main>
        </div>
    }
    .into_any()
}

fn foot() -> AnyView {
    view! { <p class="foot">"Times are in UTC; pointing at one shows it to the second."</p> }.into_any()
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

fn health(context: &Context) -> AnyView {
    match (context.counts.failed_events, context.last_event_at) {
        (0, Some(at)) => view! { "Webhooks: last event " {time(at, context.now)} }.into_any(),
        (0, None) => "Webhooks: none yet".into_any(),
        (failed, _) => format!("Webhooks: {failed} failed").into_any(),
    }
}

fn nav(context: &Context, staff: &Staff, page: &Page) -> AnyView {
    let here = page.section();
    let counts = context.counts;
    let entry = move |href: &'static str, words: &'static str, count: i64, what: &'static str, tone: Tone| {
        let badge = (count > 0).then(
            || view! { <span class="chip" data-tone=tone.as_str()>{count}<span class="vh">" " {what}</span></span> },
        );
        view! { <a href=href aria-current=(here == href).then_some("page")><span>{words}</span>{badge}</a> }
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
            {plain("/admin/overrides", "Overrides")}
            {plain("/admin/resyncs", "Resyncs")}
            {plain("/admin/validator", "Set-up")}
            <h2>"Settings"</h2>
            {plain("/admin/api-keys", "API keys")}
            {(staff.role >= Role::Admin).then(|| plain("/admin/staff", "Staff"))}
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
                <p>{flash.message}</p>
                {flash.secret.map(|secret| view! { <pre class="code"><code>{secret}</code></pre> })}
            </div>
        }
    })
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
