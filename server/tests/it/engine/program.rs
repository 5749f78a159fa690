//! The program in this process, over real HTTP, with a stand-in for Stripe and a clock that tests move.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use domain::role::Scope;
use domain::{Livemode, Timestamp};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use server::clock::{Clock as _, ManualClock};
use server::config::{Config, Sources};
use server::state::AppState;
use standin::{Options, Standin, Webhook};
use store::records::Author;
use tokio::net::TcpListener;

use crate::helpers::database::Database;

/// The secret named `dashboard`.
pub(super) const SECRET: &str = "whsec_engine00000000000000000000";
/// 2026-11-22T00:00:00Z.
pub(super) const START: i64 = 1_795_305_600;

/// A running program.
pub(super) struct Program {
    pub(super) state: AppState,
    pub(super) clock: Arc<ManualClock>,
    pub(super) stripe: Standin,
    address: SocketAddr,
    key: String,
    http: reqwest::Client,
    _database: Database,
}

impl Program {
    /// Starts it on an empty database. The worker does not run by itself: [`Program::settle`] drains the line.
    pub(super) async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// The same with a stand-in of these options; receiver and clock are its own.
    pub(super) async fn start_with(options: Options) -> Self {
        let database = Database::make().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let webhook = Webhook { url: format!("http://{address}/webhooks/stripe"), secret: SECRET.into() };
        let stripe = Standin::start(Options { webhook: Some(webhook), now: Some(START), ..options }).await.unwrap();
        let secret = format!("dashboard={SECRET}");
        let base = stripe.base_url();
        let settings = [
            ("STRIPE_SECRET_KEY", "rk_test_engine"),
            ("STRIPE_WEBHOOK_SECRET", secret.as_str()),
            ("STRIPE_API_BASE", base.as_str()),
            ("STRIPE_RATES", super::super::helpers::NO_LIMITS),
        ];
        let config = Config::load(&Sources::from_env(settings.into_iter().chain(database.settings()))).unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(START)));
        let state = server::build(config, clock.clone()).await.unwrap();
        let (key, record) =
            server::auth::api_key::create("test", Livemode::Test, Scope::Admin, "system", clock.now()).unwrap();
        state.store.add_api_key(&record, &Author::system(clock.now())).await.unwrap();
        let front = server::router::front(&state);
        tokio::spawn(async move { axum::serve(listener, front).await });
        Self { state, clock, stripe, address, key, http: reqwest::Client::new(), _database: database }
    }

    /// `pro` from `price_pro`.
    pub(super) async fn with_catalog(&self) {
        self.send("PUT", "/v1/features/pro", json!({"type": "switch"})).await;
        self.send("PUT", "/v1/prices/price_pro/features", json!({"features": [{"feature": "pro"}]})).await;
    }

    /// Where it listens.
    pub(super) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now().secs()
    }

    /// Does all that is due.
    pub(super) async fn settle(&self) {
        self.state.worker.run_once().await.unwrap();
    }

    /// Takes events in without reading from Stripe.
    pub(super) async fn events_only(&self) {
        while self.state.store.process_due(self.clock.now(), 50).await.unwrap().events > 0 {}
    }

    pub(super) async fn check(&self, user: &str) -> Value {
        self.get(&format!("/v1/access?user_id={user}&feature=pro")).await
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        self.send("GET", path, Value::Null).await
    }

    /// A call to `/v1` that has to succeed.
    pub(super) async fn send(&self, method: &str, path: &str, body: Value) -> Value {
        let response = self.request(method, path, body).await;
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert!(status.is_success(), "{method} {path}: {status} {body}");
        body
    }

    pub(super) fn request(
        &self,
        method: &str,
        path: &str,
        body: Value,
    ) -> impl Future<Output = Response> + Send + use<> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("http://{}{path}", self.address)).bearer_auth(&self.key);
        if !body.is_null() {
            request = request.json(&body);
        }
        async move { request.send().await.unwrap() }
    }

    /// A delivery signed now.
    pub(super) fn deliver(&self, event: &Value) -> impl Future<Output = Response> + Send + use<> {
        let body = event.to_string();
        let signature = standin::sign(body.as_bytes(), SECRET, self.now());
        self.post(&body, Some(&signature))
    }

    pub(super) fn post(&self, body: &str, signature: Option<&str>) -> impl Future<Output = Response> + Send + use<> {
        let mut request = self.http.post(format!("http://{}/webhooks/stripe", self.address)).body(body.to_owned());
        if let Some(signature) = signature {
            request = request.header("stripe-signature", signature);
        }
        async move { request.send().await.unwrap() }
    }
}
