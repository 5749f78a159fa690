//! Stripe's entitlements: summaries, lists, and the features of products.

use domain::stripe::entitlement::lookup_key;
use domain::stripe::{EntitlementSummary, ProductFeature};
use serde_json::{Value, json};

fn entitlement(key: &str) -> Value {
    json!({
        "id": format!("ent_test_{key}"), "object": "entitlements.active_entitlement", "feature": format!("feat_test_{key}"),
        "livemode": false, "lookup_key": key
    })
}

fn summary() -> Value {
    json!({
        "object": "entitlements.active_entitlement_summary", "customer": "cus_1", "livemode": false,
        "entitlements": {
            "object": "list", "data": [entitlement("seats"), entitlement("pro"), entitlement("pro")], "has_more": true,
            "url": "/v1/customer/cus_1/entitlements"
        }
    })
}

#[test]
fn a_summary_names_customer_and_features() {
    let read = EntitlementSummary::read(&summary()).unwrap();
    assert_eq!((read.customer_id.as_str(), read.truncated), ("cus_1", true));
    assert_eq!(read.lookup_keys, ["pro", "seats"]);
}

#[test]
fn what_is_missing_is_named() {
    let fault = |change: fn(&mut Value)| {
        let mut object = summary();
        change(&mut object);
        EntitlementSummary::read(&object).unwrap_err().path
    };
    assert_eq!(fault(|s| s["customer"] = Value::Null), "customer");
    assert_eq!(fault(|s| s["entitlements"] = Value::Null), "entitlements");
    assert_eq!(fault(|s| s["entitlements"]["data"] = Value::Null), "entitlements.data");
    assert_eq!(fault(|s| s["entitlements"]["has_more"] = json!("no")), "entitlements.has_more");
    assert_eq!(fault(|s| s["entitlements"]["data"][1]["lookup_key"] = Value::Null), "entitlements.data[1].lookup_key");
}

#[test]
fn features_of_products_and_lists_have_their_key() {
    let feature = json!({
        "id": "feat_1", "object": "entitlements.feature", "active": true, "livemode": false, "lookup_key": "pro",
        "metadata": {}, "name": "Pro"
    });
    let joined =
        json!({"id": "prodft_1", "object": "product_feature", "entitlement_feature": feature, "livemode": false});
    let read = ProductFeature::read(&joined).unwrap();
    assert_eq!((read.lookup_key.as_str(), read.name.as_deref()), ("pro", Some("Pro")));
    assert_eq!(ProductFeature::read(&json!({})).unwrap_err().path, "entitlement_feature");
    assert_eq!(lookup_key(&entitlement("api")).unwrap(), "api");
    assert_eq!(lookup_key(&json!({})).unwrap_err().path, "lookup_key");
}
