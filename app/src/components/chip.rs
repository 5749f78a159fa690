//! The status vocabulary: word, icon and tone in one place. Tone is never the only carrier.

use domain::access::{Decision, Reason};
use domain::diagnosis::LinkState;
use domain::event::EventStatus;
use domain::stripe::SubscriptionStatus;
use leptos::prelude::*;

/// The colour family of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Good.
    Ok,
    /// Broken.
    Bad,
    /// At risk.
    Warn,
    /// Under way.
    Info,
    /// By a person, or for a person to decide.
    Violet,
    /// Neither.
    Neutral,
}

impl Tone {
    /// The value of `data-tone`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Violet => "violet",
            Self::Neutral => "neutral",
        }
    }

    const fn icon(self) -> &'static str {
        match self {
            Self::Ok => "#i-ok",
            Self::Bad => "#i-x",
            Self::Warn => "#i-warn",
            Self::Info => "#i-clock",
            Self::Violet => "#i-person",
            Self::Neutral => "#i-skip",
        }
    }
}

/// A word with its icon.
pub fn chip(tone: Tone, word: impl Into<String>) -> AnyView {
    let word = word.into();
    view! {
        <span class="chip" data-tone=tone.as_str()>
            <svg aria-hidden="true"><use href=tone.icon()></use></svg>
            {word}
        </span>
    }
    .into_any()
}

/// An event's status.
pub fn event_chip(status: EventStatus) -> AnyView {
    let (tone, word) = match status {
        EventStatus::Pending => (Tone::Info, "Pending"),
        EventStatus::Processing => (Tone::Info, "Processing"),
        EventStatus::Processed => (Tone::Ok, "Processed"),
        EventStatus::Ignored => (Tone::Neutral, "Ignored"),
        EventStatus::Unattributed => (Tone::Violet, "Unattributed"),
        EventStatus::Failed => (Tone::Bad, "Failed, will retry"),
        EventStatus::Dead => (Tone::Bad, "Failed, gave up"),
    };
    chip(tone, word)
}

/// A subscription's status.
pub fn subscription_chip(status: &SubscriptionStatus, ends: bool) -> AnyView {
    match (status, subscription_state(status, ends)) {
        (SubscriptionStatus::Unknown(word), (tone, unknown)) => chip(tone, format!("{unknown}: {word}")),
        (_, (tone, word)) => chip(tone, word),
    }
}

/// The tone of a subscription's status.
#[must_use]
pub const fn subscription_tone(status: &SubscriptionStatus, ends: bool) -> Tone {
    subscription_state(status, ends).0
}

const fn subscription_state(status: &SubscriptionStatus, ends: bool) -> (Tone, &'static str) {
    match status {
        SubscriptionStatus::Trialing => (Tone::Info, "Trialing"),
        SubscriptionStatus::Active if ends => (Tone::Warn, "Active, will end"),
        SubscriptionStatus::Active => (Tone::Ok, "Active"),
        SubscriptionStatus::PastDue => (Tone::Warn, "Past due"),
        SubscriptionStatus::Unpaid => (Tone::Bad, "Unpaid"),
        SubscriptionStatus::Incomplete => (Tone::Warn, "Incomplete"),
        SubscriptionStatus::IncompleteExpired => (Tone::Neutral, "Expired unpaid"),
        SubscriptionStatus::Canceled => (Tone::Neutral, "Canceled"),
        SubscriptionStatus::Paused => (Tone::Neutral, "Paused"),
        SubscriptionStatus::Unknown(_) => (Tone::Warn, "Unknown"),
    }
}

/// The answer for a feature.
pub fn verdict_chip(decision: &Decision) -> AnyView {
    let (tone, word) = match (decision.allowed, decision.reason) {
        (true, Reason::OverrideGrant) => (Tone::Violet, "Override"),
        (true, Reason::GracePeriod) => (Tone::Warn, "Granted, at risk"),
        (true, _) => (Tone::Ok, "Granted"),
        (false, Reason::OverrideDeny) => (Tone::Bad, "Denied by staff"),
        (false, Reason::NotInPlan) => (Tone::Neutral, "Not in plan"),
        (false, Reason::PaymentPending) => (Tone::Info, "Not decided"),
        (false, _) => (Tone::Bad, "Denied"),
    };
    chip(tone, word)
}

/// The state of a link of the chain.
pub fn link_chip(state: LinkState) -> AnyView {
    let (tone, word) = match state {
        LinkState::Ok => (Tone::Ok, "Holds"),
        LinkState::Broken => (Tone::Bad, "Broken"),
        LinkState::Waiting => (Tone::Info, "Waiting"),
        LinkState::Unknown => (Tone::Neutral, "Unknown"),
        LinkState::NotReached => (Tone::Neutral, "Not reached"),
    };
    chip(tone, word)
}

/// A reason's word for people: `subscription_active` becomes "subscription active".
#[must_use]
pub fn status_word(word: &str) -> String {
    word.replace('_', " ")
}
