//! A client with a key, and a receiver that keeps what it gets.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use standin::{Options, Standin, Webhook};
use tokio::sync::watch;

/// The secret of [`Receiver`].
pub(crate) const SECRET: &str = "whsec_receiver";
/// The time at which the tests' clocks stand: 2026-01-15 12:00:00 UTC.
pub(crate) const NOW: i64 = 1_768_478_400;

/// A stand-in and a client for it.
pub(crate) struct Api {
    pub(crate) standin: Standin,
    client: reqwest::Client,
}

/// Status, `name: value` headers and body of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Api {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let standin = Standin::start(Options { now: Some(NOW), ..options }).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { standin, client }
    }

    pub(crate) async fn send(&self, method: &str, path: &str, form: &str, headers: &[(&str, &str)]) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{}/v1/{path}", self.standin.base_url()));
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.bearer_auth("sk_test_1234567890");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !form.is_empty() {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", &[]).await
    }

    pub(crate) async fn post(&self, path: &str, form: &str) -> Answer {
        self.send("POST", path, form, &[]).await
    }

    /// Posts, and expects success.
    pub(crate) async fn make(&self, path: &str, form: &str) -> Value {
        let answer = self.post(path, form).await;
        assert_eq!(answer.status, 200, "{path} {form}: {}", answer.body);
        answer.body
    }

    /// The types of all events so far.
    pub(crate) fn types(&self) -> Vec<String> {
        self.standin.control().events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    /// A customer with a card, a monthly price of 15.00 and a subscription to it.
    pub(crate) async fn subscribed(&self, card: &str) -> Value {
        let customer = self.make("customers", &format!("invoice_settings[default_payment_method]={card}")).await;
        let product = self.make("products", "name=Pro").await;
        let price = format!(
            "product={}&unit_amount=1500&currency=usd&recurring[interval]=month",
            product["id"].as_str().unwrap()
        );
        let price = self.make("prices", &price).await;
        let form =
            format!("customer={}&items[0][price]={}", customer["id"].as_str().unwrap(), price["id"].as_str().unwrap());
        self.make("subscriptions", &form).await
    }
}

/// What came, and the statuses to answer with.
type Received = Arc<Mutex<(Vec<(String, Vec<u8>)>, VecDeque<u16>)>>;

/// A receiver of webhooks on a port of its own.
pub(crate) struct Receiver {
    pub(crate) url: String,
    state: Received,
    count: watch::Sender<usize>,
}

impl Receiver {
    /// Answers with these statuses in order, then 200.
    pub(crate) async fn new(statuses: &[u16]) -> Self {
        let state: Received = Arc::new(Mutex::new((Vec::new(), statuses.iter().copied().collect())));
        let (count, _) = watch::channel(0);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().fallback(receive).with_state((Arc::clone(&state), count.clone()));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state, count }
    }

    pub(crate) fn webhook(&self) -> Option<Webhook> {
        Some(Webhook { url: self.url.clone(), secret: SECRET.to_owned() })
    }

    /// Signature header and body of each delivery so far.
    pub(crate) fn received(&self) -> Vec<(String, Vec<u8>)> {
        self.state.lock().unwrap().0.clone()
    }

    /// Waits until `count` deliveries came, but not for ever.
    pub(crate) async fn wait_for(&self, count: usize) {
        let mut got = self.count.subscribe();
        let came = got.wait_for(|got| *got >= count);
        tokio::time::timeout(std::time::Duration::from_secs(20), came).await.unwrap().unwrap();
    }

    /// The ids of the events received so far.
    pub(crate) fn ids(&self) -> Vec<String> {
        let id = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap()["id"].as_str().unwrap().to_owned();
        self.received().iter().map(|(_, body)| id(body)).collect()
    }
}

async fn receive(
    State((state, count)): State<(Received, watch::Sender<usize>)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut state = state.lock().unwrap();
    let signature = headers["stripe-signature"].to_str().unwrap().to_owned();
    state.0.push((signature, body.to_vec()));
    count.send_replace(state.0.len());
    StatusCode::from_u16(state.1.pop_front().unwrap_or(200)).unwrap()
}
