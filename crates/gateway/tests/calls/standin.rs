//! The same calls against the stand-in, which keeps state and was written from Stripe's documentation alone.

use ::standin::{CheckoutSpec, Faults, Options, Standin, SubscriptionSpec, sign};
use domain::stripe::{CheckoutSession, Customer, Price, Subscription};
use domain::{Livemode, Timestamp};
use gateway::client::RetryPolicy;
use gateway::signature::{Secret, verify};
use gateway::{CheckoutItem, Client, ClientConfig, CreateCheckout, CreatePortal, Error, Gateway, SecretKey};
use serde_json::{Value, json};

async fn start(api_version: &str) -> (Standin, Client) {
    let options = Options { seed: Some(1), api_version: api_version.to_owned(), ..Options::default() };
    let standin = Standin::start(options).await.unwrap();
    let client = client(&standin, "sk_test_51Gateway4242");
    (standin, client)
}

fn client(standin: &Standin, key: &str) -> Client {
    let key = SecretKey::parse(key).unwrap();
    Client::new(ClientConfig {
        base_url: standin.base_url(),
        retry: RetryPolicy::immediate(),
        ..ClientConfig::new(key)
    })
    .unwrap()
}

fn subscription(n: usize, status: &str) -> SubscriptionSpec {
    SubscriptionSpec {
        id: Some(format!("sub_{n}")),
        customer: "cus_1".to_owned(),
        prices: vec![("price_1".to_owned(), 1)],
        status: Some(status.to_owned()),
        ..SubscriptionSpec::default()
    }
}

fn checkout() -> CreateCheckout {
    let item = CheckoutItem::new("price_1", 1);
    CreateCheckout {
        email: Some("ada@example.com".to_owned()),
        trial_days: Some(7),
        ..CreateCheckout::new("user_1", item, "https://a.example/?s={CHECKOUT_SESSION_ID}")
    }
}

#[tokio::test]
async fn whole_customer_is_readable_ended_subscriptions_included() {
    for api_version in ["2024-06-20", "2026-09-30.endive"] {
        let (standin, client) = start(api_version).await;
        let control = standin.control();
        control.create_customer(Some("cus_1"), Some("ada@example.com"), None, json!({ "user_id": "user_1" }));
        for n in 0..120 {
            control.subscribe(subscription(n, if n % 2 == 0 { "active" } else { "canceled" }));
        }
        control.checkout(CheckoutSpec { customer: Some("cus_1".to_owned()), ..CheckoutSpec::default() });
        let snapshot = client.customer("cus_1").await.unwrap();
        let keys = ["user_id".to_owned()];
        assert_eq!(Customer::read(&snapshot.customer, &keys).unwrap().claimed_user.as_deref(), Some("user_1"));
        let mut ids: Vec<_> = snapshot
            .subscriptions
            .iter()
            .map(|subscription| Subscription::read(subscription, &keys).unwrap().id)
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!((ids.len(), snapshot.checkout_sessions.len()), (120, 1), "{api_version}");
        CheckoutSession::read(&snapshot.checkout_sessions[0], &keys).unwrap();
        assert!(snapshot.server_date.is_some());
    }
}

#[tokio::test]
async fn deleted_and_missing_customers_differ() {
    let (standin, client) = start("2026-09-30.endive").await;
    standin.control().create_customer(Some("cus_1"), None, None, Value::Null);
    standin.control().delete_customer("cus_1");
    assert!(Customer::read(&client.customer("cus_1").await.unwrap().customer, &[]).unwrap().deleted);
    let error = client.customer("cus_2").await.unwrap_err();
    assert_eq!(error.to_string(), "Stripe has no customer “cus_2”: No such customer: 'cus_2'");
}

#[tokio::test]
async fn key_of_the_other_mode_is_unauthorized() {
    let (standin, _) = start("2026-09-30.endive").await;
    let client = client(&standin, "sk_live_51Gateway4242");
    assert_eq!(client.livemode(), Livemode::Live);
    let error = client.product("prod_1").await.unwrap_err();
    assert!(matches!(&error, Error::Unauthorized { key, .. } if key == "sk_live_…4242"), "{error:?}");
}

