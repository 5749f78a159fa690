//! This machine's clock, against Stripe's `Date` and the times in signatures.

use std::time::Duration;

use app::pages::validator::{Check, Group, State};
use store::records::RejectedDelivery;

use super::stripe::Asked;
use super::subject::{Subject, see};

/// Seconds away from Stripe's clock that are no reason to look.
const UNREMARKABLE: i64 = 60;
const FIX: &str = "Let the machine's clock be set by NTP, such as with systemd-timesyncd or chrony.";

/// V09
pub(super) fn skew(asked: Option<&Asked>, refused: &[RejectedDelivery], tolerance: Duration) -> Check {
    let tolerance = i64::try_from(tolerance.as_secs()).unwrap_or(i64::MAX);
    let looked_at =
        format!("The Date of Stripe's answers, and refused times of signatures; {tolerance} s are tolerated");
    let subject = Subject::new("V09", Group::Installation, "Clock", looked_at);
    if let Some(newest) = refused.iter().find(|delivery| delivery.failed_check.starts_with("timestamp")) {
        let found = format!("A delivery was refused at {}. {}", newest.received_at, newest.message);
        return see(subject.fail(found, FIX), "Refused deliveries", "/admin/events?status=rejected");
    }
    // The smallest: a slow answer makes a clock look further ahead than it is.
    let ahead = asked.into_iter().flat_map(|asked| &asked.answers).filter_map(|(_, answer)| {
        let (probe, at) = answer.answer()?;
        Some(at.secs() - probe.server_date?.secs())
    });
    let Some(ahead) = ahead.min_by_key(|ahead| ahead.abs()) else {
        return subject
            .skip("Stripe's clock is not known; no signature was refused for its time in the last 24 hours.");
    };
    let words = match ahead {
        -1..=1 => "The same as Stripe's, to the second.".to_owned(),
        2.. => format!("{ahead} s ahead of Stripe's."),
        _ => format!("{} s behind Stripe's.", -ahead),
    };
    let state = match ahead.abs() {
        away if away > tolerance => State::Fail,
        away if away > UNREMARKABLE => State::Warn,
        _ => State::Pass,
    };
    subject.stands(state, words, FIX)
}
