//! The plain access check: two parameters, a key that is in memory, an answer from memory.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use domain::role::Scope;
use http::{HeaderValue, header};

use super::ApiState;
use super::query::plain_question;
use crate::auth::api_key::Kind;
use crate::router;

/// Room for an answer with one source.
const USUAL_ANSWER: usize = 512;

impl ApiState {
    /// The answer to `GET /v1/access` with nothing but `user_id` and `feature`; none when anything about the request is out of the
    /// ordinary, and the router has to look at it.
    pub(crate) fn answer_plainly(&self, request: &Request, from: IpAddr) -> Option<Response> {
        let now = self.app.now();
        let key = self.keys().in_memory(bearer(request)?, from, now)?;
        if key.scope < Scope::Check {
            return None;
        }
        let (user, feature) = plain_question(request.uri().query()?)?;
        // Nothing is taken where it is refused, and the router refuses it again, in words.
        let standing = key.take(Kind::Check);
        if !standing.taken.allowed {
            return None;
        }
        let answer = self.answer(&key, user, feature, now);
        let mut body = Vec::with_capacity(USUAL_ANSWER);
        serde_json::to_writer(&mut body, &answer).ok()?;
        let mut response = Response::new(Body::from(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let id = router::request_id();
        tracing::debug!(request_id = id, path = "/v1/access", status = 200, "answered");
        headers.insert(router::REQUEST_ID, HeaderValue::try_from(id).ok()?);
        standing.write(headers);
        Some(response)
    }
}

fn bearer(request: &Request) -> Option<&str> {
    request.headers().get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
