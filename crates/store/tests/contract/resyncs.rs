//! Many customers compared with Stripe: what was read waits in the database, is tried out, and is taken in.

use domain::Livemode;
use serde_json::{Value, json};
use store::Options;
use store::records::{
    Author, Compared, JobChange, NewResync, Place, Purpose, ResyncRange, ResyncScope, ResyncStatus, Snapshot,
    StagedObject,
};

use super::helpers::{Database, Engine, MODE, author, checkout, customer, delivery, event, now, on_both, subscription};

on_both! {
    a_resync_shows_what_it_would_change_and_then_changes_it, an_older_answer_undoes_nothing, customers_are_chosen_by_scope,
    one_works_on_a_resync, a_resync_that_is_over_is_forgotten_after_a_month,
}

async fn open(engine: Engine) -> Option<Database> {
    let options = Options { readable: vec![MODE], ..Options::default() };
    let db = Database::open(engine, options).await?.with_catalog().await;
    db.take(&[
        event("evt_c", "customer.created", -900_010, customer(), None),
        event("evt_cs", "checkout.session.completed", -900_000, checkout("user_1"), None),
        event("evt_1", "customer.subscription.created", -864_000, subscription("active", "price_pro"), None),
    ])
    .await;
    Some(db)
}

fn new(scope: ResyncScope) -> NewResync {
    NewResync { livemode: MODE, purpose: Purpose::Resync, scope, applies: false }
}

fn staged(kind: &'static str, object: &Value) -> StagedObject {
    let customer_id = object["customer"].as_str().or(object["id"].as_str()).unwrap().to_owned();
    StagedObject { customer_id, kind, id: object["id"].as_str().unwrap().to_owned(), object: object.to_string() }
}

/// Begins a resync of everything whose lists say this, and puts the customers in line.
async fn read_all(db: &Database, objects: &[StagedObject]) -> String {
    let id = db.store.create_resync(&new(ResyncScope::All), &author()).await.unwrap().resync_id;
    let claimed = db.store.claim_resync(None, "one", now()).await.unwrap().unwrap();
    assert_eq!((&claimed.resync_id, claimed.status), (&id, ResyncStatus::Reading));
    let range = |is_done: bool| ResyncRange {
        list: "customers".into(),
        number: 0,
        created_from: 0,
        created_until: now().secs() + 1,
        after: is_done.then(|| ("cus_1".to_owned(), 5)),
        is_done,
    };
    assert!(db.store.put_ranges(&id, "one", &[range(false)], now()).await.unwrap());
    assert!(db.store.stage_page(&id, "one", &range(true), objects, now()).await.unwrap());
    assert_eq!(db.store.resync_ranges(&id).await.unwrap(), [range(true)]);
    assert!(db.store.begin_comparing(&id, "one", now()).await.unwrap());
    id
}

