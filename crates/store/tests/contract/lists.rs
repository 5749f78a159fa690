//! The lists of the admin app: filters, pages by key, counts.

use domain::access::OverrideEffect;
use domain::catalog::{Feature, FeatureType};
use domain::mapping::MappingSource;
use serde_json::{Value, json};
use store::records::{CustomerFilter, EventFilter, NavCounts, NewOverride, SubscriptionFilter, TargetKind};
use store::{Options, Watch};

use super::helpers::{Database, Engine, MODE, author, checkout, event, now, on_both, subscription};

on_both! {
    lists_are_paged_both_ways, whom_a_person_has_to_look_at, customers_are_paged_and_found, users_without_customer_are_listed, subscriptions_are_filtered_and_paged,
    payers_nobody_knows_are_listed_until_linked, the_catalog_counts_who_pays, figures_follow, events_are_counted_by_day,
}

async fn open(engine: Engine) -> Option<Database> {
    Some(Database::open(engine, Options::default()).await?.with_catalog().await)
}

fn customer(n: u8) -> Value {
    json!({"id": format!("cus_{n}"), "object": "customer", "email": format!("Person{n}@Example.com"), "name": format!("100%_{n}"),
           "livemode": false, "metadata": {}})
}

fn subscription_of(n: u8, status: &str, price: &str) -> Value {
    let mut object = subscription(status, price);
    object["id"] = json!(format!("sub_{n}"));
    object["customer"] = json!(format!("cus_{n}"));
    object
}

/// Customers 1 to 5, each newer than the one before.
async fn five(db: &Database) {
    for n in 1..=5 {
        db.take(&[event(&format!("evt_{n}"), "customer.created", i64::from(n) * 10, customer(n), None)]).await;
    }
}

async fn lists_are_paged_both_ways(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    five(&db).await;
    db.store.request_read(MODE, "cus_silent", now()).await.unwrap();
    let customers = async |after: Option<&str>, before: Option<&str>| {
        let (after, before) = (after.map(str::to_owned), before.map(str::to_owned));
        let filter = CustomerFilter { after, before, limit: 2, ..CustomerFilter::default() };
        let page = db.store.list_customers(MODE, &filter).await.unwrap();
        let keys: Vec<String> = (page.data.iter())
            .map(|row| {
                let at = row.customer.last_event_at.map_or(0, domain::Timestamp::millis);
                format!("{at}:{}", row.customer.customer_id)
            })
            .collect();
        (keys, page.has_more)
    };
    let mut pages = vec![customers(None, None).await.0];
    while let (page, true) = customers(pages.last().unwrap().last().map(String::as_str), None).await {
        pages.push(page);
    }
    pages.push(customers(pages.last().unwrap().last().map(String::as_str), None).await.0);
    assert_eq!(pages.iter().map(Vec::len).sum::<usize>(), 6, "{pages:?}");
    assert!(pages.last().unwrap().last().unwrap().starts_with("0:"), "those without events come last: {pages:?}");
    for (n, page) in pages.iter().enumerate().skip(1) {
        let (back, has_more) = customers(None, Some(&page[0])).await;
        assert_eq!((&back, has_more), (&pages[n - 1], n > 1), "before page {n}");
    }
    assert_eq!(db.store.count_customers(MODE, &CustomerFilter::default()).await.unwrap(), 6);
    let people = CustomerFilter { query: Some("PERSON".into()), ..CustomerFilter::default() };
    assert_eq!(db.store.count_customers(MODE, &people).await.unwrap(), 5);

    let events = async |filter: EventFilter| {
        let page = db.store.events(MODE, &EventFilter { limit: 2, ..filter }).await.unwrap();
        (page.data.into_iter().map(|event| event.seq).collect::<Vec<i64>>(), page.has_more)
    };
    let narrow = || EventFilter { kind: Some("customer.*".into()), ..EventFilter::default() };
    let (first, _) = events(narrow()).await;
    let (second, more) = events(EventFilter { after: Some(first[1]), ..narrow() }).await;
    assert!(more);
    assert_eq!(events(EventFilter { before: Some(second[0]), ..narrow() }).await, (first, false));
    assert_eq!(db.store.count_events(MODE, &narrow()).await.unwrap(), 5);
    let about = EventFilter { id: Some("cus_2".into()), ..EventFilter::default() };
    assert_eq!(db.store.count_events(MODE, &about).await.unwrap(), 1, "an event that names it twice counts once");
    let later = EventFilter { until: Some(now()), ..EventFilter::default() };
    assert_eq!(db.store.count_events(MODE, &later).await.unwrap(), 0, "what came at the end is not before it");
    assert_eq!(db.store.last_receipt(MODE).await.unwrap(), Some(now()));
    assert_eq!(db.store.last_receipt(domain::Livemode::Live).await.unwrap(), None);
}

