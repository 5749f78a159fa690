//! What the application asked about a user, with its keys by their names.

use std::collections::HashMap;

use app::pages::customer::CheckLine;

use crate::pages::Ask;

/// The groups of checks of a user, the last asked first. `up_to_now` also writes down what was asked in the last seconds.
pub(super) async fn checks(ask: &Ask<'_>, user: &str, up_to_now: bool) -> store::Result<Vec<CheckLine>> {
    if up_to_now {
        ask.state.checks.try_settle().await;
    }
    let groups = ask.state.store.checks_of(ask.livemode, user).await?;
    if groups.is_empty() {
        return Ok(vec![]);
    }
    let keys = ask.state.store.api_keys().await?;
    let names: HashMap<String, String> = keys.into_iter().map(|key| (key.api_key_id, key.name)).collect();
    let line = |group: store::records::CheckGroup| CheckLine {
        key: names.get(&group.api_key_id).cloned().unwrap_or(group.api_key_id),
        feature: group.feature,
        allowed: group.allowed,
        reason: group.reason,
        times: group.times,
        since: group.since,
        last_at: group.last_at,
    };
    Ok(groups.into_iter().map(line).collect())
}
