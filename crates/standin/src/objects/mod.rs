//! What Stripe's objects look like and how they change, by noun.

pub(crate) mod billing;
pub(crate) mod catalog;
pub(crate) mod checkout;
pub(crate) mod confirm;
pub(crate) mod customer;
pub(crate) mod discount;
pub(crate) mod endpoint;
pub(crate) mod entitlement;
pub(crate) mod invoice;
pub(crate) mod method;
pub(crate) mod payment;
pub(crate) mod portal;
pub(crate) mod refund;
pub(crate) mod subscription;
pub(crate) mod subscription_change;
pub(crate) mod test_clock;
