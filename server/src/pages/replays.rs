//! Replays: the list, the plan of a new one, and one with what came of its events.

use app::components::{Tone, address};
use app::pages::Page;
use app::pages::events::{ANY, CUSTOM};
use app::pages::job::{Progress, State};
use app::pages::replays::{Event, New, One, Plan, Row, View};
use domain::event::EventStatus;
use domain::{Livemode, Timestamp};
use store::records::{
    Effects, EventFilter, FASTEST_REPLAY, NewReplay, Place, REPLAY_RATE, ReplayEvent, ReplayOutcome, ReplayPlan,
    ReplayRecord, ReplayStatus,
};

use super::list::{around, export};
use super::{Ask, Loaded};
use crate::config::parse_duration;
use crate::live;

const PAGE: &str = "/admin/replays";
/// Replays on the list.
const LISTED: i64 = 20;
/// What "failed" means to whoever looks for failures: given up too.
pub(crate) const FAILED: [EventStatus; 2] = [EventStatus::Failed, EventStatus::Dead];

/// The moments that words for a time are about.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) now: Timestamp,
    /// When this process began.
    pub(crate) started_at: Timestamp,
}

/// Which events an address or a form is about: the names are those of the event log.
///
/// # Errors
/// A sentence that says what cannot be understood: a replay of other events than those that were meant is worse than none.
pub(crate) fn chosen<'a>(
    field: impl Fn(&str) -> Option<&'a str>,
    livemode: Livemode,
    asked: Asked,
) -> Result<NewReplay, String> {
    let statuses = match field("status") {
        None => vec![],
        Some("failed") => FAILED.to_vec(),
        Some("rejected") => {
            return Err("Deliveries that were refused are not kept, so there is nothing to replay.".into());
        }
        Some(word) => match EventStatus::parse(word) {
            Some(status) => vec![status],
            None => return Err(format!("No event has the status {word:?}.")),
        },
    };
    let since = match field("since") {
        None => None,
        Some(word) if word == ANY.0 => None,
        Some("start") => Some(asked.started_at),
        Some(text) => Some(moment(text, asked.now).ok_or_else(|| format!("{text:?} is neither a time nor a length."))?),
    };
    let owned = |name| field(name).map(str::to_owned);
    let filter = EventFilter {
        statuses,
        kind: owned("type"),
        id: owned("q"),
        since,
        api_version: owned("version"),
        error: owned("error"),
        fetched: field("origin") == Some("fetched"),
        ..EventFilter::default()
    };
    let linked = field("linked").is_some();
    Ok(NewReplay { livemode, filter, linked, is_dry_run: false, rate: REPLAY_RATE })
}

/// A time, or so long ago.
fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    let ago = || parse_duration(text).and_then(|ago| i64::try_from(ago.as_secs()).ok());
    Timestamp::parse(text).or_else(|| ago().map(|secs| now.plus_secs(-secs)))
}

