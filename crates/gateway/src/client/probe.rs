//! A first look at what the key may read: each kind of object is asked for once, and Stripe's first word counts.

use domain::Timestamp;
use serde_json::Value;
use stripe_billing::invoice::ListInvoice;
use stripe_billing::subscription::{ListSubscription, ListSubscriptionStatus};
use stripe_checkout::checkout_session::ListCheckoutSession;
use stripe_client_core::{RequestBuilder, StripeRequest as _};
use stripe_core::charge::ListCharge;
use stripe_core::customer::ListCustomer;
use stripe_core::dispute::ListDispute;
use stripe_core::event::ListEvent;
use stripe_core::payment_intent::ListPaymentIntent;
use stripe_misc::entitlements_active_entitlement::ListEntitlementsActiveEntitlement;
use stripe_misc::webhook_endpoint::ListWebhookEndpoint;
use stripe_product::price::ListPrice;
use stripe_product::product::ListProduct;

use super::Client;
use super::list::{PAGE, take_page};
use super::send::Subject;
use crate::Error;

/// Newest events that a probe brings: enough that one of a used type is among them in a quiet account.
const EVENTS: i64 = 20;
/// A customer nobody has: active entitlements are listed by customer alone.
const NO_CUSTOMER: &str = "cus_tollkeeper_probe";

/// What is read of Stripe. A restricted key has a permission for each (docs.stripe.com/keys#limit-access).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Customers.
    Customers,
    /// Subscriptions with their items.
    Subscriptions,
    /// Prices.
    Prices,
    /// Products.
    Products,
    /// Checkout Sessions.
    CheckoutSessions,
    /// Invoices.
    Invoices,
    /// Charges with their refunds.
    Charges,
    /// Disputes of charges.
    Disputes,
    /// Payment intents, where an event names nothing else.
    PaymentIntents,
    /// Events.
    Events,
    /// Webhook endpoints.
    WebhookEndpoints,
    /// Active entitlements.
    Entitlements,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Customers,
        Self::Subscriptions,
        Self::Prices,
        Self::Products,
        Self::CheckoutSessions,
        Self::Invoices,
        Self::Charges,
        Self::Disputes,
        Self::PaymentIntents,
        Self::Events,
        Self::WebhookEndpoints,
        Self::Entitlements,
    ];

    /// What Stripe's Dashboard calls it where permissions of a restricted key are chosen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customers => "Customers",
            Self::Subscriptions => "Subscriptions",
            Self::Prices => "Prices",
            Self::Products => "Products",
            Self::CheckoutSessions => "Checkout Sessions",
            Self::Invoices => "Invoices",
            Self::Charges => "Charges and Refunds",
            Self::Disputes => "Disputes",
            Self::PaymentIntents => "PaymentIntents",
            Self::Events => "Events",
            Self::WebhookEndpoints => "Webhook Endpoints",
            Self::Entitlements => "Entitlements",
        }
    }

    /// Whether access is decided from it, so that a customer cannot be read without it.
    #[must_use]
    pub const fn is_needed(self) -> bool {
        !matches!(self, Self::PaymentIntents | Self::Events | Self::WebhookEndpoints | Self::Entitlements)
    }

    /// The newest of them; all of the few webhook endpoints an account may have.
    fn request(self) -> RequestBuilder {
        match self {
            Self::Customers => ListCustomer::new().limit(1).build(),
            Self::Subscriptions => ListSubscription::new().status(ListSubscriptionStatus::All).limit(1).build(),
            Self::Prices => ListPrice::new().limit(1).build(),
            Self::Products => ListProduct::new().limit(1).build(),
            Self::CheckoutSessions => ListCheckoutSession::new().limit(1).build(),
            Self::Invoices => ListInvoice::new().limit(1).build(),
            Self::Charges => ListCharge::new().limit(1).build(),
            Self::Disputes => ListDispute::new().limit(1).build(),
            Self::PaymentIntents => ListPaymentIntent::new().limit(1).build(),
            Self::Events => ListEvent::new().limit(EVENTS).build(),
            Self::WebhookEndpoints => ListWebhookEndpoint::new().limit(PAGE).build(),
            Self::Entitlements => ListEntitlementsActiveEntitlement::new(NO_CUSTOMER).limit(1).build(),
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Subscriptions => "subscriptions",
            Self::Prices => "prices",
            Self::Products => "products",
            Self::CheckoutSessions => "checkout sessions",
            Self::Invoices => "invoices",
            Self::Charges => "charges",
            Self::Disputes => "disputes",
            Self::PaymentIntents => "payment intents",
            Self::Events => "events",
            Self::WebhookEndpoints => "webhook endpoints",
            Self::Entitlements => "active entitlements",
        }
    }
}

/// What a probe brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probe {
    /// The newest object, if there is any; of events the newest 20, of webhook endpoints all.
    pub objects: Vec<Value>,
    /// Stripe's clock when it answered, to whole seconds.
    pub server_date: Option<Timestamp>,
}

impl Client {
    /// Asks once: whoever wants to know how Stripe is wants its first word, not the last after retries.
    pub(super) async fn look_at(&self, resource: Resource) -> Result<Probe, Error> {
        let what = resource.what();
        let answer = match self.send_once(Subject { what, id: None }, &resource.request()).await {
            // The permission is looked at before the customer that nobody has.
            Err(Error::Refused { code: Some(code), .. })
                if resource == Resource::Entitlements && code == "resource_missing" =>
            {
                return Ok(Probe::default());
            }
            answer => answer?,
        };
        let mut probe = Probe { objects: Vec::new(), server_date: answer.server_date };
        take_page(what, answer, &mut probe.objects)?;
        Ok(probe)
    }
}
