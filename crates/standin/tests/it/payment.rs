//! One-time purchases: what they sell, what comes back of them, and in which words.

use serde_json::{Value, json};
use standin::Options;

use crate::support::Api;

/// A price of 20.00 and an open session of mode `payment` that sells two of it; the ids of both.
async fn open_session(api: &Api, more: &str) -> (String, String) {
    let product = api.standin.control().create_product(None, "Course");
    let price = api.standin.control().create_price(None, product["id"].as_str().unwrap(), 2000, None);
    let price = price["id"].as_str().unwrap().to_owned();
    let form = format!(
        "mode=payment&success_url=https://a.example/&line_items[0][price]={price}&line_items[0][quantity]=2{more}"
    );
    let session = api.make("checkout/sessions", &form).await;
    (price, session["id"].as_str().unwrap().to_owned())
}

async fn pay(api: &Api, session: &str, method: &str) -> Value {
    api.make(&format!("payment_pages/{session}/confirm"), &format!("payment_method={method}")).await
}

#[tokio::test]
async fn a_guests_session_says_what_it_sells_when_it_is_asked() {
    let api = Api::new().await;
    let (price, session) = open_session(&api, "&client_reference_id=user_1").await;
    let paid = pay(&api, &session, "pm_card_visa").await;
    assert_eq!((&paid["customer"], &paid["payment_status"]), (&Value::Null, &json!("paid")));
    assert!(paid.get("line_items").is_none(), "neither the answer nor the event has them");
    let path =
        format!("checkout/sessions/{session}?expand[0]=line_items&expand[1]=payment_intent.latest_charge.refunds");
    let whole = api.get(&path).await.body;
    assert_eq!(whole["line_items"]["data"][0]["price"]["id"], price.as_str());
    assert_eq!(whole["line_items"]["data"][0]["quantity"], 2);
    let charge = &whole["payment_intent"]["latest_charge"];
    assert_eq!((&charge["amount"], &charge["refunds"]["data"]), (&json!(4000), &json!([])));
}

#[tokio::test]
async fn lists_hold_what_is_expanded_ten_at_most() {
    let api = Api::new().await;
    let customer = api.make("customers", "email=ada@example.com").await["id"].as_str().unwrap().to_owned();
    let (_, session) = open_session(&api, &format!("&customer={customer}")).await;
    pay(&api, &session, "pm_card_visa").await;
    let charges = api.get(&format!("charges?customer={customer}")).await.body;
    let charge = charges["data"][0]["id"].as_str().unwrap().to_owned();
    for _ in 0..11 {
        api.make("refunds", &format!("charge={charge}&amount=100")).await;
    }
    let charges = api.get(&format!("charges?customer={customer}&expand[0]=data.refunds")).await.body;
    let refunds = &charges["data"][0]["refunds"];
    assert_eq!((refunds["data"].as_array().unwrap().len(), &refunds["has_more"]), (10, &json!(true)));
    let all = api.get(&format!("refunds?charge={charge}&limit=100")).await.body;
    assert_eq!(all["data"].as_array().unwrap().len(), 11);
    let sessions = api.get(&format!("checkout/sessions?customer={customer}&expand[0]=data.line_items")).await.body;
    assert_eq!(sessions["data"][0]["line_items"]["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_invoice_outside_subscriptions_names_its_price_in_both_shapes() {
    for (version, place) in [("2024-06-20", "/price/id"), ("2026-09-30.endive", "/pricing/price_details/price")] {
        let api = Api::with(Options { api_version: version.to_owned(), ..Options::default() }).await;
        let customer = api.make("customers", "invoice_settings[default_payment_method]=pm_card_visa").await;
        let customer = customer["id"].as_str().unwrap();
        let (price, _) = open_session(&api, "").await;
        api.make("invoiceitems", &format!("customer={customer}&pricing[price]={price}&quantity=3")).await;
        let invoice = api.make("invoices", &format!("customer={customer}")).await;
        let paid = api.make(&format!("invoices/{}/pay", invoice["id"].as_str().unwrap()), "").await;
        let line = &paid["lines"]["data"][0];
        assert_eq!(line.pointer(place), Some(&json!(price)), "{version}: {line}");
        assert_eq!((&line["quantity"], &line["amount"]), (&json!(3), &json!(6000)));
        let listed = api.get(&format!("invoices?customer={customer}&expand[0]=data.payments")).await.body;
        assert!(listed["data"][0]["payments"]["data"][0]["payment"]["payment_intent"].is_string());
    }
}

#[tokio::test]
async fn a_refund_that_fails_is_told_in_three_events() {
    let api = Api::new().await;
    let (_, session) = open_session(&api, "").await;
    let paid = pay(&api, &session, "pm_card_visa").await;
    let intent = paid["payment_intent"].as_str().unwrap();
    let refund = api.make("refunds", &format!("payment_intent={intent}")).await;
    let before = api.types().len();
    let failed = api.standin.control().fail_refund(refund["id"].as_str().unwrap());
    assert_eq!(failed["status"], "failed");
    assert_eq!(api.types()[before..], ["refund.updated", "charge.refund.updated", "refund.failed"]);
    let charge = api.standin.control().object(refund["charge"].as_str().unwrap()).unwrap();
    assert_eq!((&charge["amount_refunded"], &charge["refunded"]), (&json!(0), &json!(false)));
}
