//! Every list that is paged by key: gone through to its end and back, with rows that share a moment.

use domain::mapping::MappingSource;
use domain::{Livemode, Timestamp};
use serde_json::json;
use store::Options;
use store::records::{
    AuditFilter, Author, Delivery, EventFilter, NewOverride, NewReplay, NewResync, OverrideList, Page, Place, Purpose,
    ReplayOutcome, ResyncScope, Which,
};

use super::helpers::{Database, Engine, MODE, author, checkout, delivery, event, now, on_both, subscription};

on_both! {
    mappings_go_both_ways_and_are_found_by_how_something_begins, conflicts_go_both_ways, who_is_ignored_goes_both_ways,
    overrides_go_both_ways, the_audit_log_goes_both_ways, resyncs_and_their_customers_go_both_ways,
    replays_and_their_events_go_both_ways,
}

async fn open(engine: Engine) -> Option<Database> {
    Some(Database::open(engine, Options::default()).await?.with_catalog().await)
}

/// Goes through a list two rows at a time, to its end and back. All keys, in order.
async fn through<T>(read: impl AsyncFn(&Place) -> Page<T>, key: impl Fn(&T) -> String) -> Vec<String> {
    let keys = |page: &Page<T>| page.data.iter().map(&key).collect::<Vec<String>>();
    let mut pages: Vec<Vec<String>> = vec![];
    let mut place = Place::first(2);
    loop {
        let page = read(&place).await;
        pages.push(keys(&page));
        if !page.has_more {
            break;
        }
        place = Place::behind(pages.last().and_then(|page| page.last().cloned()), 2);
    }
    for n in (1..pages.len()).rev() {
        let before = Place { before: pages[n].first().cloned(), ..Place::first(2) };
        let back = read(&before).await;
        assert_eq!((&keys(&back), back.has_more), (&pages[n - 1], n > 1), "before page {n} of {pages:?}");
    }
    let all = pages.concat();
    let mut once = all.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), all.len(), "each once: {pages:?}");
    all
}

fn at(seconds: i64) -> Author {
    Author { now: now().plus_secs(seconds), ..author() }
}

fn number(key: Option<&String>) -> Option<i64> {
    key.map(|key| key.parse().unwrap())
}

/// A subscription of `cus_{n}`, whose metadata names a user.
fn paid(n: usize, user: Option<&str>) -> serde_json::Value {
    let mut object = subscription("active", "price_pro");
    (object["id"], object["customer"]) = (json!(format!("sub_{n}")), json!(format!("cus_{n}")));
    if let Some(user) = user {
        object["metadata"] = json!({ "user_id": user });
    }
    object
}

async fn mappings_go_both_ways_and_are_found_by_how_something_begins(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for n in 1..=5 {
        // Two of them at the same moment.
        let author = at(i64::from(n / 2));
        let user = format!("user_{n}");
        db.store.put_mapping(MODE, &format!("cus_{n}"), &user, MappingSource::Api, &author).await.unwrap();
    }
    let read = async |place: &Place| db.store.list_mappings(MODE, None, place).await.unwrap();
    let key = |row: &store::records::MappingRow| format!("{}:{}", row.mapping.since.millis(), row.mapping.customer_id);
    let all: Vec<String> = through(read, key).await.iter().map(|key| key.split(':').nth(1).unwrap().into()).collect();
    assert_eq!(all, ["cus_5", "cus_4", "cus_3", "cus_2", "cus_1"]);
    assert_eq!(db.store.count_mappings(MODE, None).await.unwrap(), 5);

    // Stripe tells of one of them, the application of the user of another.
    let told =
        json!({"id": "cus_4", "object": "customer", "name": "100%_Ada", "email": "Ada@Example.com", "metadata": {}});
    db.take(&[event("evt_1", "customer.created", 0, told, None)]).await;
    db.store.put_user(MODE, "user_2", Some("Bob@Example.com"), None, &author()).await.unwrap();
    let found = async |text: &str| {
        let page = db.store.list_mappings(MODE, Some(text), &Place::first(9)).await.unwrap();
        assert_eq!(db.store.count_mappings(MODE, Some(text)).await.unwrap(), page.data.len() as i64, "{text}");
        page.data.into_iter().map(|row| row.mapping.customer_id).collect::<Vec<_>>()
    };
    for (text, customer) in
        [("USER_3", "cus_3"), ("CUS_1", "cus_1"), ("ada@ex", "cus_4"), ("100%_a", "cus_4"), ("bob@", "cus_2")]
    {
        assert_eq!(found(text).await, [customer], "{text}");
    }
    assert_eq!(found(" cus_ ").await, all, "newest first here too");
    for nothing in ["ser_3", "%", "example.com"] {
        assert!(found(nothing).await.is_empty(), "{nothing}");
    }
    let one = db.store.list_mappings(MODE, Some("cus_4"), &Place::first(1)).await.unwrap().data.remove(0);
    assert_eq!((one.name.as_deref(), one.in_conflict), (Some("100%_Ada"), false));
    assert_eq!(db.store.count_mappings(Livemode::Live, Some("cus_")).await.unwrap(), 0);
}