async fn a_resync_shows_what_it_would_change_and_then_changes_it(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    // One that differs, one nobody told us of, one that is here alone.
    db.take(&[event(
        "evt_2",
        "customer.created",
        -864_000,
        json!({"id": "cus_gone", "object": "customer", "metadata": {}}),
        None,
    )])
    .await;
    let new_one =
        json!({"id": "cus_new", "object": "customer", "email": "new@example.com", "metadata": {"user_id": "user_2"}});
    let mut paid = subscription("active", "price_team");
    (paid["id"], paid["customer"]) = (json!("sub_2"), json!("cus_new"));
    let objects = [
        staged("customer", &customer()),
        staged("subscription", &subscription("canceled", "price_pro")),
        staged("customer", &new_one),
        staged("subscription", &paid),
    ];
    let id = read_all(&db, &objects).await;
    assert_eq!(db.store.compare_staged(&id, "one", 10, now()).await.unwrap(), Compared::Customers(2));
    let unread = db.store.compare_staged(&id, "one", 10, now()).await.unwrap();
    assert_eq!(unread, Compared::Unread(vec!["cus_gone".into()]), "Stripe's lists leave it out");
    let gone = Snapshot::default();
    assert!(db.store.stage_customer(&id, "one", "cus_gone", Ok(&gone), now(), now()).await.unwrap());
    assert_eq!(db.store.compare_staged(&id, "one", 10, now()).await.unwrap(), Compared::Customers(1));
    let ready = db.store.compare_staged(&id, "one", 10, now()).await.unwrap();
    assert_eq!(ready, Compared::All(ResyncStatus::Ready));

    assert_eq!(db.verdict(), (true, "subscription_active"), "nothing has changed yet");
    assert!(db.store.customer(MODE, "cus_new").await.unwrap().is_none());
    let (_, counts) = db.store.resync(&id).await.unwrap().unwrap();
    assert_eq!((counts.objects, counts.pages, counts.differs, counts.all()), (4, 1, 3, 3));
    let found = db.store.resync_customers(&id, &["differs"], &Place::first(2)).await.unwrap();
    assert!(found.has_more);
    let effects = found.data[0].effects.clone().unwrap();
    assert_eq!(found.data[0].user_id.as_deref(), Some("user_1"));
    let change = &effects.verdicts[0];
    assert_eq!((change.feature.as_str(), change.allowed_before, change.allowed_after), ("pro", true, false));
    assert!(effects.fields.iter().any(|field| field.field == "status" && field.after.as_deref() == Some("canceled")));
    let rest = db.store.resync_customers(&id, &["differs"], &Place::behind(Some("cus_gone".into()), 2)).await.unwrap();
    assert_eq!(rest.data[0].customer_id, "cus_new");
    assert_eq!(rest.data[0].effects.as_ref().unwrap().verdicts[0].user_id, "user_2");
    let drift = db.store.open_drift(MODE, &["cus_1".into()]).await.unwrap();
    assert_eq!(drift[0].1, effects, "it is known to differ");

    assert!(db.store.claim_resync(None, "one", now()).await.unwrap().is_none(), "it waits for a word");
    assert!(db.store.change_resync(&id, JobChange::Apply, &author()).await.unwrap());
    assert!(!db.store.change_resync(&id, JobChange::Apply, &author()).await.unwrap(), "once");
    assert!(db.store.claim_resync(None, "one", now()).await.unwrap().is_some());
    for (customer_id, snapshot, read_at) in db.store.staged_differences(&id, 10).await.unwrap() {
        let claim = db.store.lease_customer(MODE, &customer_id, "one", now()).await.unwrap().unwrap();
        assert!(db.store.lease_customer(MODE, &customer_id, "two", now()).await.unwrap().is_none());
        let report = db.store.apply_snapshot(&claim, &snapshot, read_at, &author()).await.unwrap();
        assert!(db.store.note_applied(&id, "one", &customer_id, Ok(Some(&report.effects)), now()).await.unwrap());
    }
    let done = db.store.compare_staged(&id, "one", 10, now()).await.unwrap();
    assert_eq!(done, Compared::All(ResyncStatus::Done));
    assert_eq!(db.verdict(), (false, "subscription_canceled"));
    assert!(db.store.customer(MODE, "cus_gone").await.unwrap().unwrap().deleted);
    assert_eq!(db.store.mapping(MODE, "cus_new").await.unwrap().unwrap().user_id, "user_2");
    let (over, counts) = db.store.resync(&id).await.unwrap().unwrap();
    assert_eq!((over.finished_at, counts.applied), (Some(now()), 3));
    assert!(db.store.open_drift(MODE, &["cus_1".into()]).await.unwrap().is_empty());
    assert!(db.store.staged_differences(&id, 10).await.unwrap().is_empty());
    assert!(db.store.claim_reads("worker", now(), 10).await.unwrap().is_empty(), "and nobody has to be read again");
}

async fn an_older_answer_undoes_nothing(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let id = read_all(
        &db,
        &[staged("customer", &customer()), staged("subscription", &subscription("past_due", "price_pro"))],
    )
    .await;
    // While the lists were read, the end of the subscription came by an event.
    let later = now().plus_secs(60);
    let deleted = event("evt_2", "customer.subscription.deleted", 30, subscription("canceled", "price_pro"), None);
    db.store.record_deliveries(&[delivery(&deleted, later)]).await.unwrap();
    let skipped = db.store.compare_staged(&id, "one", 10, later).await.unwrap();
    assert_eq!(skipped, Compared::Customers(1));
    assert_eq!(db.store.resync(&id).await.unwrap().unwrap().1.skipped, 1, "news of it were not processed yet");
    db.drain_at(later).await;
    let id = read_all(
        &db,
        &[staged("customer", &customer()), staged("subscription", &subscription("past_due", "price_pro"))],
    )
    .await;
    assert_eq!(db.store.compare_staged(&id, "one", 10, later).await.unwrap(), Compared::Customers(1));
    let counts = db.store.resync(&id).await.unwrap().unwrap().1;
    let found = db.store.resync_customers(&id, &["differs"], &Place::first(5)).await.unwrap().data;
    assert_eq!((counts.differs, counts.same), (0, 1), "what the event said is newer than the list: {found:?}");
    assert_eq!(db.verdict(), (false, "subscription_canceled"));
}

