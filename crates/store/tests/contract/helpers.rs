//! A database per test, and Stripe's events in the shapes Stripe sends.

use std::sync::Arc;

use domain::catalog::{Feature, FeatureGrant, FeatureType};
use domain::event::{Envelope, EventStatus};
use domain::{Livemode, Timestamp};
use serde_json::{Value, json};
use sqlx::Connection as _;
use store::records::{Author, Delivery, ReadClaim, Recorded, Snapshot, TargetKind};
use store::{Options, Store};

/// Test mode, everywhere in this suite.
pub const MODE: Livemode = Livemode::Test;
/// The suite's "now": 2026-11-22T00:00:00Z.
pub const NOW: i64 = 1_795_305_600;

/// A database that is gone when the test is.
pub struct Database {
    pub store: Arc<dyn Store>,
    pub url: String,
    _folder: Option<tempfile::TempDir>,
}

/// Whether a test runs on SQLite or PostgreSQL.
#[derive(Clone, Copy, Debug)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Database {
    /// A fresh, migrated database; none when there is no PostgreSQL to test with.
    pub async fn open(engine: Engine, options: Options) -> Option<Self> {
        let (url, folder) = Self::make(engine).await?;
        Some(Self::opened(url, folder, options).await)
    }

    /// A database that is there, migrated.
    pub async fn opened(url: String, folder: Option<tempfile::TempDir>, options: Options) -> Self {
        let store = store::open(&url, options).await.unwrap();
        Self { store, url, _folder: folder }
    }

    /// An empty database: where it is, and the folder that holds it.
    pub async fn make(engine: Engine) -> Option<(String, Option<tempfile::TempDir>)> {
        Some(match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                (format!("sqlite://{}", folder.path().join("t.db").display()), Some(folder))
            }
            Engine::Postgres => {
                let Ok(server) = std::env::var("TEST_DATABASE_URL") else {
                    eprintln!("TEST_DATABASE_URL is not set: this scenario ran on SQLite alone");
                    return None;
                };
                let name = format!("t{}", uuid::Uuid::now_v7().simple());
                let mut conn = sqlx::PgConnection::connect(&server).await.unwrap();
                sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}"))).execute(&mut conn).await.unwrap();
                let (base, _) = server.rsplit_once('/').unwrap();
                (format!("{base}/{name}"), None)
            }
        })
    }

    /// Stores a delivery.
    pub async fn deliver(&self, event: &Value) -> Recorded {
        let delivery = delivery(event, now());
        self.store.record_deliveries(&[delivery]).await.unwrap()[0]
    }

    /// Processes all that is due.
    pub async fn drain(&self) {
        self.drain_at(now()).await;
    }

    pub async fn drain_at(&self, now: Timestamp) {
        while self.store.process_due(now, 50).await.unwrap().events > 0 {}
    }

    /// Delivers and processes, one after the other.
    pub async fn take(&self, events: &[Value]) {
        for event in events {
            self.deliver(event).await;
            self.drain().await;
        }
    }

    pub async fn status(&self, event_id: &str) -> EventStatus {
        self.store.event(MODE, event_id).await.unwrap().unwrap().status
    }

    /// `allowed` and the reason, for `user_1` and `pro`.
    pub fn verdict(&self) -> (bool, &'static str) {
        let policy = self.store.options().policy;
        let decision = self.store.index().decide(MODE, "user_1", "pro", &policy, now());
        (decision.allowed, decision.reason.as_str())
    }

    /// `pro` from `price_pro`, `team` from `price_team`.
    pub async fn with_catalog(self) -> Self {
        for key in ["pro", "team"] {
            let feature = Feature::new(key, FeatureType::Switch);
            self.store.put_feature(MODE, &feature, &author()).await.unwrap();
            let grants = [FeatureGrant::of(key)];
            self.store.put_grants(MODE, TargetKind::Price, &format!("price_{key}"), &grants, &author()).await.unwrap();
        }
        self
    }

    /// Leases the customer, as the worker would.
    pub async fn claim(&self, at: Timestamp) -> ReadClaim {
        self.store.claim_read(MODE, "cus_1", "worker", at).await.unwrap().unwrap()
    }

    /// Applies an answer of Stripe's that was asked for at `started_at`.
    pub async fn answer(
        &self,
        claim: &ReadClaim,
        subscriptions: Vec<Value>,
        started_at: Timestamp,
    ) -> store::records::SyncReport {
        let snapshot = Snapshot { customer: Some(customer()), subscriptions, ..Snapshot::default() };
        self.store.apply_snapshot(claim, &snapshot, started_at, &author()).await.unwrap()
    }
}

pub fn now() -> Timestamp {
    Timestamp::from_secs(NOW)
}

pub fn author() -> Author {
    Author::new("staff:ada@example.com", now()).because(Some("a test"))
}

pub fn delivery(event: &Value, received_at: Timestamp) -> Delivery {
    Delivery {
        envelope: Envelope::read(event).unwrap(),
        payload: event.to_string(),
        received_at,
        secret_name: Some("dashboard".into()),
    }
}

/// An event of test mode, `created` seconds from [`NOW`].
pub fn event(id: &str, kind: &str, created: i64, object: Value, previous: Option<Value>) -> Value {
    let mut data = json!({"object": object});
    if let Some(previous) = previous {
        data["previous_attributes"] = previous;
    }
    json!({
        "id": id, "object": "event", "api_version": "2025-09-30.clover", "created": NOW + created, "data": data, "livemode": false,
        "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null}, "type": kind
    })
}

/// `sub_1` of `cus_1` with this status and price, paid for ten days more.
pub fn subscription(status: &str, price: &str) -> Value {
    json!({
        "id": "sub_1", "object": "subscription", "customer": "cus_1", "status": status, "created": NOW - 864_000,
        "cancel_at": null, "cancel_at_period_end": false, "canceled_at": null, "ended_at": null, "trial_end": null,
        "items": {"object": "list", "has_more": false, "total_count": 1, "url": "/v1/subscription_items?subscription=sub_1", "data": [{
            "id": "si_1", "object": "subscription_item", "quantity": 1, "current_period_start": NOW - 864_000,
            "current_period_end": NOW + 864_000,
            "price": {"id": price, "object": "price", "active": true, "currency": "eur", "unit_amount": 2900, "product": "prod_1",
                      "recurring": {"interval": "month", "interval_count": 1}}
        }]},
        "livemode": false, "metadata": {}, "pause_collection": null, "latest_invoice": "in_1"
    })
}

pub fn customer() -> Value {
    json!({"id": "cus_1", "object": "customer", "email": "ada@example.com", "name": "Ada", "livemode": false, "metadata": {}})
}

/// A completed Checkout Session that says `cus_1` is this user.
pub fn checkout(user: &str) -> Value {
    json!({
        "id": "cs_1", "object": "checkout.session", "mode": "subscription", "status": "complete", "payment_status": "paid",
        "customer": "cus_1", "subscription": "sub_1", "client_reference_id": user, "metadata": {}, "created": NOW - 864_000,
        "customer_details": {"email": "ada@example.com"}, "livemode": false, "url": null
    })
}

/// Declares each scenario as a test on SQLite and one on PostgreSQL.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(crate::contract::helpers::Engine::Sqlite).await; })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(crate::contract::helpers::Engine::Postgres).await; })+
        }
    };
}
pub(crate) use on_both;
