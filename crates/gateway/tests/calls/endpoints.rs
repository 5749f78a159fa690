//! Webhook endpoints, and the first look at what a key may read, against the stand-in.

use std::collections::HashMap;

use ::standin::{Faults, Options, Standin};
use domain::Timestamp;
use gateway::client::RetryPolicy;
use gateway::{
    Client, ClientConfig, EndpointChange, Error, Gateway, NewEndpoint, Outage, PINNED_VERSION, Resource, SecretKey,
};
use serde_json::{Value, json};

async fn start() -> (Standin, Client) {
    let standin = Standin::start(Options { seed: Some(1), ..Options::default() }).await.unwrap();
    let key = SecretKey::parse("rk_test_51Gateway4242").unwrap();
    let base_url = standin.base_url();
    let client =
        Client::new(ClientConfig { base_url, retry: RetryPolicy::immediate(), ..ClientConfig::new(key) }).unwrap();
    (standin, client)
}

fn new() -> NewEndpoint {
    NewEndpoint {
        url: "https://toll.example/webhooks/stripe".to_owned(),
        event_types: vec!["customer.updated".to_owned(), "invoice_payment.paid".to_owned()],
        description: "Tollkeeper".to_owned(),
        metadata: HashMap::from([("made_by".to_owned(), "idk_1".to_owned())]),
    }
}

#[tokio::test]
async fn an_endpoint_is_made_once_per_key_with_our_version_and_shows_its_secret() {
    let (standin, client) = start().await;
    let made = client.create_webhook_endpoint(&new(), "idk_1").await.unwrap();
    assert!(made.secret.starts_with("whsec_"));
    assert!(!format!("{made:?}").contains(&made.secret));
    assert_eq!(client.create_webhook_endpoint(&new(), "idk_1").await.unwrap(), made, "the same key gives the same one");

    let endpoint = standin.control().object(&made.id).unwrap();
    assert_eq!((&endpoint["url"], &endpoint["api_version"]), (&json!(new().url), &json!(PINNED_VERSION)));
    assert_eq!(endpoint["enabled_events"], json!(new().event_types));
    assert_eq!(endpoint["metadata"], json!({ "made_by": "idk_1" }));
    assert_eq!(client.webhook_endpoints().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_endpoint_is_switched_on_and_gets_other_types() {
    let (standin, client) = start().await;
    let made = client.create_webhook_endpoint(&new(), "idk_1").await.unwrap();
    standin.control().request("POST", &format!("webhook_endpoints/{}", made.id), "disabled=true");
    let enabled = client.change_webhook_endpoint(&made.id, &EndpointChange::Enable).await.unwrap();
    assert_eq!((&enabled["status"], &enabled["enabled_events"]), (&json!("enabled"), &json!(new().event_types)));
    // A type that no builder knows is Stripe's to judge.
    let types = ["a.type.of.tomorrow", "customer.updated"].map(str::to_owned).to_vec();
    let changed = client.change_webhook_endpoint(&made.id, &EndpointChange::EventTypes(types.clone())).await.unwrap();
    assert_eq!(changed["enabled_events"], json!(types));
    for id in ["we_unknown", "", "../customers"] {
        let missing = client.change_webhook_endpoint(id, &EndpointChange::Enable).await;
        assert!(matches!(missing, Err(Error::NotFound { .. })), "{id:?}: {missing:?}");
    }
}

#[tokio::test]
async fn a_probe_reads_each_kind_once_and_brings_stripes_clock() {
    let (standin, client) = start().await;
    let control = standin.control();
    control.set_now(1_795_000_000);
    control.create_customer(Some("cus_1"), Some("ada@example.com"), None, Value::Null);
    for resource in Resource::ALL {
        let probe = client.probe(resource).await.unwrap();
        if resource != Resource::Entitlements {
            assert_eq!(probe.server_date, Some(Timestamp::from_secs(1_795_000_000)), "{resource:?}");
        }
        match resource {
            Resource::Customers => assert_eq!(probe.objects[0]["id"], "cus_1"),
            Resource::Events => assert_eq!(probe.objects[0]["type"], "customer.created"),
            _ => assert_eq!(probe.objects, Vec::<Value>::new(), "{resource:?}"),
        }
    }
}

#[tokio::test]
async fn a_probe_is_refused_at_once() {
    let (standin, client) = start().await;
    for (status, resource) in [(403, Resource::Entitlements), (500, Resource::Events), (429, Resource::Customers)] {
        let before = standin.control().requests().len();
        standin.control().set_faults(Faults { fail_next: vec![status], ..Faults::default() });
        let error = client.probe(resource).await.unwrap_err();
        let told = match &error {
            Error::Forbidden { .. } => 403,
            Error::RateLimited { .. } => 429,
            Error::Unavailable { outage: Outage::Status(status), .. } => *status,
            other => panic!("{other:?}"),
        };
        assert_eq!((told, standin.control().requests().len()), (status, before + 1), "{error}");
    }
}
