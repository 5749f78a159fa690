//! Test and live mode beside each other: the same ids with other content, and no answer of one with anything of the other.

use std::collections::{BTreeSet, VecDeque};

use domain::Livemode;
use domain::role::{Role, Scope};
use reqwest::StatusCode;
use serde_json::{Value, json};
use standin::{CheckoutSpec, Options, Standin, SubscriptionSpec, Webhook};

use crate::admin::browser::Browser;
use crate::helpers::{SECRET, TestApp};

/// What stands in everything of a mode that can hold a text.
fn marker(mode: Livemode) -> &'static str {
    if mode.is_live() { "Nightingale" } else { "Woodpecker" }
}

fn other(mode: Livemode) -> Livemode {
    Livemode::from_bool(!mode.is_live())
}

/// The same account twice, without a Stripe key: every id is the same in both modes, events' too, and every text and amount differs.
/// Whoever pays in test mode has canceled in live mode.
struct Twins {
    app: TestApp,
    /// An event of both.
    event: String,
    /// The key of each mode: test, live.
    keys: [String; 2],
    /// An override of each mode.
    overrides: [String; 2],
}

impl Twins {
    async fn start() -> Self {
        let app = TestApp::with(&[("STRIPE_WEBHOOK_SECRET", SECRET)]).await;
        let mut events = vec![];
        let mut keys = vec![];
        let mut overrides = vec![];
        for mode in [Livemode::Test, Livemode::Live] {
            let key = app.key(mode, Scope::Admin).await;
            events.push(tell(&app, mode).await);
            overrides.push(set(&app, mode, &key).await);
            keys.push(key);
        }
        assert_eq!(events[0], events[1], "both modes have the same event");
        let [keys, overrides] = [keys, overrides].map(|pair| <[String; 2]>::try_from(pair).unwrap());
        Self { app, event: events.remove(0), keys, overrides }
    }

    fn key(&self, mode: Livemode) -> &str {
        &self.keys[usize::from(mode.is_live())]
    }

    /// A browser of somebody with this role.
    async fn browser(&self, role: Role) -> Browser {
        crate::admin::browser::sign_in(&self.app.state, &self.app.url, role).await
    }
}

/// What Stripe tells of a mode; answers the first event's id.
async fn tell(app: &TestApp, mode: Livemode) -> String {
    let webhook = Webhook { url: format!("{}/webhooks/stripe", app.url), secret: SECRET.to_owned() };
    let now = Some(app.state.now().secs());
    let options =
        Options { livemode: mode.is_live(), seed: Some(7), webhook: Some(webhook), now, ..Options::default() };
    let account = Standin::start(options).await.unwrap();
    let stripe = account.control();
    let marker = marker(mode);
    let cents = if mode.is_live() { 7_731 } else { 4_417 };
    stripe.create_product(Some("prod_1"), &format!("{marker} product"));
    stripe.create_price(Some("price_1"), "prod_1", cents, Some("month"));
    stripe.create_price(Some("price_2"), "prod_1", cents, None);
    stripe.request("POST", "prices/price_1", &format!("nickname={marker}"));
    for (customer, metadata) in [("cus_1", json!({ "user_id": "user_1" })), ("cus_2", json!({ "note": marker }))] {
        let email = format!("{marker}.{customer}@example.com");
        stripe.create_customer(Some(customer), Some(&email), Some(&format!("{marker} payer")), metadata);
        stripe.subscribe(SubscriptionSpec {
            id: Some(customer.replace("cus", "sub")),
            customer: customer.to_owned(),
            prices: vec![("price_1".to_owned(), 1)],
            metadata: json!({ "note": marker }),
            ..SubscriptionSpec::default()
        });
    }
    stripe.checkout(CheckoutSpec {
        id: Some("cs_1".to_owned()),
        mode: "subscription".to_owned(),
        customer: Some("cus_1".to_owned()),
        customer_email: Some(format!("{marker}@example.com")),
        client_reference_id: Some("user_1".to_owned()),
        subscription: Some("sub_1".to_owned()),
        ..CheckoutSpec::default()
    });
    // Contradicts the mapping.
    stripe.update("cus_1", json!({ "metadata": { "user_id": format!("user_of_{marker}") } }));
    stripe.fail_payment("sub_2");
    if mode.is_live() {
        stripe.cancel_subscription("sub_1");
    }
    for delivery in stripe.deliver_all().await {
        assert!(delivery.accepted(), "{delivery:?}");
    }
    app.drain().await;
    stripe.events()[0]["id"].as_str().unwrap().to_owned()
}

