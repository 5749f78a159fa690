//! What jobs did: resyncs with what they found, and replays with what came of their events.

use store::records::{Place, ReplayOutcome};

use super::super::cell::Cell;
use super::Rows;
use crate::pages::{Ask, replays as replay_list, resyncs as resync_list};
use crate::resync::drift::differences;

pub(super) async fn resyncs(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let page = ask.state.store.resyncs(ask.livemode, None, &Place::behind(after, limit)).await?;
    Ok(Rows::of(page, resync_list::key, |resync| {
        let (scope, state) = (resync_list::scope(&resync), resync_list::state(&resync));
        vec![
            resync.resync_id.into(),
            scope.into(),
            state.word.into(),
            resync.created_by.into(),
            resync.reason.into(),
            resync.created_at.into(),
            resync.finished_at.into(),
        ]
    }))
}

/// Customers of one resync in one state: a line for each difference, and one for each customer without any.
pub(super) async fn resync(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let store = &ask.state.store;
    let (id, state) = (ask.param("id").unwrap_or_default(), ask.param("state").unwrap_or("differs"));
    if store.resync(id).await?.is_none_or(|(resync, _)| resync.new.livemode != ask.livemode) {
        return Ok(Rows::none());
    }
    let page = store.resync_customers(id, &[state], &Place::behind(after, limit)).await?;
    let next = page.data.last().filter(|_| page.has_more).map(|customer| customer.customer_id.clone());
    let mut rows = vec![];
    for customer in page.data {
        let line = |differs: [Cell; 4]| {
            let who = [
                customer.customer_id.clone().into(),
                customer.user_id.clone().into(),
                customer.status.clone().into(),
                customer.read_at.into(),
            ];
            who.into_iter().chain(differs).chain([customer.error.clone().into()]).collect::<Vec<Cell>>()
        };
        let found = customer.effects.as_ref().map(differences).unwrap_or_default();
        if found.is_empty() {
            rows.push(line([Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty]));
        }
        for one in found {
            rows.push(line([one.what.into(), one.kind.into(), one.ours.into(), one.theirs.into()]));
        }
    }
    Ok(Rows { rows, next })
}

pub(super) async fn replays(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let page = ask.state.store.replays(ask.livemode, &Place::behind(after, limit)).await?;
    Ok(Rows::of(page, replay_list::key, |replay| {
        let (what, state) = (replay_list::what(&replay.new), replay_list::state(&replay));
        vec![
            replay.replay_id.into(),
            what.into(),
            state.word.into(),
            if replay.new.is_dry_run { "yes" } else { "no" }.into(),
            replay.counts.matched.into(),
            replay.counts.fixed.into(),
            replay.counts.unchanged.into(),
            replay.counts.failed.into(),
            replay.counts.skipped.into(),
            replay.created_by.into(),
            replay.reason.into(),
            replay.created_at.into(),
            replay.finished_at.into(),
        ]
    }))
}

/// Events of one replay that came to one thing.
pub(super) async fn replay(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let (store, id) = (&ask.state.store, ask.param("id").unwrap_or_default());
    let outcome = ask.param("outcome").and_then(ReplayOutcome::parse);
    let known = store.replay(id).await?.is_some_and(|replay| replay.new.livemode == ask.livemode);
    let Some(outcome) = outcome.filter(|_| known) else { return Ok(Rows::none()) };
    let place = Place::behind(after.and_then(|after| after.parse().ok()), limit);
    let page = store.replay_events(id, outcome, ask.param("note"), &place).await?;
    Ok(Rows::of(
        page,
        |event| event.seq.to_string(),
        |event| {
            let changes = event.effects.as_ref().map(replay_list::would_change).unwrap_or_default();
            vec![
                event.event_id.into(),
                event.kind.into(),
                event.customer_id.into(),
                event.before.as_str().into(),
                event.status.as_str().into(),
                event.note.into(),
                changes.join("; ").into(),
            ]
        },
    ))
}
