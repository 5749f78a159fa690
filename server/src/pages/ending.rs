//! `/admin/ending`: who loses access soon.

use app::components::address;
use app::pages::{Page, ending};
use domain::Livemode;
use domain::Timestamp;
use domain::access::{Loss, Reason, known_losses};

use super::{Ask, Loaded, ROWS};
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
    let days = ask.param("days").and_then(|days| days.parse().ok()).filter(|days| (1..=DAYS).contains(days));
    let days = days.unwrap_or(DAYS);
    let all = losses(ask.state, ask.livemode, ask.now, days);
    let key = |user: &str, loss: &Loss| format!("{}:{user}:{}", loss.at.millis(), loss.feature);
    let after = ask.param("after");
    // What ended meanwhile is gone from the list: the next that is behind the cursor's time begins the page.
    let behind = after.and_then(|after| {
        let position = all.iter().position(|(user, loss)| key(user, loss) == after).map(|at| at + 1);
        let at = after.split(':').next()?.parse::<i64>().ok()?;
        position.or_else(|| Some(all.partition_point(|(_, loss)| loss.at.millis() <= at)))
    });
    let limit = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let start = behind.unwrap_or(0).min(all.len());
    let shown = &all[start..all.len().min(start + limit)];
    let span = days.to_string();
    let next = shown.last().filter(|_| start + shown.len() < all.len());
    let next = next.map(|(user, loss)| address("/admin/ending", &[("days", &span), ("after", &key(user, loss))]));
    Ok(Some(Page::Ending(ending::View {
        days,
        users: users(&all, ask.now.plus_millis(days * DAY)),
        rows: shown.iter().map(|(user, loss)| row(user, loss)).collect(),
        first: after.map(|_| address("/admin/ending", &[("days", &span)])),
        next,
    })))
}

fn row(user: &str, loss: &Loss) -> ending::Row {
    let why = match loss.last.reason {
        Reason::SubscriptionActive | Reason::SubscriptionTrialing => "the subscription ends",
        Reason::GracePeriod => "the grace after a failed payment ends",
        Reason::Purchase | Reason::Credits => "what was bought runs out",
        Reason::OverrideGrant => "the override ends",
        _ => "its source ends",
    };
    let source = loss.last.sources.first().map(|source| {
        let href = (source.kind == "subscription").then(|| format!("/admin/subscriptions/{}", encoded(&source.id)));
        (source.id.clone(), href)
    });
    ending::Row {
        user_id: user.to_owned(),
        href: format!("{}?feature={}", path(user), encoded(&loss.feature)),
        feature: loss.feature.clone(),
        at: loss.at,
        why: why.to_owned(),
        source,
    }
}
