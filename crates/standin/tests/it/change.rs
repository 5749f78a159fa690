//! What changes leave behind: states, events and `previous_attributes`.

use serde_json::{Value, json};
use standin::{Options, SubscriptionSpec};

use crate::support::{Api, NOW};

fn last(api: &Api, kind: &str) -> Value {
    api.standin.control().events().into_iter().rev().find(|event| event["type"] == kind).unwrap()
}

#[tokio::test]
async fn previous_attributes_hold_what_changed_and_nothing_else() {
    let api = Api::new().await;
    let control = api.standin.control();
    control.subscribe(SubscriptionSpec {
        id: Some("sub_1".to_owned()),
        customer: "cus_1".to_owned(),
        prices: vec![("price_a".to_owned(), 1)],
        metadata: json!({ "keep": "1", "drop": "2" }),
        ..SubscriptionSpec::default()
    });
    let before = control.object("sub_1").unwrap();
    control.update("sub_1", json!({ "status": "past_due", "metadata": { "drop": null, "add": "3" } }));
    let event = last(&api, "customer.subscription.updated");
    assert_eq!(
        event["data"]["previous_attributes"],
        json!({ "status": "active", "metadata": { "drop": "2", "add": null } })
    );
    assert_eq!(event["data"]["object"]["metadata"], json!({ "keep": "1", "add": "3" }));

    control.set_prices("sub_1", &[("price_b", 2)]);
    let event = last(&api, "customer.subscription.updated");
    assert_eq!(event["data"]["previous_attributes"], json!({ "items": { "data": before["items"]["data"] } }));

    let count = control.events().len();
    control.update("sub_1", json!({ "status": "past_due" }));
    assert_eq!(control.events().len(), count, "no change, no event");
    assert_eq!(control.update("sub_none", json!({})), Value::Null);
}

#[tokio::test]
async fn older_versions_name_the_period_where_they_show_it() {
    let api = Api::with(Options { api_version: "2024-06-20".to_owned(), ..Options::default() }).await;
    let control = api.standin.control();
    control.subscribe(SubscriptionSpec {
        id: Some("sub_1".to_owned()),
        prices: vec![("price_a".to_owned(), 1)],
        current_period_end: Some(NOW + 10),
        ..SubscriptionSpec::default()
    });
    let shown = control.update("sub_1", json!({ "current_period_end": NOW + 20 }));
    assert_eq!(shown["current_period_end"], NOW + 20);
    let event = last(&api, "customer.subscription.updated");
    assert_eq!(event["data"]["previous_attributes"], json!({ "current_period_end": NOW + 10 }));
}

#[tokio::test]
async fn what_is_put_is_kept_as_it_is_and_without_event() {
    let api = Api::new().await;
    let object = json!({ "id": "sub_x", "object": "subscription", "customer": "cus_x", "status": "future_status", "created": 5 });
    api.standin.control().put(object.clone());
    assert_eq!(api.get("subscriptions/sub_x").await.body, object);
    assert!(api.standin.control().events().is_empty());
}

#[tokio::test]
async fn a_paid_subscription_has_stripes_event_sequence() {
    let api = Api::new().await;
    let subscription = api.subscribed("pm_card_visa").await;
    assert_eq!(subscription["status"], "active");
    let types = api.types();
    let at = |kind: &str| types.iter().position(|known| known == kind).unwrap_or_else(|| panic!("{kind} in {types:?}"));
    assert!(at("customer.subscription.created") < at("invoice.created"));
    assert!(at("invoice.finalized") < at("charge.succeeded"));
    assert!(at("charge.succeeded") < at("invoice.paid"));
    let created = last(&api, "customer.subscription.created");
    assert_eq!(created["data"]["object"]["status"], "incomplete");
    let updated = last(&api, "customer.subscription.updated");
    assert_eq!(updated["data"]["previous_attributes"], json!({ "status": "incomplete" }));
}

#[tokio::test]
async fn a_failing_card_means_incomplete_first_and_past_due_later() {
    let api = Api::new().await;
    let first = api.subscribed("pm_card_chargeCustomerFail").await;
    assert_eq!(first["status"], "incomplete");
    assert!(api.types().contains(&"invoice.payment_failed".to_owned()));

    let running = api.subscribed("pm_card_visa").await;
    let path = format!("subscriptions/{}", running["id"].as_str().unwrap());
    let form = format!(
        "default_payment_method=pm_card_chargeCustomerFail&items[0][id]={}&items[0][quantity]=2&proration_behavior=always_invoice",
        running["items"]["data"][0]["id"].as_str().unwrap()
    );
    assert_eq!(api.make(&path, &form).await["status"], "past_due");
    let failed = last(&api, "invoice.payment_failed");
    assert_eq!(failed["data"]["object"]["parent"]["subscription_details"]["subscription"], running["id"]);
    assert_eq!(failed["data"]["object"]["status"], "open");

    let invoice = format!("invoices/{}/pay", failed["data"]["object"]["id"].as_str().unwrap());
    assert_eq!(api.post(&invoice, "").await.status, 402);
    assert_eq!(api.make(&invoice, "payment_method=pm_card_visa").await["status"], "paid");
    assert_eq!(api.get(&path).await.body["status"], "active");
}

