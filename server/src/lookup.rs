//! Whose object is this? What a thin event does not carry is asked of Stripe.

use domain::event::RelatedObject;
use domain::stripe::CheckoutSession;
use domain::stripe::json::{Missing, Reader};
use gateway::{Error, Gateway};
use serde_json::Value;
use store::records::Found;

/// Asks Stripe for an object and finds out who pays, or paid, for it.
///
/// # Errors
/// When Stripe cannot be asked, or its answer does not say; that there is no such object is an answer.
pub(crate) async fn find(
    gateway: &dyn Gateway,
    object: &RelatedObject,
    metadata_keys: &[String],
) -> Result<Found, Error> {
    let value = match gateway.object(&object.kind, &object.id).await {
        Ok(value) => value,
        Err(error @ Error::NotFound { .. }) => return Ok(Found::Gone(error.to_string())),
        Err(error) => return Err(error),
    };
    let root = Reader::new(&value);
    let payment = match object.kind.as_str() {
        "product" | "price" => return Ok(Found::Object(value)),
        "checkout.session" => {
            // Until it is completed it may have no customer, and yet say whose it is.
            let payer_id = read_session(&value, metadata_keys)?.payer_id().map(str::to_owned);
            return Ok(payer_id.map_or(Found::Object(value), Found::Payer));
        }
        "subscription" | "invoice" => {
            let account = root.opt_reference("customer_account");
            let customer_id = root.opt_reference("customer").or(account);
            return customer_id
                .map(Found::Payer)
                .ok_or_else(|| unreadable(root.wrong("customer", "an id or an expanded object")));
        }
        "charge" | "payment_intent" => root,
        _ => {
            let expanded = root.at("charge").or_else(|| root.at("payment_intent"));
            expanded.ok_or_else(|| unreadable(root.wrong("charge", "an expanded charge or payment intent")))?
        }
    };
    let (customer_id, intent) = behind(&payment).map_err(unreadable)?;
    if let Some(customer_id) = customer_id {
        return Ok(Found::Payer(customer_id));
    }
    // A guest's payment: the Checkout Session that made it stands in for the customer.
    let Some(intent) = intent else { return Ok(Found::Nobody) };
    let Some(session) = gateway.checkout_of_payment(&intent).await? else { return Ok(Found::Nobody) };
    let session = read_session(&session, metadata_keys)?;
    Ok(session.payer_id().map_or(Found::Nobody, |payer_id| Found::Payer(payer_id.to_owned())))
}

/// The customer and the payment intent of a charge or of a payment intent itself.
fn behind(payment: &Reader<'_>) -> Result<(Option<String>, Option<String>), Missing> {
    let intent = if payment.string("object")? == "payment_intent" {
        Some(payment.string("id")?)
    } else {
        payment.nullable_reference("payment_intent")?
    };
    Ok((payment.nullable_reference("customer")?, intent))
}

/// Reads a session that Stripe answered with.
///
/// # Errors
/// Names the field that is missing.
pub(crate) fn read_session(session: &Value, metadata_keys: &[String]) -> Result<CheckoutSession, Error> {
    CheckoutSession::read(session, metadata_keys).map_err(unreadable)
}

fn unreadable(missing: Missing) -> Error {
    let detail = format!("expected {}", missing.expected);
    Error::Unreadable { what: "an object", path: missing.path, detail, request_id: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_payment_says_whose_it_is_or_what_it_lacks() {
        let ids = |customer: Option<&str>, intent: &str| (customer.map(str::to_owned), Some(intent.to_owned()));
        let charge =
            |customer: Value| json!({"id": "ch_1", "object": "charge", "customer": customer, "payment_intent": "pi_1"});
        let read = |payment: &Value| behind(&Reader::new(payment)).map_err(|missing| missing.path);
        assert_eq!(read(&charge(json!("cus_1"))), Ok(ids(Some("cus_1"), "pi_1")));
        assert_eq!(read(&charge(json!({"id": "cus_1", "deleted": true}))), Ok(ids(Some("cus_1"), "pi_1")));
        assert_eq!(read(&charge(Value::Null)), Ok(ids(None, "pi_1")));
        assert_eq!(read(&json!({"id": "pi_2", "object": "payment_intent", "customer": null})), Ok(ids(None, "pi_2")));
        assert_eq!(
            read(&json!({"id": "ch_1", "object": "charge", "payment_intent": "pi_1"})),
            Err("customer".to_owned())
        );
        assert_eq!(
            read(&json!({"id": "ch_1", "object": "charge", "customer": null})),
            Err("payment_intent".to_owned())
        );
    }
}
