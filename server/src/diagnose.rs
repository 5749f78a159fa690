//! Gathers what is stored about a user's way from checkout to access; [`domain::diagnosis`] reads it.

use std::collections::{HashMap, HashSet};

use domain::access::{UserFacts, decide, decide_any};
use domain::delivery::{Registration, Undelivered};
use domain::diagnosis::{
    Candidate, Chain, CheckoutRecord, ConflictRecord, CustomerRecord, Diagnosis, Drift, EventRecords, EventsMissing,
    FailedEvent, FetchedEvents, LastCheck, Likeness, MappingRecord, OverrideNote, PendingEvent, ReadError, Rejection,
};
use domain::event::EventStatus;
use domain::mapping::MappingSource;
use domain::{Livemode, Timestamp};
use store::Store;
use store::records::{CustomerFilter, EventFilter, OverrideFilter};

use crate::state::AppState;

/// Rejections older than this say nothing about today, in milliseconds.
const RECENT: i64 = 24 * 60 * 60 * 1000;
/// How far back Stripe lists events, in milliseconds.
const LISTED: i64 = 30 * 24 * 60 * 60 * 1000;
/// Most events of a kind that are looked at.
const EVENTS: i64 = 20;
/// Most changes of answers that are looked back at.
const CHANGES: i64 = 100;
/// Most prices whose names are looked up.
const PRICES: usize = 20;

/// Why a user has or lacks a feature (or, without one, anything at all).
///
/// # Errors
/// When the database cannot be read.
pub async fn diagnose(
    state: &AppState,
    livemode: Livemode,
    user_id: &str,
    feature: Option<&str>,
) -> Result<Diagnosis, store::Error> {
    gather(state, livemode, user_id, feature, None).await
}

/// What somebody may ask a diagnosis about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A user of the application.
    User(String),
    /// A Stripe customer that no user is mapped to.
    Customer(String),
}

/// Finds whom an id is about: a user, `cus_…`, `sub_…`, `evt_…`, `cs_…`, or an e-mail address. An e-mail address may be several.
///
/// # Errors
/// When the database cannot be read.
pub async fn resolve(store: &dyn Store, livemode: Livemode, id: &str) -> Result<Vec<Subject>, store::Error> {
    // An e-mail address may begin like an id.
    let is = |prefix: &str| id.starts_with(prefix) && !id.contains('@');
    let customers: Vec<String> = if is("cus_") {
        let known = store.customer(livemode, id).await?.is_some() || store.mapping(livemode, id).await?.is_some();
        known.then(|| id.to_owned()).into_iter().collect()
    } else if is("sub_") {
        store.subscription(livemode, id).await?.map(|found| found.subscription.customer_id).into_iter().collect()
    } else if is("evt_") {
        store.event(livemode, id).await?.and_then(|event| event.customer_id).into_iter().collect()
    } else if is("cs_") {
        let session = store.checkout_session(livemode, id).await?.map(|found| found.session);
        match session {
            Some(session) if session.customer_id.is_none() => {
                let named = session.client_reference_id.or(session.claimed_user);
                return Ok(named.map(Subject::User).into_iter().collect());
            }
            session => session.and_then(|session| session.customer_id).into_iter().collect(),
        }
    } else if id.contains('@') && !store.index().facts(livemode, id).is_some_and(|facts| facts.known) {
        let told = store.users(livemode, Some(id), 20).await?;
        let mut found: Vec<Subject> = vec![];
        for user in
            told.into_iter().filter(|user| user.email.as_deref().is_some_and(|email| email.eq_ignore_ascii_case(id)))
        {
            found.push(Subject::User(user.user_id));
        }
        for customer in store.customers_by_email(livemode, id).await? {
            let subject = subject_of(store, livemode, customer.customer_id).await?;
            if !found.contains(&subject) {
                found.push(subject);
            }
        }
        return Ok(found);
    } else {
        return Ok(vec![Subject::User(id.to_owned())]);
    };
    let mut found = vec![];
    for customer in customers {
        found.push(subject_of(store, livemode, customer).await?);
    }
    Ok(found)
}