async fn customers_are_chosen_by_scope(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let stranger = json!({"id": "cus_2", "object": "customer", "metadata": {}});
    let mut unpaid = subscription("past_due", "price_pro");
    (unpaid["id"], unpaid["customer"]) = (json!("sub_2"), json!("cus_2"));
    db.take(&[
        event("evt_2", "customer.created", -500, stranger, None),
        event("evt_3", "customer.subscription.created", -400, unpaid, None),
    ])
    .await;
    let chosen = async |scope: ResyncScope| {
        let id = db.store.create_resync(&new(scope), &author()).await.unwrap().resync_id;
        let page = db.store.resync_customers(&id, &["waiting"], &Place::first(10)).await.unwrap();
        page.data.into_iter().map(|customer| customer.customer_id).collect::<Vec<_>>()
    };
    assert_eq!(chosen(ResyncScope::Status { status: "past_due".into() }).await, ["cus_2"]);
    assert_eq!(chosen(ResyncScope::Unattributed).await, ["cus_2"]);
    assert_eq!(chosen(ResyncScope::Customers { customer_ids: vec!["cus_1".into(), "cus_1".into()] }).await, ["cus_1"]);
    assert_eq!(chosen(ResyncScope::Risk { customers: 1 }).await, ["cus_2"], "it pays, and nobody has it");
    assert_eq!(chosen(ResyncScope::Risk { customers: 5 }).await, ["cus_1", "cus_2"]);
    let reconcile = NewResync { purpose: Purpose::Reconcile, ..new(ResyncScope::Risk { customers: 5 }) };
    let first = db.store.create_resync(&reconcile, &Author::system(now())).await.unwrap();
    let second = db.store.create_resync(&reconcile, &Author::system(now())).await.unwrap();
    assert_eq!(first.resync_id, second.resync_id, "one at a time, whoever begins it");
    let listed = db.store.resyncs(MODE, Some(Purpose::Reconcile), &Place::first(10)).await.unwrap();
    assert_eq!(listed.data.len(), 1);
    assert_eq!(db.store.resyncs(MODE, None, &Place::first(3)).await.unwrap().data.len(), 3);
    assert!(db.store.resyncs(Livemode::Live, None, &Place::first(3)).await.unwrap().data.is_empty());
}

async fn one_works_on_a_resync(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let scope = ResyncScope::Customers { customer_ids: vec!["cus_1".into()] };
    let id = db.store.create_resync(&new(scope), &author()).await.unwrap().resync_id;
    assert!(db.store.claim_resync(None, "one", now()).await.unwrap().is_some());
    assert!(db.store.claim_resync(Some(&id), "two", now()).await.unwrap().is_none());
    let later = now().plus_secs(61);
    assert!(db.store.claim_resync(Some(&id), "two", later).await.unwrap().is_some(), "its lease has ended");
    assert_eq!(db.store.compare_staged(&id, "one", 10, later).await.unwrap(), Compared::NotOurs);
    assert!(!db.store.stage_customer(&id, "one", "cus_1", Ok(&Snapshot::default()), later, later).await.unwrap());

    assert!(db.store.change_resync(&id, JobChange::Pause, &Author { now: later, ..author() }).await.unwrap());
    assert_eq!(db.store.compare_staged(&id, "two", 10, later).await.unwrap(), Compared::NotOurs);
    assert!(db.store.claim_resync(Some(&id), "two", later).await.unwrap().is_none());
    assert!(db.store.change_resync(&id, JobChange::Resume, &Author { now: later, ..author() }).await.unwrap());
    assert!(db.store.claim_resync(None, "two", later).await.unwrap().is_some());
    let again = later.plus_secs(30);
    db.store.release_resync(&id, "two", Some(("Stripe answered 500", again)), later).await.unwrap();
    let stopped = db.store.resync(&id).await.unwrap().unwrap().0;
    assert_eq!(
        (stopped.error.as_deref(), stopped.attempts, stopped.next_at),
        (Some("Stripe answered 500"), 1, Some(again))
    );
    assert!(db.store.claim_resync(None, "two", later).await.unwrap().is_none(), "not before its time");
    assert!(db.store.claim_resync(None, "two", again).await.unwrap().is_some());
    db.store.release_resyncs("two", again).await.unwrap();
    assert!(db.store.claim_resync(None, "one", again).await.unwrap().is_some(), "whoever stops leaves nothing leased");
    assert!(db.store.change_resync(&id, JobChange::Cancel, &author()).await.unwrap());
    assert_eq!(db.store.compare_staged(&id, "one", 10, again).await.unwrap(), Compared::NotOurs);
    assert!(!db.store.change_resync(&id, JobChange::Resume, &author()).await.unwrap(), "it is over");
}

async fn a_resync_that_is_over_is_forgotten_after_a_month(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let scope = || ResyncScope::Customers { customer_ids: vec!["cus_1".into()] };
    let id = db.store.create_resync(&new(scope()), &author()).await.unwrap().resync_id;
    assert!(db.store.change_resync(&id, JobChange::Cancel, &author()).await.unwrap());
    let at = |days: i64| Author { now: now().plus_secs(days * 86_400), ..author() };
    db.store.create_resync(&new(scope()), &at(29)).await.unwrap();
    assert!(db.store.resync(&id).await.unwrap().is_some());
    db.store.create_resync(&new(scope()), &at(31)).await.unwrap();
    assert!(db.store.resync(&id).await.unwrap().is_none());
    assert!(db.store.resync_customers(&id, &["waiting"], &Place::first(5)).await.unwrap().data.is_empty());
}
