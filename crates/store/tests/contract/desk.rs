//! What the overview draws, and overrides as the staff work with them.

use domain::access::OverrideEffect;
use domain::event::EventStatus;
use domain::{Livemode, Timestamp};
use store::Options;
use store::records::{Author, NewOverride, OverrideList, Place, RejectedDelivery, Which};

use super::helpers::{Database, Engine, MODE, author, checkout, delivery, event, now, on_both};

on_both! {
    hours_count_what_was_received_in_them, refused_signatures_are_counted,
    overrides_are_listed_by_their_end, several_overrides_are_made_together, topics_are_dismissed_for_a_mode,
}

const HOUR: i64 = 3600;

async fn open(engine: Engine) -> Option<Database> {
    Some(Database::open(engine, Options::default()).await?.with_catalog().await)
}

/// An event received so many seconds before now, and taken in a second later.
async fn received(db: &Database, id: &str, ago: i64) {
    let at = now().plus_secs(-ago);
    let event = event(id, "checkout.session.completed", -ago, checkout("user_1"), None);
    db.store.record_deliveries(&[delivery(&event, at)]).await.unwrap();
    db.drain_at(at.plus_secs(1)).await;
}

async fn hours_count_what_was_received_in_them(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    assert_eq!(db.store.events_by_hour(MODE, now(), 3).await.unwrap().len(), 3);
    for (id, ago) in
        [("evt_old", 4 * HOUR), ("evt_first", 3 * HOUR), ("evt_a", 90 * 60), ("evt_b", 80 * 60), ("evt_last", 1)]
    {
        received(&db, id, ago).await;
    }
    db.deliver(&event("evt_now", "customer.updated", 0, super::helpers::customer(), None)).await;
    let hours = db.store.events_by_hour(MODE, now(), 3).await.unwrap();
    let counts: Vec<i64> = hours.iter().map(|hour| hour.count(&EventStatus::ALL)).collect();
    assert_eq!(counts, [1, 2, 1], "an hour holds its first moment and not its end");
    let from: Vec<Timestamp> = hours.iter().map(|hour| hour.from).collect();
    assert_eq!(from, [3, 2, 1].map(|hour| now().plus_secs(-hour * HOUR)));
    assert_eq!(hours[1].lags, [1000, 1000]);
    let next = db.store.events_by_hour(MODE, now().plus_secs(HOUR), 1).await.unwrap();
    assert_eq!(next[0].counts, [(EventStatus::Pending, 1)]);
    assert_eq!(next[0].lags, [] as [i64; 0]);
    let live = db.store.events_by_hour(Livemode::Live, now().plus_secs(HOUR), 24).await.unwrap();
    assert!(live.iter().all(|hour| hour.counts.is_empty()));
}

async fn refused_signatures_are_counted(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for (check, ago) in
        [("signature_mismatch", 60), ("signature_mismatch", 3 * HOUR), ("timestamp_outside_tolerance", 60)]
    {
        let rejected = RejectedDelivery {
            id: 0,
            received_at: now().plus_secs(-ago),
            failed_check: check.into(),
            message: "no".into(),
            tried: vec![],
            remote: None,
            signature_header: None,
            body_size: 1,
            body_start: "x".into(),
        };
        db.store.record_rejection(&rejected).await.unwrap();
    }
    assert_eq!(db.store.rejected_since(now().plus_secs(-HOUR)).await.unwrap(), 1);
}

fn grant(user: &str, days: Option<i64>) -> NewOverride {
    NewOverride {
        livemode: MODE,
        user_id: user.into(),
        feature: "pro".into(),
        effect: OverrideEffect::Grant,
        value: None,
        expires_at: days.map(|days| now().plus_secs(days * 24 * HOUR)),
    }
}

async fn listed(db: &Database, which: Which) -> Vec<String> {
    let list = OverrideList { which, place: Place::first(50) };
    db.store.list_overrides(MODE, &list, now()).await.unwrap().data.into_iter().map(|row| row.user_id).collect()
}

async fn overrides_are_listed_by_their_end(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let bob = Author { actor: "staff:bob@example.com".into(), ..author() };
    for (user, days) in [
        ("far", Some(20)),
        ("never", None),
        ("over", Some(-1)),
        ("near", Some(2)),
        ("never_too", None),
        ("week", Some(6)),
    ] {
        let by = if user == "near" || user == "over" { bob.clone() } else { author() };
        db.store.create_override(&grant(user, days), &by).await.unwrap();
    }
    let revoked = db.store.create_override(&grant("revoked", Some(3)), &author()).await.unwrap();
    db.store.revoke_override(MODE, &revoked.override_id, &author()).await.unwrap();
    assert_eq!(listed(&db, Which::Active).await, ["near", "week", "far", "never_too", "never"]);
    assert_eq!(listed(&db, Which::EndingBy(now().plus_secs(7 * 24 * HOUR))).await, ["near", "week"]);
    assert_eq!(listed(&db, Which::NoEnd).await, ["never_too", "never"]);
    assert_eq!(listed(&db, Which::By("staff:bob@example.com".into())).await, ["near"]);
    assert_eq!(listed(&db, Which::Over).await, ["revoked", "over"]);
}

async fn several_overrides_are_made_together(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let both = [grant("user_1", Some(5)), NewOverride { feature: "team".into(), ..grant("user_1", Some(5)) }];
    let ticket = "https://tickets.example.com/4821";
    let made = db.store.create_overrides(&both, Some(ticket), &author()).await.unwrap();
    assert_eq!(made.iter().map(|made| made.feature.as_str()).collect::<Vec<_>>(), ["pro", "team"]);
    let found = db.store.find_override(MODE, &made[1].override_id).await.unwrap().unwrap();
    assert_eq!(found.ticket_url.as_deref(), Some(ticket));
    assert_eq!(db.store.entries_of(&author(), "override.create", ("user", "user_1"), 9).await.unwrap().len(), 2);
    assert_eq!(db.store.recent_reasons(MODE, 10).await.unwrap(), ["a test"], "each reason once");
    assert!(!db.store.set_override_end(MODE, "ovr_unknown", None, &author()).await.unwrap());
}

async fn topics_are_dismissed_for_a_mode(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for _ in 0..2 {
        db.store.dismiss(MODE, "first_steps", &author()).await.unwrap();
    }
    assert!(db.store.is_dismissed(MODE, "first_steps").await.unwrap());
    assert!(!db.store.is_dismissed(Livemode::Live, "first_steps").await.unwrap());
}