async fn subject_of(store: &dyn Store, livemode: Livemode, customer: String) -> Result<Subject, store::Error> {
    let mapping = store.mapping(livemode, &customer).await?;
    Ok(mapping.map_or(Subject::Customer(customer), |mapping| Subject::User(mapping.user_id)))
}

/// Why whatever was found has or lacks a feature.
///
/// # Errors
/// When the database cannot be read.
pub async fn diagnose_subject(
    state: &AppState,
    livemode: Livemode,
    subject: &Subject,
    feature: Option<&str>,
) -> Result<Diagnosis, store::Error> {
    match subject {
        Subject::User(user) => gather(state, livemode, user, feature, None).await,
        // Nobody knows the user, so the customer's own id stands for it.
        Subject::Customer(customer) => gather(state, livemode, customer, feature, Some(customer)).await,
    }
}

async fn gather(
    state: &AppState,
    livemode: Livemode,
    user_id: &str,
    feature: Option<&str>,
    stranger: Option<&str>,
) -> Result<Diagnosis, store::Error> {
    let store = state.store.as_ref();
    let now = state.now();
    let policy = store.options().policy;
    let (facts, catalog) = (store.index().facts(livemode, user_id), store.index().catalog(livemode));
    let decision = match feature {
        Some(feature) => decide(facts.as_deref(), &catalog, &policy, feature, now),
        None => decide_any(facts.as_deref(), &catalog, &policy, now),
    };
    let mut chain =
        Chain::new(user_id, feature.map(str::to_owned), livemode, now, decision, facts.as_deref(), &catalog);
    chain.policy = policy;
    chain.has_stripe_key = state.gateway(livemode).is_some();
    let mapped: Vec<String> = facts.as_ref().map(|facts| facts.customers.clone()).unwrap_or_default();
    for id in &mapped {
        if let Some(customer) = store.customer(livemode, id).await? {
            chain.customers.push(customer_record(customer, now));
        }
    }
    chain.mappings = store.mappings_of(livemode, user_id).await?.into_iter().map(mapping_record).collect();
    chain.drift = drift(store, livemode, &mapped).await?;
    chain.conflicts = conflicts(store, livemode, user_id).await?;
    let named = if stranger.is_some() { None } else { Some(user_id) };
    let searched: Vec<String> = mapped.iter().cloned().chain(stranger.map(str::to_owned)).collect();
    let checkouts = store.checkout_sessions_of(livemode, &searched, named).await?;
    chain.checkouts =
        checkouts.into_iter().map(|row| CheckoutRecord { session: row.session, at: row.evidence_at }).collect();
    chain.candidates = candidates(store, livemode, user_id, stranger, &chain.checkouts).await?;
    (chain.events, chain.events_missing) = events(store, livemode, &searched).await?;
    chain.last_accepted_at = store.last_delivery(livemode).await?;
    chain.endpoint_disabled = endpoint_disabled(store, livemode, chain.last_accepted_at, now).await?;
    chain.rejected_recent = rejection(store, now).await?;
    let other = if livemode.is_live() { Livemode::Test } else { Livemode::Live };
    chain.other_mode = match stranger {
        Some(customer) => store.customer(other, customer).await?.is_some(),
        None => store.index().facts(other, user_id).is_some_and(|facts| !facts.customers.is_empty()),
    };
    let overrides = store
        .overrides(livemode, &OverrideFilter { user_id: Some(user_id.to_owned()), after: None, limit: 100 })
        .await?;
    let note = |author, reason| OverrideNote { author, reason };
    chain.override_notes =
        overrides.data.into_iter().map(|row| (row.override_id, note(row.created_by, row.reason))).collect();
    let subscriptions = facts.iter().flat_map(|facts| &facts.subscriptions);
    let invoices: Vec<String> = subscriptions.filter_map(|facts| facts.subscription.latest_invoice.clone()).collect();
    chain.invoice_payments = store.invoice_payments(livemode, &invoices).await?;
    if stranger.is_none() && chain.decision.allowed {
        chain.last_checks = last_checks(state, livemode, user_id, feature).await?;
    }
    chain.price_names = price_names(store, livemode, facts.as_deref()).await?;
    let mut diagnosis = domain::diagnosis::diagnose(&chain);
    if let Some(customer) = stranger {
        // Nobody to grant anything to; and the link leads to the page that asks for the user.
        diagnosis
            .fixes
            .retain(|fix| !matches!(fix.id.as_str(), "grant_override" | "extend_override" | "find_customer"));
        for fix in diagnosis.fixes.iter_mut().filter(|fix| fix.id == "link_customer") {
            fix.label = format!("Link {customer} to a user");
        }
    }
    Ok(diagnosis)
}

