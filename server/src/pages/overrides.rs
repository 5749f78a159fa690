//! `/admin/overrides`, and the forms for a new one and for another end.

use app::components::time_until;
use app::pages::confirm::View as Confirm;
use app::pages::overrides::{List, Row, View};
use app::pages::{Page, override_form};
use domain::access::{UserFacts, decide};
use domain::role::Role;
use store::records::{OverrideList, OverrideRecord, Which};

use super::confirm::back;
use super::list::{around, export};
use super::{Ask, Loaded, impact};
use crate::admin::customers::{path, user_of};
use crate::admin::overrides::period_end;

const DAY_SECS: i64 = 86_400;
/// Reasons to choose from.
const REASONS: usize = 10;
/// Overrides that are changed at once, at most: a page of the list.
const MOST: usize = 50;

pub(super) async fn overrides(ask: &Ask<'_>) -> Loaded {
    let (list, wanted) = asked(ask);
    let store = &ask.state.store;
    let page = store.list_overrides(ask.livemode, &wanted, ask.now).await?;
    let fields = [("list", list.word())];
    let mut pages = around(ask, "/admin/overrides", &fields, &page, |row| wanted.which.key(row));
    if !page.data.is_empty() {
        pages.count = Some(store.count_overrides(ask.livemode, &wanted.which, ask.now).await?);
        pages.export = Some(export(ask, "overrides", &fields));
    }
    let any = store::records::OverrideFilter { user_id: None, after: None, limit: 1 };
    let ever = !page.data.is_empty() || !store.overrides(ask.livemode, &any).await?.data.is_empty();
    let rows = page.data.into_iter().map(|record| Row { underneath: underneath(ask, &record), ..row(ask, record) });
    Ok(Some(Page::Overrides(View { list, rows: rows.collect(), ever, pages })))
}

/// The list that is asked for, as the page names it and as the store is asked.
pub(crate) fn asked(ask: &Ask<'_>) -> (List, OverrideList) {
    let word = ask.param("list").unwrap_or_default();
    let list = List::ALL.into_iter().find(|list| list.word() == word).unwrap_or(List::Active);
    let which = match list {
        List::Active => Which::Active,
        List::Ending => Which::EndingBy(ask.now.plus_secs(7 * DAY_SECS)),
        List::NoEnd => Which::NoEnd,
        List::Mine => Which::By(ask.actor.author(None, ask.now).actor),
        List::Ended => Which::Over,
    };
    (list, OverrideList { which, place: ask.place() })
}

/// Whether the user would have access without this override; none where it counts no longer.
fn underneath(ask: &Ask<'_>, record: &OverrideRecord) -> Option<bool> {
    let counts = record.revoked_at.is_none() && record.expires_at.is_none_or(|end| end > ask.now);
    let store = &ask.state.store;
    let facts = store.index().facts(ask.livemode, &record.user_id).filter(|_| counts)?;
    let mut without = UserFacts::clone(&facts);
    without.overrides.retain(|facts| facts.id != record.override_id);
    let catalog = store.index().catalog(ask.livemode);
    Some(decide(Some(&without), &catalog, &store.options().policy, &record.feature, ask.now).allowed)
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
    Ok(Some(Page::NewOverride(override_form::New {
        action: format!("{back}/overrides"),
        back,
        features,
        feature,
        period_end: period_end(ask.state, ask.livemode, &user_id, ask.now),
        reasons: ask.state.store.recent_reasons(ask.livemode, REASONS).await?,
        user_id,
    })))
}

/// `/admin/overrides/change?what=extend|revoke&id=…&id=…`
pub(super) async fn change(ask: &Ask<'_>, ids: &[String]) -> Loaded {
    let mut found = vec![];
    for id in ids.iter().take(MOST) {
        let one = ask.state.store.find_override(ask.livemode, id).await?;
        found.extend(one.filter(|one| one.revoked_at.is_none()));
    }
    if found.is_empty() {
        return Ok(None);
    }
    let back = back(ask, "/admin/overrides");
    if ask.param("what") != Some("revoke") {
        let author = ask.actor.author(None, ask.now).actor;
        let role = if found.iter().all(|one| one.created_by == author) { Role::Support } else { Role::Admin };
        let words = |one: &OverrideRecord| {
            let end = one.expires_at.map_or_else(|| "no end".to_owned(), time_until);
            (format!("{} for {}, {end}", one.feature, one.user_id), one.override_id.clone())
        };
        let overrides = found.iter().map(words).collect();
        return Ok(Some(Page::Extend(override_form::Extend { overrides, role, back })));
    }
    let question = if found.len() == 1 {
        "Revoke this override?".to_owned()
    } else {
        format!("Revoke {} overrides?", found.len())
    };
    Ok(Some(Page::Confirm(Box::new(Confirm {
        question,
        above: ("Overrides", "/admin/overrides".into()),
        sentence: "Each user has from now on what everything else gives.".into(),
        effects: impact::of_revoking(ask, &found),
        action: "/admin/overrides/revoke".into(),
        fields: found.into_iter().map(|one| ("id", one.override_id)).collect(),
        button: "Revoke overrides".into(),
        role: Role::Admin,
        reason_required: true,
        back,
    }))))
}

/// A row of the table of overrides.
pub(super) fn row(ask: &Ask<'_>, record: OverrideRecord) -> Row {
    Row {
        href: path(&record.user_id),
        id: record.override_id,
        user_id: record.user_id,
        feature: record.feature,
        effect: record.effect,
        reason: record.reason,
        is_own: record.created_by == ask.actor.author(None, ask.now).actor,
        created_by: record.created_by,
        created_at: record.created_at,
        expires_at: record.expires_at,
        revoked_at: record.revoked_at,
        ticket_url: record.ticket_url,
        underneath: None,
    }
}
