//! Stripe's objects, read tolerantly from their JSON: payloads of webhooks and answers of the API, of old and new API versions alike.
//!
//! The readers take what decisions need and refuse an object only when such a field is missing, naming its path. Everything else stays
//! in the raw JSON.

pub mod charge;
pub mod checkout_session;
pub mod customer;
pub mod dispute;
pub mod entitlement;
pub mod invoice;
pub mod json;
pub mod line_item;
pub mod product;
pub mod redact;
pub mod refund;
pub mod subscription;
pub mod version;

pub use charge::Charge;
pub use checkout_session::CheckoutSession;
pub use customer::Customer;
pub use dispute::{Dispute, DisputeStanding};
pub use entitlement::{EntitlementSummary, ProductFeature};
pub use invoice::{Invoice, InvoicePayment};
pub use line_item::LineItem;
pub use product::{Price, Product};
pub use refund::Refund;
pub use subscription::{Subscription, SubscriptionItem, SubscriptionStatus};
pub use version::VersionStanding;