/// What the application was told last about what is a yes by now.
async fn last_checks(
    state: &AppState,
    livemode: Livemode,
    user_id: &str,
    feature: Option<&str>,
) -> Result<Vec<LastCheck>, store::Error> {
    let newest = newest_checks(state, livemode, user_id, feature).await?;
    if newest.iter().all(|check| check.allowed) {
        return Ok(newest);
    }
    // It may have asked again in the seconds that are not stored yet, and then knows.
    state.checks.try_settle().await;
    let mut newest = newest_checks(state, livemode, user_id, feature).await?;
    let changes = state.store.verdict_changes(livemode, user_id, CHANGES).await?;
    for check in &mut newest {
        let last = changes.iter().find(|row| row.change.feature == check.feature);
        check.granted_at = last.filter(|row| row.change.allowed_after).map(|row| row.at);
    }
    Ok(newest)
}

async fn newest_checks(
    state: &AppState,
    livemode: Livemode,
    user_id: &str,
    feature: Option<&str>,
) -> Result<Vec<LastCheck>, store::Error> {
    let mut newest: Vec<LastCheck> = vec![];
    for group in state.store.checks_of(livemode, user_id).await? {
        let is_asked = feature.is_none_or(|feature| group.feature == feature);
        if is_asked && newest.iter().all(|known| known.feature != group.feature) {
            let (at, allowed) = (group.last_at, group.allowed);
            newest.push(LastCheck { feature: group.feature, at, allowed, granted_at: None });
        }
    }
    Ok(newest)
}

fn customer_record(customer: store::records::CustomerRecord, now: Timestamp) -> CustomerRecord {
    let at = customer.next_read_at.or(customer.dirty_at).unwrap_or(now);
    let read_error = customer.read_error.map(|message| ReadError { status: read_status(&message), message, at });
    CustomerRecord {
        id: customer.customer_id,
        email: customer.email,
        deleted: customer.deleted,
        synced_at: customer.synced_at,
        dirty_since: customer.dirty_at,
        read_error,
    }
}

/// The status that a stored sentence of [`gateway::Error`] stands for.
fn read_status(message: &str) -> Option<u16> {
    if message.contains("does not accept the API key") {
        Some(401)
    } else if message.contains("may not do this") {
        Some(403)
    } else if message.starts_with("Stripe's rate limit") {
        Some(429)
    } else {
        None
    }
}

fn mapping_record(mapping: store::records::MappingRecord) -> MappingRecord {
    MappingRecord {
        customer_id: mapping.customer_id,
        source: mapping.source,
        evidence: Some(mapping.evidence).filter(|evidence| !evidence.is_empty()),
        since: mapping.since,
    }
}

/// What the last comparison with Stripe found and nothing has mended since. Names and the like break nothing.
async fn drift(store: &dyn Store, livemode: Livemode, customers: &[String]) -> Result<Vec<Drift>, store::Error> {
    let mut drift = vec![];
    for (at, effects) in store.open_drift(livemode, customers).await? {
        if effects.verdicts.is_empty() {
            continue;
        }
        drift.extend(effects.fields.into_iter().map(|change| Drift {
            object: change.object,
            field: change.field,
            ours: change.before.unwrap_or_else(|| "nothing".into()),
            theirs: change.after.unwrap_or_else(|| "nothing".into()),
            at,
        }));
    }
    // The status says most.
    drift.sort_by_key(|drift| drift.field != "status");
    Ok(drift)
}

