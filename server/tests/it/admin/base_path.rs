//! Below a path of somebody else's host: whatever leads on leads to what is ours.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use lol_html::{RewriteStrSettings, element, rewrite_str};
use reqwest::StatusCode;
use server::base_path::BasePath;
use server::config::Config;
use server::demo::{self, Demo, EMAIL};
use url::Url;

use super::browser::Browser;

const PATH: &str = "/tools/billing";

/// The demo at `PATH` of a host: it, and the host's origin.
async fn demo_below_a_path() -> (Demo, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let origin = format!("http://{address}");
    let mut demo = demo::fill(address, None).await.unwrap();
    let public_url = format!("{origin}{PATH}");
    let base_path = BasePath::of(&public_url);
    demo.state.config = Arc::new(Config { public_url, base_path, ..(*demo.state.config).clone() });
    let front = server::router::front(&demo.state);
    tokio::spawn(async move { axum::serve(listener, front).await.unwrap() });
    (demo, origin)
}

/// What of a page leads somewhere: the attribute and the address.
fn leads(html: &str) -> Vec<(&'static str, String)> {
    let mut found = vec![];
    let every = element!("*", |element| {
        for name in ["href", "action", "formaction", "src", "data-root", "data-href", "data-url"] {
            found.extend(element.get_attribute(name).map(|address| (name, address.replace("&amp;", "&"))));
        }
        Ok(())
    });
    rewrite_str(html, RewriteStrSettings::new().append_element_content_handler(every)).unwrap();
    found
}

/// Whether an address leads to us or away from the host, and not to a neighbour of ours.
fn is_right(address: &str) -> bool {
    let ours = address.strip_prefix(PATH).is_some_and(|rest| rest.starts_with('/') && !rest.starts_with(PATH));
    ours || address.starts_with('#') || address.starts_with('?') || address.starts_with("https://")
}

/// The page without what differs between rows: enough of each kind are looked at.
fn kind(address: &str) -> String {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let named = |part: &str| part.chars().all(|char| char.is_ascii_lowercase() || matches!(char, '-' | '2'));
    path.split('/').map(|part| if named(part) { part } else { "…" }).collect::<Vec<_>>().join("/")
}

