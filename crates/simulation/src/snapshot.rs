//! What Stripe's API answers about a customer: several calls, so no single instant.

use serde_json::Value;
use store::records::Snapshot;

use crate::history::History;
use crate::model::Customer;
use crate::payload::{self, Version};

/// The answer of three calls made at these times; an error when the customer vanished between them.
pub(crate) fn read(history: &History, customer: usize, times: [i64; 3]) -> Result<Snapshot, &'static str> {
    let [Some(at_first), Some(at_second), Some(at_third)] = times.map(|time| history.at(customer, time)) else {
        return Err("Stripe has no such customer yet");
    };
    if at_first.deleted {
        return Ok(Snapshot { customer: Some(payload::tombstone(at_first)), ..Snapshot::default() });
    }
    if at_second.deleted || at_third.deleted {
        return Err("No such customer");
    }
    Ok(Snapshot {
        customer: Some(payload::customer(at_first)),
        subscriptions: subscriptions(at_second),
        checkout_sessions: at_third
            .sessions
            .iter()
            .rev()
            .map(|session| payload::session(session, &at_third.id))
            .collect(),
        ..Snapshot::default()
    })
}

/// Every status, newest first, each with all of its items.
fn subscriptions(customer: &Customer) -> Vec<Value> {
    let all = customer.subscriptions.iter().rev();
    all.map(|sub| payload::subscription(sub, &customer.id, Version::Clover, true)).collect()
}