async fn conflicts(store: &dyn Store, livemode: Livemode, user: &str) -> Result<Vec<ConflictRecord>, store::Error> {
    let open = store.open_conflicts(livemode, None).await?;
    let ours = open.into_iter().filter(|row| row.mapped_user_id == user || row.claimed_user_id == user);
    let record = |row: store::records::ConflictRecord| ConflictRecord {
        customer_id: row.customer_id,
        current: row.mapped_user_id,
        claimed: row.claimed_user_id,
        evidence: Some(row.evidence),
    };
    Ok(ours.map(record).collect())
}

/// Customers without a user that may be this one's: those with the user's e-mail address, and those that a Checkout Session names.
async fn candidates(
    store: &dyn Store,
    livemode: Livemode,
    user: &str,
    stranger: Option<&str>,
    checkouts: &[CheckoutRecord],
) -> Result<Vec<Candidate>, store::Error> {
    let mut found: Vec<(String, Likeness)> =
        stranger.map(|id| (id.to_owned(), Likeness::SameEmail)).into_iter().collect();
    for checkout in checkouts {
        let session = &checkout.session;
        if let Some(customer) = &session.customer_id {
            if session.client_reference_id.as_deref() == Some(user) {
                found.push((customer.clone(), Likeness::Claim(MappingSource::ClientReferenceId)));
            } else if session.claimed_user.as_deref() == Some(user) {
                found.push((customer.clone(), Likeness::Claim(MappingSource::CheckoutMetadata)));
            }
        }
    }
    if stranger.is_none() {
        let told = store.user(livemode, user).await?.and_then(|told| told.email);
        let email = told.or_else(|| user.contains('@').then(|| user.to_owned()));
        if let Some(email) = email {
            for customer in store.customers_by_email(livemode, &email).await? {
                let claims = customer.claimed_user.as_deref() == Some(user);
                let because =
                    if claims { Likeness::Claim(MappingSource::CustomerMetadata) } else { Likeness::SameEmail };
                found.push((customer.customer_id, because));
            }
        }
    }
    let mut seen = HashSet::new();
    let mut candidates = vec![];
    for (id, because) in found {
        if !seen.insert(id.clone()) || store.mapping(livemode, &id).await?.is_some() {
            continue;
        }
        if let Some(candidate) = candidate(store, livemode, &id, because).await? {
            candidates.push(candidate);
        }
    }
    Ok(candidates)
}

async fn candidate(
    store: &dyn Store,
    livemode: Livemode,
    id: &str,
    because: Likeness,
) -> Result<Option<Candidate>, store::Error> {
    let filter = CustomerFilter { query: Some(id.to_owned()), limit: 1, ..CustomerFilter::default() };
    let page = store.list_customers(livemode, &filter).await?;
    let Some(row) = page.data.into_iter().find(|row| row.customer.customer_id == id) else { return Ok(None) };
    let newest = EventFilter { customers: vec![id.to_owned()], limit: 1, ..EventFilter::default() };
    let last_event = store.events(livemode, &newest).await?.data.into_iter().next().map(|event| event.event_id);
    Ok(Some(Candidate {
        customer_id: id.to_owned(),
        email: row.customer.email,
        because,
        has_subscription: !row.subscriptions.is_empty(),
        events: u64::try_from(row.events).unwrap_or(0),
        last_event,
        first_seen: row.customer.first_seen_at,
    }))
}

