//! One-time purchases from the buyer's click to the answer, and back again when the money goes back.

use domain::Livemode;
use serde_json::{Value, json};
use store::records::{Author, NewResync, Purpose, ResyncScope, ResyncStatus};

use super::program::Program;

/// Sells `price_pro` once through Checkout, to `customer` or to a guest; the completed session. Nothing is delivered yet.
fn sell(program: &Program, customer: Option<&str>, method: &str) -> Value {
    let stripe = program.stripe.control();
    stripe.create_product(Some("prod_1"), "Course");
    stripe.create_price(Some("price_pro"), "prod_1", 2900, None);
    let buyer = customer.map(|id| format!("&customer={id}")).unwrap_or_default();
    let form = format!(
        "mode=payment&success_url=https://a.example/&client_reference_id=user_1&line_items[0][price]=price_pro&line_items[0][quantity]=1{buyer}"
    );
    let session = stripe.request("POST", "checkout/sessions", &form);
    let path = format!("payment_pages/{}/confirm", session["id"].as_str().unwrap());
    let session = stripe.request("POST", &path, &format!("payment_method={method}"));
    assert_eq!(session["status"], "complete", "{session}");
    session
}

async fn deliver(program: &Program) {
    let delivered = program.stripe.control().deliver_all().await;
    assert!(delivered.iter().all(standin::DeliveryResult::accepted));
    program.settle().await;
}

async fn reason(program: &Program) -> Value {
    program.check("user_1").await["reason"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guests_purchase_is_refunded_and_the_refund_fails() {
    let program = Program::start().await;
    program.with_catalog().await;
    let session = sell(&program, None, "pm_card_visa");
    assert_eq!(session["customer"], Value::Null);
    deliver(&program).await;
    let answer = program.check("user_1").await;
    assert_eq!(
        (&answer["allowed"], &answer["reason"], &answer["until"]),
        (&json!(true), &json!("purchase"), &Value::Null)
    );
    assert_eq!(answer["sources"][0]["id"], session["id"]);

    let stripe = program.stripe.control();
    let form = format!("payment_intent={}", session["payment_intent"].as_str().unwrap());
    let refund = stripe.request("POST", "refunds", &form);
    deliver(&program).await;
    assert_eq!(reason(&program).await, "refunded");
    stripe.advance(864_000);
    program.clock.advance(864_000_000);
    stripe.fail_refund(refund["id"].as_str().unwrap());
    deliver(&program).await;
    assert_eq!(reason(&program).await, "purchase");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guests_purchase_that_no_webhook_told_of_comes_with_a_resync_of_everybody() {
    let program = Program::start().await;
    program.with_catalog().await;
    let session = sell(&program, None, "pm_card_visa");
    program.stripe.control().discard_queue();
    program.clock.advance(60_000);
    assert_eq!(reason(&program).await, "unknown_user");
    let new = NewResync { livemode: Livemode::Test, purpose: Purpose::Resync, scope: ResyncScope::All, applies: true };
    let author = Author::system(program.state.now());
    let id = program.state.store.create_resync(&new, &author).await.unwrap().resync_id;
    program.state.resyncs.work(None).await.unwrap().unwrap();
    let (resync, counts) = program.state.store.resync(&id).await.unwrap().unwrap();
    assert_eq!((resync.status, counts.applied), (ResyncStatus::Done, 1), "{:?} {counts:?}", resync.error);
    let answer = program.check("user_1").await;
    assert_eq!((&answer["reason"], &answer["sources"][0]["id"]), (&json!("purchase"), &session["id"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_webhook_told_of_a_purchase_comes_with_a_sync() {
    let program = Program::start().await;
    program.with_catalog().await;
    let stripe = program.stripe.control();
    stripe.create_customer(Some("cus_1"), Some("ada@example.com"), None, json!({}));
    let session = sell(&program, Some("cus_1"), "pm_card_visa");
    stripe.discard_queue();
    let sync = |body| program.send("POST", "/v1/sync", body);
    let report = sync(json!({"checkout_session_id": session["id"]})).await;
    assert_eq!(report["entitlements"][0]["reason"], "purchase", "{report}");
    let intent = session["payment_intent"].as_str().unwrap();
    let charge = stripe.object(intent).unwrap()["latest_charge"].as_str().unwrap().to_owned();
    let dispute = stripe.dispute(&charge, "needs_response");
    stripe.close_dispute(dispute["id"].as_str().unwrap(), "lost");
    stripe.discard_queue();
    program.clock.advance(60_000);
    sync(json!({"customer_id": "cus_1"})).await;
    assert_eq!(reason(&program).await, "disputed");
    let why: Value = program.get("/v1/users/user_1/diagnosis?feature=pro").await;
    assert_eq!(why["code"], "refunded", "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_outside_subscriptions_is_a_purchase() {
    let program = Program::start().await;
    program.with_catalog().await;
    let stripe = program.stripe.control();
    stripe.create_customer(Some("cus_1"), Some("ada@example.com"), None, json!({"user_id": "user_1"}));
    stripe.create_product(Some("prod_1"), "Course");
    stripe.create_price(Some("price_pro"), "prod_1", 2900, None);
    stripe.request("POST", "invoiceitems", "customer=cus_1&pricing[price]=price_pro");
    let invoice = stripe.request("POST", "invoices", "customer=cus_1");
    let path = format!("invoices/{}/pay", invoice["id"].as_str().unwrap());
    assert_eq!(stripe.request("POST", &path, "payment_method=pm_card_visa")["status"], "paid");
    deliver(&program).await;
    assert_eq!(reason(&program).await, "purchase");
    let events = stripe.events();
    let charged = events.iter().find(|event| event["type"] == "charge.succeeded").unwrap();
    let charge = charged["data"]["object"]["id"].as_str().unwrap();
    stripe.request("POST", "refunds", &format!("charge={charge}"));
    deliver(&program).await;
    assert_eq!(reason(&program).await, "refunded");
}
