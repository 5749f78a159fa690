//! The proof of order: whatever way Stripe's news reach us, what we decide in the end is what is true at Stripe.
//!
//! A [`history::History`] is made from a seed: customers and guests, subscriptions, one-time purchases with their refunds and disputes,
//! overrides by hand, and what happens to them, in a small model of Stripe with its own clock ([`stripe`], [`billing`], [`changes`],
//! [`purchases`]), which emits events in the documented shapes ([`payload`], [`events`]). A
//! [`delivery::Plan`] says how they reach us: permuted, repeated, late, some never. [`run`] lets many histories loose on one real store,
//! with answers of the API that are slow or fail and a process that is killed between any two steps, until all is quiet. Then [`check`]
//! compares every decision with [`truth`], which knows nothing of how the engine decides. Histories of different thousands run under
//! different policies for refunds and disputes; prices and features of the catalog depart from the policy for trials and late payments.
//!
//! Not part of any history: claims that contradict each other. The first to arrive wins and the others wait for a person, so the outcome
//! depends on the order by design.
//!
//! Nor are, so far, a payment and a refused charge of one subscription in the same second: the state that follows is right, but since when
//! the payment is late is told by statuses and whole seconds alone, and may begin at an earlier lateness.
//!
//! Nor is the deletion of a customer who bought at Checkout without an invoice: what it bought could not be read any more when the event
//! comes late. Nor are thin events: they carry no state, so they are only ever a reason for a read.
//!
//! Not part of histories without a key, because no payload tells and Stripe cannot be asked:
//! - Checkouts in mode `payment` that make no invoice (guests among them), and delayed payments of those that do: line items are in no
//!   event, and an invoice that has them is made by the payment;
//! - lists longer than a payload embeds: the items that are cut off are told by nothing but a read;
//! - two Events for one change: beside an object that comes back to where it was within the same second, the copy cannot be told from
//!   the same change made again (a copy alone can, see the tests of `domain::evidence`).

// Stripe's objects are wide.
#![recursion_limit = "256"]

mod billing;
pub mod catalog;
pub mod changes;
pub mod check;
pub mod delivery;
pub mod events;
pub mod history;
mod installation;
pub mod model;
pub mod payload;
mod purchases;
pub mod run;
mod snapshot;
pub mod stripe;
pub mod trace;
pub mod truth;

/// Whether Stripe can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// With an API key: events may be lost, since reads make up for them.
    WithKey,
    /// Without one: what arrives has to suffice.
    WithoutKey,
}

impl Mode {
    /// What histories may contain.
    #[must_use]
    pub const fn scope(self) -> stripe::Scope {
        let with_key = matches!(self, Self::WithKey);
        stripe::Scope { long_lists: with_key, twins: with_key, line_items: with_key }
    }
}