async fn sign_in(demo: &Demo, origin: &str) -> Browser {
    let browser = Browser::new(origin);
    let asked = browser.get(&format!("{PATH}/admin/events?status=failed")).await;
    assert_eq!(
        asked.location,
        format!("{PATH}/admin/login?return_to=%2Fadmin%2Fevents%3Fstatus%3Dfailed"),
        "{}",
        asked.status
    );
    let page = browser.get(&asked.location).await;
    let cookie = page.cookies.first().unwrap();
    assert!(cookie.starts_with("tollkeeper-form=") && cookie.contains("; Path=/tools/billing;"), "{cookie}");
    let csrf = page.csrf();
    let fields = [
        ("csrf", csrf.as_str()),
        ("email", EMAIL),
        ("password", &demo.password),
        ("return_to", "/admin/events?status=failed"),
    ];
    let from_there = [("origin", origin), ("referer", &*format!("{origin}{}", asked.location))];
    let entered = browser.post_raw(&format!("{PATH}/admin/login"), &fields, &from_there).await;
    assert_eq!(entered.location, format!("{PATH}/admin/events?status=failed"), "{}", entered.body);
    let session = entered.cookies.iter().find(|cookie| cookie.starts_with("tollkeeper=")).unwrap();
    assert!(session.split("; ").any(|part| part == "Path=/tools/billing"), "{session}");
    browser
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_a_path_every_page_leads_to_what_is_ours() {
    let (demo, origin) = demo_below_a_path().await;
    let browser = sign_in(&demo, &origin).await;
    let mut waiting = VecDeque::from([format!("{PATH}/admin")]);
    let (mut seen, mut looked_at) = (BTreeSet::new(), HashMap::<String, usize>::new());
    while let Some(address) = waiting.pop_front() {
        let page = browser.get(&address).await;
        assert_eq!(page.status, StatusCode::OK, "{address}");
        if !page.headers["content-type"].to_str().unwrap().starts_with("text/html") {
            continue;
        }
        let leads = leads(&page.body);
        assert!(leads.contains(&("data-root", format!("{PATH}/"))), "{address}");
        for (attribute, lead) in leads {
            assert!(is_right(&lead), "{address} has {attribute}={lead}");
            let lead = lead.split('#').next().unwrap_or_default().to_owned();
            let of_its_kind = looked_at.entry(kind(&lead)).or_default();
            if attribute == "href" && lead.starts_with(PATH) && *of_its_kind < 3 && seen.insert(lead.clone()) {
                *of_its_kind += 1;
                waiting.push_back(lead);
            }
        }
    }
    let kinds: Vec<&str> = looked_at.keys().map(|kind| kind.trim_start_matches(PATH)).collect();
    for page in
        ["/admin/customers/…", "/admin/events/…", "/admin/catalog/prices/…", "/admin/account/security", "/admin/system"]
    {
        assert!(kinds.contains(&page), "{page} is not among {kinds:?}");
    }
    assert!(seen.iter().any(|address| address.starts_with("/tools/billing/pkg/")), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_a_path_forms_lead_back_and_failures_too() {
    let (demo, origin) = demo_below_a_path().await;
    let browser = sign_in(&demo, &origin).await;
    let page = format!("{origin}{PATH}/admin/customers?q=user_ok");
    let csrf = browser.get(&format!("{PATH}/admin/customers")).await.csrf();
    let from_there = [("origin", origin.as_str()), ("referer", page.as_str())];
    let shown = [("csrf", csrf.as_str()), ("mode", "live"), ("return_to", "/admin/customers?q=user_ok")];
    let back = browser.post_raw(&format!("{PATH}/admin/mode"), &shown, &from_there).await;
    assert_eq!(back.location, format!("{PATH}/admin/customers?q=user_ok"));
    // What is not there any more says how to get back to the page that the form stood on.
    let gone = browser.post_raw(&format!("{PATH}/admin/features/gone/delete"), &[("csrf", &csrf)], &from_there).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(gone.body.contains(r#"href="/tools/billing/admin/customers?q=user_ok""#), "{}", gone.body);
    let out = browser.post_raw(&format!("{PATH}/admin/logout"), &[("csrf", &csrf)], &from_there).await;
    assert_eq!(out.location, format!("{PATH}/admin/login"));
    assert!(!out.headers.contains_key("clear-site-data"), "what neighbours keep in the browser is theirs");
    // Another site's page stays another site's.
    let strange = [("origin", "https://elsewhere.example"), ("sec-fetch-site", "cross-site")];
    let refused = browser.post_raw(&format!("{PATH}/admin/mode"), &shown, &strange).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_a_path_the_api_is_asked_with_it_and_without() {
    let (demo, origin) = demo_below_a_path().await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    // A proxy takes the path off, or leaves it on; and the host application may ask past the proxy.
    for base in [format!("{origin}{PATH}"), origin.clone()] {
        let asked = http.get(format!("{base}/v1/access?user_id=user_ok&feature=pro")).bearer_auth(&demo.api_key);
        let answer: serde_json::Value = asked.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["allowed"], true, "{base}: {answer}");
        assert_eq!(http.post(format!("{base}/webhooks/stripe")).send().await.unwrap().status(), 400, "{base}");
        assert_eq!(http.get(format!("{base}/healthz")).send().await.unwrap().status(), 200, "{base}");
        let home = http.get(&base).send().await.unwrap();
        assert_eq!(home.headers()["location"], format!("{PATH}/admin"), "{base}");
    }
    let document = http.get(format!("{origin}{PATH}/openapi.json")).send().await.unwrap();
    let document: serde_json::Value = document.json().await.unwrap();
    assert_eq!(document["servers"][0]["url"], PATH);
    let docs = http.get(format!("{origin}{PATH}/docs")).send().await.unwrap();
    assert_eq!(docs.headers()["location"], format!("{PATH}/docs/"));
    let script = http.get(format!("{origin}{PATH}/docs/swagger-initializer.js")).send().await.unwrap();
    let script = script.text().await.unwrap();
    let named = script.split('"').find(|text| text.ends_with("openapi.json")).unwrap();
    let found = Url::parse(&format!("{origin}{PATH}/docs/")).unwrap().join(named).unwrap();
    assert_eq!(found.path(), format!("{PATH}/openapi.json"));
    assert_eq!(http.get(format!("{origin}/tools/billings/admin")).send().await.unwrap().status(), 404);
}
