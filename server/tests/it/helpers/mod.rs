//! The program in this process, on a port of its own, with an empty database, and a stand-in as Stripe in test mode.

pub(crate) mod database;
pub(crate) mod process;

use std::sync::Arc;
use std::time::Duration;

use domain::Livemode;
use domain::role::Scope;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use server::auth::api_key;
use server::clock::{Clock, ManualClock, SystemClock};
use server::config::{Config, Sources};
use server::state::AppState;
use standin::{Options, Standin, Webhook};
use store::records::Author;

use database::Database;

/// The webhook's signing secret.
pub(crate) const SECRET: &str = "whsec_integration";
/// Stripe's key of test mode.
pub(crate) const STRIPE_KEY: &str = "sk_test_integration";

/// Requests a second that make no test wait.
pub(crate) const NO_LIMITS: &str = "live=10000,test=10000,endpoint=10000";

/// The program. Its worker runs only in [`TestApp::drain`], and time moves only by `clock`.
pub(crate) struct TestApp {
    pub(crate) url: String,
    pub(crate) state: AppState,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) stripe: Standin,
    pub(crate) http: reqwest::Client,
    _database: Database,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    /// Asserts an error in the one shape; answers its sentence.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str, param: Option<&str>) -> &str {
        let error = &self.body["error"];
        assert_eq!((self.status.as_u16(), error["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(error["param"].as_str(), param, "{self:?}");
        assert_eq!(error["request_id"].as_str(), self.headers["x-request-id"].to_str().ok(), "{self:?}");
        assert!(error["type"].as_str().unwrap().ends_with("_error"), "{self:?}");
        error["message"].as_str().unwrap()
    }

    /// Asserts a 200; answers its body.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }
}

impl TestApp {
    /// With a Stripe key for test mode and a signing secret.
    pub(crate) async fn start() -> Self {
        Self::with(&[("STRIPE_SECRET_KEY", STRIPE_KEY), ("STRIPE_WEBHOOK_SECRET", SECRET)]).await
    }

    /// With these settings on top of a database and the stand-in's address.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let database = Database::make().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let webhook = Webhook { url: format!("{url}/webhooks/stripe"), secret: SECRET.to_owned() };
        let stripe = Standin::start(Options { webhook: Some(webhook), ..Options::default() }).await.unwrap();
        let base = stripe.base_url();
        let own = [("PUBLIC_URL", url.as_str()), ("STRIPE_API_BASE", &base), ("STRIPE_RATES", NO_LIMITS)];
        let config = Config::load(&Sources::from_env(
            own.into_iter().chain(database.settings()).chain(settings.iter().copied()),
        ))
        .unwrap();
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let state = server::build(config, Arc::clone(&clock) as Arc<dyn Clock>).await.unwrap();
        state.store.begin_history(state.now()).await.unwrap();
        let front = server::router::front(&state);
        tokio::spawn(async move { axum::serve(listener, front).await.unwrap() });
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        Self { url, state, clock, stripe, http, _database: database }
    }

    /// Somebody who changes things behind the API.
    pub(crate) fn author(&self) -> Author {
        Author::new("test", self.clock.now())
    }

    /// A new API key.
    pub(crate) async fn key(&self, livemode: Livemode, scope: Scope) -> String {
        let (key, record) = api_key::create("test", livemode, scope, "test", self.clock.now()).unwrap();
        self.state.store.add_api_key(&record, &self.author()).await.unwrap();
        key
    }

    /// A request as it is.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = request.timeout(Duration::from_secs(20)).send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Reply { status, headers, body }
    }

    /// A request with a key, and with a body unless it is null.
    pub(crate) async fn call(&self, method: Method, key: &str, path: &str, body: Value) -> Reply {
        let request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(key);
        self.send(if body.is_null() { request } else { request.json(&body) }).await
    }

    pub(crate) async fn get(&self, key: &str, path: &str) -> Reply {
        self.call(Method::GET, key, path, Value::Null).await
    }

    pub(crate) async fn put(&self, key: &str, path: &str, body: Value) -> Reply {
        self.call(Method::PUT, key, path, body).await
    }

    pub(crate) async fn post(&self, key: &str, path: &str, body: Value) -> Reply {
        self.call(Method::POST, key, path, body).await
    }

    pub(crate) async fn delete(&self, key: &str, path: &str) -> Reply {
        self.call(Method::DELETE, key, path, Value::Null).await
    }

    /// Processes everything that is due.
    pub(crate) async fn drain(&self) {
        self.state.worker.run_once().await.unwrap();
    }

    /// Everything that Stripe has to tell so far, delivered and processed.
    pub(crate) async fn settle(&self) {
        for delivery in self.stripe.control().deliver_all().await {
            assert!(delivery.accepted(), "{delivery:?}");
        }
        self.drain().await;
    }

    /// A feature that a price gives, by the API.
    pub(crate) async fn sell(&self, admin: &str, price: &str, feature: &str) {
        self.put(admin, &format!("/v1/features/{feature}"), json!({})).await.ok();
        let body = json!({ "features": [{ "feature": feature }] });
        self.put(admin, &format!("/v1/prices/{price}/features"), body).await.ok();
    }

    /// A customer of Stripe's with an active subscription, named for a user in its metadata or not; told by webhook.
    pub(crate) async fn subscriber(&self, customer: &str, price: &str, user: Option<&str>) {
        let metadata = user.map_or(json!({}), |user| json!({ "user_id": user }));
        let control = self.stripe.control();
        control.create_customer(Some(customer), Some(&format!("{customer}@example.com")), None, metadata);
        control.subscribe(standin::SubscriptionSpec {
            customer: customer.to_owned(),
            prices: vec![(price.to_owned(), 1)],
            ..standin::SubscriptionSpec::default()
        });
        self.settle().await;
    }
}