/// What people and the application say of a mode; answers an override's id.
async fn set(app: &TestApp, mode: Livemode, key: &str) -> String {
    let marker = marker(mode);
    app.put(key, "/v1/features/pro", json!({ "name": format!("{marker} feature") })).await.ok();
    app.put(key, "/v1/features/seats", json!({ "name": marker, "type": "limit" })).await.ok();
    app.put(key, "/v1/prices/price_1/features", json!({ "features": [{ "feature": "pro" }] })).await.ok();
    let seats = if mode.is_live() { 7_731 } else { 4_417 };
    let grants = json!({ "features": [{ "feature": "seats", "value": seats }] });
    app.put(key, "/v1/products/prod_1/features", grants).await.ok();
    let person = json!({ "email": format!("{marker}.app@example.com"), "name": format!("{marker} user") });
    app.put(key, "/v1/users/user_1", person).await.ok();
    app.put(key, &format!("/v1/users/user_of_{marker}"), json!({})).await.ok();
    let grant = json!({ "feature": "seats", "effect": "grant", "value": seats, "reason": format!("{marker} reason") });
    let made = app.post(key, "/v1/users/user_1/overrides", grant).await;
    assert!(made.status.is_success(), "{made:?}");
    made.body["id"].as_str().unwrap().to_owned()
}

/// Every `livemode` in an answer.
fn modes_in(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, field)| if name == "livemode" { vec![field] } else { modes_in(field) })
            .collect(),
        Value::Array(elements) => elements.iter().flat_map(modes_in).collect(),
        _ => vec![],
    }
}

/// Fails when an answer in this mode holds anything of the other.
#[track_caller]
fn pure(text: &str, mode: Livemode, what: &str) {
    let foreign = marker(other(mode));
    let at = text.to_lowercase().find(&foreign.to_lowercase());
    let near = at.map(|at| text.chars().skip(at.saturating_sub(80)).take(200).collect::<String>());
    assert_eq!(near, None, "{what} in {mode} mode");
}

#[tokio::test]
async fn nothing_of_one_mode_is_in_an_answer_of_the_other() {
    let twins = Twins::start().await;
    let app = &twins.app;
    let document = app.send(app.http.get(format!("{}/openapi.json", app.url))).await.ok();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(operation) = item.get("get") else { continue };
        let mut answers = vec![];
        for mode in [Livemode::Test, Livemode::Live] {
            let mut url = path.clone();
            let mut query = vec![];
            for parameter in operation["parameters"].as_array().unwrap_or(&vec![]) {
                let name = parameter["name"].as_str().unwrap();
                let value = match name {
                    "user_id" => "user_1",
                    "customer_id" => "cus_1",
                    "price_id" => "price_1",
                    "product_id" => "prod_1",
                    "feature" | "key" => "pro",
                    "explain" => "true",
                    "id" if path.starts_with("/v1/events") => &twins.event,
                    "id" if path.starts_with("/v1/overrides") => &twins.overrides[usize::from(mode.is_live())],
                    _ => match parameter["required"] == true {
                        true => panic!("{path} asks for {name}: say here what it is in both modes"),
                        false => continue,
                    },
                };
                match parameter["in"].as_str() {
                    Some("path") => url = url.replace(&format!("{{{name}}}"), value),
                    // What narrows a list is left out, so that it shows all it has.
                    Some("query") if parameter["required"] == true || name == "explain" => {
                        query.push(format!("{name}={value}"));
                    }
                    _ => {}
                }
            }
            let url = format!("{url}?{}", query.join("&"));
            let answer = app.get(twins.key(mode), &url).await.ok();
            pure(&answer.to_string(), mode, path);
            for livemode in modes_in(&answer) {
                assert_eq!(livemode, &json!(mode.is_live()), "{path} in {mode} mode: {answer}");
            }
            answers.push(answer);
        }
        assert_ne!(answers[0], answers[1], "{path} cannot tell the modes apart: mark what it answers with");
        asked += 1;
    }
    assert!(asked >= 12, "only {asked} routes were asked");

    for (mode, reason) in [(Livemode::Test, "subscription_active"), (Livemode::Live, "subscription_canceled")] {
        let checks = json!({ "checks": [{ "user_id": "user_1", "feature": "pro" }] });
        let batch = app.post(twins.key(mode), "/v1/access/batch", checks).await.ok();
        assert_eq!(batch["data"][0]["reason"], reason, "{batch}");
        // Ids of our own making are a mode's too.
        let foreign = &twins.overrides[usize::from(other(mode).is_live())];
        app.delete(twins.key(mode), &format!("/v1/overrides/{foreign}")).await.refused(404, "resource_missing", None);
    }
}

/// The addresses that a page links to, within the admin app and in the mode it shows. Those narrowed by more than one choice are without
/// number and show nothing that one choice does not.
fn links(page: &str) -> impl Iterator<Item = String> {
    page.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(|href| href.replace("&amp;", "&"))
        .filter(|href| href.starts_with("/admin") && !href.contains("mode=") && !href.contains('&'))
}

