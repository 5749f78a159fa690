//! What a posted form holds, after the check that it came from one of our own pages.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};

use crate::auth::staff::Csrf;
use crate::state::AppState;

/// Forms are small; a payload is never posted here.
const MOST_BYTES: usize = 64 * 1024;

/// The fields of a form, in the order of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// The first value of a field without white space around it; empty when there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// A field that was filled in.
    #[must_use]
    pub fn opt(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// A field exactly as typed, for passwords.
    #[must_use]
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    /// Every value of a field, such as of checkboxes.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.trim())
    }

    /// What may be shown again: everything but passwords and what [`csrf`](app::components::csrf) adds.
    #[must_use]
    pub fn shown(&self) -> Vec<(String, String)> {
        self.0
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "csrf" | "livemode") && !key.contains("password"))
            .cloned()
            .collect()
    }
}

impl FromRequest<AppState> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let refuse = |status: StatusCode, message: &'static str| (status, message).into_response();
        let expected = request.extensions().get::<Csrf>().cloned();
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Expected application/x-www-form-urlencoded.\n"));
        }
        let body = Bytes::from_request(request, state).await.map_err(axum::response::IntoResponse::into_response)?;
        if body.len() > MOST_BYTES {
            return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, "This form is larger than 64 KiB.\n"));
        }
        let fields = Self(url::form_urlencoded::parse(&body).into_owned().collect());
        if !expected.is_some_and(|csrf| csrf.is_in(fields.raw("csrf"))) {
            let message = "This form is out of date or did not come from this site. Go back, reload the page and send it again.\n";
            return Err(refuse(StatusCode::FORBIDDEN, message));
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_tokens_are_not_shown_again() {
        let fields = Fields(vec![
            ("csrf".into(), "t".into()),
            ("email".into(), " a@b.c ".into()),
            ("password".into(), " p ".into()),
            ("feature".into(), "pro".into()),
            ("feature".into(), "seats".into()),
        ]);
        assert_eq!(fields.shown().len(), 3);
        assert_eq!(fields.get("email"), "a@b.c");
        assert_eq!(fields.raw("password"), " p ");
        assert_eq!(fields.all("feature").collect::<Vec<_>>(), ["pro", "seats"]);
        assert_eq!(fields.opt("nothing"), None);
    }
}
