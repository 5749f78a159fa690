//! What Tollkeeper asks of Stripe, free of how it is sent.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Livemode, Timestamp};
use serde_json::Value;

use crate::checkout::{CreateCheckout, CreatePortal, CreatedCheckout};
use crate::{CreatedEndpoint, EndpointChange, Error, NewEndpoint, Probe, Resource, Usage};

/// Most Checkout Sessions of any status that a [`CustomerSnapshot`] holds: one page, the newest.
pub const MAX_CHECKOUT_SESSIONS: usize = 100;

/// Everything about one customer that decisions need, as Stripe's raw JSON. It is read in several calls, so it is no single instant:
/// whatever changes meanwhile sends a webhook, which leads to the next reading.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomerSnapshot {
    /// The customer; `{id, deleted: true}` when it was deleted.
    pub customer: Value,
    /// All its subscriptions of every status, newest first, each with all of its items.
    pub subscriptions: Vec<Value>,
    /// Its newest Checkout Sessions, newest first: [`MAX_CHECKOUT_SESSIONS`] of any status, and behind them all that were completed;
    /// completed ones of mode `payment` with all of their `line_items`.
    pub checkout_sessions: Vec<Value>,
    /// All its invoices, newest first, with `payments`; paid ones of no subscription with all of their lines.
    pub invoices: Vec<Value>,
    /// All its charges, newest first, each with all of its refunds.
    pub charges: Vec<Value>,
    /// The disputes of those charges.
    pub disputes: Vec<Value>,
    /// All its active entitlements; none when the key may not read them, as most accounts have none.
    pub entitlements: Option<Vec<Value>>,
    /// Stripe's clock when it gave the last of these answers, to whole seconds: compared with ours it shows clock skew.
    pub server_date: Option<Timestamp>,
}

/// Everything about a guest's purchase: Stripe makes no customer for it, so its Checkout Session is all there is to begin with.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckoutSnapshot {
    /// The session with all of its `line_items`.
    pub session: Value,
    /// The charge that paid it, with all of its refunds; none while nothing was paid.
    pub charges: Vec<Value>,
    /// The disputes of that charge.
    pub disputes: Vec<Value>,
    /// Stripe's clock, as in [`CustomerSnapshot`].
    pub server_date: Option<Timestamp>,
}

/// One page of events, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct EventPage {
    /// The events.
    pub events: Vec<Value>,
    /// Whether older ones follow: ask again after the last of these.
    pub has_more: bool,
}

/// A list of everything of a kind in the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountList {
    /// Customers; deleted ones are not among them.
    Customers,
    /// Subscriptions of every status, each with all of its items.
    Subscriptions,
    /// Checkout Sessions; completed ones of mode `payment` with all of their `line_items`.
    CheckoutSessions,
    /// Invoices with `payments`; paid ones of no subscription with all of their lines.
    Invoices,
    /// Charges, each with all of its refunds.
    Charges,
    /// Disputes, each with its `charge` expanded.
    Disputes,
}

impl AccountList {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Customers, Self::Subscriptions, Self::CheckoutSessions, Self::Invoices, Self::Charges, Self::Disputes];

    /// Its name, for people and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Subscriptions => "subscriptions",
            Self::CheckoutSessions => "checkout sessions",
            Self::Invoices => "invoices",
            Self::Charges => "charges",
            Self::Disputes => "disputes",
        }
    }

    /// From its name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.as_str() == name)
    }
}

/// When objects were made, in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedRange {
    /// At or after.
    pub from_secs: i64,
    /// Before.
    pub until_secs: i64,
}

/// One page of a list, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectPage {
    /// Up to 100 objects.
    pub objects: Vec<Value>,
    /// Whether older ones follow: ask again after the last of these.
    pub has_more: bool,
}

