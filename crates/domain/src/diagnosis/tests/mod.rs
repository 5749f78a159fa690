//! One row per code, and what holds for all of them.

use super::*;
use crate::access::tests::builders::{NOW, catalog, day, override_of, subscription, user, with};
use crate::access::{OverrideEffect, Policy, SubscriptionFacts, UserFacts, decide, decide_any};
use crate::catalog::Catalog;
use crate::mapping::MappingSource;
use crate::stripe::CheckoutSession;
use crate::{Livemode, Timestamp};

/// A chain about `user_42` and `pro`, with what an ordinary customer has, changed by a test.
fn chain<'a>(facts: Option<&'a UserFacts>, catalog: &'a Catalog, feature: Option<&str>) -> Chain<'a> {
    let policy = Policy::default();
    let decision = match feature {
        Some(feature) => decide(facts, catalog, &policy, feature, NOW),
        None => decide_any(facts, catalog, &policy, NOW),
    };
    let mut chain = Chain::new("user_42", feature.map(str::to_owned), Livemode::Live, NOW, decision, facts, catalog);
    chain.last_accepted_at = Some(day(-1));
    chain.has_stripe_key = true;
    if facts.is_some_and(|facts| !facts.customers.is_empty()) {
        chain.customers =
            vec![CustomerRecord { id: "cus_1".to_owned(), synced_at: Some(day(-1)), ..CustomerRecord::default() }];
        chain.mappings = vec![MappingRecord {
            customer_id: "cus_1".to_owned(),
            source: MappingSource::ClientReferenceId,
            evidence: Some("evt_link".to_owned()),
            since: day(-40),
        }];
        chain.events = EventRecords { total: 5, processed: 5, last_event_at: Some(day(-1)), ..EventRecords::default() };
    }
    chain
}

/// The diagnosis of `pro` for these facts, after a change to the chain.
fn diagnosis_of(facts: &UserFacts, change: impl FnOnce(&mut Chain<'_>)) -> Diagnosis {
    let catalog = catalog();
    let mut chain = chain(Some(facts), &catalog, Some("pro"));
    change(&mut chain);
    let diagnosis = diagnose(&chain);
    holds_for_all(&diagnosis, chain.decision.allowed);
    diagnosis
}

fn holds_for_all(diagnosis: &Diagnosis, allowed: bool) {
    use LinkName::{Checkout, Entitlement, Mapping, Subscription, Webhook};
    let names: Vec<_> = diagnosis.links.iter().map(|link| link.name).collect();
    assert_eq!(names, [Checkout, Webhook, Mapping, Subscription, Entitlement]);
    assert_eq!(diagnosis.broken_link.is_none(), allowed, "{diagnosis:?}");
    assert!(diagnosis.links.iter().all(|link| !link.fact.is_empty()));
    assert!(diagnosis.links.iter().filter(|link| link.state == LinkState::Broken).count() <= 1);
    if let Some(name) = diagnosis.broken_link {
        let broken = names.iter().position(|other| *other == name).unwrap();
        assert!(matches!(diagnosis.links[broken].state, LinkState::Broken | LinkState::Waiting));
        assert!(diagnosis.links[..broken].iter().all(|link| link.state != LinkState::NotReached), "{diagnosis:?}");
        assert!(!diagnosis.fixes.is_empty());
    }
}

fn known() -> UserFacts {
    UserFacts { known: true, ..UserFacts::default() }
}

fn paying(status: &str, price: &str) -> UserFacts {
    user(vec![subscription(status, price)])
}

fn changed(facts: SubscriptionFacts, change: impl FnOnce(&mut crate::stripe::Subscription)) -> UserFacts {
    user(vec![with(facts, change)])
}

fn checkout(status: &str, payment_status: &str) -> CheckoutRecord {
    let session = CheckoutSession {
        id: "cs_1".to_owned(),
        mode: "subscription".to_owned(),
        status: Some(status.to_owned()),
        payment_status: payment_status.to_owned(),
        customer_id: None,
        subscription_id: None,
        client_reference_id: Some("user_42".to_owned()),
        claimed_user: None,
        email: None,
        url: Some("https://checkout.stripe.com/c/pay/cs_1".to_owned()),
        created: Some(NOW.plus_secs(-600)),
        expires_at: Some(NOW.plus_secs(3 * 3600)),
        payment_intent_id: None,
        invoice_id: None,
        amount_total: None,
        line_items: None,
    };
    CheckoutRecord { session, at: NOW.plus_secs(-600) }
}

fn candidate(id: &str, because: Likeness, first_seen: Timestamp) -> Candidate {
    Candidate {
        customer_id: id.to_owned(),
        email: Some("ada@example.com".to_owned()),
        because,
        has_subscription: true,
        events: 2,
        last_event: Some("evt_7".to_owned()),
        first_seen,
    }
}

#[track_caller]
fn assert_row(diagnosis: &Diagnosis, code: &str, broken: LinkName, sentence: &str, fixes: &[(&str, &str, Role)]) {
    assert_eq!(diagnosis.code, code, "{}", diagnosis.sentence);
    assert_eq!(diagnosis.broken_link, Some(broken));
    assert_eq!(diagnosis.sentence, format!("No access to pro. {sentence}"));
    let got: Vec<_> = diagnosis.fixes.iter().map(|fix| (fix.id.as_str(), fix.href.as_str(), fix.role)).collect();
    assert_eq!(got, fixes);
}

fn states(diagnosis: &Diagnosis) -> Vec<LinkState> {
    diagnosis.links.iter().map(|link| link.state).collect()
}

const GRANT: (&str, &str, Role) =
    ("grant_override", "/admin/customers/user_42/overrides/new?feature=pro", Role::Support);
const EXTEND: (&str, &str, Role) =
    ("extend_override", "/admin/customers/user_42/overrides/new?feature=pro", Role::Support);
const RESYNC: (&str, &str, Role) = ("resync", "/admin/customers/user_42#resync", Role::Support);
const FETCH: (&str, &str, Role) = ("fetch_missing", "/admin/events#missed", Role::Support);
const VALIDATOR: (&str, &str, Role) = ("run_validator", "/admin/validator", Role::Viewer);
const OPEN_SUB: (&str, &str, Role) = ("open_subscription", "/admin/subscriptions/sub_1", Role::Viewer);

mod app_cache;
mod checkouts;
mod flags;
mod links;
mod news;
mod past;
mod payments;
mod properties;
mod purchases;
mod way;
