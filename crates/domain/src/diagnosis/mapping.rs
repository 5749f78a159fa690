//! Link 3: is the Stripe customer a known user?

use super::chain::{Candidate, Likeness};
use super::view::{Finding, View};
use super::{Link, LinkName, LinkState, fixes};
use crate::Timestamp;

/// The event that names the user comes within seconds; after this long it is missed.
const PATIENCE: i64 = 120_000;

/// M2: two users point to one customer, or two customers to this user.
pub(super) fn ambiguous(view: &View<'_>) -> Option<Finding> {
    let chain = view.chain;
    let against = chain.conflicts.iter().find(|conflict| conflict.claimed == chain.user_id);
    if let Some(conflict) = against.or_else(|| chain.conflicts.first().filter(|_| !view.has_customer())) {
        let said = conflict.evidence.as_deref().unwrap_or("another source");
        let why = format!(
            "Two users point to one Stripe customer: {} is linked to {}, and {said} says {}.",
            conflict.customer_id, conflict.current, conflict.claimed
        );
        let fact = format!("{} is claimed by two users", conflict.customer_id);
        let fixes = vec![fixes::choose_owner(&conflict.customer_id), fixes::grant(view)];
        return Some(found("ambiguous_customer", LinkState::Broken, why, fact, None, &conflict.customer_id, fixes));
    }
    let alike: Vec<&Candidate> = candidates(view).filter(|c| c.because == Likeness::SameEmail).collect();
    let (first, second) = (alike.first()?, alike.get(1)?);
    if view.has_customer() || candidates(view).any(|c| c.because != Likeness::SameEmail) {
        return None;
    }
    let why = format!(
        "{} and {} both have the e-mail address of {}; an address proves nothing.",
        first.customer_id, second.customer_id, chain.user_id
    );
    let fact = format!("{} customers share the e-mail address", alike.len());
    let fixes = alike.iter().take(3).map(|c| fixes::link_customer(view, &c.customer_id)).collect();
    Some(found("ambiguous_customer", LinkState::Broken, why, fact, Some(first.first_seen), &first.customer_id, fixes))
}

/// M1: somebody paid, and nothing says it was this user.
pub(super) fn unattributed(view: &View<'_>) -> Option<Finding> {
    let candidate = candidates(view).find(|candidate| !is_coming(view, candidate))?;
    let hint = match (candidate.because, &candidate.email) {
        (Likeness::SameEmail, Some(email)) => format!("it has the same e-mail address, {email}"),
        (Likeness::SameEmail, None) => "it has the same e-mail address".to_owned(),
        (Likeness::Claim(source), _) => format!("its {} names them", source.as_str()),
    };
    let why = format!("{} is not linked to a user; {hint}.", candidate.customer_id);
    let fact = format!("{} is linked to no user", candidate.customer_id);
    let fixes = vec![fixes::link_customer(view, &candidate.customer_id), fixes::grant(view)];
    let at = Some(candidate.first_seen);
    Some(found("unattributed", LinkState::Broken, why, fact, at, &candidate.customer_id, fixes))
}

/// M1 as well: a Checkout that is complete, whose customer is nobody's.
pub(super) fn lost_checkout(view: &View<'_>) -> Option<Finding> {
    let record =
        view.chain.checkouts.iter().filter(|_| !view.has_customer()).find(|record| {
            record.session.status.as_deref() == Some("complete") && record.session.customer_id.is_some()
        })?;
    let customer = record.session.customer_id.as_deref()?;
    let why = format!("{} is complete, and its customer {customer} is not linked to a user.", record.session.id);
    let fact = format!("{customer} is linked to no user");
    let fixes = vec![fixes::link_customer(view, customer), fixes::grant(view)];
    Some(found("unattributed", LinkState::Broken, why, fact, Some(record.at), customer, fixes))
}

/// M3: the event that names the user is on its way.
pub(super) fn pending_link(view: &View<'_>) -> Option<Finding> {
    let candidate = candidates(view).find(|candidate| is_coming(view, candidate))?;
    let why = format!(
        "{} has just come from Stripe; the event that names its user is not here yet.",
        candidate.last_event.as_deref().unwrap_or(&candidate.customer_id)
    );
    let fact = format!("{} waits for its user", candidate.customer_id);
    let mut mends = vec![fixes::link_customer(view, &candidate.customer_id), fixes::resync(view)];
    mends.extend(fixes::fetch_missing(view));
    let at = Some(candidate.first_seen);
    Some(found("pending_link", LinkState::Waiting, why, fact, at, &candidate.customer_id, mends))
}

/// Whoever already has a customer is helped only by one that pays.
fn candidates<'a>(view: &View<'a>) -> impl Iterator<Item = &'a Candidate> {
    let any = !view.has_customer();
    view.chain.candidates.iter().filter(move |candidate| any || candidate.has_subscription)
}

fn is_coming(view: &View<'_>, candidate: &Candidate) -> bool {
    view.chain.now < candidate.first_seen.plus_millis(PATIENCE)
}

fn found(
    code: &'static str,
    state: LinkState,
    why: String,
    fact: String,
    at: Option<Timestamp>,
    customer: &str,
    fixes: Vec<super::Fix>,
) -> Finding {
    Finding { code, link: LinkName::Mapping, state, why, fact, at, evidence: Some(customer.to_owned()), fixes }
}

/// The link as it stands, whatever else is broken.
pub(super) fn link(view: &View<'_>) -> Link {
    let chain = view.chain;
    let customer = view.subscription().map(|facts| facts.subscription.customer_id.as_str());
    let mapping =
        chain.mappings.iter().find(|mapping| Some(mapping.customer_id.as_str()) == customer).or(chain.mappings.first());
    let make = |state, fact, at, evidence| Link { name: LinkName::Mapping, state, fact, at, evidence };
    if let Some(mapping) = mapping {
        let others = match chain.mappings.len() {
            1 => String::new(),
            n => format!("; {} customers in all", n),
        };
        let fact = format!("{} is {}, by {}{others}", mapping.customer_id, chain.user_id, mapping.source.as_str());
        make(
            LinkState::Ok,
            fact,
            Some(mapping.since),
            mapping.evidence.clone().or_else(|| Some(mapping.customer_id.clone())),
        )
    } else if view.has_customer() {
        let id = chain.customers.first().map(|c| &c.id).or_else(|| chain.facts?.customers.first());
        let fact = format!("{} is {}", id.map_or("A customer", String::as_str), chain.user_id);
        make(LinkState::Ok, fact, None, id.cloned())
    } else {
        make(LinkState::NotReached, "No Stripe customer is linked".to_owned(), None, None)
    }
}
