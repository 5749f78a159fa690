//! What Stripe's refusal of a session means in terms of our own parameters.

use domain::Livemode;
use gateway::{CheckoutItem, Error};
use http::StatusCode;

use crate::error::ApiError;

/// Stripe's parameters and ours, where the names differ. Those of a line item are told apart by their number.
const NAMES: [(&str, &str); 9] = [
    ("customer", "user_id"),
    ("client_reference_id", "user_id"),
    ("discounts[0][coupon]", "coupon"),
    ("discounts[0][promotion_code]", "promotion_code"),
    ("discounts", "coupon"),
    ("subscription_data[trial_period_days]", "trial_days"),
    ("flow_data[type]", "flow"),
    ("flow_data[subscription_cancel][subscription]", "subscription_id"),
    ("flow_data[subscription_update][subscription]", "subscription_id"),
];

/// Whether Stripe does not know the customer, or no longer.
pub(super) fn is_unknown_customer(error: &Error) -> bool {
    matches!(error, Error::Refused { code: Some(code), param: Some(param), .. } if code == "resource_missing" && param == "customer")
}

/// The price that Stripe does not know, and where in our request it stands.
pub(super) fn missing_price<'a>(error: &Error, items: &'a [CheckoutItem], single: bool) -> Option<(String, &'a str)> {
    let Error::Refused { code: Some(code), param: Some(param), .. } = error else { return None };
    let (index, "price") = line_item(param)? else { return None };
    let item = items.get(index).filter(|_| code == "resource_missing")?;
    Some((named(param, single), &item.price))
}

/// 422: there is such a price, for keys of the other mode.
pub(super) fn price_of_other_mode(price: &str, its: Livemode, asked: Livemode) -> ApiError {
    let message = format!(
        "The price {price:?} is of {its} mode, and this API key is of {asked} mode. Use the price that was made in {asked} mode."
    );
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "price_of_other_mode", message)
}

/// Why there is no Checkout Session; `single` when the request had `price` instead of `line_items`.
pub(super) fn of_checkout(error: Error, single: bool) -> ApiError {
    let param = match &error {
        Error::Refused { param, .. } => param.as_deref().map(|param| named(param, single)),
        _ => None,
    };
    let refused = ApiError::from(error);
    match param {
        Some(param) => refused.with_param(param),
        None => refused,
    }
}

/// Why there is no portal session.
pub(super) fn of_portal(error: Error) -> ApiError {
    of_checkout(error, false)
}

/// `line_items[2][price]` in its parts.
fn line_item(param: &str) -> Option<(usize, &str)> {
    let (index, field) = param.strip_prefix("line_items[")?.split_once(']')?;
    Some((index.parse().ok()?, field.strip_prefix('[')?.split(']').next()?))
}

/// Our name of a parameter of Stripe's.
fn named(param: &str, single: bool) -> String {
    match line_item(param) {
        Some((_, "price")) if single => "price".to_owned(),
        Some((index, field)) => format!("line_items[{index}].{field}"),
        None => {
            let ours = NAMES.iter().find(|(stripe, _)| *stripe == param).map(|(_, ours)| (*ours).to_owned());
            let root = || param.split('[').next().unwrap_or(param).to_owned();
            ours.unwrap_or_else(root)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn stripes_parameters_have_our_names() {
        for (stripe, ours) in [
            ("line_items[3][price]", "line_items[3].price"),
            ("line_items[0][quantity]", "line_items[0].quantity"),
            ("line_items[0][adjustable_quantity][minimum]", "line_items[0].adjustable_quantity"),
            ("customer", "user_id"),
            ("discounts[0][coupon]", "coupon"),
            ("subscription_data[trial_period_days]", "trial_days"),
            ("metadata[campaign]", "metadata"),
            ("success_url", "success_url"),
        ] {
            assert_eq!(named(stripe, false), ours);
        }
        assert_eq!(named("line_items[0][price]", true), "price");
    }
}
