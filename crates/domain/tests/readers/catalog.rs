//! Keys of features, and what a price and its product give together.

use domain::catalog::{Catalog, FeatureGrant, is_feature_key};

#[test]
fn feature_keys() {
    for good in ["pro", "a", "seats_2", "api.calls", "team:read", "A-1", &"x".repeat(80)] {
        assert!(is_feature_key(good), "{good}");
    }
    for bad in ["", " pro", "pro plan", "é", "a/b", "pro\n", &"x".repeat(81)] {
        assert!(!is_feature_key(bad), "{bad:?}");
    }
}

#[test]
fn a_price_adds_to_its_product() {
    let grant = |feature: &str, value| FeatureGrant::of(feature).with_value(value);
    let catalog = Catalog {
        prices: [("price_1".to_owned(), vec![grant("seats", Some(5))])].into(),
        products: [("prod_1".to_owned(), vec![grant("pro", None), grant("seats", Some(3))])].into(),
        ..Catalog::default()
    };
    let given =
        |price, product| catalog.grants(price, product).map(|g| (g.feature.as_str(), g.value)).collect::<Vec<_>>();
    assert_eq!(given("price_1", Some("prod_1")), [("seats", Some(5)), ("pro", None), ("seats", Some(3))]);
    assert_eq!(given("price_1", None), [("seats", Some(5))]);
    assert_eq!(given("price_2", Some("prod_1")), [("pro", None), ("seats", Some(3))]);
    assert!(given("price_2", Some("prod_2")).is_empty());
}
