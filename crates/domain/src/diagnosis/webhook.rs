//! Link 2: did Stripe tell us, and did we take it in?

use super::view::{Finding, View};
use super::words::{moment, span};
use super::{Link, LinkName, LinkState, fixes};
use crate::Timestamp;

/// Longer than this, waiting is worth a word.
const PATIENCE: i64 = 10_000;

/// W1 to W3 and W7: nothing gets through at all.
pub(super) fn deaf(view: &View<'_>) -> Option<Finding> {
    if !view.news_could_help() {
        return None;
    }
    let chain = view.chain;
    if let Some(endpoint) = &chain.endpoint_disabled {
        let why = format!("Stripe has disabled our webhook endpoint {endpoint}, or lost it.");
        let mut found = broken("endpoint_disabled", why, "Endpoint disabled".to_owned(), None, None);
        found.fixes = vec![fixes::validator("Run the setup validator"), fixes::resync(view)];
        found.fixes.extend(fixes::fetch_missing(view));
        return Some(found);
    }
    if let Some(rejection) =
        chain.rejected_recent.as_ref().filter(|r| chain.last_accepted_at.is_none_or(|at| at < r.at))
    {
        let why = format!(
            "Webhooks are rejected, most likely for a wrong signing secret: {} ({}).",
            rejection.message.trim_end_matches('.'),
            moment(rejection.at)
        );
        let mut found = broken("signature", why, "Deliveries are rejected".to_owned(), Some(rejection.at), None);
        found.fixes = vec![fixes::validator("Check the signing secrets"), fixes::resync(view)];
        found.fixes.extend(fixes::fetch_missing(view));
        return Some(found);
    }
    if chain.last_accepted_at.is_none() && chain.events.total == 0 && view.subscriptions().is_empty() {
        let why = format!("No webhook has ever arrived in {} mode.", chain.mode);
        let mut found = broken("no_events", why, "No event ever arrived".to_owned(), None, None);
        found.fixes = vec![fixes::validator("Run the setup validator")];
        found.fixes.extend(fixes::fetch_missing(view));
        found.fixes.push(fixes::grant(view));
        return Some(found);
    }
    let refused = chain.customers.iter().find_map(|customer| {
        let error = customer.read_error.as_ref().filter(|error| matches!(error.status, Some(401 | 403)))?;
        Some((customer, error))
    });
    refused.map(|(customer, error)| {
        let status = error.status.unwrap_or_default();
        let why = format!(
            "Our Stripe key may not read {}: Stripe answered {status} ({}).",
            customer.id,
            error.message.trim_end_matches('.')
        );
        let fact = format!("Stripe refused our key ({status})");
        let mut found = broken("key_permission", why, fact, Some(error.at), Some(customer.id.clone()));
        found.fixes = vec![fixes::validator("Check the Stripe key"), fixes::resync(view)];
        found
    })
}

/// W4 to W6: something of theirs is missing, failed or waits.
pub(super) fn late(view: &View<'_>) -> Option<Finding> {
    let chain = view.chain;
    if let Some(gap) = chain.events_missing.filter(|gap| gap.missing > 0) {
        let why = format!("{} of {} events never arrived.", gap.missing, gap.listed);
        let fact = format!("{} of {} events missing", gap.missing, gap.listed);
        let mut found = broken("events_missing", why, fact, None, None);
        found.fixes = fixes::fetch_missing(view).into_iter().collect();
        found.fixes.extend([fixes::resync(view), fixes::validator("Run the setup validator")]);
        return Some(found);
    }
    if let Some(event) = chain.events.failed.first() {
        let next = if event.dead { "and was given up" } else { "and will be tried again" };
        let why = format!("{} ({}) failed {next}: {}.", event.id, event.kind, event.error.trim_end_matches('.'));
        let fact = format!("{} failed", event.id);
        let mut found = broken("webhook_failed", why, fact, Some(event.at), Some(event.id.clone()));
        found.fixes = vec![fixes::process_event(&event.id), fixes::open_event(&event.id), fixes::resync(view)];
        return Some(found);
    }
    waiting(view)
}

