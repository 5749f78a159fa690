//! What is sold and what it gives.

use domain::Timestamp;
use domain::stripe::{Price, Product};

/// What can depart from the installation's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyTarget<'a> {
    /// A feature, by key.
    Feature(&'a str),
    /// A price, by id.
    Price(&'a str),
}

/// What gives features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A price.
    Price,
    /// A product.
    Product,
}

impl TargetKind {
    /// `price` or `product`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Product => "product",
        }
    }
}

/// A price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRecord {
    /// The newest state.
    pub price: Price,
    /// Deleted in Stripe.
    pub deleted: bool,
}

/// A product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductRecord {
    /// The newest state.
    pub product: Product,
    /// Deleted in Stripe.
    pub deleted: bool,
    /// When the read of it began that last succeeded, its features included.
    pub synced_at: Option<Timestamp>,
    /// Why the last read of it failed; none when it succeeded.
    pub read_error: Option<String>,
}

/// A price or product with what it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogRow {
    /// Price or product.
    pub kind: TargetKind,
    /// Its id.
    pub id: String,
    /// The price, if known.
    pub price: Option<PriceRecord>,
    /// The product (of the price), if known.
    pub product: Option<ProductRecord>,
    /// All that is said of what it gives, in order ([`domain::catalog::put_in_order`]).
    pub grants: Vec<domain::catalog::FeatureGrant>,
    /// Customers with a subscription to it that is not ended, counted no further than [`COUNTED`] and one.
    pub customers: i64,
}
