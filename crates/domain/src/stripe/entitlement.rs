//! Stripe's own entitlements. Source: docs.stripe.com/billing/entitlements.

use serde_json::Value;

use super::json::{Missing, Reader};

/// Which features Stripe holds a customer entitled to, as a summary event says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntitlementSummary {
    /// `cus_…`
    pub customer_id: String,
    /// The features' `lookup_key`s, sorted.
    pub lookup_keys: Vec<String>,
    /// Whether there are more than the event carries: at most 10.
    pub truncated: bool,
}

impl EntitlementSummary {
    /// Reads an `entitlements.active_entitlement_summary`. It has no id of its own.
    ///
    /// # Errors
    /// The path of the first needed field that is missing.
    pub fn read(object: &Value) -> Result<Self, Missing> {
        let root = Reader::new(object);
        let (list, truncated) = root.list("entitlements")?;
        let mut lookup_keys = list.iter().map(|one| one.string("lookup_key")).collect::<Result<Vec<_>, _>>()?;
        lookup_keys.sort_unstable();
        lookup_keys.dedup();
        Ok(Self { customer_id: root.reference("customer")?, lookup_keys, truncated })
    }
}

/// The `lookup_key` of an active entitlement, as `/v1/entitlements/active_entitlements` lists them.
///
/// # Errors
/// When it is missing.
pub fn lookup_key(active_entitlement: &Value) -> Result<String, Missing> {
    Reader::new(active_entitlement).string("lookup_key")
}

/// A feature that a product carries, as `/v1/products/{id}/features` lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductFeature {
    /// What the application asks with; immutable in Stripe.
    pub lookup_key: String,
    /// The feature's name in Stripe.
    pub name: Option<String>,
}

impl ProductFeature {
    /// Reads a `product_feature`.
    ///
    /// # Errors
    /// When the feature or its `lookup_key` is missing.
    pub fn read(object: &Value) -> Result<Self, Missing> {
        let root = Reader::new(object);
        let feature = root.at("entitlement_feature").ok_or_else(|| root.wrong("entitlement_feature", "a feature"))?;
        Ok(Self { lookup_key: feature.string("lookup_key")?, name: feature.opt_string("name") })
    }
}