async fn conflicts_go_both_ways(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for n in 1..=5 {
        let customer = format!("cus_{n}");
        db.store.put_mapping(MODE, &customer, &format!("user_{n}"), MappingSource::Staff, &author()).await.unwrap();
        let claim = event(&format!("evt_{n}"), "customer.subscription.created", 0, paid(n, Some("user_x")), None);
        let received = now().plus_secs(i64::try_from(n / 2).unwrap());
        let deliveries: [Delivery; 1] = [delivery(&claim, received)];
        db.store.record_deliveries(&deliveries).await.unwrap();
        db.drain_at(received).await;
    }
    let read = async |place: &Place| db.store.list_conflicts(MODE, place).await.unwrap();
    let all = through(read, |row| format!("{}:{}", row.since.millis(), row.conflict_id)).await;
    assert_eq!(all.len(), 5);
    assert!(all[0].ends_with("cus_1_user_x"), "who has waited longest comes first: {all:?}");
    assert_eq!(db.store.count_conflicts(MODE).await.unwrap(), 5);
    let row = db.store.list_mappings(MODE, Some("cus_2"), &Place::first(1)).await.unwrap().data.remove(0);
    assert!(row.in_conflict);
    let first = db.store.list_conflicts(MODE, &Place::first(1)).await.unwrap().data.remove(0);
    db.store.resolve_conflict(&first.conflict_id, store::records::Resolution::Keep, &author()).await.unwrap();
    assert_eq!(db.store.count_conflicts(MODE).await.unwrap(), 4, "what is settled is none");
}

async fn who_is_ignored_goes_both_ways(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for n in 1..=5 {
        let kind = "customer.subscription.created";
        db.take(&[event(&format!("evt_{n}"), kind, 0, paid(n, None), None)]).await;
        let seconds = i64::try_from(n / 2).unwrap();
        assert!(db.store.ignore_customer(MODE, &format!("cus_{n}"), &at(seconds)).await.unwrap());
    }
    let read = async |place: &Place| db.store.ignored_customers(MODE, place).await.unwrap();
    let all = through(read, |(row, _)| format!("{}:{}", row.at.millis(), row.customer_id)).await;
    assert_eq!((all.len(), db.store.count_ignored(MODE).await.unwrap()), (5, 5));
    db.store.put_mapping(MODE, "cus_3", "user_3", MappingSource::Staff, &author()).await.unwrap();
    assert_eq!(db.store.count_ignored(MODE).await.unwrap(), 4, "whoever is somebody's is not listed");
}

async fn overrides_go_both_ways(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let grant = |user: &str, days: Option<i64>| NewOverride {
        livemode: MODE,
        user_id: user.into(),
        feature: "pro".into(),
        effect: domain::access::OverrideEffect::Grant,
        value: None,
        expires_at: days.map(|days| now().plus_secs(days * 86_400)),
    };
    let made = [("a", Some(2)), ("b", Some(2)), ("c", Some(9)), ("d", None), ("e", None), ("f", None)];
    let over = [("g", Some(-1)), ("h", Some(-1)), ("i", Some(-5)), ("j", Some(3)), ("k", None)];
    for (user, days) in made.into_iter().chain(over) {
        let made = db.store.create_override(&grant(user, days), &at(-9 * 86_400)).await.unwrap();
        if matches!(user, "j" | "k") {
            db.store.revoke_override(MODE, &made.override_id, &at(-2 * 86_400)).await.unwrap();
        }
    }
    let users = async |which: Which| -> String {
        let read = async |place: &Place| {
            let list = OverrideList { which: which.clone(), place: place.clone() };
            db.store.list_overrides(MODE, &list, now()).await.unwrap()
        };
        let keys = through(read, |row| which.key(row)).await;
        assert_eq!(db.store.count_overrides(MODE, &which, now()).await.unwrap(), keys.len() as i64, "{which:?}");
        let list = OverrideList { which, place: Place::first(50) };
        let page = db.store.list_overrides(MODE, &list, now()).await.unwrap();
        page.data.iter().map(|row| row.user_id.as_str()).collect()
    };
    assert_eq!(users(Which::Active).await, "abcfed", "those that end, then those that do not");
    assert_eq!(users(Which::EndingBy(now().plus_secs(7 * 86_400))).await, "ab");
    assert_eq!(users(Which::NoEnd).await, "fed");
    assert_eq!(users(Which::By(author().actor)).await, "fedcba");
    assert_eq!(users(Which::Over).await, "hgkji", "the last one that ended or was revoked comes first");
}

