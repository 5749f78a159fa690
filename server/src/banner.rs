//! What is wrong with the installation as far as the program knows without asking Stripe: one sentence on top of every page, the worst.

use app::components::length;
use app::context::Banner;
use domain::delivery::Registration;
use domain::{Livemode, Timestamp};
use store::Store;
use store::records::{CatchUpState, RejectedDelivery};

/// Refused deliveries that are looked at.
const REFUSED: i64 = 5;
/// From when on a refused delivery, or an event of a mode without a key, is history, in seconds.
const LATELY: i64 = 24 * 3600;
/// Failures in a row that are no hiccup any more.
const HICCUPS: i64 = 2;

/// From when on nothing is a silence at all, in seconds; the top bar says so from then on, too.
const QUIET: i64 = 6 * 3600;
/// Deliveries whose distances say what is usual, and how many there have to be for that.
const USUAL: (i64, usize) = (100, 20);
/// How many times the longest usual pause is a silence.
const TIMES: i64 = 3;

/// The worst that is wrong in a mode, if anything. `keys` are the modes there is a Stripe key for.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn worst(
    store: &dyn Store,
    livemode: Livemode,
    keys: &[Livemode],
    now: Timestamp,
) -> store::Result<Option<Banner>> {
    let read = store.catch_up(livemode).await?;
    let delivered = store.last_delivery(livemode).await?;
    let refused = store.rejected_deliveries(None, REFUSED).await?.data;
    let other = Livemode::from_bool(!livemode.is_live());
    // The mode that has no key while the other one has.
    let without = match keys {
        [key] => Some(Livemode::from_bool(!key.is_live())),
        _ => None,
    };
    // Whoever forges a delivery has no mode, so one that fits either proves the secret.
    let elsewhere = match refused.is_empty() && without != Some(other) {
        true => None,
        false => store.last_delivery(other).await?,
    };
    let of = |mode: Livemode| if mode == livemode { delivered } else { elsewhere };
    let worst = disabled(read.as_ref(), delivered)
        .or_else(|| signature(&refused, delivered.max(elsewhere), now))
        .or_else(|| unread(read.as_ref(), now))
        .or_else(|| mismatch(without.map(|mode| (mode, of(mode))), now));
    // Only where it has long been quiet it is looked up what would be usual.
    let long = delivered.filter(|at| worst.is_none() && now.secs() - at.secs() > QUIET);
    match long {
        Some(_) => Ok(silence(&store.last_deliveries(livemode, USUAL.0).await?, read.as_ref(), now)),
        None => Ok(worst),
    }
}

/// Events come of a mode without a key, while there is one of the other mode.
fn mismatch(without: Option<(Livemode, Option<Timestamp>)>, now: Timestamp) -> Option<Banner> {
    let (mode, at) = without?;
    let at = at.filter(|at| *at >= now.plus_secs(-LATELY))?;
    let other = Livemode::from_bool(!mode.is_live());
    Some(Banner {
        certain: true,
        sentence: format!(
            "Events of {mode} mode come, and the only Stripe key is of {other} mode: what those events do not say cannot be read."
        ),
        at,
        link: "Check the set-up",
        href: if mode.is_live() { "/admin/validator?mode=live" } else { "/admin/validator?mode=test" },
    })
}

/// Nothing has been delivered for much longer than is usual, and Stripe was not asked since whether there is anything.
fn silence(deliveries: &[Timestamp], read: Option<&CatchUpState>, now: Timestamp) -> Option<Banner> {
    let last = *deliveries.first()?;
    if deliveries.len() < USUAL.1 {
        return None;
    }
    let pause = deliveries.windows(2).map(|two| two[0].secs() - two[1].secs()).max().unwrap_or(0);
    // A list of Stripe's events with nothing on it that is not here says that there was nothing to deliver.
    let asked = read.filter(|read| read.missing == 0).and_then(|read| read.finished_at);
    let since = asked.map_or(last, |asked| asked.max(last));
    (now.secs() - since.secs() > QUIET.max(TIMES * pause)).then(|| Banner {
        certain: false,
        sentence: format!(
            "No webhook has come for {}; the longest pause between the {} before was {}.",
            length(now.millis() - last.millis()),
            deliveries.len(),
            length(pause * 1000)
        ),
        at: last,
        link: "Check the set-up",
        href: "/admin/validator",
    })
}

fn disabled(read: Option<&CatchUpState>, delivered: Option<Timestamp>) -> Option<Banner> {
    let (_, id, at) = read?.endpoint.as_ref().filter(|(standing, ..)| *standing == Registration::Disabled)?;
    // What came since says that it was enabled again.
    (delivered < Some(*at)).then(|| Banner {
        certain: true,
        sentence: format!("Stripe has disabled our webhook endpoint {id}, so no event is delivered."),
        at: *at,
        link: "Enable it",
        href: "/admin/validator",
    })
}

fn signature(refused: &[RejectedDelivery], delivered: Option<Timestamp>, now: Timestamp) -> Option<Banner> {
    let is_news = |refused: &&RejectedDelivery| {
        refused.failed_check == "signature_mismatch"
            // Anybody can send anything to a public address; Stripe sends events.
            && refused.body_start.contains("\"evt_")
            && refused.received_at >= now.plus_secs(-LATELY)
            && Some(refused.received_at) > delivered
    };
    let newest = refused.iter().find(is_news)?;
    Some(Banner {
        certain: true,
        sentence: "Deliveries are refused, because no signing secret fits them.".into(),
        at: newest.received_at,
        link: "See what was refused",
        href: "/admin/events?status=rejected",
    })
}

