//! What became of Stripe's events about somebody: never sent, not delivered, failed here, or processed.

use serde::{Deserialize, Serialize};

use super::view::View;
use crate::delivery::Undelivered;

/// Where the news from Stripe stopped, and how many events ended how. Each event is counted once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// The one thing to know.
    pub code: NewsCode,
    /// The same for a person.
    pub sentence: String,
    /// Stripe never sent them: they were fetched, and processed.
    pub never_sent: u64,
    /// Stripe sent them and our endpoint did not accept them: they were fetched, and processed.
    pub not_delivered: u64,
    /// They arrived and failed here.
    pub failed_here: u64,
    /// They arrived and wait to be processed.
    pub waiting: u64,
    /// They arrived and were processed.
    pub processed: u64,
}

/// Where the news from Stripe stopped. The words are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewsCode {
    /// Stripe never sent it: the type is not enabled, or the endpoint is disabled, absent or newer.
    NeverSent,
    /// Stripe sent it, and our endpoint did not accept it.
    NotDelivered,
    /// It arrived and failed here.
    FailedHere,
    /// It arrived and waits to be processed.
    Waiting,
    /// All was processed, and policy denies access.
    DeniedByPolicy,
    /// All was processed, and access is given.
    Processed,
    /// Nothing is known of them.
    NothingHeard,
}

impl NewsCode {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeverSent => "never_sent",
            Self::NotDelivered => "not_delivered",
            Self::FailedHere => "failed_here",
            Self::Waiting => "waiting",
            Self::DeniedByPolicy => "denied_by_policy",
            Self::Processed => "processed",
            Self::NothingHeard => "nothing_heard",
        }
    }
}

/// Answers for the customers of a chain.
pub(super) fn of(view: &View<'_>) -> News {
    let events = &view.chain.events;
    let count = |list: usize| u64::try_from(list).unwrap_or(u64::MAX);
    let sum = |sent| events.fetched.iter().filter(|of| of.reason.was_sent() == Some(sent)).map(|of| of.count).sum();
    let (never_sent, not_delivered): (u64, u64) = (sum(false), sum(true));
    let (failed_here, waiting) = (count(events.failed.len()), count(events.pending.len()));
    let processed = events.total.saturating_sub(never_sent + not_delivered + failed_here + waiting);
    let (code, sentence) = answer(view, never_sent, not_delivered);
    News { code, sentence, never_sent, not_delivered, failed_here, waiting, processed }
}

fn answer(view: &View<'_>, never_sent: u64, not_delivered: u64) -> (NewsCode, String) {
    let chain = view.chain;
    let (events, allowed) = (&chain.events, chain.decision.allowed);
    if let Some(event) = events.failed.first() {
        let error = event.error.trim_end_matches('.');
        return (NewsCode::FailedHere, format!("{} ({}) arrived and failed here: {error}.", event.id, event.kind));
    }
    if let Some(endpoint) = chain.endpoint_disabled.as_ref().filter(|_| !allowed && view.news_could_help()) {
        let sentence = format!("Stripe sends us nothing: our webhook endpoint {endpoint} is disabled, or lost.");
        return (NewsCode::NeverSent, sentence);
    }
    if let Some(event) = events.pending.first() {
        return (NewsCode::Waiting, format!("{} arrived and waits to be processed.", event.id));
    }
    if events.total == 0 {
        let sentence = "No event of Stripe's about them is known here, delivered or fetched.";
        return (NewsCode::NothingHeard, sentence.to_owned());
    }
    let fetched = fetched(view, never_sent, not_delivered);
    let all = match events.total {
        1 => "The one event about them was processed".to_owned(),
        total => format!("All {total} events about them were processed"),
    };
    let all = format!("{fetched}{all}");
    if !allowed {
        let reason = chain.decision.reason.as_str().replace('_', " ");
        return (NewsCode::DeniedByPolicy, format!("{all}; access is denied by policy: {reason}."));
    }
    let code = match (never_sent, not_delivered) {
        (1.., _) => NewsCode::NeverSent,
        (0, 1..) => NewsCode::NotDelivered,
        (0, 0) => NewsCode::Processed,
    };
    (code, format!("{all}, and access is given."))
}

/// What had to be fetched, as sentences before another one.
fn fetched(view: &View<'_>, never_sent: u64, not_delivered: u64) -> String {
    let total = view.chain.events.total;
    let why = |sent: bool| {
        let of = view.chain.events.fetched.iter().filter(|of| of.reason.was_sent() == Some(sent));
        of.max_by_key(|of| of.count).map_or("", |of| Undelivered::words(of.reason))
    };
    let mut text = String::new();
    for (count, sent) in [(never_sent, false), (not_delivered, true)] {
        if count > 0 {
            let were = if count == 1 { "was" } else { "were" };
            let events = if total == 1 { "event" } else { "events" };
            text.push_str(&format!("{count} of {total} {events} {were} fetched, not delivered: {}. ", why(sent)));
        }
    }
    text
}