fn waiting(view: &View<'_>) -> Option<Finding> {
    let chain = view.chain;
    let long_since = |since: &Timestamp| since.plus_millis(PATIENCE) < chain.now;
    if let Some(event) = chain.events.pending.first().filter(|event| long_since(&event.since)) {
        let others = chain.events.pending.len() - 1;
        let more = if others == 0 { String::new() } else { format!(", {others} more behind it") };
        let why = format!("{} has waited to be processed for {}{more}.", event.id, span(event.since, chain.now));
        let fact = format!("{} is pending", event.id);
        let mut found = broken("webhook_pending", why, fact, Some(event.since), Some(event.id.clone()));
        found.state = LinkState::Waiting;
        found.fixes = vec![fixes::process_event(&event.id), fixes::resync(view)];
        return Some(found);
    }
    // Without a key a customer stays marked for ever, and the payloads are all there is to judge by.
    let marked = chain.customers.iter().filter(|_| chain.has_stripe_key);
    let (customer, since) =
        marked.filter_map(|c| Some((c, c.dirty_since.filter(long_since)?))).min_by_key(|(_, since)| *since)?;
    let error = customer.read_error.as_ref().map(|error| format!(" ({})", error.message.trim_end_matches('.')));
    let why = format!(
        "{} has waited to be read from Stripe for {}{}.",
        customer.id,
        span(since, chain.now),
        error.unwrap_or_default()
    );
    let fact = format!("{} waits to be read", customer.id);
    let mut found = broken("webhook_pending", why, fact, Some(since), Some(customer.id.clone()));
    found.state = LinkState::Waiting;
    found.fixes = vec![fixes::resync(view), fixes::grant(view)];
    Some(found)
}

fn broken(code: &'static str, why: String, fact: String, at: Option<Timestamp>, evidence: Option<String>) -> Finding {
    Finding { code, link: LinkName::Webhook, state: LinkState::Broken, why, fact, at, evidence, fixes: vec![] }
}

/// The link as it stands, whatever else is broken.
pub(super) fn link(view: &View<'_>) -> Link {
    let events = &view.chain.events;
    let last_read = view.chain.customers.iter().filter_map(|c| Some((c.synced_at?, &c.id))).max();
    let seen = view.chain.candidates.iter().find(|candidate| candidate.events > 0);
    let make = |state, fact, at, evidence| Link { name: LinkName::Webhook, state, fact, at, evidence };
    if let Some(event) = events.failed.first() {
        let fact = format!("{} of {} events failed", events.failed.len(), events.total.max(1));
        make(LinkState::Unknown, fact, Some(event.at), Some(event.id.clone()))
    } else if let Some(event) = events.pending.first() {
        let fact = format!("{} is being processed", event.id);
        make(LinkState::Waiting, fact, Some(event.since), Some(event.id.clone()))
    } else if events.total > 0 {
        let fetched: u64 = events.fetched.iter().map(|of| of.count).sum();
        let fetched = if fetched == 0 { String::new() } else { format!(", {fetched} of them fetched, not delivered") };
        let fact = format!("{} of {} events processed{fetched}", events.processed, events.total);
        make(LinkState::Ok, fact, events.last_event_at, None)
    } else if let Some((at, id)) = last_read {
        make(LinkState::Ok, format!("{id} was read from Stripe"), Some(at), Some(id.clone()))
    } else if let Some(candidate) = seen {
        let fact = format!("{} events of {} came", candidate.events, candidate.customer_id);
        make(LinkState::Ok, fact, Some(candidate.first_seen), candidate.last_event.clone())
    } else if view.subscriptions().is_empty() {
        make(LinkState::NotReached, "No event about them".to_owned(), None, None)
    } else {
        make(LinkState::Unknown, "No event of theirs is stored any more".to_owned(), None, None)
    }
}