fn unread(read: Option<&CatchUpState>, now: Timestamp) -> Option<Banner> {
    let read = read.filter(|read| read.attempts >= HICCUPS)?;
    let error = read.error.as_deref()?;
    Some(Banner {
        certain: true,
        sentence: format!("Stripe cannot be read: {}.", error.trim_end_matches('.')),
        at: read.began_at.unwrap_or(now),
        link: "Check the set-up",
        href: "/admin/validator",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

    fn read() -> CatchUpState {
        CatchUpState {
            due_at: NOW,
            asked_at: None,
            finished_at: None,
            began_at: Some(NOW.plus_secs(-60)),
            since: None,
            listed: 0,
            missing: 0,
            lost: None,
            attempts: 0,
            error: None,
            endpoint: None,
        }
    }

    fn refused(check: &str, body: &str, ago: i64) -> RejectedDelivery {
        RejectedDelivery {
            id: 1,
            received_at: NOW.plus_secs(-ago),
            failed_check: check.into(),
            message: String::new(),
            tried: vec![],
            remote: None,
            signature_header: None,
            body_size: 0,
            body_start: body.into(),
        }
    }

    #[test]
    fn an_endpoint_is_disabled_until_something_is_delivered() {
        let at = NOW.plus_secs(-60);
        let state = CatchUpState { endpoint: Some((Registration::Disabled, "we_1".into(), at)), ..read() };
        assert!(disabled(Some(&state), None).is_some_and(|banner| banner.sentence.contains("we_1")));
        assert!(disabled(Some(&state), Some(at.plus_secs(-1))).is_some());
        assert_eq!(disabled(Some(&state), Some(at.plus_secs(1))), None);
        assert_eq!(disabled(Some(&read()), None), None);
    }

    #[test]
    fn a_signature_fails_until_one_fits() {
        let event = r#"{"id":"evt_1"}"#;
        let one = [refused("signature_mismatch", event, 60)];
        assert!(signature(&one, None, NOW).is_some());
        assert_eq!(signature(&one, Some(NOW.plus_secs(-59)), NOW), None, "a later one fitted");
        assert_eq!(signature(&[refused("signature_mismatch", "hello", 60)], None, NOW), None, "anybody may say hello");
        assert_eq!(signature(&[refused("timestamp_outside_tolerance", event, 60)], None, NOW), None);
        assert_eq!(signature(&[refused("signature_mismatch", event, 90_000)], None, NOW), None, "history");
    }

    #[test]
    fn one_failed_read_is_a_hiccup() {
        let state = |attempts| CatchUpState { attempts, error: Some("Stripe refused the key.".into()), ..read() };
        assert_eq!(unread(Some(&state(1)), NOW), None);
        let banner = unread(Some(&state(2)), NOW);
        assert_eq!(
            banner.map(|banner| banner.sentence).as_deref(),
            Some("Stripe cannot be read: Stripe refused the key.")
        );
    }
    #[test]
    fn a_silence_is_much_longer_than_any_usual_pause() {
        let hour = 3600;
        let heard = |count: i64, every: i64, ago: i64| -> Vec<Timestamp> {
            (0..count).map(|n| NOW.plus_secs(-ago - n * every)).collect()
        };
        assert_eq!(silence(&heard(100, hour, 5 * hour), None, NOW), None, "a few hours");
        let banner = silence(&heard(100, hour, 7 * hour), None, NOW).unwrap();
        assert!(
            banner.sentence.contains("for 7 h") && banner.sentence.contains("100 before was 1 h"),
            "{}",
            banner.sentence
        );
        assert_eq!(silence(&heard(100, 12 * hour, 35 * hour), None, NOW), None, "as it may be");
        assert!(silence(&heard(100, 12 * hour, 37 * hour), None, NOW).is_some());
        assert_eq!(silence(&heard(19, hour, 90 * hour), None, NOW), None, "nobody knows what is usual");
        // Stripe said that there is nothing.
        let asked = |missing, ago: i64| CatchUpState { finished_at: Some(NOW.plus_secs(-ago)), missing, ..read() };
        assert_eq!(silence(&heard(100, hour, 7 * hour), Some(&asked(0, hour)), NOW), None);
        assert!(
            silence(&heard(100, hour, 7 * hour), Some(&asked(2, hour)), NOW).is_some(),
            "it had some that never came"
        );
        assert!(silence(&heard(100, hour, 9 * hour), Some(&asked(0, 7 * hour)), NOW).is_some(), "long ago");
    }

    #[test]
    fn events_of_a_mode_without_a_key_are_told_while_they_come() {
        let banner = mismatch(Some((Livemode::Live, Some(NOW.plus_secs(-60)))), NOW).unwrap();
        assert!(banner.sentence.starts_with("Events of live mode come, and the only Stripe key is of test mode"));
        assert_eq!(banner.href, "/admin/validator?mode=live");
        assert_eq!(mismatch(Some((Livemode::Live, Some(NOW.plus_secs(-LATELY - 1)))), NOW), None, "history");
        assert_eq!(mismatch(Some((Livemode::Live, None)), NOW), None);
        assert_eq!(mismatch(None, NOW), None, "a key of each mode, or of none");
    }
}
