//! One object of any type that matters here, and the session behind a payment: what thin events ask for.

use serde_json::Value;
use stripe_billing::invoice::RetrieveInvoice;
use stripe_checkout::checkout_session::ListCheckoutSession;
use stripe_client_core::StripeRequest as _;
use stripe_core::charge::RetrieveCharge;
use stripe_core::dispute::RetrieveDispute;
use stripe_core::payment_intent::RetrievePaymentIntent;
use stripe_core::refund::RetrieveRefund;

use super::Client;
use super::list::page_after;
use crate::{Error, Gateway as _};

impl Client {
    pub(super) async fn any_object(&self, kind: &str, id: &str) -> Result<Value, Error> {
        let payment = || vec!["charge".to_owned(), "payment_intent".to_owned()];
        let answer = match kind {
            "subscription" => return self.subscription(id).await,
            "checkout.session" => return self.checkout_session(id).await,
            "product" => return self.product(id).await,
            "price" => return self.price(id).await,
            "invoice" => self.retrieve("invoice", id, |id| RetrieveInvoice::new(id).build()).await?,
            "charge" => self.retrieve("charge", id, |id| RetrieveCharge::new(id).build()).await?,
            "payment_intent" => {
                self.retrieve("payment intent", id, |id| RetrievePaymentIntent::new(id).build()).await?
            }
            "refund" => self.retrieve("refund", id, |id| RetrieveRefund::new(id).expand(payment()).build()).await?,
            "dispute" => self.retrieve("dispute", id, |id| RetrieveDispute::new(id).expand(payment()).build()).await?,
            _ => return Err(Error::NotSent { reason: format!("objects of the type {kind} are not used here") }),
        };
        Ok(answer.value)
    }

    pub(super) async fn session_of_payment(&self, payment_intent: &str) -> Result<Option<Value>, Error> {
        let page = |after: Option<&str>| page_after!(ListCheckoutSession::new().payment_intent(payment_intent), after);
        Ok(self.list("checkout sessions", 1, page).await?.objects.pop())
    }
}
