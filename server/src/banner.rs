//! What is wrong with the installation as far as the program knows without asking Stripe: one sentence on top of every page, the worst.

use app::context::Banner;
use domain::delivery::Registration;
use domain::{Livemode, Timestamp};
use store::Store;
use store::records::{CatchUpState, RejectedDelivery};

/// Refused deliveries that are looked at.
const REFUSED: i64 = 5;
/// From when on a refused delivery is history, in seconds.
const LATELY: i64 = 24 * 3600;
/// Failures in a row that are no hiccup any more.
const HICCUPS: i64 = 2;

/// The worst that is wrong in a mode, if anything.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn worst(store: &dyn Store, livemode: Livemode, now: Timestamp) -> store::Result<Option<Banner>> {
    let read = store.catch_up(livemode).await?;
    let delivered = store.last_delivery(livemode).await?;
    let refused = store.rejected_deliveries(None, REFUSED).await?.data;
    // Whoever forges a delivery has no mode, so one that fits either proves the secret.
    let either = match refused.is_empty() {
        true => None,
        false => delivered.max(store.last_delivery(Livemode::from_bool(!livemode.is_live())).await?),
    };
    Ok(disabled(read.as_ref(), delivered)
        .or_else(|| signature(&refused, either, now))
        .or_else(|| unread(read.as_ref(), now)))
}

fn disabled(read: Option<&CatchUpState>, delivered: Option<Timestamp>) -> Option<Banner> {
    let (_, id, at) = read?.endpoint.as_ref().filter(|(standing, ..)| *standing == Registration::Disabled)?;
    // What came since says that it was enabled again.
    (delivered < Some(*at)).then(|| Banner {
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
}
