//! The catalog: features, and which price or product gives which feature with which value.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::Term;
use crate::access::{Policy, PolicyExceptions};

/// What kind of thing a feature is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeatureType {
    /// On or off.
    #[default]
    Switch,
    /// A number that is allowed at once, such as seats.
    Limit,
    /// A number that is used up.
    Metered,
}

impl FeatureType {
    /// All types.
    pub const ALL: [Self; 3] = [Self::Switch, Self::Limit, Self::Metered];

    /// The type's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Limit => "limit",
            Self::Metered => "metered",
        }
    }

    /// Reads a type's word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Something the host application asks for by key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// The key the application asks with: 1 to 80 of `a-z A-Z 0-9 _ - . :`.
    pub key: String,
    /// A name for people.
    pub name: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: FeatureType,
    /// Where this feature departs from the installation's policy.
    #[serde(default, skip_serializing_if = "PolicyExceptions::is_empty")]
    pub policy: PolicyExceptions,
}

impl Feature {
    /// A feature without a name that follows the installation's policy.
    #[must_use]
    pub fn new(key: impl Into<String>, kind: FeatureType) -> Self {
        Self { key: key.into(), name: None, kind, policy: PolicyExceptions::default() }
    }
}

/// Whether `key` can be a feature's key (Stripe's `lookup_key` has at most 80 characters).
#[must_use]
pub fn is_feature_key(key: &str) -> bool {
    (1..=80).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':'))
}

/// Who says that a price or product gives a feature.
///
/// What they say adds up. Where several say it of the same feature of the same price (or product), the strongest gives value, duration
/// and credits: by hand before metadata before Stripe's product features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GrantSource {
    /// Stripe's product features (docs.stripe.com/billing/entitlements).
    Stripe,
    /// `features` in the metadata of the price or product, see [`crate::metadata`].
    Metadata,
    /// Set here, by staff or by the host application.
    #[default]
    Manual,
}

impl GrantSource {
    /// All sources, the weakest first.
    pub const ALL: [Self; 3] = [Self::Stripe, Self::Metadata, Self::Manual];

    /// The source's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Metadata => "metadata",
            Self::Manual => "manual",
        }
    }

    /// Reads a source's word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == text)
    }

    /// Whether it was set here.
    #[must_use]
    pub const fn is_manual(&self) -> bool {
        matches!(self, Self::Manual)
    }
}

/// A price or a product gives a feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureGrant {
    /// The feature's key.
    pub feature: String,
    /// The number for a limit or a metered feature; for a limit without one, the quantity that was bought.
    pub value: Option<i64>,
    /// How long a one-time purchase gives it, from the moment of payment; none is for ever. A subscription gives it for as long as it
    /// lasts, whatever stands here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Term>,
    /// Credits that each unit of a one-time purchase adds, instead of a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits: Option<i64>,
    /// Who says so.
    #[serde(default, skip_serializing_if = "GrantSource::is_manual")]
    pub source: GrantSource,
}

impl FeatureGrant {
    /// A grant of a switch, for as long as it is paid for.
    #[must_use]
    pub fn of(feature: impl Into<String>) -> Self {
        Self { feature: feature.into(), value: None, duration: None, credits: None, source: GrantSource::Manual }
    }

    /// The same with a number.
    #[must_use]
    pub fn with_value(self, value: Option<i64>) -> Self {
        Self { value, ..self }
    }

    /// The same, said by another.
    #[must_use]
    pub fn said_by(self, source: GrantSource) -> Self {
        Self { source, ..self }
    }
}

/// Puts all that is said of one price or product in order: by feature, the strongest source first.
pub fn put_in_order(said: &mut [FeatureGrant]) {
    said.sort_by(|a, b| (&a.feature, b.source).cmp(&(&b.feature, a.source)));
}

/// What counts of all that is said of one price or product, in order: each feature once, as its strongest source says.
pub fn counting(said: &[FeatureGrant]) -> impl Iterator<Item = &FeatureGrant> {
    said.iter().enumerate().filter(|(n, grant)| *n == 0 || said[n - 1].feature != grant.feature).map(|(_, grant)| grant)
}

/// The catalog of one mode, as decisions look it up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Catalog {
    /// Features by key.
    pub features: HashMap<String, Feature>,
    /// All that is said of what a price gives, by price id, in order ([`put_in_order`]).
    pub prices: HashMap<String, Vec<FeatureGrant>>,
    /// All that is said of what a product gives, by product id, in order; a price's own entry adds to it.
    pub products: HashMap<String, Vec<FeatureGrant>>,
    /// Where a price departs from the policy, by price id.
    pub price_policies: HashMap<String, PolicyExceptions>,
}

impl Catalog {
    /// What an item of this price and product gives: the price's entry and the product's, together.
    pub fn grants<'a>(&'a self, price_id: &str, product_id: Option<&str>) -> impl Iterator<Item = &'a FeatureGrant> {
        let price = self.prices.get(price_id).map(Vec::as_slice).unwrap_or_default();
        let product = product_id.and_then(|id| self.products.get(id)).map(Vec::as_slice).unwrap_or_default();
        counting(price).chain(counting(product))
    }

    /// The policy for a feature that comes from a price: the price's word before the feature's before the installation's.
    #[must_use]
    pub fn policy(&self, installation: &Policy, feature: Option<&str>, price_id: Option<&str>) -> Policy {
        let feature = feature.and_then(|key| self.features.get(key)).map(|feature| &feature.policy);
        installation.except(feature).except(price_id.and_then(|id| self.price_policies.get(id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_source_of_a_feature_counts_and_sources_add_up() {
        let said = |feature: &str, value, source| FeatureGrant::of(feature).with_value(value).said_by(source);
        let mut all = vec![
            said("seats", Some(3), GrantSource::Stripe),
            said("seats", Some(5), GrantSource::Metadata),
            said("export", None, GrantSource::Stripe),
            said("api", None, GrantSource::Manual),
            said("seats", Some(9), GrantSource::Manual),
        ];
        put_in_order(&mut all);
        let told: Vec<_> = counting(&all).map(|grant| (grant.feature.as_str(), grant.value, grant.source)).collect();
        assert_eq!(
            told,
            [
                ("api", None, GrantSource::Manual),
                ("export", None, GrantSource::Stripe),
                ("seats", Some(9), GrantSource::Manual)
            ]
        );
    }
}
