//! What is true, from the model's own state and the written rules alone: no code is shared with what is tested.
//!
//! Where the rules leave open which of several true reasons is named, all of them are accepted.

use std::fmt;

use crate::catalog::{DAY, EXCEPTIONS, Exception, FEATURES, GRANTS, Grant, LIMIT, Money};
use crate::history::{History, Override};
use crate::model::{Customer, Item, Purchase, Session, State, Status, Subscription};

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

/// What is not known for sure although all is told that could be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Doubt<'a> {
    /// By how much (seconds) a failed payment is believed to have begun earlier.
    pub late: i64,
    /// Sessions of which no event that calls them paid reached us: they are taken to be paid when they were charged, or made.
    pub unheard: &'a [&'a str],
}

/// How an item stands: good or bad, with the reason.
type Standing = (bool, &'static str);

/// The truth about a user and a feature at `now` (seconds), which is not before the history's end.
#[must_use]
pub fn answer(history: &History, user: &str, feature: &str, money: Money, now: i64, doubt: Doubt<'_>) -> Answer {
    let mine: Vec<usize> =
        (0..history.owners.len()).filter(|n| history.owners[*n].user == user && history.is_mapped(*n)).collect();
    let by_hand: Vec<&Override> =
        history.overrides.iter().filter(|one| one.user == user && one.revoked.is_none()).collect();
    if mine.is_empty() && by_hand.is_empty() {
        return denied(vec!["unknown_user"]);
    }
    let in_force = |one: &&&Override| one.feature == feature && one.expires_at.is_none_or(|end| now < end);
    let in_force: Vec<&&Override> = by_hand.iter().filter(in_force).collect();
    if in_force.iter().any(|one| !one.grants) {
        return denied(vec!["override_deny"]);
    }
    let customers: Vec<&Customer> = mine.iter().map(|n| history.last(*n)).collect();
    let paid = if FEATURES.contains(&feature) {
        by_payment(&customers, feature, money, now, doubt)
    } else {
        denied(vec!["unknown_feature"])
    };
    if in_force.is_empty() {
        return paid;
    }
    let granted = in_force.iter().filter_map(|one| one.value).max();
    Answer { allowed: true, reasons: vec!["override_grant"], value: granted.max(paid.value) }
}

/// What these customers pay for.
fn by_payment(customers: &[&Customer], feature: &str, money: Money, now: i64, doubt: Doubt<'_>) -> Answer {
    let items: Vec<(&Subscription, &Item, Standing)> = customers
        .iter()
        .flat_map(|customer| &customer.subscriptions)
        .flat_map(|sub| sub.items.iter().map(move |item| (sub, item, standing(sub, item, feature, now, doubt.late))))
        .collect();
    let bought = Bought::of(customers, feature, money, now, doubt);
    let giving: Vec<_> = items.iter().filter(|(sub, item, (good, _))| *good && gives(sub, item, feature)).collect();
    let value = giving.iter().filter_map(|(_, item, _)| value(item, feature)).max().max(bought.value());
    let best = ["subscription_active", "subscription_trialing", "grace_period"];
    let reason = best.into_iter().find(|reason| giving.iter().any(|(_, _, (_, why))| why == reason));
    if let Some(reason) = reason.or(bought.reason()) {
        return Answer { allowed: true, reasons: vec![reason], value };
    }
    if customers.is_empty() {
        return denied(vec!["no_customer"]);
    }
    let would = items.iter().any(|(sub, item, _)| gives(sub, item, feature));
    if bought.refused.contains(&"payment_pending") {
        denied(vec!["payment_pending"])
    } else if !would && !bought.refused.is_empty() {
        // A payment that failed says less than one that came and went.
        let failed = bought.refused.iter().all(|why| *why == "no_payment");
        denied(bought.refused.into_iter().filter(|why| failed || *why != "no_payment").collect())
    } else if !items.is_empty() {
        denied(why_not(&items, &bought, feature))
    } else if bought.stands {
        denied(vec![if bought.is_in_catalog { "not_in_plan" } else { "price_not_in_catalog" }])
    } else {
        denied(vec!["no_payment"])
    }
}

/// What was bought once, about one feature.
#[derive(Default)]
struct Bought {
    /// Numbers given outright, without one for a switch.
    outright: Vec<Option<i64>>,
    /// Credits of each line that gives some.
    credits: Vec<i64>,
    /// Why those that would give it do not.
    refused: Vec<&'static str>,
    /// Whether anything else is paid for.
    stands: bool,
    /// Whether any of it gives anything.
    gives_anything: bool,
    /// Whether any of it gave anything, though the time may be over.
    is_in_catalog: bool,
}

impl Bought {
    fn of(customers: &[&Customer], feature: &str, money: Money, now: i64, doubt: Doubt<'_>) -> Self {
        let mut bought = Self::default();
        for purchase in customers.iter().flat_map(|customer| &customer.purchases) {
            bought.take(purchase, feature, money, now, doubt);
        }
        bought
    }

    fn take(&mut self, purchase: &Purchase, feature: &str, money: Money, now: i64, doubt: Doubt<'_>) {
        let grants = || {
            purchase.lines.iter().flat_map(|(price, quantity)| {
                let of = move |grant: &&Grant| grant.target == price.id || grant.target == price.product;
                GRANTS.iter().filter(of).map(move |grant| (grant, *quantity))
            })
        };
        let about: Vec<(&Grant, i64)> = grants().filter(|(grant, _)| grant.feature == feature).collect();
        // An invoice that nobody paid sold nothing.
        if matches!(purchase.state, State::Open | State::Uncollectible | State::Void) {
            return;
        }
        let gone = gone(purchase, money);
        if !gone.is_empty() {
            if !about.is_empty() {
                self.refused.extend(gone);
            }
            return;
        }
        let unheard = |session: &&Session| doubt.unheard.contains(&session.id.as_str());
        let paid_at = match (purchase.session.as_ref().filter(unheard), &purchase.payment) {
            (Some(_), Some(payment)) => payment.created,
            (Some(session), None) => session.created,
            (None, _) => purchase.paid_at.unwrap_or(i64::MAX),
        };
        let lasts = |grant: &Grant| grant.days.is_none_or(|days| now < paid_at + days * DAY);
        self.is_in_catalog |= grants().next().is_some();
        self.gives_anything |= grants().any(|(grant, _)| lasts(grant));
        self.stands |= about.is_empty();
        if !about.is_empty() && !about.iter().any(|(grant, _)| lasts(grant)) {
            self.refused.push("purchase_expired");
        }
        for (grant, quantity) in about.into_iter().filter(|(grant, _)| lasts(grant)) {
            match grant.credits {
                Some(credits) => self.credits.push(credits * quantity),
                None => self.outright.push(grant.value.or((feature == LIMIT).then_some(quantity))),
            }
        }
    }

    fn reason(&self) -> Option<&'static str> {
        let by_credits = (!self.credits.is_empty()).then_some("credits");
        if self.outright.is_empty() { by_credits } else { Some("purchase") }
    }

    /// The highest number, or all credits together.
    fn value(&self) -> Option<i64> {
        let credits = (!self.credits.is_empty()).then(|| self.credits.iter().sum());
        self.outright.iter().copied().flatten().max().max(credits)
    }
}

