//! Thin events end to end: the object is asked for, its customer read, and what goes wrong is shown.

use domain::Timestamp;
use serde_json::{Value, json};
use standin::{CheckoutSpec, Faults, SubscriptionSpec};

use super::program::Program;

/// The thin event of a change that `event`, a snapshot, tells of; none where Stripe has none, since its object has no id.
pub(super) fn thin_of(event: &Value) -> Option<Value> {
    let object = &event["data"]["object"];
    let created = Timestamp::from_secs(event["created"].as_i64()?).plus_millis(250);
    Some(json!({
        "id": event["id"], "object": "v2.core.event", "type": format!("v1.{}", event["type"].as_str()?), "created": created.to_string(),
        "livemode": event["livemode"], "context": null, "reason": null,
        "related_object": {"id": object["id"].as_str()?, "type": object["object"], "url": format!("/v1/{}", object["id"].as_str()?)}
    }))
}

/// A thin event about an object, now.
fn thin(program: &Program, id: &str, kind: &str, object: (&str, &str)) -> Value {
    let object = json!({"id": object.1, "object": object.0});
    let event =
        json!({"id": id, "type": kind, "created": program.now(), "livemode": false, "data": {"object": object}});
    thin_of(&event).unwrap()
}

async fn deliver(program: &Program, event: &Value) -> Value {
    assert!(program.deliver(event).await.status().is_success());
    program.settle().await;
    program.get(&format!("/v1/events/{}", event["id"].as_str().unwrap())).await
}

