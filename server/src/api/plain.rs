//! The plain access check: two parameters, a key that is in memory, an answer from memory.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use domain::role::Scope;
use http::{HeaderValue, header};
use url::form_urlencoded;

use super::ApiState;
use super::extract::{feature_key, user_id};
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
        let (user, feature) = question(request.uri().query()?)?;
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

/// User and feature, when the query is nothing else.
fn question(query: &str) -> Option<(String, String)> {
    let (mut user, mut feature) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let slot = match &*name {
            "user_id" => &mut user,
            "feature" => &mut feature,
            _ => return None,
        };
        // Bytes that are no UTF-8 come as this character.
        if value.contains('\u{fffd}') || slot.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    let (user, feature) = (user?, feature?);
    user_id(&user, "user_id").ok()?;
    feature_key(&feature, "feature").ok()?;
    Some((user, feature))
}

#[cfg(test)]
mod tests {
    use super::question;

    #[test]
    fn only_the_plain_question_is_read() {
        let is = |user: &str, feature: &str| Some((user.to_owned(), feature.to_owned()));
        assert_eq!(question("user_id=user_42&feature=pro"), is("user_42", "pro"));
        assert_eq!(question("feature=pro&user_id=a%20b%2Bc+d"), is("a b+c d", "pro"));
        for other in [
            "",
            "user_id=u",
            "feature=pro",
            "user_id=&feature=pro",
            "user_id=u&feature=",
            "user_id=u&feature=a%20b",
            "user_id=u&user_id=v&feature=pro",
            "user_id=u&feature=pro&explain=true",
            "user_id=u&feature=pro&at=2026-11-03T14:05:00Z",
            "user_id=%ff&feature=pro",
            "user_id=a%00b&feature=pro",
        ] {
            assert_eq!(question(other), None, "{other}");
        }
    }
}