#[tokio::test]
async fn no_page_of_one_mode_shows_anything_of_the_other() {
    let twins = Twins::start().await;
    for mode in [Livemode::Test, Livemode::Live] {
        let browser = twins.browser(Role::Owner).await;
        let start = format!("/admin?mode={mode}");
        let mut waiting = VecDeque::from([start.clone()]);
        let mut seen = BTreeSet::from([start]);
        let mut marked = 0;
        while let Some(path) = waiting.pop_front() {
            let page = browser.get(&path).await;
            if page.status == StatusCode::SEE_OTHER {
                continue;
            }
            assert_eq!(page.status, StatusCode::OK, "{path}");
            pure(&page.body, mode, &path);
            // What is downloaded is no page.
            if !page.body.starts_with("<!DOCTYPE html>") {
                continue;
            }
            let title = page.body.split("<title>").nth(1).unwrap().split('<').next().unwrap();
            assert!(title.ends_with(&mode.as_str().to_uppercase()), "{path}: {title}");
            marked += usize::from(page.body.contains(marker(mode)));
            for href in links(&page.body) {
                if seen.len() < 400 && seen.insert(href.clone()) {
                    waiting.push_back(href);
                }
            }
        }
        for path in [
            "/admin/customers/user_1",
            "/admin/subscriptions/sub_1",
            "/admin/catalog/prices/price_1",
            "/admin/catalog/products/prod_1",
            "/admin/unattributed/cus_2",
            "/admin/mappings",
            "/admin/overrides",
            &format!("/admin/events/{}", twins.event),
        ] {
            assert!(seen.contains(path), "{path} was not reached in {mode} mode: {seen:#?}");
        }
        assert!(seen.len() < 400 && marked >= 20, "{} pages, {marked} with the marker", seen.len());
    }
}

#[tokio::test]
async fn everybody_who_may_look_may_look_at_both_modes_and_a_form_means_the_mode_of_its_page() {
    let twins = Twins::start().await;
    let viewer = twins.browser(Role::Viewer).await;
    assert!(viewer.get("/admin/customers/user_1").await.body.contains(marker(Livemode::Test)), "no key: test mode");
    let form = [("mode", "live"), ("return_to", "/admin/customers/user_1")];
    let switched = viewer.post("/admin/mode", &form).await;
    assert_eq!((switched.status, switched.location.as_str()), (StatusCode::SEE_OTHER, "/admin/customers/user_1"));
    let page = viewer.get("/admin/customers/user_1").await.body;
    assert!(page.contains(marker(Livemode::Live)) && page.contains("Showing live data."), "{page}");
    assert!(page.contains("name=\"return_to\" value=\"/admin/customers/user_1\""), "the switch stays on the page");

    // A link that says its mode shows it, and the pages after it stay there.
    assert!(viewer.get("/admin/customers/user_1?mode=test").await.body.contains(marker(Livemode::Test)));
    pure(&viewer.get("/admin/customers").await.body, Livemode::Test, "the list after the link");
    let stranger = twins.app.http.get(format!("{}/admin/customers/user_1?mode=live", twins.app.url));
    assert_eq!(stranger.send().await.unwrap().status(), StatusCode::SEE_OTHER, "nobody looks without signing in");

    // What only the other mode has is offered there.
    let live = twins.key(Livemode::Live);
    twins.app.put(live, "/v1/users/user_live", json!({ "name": "Only live" })).await.ok();
    let missing = viewer.get("/admin/customers/user_live?tab=overrides").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.body.contains("user_live belongs to live mode."), "{}", missing.body);
    assert!(missing.body.contains("href=\"/admin/customers/user_live?mode=live\""), "{}", missing.body);

    // The page is open in test mode while another tab goes to live mode.
    let admin = twins.browser(Role::Admin).await;
    let open = admin.get("/admin/customers/user_1/overrides/new?mode=test").await;
    assert!(open.body.contains("name=\"livemode\" value=\"test\""), "{}", open.body);
    admin.get("/admin?mode=live").await;
    let csrf = open.csrf();
    let grant = [("feature", "pro"), ("effect", "deny"), ("until", "never"), ("reason", "a good reason")];
    let form = [&[("csrf", csrf.as_str()), ("livemode", "test")][..], &grant].concat();
    let sent = admin.post_raw("/admin/customers/user_1/overrides", &form, &[]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let reason = async |mode: Livemode| {
        let path = "/v1/access?user_id=user_1&feature=pro";
        twins.app.get(twins.key(mode), path).await.ok()["reason"].clone()
    };
    assert_eq!(reason(Livemode::Test).await, "override_deny");
    assert_eq!(reason(Livemode::Live).await, "subscription_canceled");
}

#[tokio::test]
async fn an_event_of_a_mode_without_key_is_kept_and_shown_with_what_that_means() {
    let twins = Twins::start().await;
    let browser = twins.browser(Role::Viewer).await;
    let sentence = "There is no Stripe API key for live mode. Its events are kept and taken in all the same";
    for path in ["/admin/events?mode=live", &format!("/admin/events/{}?mode=live", twins.event)] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains(sentence), "{path}: {}", page.body);
    }
    let event = twins.app.get(twins.key(Livemode::Live), &format!("/v1/events/{}", twins.event)).await.ok();
    assert_eq!((&event["livemode"], &event["status"]), (&json!(true), &json!("processed")), "{event}");

    let with_key = TestApp::start().await;
    let browser = crate::admin::browser::sign_in(&with_key.state, &with_key.url, Role::Viewer).await;
    assert!(!browser.get("/admin/events").await.body.contains("There is no Stripe API key"));
    assert!(browser.get("/admin/events?mode=live").await.body.contains(sentence));
}
