//! What was never delivered: how far Stripe's list of events is read, and why events were missing.

use app::pages::missed;
use store::records::EventFilter;

use super::Ask;

/// How far back Stripe lists events.
const LISTED_SECS: i64 = 30 * 24 * 3600;
/// How long after it was noticed a gap is still shown.
const GAP_SECS: i64 = 30 * 24 * 3600;
/// Fetched events whose customers are counted.
const FETCHED: i64 = 200;

/// The card of the events' page.
pub(super) async fn missed(ask: &Ask<'_>) -> anyhow::Result<missed::Missed> {
    let (store, livemode) = (&ask.state.store, ask.livemode);
    let reasons = store.never_delivered(livemode, ask.now.plus_secs(-LISTED_SECS)).await?;
    let can_read = ask.state.gateway(livemode).is_some();
    let Some(read) = store.catch_up(livemode).await? else {
        return Ok(missed::Missed { can_read, reasons, ..missed::Missed::default() });
    };
    let shown_since = ask.now.plus_secs(-LISTED_SECS - GAP_SECS);
    Ok(missed::Missed {
        can_read,
        reasons,
        asked: read.began_at.is_some() || read.due_at <= ask.now,
        read_at: read.finished_at,
        since: read.since,
        listed: read.listed,
        missing: read.missing,
        lost: read.lost.filter(|(_, until)| *until > shown_since),
        failed: read.error.map(|error| (error, read.due_at)),
    })
}

/// How many events of the last 30 days were never delivered, and how many customers the newest of them are about.
pub(super) async fn count(ask: &Ask<'_>) -> store::Result<(i64, i64)> {
    let store = &ask.state.store;
    let reasons = store.never_delivered(ask.livemode, ask.now.plus_secs(-LISTED_SECS)).await?;
    let events = reasons.iter().map(|(_, count)| count).sum();
    if events == 0 {
        return Ok((0, 0));
    }
    let filter = EventFilter { fetched: true, limit: FETCHED, ..EventFilter::default() };
    let newest = store.events(ask.livemode, &filter).await?.data;
    let about = newest.into_iter().filter(|event| event.deliveries == 0).filter_map(|event| event.customer_id);
    let customers: std::collections::HashSet<String> = about.collect();
    Ok((events, i64::try_from(customers.len()).unwrap_or(i64::MAX)))
}
