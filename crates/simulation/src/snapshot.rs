//! What Stripe's API answers about a customer: several calls, so no single instant.

use serde_json::Value;
use store::records::Snapshot;

use crate::history::History;
use crate::model::{Customer, Payment};
use crate::payload::{self, Version, purchase};

/// The answer of five calls made at these times; an error when the customer vanished between them.
pub(crate) fn read(history: &History, customer: usize, times: [i64; 5]) -> Result<Snapshot, &'static str> {
    let [Some(first), Some(second), Some(third), Some(fourth), Some(fifth)] =
        times.map(|time| history.at(customer, time))
    else {
        return Err("Stripe has nothing of this id yet");
    };
    if first.is_guest() {
        // Everything but the disputes comes with the session.
        return Ok(Snapshot {
            checkout_sessions: checkouts(first),
            charges: charges(first).filter(|charge| is_latest(first, charge)).collect(),
            disputes: disputes(first, second),
            ..Snapshot::default()
        });
    }
    if first.deleted {
        return Ok(Snapshot { customer: Some(payload::tombstone(first)), ..Snapshot::default() });
    }
    if [second, third, fourth, fifth].iter().any(|customer| customer.deleted) {
        return Err("No such customer");
    }
    let sessions = third.sessions.iter().rev().map(|session| payload::session(session, &third.id));
    Ok(Snapshot {
        customer: Some(payload::customer(first)),
        subscriptions: subscriptions(second),
        checkout_sessions: sessions.chain(checkouts(third)).collect(),
        invoices: invoices(fourth),
        charges: charges(fourth).collect(),
        disputes: disputes(fourth, fifth),
        entitlements: Some(vec![]),
    })
}

/// Every status, newest first, each with all of its items.
fn subscriptions(customer: &Customer) -> Vec<Value> {
    let all = customer.subscriptions.iter().rev();
    all.map(|sub| payload::subscription(sub, &customer.id, Version::Clover, true)).collect()
}

fn checkouts(customer: &Customer) -> Vec<Value> {
    customer.purchases.iter().rev().filter_map(|bought| purchase::checkout(bought, customer, true)).collect()
}

fn invoices(customer: &Customer) -> Vec<Value> {
    let all = customer.purchases.iter().rev();
    all.filter_map(|bought| purchase::invoice(bought, customer, Version::Clover, true)).collect()
}

fn payments(customer: &Customer) -> impl Iterator<Item = &Payment> {
    customer.purchases.iter().rev().filter_map(|bought| bought.payment.as_ref())
}

/// Those that were refused too.
fn charges(customer: &Customer) -> impl Iterator<Item = Value> {
    payments(customer).flat_map(|payment| {
        let refused = payment.refused.is_some().then(|| purchase::refused(payment, customer));
        [purchase::charge(payment, customer, None, true)].into_iter().chain(refused)
    })
}

/// A payment intent shows its latest charge alone.
fn is_latest(customer: &Customer, charge: &Value) -> bool {
    payments(customer).any(|payment| charge["id"] == payment.charge.as_str())
}

/// Of the charges that were disputed when they were listed.
fn disputes(listed: &Customer, asked: &Customer) -> Vec<Value> {
    let disputed = |payment: &Payment| {
        let before = payments(listed).find(|other| other.id == payment.id);
        before.is_some_and(|before| !before.disputes.is_empty())
    };
    let asked = payments(asked).filter(|payment| disputed(payment));
    asked.flat_map(|payment| payment.disputes.iter().map(|dispute| purchase::dispute(dispute, payment))).collect()
}