/// The fields of a filter, named as in the event log's address.
fn fields(new: &NewReplay) -> Vec<(&'static str, String)> {
    let filter = &new.filter;
    let status = match filter.statuses.as_slice() {
        [] => String::new(),
        [one] => one.as_str().to_owned(),
        _ => "failed".to_owned(),
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let fields = [
        ("status", status),
        ("type", text(&filter.kind)),
        ("q", text(&filter.id)),
        ("since", filter.since.map(|since| since.to_string()).unwrap_or_default()),
        ("version", text(&filter.api_version)),
        ("error", text(&filter.error)),
        ("origin", if filter.fetched { "fetched".to_owned() } else { String::new() }),
        ("linked", if new.linked { "true".to_owned() } else { String::new() }),
    ];
    let mut fields: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    if fields.is_empty() {
        // Everything has to be said: an address without a filter is about what failed.
        fields.push(("since", ANY.0.to_owned()));
    }
    fields
}

/// Where the replay of these events is planned.
pub(crate) fn address_of(new: &NewReplay) -> String {
    let fields = fields(new);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    address(&format!("{PAGE}/new"), &fields)
}

/// Which events, in words; since when stands beside them.
pub(crate) fn what(new: &NewReplay) -> String {
    let filter = &new.filter;
    let mut words = match filter.statuses.as_slice() {
        [] => "Events".to_owned(),
        [one] => format!("{} events", capitalised(one.as_str())),
        _ => "Failed events".to_owned(),
    };
    let parts = [
        filter.kind.as_ref().map(|kind| format!(" of the type {kind}")),
        filter.id.as_ref().map(|id| format!(" about {id}")),
        filter.api_version.as_ref().map(|version| format!(" in version {version}")),
        filter.error.as_ref().map(|error| format!(" whose error holds “{error}”")),
        filter.fetched.then(|| " that were fetched".to_owned()),
        new.linked.then(|| " of customers that belong to a user by now".to_owned()),
    ];
    words.extend(parts.into_iter().flatten());
    words
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
    first.to_uppercase() + rest
}

/// A number with its thousands apart.
fn figure(number: i64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn events(number: i64) -> String {
    if number == 1 { "1 event".to_owned() } else { format!("{} events", figure(number)) }
}

/// How long something takes, in words.
fn lasts(seconds: i64) -> String {
    match seconds {
        ..=90 => format!("{} s", seconds.max(1)),
        91..=5400 => format!("{} min", (seconds + 59) / 60),
        _ => format!("{} h", (seconds + 3599) / 3600),
    }
}

/// `/admin/replays`
pub(super) async fn replays(ask: &Ask<'_>) -> Loaded {
    let store = &ask.state.store;
    let page = store.replays(ask.livemode, &Place { limit: LISTED, ..ask.place() }).await?;
    let mut pages = around(ask, PAGE, &[], &page, key);
    if !page.data.is_empty() {
        pages.count = Some(store.count_replays(ask.livemode).await?);
        pages.export = Some(export(ask, "replays", &[]));
    }
    Ok(Some(Page::Replays(View { rows: page.data.iter().map(row).collect(), pages })))
}

/// What the list is sorted by.
pub(crate) fn key(replay: &ReplayRecord) -> String {
    format!("{}:{}", replay.created_at.millis(), replay.replay_id)
}

fn row(replay: &ReplayRecord) -> Row {
    Row {
        id: replay.replay_id.clone(),
        what: what(&replay.new),
        since: replay.new.filter.since,
        is_dry_run: replay.new.is_dry_run,
        state: state(replay),
        result: result(replay),
        created_by: replay.created_by.clone(),
        created_at: replay.created_at,
        finished_at: replay.finished_at,
    }
}

/// How far a replay is, in a word.
pub(crate) fn state(replay: &ReplayRecord) -> State {
    let (tone, word) = match replay.status {
        _ if replay.is_paused => (Tone::Neutral, "Paused"),
        ReplayStatus::Collecting => (Tone::Info, "Looking for events"),
        ReplayStatus::Running => (Tone::Info, "Running"),
        ReplayStatus::Done if replay.counts.failed > 0 => (Tone::Warn, "Done, some fail"),
        ReplayStatus::Done => (Tone::Ok, "Done"),
        ReplayStatus::Canceled => (Tone::Neutral, "Canceled"),
    };
    State { word, tone }
}

/// The words for an outcome that are shown, in their order: as it is counted in a sentence, and as a heading.
const SHOWN: [(ReplayOutcome, &str, &str); 7] = [
    (ReplayOutcome::Failed, "still failing", "Still failing"),
    (ReplayOutcome::Fixed, "fixed", "Fixed"),
    (ReplayOutcome::Unchanged, "unchanged", "Unchanged"),
    (ReplayOutcome::Skipped, "skipped", "Skipped"),
    (ReplayOutcome::Asks, "would ask Stripe", "Would ask Stripe"),
    (ReplayOutcome::Queued, "in line", "In line"),
    (ReplayOutcome::Waiting, "waiting", "Waiting"),
];

/// What came of the events so far.
fn result(replay: &ReplayRecord) -> String {
    let counted = SHOWN.iter().map(|(outcome, words, _)| (replay.counts.of(*outcome), words));
    let parts: Vec<String> = counted
        .filter(|(number, _)| *number > 0)
        .map(|(number, words)| format!("{} {words}", figure(number)))
        .collect();
    if parts.is_empty() { "nothing yet".to_owned() } else { parts.join(" · ") }
}

/// `/admin/replays/new`
pub(super) async fn new(ask: &Ask<'_>) -> Loaded {
    let asked = Asked { now: ask.now, started_at: ask.state.replays.started_at() };
    let named = ["status", "type", "q", "since", "until", "version", "error", "origin", "linked"];
    // Nothing in particular: what one most likely came for.
    let plain = named.iter().all(|name| ask.param(name).is_none());
    let field = |name: &str| ask.param(name).or_else(|| (plain && name == "status").then_some("failed"));
    let chosen = chosen(field, ask.livemode, asked);
    let presets = [
        ("Failed in the last hour", "status=failed&since=1h"),
        ("Failed in the last 24 hours", "status=failed&since=24h"),
        ("Failed since the program started", "status=failed&since=start"),
        ("Every failed event", "status=failed"),
        ("Unattributed, linked by now", "status=unattributed&linked=true"),
    ];
    let here = |query: &str| {
        let mut of_preset = url::form_urlencoded::parse(query.as_bytes());
        of_preset.count() == named.iter().filter(|name| field(name).is_some_and(|value| value != ANY.0)).count()
            && of_preset.all(|(name, value)| field(&name) == Some(&*value))
    };
    let presets =
        presets.into_iter().map(|(words, query)| (words.to_owned(), format!("{PAGE}/new?{query}"), here(query)));
    let presets = presets.collect();
    let page = match chosen {
        Err(why) => New { presets, planned: Err(why), rate: REPLAY_RATE, fastest: FASTEST_REPLAY },
        Ok(new) => {
            let plan = ask.state.store.plan_replay(&new).await?;
            New {
                presets,
                planned: Ok(planned(&new, &plan, field("since"))),
                rate: REPLAY_RATE,
                fastest: FASTEST_REPLAY,
            }
        }
    };
    Ok(Some(Page::NewReplay(Box::new(page))))
}

/// `since` as it was asked for: the log has words for lengths, and two fields for times.
fn planned(new: &NewReplay, plan: &ReplayPlan, since: Option<&str>) -> Plan {
    let more = if plan.is_capped { "+" } else { "" };
    let fields = fields(new);
    let of_log = fields.iter().filter(|(name, _)| !matches!(*name, "linked" | "since" | "until"));
    let at = |at: Option<Timestamp>| at.map(|at| at.to_string().trim_end_matches('Z').to_owned()).unwrap_or_default();
    let (from, to) = (at(new.filter.since), at(new.filter.until));
    let times = match since.filter(|since| parse_duration(since).is_some()) {
        Some(length) if to.is_empty() => [("since", length), ("from", ""), ("to", "")],
        _ if from.is_empty() && to.is_empty() => [("since", ANY.0), ("from", ""), ("to", "")],
        _ => [("since", CUSTOM.0), ("from", from.as_str()), ("to", to.as_str())],
    };
    let log: Vec<(&str, &str)> = of_log.map(|(name, value)| (*name, value.as_str())).chain(times).collect();
    Plan {
        what: what(new),
        since: new.filter.since,
        log: address("/admin/events", &log),
        matched: plan.matched,
        events: match events(plan.matched) {
            words if plan.is_capped => words.replace(" events", "+ events"),
            words => words,
        },
        in_line: figure(plan.in_line) + more,
        removed: (plan.removed > 0).then(|| figure(plan.removed) + more),
        customers: figure(plan.customers) + more,
        received: plan.received,
        is_capped: plan.is_capped,
        lasts: lasts(plan.matched / REPLAY_RATE),
        fields,
    }
}

/// `/admin/replays/{id}`
pub(super) async fn replay(ask: &Ask<'_>, id: &str) -> Loaded {
    let store = &ask.state.store;
    let found = store.replay(id).await?.filter(|replay| replay.new.livemode == ask.livemode);
    let Some(replay) = found else { return Ok(None) };
    let wanted = ask.param("outcome").and_then(ReplayOutcome::parse);
    let first = SHOWN.iter().map(|(outcome, ..)| *outcome).find(|outcome| replay.counts.of(*outcome) > 0);
    let shown = wanted.or(first).unwrap_or(ReplayOutcome::Waiting);
    let note = ask.param("note");
    let Place { after, before, limit } = ask.place();
    let number = |key: Option<String>| key.and_then(|key| key.parse().ok());
    let place = Place { after: number(after), before: number(before), limit };
    let page = store.replay_events(id, shown, note, &place).await?;
    let here = format!("{PAGE}/{id}");
    let fields = [("outcome", shown.as_str()), ("note", note.unwrap_or_default())];
    let mut pages = around(ask, &here, &fields, &page, |event| event.seq.to_string());
    if !page.data.is_empty() {
        pages.count = Some(store.count_replay_events(id, shown, note).await?);
        pages.export = Some(export(ask, "replay", &[&[("id", id)], &fields[..]].concat()));
    }
    let link = |outcome: ReplayOutcome, note: Option<&str>| {
        address(&here, &[("outcome", outcome.as_str()), ("note", note.unwrap_or_default())])
    };
    let open = replay.counts.matched - replay.counts.settled();
    let outcomes = SHOWN.iter().filter_map(|(outcome, _, heading)| {
        let words = match outcome {
            // Which of them are in line changes with every step; together they are what is open.
            ReplayOutcome::Waiting | ReplayOutcome::Queued if open == 0 => return None,
            ReplayOutcome::Waiting | ReplayOutcome::Queued => (*heading).to_owned(),
            ReplayOutcome::Asks if !replay.new.is_dry_run => return None,
            outcome => format!("{heading} {}", figure(replay.counts.of(*outcome))),
        };
        Some((words, link(*outcome, None), *outcome == shown))
    });
    let notes = match shown {
        ReplayOutcome::Failed | ReplayOutcome::Skipped => store.replay_notes(id, shown).await?,
        _ => vec![],
    };
    let notes = notes.into_iter().map(|(words, number)| {
        let chosen = note == Some(words.as_str());
        let href = link(shown, Some(&words).filter(|_| !chosen).map(String::as_str));
        (words, events(number), href, chosen)
    });
    Ok(Some(Page::Replay(Box::new(One {
        row: row(&replay),
        reason: replay.reason.clone(),
        sentence: sentence(&replay),
        progress: progress(&replay),
        topic: goes_on(&replay).then(|| format!("replays/{id}")),
        changes: changes(&replay),
        again: again(&replay),
        outcomes: outcomes.collect(),
        notes: notes.collect(),
        events: page.data.into_iter().map(event).collect(),
        pages,
    }))))
}

fn event(event: ReplayEvent) -> Event {
    Event {
        id: event.event_id,
        kind: event.kind,
        customer_id: event.customer_id,
        before: event.before,
        now: event.status,
        note: event.note,
        changes: event.effects.as_ref().map(would_change).unwrap_or_default(),
    }
}

/// What processing an event again would change, a line each; access first.
pub(crate) fn would_change(effects: &Effects) -> Vec<String> {
    let access = effects.verdicts.iter().filter(|change| change.allowed_before != change.allowed_after).map(|change| {
        let verb = if change.allowed_after { "gets" } else { "loses" };
        format!("{} {verb} {}", change.user_id, change.feature)
    });
    let fields = effects.fields.iter().map(|change| {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        let field = change.field.replace('_', " ");
        format!("{field} of {}: {} becomes {}", change.object, value(&change.before), value(&change.after))
    });
    access.chain(effects.mappings.iter().cloned()).chain(fields).collect()
}

fn sentence(replay: &ReplayRecord) -> String {
    let counts = &replay.counts;
    match replay.status {
        ReplayStatus::Collecting => {
            format!("Its events are being looked for: {} so far. Then they are put in line.", events(counts.matched))
        }
        ReplayStatus::Running if replay.new.is_dry_run => {
            format!("It tries {} a second and keeps nothing of it.", events(replay.new.rate))
        }
        ReplayStatus::Running => format!(
            "It puts {} a second in line, behind what Stripe delivers. It uses today's mappings and catalog.",
            events(replay.new.rate)
        ),
        ReplayStatus::Done if counts.matched == 0 => "No event matched, so there was nothing to do.".to_owned(),
        ReplayStatus::Done if replay.new.is_dry_run => {
            format!(
                "{} tried, and nothing changed by it. Each line says what would come of it.",
                events(counts.matched)
            )
        }
        ReplayStatus::Done => format!("{}: {}.", events(counts.matched), result(replay)),
        ReplayStatus::Canceled => {
            let left = counts.matched - counts.settled();
            format!("Somebody ended it: {}. {} were left.", result(replay), events(left))
        }
    }
}

/// Whether it changes without anybody doing anything.
const fn goes_on(replay: &ReplayRecord) -> bool {
    matches!(replay.status, ReplayStatus::Collecting | ReplayStatus::Running) && !replay.is_paused
}

/// How far a replay is, for pages that stay open.
pub(crate) fn how_far(replay: &ReplayRecord) -> live::Progress {
    let progress = progress(replay);
    live::Progress {
        has_ended: !goes_on(replay),
        done: progress.as_ref().map(|progress| (progress.done, progress.all)),
        sentence: progress.map_or_else(|| sentence(replay), |progress| progress.words),
    }
}

fn progress(replay: &ReplayRecord) -> Option<Progress> {
    let counts = &replay.counts;
    if replay.status != ReplayStatus::Running {
        return None;
    }
    let mut words = vec![format!("{} of {}", figure(counts.settled()), figure(counts.matched))];
    for (number, what) in [(counts.failed, "failed"), (counts.skipped, "skipped")] {
        if number > 0 {
            words.push(format!("{} {what}", figure(number)));
        }
    }
    if !replay.is_paused {
        words.push(format!("about {} left", lasts((counts.matched - counts.settled()) / replay.new.rate)));
    }
    Some(Progress { done: counts.settled(), all: counts.matched, words: words.join(" · ") })
}

fn changes(replay: &ReplayRecord) -> Vec<(&'static str, &'static str)> {
    match replay.status {
        ReplayStatus::Done | ReplayStatus::Canceled => vec![],
        _ if replay.is_paused => vec![("resume", "Go on"), ("cancel", "End it")],
        _ => vec![("pause", "Pause"), ("cancel", "End it")],
    }
}

/// Once it is over: in earnest what was tried out, or once more what still fails.
fn again(replay: &ReplayRecord) -> Option<(&'static str, String)> {
    if replay.status.is_open() {
        return None;
    }
    let words = if replay.new.is_dry_run { "Replay these events" } else { "Plan it again" };
    Some((words, address_of(&replay.new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked =
        Asked { now: Timestamp::from_secs(1_795_305_600), started_at: Timestamp::from_secs(1_795_000_000) };

    fn of(query: &str) -> Result<NewReplay, String> {
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let field = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        chosen(field, Livemode::Test, ASKED)
    }

    #[test]
    fn an_address_of_the_log_is_the_filter_of_a_replay_and_back() {
        let query = "status=failed&type=customer.*&q=cus_1&since=24h&version=2026-09-30.endive&error=status+503&origin=fetched&linked=true";
        let new = of(query).unwrap();
        assert_eq!(new.filter.statuses, FAILED);
        assert_eq!(new.filter.since, Some(ASKED.now.plus_secs(-86_400)));
        let (path, back) = address_of(&new).split_once('?').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert_eq!(path, "/admin/replays/new");
        assert_eq!(of(&back).unwrap(), new, "the time is fixed, so that the plan is what is done");
        assert_eq!(of("since=start").unwrap().filter.since, Some(ASKED.started_at));
        assert_eq!(
            what(&new),
            "Failed events of the type customer.* about cus_1 in version 2026-09-30.endive whose error holds “status 503” that were fetched of customers that belong to a user by now"
        );
    }

    #[test]
    fn what_is_not_understood_replays_nothing_else() {
        for query in ["status=broken", "status=rejected", "since=yesterday"] {
            assert!(of(query).is_err(), "{query}");
        }
        assert_eq!(what(&of("status=dead").unwrap()), "Dead events");
        let all = of("").unwrap();
        assert_eq!((what(&all), address_of(&all)), ("Events".to_owned(), "/admin/replays/new?since=any".to_owned()));
        assert_eq!(of("since=any").unwrap(), all);
    }

    #[test]
    fn figures_and_lengths_are_said_as_people_do() {
        assert_eq!([0, 999, 1_204, 1_000_000].map(figure), ["0", "999", "1,204", "1,000,000"]);
        assert_eq!([0, 45, 180, 7_200].map(lasts), ["1 s", "45 s", "3 min", "2 h"]);
        assert_eq!((events(1), events(1_204)), ("1 event".to_owned(), "1,204 events".to_owned()));
    }
}