/// One Stripe account in one mode. Objects are raw JSON of [`crate::PINNED_VERSION`] (or the version configured).
///
/// Every method fails with an [`Error`] that says whether trying again later may help; immediate retries are already done.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Test or live, as the key says.
    fn livemode(&self) -> Livemode;

    /// The same account for work that has time: its calls go when nobody else's wait, and their reads stop at the ceiling.
    fn background(&self) -> Arc<dyn Gateway>;

    /// What was asked of Stripe in both lanes since this client was made.
    fn usage(&self) -> Usage;

    /// Reads of the background lane end with [`Error::AllowanceUsed`] once [`Gateway::usage`] counts `ceiling` of them; at `until` they
    /// go on.
    fn set_background_ceiling(&self, ceiling: u64, until: Timestamp);

    /// This many programs ask with the same account from now on: each takes its share of what Stripe allows a second.
    fn share(&self, programs: usize);

    /// Milliseconds our clock is ahead of Stripe's, behind when negative, by the newest answer that tells; none before the first. Zero
    /// unless they certainly differ: `Date` has whole seconds.
    fn clock_skew(&self) -> Option<i64>;

    /// Reads a whole customer.
    async fn customer(&self, id: &str) -> Result<CustomerSnapshot, Error>;

    /// Reads a subscription with all of its items.
    async fn subscription(&self, id: &str) -> Result<Value, Error>;

    /// Reads a Checkout Session whole, with what became of its payment.
    async fn checkout(&self, id: &str) -> Result<CheckoutSnapshot, Error>;

    /// Reads a Checkout Session.
    async fn checkout_session(&self, id: &str) -> Result<Value, Error>;

    /// Reads one object by its type, Stripe's `object`, and id: what a thin event is about. A refund and a dispute come with their charge
    /// and payment intent expanded, which say whose they are. Types that no rule uses are [`Error::NotSent`].
    async fn object(&self, kind: &str, id: &str) -> Result<Value, Error>;

    /// Finds the Checkout Session that made a payment; most payments have none.
    async fn checkout_of_payment(&self, payment_intent: &str) -> Result<Option<Value>, Error>;

    /// Reads a price with its product expanded.
    async fn price(&self, id: &str) -> Result<Value, Error>;

    /// Reads a product.
    async fn product(&self, id: &str) -> Result<Value, Error>;

    /// Lists the features a product carries, each with its `entitlement_feature`.
    async fn product_features(&self, id: &str) -> Result<Vec<Value>, Error>;

    /// Lists all prices of a product, archived ones too.
    async fn product_prices(&self, id: &str) -> Result<Vec<Value>, Error>;

    /// Lists at most `limit` active prices, newest first, each with its product expanded.
    async fn list_prices(&self, limit: usize) -> Result<Vec<Value>, Error>;

    /// Creates a Checkout Session. The same `idempotency_key` (at most 255 characters, good for 24 hours or more) gives the same one.
    async fn create_checkout_session(
        &self,
        checkout: &CreateCheckout,
        idempotency_key: &str,
    ) -> Result<CreatedCheckout, Error>;

    /// Opens Stripe's customer portal for a customer; the answer is its URL, good for minutes.
    async fn create_portal_session(&self, portal: &CreatePortal) -> Result<String, Error>;

    /// Customers with exactly this e-mail address (letter case counts), newest first, at most 100. Unlike Stripe's search this list
    /// sees a customer created a moment ago.
    async fn search_customers_by_email(&self, email: &str) -> Result<Vec<Value>, Error>;

    /// A page of everything of a kind that was made in a range of time, newest first, after the object `after`.
    async fn account_page(
        &self,
        list: AccountList,
        created: CreatedRange,
        after: Option<&str>,
    ) -> Result<ObjectPage, Error>;

    /// Reads an event; Stripe keeps them for 30 days.
    async fn event(&self, id: &str) -> Result<Value, Error>;

    /// A page of up to 100 events since `created_gte`, newest first, after the event `starting_after`.
    async fn list_events(&self, created_gte: Timestamp, starting_after: Option<&str>) -> Result<EventPage, Error>;

    /// The ids of events created between two times (both included) that were not delivered to every endpoint, of the newest 1,000: those
    /// still to be sent again and those given up (`delivery_success=false`, docs.stripe.com/webhooks/process-undelivered-events).
    async fn undelivered_events(&self, from: Timestamp, until: Timestamp) -> Result<Vec<String>, Error>;

    /// The account's webhook endpoints: whether they are enabled, for which events and with which API version. Stripe allows 16.
    async fn webhook_endpoints(&self) -> Result<Vec<Value>, Error>;

    /// Makes a webhook endpoint. The same `idempotency_key` gives the same one, its signing secret included.
    async fn create_webhook_endpoint(
        &self,
        endpoint: &NewEndpoint,
        idempotency_key: &str,
    ) -> Result<CreatedEndpoint, Error>;

    /// Changes a webhook endpoint; the answer is what it is then.
    async fn change_webhook_endpoint(&self, id: &str, change: &EndpointChange) -> Result<Value, Error>;

    /// Asks for the newest objects of a kind, once and without any retry: whether the key may read them, and how Stripe is.
    async fn probe(&self, resource: Resource) -> Result<Probe, Error>;
}