async fn the_audit_log_goes_both_ways(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for n in 0..7 {
        let author = Author { actor: format!("staff:{}@example.com", n % 2), ..at(n * 3600) };
        let object = ("customer", if n < 5 { "cus_1" } else { "cus_2" });
        db.store.note_audit(Some(MODE), "mapping.put", object, &json!({}), &author).await.unwrap();
    }
    let some = |text: &str| Some(text.to_owned());
    let put = || AuditFilter { action: some("mapping.put"), ..AuditFilter::default() };
    for (filter, expected) in [
        (put(), 7),
        (AuditFilter { object_id: some("cus_1"), ..put() }, 5),
        (AuditFilter { actor: some("staff:0@example.com"), ..put() }, 4),
        (AuditFilter { from: Some(now().plus_secs(3600)), to: Some(now().plus_secs(5 * 3600)), ..put() }, 4),
        (AuditFilter { livemode: Some(Livemode::Live), ..put() }, 0),
    ] {
        let read = async |place: &Place| {
            let (after, before) = (number(place.after.as_ref()), number(place.before.as_ref()));
            db.store.audit(&AuditFilter { after, before, limit: place.limit, ..filter.clone() }).await.unwrap()
        };
        let all = through(read, |entry| entry.audit_id.to_string()).await;
        let sorted = all.is_sorted_by_key(|id| std::cmp::Reverse(id.parse::<i64>().unwrap()));
        assert!(sorted && all.len() == expected, "{all:?} by {filter:?}");
        assert_eq!(db.store.count_audit(&filter).await.unwrap(), expected as i64, "{filter:?}");
    }
}

async fn resyncs_and_their_customers_go_both_ways(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let customers: Vec<String> = (1..=5).map(|n| format!("cus_{n}")).collect();
    let scope = ResyncScope::Customers { customer_ids: customers.clone() };
    let new = NewResync { livemode: MODE, purpose: Purpose::Resync, scope, applies: false };
    let mut last = String::new();
    for n in 0..5 {
        last = db.store.create_resync(&new, &at(n / 2)).await.unwrap().resync_id;
    }
    let read = async |place: &Place| db.store.resyncs(MODE, None, place).await.unwrap();
    let all = through(read, |row| format!("{}:{}", row.created_at.millis(), row.resync_id)).await;
    assert_eq!((all.len(), db.store.count_resyncs(MODE).await.unwrap()), (5, 5));
    assert!(all[0].ends_with(&last), "the newest first: {all:?}");
    for statuses in [&["waiting"][..], &["waiting", "differs"]] {
        let read = async |place: &Place| db.store.resync_customers(&last, statuses, place).await.unwrap();
        assert_eq!(through(read, |row| row.customer_id.clone()).await, customers);
    }
}

async fn replays_and_their_events_go_both_ways(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for n in 1..=5 {
        db.take(&[event(&format!("evt_{n}"), "checkout.session.completed", n, checkout("user_1"), None)]).await;
    }
    let filter = EventFilter { kind: Some("checkout.session.*".into()), ..EventFilter::default() };
    let new = NewReplay { livemode: MODE, filter, linked: false, is_dry_run: false, rate: 20 };
    let mut last = String::new();
    for n in 0..5 {
        last = db.store.create_replay(&new, &at(n / 2)).await.unwrap().replay_id;
    }
    let read = async |place: &Place| db.store.replays(MODE, place).await.unwrap();
    let all = through(read, |row| format!("{}:{}", row.created_at.millis(), row.replay_id)).await;
    assert_eq!((all.len(), db.store.count_replays(MODE).await.unwrap()), (5, 5));
    assert!(all[0].ends_with(&last), "the newest first: {all:?}");

    let mut at: Timestamp = now().plus_secs(10);
    while let Some(due) = db.store.replay(&last).await.unwrap().unwrap().next_at {
        at = at.max(due);
        db.store.step_replay(Some(&last), at).await.unwrap();
        db.drain_at(at).await;
    }
    let read = async |place: &Place| {
        let place =
            Place { after: number(place.after.as_ref()), before: number(place.before.as_ref()), limit: place.limit };
        db.store.replay_events(&last, ReplayOutcome::Unchanged, None, &place).await.unwrap()
    };
    assert_eq!(through(read, |row| row.seq.to_string()).await.len(), 5);
    assert_eq!(db.store.count_replay_events(&last, ReplayOutcome::Unchanged, None).await.unwrap(), 5);
    assert_eq!(db.store.count_replay_events(&last, ReplayOutcome::Unchanged, Some("?")).await.unwrap(), 0);
}
