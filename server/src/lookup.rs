//! Whose object is this? What a thin event does not carry is asked of Stripe.

use domain::event::RelatedObject;
use domain::stripe::CheckoutSession;
use domain::stripe::json::Reader;
use gateway::{Error, Gateway};
use serde_json::Value;
use store::records::Found;

/// Asks Stripe for an object and finds out who pays, or paid, for it.
///
/// # Errors
/// When Stripe cannot be asked; that there is no such object is an answer.
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
    if matches!(object.kind.as_str(), "product" | "price") {
        return Ok(Found::Object(value));
    }
    if object.kind == "checkout.session" {
        // Until it is completed it may have no customer, and yet say whose it is.
        return Ok(payer_of_session(&value, metadata_keys).map_or(Found::Object(value), Found::Payer));
    }
    if let Some(customer_id) = customer_of(&value) {
        return Ok(Found::Payer(customer_id));
    }
    // A guest's payment: the Checkout Session that made it stands in for the customer.
    let root = Reader::new(&value);
    let charge = root.at("charge");
    let intent =
        if object.kind == "payment_intent" { root.opt_string("id") } else { root.opt_reference("payment_intent") };
    let intent = intent.or_else(|| charge.and_then(|charge| charge.opt_reference("payment_intent")));
    let Some(intent) = intent else { return Ok(Found::Nobody) };
    let session = gateway.checkout_of_payment(&intent).await?;
    let payer_id = session.and_then(|session| payer_of_session(&session, metadata_keys));
    Ok(payer_id.map_or(Found::Nobody, Found::Payer))
}

/// The customer that an object names, or that its expanded payment does.
fn customer_of(value: &Value) -> Option<String> {
    let root = Reader::new(value);
    let own =
        |object: &Reader<'_>| object.opt_reference("customer").or_else(|| object.opt_reference("customer_account"));
    own(&root)
        .or_else(|| root.at("charge").and_then(|charge| own(&charge)))
        .or_else(|| root.at("payment_intent").and_then(|intent| own(&intent)))
}

fn payer_of_session(session: &Value, metadata_keys: &[String]) -> Option<String> {
    CheckoutSession::read(session, metadata_keys).ok()?.payer_id().map(str::to_owned)
}
