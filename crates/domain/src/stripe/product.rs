//! Products and prices: the names and amounts the catalog shows.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{Missing, Reader};
use crate::metadata::FEATURES_KEY;

/// A product as the catalog shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// `prod_…`
    pub id: String,
    /// Its name in Stripe.
    pub name: Option<String>,
    /// Whether it can still be bought.
    pub active: bool,
    /// `features` of its metadata, see [`crate::metadata`].
    #[serde(default)]
    pub features: Option<String>,
}

impl Product {
    /// Reads a product.
    ///
    /// # Errors
    /// When the id is missing.
    pub fn read(object: &Value) -> Result<Self, Missing> {
        let root = Reader::new(object);
        Ok(Self {
            id: root.string("id")?,
            name: root.opt_string("name"),
            active: root.flag("active"),
            features: features_of(&root),
        })
    }
}

/// A price as the catalog shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// `price_…`
    pub id: String,
    /// `prod_…`
    pub product_id: Option<String>,
    /// A name given in Stripe.
    pub nickname: Option<String>,
    /// The amount in the currency's smallest unit; none for tiers and custom amounts.
    pub unit_amount: Option<i64>,
    /// ISO code in lower case.
    pub currency: Option<String>,
    /// `day`, `week`, `month` or `year`; none for one-time prices.
    pub interval: Option<String>,
    /// Whether it can still be bought.
    pub active: bool,
    /// `features` of its metadata, see [`crate::metadata`].
    #[serde(default)]
    pub features: Option<String>,
}

fn features_of(root: &Reader<'_>) -> Option<String> {
    root.at("metadata").and_then(|metadata| metadata.opt_string(FEATURES_KEY))
}

impl Price {
    /// Reads a price, or the old plan object.
    ///
    /// # Errors
    /// When the id is missing.
    pub fn read(object: &Value) -> Result<Self, Missing> {
        let root = Reader::new(object);
        Ok(Self {
            id: root.string("id")?,
            product_id: root.opt_reference("product"),
            nickname: root.opt_string("nickname"),
            unit_amount: root.opt_int("unit_amount").or_else(|| root.opt_int("amount")),
            currency: root.opt_string("currency"),
            interval: root
                .at("recurring")
                .and_then(|recurring| recurring.opt_string("interval"))
                .or_else(|| root.opt_string("interval")),
            active: root.flag("active"),
            features: features_of(&root),
        })
    }
}
