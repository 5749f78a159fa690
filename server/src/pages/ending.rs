//! `/admin/ending`: who loses access soon.

use app::pages::{Page, ending};
use domain::Livemode;
use domain::Timestamp;
use domain::access::{Loss, Reason, known_losses};
use store::records::{Page as Rows, Place};

use super::list::{around, cut, export};
use super::{Ask, Loaded};
use crate::admin::customers::{encoded, path};
use crate::state::AppState;

const DAY: i64 = 86_400_000;
/// How far ahead is looked.
pub(super) const DAYS: i64 = 30;

/// Every feature that a user of the mode is known to lose within so many days, the next one first.
pub(super) fn losses(state: &AppState, livemode: Livemode, now: Timestamp, days: i64) -> Vec<(String, Loss)> {
    let (index, policy) = (state.store.index(), state.store.options().policy);
    let (catalog, span) = (index.catalog(livemode), (now, now.plus_millis(days * DAY)));
    let mut found = vec![];
    for (user, facts) in index.users_where(livemode, |facts| {
        !(facts.subscriptions.is_empty() && facts.purchases.is_empty() && facts.overrides.is_empty())
    }) {
        let losses = known_losses(&facts, &catalog, &policy, span);
        found.extend(losses.into_iter().map(|loss| (user.clone(), loss)));
    }
    found.sort_by(|(a, first), (b, second)| (first.at, a, &first.feature).cmp(&(second.at, b, &second.feature)));
    found
}

/// How many users lose something until then.
pub(super) fn users(losses: &[(String, Loss)], until: Timestamp) -> usize {
    let mut users: Vec<&str> =
        losses.iter().filter(|(_, loss)| loss.at < until).map(|(user, _)| user.as_str()).collect();
    users.sort_unstable();
    users.dedup();
    users.len()
}

pub(super) fn ending(ask: &Ask<'_>) -> Loaded {
    let (days, all) = asked(ask);
    let users = users(&all, ask.now.plus_millis(days * DAY));
    let number = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let page = cut(all, &sorted(&ask.place()), order);
    let (days_text, here) = (days.to_string(), "/admin/ending");
    let fields = [("days", days_text.as_str())];
    let mut pages = around(ask, here, &fields, &page, key);
    if !page.data.is_empty() {
        pages.count = Some(number);
        pages.export = Some(export(ask, "ending", &fields));
    }
    let rows = page.data.iter().map(|(user, loss)| row(user, loss)).collect();
    Ok(Some(Page::Ending(ending::View { days, users, rows, pages })))
}

/// A user, and what they lose.
type Losing = (String, Loss);

/// How far ahead is asked for, and who loses something until then.
fn asked(ask: &Ask<'_>) -> (i64, Vec<Losing>) {
    let days = ask.param("days").and_then(|days| days.parse().ok()).filter(|days| (1..=DAYS).contains(days));
    let days = days.unwrap_or(DAYS);
    let mut all = losses(ask.state, ask.livemode, ask.now, days);
    all.sort_by_cached_key(order);
    (days, all)
}

/// What the list is sorted by.
fn order((user, loss): &Losing) -> (i64, String) {
    (loss.at.millis(), format!("{user}:{}", loss.feature))
}

/// The same as a page's address has it.
pub(crate) fn key(losing: &Losing) -> String {
    let (at, who) = order(losing);
    format!("{at}:{who}")
}

fn sorted(place: &Place) -> Place<(i64, String)> {
    let read = |key: &Option<String>| {
        let (at, who) = key.as_deref()?.split_once(':')?;
        Some((at.parse().ok()?, who.to_owned()))
    };
    Place { after: read(&place.after), before: read(&place.before), limit: place.limit }
}

/// A page of those who lose something in the time that is asked for.
pub(crate) fn page(ask: &Ask<'_>, place: &Place) -> Rows<Losing> {
    cut(asked(ask).1, &sorted(place), order)
}

/// What it is that ends.
pub(crate) const fn why(loss: &Loss) -> &'static str {
    match loss.last.reason {
        Reason::SubscriptionActive | Reason::SubscriptionTrialing => "the subscription ends",
        Reason::GracePeriod => "the grace after a failed payment ends",
        Reason::Purchase | Reason::Credits => "what was bought runs out",
        Reason::OverrideGrant => "the override ends",
        _ => "its source ends",
    }
}

fn row(user: &str, loss: &Loss) -> ending::Row {
    let source = loss.last.sources.first().map(|source| {
        let href = (source.kind == "subscription").then(|| format!("/admin/subscriptions/{}", encoded(&source.id)));
        (source.id.clone(), href)
    });
    ending::Row {
        user_id: user.to_owned(),
        href: format!("{}?feature={}", path(user), encoded(&loss.feature)),
        feature: loss.feature.clone(),
        at: loss.at,
        why: why(loss).to_owned(),
        source,
    }
}
