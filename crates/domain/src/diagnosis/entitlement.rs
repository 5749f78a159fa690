//! Link 5: does what they pay for give the feature, and does nobody say otherwise?

use super::view::{Finding, View};
use super::words::{day, nearest_feature};
use super::{Link, LinkName, LinkState, fixes, purchase};
use crate::Timestamp;
use crate::access::{OverrideFacts, Reason, Treatment};
use crate::stripe::{Subscription, SubscriptionItem, SubscriptionStatus};

/// E0: staff or the application said no.
pub(super) fn denied_by_override(view: &View<'_>) -> Option<Finding> {
    if view.decision.reason != Reason::OverrideDeny {
        return None;
    }
    let id = view.decision.sources.first().map(|source| source.id.clone()).unwrap_or_default();
    let facts = view.chain.facts.and_then(|facts| facts.overrides.iter().find(|o| o.id == id));
    let since = facts.map(|o| o.created_at);
    let mut details: Vec<String> = note(view, &id).into_iter().collect();
    details.extend(since.map(|at| format!("since {}", day(at))));
    details.extend(facts.and_then(|o| o.expires_at).map(|at| format!("until {}", day(at))));
    let why = format!("Override {id} denies it ({}).", details.join(", "));
    let mut found = broken("override_deny", why, format!("{id} denies it"), since, Some(id.clone()));
    found.fixes = vec![fixes::remove_override(view, &id)];
    Some(found)
}

/// E2: a key the catalog lacks. No payment could help, so it comes before everything about payments.
pub(super) fn unknown_feature(view: &View<'_>) -> Option<Finding> {
    let feature = view.chain.feature.as_deref().filter(|_| view.decision.reason == Reason::UnknownFeature)?;
    let nearest = nearest_feature(view.chain.catalog, feature).map(|key| format!("; the nearest is {key}"));
    let why = format!("The catalog has no feature {feature}{}.", nearest.unwrap_or_default());
    let mut found = broken("feature_unknown", why, format!("{feature} is not in the catalog"), None, None);
    found.fixes = vec![fixes::features(feature)];
    Some(found)
}

/// E5 and E6: they pay, and it does not give the feature.
pub(super) fn not_given(view: &View<'_>) -> Option<Finding> {
    let facts = view.subscription()?;
    let sub = &facts.subscription;
    let prices: Vec<&String> = sub.items.iter().map(|item| &item.price_id).collect();
    let price = prices.first().copied();
    let named = prices.iter().map(|id| view.price(id)).collect::<Vec<_>>().join(", ");
    let named = if named.is_empty() { "nothing".to_owned() } else { named };
    match view.decision.reason {
        Reason::PriceNotInCatalog => {
            let why = format!(
                "{} is {} and pays for {named}, which gives no feature.",
                sub.id,
                sub.status.as_str().replace('_', " ")
            );
            let mut found =
                broken("price_not_in_catalog", why, format!("{named} gives no feature"), None, price.cloned());
            found.fixes = price.map(|id| fixes::add_price(id)).into_iter().chain([fixes::grant(view)]).collect();
            Some(found)
        }
        Reason::NotInPlan if view.expired_grant().is_none() => {
            let feature = view.chain.feature.as_deref().unwrap_or("it");
            let (why, fact) = match withheld(view, sub) {
                Some(price) => (
                    format!(
                        "{} is in its trial, and by the policy {price} gives {feature} only once it is paid.",
                        sub.id
                    ),
                    format!("{price} does not give {feature} in a trial"),
                ),
                None => (
                    format!("Their plan does not include it: {} pays for {named}.", sub.id),
                    format!("{named} does not give {feature}"),
                ),
            };
            let mut found = broken("not_in_plan", why, fact, None, price.cloned());
            found.fixes = [fixes::grant(view)].into_iter().chain(price.map(|id| fixes::edit_price(id))).collect();
            Some(found)
        }
        _ => None,
    }
}

/// The price that gives the feature to who pays, and by the policy not in a trial.
fn withheld<'a>(view: &View<'a>, sub: &'a Subscription) -> Option<&'a str> {
    let denies = |item: &&SubscriptionItem| {
        let (feature, price) = (view.chain.feature.as_deref(), Some(item.price_id.as_str()));
        view.chain.catalog.policy(&view.chain.policy, feature, price).trialing == Treatment::Deny
    };
    let items = sub.items.iter().filter(|_| sub.status == SubscriptionStatus::Trialing);
    items.filter(|item| view.gives(item)).find(denies).map(|item| item.price_id.as_str())
}

/// E1: what gave it was a grant, and that is over.
pub(super) fn expired_override(view: &View<'_>) -> Option<Finding> {
    let grant = view.expired_grant()?;
    let end = grant.expires_at?;
    let why = format!("Override {} ended on {}{}, and nothing else gives it.", grant.id, day(end), by(view, grant));
    let fact = format!("{} ended", grant.id);
    let mut found = broken("override_expired", why, fact, Some(end), Some(grant.id.clone()));
    found.fixes = vec![fixes::extend(view, &grant.feature, &format!("Extend {}", grant.feature))];
    Some(found)
}

fn by(view: &View<'_>, grant: &OverrideFacts) -> String {
    note(view, &grant.id).map(|note| format!(" ({note})")).unwrap_or_default()
}

fn note(view: &View<'_>, id: &str) -> Option<String> {
    view.chain.override_notes.get(id).map(|note| format!("{}, “{}”", note.author, note.reason))
}

fn broken(code: &'static str, why: String, fact: String, at: Option<Timestamp>, evidence: Option<String>) -> Finding {
    Finding { code, link: LinkName::Entitlement, state: LinkState::Broken, why, fact, at, evidence, fixes: vec![] }
}

/// The link as it stands, whatever else is broken.
pub(super) fn link(view: &View<'_>) -> Link {
    let make = |state, fact, evidence| Link { name: LinkName::Entitlement, state, fact, at: None, evidence };
    if let Some(link) = purchase::entitlement(view) {
        return link;
    }
    let listed = view.decision.sources.iter().find(|source| source.kind == "entitlement");
    if let Some(source) = listed.filter(|_| view.decision.allowed) {
        let what = view.chain.feature.as_deref().unwrap_or("features");
        let fact = format!("Stripe lists {what} among the active entitlements of {}", source.id);
        return make(LinkState::Ok, fact, Some(source.id.clone()));
    }
    let Some(item) = view.subscription().and_then(|facts| view.item(facts)) else {
        return make(LinkState::NotReached, "Nothing is paid for".to_owned(), None);
    };
    let what = view.chain.feature.as_deref().unwrap_or("features");
    let price = view.price(&item.price_id);
    if view.gives(item) {
        make(LinkState::Ok, format!("{price} gives {what}"), Some(item.price_id.clone()))
    } else {
        make(LinkState::Unknown, format!("{price} does not give {what}"), Some(item.price_id.clone()))
    }
}
