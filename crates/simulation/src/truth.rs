//! What is true, from the model's own state and the written rules alone: no code is shared with what is tested.
//!
//! Where the rules leave open which of several true reasons is named, all of them are accepted.

use std::fmt;

use crate::catalog::{DAY, FEATURES, GRANTS};
use crate::history::History;
use crate::model::{Item, Status, Subscription};

/// How long `past_due` keeps its access.
const GRACE: i64 = 7 * DAY;
/// How long a passed period keeps its access.
const LEEWAY: i64 = 2 * DAY;

/// What may be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether the feature may be used.
    pub allowed: bool,
    /// Any of these.
    pub reasons: Vec<&'static str>,
    /// The number for a limit.
    pub value: Option<i64>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.map(|value| format!(" with {value}")).unwrap_or_default();
        write!(f, "{}{value} ({})", if self.allowed { "yes" } else { "no" }, self.reasons.join(" or "))
    }
}

fn denied(reasons: Vec<&'static str>) -> Answer {
    Answer { allowed: false, reasons, value: None }
}

/// How an item stands: good or bad, with the reason.
type Standing = (bool, &'static str);

/// The truth about a user and a feature at `now` (seconds), which is not before the history's end. `late` shifts when a failed
/// payment is believed to have begun.
#[must_use]
pub fn answer(history: &History, user: &str, feature: &str, now: i64, late: i64) -> Answer {
    let mine: Vec<usize> =
        (0..history.owners.len()).filter(|n| history.owners[*n].user == user && history.is_mapped(*n)).collect();
    if mine.is_empty() {
        return denied(vec!["unknown_user"]);
    }
    if !FEATURES.contains(&feature) {
        return denied(vec!["unknown_feature"]);
    }
    let subscriptions: Vec<&Subscription> = mine.iter().flat_map(|n| &history.last(*n).subscriptions).collect();
    if subscriptions.is_empty() {
        return denied(vec!["no_payment"]);
    }
    let items: Vec<(&Subscription, &Item, Standing)> = subscriptions
        .iter()
        .flat_map(|sub| sub.items.iter().map(|item| (*sub, item, standing(sub, item, now, late))))
        .collect();
    let giving: Vec<_> = items.iter().filter(|(_, item, (good, _))| *good && gives(item, feature)).collect();
    if giving.is_empty() {
        return denied(why_not(&items, feature));
    }
    let best = ["subscription_active", "subscription_trialing", "grace_period"];
    let reason = best.into_iter().find(|reason| giving.iter().any(|(_, _, (_, why))| why == reason));
    Answer {
        allowed: true,
        reasons: reason.into_iter().collect(),
        value: giving.iter().filter_map(|(_, item, _)| value(item, feature)).max(),
    }
}

/// A payment that may still come back says most; then a plan without the feature; then what is over. A subscription whose end has
/// passed and whose last event has not come may be taken for either.
fn why_not(items: &[(&Subscription, &Item, Standing)], feature: &str) -> Vec<&'static str> {
    let would: Vec<_> = items.iter().filter(|(_, item, (good, _))| !good && gives(item, feature)).collect();
    let revivable: Vec<_> =
        would.iter().filter(|(sub, ..)| !sub.status.is_over()).map(|(_, _, (_, why))| *why).collect();
    let good: Vec<_> = items.iter().filter(|(_, _, (good, _))| *good).collect();
    let over = revivable.iter().all(|why| *why == "subscription_canceled");
    let mut reasons = revivable;
    if over && !good.is_empty() {
        let something = good.iter().any(|(_, item, _)| GRANTS.iter().any(|grant| is_of(item, grant.0)));
        reasons.push(if something { "not_in_plan" } else { "price_not_in_catalog" });
    }
    if reasons.is_empty() {
        let nearest: Vec<_> = if would.is_empty() { items.iter().collect() } else { would };
        reasons.extend(nearest.iter().map(|(_, _, (_, why))| *why));
    }
    reasons.sort_unstable();
    reasons.dedup();
    reasons
}

fn is_of(item: &Item, target: &str) -> bool {
    item.price.id == target || item.price.product == target
}

fn gives(item: &Item, feature: &str) -> bool {
    GRANTS.iter().any(|grant| grant.1 == feature && is_of(item, grant.0))
}

fn value(item: &Item, feature: &str) -> Option<i64> {
    GRANTS.iter().filter(|grant| grant.1 == feature && is_of(item, grant.0)).filter_map(|grant| grant.2).max()
}

/// The table of statuses (docs.stripe.com/billing/subscriptions/overview).
fn standing(sub: &Subscription, item: &Item, now: i64, late: i64) -> Standing {
    let (paid_until, leeway, during, after) = match sub.status {
        Status::Active => (item.period.1, LEEWAY, "subscription_active", "grace_period_over"),
        Status::Trialing => {
            (sub.trial.map_or(item.period.1, |trial| trial.1), LEEWAY, "subscription_trialing", "trial_ended")
        }
        Status::PastDue => {
            (sub.past_due_since.map_or(item.period.0, |since| since - late), GRACE, "grace_period", "grace_period_over")
        }
        Status::Unpaid => return (false, "subscription_unpaid"),
        Status::Incomplete => return (false, "subscription_incomplete"),
        Status::IncompleteExpired => return (false, "subscription_incomplete_expired"),
        Status::Canceled => {
            let by_trial = sub.reason.is_none() && sub.trial.map(|trial| trial.1) == sub.ended_at;
            return (false, if by_trial { "trial_ended" } else { "subscription_canceled" });
        }
        // The model pauses a subscription by the end of its trial alone.
        Status::Paused if sub.collection_paused.is_some() => return (false, "subscription_paused"),
        Status::Paused => return (false, "trial_ended"),
    };
    let period_end = if sub.status == Status::PastDue { item.period.1 } else { paid_until };
    let ends = sub.ending.map_or(i64::MAX, |ending| ending.at);
    if sub.collection_paused == Some("void") && period_end <= now && period_end < ends {
        return (false, "subscription_paused");
    }
    if ends <= now {
        return (false, "subscription_canceled");
    }
    if now < paid_until {
        (true, during)
    } else if now < paid_until + leeway {
        (true, "grace_period")
    } else {
        (false, after)
    }
}
