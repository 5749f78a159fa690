//! `/admin/overrides`, and the form for a new one.

use app::components::address;
use app::pages::{Page, overrides};
use store::records::{OverrideFilter, OverrideRecord};

use super::{Ask, Loaded, ROWS};
use crate::admin::customers::{path, user_of};

pub(super) async fn overrides(ask: &Ask<'_>) -> Loaded {
    let filter = OverrideFilter { user_id: None, after: ask.param("after").map(str::to_owned), limit: ROWS };
    let page = ask.state.store.overrides(ask.livemode, &filter).await?;
    let next = page.data.last().filter(|_| page.has_more);
    let next = next.map(|row| address("/admin/overrides", &[("after", &row.override_id)]));
    let first = filter.after.is_some().then(|| "/admin/overrides".to_owned());
    let rows = page.data.into_iter().map(row).collect();
    Ok(Some(Page::Overrides(overrides::View { rows, first, next })))
}

pub(super) async fn new(ask: &Ask<'_>, id: &str) -> Loaded {
    let Some(user_id) = user_of(ask.state, ask.livemode, id).await? else { return Ok(None) };
    let (index, policy) = (ask.state.store.index(), ask.state.store.options().policy);
    let catalog = index.catalog(ask.livemode);
    let answers = index.entitlements(ask.livemode, &user_id, &policy, ask.now);
    let features =
        answers.into_iter().filter_map(|(key, answer)| Some((catalog.features.get(&key)?.clone(), answer))).collect();
    let feature = ask.param("feature").map(str::to_owned);
    let back = path(&user_id);
    Ok(Some(Page::NewOverride(overrides::New {
        action: format!("{back}/overrides"),
        back,
        user_id,
        features,
        feature,
    })))
}

/// A row of the table of overrides.
pub(super) fn row(record: OverrideRecord) -> overrides::Row {
    overrides::Row {
        href: path(&record.user_id),
        id: record.override_id,
        user_id: record.user_id,
        feature: record.feature,
        effect: record.effect,
        reason: record.reason,
        created_by: record.created_by,
        created_at: record.created_at,
        expires_at: record.expires_at,
        revoked_at: record.revoked_at,
    }
}
