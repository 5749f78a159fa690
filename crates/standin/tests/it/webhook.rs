//! Signatures and deliveries.

use serde_json::json;
use standin::{Faults, Options, sign};

use crate::support::{Api, NOW, Receiver, SECRET};

/// Made with `stripe.webhooks.generateTestHeaderString` of the npm package stripe 23.1.0.
#[test]
fn the_signature_is_the_one_stripes_own_library_makes() {
    let header = sign(br#"{"id":"evt_1"}"#, "whsec_test", 1_700_000_000);
    assert_eq!(header, "t=1700000000,v1=c89214b5b5da833daed6f0b8c5bb6bd58cea9022bd80ccc78230f3942d632925");
}

async fn with_receiver(statuses: &[u16]) -> (Api, Receiver) {
    let receiver = Receiver::new(statuses).await;
    let api = Api::with(Options { webhook: receiver.webhook(), ..Options::default() }).await;
    (api, receiver)
}

#[tokio::test]
async fn events_wait_and_are_delivered_on_demand_with_the_signature_of_that_moment() {
    let (api, receiver) = with_receiver(&[]).await;
    let control = api.standin.control();
    control.create_customer(Some("cus_1"), None, None, json!({}));
    let event = control.events().remove(0);
    assert!(receiver.received().is_empty());
    assert_eq!(event["pending_webhooks"], 1);
    control.advance(30);
    let results = control.deliver_all().await;
    assert!(results.len() == 1 && results[0].accepted() && results[0].status == Some(200));
    let (signature, body) = receiver.received().remove(0);
    assert_eq!(signature, sign(&body, SECRET, NOW + 30));
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), event);
    assert_eq!(control.events()[0]["pending_webhooks"], 0);
    assert!(control.deliver_all().await.is_empty());
}

#[tokio::test]
async fn a_refused_delivery_is_told_and_stays_pending() {
    let (api, receiver) = with_receiver(&[500]).await;
    let control = api.standin.control();
    control.create_customer(None, None, None, json!({}));
    let results = control.deliver_all().await;
    assert!(!results[0].accepted());
    assert_eq!(api.get("events?delivery_success=false").await.body["data"].as_array().unwrap().len(), 1);
    assert!(control.deliver(&control.events()[0]).await.accepted());
    assert_eq!(receiver.ids().len(), 2);
    assert_eq!(api.get("events?delivery_success=false").await.body["data"], json!([]));
}

#[tokio::test]
async fn deliveries_are_lost_doubled_and_shuffled_as_told() {
    let (api, receiver) = with_receiver(&[]).await;
    let control = api.standin.control();
    control.set_faults(Faults { lose_webhooks: true, ..Faults::default() });
    control.create_customer(None, None, None, json!({}));
    assert!(control.deliver_all().await.is_empty());

    control.set_faults(Faults { duplicate: true, ..Faults::default() });
    control.create_customer(None, None, None, json!({}));
    control.deliver_all().await;
    let ids = receiver.ids();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);

    control.set_faults(Faults { reorder: true, ..Faults::default() });
    for _ in 0..40 {
        control.create_customer(None, None, None, json!({}));
    }
    control.flush().await;
    let made: Vec<String> =
        control.events().iter().skip(2).map(|event| event["id"].as_str().unwrap().to_owned()).collect();
    let mut got = receiver.ids().split_off(2);
    assert_ne!(got, made, "forty in the very same order would be a miracle");
    got.sort();
    let mut sorted = made;
    sorted.sort();
    assert_eq!(got, sorted);
}

#[tokio::test]
async fn the_background_delivers_in_order_and_tries_again() {
    let receiver = Receiver::new(&[503]).await;
    let options = Options { webhook: receiver.webhook(), auto_deliver: true, ..Options::default() };
    let api = Api::with(options).await;
    let control = api.standin.control();
    control.create_customer(Some("cus_1"), None, None, json!({}));
    control.create_customer(Some("cus_2"), None, None, json!({}));
    let made: Vec<String> = control.events().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
    receiver.wait_for(3).await;
    assert_eq!(receiver.ids(), [made[0].clone(), made[1].clone(), made[0].clone()]);
}

#[tokio::test]
async fn an_endpoint_made_through_the_api_gets_only_what_it_asked_for() {
    let receiver = Receiver::new(&[]).await;
    let api = Api::new().await;
    let form = format!("url={}&enabled_events[]=customer.updated", receiver.url);
    let endpoint = api.make("webhook_endpoints", &form).await;
    let secret = endpoint["secret"].as_str().unwrap().to_owned();
    let path = format!("webhook_endpoints/{}", endpoint["id"].as_str().unwrap());
    assert!(api.get(&path).await.body.get("secret").is_none(), "shown once");
    let control = api.standin.control();
    control.create_customer(Some("cus_1"), None, None, json!({}));
    control.update("cus_1", json!({ "name": "A" }));
    assert_eq!(control.deliver_all().await.len(), 1);
    let (signature, body) = receiver.received().remove(0);
    assert_eq!(signature, sign(&body, &secret, NOW));
    api.make(&path, "disabled=true").await;
    control.update("cus_1", json!({ "name": "B" }));
    assert!(control.deliver_all().await.is_empty());
}

#[tokio::test]
async fn events_are_listed_with_filters_and_for_thirty_days() {
    let api = Api::new().await;
    let control = api.standin.control();
    control.create_customer(Some("cus_1"), None, None, json!({}));
    control.advance(31 * 86_400);
    control.update("cus_1", json!({ "name": "A" }));
    control.create_product(None, "P");
    let types = |body: &serde_json::Value| -> Vec<String> {
        body["data"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(types(&api.get("events").await.body), ["product.created", "customer.updated"]);
    assert_eq!(types(&api.get("events?types[]=customer.*").await.body), ["customer.updated"]);
    assert_eq!(types(&api.get("events?type=product.created").await.body), ["product.created"]);
    let first = control.events()[1]["id"].as_str().unwrap().to_owned();
    assert_eq!(types(&api.get(&format!("events?ending_before={first}")).await.body), ["product.created"]);
    let one = api.get(&format!("events/{first}")).await.body;
    assert_eq!(one, control.events()[1]);
}