/// `cus_1` of `user_1` bought `price_pro` once; the session with its charge. No webhook told of it.
fn sold(program: &Program, customer: Option<&str>) -> (Value, String) {
    let stripe = program.stripe.control();
    stripe.create_product(Some("prod_1"), "Course");
    stripe.create_price(Some("price_pro"), "prod_1", 2900, None);
    let buyer = customer.map(|id| {
        stripe.create_customer(Some(id), Some("ada@example.com"), None, json!({}));
        format!("&customer={id}")
    });
    let form = format!(
        "mode=payment&success_url=https://a.example/&client_reference_id=user_1&line_items[0][price]=price_pro&line_items[0][quantity]=1{}",
        buyer.unwrap_or_default()
    );
    let session = stripe.request("POST", "checkout/sessions", &form);
    let path = format!("payment_pages/{}/confirm", session["id"].as_str().unwrap());
    let session = stripe.request("POST", &path, "payment_method=pm_card_visa");
    let intent = stripe.object(session["payment_intent"].as_str().unwrap()).unwrap();
    stripe.discard_queue();
    (session, intent["latest_charge"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_object_leads_to_its_payer() {
    for customer in [Some("cus_1"), None] {
        for kind in ["checkout.session", "charge", "refund", "dispute", "payment_intent"] {
            let program = Program::start().await;
            program.with_catalog().await;
            let (session, charge) = sold(&program, customer);
            let stripe = program.stripe.control();
            let (object, event, reason) = match kind {
                "checkout.session" => (session["id"].clone(), "checkout.session.completed", "purchase"),
                "payment_intent" => (session["payment_intent"].clone(), "payment_intent.payment_failed", "purchase"),
                "dispute" => {
                    let dispute = stripe.dispute(&charge, "needs_response");
                    stripe.close_dispute(dispute["id"].as_str().unwrap(), "lost");
                    (dispute["id"].clone(), "charge.dispute.closed", "disputed")
                }
                kind => {
                    let refund = stripe.request("POST", "refunds", &format!("charge={charge}"));
                    let object = if kind == "refund" { refund["id"].clone() } else { json!(charge) };
                    let event = if kind == "refund" { "refund.updated" } else { "charge.refunded" };
                    (object, event, "refunded")
                }
            };
            stripe.discard_queue();
            program.clock.advance(10_000);
            let stored = deliver(&program, &thin(&program, "evt_1", event, (kind, object.as_str().unwrap()))).await;
            assert_eq!(stored["status"], "processed", "{kind} of {customer:?}: {stored}");
            assert_eq!(stored["customer_id"], customer.map_or(session["id"].clone(), |id| json!(id)), "{kind}");
            assert_eq!(program.check("user_1").await["reason"], reason, "{kind} of {customer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_leads_to_its_customer_and_a_subscription_with_many_items_is_paged() {
    let program = Program::start().await;
    program.with_catalog().await;
    let stripe = program.stripe.control();
    stripe.create_product(Some("prod_1"), "Pro");
    stripe.create_customer(Some("cus_1"), None, None, json!({"user_id": "user_1"}));
    let prices: Vec<(String, u64)> =
        (0..24).map(|n| (format!("price_{n}"), 1)).chain([("price_pro".to_owned(), 1)]).collect();
    stripe.subscribe(SubscriptionSpec {
        id: Some("sub_1".into()),
        customer: "cus_1".into(),
        prices,
        ..Default::default()
    });
    stripe.create_price(Some("price_once"), "prod_1", 2900, None);
    stripe.request("POST", "invoiceitems", "customer=cus_1&pricing[price]=price_once");
    let invoice = stripe.request("POST", "invoices", "customer=cus_1");
    let invoice = invoice["id"].as_str().unwrap();
    stripe.request("POST", &format!("invoices/{invoice}/pay"), "payment_method=pm_card_visa");
    stripe.discard_queue();
    let stored = deliver(&program, &thin(&program, "evt_1", "invoice.paid", ("invoice", invoice))).await;
    assert_eq!((stored["status"].as_str(), stored["customer_id"].as_str()), (Some("processed"), Some("cus_1")));
    assert_eq!(program.check("user_1").await["reason"], "subscription_active", "the last of 25 items gives it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stripes_outage_is_waited_for_and_a_missing_object_is_not() {
    let program = Program::start().await;
    program.with_catalog().await;
    let stripe = program.stripe.control();
    stripe.create_customer(Some("cus_1"), None, None, json!({"user_id": "user_1"}));
    stripe.subscribe(SubscriptionSpec {
        id: Some("sub_1".into()),
        customer: "cus_1".into(),
        prices: vec![("price_pro".into(), 1)],
        ..Default::default()
    });
    stripe.discard_queue();
    stripe.set_faults(Faults { fail_paths: vec![("sub_1".into(), 503)], ..Faults::default() });
    let news = thin(&program, "evt_1", "customer.subscription.created", ("subscription", "sub_1"));
    let stored = deliver(&program, &news).await;
    assert_eq!(stored["status"], "failed");
    assert!(stored.to_string().contains("503"), "{stored}");
    stripe.set_faults(Faults::default());
    program.settle().await;
    assert_eq!(program.check("user_1").await["allowed"], false, "not before its time");
    program.clock.advance(60_000);
    program.settle().await;
    assert_eq!(program.check("user_1").await["reason"], "subscription_active");
    let stored = program.get("/v1/events/evt_1").await;
    assert_eq!(stored["status"], "processed", "{stored}");

    let gone = thin(&program, "evt_2", "customer.subscription.updated", ("subscription", "sub_none"));
    let stored = deliver(&program, &gone).await;
    assert_eq!(stored["status"], "dead");
    assert!(stored.to_string().contains("No such subscription: 'sub_none'"), "{stored}");
    // A payment that neither a customer nor a Checkout Session made is nobody's.
    let intent =
        stripe.request("POST", "payment_intents", "amount=500&currency=usd&confirm=true&payment_method=pm_card_visa");
    stripe.discard_queue();
    let charge = intent["latest_charge"].as_str().unwrap();
    let stored = deliver(&program, &thin(&program, "evt_3", "charge.refunded", ("charge", charge))).await;
    assert_eq!(stored["status"], "ignored", "{stored}");
    let asked = stripe.requests().len();
    program.clock.advance(30 * 86_400_000);
    program.settle().await;
    assert_eq!(stripe.requests().len(), asked, "nothing asks for ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn products_prices_and_sessions_of_nobody_are_read_themselves() {
    let program = Program::start().await;
    let stripe = program.stripe.control();
    stripe.create_product(Some("prod_1"), "Pro");
    stripe.create_price(Some("price_pro"), "prod_1", 2900, Some("month"));
    stripe.checkout(CheckoutSpec {
        id: Some("cs_1".into()),
        status: Some("expired".into()),
        client_reference_id: Some("user_1".into()),
        payment_status: Some("unpaid".into()),
        ..CheckoutSpec::default()
    });
    stripe.discard_queue();
    for (n, (kind, object)) in [
        ("product.created", ("product", "prod_1")),
        ("price.created", ("price", "price_pro")),
        ("checkout.session.expired", ("checkout.session", "cs_1")),
    ]
    .into_iter()
    .enumerate()
    {
        let stored = deliver(&program, &thin(&program, &format!("evt_{n}"), kind, object)).await;
        assert_eq!(stored["status"], "processed", "{kind}: {stored}");
    }
    let store = &program.state.store;
    let mode = domain::Livemode::Test;
    assert_eq!(store.product(mode, "prod_1").await.unwrap().unwrap().product.name.as_deref(), Some("Pro"));
    assert_eq!(store.price(mode, "price_pro").await.unwrap().unwrap().price.unit_amount, Some(2900));
    let session = store.checkout_session(mode, "cs_1").await.unwrap().unwrap().session;
    assert_eq!(session.status.as_deref(), Some("expired"));
    stripe.delete_product("prod_1");
    stripe.discard_queue();
    program.clock.advance(60_000);
    deliver(&program, &thin(&program, "evt_gone", "product.deleted", ("product", "prod_1"))).await;
    assert!(store.product(mode, "prod_1").await.unwrap().unwrap().deleted);
}
