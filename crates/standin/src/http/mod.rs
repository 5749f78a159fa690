//! Stripe's HTTP: one handler that checks the key, faults and idempotency, asks the routes, and dresses the answer.

mod auth;
mod broken;
mod delete;
mod expand;
mod get;
mod list;
pub(crate) mod pages;
mod post;

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::error::Problem;
use crate::faults::Breakage;
use crate::params::Params;
use crate::server::Shared;
use crate::version::Version;
use crate::world::{Cause, Kept, Reply, World};

pub(crate) use broken::Connection;

/// The form of the `Date` header (RFC 9110, 5.6.7).
const DATE: &[BorrowedFormatItem<'static>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// Which limit a 429 is about.
const RATE_LIMITED: &str = "stripe-rate-limited-reason";

/// One request, taken apart.
struct Request {
    method: Method,
    path: String,
    path_and_query: String,
    params: Result<Params, Problem>,
    raw: Vec<u8>,
    key: Option<String>,
    version: Option<Version>,
}

/// An answer before it is delayed.
struct Answer {
    status: u16,
    body: Value,
    headers: Vec<(&'static str, String)>,
}

/// Answers every request. The answer is made at once and only then held back: it is the state at arrival.
pub(crate) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let request = Request::read(method, &uri, &headers, &body);
    let (answer, delay, holds, breakage) = {
        let mut world = shared.world();
        world.requests.push((request.method.to_string(), request.path_and_query.clone()));
        let mut answer = answer(&mut world, &request, &headers);
        if answer.status == 200 && world.faults.lose_answers > 0 {
            world.faults.lose_answers -= 1;
            answer.fail(&Problem::injected(500));
        }
        let holds: Vec<_> = world
            .holds
            .iter()
            .filter(|(part, _)| request.path_and_query.contains(part.as_str()))
            .map(|(_, hold)| hold.clone())
            .collect();
        (answer, world.faults.delay, holds, world.faults.breakage(&request.path_and_query))
    };
    shared.wake();
    for hold in holds {
        hold.send_modify(|(waiting, _)| *waiting += 1);
        // The hold may be gone by now, which releases too.
        let _ = hold.subscribe().wait_for(|(_, released)| *released).await;
    }
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let response = answer.into_response();
    match breakage {
        None => response,
        Some(Breakage::Garbage) => response.map(|_| Body::from("<html><body>502 Bad Gateway</body></html>")),
        Some(Breakage::Cut) => broken::cut(response).await,
        Some(Breakage::Closed) => {
            connection.close();
            std::future::pending().await
        }
        Some(Breakage::Silence) => std::future::pending().await,
    }
}

fn answer(world: &mut World, request: &Request, headers: &HeaderMap) -> Answer {
    let id = format!("req_{}", world.random.letters(14));
    let chance = world.random.chance();
    let mut answer = Answer { status: 200, body: Value::Null, headers: vec![("request-id", id.clone())] };
    answer.headers.push(("date", date(world.now())));
    let version = request.version.clone().unwrap_or_else(|| world.version.clone());
    answer.headers.push(("stripe-version", version.as_str().to_owned()));
    if !world.rates.admit(request.method.as_str(), &request.path, Instant::now()) {
        answer.fail(&Problem::injected(429));
        answer.headers.retain(|(name, _)| *name != RATE_LIMITED);
        answer.headers.push((RATE_LIMITED, "endpoint-rate".to_owned()));
        return answer;
    }
    if let Some(status) = world.faults.for_request(&request.path_and_query, chance) {
        answer.fail(&Problem::injected(status));
        return answer;
    }
    let allowed = auth::check(headers, world.livemode)
        .and_then(|()| auth::permit(headers, world, request.method.as_str(), &request.path));
    if let Err(problem) = allowed {
        answer.fail(&problem);
        return answer;
    }
    let key = request.key.as_deref().filter(|_| request.method == Method::POST);
    if let Some(key) = key {
        answer.headers.push(("idempotency-key", key.to_owned()));
        if let Some(kept) = world.kept.get(key) {
            if kept.request != (request.path_and_query.clone(), request.raw.clone()) {
                answer.fail(&Problem::idempotency(key));
            } else {
                answer.headers.push(("idempotent-replayed", "true".to_owned()));
                (answer.status, answer.body) = (kept.status, kept.body.clone());
            }
            return answer;
        }
    }
    world.cause = Cause { request: Some(id), idempotency_key: request.key.clone() };
    let outcome = request.run(world, &version);
    world.cause = Cause::default();
    match outcome {
        Ok(body) => answer.body = body,
        Err(problem) => answer.fail(&problem),
    }
    // What was refused before anything was done may be tried again with the same key (docs.stripe.com/api/idempotent_requests).
    if let Some(key) = key
        && matches!(answer.status, 200 | 402)
    {
        let request = (request.path_and_query.clone(), request.raw.clone());
        world.kept.insert(key.to_owned(), Kept { request, status: answer.status, body: answer.body.clone() });
    }
    answer
}

impl Request {
    fn read(method: Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        // Stripe takes parameters of GET and DELETE from the query and those of POST from the body.
        let raw = if body.is_empty() { uri.query().unwrap_or_default().as_bytes().to_vec() } else { body.to_vec() };
        Self {
            params: Params::parse(&raw),
            method,
            path: uri.path().trim_end_matches('/').to_owned(),
            path_and_query: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
            raw,
            key: header("idempotency-key"),
            version: header("stripe-version").map(|version| Version::new(&version)),
        }
    }

    fn run(&self, world: &mut World, version: &Version) -> Reply {
        let params = match &self.params {
            Ok(params) => params,
            Err(problem) => return Err(Problem::invalid(format!("{}", problem.body()["error"]["message"]))),
        };
        let path = self.path.strip_prefix("/v1/").unwrap_or_default();
        let body = dispatch(world, self.method.as_str(), path, params)?;
        Ok(expand::render(world, version, body, &params.texts("expand")))
    }
}

/// Asks the routes; `path` comes without `/v1/`.
pub(crate) fn dispatch(world: &mut World, method: &str, path: &str, params: &Params) -> Reply {
    let parts: Vec<&str> = path.split('/').collect();
    let found = match method {
        "GET" => get::route(world, &parts, params),
        "POST" => post::route(world, &parts, params),
        "DELETE" => delete::route(world, &parts, params),
        _ => None,
    };
    found.ok_or_else(|| Problem::unknown_address(method, &format!("/v1/{path}")))?
}

impl Answer {
    fn fail(&mut self, problem: &Problem) {
        self.status = problem.status;
        self.body = problem.body();
        match problem.status {
            429 => self.headers.push((RATE_LIMITED, "global-rate".to_owned())),
            409 | 500.. => self.headers.push(("stripe-should-retry", "true".to_owned())),
            _ => {}
        }
    }

    fn into_response(self) -> Response<Body> {
        let text = serde_json::to_string_pretty(&self.body).unwrap_or_else(|_| json!({}).to_string());
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

fn date(now: i64) -> String {
    OffsetDateTime::from_unix_timestamp(now).ok().and_then(|at| at.format(DATE).ok()).unwrap_or_default()
}
