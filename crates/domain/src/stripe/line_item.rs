//! What was bought: line items of Checkout Sessions and lines of invoices.

use serde::{Deserialize, Serialize};

use super::json::{Missing, Reader};

/// A price, how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineItem {
    /// `price_…`
    pub price_id: String,
    /// `prod_…`
    pub product_id: Option<String>,
    /// How many; 1 when Stripe gives none.
    pub quantity: i64,
}

impl LineItem {
    /// Reads a line item of a Checkout Session; none for one without a price.
    ///
    /// # Errors
    /// When its price has no id.
    pub(super) fn of_session(line: &Reader<'_>) -> Result<Option<Self>, Missing> {
        Self::with_price(line)
    }

    /// Reads a line of an invoice; none for one without a price, for a proration, and for a credit.
    ///
    /// The price is `price` (or `plan`) before 2025-03-31.basil and `pricing.price_details` since
    /// (docs.stripe.com/changelog/basil/2025-03-31/adds-new-parent-field-to-invoicing-objects).
    ///
    /// # Errors
    /// When its price has no id.
    pub(super) fn of_invoice(line: &Reader<'_>) -> Result<Option<Self>, Missing> {
        let parent = line.at("parent");
        let details = |key| parent.as_ref().and_then(|parent| parent.at(key));
        let prorated = line.flag("proration")
            || ["invoice_item_details", "subscription_item_details"]
                .into_iter()
                .any(|key| details(key).is_some_and(|details| details.flag("proration")));
        if prorated || line.opt_int("amount").is_some_and(|amount| amount < 0) {
            return Ok(None);
        }
        let Some(pricing) = line.at("pricing").and_then(|pricing| pricing.at("price_details")) else {
            return Self::with_price(line);
        };
        let product = pricing.opt_reference("product");
        let product = product.or_else(|| pricing.at("price").and_then(|price| price.opt_reference("product")));
        Ok(Some(Self {
            price_id: pricing.reference("price")?,
            product_id: product,
            quantity: line.opt_int("quantity").unwrap_or(1),
        }))
    }

    fn with_price(line: &Reader<'_>) -> Result<Option<Self>, Missing> {
        let quantity = line.opt_int("quantity").unwrap_or(1);
        if let Some(price) = line.at("price").or_else(|| line.at("plan")) {
            let (price_id, product_id) = (price.string("id")?, price.opt_reference("product"));
            return Ok(Some(Self { price_id, product_id, quantity }));
        }
        Ok(line.opt_string("price").map(|price_id| Self { price_id, product_id: None, quantity }))
    }
}