#[tokio::test]
async fn canceled_subscriptions_are_listed_only_when_asked_for() {
    let api = Api::new().await;
    let subscription = api.subscribed("pm_card_visa").await;
    let path = format!("subscriptions/{}", subscription["id"].as_str().unwrap());
    let canceled = api.send("DELETE", &path, "", &[]).await.body;
    assert_eq!((&canceled["status"], &canceled["ended_at"]), (&"canceled".into(), &NOW.into()));
    assert_eq!(api.send("DELETE", &path, "", &[]).await.status, 404);
    assert_eq!(api.get("subscriptions").await.body["data"], json!([]));
    for status in ["all", "canceled", "ended"] {
        let found = api.get(&format!("subscriptions?status={status}")).await.body;
        assert_eq!(found["data"][0]["id"], subscription["id"], "{status}");
    }
}

#[tokio::test]
async fn a_deleted_customer_leaves_a_tombstone_and_no_running_subscription() {
    let api = Api::new().await;
    let subscription = api.subscribed("pm_card_visa").await;
    let customer = subscription["customer"].as_str().unwrap();
    api.standin.control().delete_customer(customer);
    let shown = api.get(&format!("customers/{customer}")).await;
    assert_eq!((shown.status, shown.body), (200, json!({ "id": customer, "object": "customer", "deleted": true })));
    assert_eq!(api.get("customers").await.body["data"], json!([]));
    let ended = api.get(&format!("subscriptions/{}", subscription["id"].as_str().unwrap())).await.body;
    assert_eq!(ended["status"], "canceled");
    assert_eq!(last(&api, "customer.deleted")["data"]["object"]["id"], customer);
}

#[tokio::test]
async fn entitlements_follow_subscriptions_and_the_summary_stops_at_ten() {
    let api = Api::new().await;
    let control = api.standin.control();
    control.create_customer(Some("cus_1"), None, None, json!({}));
    control.create_product(Some("prod_1"), "Pro");
    control.create_price(Some("price_1"), "prod_1", 900, Some("month"));
    for n in 0..11 {
        control.attach_feature("prod_1", &format!("feature-{n}"));
    }
    control.subscribe(SubscriptionSpec {
        id: Some("sub_1".to_owned()),
        customer: "cus_1".to_owned(),
        prices: vec![("price_1".to_owned(), 1)],
        ..SubscriptionSpec::default()
    });
    let summary = last(&api, "entitlements.active_entitlement_summary.updated")["data"]["object"].clone();
    assert_eq!(summary["entitlements"]["data"].as_array().unwrap().len(), 10);
    assert_eq!(summary["entitlements"]["has_more"], true);
    assert!(summary.get("id").is_none());
    let page = api.get("entitlements/active_entitlements?customer=cus_1&limit=100").await.body;
    assert_eq!(page["data"].as_array().unwrap().len(), 11);
    control.update("sub_1", json!({ "status": "unpaid" }));
    let page = api.get("entitlements/active_entitlements?customer=cus_1").await.body;
    assert_eq!(page["data"], json!([]));
}

#[tokio::test]
async fn a_test_clock_renews_and_ends() {
    let api = Api::new().await;
    api.standin.control().advance(86_400);
    let clock = api.make("test_helpers/test_clocks", &format!("frozen_time={NOW}")).await;
    let clock = clock["id"].as_str().unwrap();
    let form = format!("test_clock={clock}&invoice_settings[default_payment_method]=pm_card_visa");
    let customer = api.make("customers", &form).await;
    let form = format!(
        "customer={}&items[0][price_data][currency]=usd&items[0][price_data][unit_amount]=500\
         &items[0][price_data][recurring][interval]=month&items[0][price_data][product_data][name]=Pro",
        customer["id"].as_str().unwrap()
    );
    let subscription = api.make("subscriptions", &form).await;
    let path = format!("subscriptions/{}", subscription["id"].as_str().unwrap());
    let end = subscription["items"]["data"][0]["current_period_end"].as_i64().unwrap();
    assert_eq!(end - NOW, 31 * 86_400);
    let advance = format!("test_helpers/test_clocks/{clock}/advance");
    api.make(&advance, &format!("frozen_time={}", end + 60)).await;
    let renewed = api.get(&path).await.body;
    assert_eq!(renewed["items"]["data"][0]["current_period_start"], end);
    api.make(&path, "cancel_at_period_end=true").await;
    api.make(&advance, &format!("frozen_time={}", end + 40 * 86_400)).await;
    assert_eq!(api.get(&path).await.body["status"], "canceled");
}