#[tokio::test]
async fn faults_on_the_way_still_make_one_checkout_session() {
    let (standin, client) = start("2026-09-30.endive").await;
    let product = standin.control().create_product(None, "Pro");
    standin.control().create_price(Some("price_1"), product["id"].as_str().unwrap(), 1000, Some("month"));
    standin.control().set_faults(Faults { fail_next: vec![500, 429, 409], ..Faults::default() });
    let first = client.create_checkout_session(&checkout(), "ours-1").await.unwrap();
    assert_eq!(standin.control().requests().len(), 4);
    assert_eq!(client.create_checkout_session(&checkout(), "ours-1").await.unwrap(), first);
    assert_ne!(client.create_checkout_session(&checkout(), "ours-2").await.unwrap(), first);

    let session = client.checkout_session(&first.id).await.unwrap();
    let session = CheckoutSession::read(&session, &["user_id".to_owned()]).unwrap();
    assert_eq!(session.client_reference_id.as_deref(), Some("user_1"));
    assert_eq!(session.claimed_user.as_deref(), Some("user_1"));
    assert_eq!(session.url.as_deref(), Some(first.url.as_str()));

    let changed = CreateCheckout { trial_days: None, ..checkout() };
    let error = client.create_checkout_session(&changed, "ours-1").await.unwrap_err();
    assert_eq!((error.code(), error.is_transient()), ("refused", false));
}

#[tokio::test]
async fn lasting_faults_become_transient_errors() {
    let (standin, client) = start("2026-09-30.endive").await;
    for (status, code) in [(429, "rate_limited"), (500, "unavailable")] {
        standin.control().set_faults(Faults { fail_rate: 1.0, fail_rate_status: status, ..Faults::default() });
        let error = client.product("prod_1").await.unwrap_err();
        assert_eq!((error.code(), error.is_transient()), (code, true));
    }
    assert_eq!(standin.control().requests().len(), 8);
}

#[tokio::test]
async fn portal_prices_events_and_search_answer() {
    let (standin, client) = start("2026-09-30.endive").await;
    let control = standin.control();
    control.create_customer(Some("cus_1"), Some("ada@example.com"), None, Value::Null);
    control.create_product(Some("prod_1"), "Pro");
    control.create_price(Some("price_1"), "prod_1", 1000, Some("month"));
    control.subscribe(subscription(1, "active"));
    assert!(
        client
            .create_portal_session(&CreatePortal::new("cus_1", "https://a.example/"))
            .await
            .unwrap()
            .starts_with("http")
    );
    let error = client.create_portal_session(&CreatePortal::new("cus_2", "https://a.example/")).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    for price in [client.price("price_1").await.unwrap(), client.list_prices(10).await.unwrap().remove(0)] {
        assert_eq!(price["product"]["name"], "Pro");
        assert_eq!(Price::read(&price).unwrap().product_id.as_deref(), Some("prod_1"));
    }
    assert_eq!(client.subscription("sub_1").await.unwrap()["items"]["data"][0]["price"]["id"], "price_1");
    assert_eq!(client.search_customers_by_email("ada@example.com").await.unwrap()[0]["id"], "cus_1");
    assert!(client.search_customers_by_email("eve@example.com").await.unwrap().is_empty());
    assert!(client.webhook_endpoints().await.unwrap().is_empty());
    let all = client.list_events(Timestamp::from_secs(control.now() - 60), None).await.unwrap().events;
    assert_eq!(all.len(), control.events().len());
    let older = client.list_events(Timestamp::from_secs(0), all[0]["id"].as_str()).await.unwrap();
    assert_eq!(older.events, all[1..]);
    assert!(client.list_events(Timestamp::from_secs(control.now() + 60), None).await.unwrap().events.is_empty());
    assert_eq!(client.event(all[0]["id"].as_str().unwrap()).await.unwrap()["id"], all[0]["id"]);
}

#[tokio::test]
async fn signatures_of_the_stand_in_are_accepted() {
    let secret = Secret::parse("whsec_standin4242", 1).unwrap();
    let header = sign(b"{}", "whsec_standin4242", 1_790_000_000);
    assert_eq!(verify(b"{}", Some(&header), &[secret], 1_790_000_000, 300).unwrap().secret_name, "secret 1");
}
