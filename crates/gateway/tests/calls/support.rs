//! A server that answers from a script and remembers what it was asked. It can say what the stand-in never would: headers about
//! retries, nonsense, nothing at all.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use gateway::client::RetryPolicy;
use gateway::{Client, ClientConfig, SecretKey};
use serde_json::{Value, json};

pub(crate) const KEY: &str = "sk_test_51ScriptedKey4242";

/// One answer of the script.
pub(crate) enum Reply {
    /// Status, headers, body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Never answers.
    Hang,
}

impl Reply {
    pub(crate) fn ok(body: &Value) -> Self {
        Self::Answer(200, Vec::new(), body.to_string())
    }

    pub(crate) fn error(status: u16, error: Value) -> Self {
        Self::Answer(status, vec![("request-id", "req_42".to_owned())], json!({ "error": error }).to_string())
    }

    pub(crate) fn with(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::Answer(status, mut headers, body) => {
                headers.push((name, value.to_owned()));
                Self::Answer(status, headers, body)
            }
            other => other,
        }
    }
}

/// A request as it arrived.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    /// Decoded far enough to compare: `%5B` and `%5D` are brackets.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    /// The form fields of the body, decoded and sorted.
    pub(crate) fn form(&self) -> Vec<String> {
        let url = reqwest::Url::parse(&format!("http://form.example/?{}", self.body)).unwrap();
        let mut fields: Vec<_> = url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
        fields.sort();
        fields
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

#[derive(Default)]
struct Inner {
    replies: HashMap<String, VecDeque<Reply>>,
    asked: Vec<Asked>,
}

pub(crate) struct Script {
    inner: Arc<Mutex<Inner>>,
    pub(crate) base_url: String,
}

impl Script {
    pub(crate) async fn start() -> Self {
        let inner = Arc::new(Mutex::new(Inner::default()));
        let app = axum::Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { inner, base_url }
    }

    /// The next answer to requests of this path, without its `/v1`.
    pub(crate) fn on(&self, path: &str, reply: Reply) -> &Self {
        self.inner.lock().unwrap().replies.entry(format!("/v1{path}")).or_default().push_back(reply);
        self
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inner.lock().unwrap().asked.clone()
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let key = SecretKey::parse(KEY).unwrap();
        ClientConfig { base_url: self.base_url.clone(), retry: RetryPolicy::immediate(), ..ClientConfig::new(key) }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.config()).unwrap()
    }
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let reply = {
        let mut inner = inner.lock().unwrap();
        inner.asked.push(Asked {
            path: uri.path().to_owned(),
            query: brackets(uri.query().unwrap_or_default()),
            headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        });
        inner.replies.get_mut(uri.path()).and_then(VecDeque::pop_front)
    };
    match reply {
        Some(Reply::Answer(status, headers, body)) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
        Some(Reply::Hang) => std::future::pending().await,
        // Every read of a customer asks for them; most accounts have none.
        None if uri.path() == "/v1/entitlements/active_entitlements" => {
            Response::new(Body::from(r#"{"object":"list","data":[],"has_more":false}"#))
        }
        None => {
            let error = json!({ "error": { "message": format!("not in the script: {}", uri.path()) } });
            Response::builder().status(418).body(Body::from(error.to_string())).unwrap()
        }
    }
}

fn brackets(text: &str) -> String {
    text.replace("%5B", "[").replace("%5D", "]")
}
