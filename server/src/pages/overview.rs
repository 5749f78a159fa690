//! `/admin`

use app::components::Tone;
use app::pages::Page;
use app::pages::overview::{Action, Figure, Step, Value, View};
use domain::Timestamp;
use domain::event::EventStatus;
use store::records::{AuditFilter, EventHour};

use super::{Ask, Loaded, attention, charts, ending};
use crate::admin::dismissals::FIRST_STEPS;

/// Hours that are drawn.
const HOURS: usize = 24;
const HOURS_SECS: i64 = 24 * 3600;
/// What the staff did last.
const CHANGES: i64 = 10;
/// A lag that somebody waiting for access notices, in milliseconds.
const SLOW: i64 = 10_000;

pub(super) async fn overview(ask: &Ask<'_>) -> Loaded {
    let store = &ask.state.store;
    let (statuses, last_event_at) = store.event_stats(ask.livemode, ask.now).await?;
    let (attention, mut unknown) = attention::attention(ask, last_event_at).await;
    let hours = store.events_by_hour(ask.livemode, charts::next_hour(ask.now), HOURS).await.unwrap_or_else(|error| {
        tracing::error!("the overview lacks its charts: {error:#}");
        unknown.push("Events of the last 24 hours could not be counted.".to_owned());
        vec![]
    });
    let losses = ending::losses(ask.state, ask.livemode, ask.now, ending::DAYS);
    let waiting = [EventStatus::Pending, EventStatus::Processing].map(EventStatus::as_str);
    let waiting =
        statuses.iter().filter(|(status, _)| waiting.contains(&status.as_str())).map(|(_, count)| count).sum();
    let mut drawn = vec![];
    // A new installation has nothing to draw yet: its first steps stand there.
    if last_event_at.is_some() {
        if !hours.is_empty() {
            drawn.extend([charts::events(&hours), charts::lag(&hours)]);
        }
        match store.check_hours(ask.livemode, charts::next_hour(ask.now).plus_secs(-HOURS_SECS)).await {
            Ok(checks) => drawn.push(charts::checks(&checks, ask.now)),
            Err(error) => {
                tracing::error!("the overview lacks its checks: {error:#}");
                unknown.push("Access checks of the last 24 hours could not be counted.".to_owned());
            }
        }
        drawn.push(charts::losses(&losses, ask.now));
    }
    let newest = AuditFilter { livemode: Some(ask.livemode), limit: CHANGES, ..AuditFilter::default() };
    let actions = store.audit(&newest).await?.data.into_iter().map(|entry| Action {
        at: entry.at,
        actor: entry.actor,
        action: entry.action,
        object: entry.object_id,
        reason: entry.reason,
    });
    Ok(Some(Page::Overview(View {
        status: status(ask, last_event_at, &hours, waiting).await?,
        attention,
        unknown,
        charts: drawn,
        actions: actions.collect(),
        steps: steps(ask, last_event_at).await?,
    })))
}

/// The status line.
async fn status(
    ask: &Ask<'_>,
    last_event_at: Option<Timestamp>,
    hours: &[EventHour],
    waiting: i64,
) -> anyhow::Result<Vec<Figure>> {
    let words = |words: &str| Value::Words(words.to_owned());
    let figure = |name, value, tone, href| Figure { name, value, tone, href };
    let success = charts::success(hours);
    let lag = charts::of_day(hours).map(|(_, most)| most);
    let (stripe, tone) = stripe(ask).await?;
    Ok(vec![
        figure(
            "Last event",
            last_event_at.map_or_else(|| words("none yet"), Value::At),
            Tone::Neutral,
            "/admin/events",
        ),
        figure(
            "Taken in, 24 h",
            success
                .map_or_else(|| words("no events"), |share| Value::Words(format!("{}.{} %", share / 10, share % 10))),
            match success {
                Some(1000) => Tone::Ok,
                Some(_) => Tone::Bad,
                None => Tone::Neutral,
            },
            "/admin/events?status=failed",
        ),
        figure("Waiting, 24 h", Value::Words(waiting.to_string()), Tone::Neutral, "/admin/events?status=pending"),
        figure(
            "95 of 100 within",
            lag.map_or_else(|| words("no events"), |lag| Value::Words(charts::duration(lag))),
            if lag.is_some_and(|lag| lag > SLOW) { Tone::Warn } else { Tone::Neutral },
            "#chart-lag",
        ),
        figure("Stripe", stripe, tone, "/admin/validator"),
    ])
}

/// Whether Stripe answers us, as of the last time its list of events was read.
async fn stripe(ask: &Ask<'_>) -> anyhow::Result<(Value, Tone)> {
    if ask.state.gateway(ask.livemode).is_none() {
        return Ok((Value::Words("no key".to_owned()), Tone::Warn));
    }
    Ok(match ask.state.store.catch_up(ask.livemode).await? {
        Some(read) if read.error.is_some() => (Value::Words("does not answer".to_owned()), Tone::Bad),
        Some(read) => match read.finished_at {
            Some(at) => (Value::At(at), Tone::Ok),
            None => (Value::Words("being read".to_owned()), Tone::Info),
        },
        None => (Value::Words("not asked yet".to_owned()), Tone::Neutral),
    })
}

/// What is left to do until the application asks its first question; nothing when all is done or somebody hid it.
async fn steps(ask: &Ask<'_>, last_event_at: Option<Timestamp>) -> anyhow::Result<Vec<Step>> {
    let store = &ask.state.store;
    let given = store.index().catalog(ask.livemode);
    let keys = store.api_keys().await?;
    let has_key = keys.iter().any(|key| key.livemode == ask.livemode && key.is_active(ask.now));
    let has_asked = store.was_ever_checked(ask.livemode).await?;
    let step = |done, words, href| Step { done, words, href };
    let steps = vec![
        step(
            ask.state.gateway(ask.livemode).is_some(),
            "Connect Stripe: set a Stripe API key of this mode",
            "/admin/validator",
        ),
        step(
            !ask.state.config.webhook_secrets.is_empty(),
            "Make the webhook endpoint and set its signing secret",
            "/admin/validator",
        ),
        step(last_event_at.is_some(), "Receive the first event", "/admin/validator"),
        step(!given.features.is_empty(), "Create a feature", "/admin/features"),
        step(!(given.prices.is_empty() && given.products.is_empty()), "Give a price its features", "/admin/catalog"),
        step(has_key, "Create an API key", "/admin/api-keys"),
        step(has_asked, "Ask for access from your application the first time", "/admin/api-keys"),
    ];
    if steps.iter().all(|step| step.done) || store.is_dismissed(ask.livemode, FIRST_STEPS).await? {
        return Ok(vec![]);
    }
    Ok(steps)
}
