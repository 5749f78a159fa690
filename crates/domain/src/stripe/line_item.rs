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
    /// How many; 1 when Stripe counts none.
    pub quantity: i64,
}

impl LineItem {
    /// Reads what a subscription's item, or a Checkout Session's, sells; none for one without a price.
    ///
    /// # Errors
    /// When what stands there is no price, lacks its id or product, or the number of it is missing.
    pub(super) fn read(line: &Reader<'_>) -> Result<Option<Self>, Missing> {
        if let Some(price) = line.at("price") {
            let usage = price.at("recurring").and_then(|recurring| recurring.opt_string("usage_type"));
            let is_counted = usage.is_some_and(|usage| usage == "licensed");
            return Ok(Some(Self {
                price_id: price.string("id")?,
                product_id: Some(price.reference("product")?),
                quantity: quantity(line, is_counted)?,
            }));
        }
        if let Some(plan) = line.at("plan") {
            // Plans of before products have none.
            let product_id = plan.opt_reference("product");
            return Ok(Some(Self { price_id: plan.string("id")?, product_id, quantity: quantity(line, false)? }));
        }
        let price_id = line.nullable("price", "a price", Reader::opt_string)?;
        let quantity = quantity(line, false)?;
        Ok(price_id.map(|price_id| Self { price_id, product_id: None, quantity }))
    }

    /// Reads a line of an invoice; none for one without a price, for a proration, and for a credit.
    ///
    /// The price is `price` (or `plan`) before 2025-03-31.basil and `pricing.price_details` since
    /// (docs.stripe.com/changelog/basil/2025-03-31/adds-new-parent-field-to-invoicing-objects).
    ///
    /// # Errors
    /// When what stands there is no price, lacks its id or product, or a number is missing.
    pub(super) fn of_invoice(line: &Reader<'_>) -> Result<Option<Self>, Missing> {
        let parent = line.at("parent");
        let details = |key| parent.as_ref().and_then(|parent| parent.at(key));
        let prorated = line.flag("proration")
            || ["invoice_item_details", "subscription_item_details"]
                .into_iter()
                .any(|key| details(key).is_some_and(|details| details.flag("proration")));
        if line.int("amount")? < 0 || prorated {
            return Ok(None);
        }
        if line.value().get("pricing").is_none() {
            return Self::read(line);
        }
        let Some(pricing) = line.nullable("pricing", "an object or null", Reader::at)? else { return Ok(None) };
        let details =
            pricing.at("price_details").ok_or_else(|| pricing.wrong("price_details", "a price and its product"))?;
        let product = details.opt_reference("product");
        let product = product.or_else(|| details.at("price").and_then(|price| price.opt_reference("product")));
        Ok(Some(Self {
            price_id: details.reference("price")?,
            product_id: Some(product.ok_or_else(|| details.wrong("product", "an id or an expanded object"))?),
            quantity: quantity(line, false)?,
        }))
    }
}

/// How many: a whole number, or the whole part of `quantity_decimal` (docs.stripe.com/changelog, 2026-03-25.dahlia). 1 where Stripe
/// counts none, as for metered prices.
fn quantity(line: &Reader<'_>, is_counted: bool) -> Result<i64, Missing> {
    let wrong = || line.wrong("quantity", "a whole number");
    if line.value().get("quantity").is_some_and(|quantity| !quantity.is_null()) {
        return line.int("quantity");
    }
    if let Some(decimal) = line.opt_string("quantity_decimal") {
        return decimal.split('.').next().and_then(|whole| whole.parse().ok()).ok_or_else(wrong);
    }
    if is_counted { Err(wrong()) } else { Ok(1) }
}