async fn whom_a_person_has_to_look_at(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let (index, policy) = (db.store.index(), db.store.options().policy);
    let on = |watch: Watch, at: domain::Timestamp| index.watched((MODE, watch), &policy, at, (None, None), 10);
    assert!(Watch::ALL.iter().all(|watch| on(*watch, now()).is_empty()));
    for (n, status, price) in [(1, "active", "price_pro"), (2, "active", "price_idle"), (3, "past_due", "price_pro")] {
        let mut object = subscription_of(n, status, price);
        object["metadata"] = json!({"user_id": format!("user_{n}")});
        let kind = "customer.subscription.created";
        db.take(&[event(&format!("evt_{n}"), kind, i64::from(n) * 10, object, None)]).await;
    }
    assert_eq!(on(Watch::Denied, now()), ["user_2"]);
    assert_eq!(
        (on(Watch::AtRisk, now()), on(Watch::PastDue, now())),
        (vec!["user_3".into()], vec!["user_3".to_owned()])
    );
    // What time does.
    let later = now().plus_secs(60 * 86_400);
    assert_eq!((on(Watch::AtRisk, later).len(), on(Watch::PastDue, later).len()), (0, 1), "grace has ended");
    assert_eq!(on(Watch::AtRisk, now()), ["user_3"], "and whoever asks about before gets the answer of before");
    // What a commit does.
    let new = NewOverride {
        livemode: MODE,
        user_id: "user_9".into(),
        feature: "pro".into(),
        effect: OverrideEffect::Grant,
        value: None,
        expires_at: Some(now().plus_secs(3600)),
    };
    db.store.create_override(&new, &author()).await.unwrap();
    assert_eq!(
        (on(Watch::Override, now()), on(Watch::NoCustomer, now())),
        (vec!["user_9".into()], vec!["user_9".to_owned()])
    );
    assert!(on(Watch::Override, now().plus_secs(3600)).is_empty(), "it has run out");
    // What the catalog does.
    let grants = [domain::catalog::FeatureGrant::of("team")];
    db.store.put_grants(MODE, TargetKind::Price, "price_idle", &grants, &author()).await.unwrap();
    assert!(on(Watch::Denied, now()).is_empty());
    assert_eq!(index.watch_counts(MODE, &policy, now()), [0, 1, 1, 1, 1]);
    // Pages, both ways.
    for user in ["user_a", "user_b", "user_c"] {
        db.store.put_user(MODE, user, None, None, &author()).await.unwrap();
    }
    let page = |after, before| index.watched((MODE, Watch::NoCustomer), &policy, now(), (after, before), 2);
    assert_eq!(page(None, None), ["user_9", "user_a"]);
    assert_eq!(page(Some("user_a"), None), ["user_b", "user_c"]);
    assert_eq!(page(None, Some("user_b")), ["user_9", "user_a"]);
}

async fn found(db: &Database, query: &str) -> Vec<String> {
    let filter = CustomerFilter { query: Some(query.into()), limit: 10, ..CustomerFilter::default() };
    let page = db.store.list_customers(MODE, &filter).await.unwrap();
    page.data.into_iter().map(|row| row.customer.customer_id).collect()
}

async fn customers_are_paged_and_found(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    five(&db).await;
    db.store.request_read(MODE, "cus_silent", now()).await.unwrap();
    db.store.request_read(MODE, "cus_quiet", now()).await.unwrap();
    let mut filter = CustomerFilter { limit: 2, ..CustomerFilter::default() };
    let mut seen = vec![];
    loop {
        let page = db.store.list_customers(MODE, &filter).await.unwrap();
        assert!(page.data.len() <= 2);
        let last = page.data.last().unwrap();
        let millis = last.customer.last_event_at.map_or(0, domain::Timestamp::millis);
        filter.after = Some(format!("{millis}:{}", last.customer.customer_id));
        seen.extend(page.data.iter().map(|row| row.customer.customer_id.clone()));
        if !page.has_more {
            break;
        }
    }
    let mut all = seen.clone();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 7, "{seen:?}");
    assert_eq!(seen[5..], ["cus_silent", "cus_quiet"], "those without events come last");

    assert_eq!(found(&db, "person3@").await, ["cus_3"]);
    assert_eq!(found(&db, "cus_2").await, ["cus_2"]);
    assert_eq!(found(&db, "100%_4").await, ["cus_4"]);
    assert_eq!(found(&db, "%").await, Vec::<String>::new(), "a per cent sign is a character");
    db.store.put_mapping(MODE, "cus_5", "User_Five", MappingSource::Staff, &author()).await.unwrap();
    assert_eq!(found(&db, "user_f").await, ["cus_5"]);
    assert!(
        db.store
            .list_customers(domain::Livemode::Live, &CustomerFilter { limit: 5, ..Default::default() })
            .await
            .unwrap()
            .data
            .is_empty()
    );
}