/// Our endpoint as Stripe has it, when that keeps events away. One that is absent is no fault as long as nothing is known to be missing:
/// Stripe's command line forwards events without any.
async fn endpoint_disabled(
    store: &dyn Store,
    livemode: Livemode,
    last_delivery: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<String>, store::Error> {
    let Some((state, id, at)) = store.catch_up(livemode).await?.and_then(|state| state.endpoint) else {
        return Ok(None);
    };
    if last_delivery.is_some_and(|delivered| delivered > at) {
        return Ok(None);
    }
    let keeps_away = match state {
        Registration::Enabled => false,
        Registration::Disabled => true,
        Registration::Absent => {
            let since = last_delivery.unwrap_or_else(|| now.plus_millis(-LISTED));
            let missed = store.never_delivered(livemode, since).await?;
            missed.iter().any(|(reason, _)| *reason == Undelivered::EndpointAbsent)
        }
    };
    Ok(keeps_away.then_some(id))
}

/// What is stored of these customers' events, and those of them that were fetched and not processed yet.
async fn events(
    store: &dyn Store,
    livemode: Livemode,
    customers: &[String],
) -> Result<(EventRecords, Option<EventsMissing>), store::Error> {
    // A filter without customers would mean everybody's.
    if customers.is_empty() {
        return Ok((EventRecords::default(), None));
    }
    let filter = |statuses: &[EventStatus], limit| EventFilter {
        statuses: statuses.to_vec(),
        customers: customers.to_vec(),
        limit,
        ..EventFilter::default()
    };
    let failed = store.events(livemode, &filter(&[EventStatus::Failed, EventStatus::Dead], EVENTS)).await?.data;
    let pending = store.events(livemode, &filter(&[EventStatus::Pending, EventStatus::Processing], EVENTS)).await?.data;
    let newest = store.events(livemode, &filter(&[], 1)).await?.data;
    let failed = failed.into_iter().map(|event| FailedEvent {
        id: event.event_id,
        kind: event.kind,
        error: event.error.unwrap_or_default(),
        at: event.processed_at.unwrap_or(event.last_delivery_at),
        dead: event.status == EventStatus::Dead,
    });
    let pending = pending.into_iter().rev().map(|event| PendingEvent { id: event.event_id, since: event.received_at });
    let (mut fetched, mut missing, mut total, mut processed) = (vec![], 0, 0, 0);
    for tally in store.event_tally(livemode, customers).await? {
        let count = u64::try_from(tally.count).unwrap_or(0);
        total += count;
        match (tally.status, tally.undelivered) {
            (EventStatus::Failed | EventStatus::Dead, _) | (EventStatus::Pending | EventStatus::Processing, None) => {}
            (EventStatus::Pending | EventStatus::Processing, Some(_)) => missing += count,
            (_, reason) => {
                processed += count;
                fetched.extend(reason.map(|reason| FetchedEvents { reason, count }));
            }
        }
    }
    let records = EventRecords {
        fetched,
        total,
        processed,
        failed: failed.collect(),
        pending: pending.collect(),
        last_event_at: newest.first().map(|event| event.last_delivery_at),
    };
    let missing = (missing > 0).then_some(EventsMissing { missing, listed: records.total });
    Ok((records, missing))
}

async fn rejection(store: &dyn Store, now: Timestamp) -> Result<Option<Rejection>, store::Error> {
    let newest = store.rejected_deliveries(None, 20).await?.data;
    let because_of_signature = |check: &str| matches!(check, "signature_mismatch" | "no_secret");
    let found = newest
        .into_iter()
        .find(|row| because_of_signature(&row.failed_check) && now.millis() - row.received_at.millis() < RECENT);
    Ok(found.map(|row| Rejection { at: row.received_at, message: row.message }))
}

async fn price_names(
    store: &dyn Store,
    livemode: Livemode,
    facts: Option<&UserFacts>,
) -> Result<HashMap<String, String>, store::Error> {
    let mut names = HashMap::new();
    let subscribed =
        facts.into_iter().flat_map(|facts| &facts.subscriptions).flat_map(|facts| &facts.subscription.items);
    let bought = facts.into_iter().flat_map(|facts| &facts.purchases).flat_map(|facts| facts.items.iter().flatten());
    let items = subscribed
        .map(|item| (&item.price_id, &item.product_id))
        .chain(bought.map(|item| (&item.price_id, &item.product_id)));
    for (price_id, product_id) in items.take(PRICES) {
        let nickname = store.price(livemode, price_id).await?.and_then(|row| row.price.nickname);
        let name = match (nickname, product_id) {
            (Some(name), _) => Some(name),
            (None, Some(product)) => store.product(livemode, product).await?.and_then(|row| row.product.name),
            (None, None) => None,
        };
        if let Some(name) = name {
            names.insert(price_id.clone(), name);
        }
    }
    Ok(names)
}