/// Why a purchase gives nothing (any more); nothing when it is paid for.
fn gone(purchase: &Purchase, money: Money) -> Vec<&'static str> {
    match purchase.state {
        State::Pending => return vec!["payment_pending"],
        State::Failed => return vec!["no_payment"],
        _ => {}
    }
    let Some(payment) = &purchase.payment else { return vec![] };
    let is = |statuses: &[&str]| payment.disputes.iter().any(|dispute| statuses.contains(&dispute.status));
    let disputed = match money.dispute {
        "flag" => is(&["lost"]),
        "suspend" => is(&["lost", "needs_response", "under_review"]),
        _ => false,
    };
    let refunded = match money.refund {
        "full" => payment.refunded() >= payment.amount,
        "any" => payment.refunded() > 0,
        _ => false,
    };
    [disputed.then_some("disputed"), refunded.then_some("refunded")].into_iter().flatten().collect()
}

/// A payment that may still come back says most; then a plan without the feature; then what is over. A subscription whose end has
/// passed and whose last event has not come may be taken for either.
fn why_not(items: &[(&Subscription, &Item, Standing)], bought: &Bought, feature: &str) -> Vec<&'static str> {
    let would: Vec<_> = items.iter().filter(|(sub, item, (good, _))| !good && gives(sub, item, feature)).collect();
    let revivable: Vec<_> =
        would.iter().filter(|(sub, ..)| !sub.status.is_over()).map(|(_, _, (_, why))| *why).collect();
    let good: Vec<_> = items.iter().filter(|(_, _, (good, _))| *good).collect();
    let over = revivable.iter().all(|why| *why == "subscription_canceled");
    let mut reasons = revivable;
    if over && !good.is_empty() {
        let something = good.iter().any(|(_, item, _)| GRANTS.iter().any(|grant| is_of(item, grant)));
        reasons.push(if something || bought.gives_anything { "not_in_plan" } else { "price_not_in_catalog" });
    }
    if reasons.is_empty() {
        let nearest: Vec<_> = if would.is_empty() { items.iter().collect() } else { would };
        reasons.extend(nearest.iter().map(|(_, _, (_, why))| *why));
    }
    reasons.sort_unstable();
    reasons.dedup();
    reasons
}

fn is_of(item: &Item, grant: &Grant) -> bool {
    item.price.id == grant.target || item.price.product == grant.target
}

/// Whether the item gives the feature; a trial may not.
fn gives(sub: &Subscription, item: &Item, feature: &str) -> bool {
    let withheld = sub.status == Status::Trialing && exception(item, feature, |one| one.trials) == Some(false);
    !withheld && GRANTS.iter().any(|grant| grant.feature == feature && is_of(item, grant))
}

fn value(item: &Item, feature: &str) -> Option<i64> {
    let grants = GRANTS.iter().filter(|grant| grant.feature == feature && is_of(item, grant));
    grants.filter_map(|grant| grant.value.or((feature == LIMIT).then_some(item.quantity))).max()
}

/// What the price says, or else the feature.
fn exception<T>(item: &Item, feature: &str, part: impl Fn(&Exception) -> Option<T>) -> Option<T> {
    let said = |target: &str| EXCEPTIONS.iter().filter(|one| one.target == target).find_map(&part);
    said(item.price.id).or_else(|| said(feature))
}

/// The table of statuses (docs.stripe.com/billing/subscriptions/overview).
fn standing(sub: &Subscription, item: &Item, feature: &str, now: i64, late: i64) -> Standing {
    let grace = exception(item, feature, |one| one.grace).map_or(GRACE, |days| days * DAY);
    let (paid_until, leeway, during, after) = match sub.status {
        Status::Active => (item.period.1, LEEWAY, "subscription_active", "grace_period_over"),
        Status::Trialing => {
            (sub.trial.map_or(item.period.1, |trial| trial.1), LEEWAY, "subscription_trialing", "trial_ended")
        }
        Status::PastDue => {
            (sub.past_due_since.map_or(item.period.0, |since| since - late), grace, "grace_period", "grace_period_over")
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
