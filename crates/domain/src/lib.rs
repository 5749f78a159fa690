//! What is true about access, as pure rules: no I/O, no clock, no randomness.
//!
//! Facts come in as Stripe's JSON ([`stripe`]), are put in order ([`evidence`]), become a user's facts ([`access::UserFacts`]) and are
//! answered by [`access::decide`]. [`diagnosis`] explains the answer along the chain from checkout to entitlement.

pub mod access;
pub mod catalog;
pub mod delivery;
pub mod diagnosis;
pub mod event;
pub mod evidence;
pub mod mapping;
pub mod metadata;
pub mod mode;
pub mod preference;
pub mod role;
pub mod stripe;
pub mod term;
pub mod timestamp;

pub use mode::Livemode;
pub use term::Term;
pub use timestamp::Timestamp;