async fn users_without_customer_are_listed(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.store.put_user(MODE, "user_a", Some("Ann@example.com"), None, &author()).await.unwrap();
    db.store.put_user(MODE, "user_b", None, None, &author()).await.unwrap();
    db.store.put_mapping(MODE, "cus_1", "user_b", MappingSource::Staff, &author()).await.unwrap();
    let ids = async |query: Option<&str>| -> Vec<String> {
        db.store.users(MODE, query, 10).await.unwrap().into_iter().map(|user| user.user_id).collect()
    };
    assert_eq!(ids(None).await, ["user_a"]);
    assert_eq!(ids(Some("ann@")).await, ["user_a"]);
    assert!(ids(Some("bob")).await.is_empty());
}

async fn subscriptions_are_filtered_and_paged(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for n in 1..=3 {
        let status = if n == 2 { "past_due" } else { "active" };
        let kind = "customer.subscription.created";
        db.take(&[event(&format!("evt_{n}"), kind, i64::from(n) * 10, subscription_of(n, status, "price_pro"), None)])
            .await;
    }
    let mut filter = SubscriptionFilter { limit: 2, ..SubscriptionFilter::default() };
    let first = db.store.list_subscriptions(MODE, &filter).await.unwrap();
    assert!(first.has_more);
    let last = first.data.last().unwrap();
    filter.after = Some(format!("{}:{}", last.updated_at.millis(), last.subscription.id));
    let second = db.store.list_subscriptions(MODE, &filter).await.unwrap();
    assert!(!second.has_more);
    let mut ids: Vec<_> = first.data.iter().chain(&second.data).map(|row| row.subscription.id.clone()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["sub_1", "sub_2", "sub_3"]);
    filter = SubscriptionFilter { status: Some("past_due".into()), limit: 10, ..SubscriptionFilter::default() };
    let late = db.store.list_subscriptions(MODE, &filter).await.unwrap().data;
    assert_eq!(late.len(), 1);
    assert_eq!((late[0].subscription.id.as_str(), late[0].user_id.as_deref()), ("sub_2", None));
}

async fn payers_nobody_knows_are_listed_until_linked(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[event("evt_1", "customer.subscription.created", 0, subscription("active", "price_pro"), None)]).await;
    let rows = db.store.list_unattributed(MODE, None, 10).await.unwrap().data;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].customer.customer_id.as_str(), rows[0].subscriptions.len(), rows[0].events), ("cus_1", 1, 1));
    assert_eq!(db.store.nav_counts(MODE).await.unwrap().unattributed, 1);
    db.store.put_mapping(MODE, "cus_1", "user_1", MappingSource::Staff, &author()).await.unwrap();
    db.drain().await;
    assert!(db.store.list_unattributed(MODE, None, 10).await.unwrap().data.is_empty());
    assert_eq!(db.store.nav_counts(MODE).await.unwrap().unattributed, 0);
}

async fn the_catalog_counts_who_pays(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for (n, status) in [(1, "active"), (2, "past_due"), (3, "canceled")] {
        let kind = "customer.subscription.created";
        db.take(&[event(&format!("evt_{n}"), kind, i64::from(n) * 10, subscription_of(n, status, "price_pro"), None)])
            .await;
    }
    let rows = db.store.list_catalog(MODE).await.unwrap();
    let row = |kind, id: &str| {
        rows.iter().find(|row| row.kind == kind && row.id == id).unwrap_or_else(|| panic!("{id} is missing"))
    };
    let pro = row(TargetKind::Price, "price_pro");
    assert_eq!((pro.customers, pro.grants.len()), (2, 1));
    assert_eq!(row(TargetKind::Price, "price_team").customers, 0);
    assert_eq!(row(TargetKind::Product, "prod_1").customers, 2);
}

async fn figures_follow(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    assert_eq!(db.store.nav_counts(MODE).await.unwrap(), NavCounts::default());
    db.take(&[
        event("evt_1", "checkout.session.completed", 0, checkout("user_1"), None),
        event("evt_2", "customer.subscription.created", 10, subscription("active", "price_unknown"), None),
        event("evt_3", "checkout.session.completed", 20, checkout("user_2"), None),
    ])
    .await;
    let counts = db.store.nav_counts(MODE).await.unwrap();
    assert_eq!((counts.prices_without_features, counts.conflicts, counts.unattributed), (1, 1, 0));
    let feature = Feature::new("more", FeatureType::Switch);
    db.store.put_feature(MODE, &feature, &author()).await.unwrap();
    let grants = [domain::catalog::FeatureGrant::of("more")];
    db.store.put_grants(MODE, TargetKind::Price, "price_unknown", &grants, &author()).await.unwrap();
    assert_eq!(db.store.nav_counts(MODE).await.unwrap().prices_without_features, 0);
}

async fn events_are_counted_by_day(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    assert_eq!(db.store.event_stats(MODE, now()).await.unwrap(), (vec![], None));
    five(&db).await;
    let (counts, newest) = db.store.event_stats(MODE, now()).await.unwrap();
    assert_eq!(counts.iter().map(|(_, count)| count).sum::<i64>(), 5);
    assert_eq!(newest, Some(now()));
    let (counts, newest) = db.store.event_stats(MODE, now().plus_secs(86_401)).await.unwrap();
    assert_eq!((counts, newest), (vec![], Some(now())), "yesterday's");
}
