//! Customers, Checkout Sessions, products and prices.

use domain::Timestamp;
use domain::stripe::{CheckoutSession, Customer, Price, Product};
use serde_json::{Value, json};

use crate::{fixture, keys, replaced, without};

#[test]
fn a_customer() {
    let customer = Customer::read(&fixture("customer"), &keys()).unwrap();
    let expected = Customer {
        id: "cus_NffrFeUfNV2Hib".to_owned(),
        email: Some("jennyrosen@example.com".to_owned()),
        name: Some("Jenny Rosen".to_owned()),
        deleted: false,
        claimed_user: Some("user_7".to_owned()),
    };
    assert_eq!(customer, expected);
    let own_key = Customer::read(&fixture("customer"), &["plan".to_owned()]).unwrap();
    assert_eq!(own_key.claimed_user.as_deref(), Some("gold"), "the keys are the caller's");
}

#[test]
fn a_deleted_customer_is_little_more_than_its_id() {
    let customer = Customer::read(&fixture("customer_deleted"), &keys()).unwrap();
    assert_eq!((customer.id.as_str(), customer.deleted, customer.email), ("cus_NffrFeUfNV2Hib", true, None));
    let message = Customer::read(&without("customer", "/id"), &keys()).unwrap_err().to_string();
    assert_eq!(message, "id is missing: expected a string");
}

#[test]
fn an_old_checkout_session() {
    let session = CheckoutSession::read(&fixture("checkout_session_2022-11-15"), &keys()).unwrap();
    assert_eq!(session.mode, "subscription");
    assert_eq!(session.status.as_deref(), Some("complete"));
    assert_eq!(session.customer_id.as_deref(), Some("cus_Na6dX7aXxi11N4"));
    assert_eq!(session.subscription_id.as_deref(), Some("sub_1MowQVLkdIwHu7ixeRlqHVzs"));
    assert_eq!(session.client_reference_id.as_deref(), Some("user_8f21c"));
    assert_eq!(session.claimed_user, None);
    assert_eq!(
        session.email.as_deref(),
        Some("given.at.checkout@example.com"),
        "what was typed, not what was filled in"
    );
    assert_eq!(session.expires_at, Some(Timestamp::from_secs(1_679_686_615)));
    assert!(!session.is_payment_pending());
}

#[test]
fn a_new_checkout_session_whose_payment_is_delayed() {
    let name = "checkout_session_2025-09-30.clover_expanded";
    let session = CheckoutSession::read(&fixture(name), &keys()).unwrap();
    assert_eq!(session.customer_id.as_deref(), Some("cus_TClover00000"));
    assert_eq!(session.subscription_id.as_deref(), Some("sub_1SDcloverLkdIwHu7ix00000"));
    assert_eq!(session.client_reference_id, None, "an empty reference names nobody");
    assert_eq!(session.claimed_user.as_deref(), Some("user_9"));
    assert_eq!(session.email.as_deref(), Some("prefilled@example.com"));
    assert!(session.is_payment_pending());
    let read = |pointer, value: Value| CheckoutSession::read(&replaced(name, pointer, value), &keys()).unwrap();
    assert!(!read("/payment_status", json!("no_payment_required")).is_payment_pending());
    assert!(!read("/status", json!("open")).is_payment_pending());
    assert_eq!(read("/customer", Value::Null).customer_id, None, "a guest");
    assert_eq!(read("/customer", json!({"id": "cus_x", "deleted": true})).customer_id.as_deref(), Some("cus_x"));
    for field in ["id", "mode", "payment_status"] {
        let message = CheckoutSession::read(&without(name, &format!("/{field}")), &keys()).unwrap_err().to_string();
        assert_eq!(message, format!("{field} is missing: expected a string"));
    }
}

#[test]
fn a_price_a_plan_and_a_product() {
    let price = fixture("price_2025-09-30.clover");
    let expected = Price {
        id: "price_1SDmonth".to_owned(),
        product_id: Some("prod_TCmonth".to_owned()),
        nickname: Some("Pro, monthly".to_owned()),
        unit_amount: Some(1500),
        currency: Some("usd".to_owned()),
        interval: Some("month".to_owned()),
        active: true,
        features: None,
    };
    assert_eq!(Price::read(&price).unwrap(), expected);
    let product = Product::read(&price["product"]).unwrap();
    assert_eq!(
        product,
        Product { id: "prod_TCmonth".to_owned(), name: Some("Pro".to_owned()), active: false, features: None }
    );
    let plan = &fixture("subscription_plan_only")["items"]["data"][0]["plan"];
    let plan = Price::read(plan).unwrap();
    assert_eq!(
        (plan.unit_amount, plan.interval.as_deref(), plan.product_id.as_deref()),
        (Some(900), Some("month"), Some("prod_old"))
    );
    let deleted = Product::read(&json!({"id": "prod_1", "object": "product", "deleted": true})).unwrap();
    assert!(!deleted.active);
    assert_eq!(Price::read(&json!({})).unwrap_err().path, "id");
}
