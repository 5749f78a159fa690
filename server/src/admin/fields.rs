//! What a posted form holds, after the check that it came from one of our own pages.

use app::pages::problem;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use http::{StatusCode, header};

use super::kept::Kept;
use crate::auth::staff::Csrf;
use crate::state::AppState;
use crate::ui;

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

    /// What may be shown again: everything but passwords, codes and what [`csrf`](app::components::csrf) adds.
    #[must_use]
    pub fn shown(&self) -> Vec<(String, String)> {
        self.0
            .iter()
            .filter(|(key, _)| {
                !matches!(key.as_str(), "csrf" | "livemode" | "seen")
                    && !key.contains("password")
                    && !key.ends_with("code")
            })
            .cloned()
            .collect()
    }
}

impl FromRequest<AppState> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let viewer = ui::Viewer::of(&parts);
        let expected = parts.extensions.get::<Csrf>().cloned();
        let refuse = async |status: StatusCode, sentence: &str, advice: &str| {
            let view = problem::View {
                heading: "Form refused".into(),
                sentence: sentence.into(),
                advice: advice.into(),
                ways: vec![viewer.way_back("Open the page again")],
                ..problem::View::default()
            };
            ui::problem(state, &viewer, status, view).await
        };
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            let sentence = "A form of this site is sent as application/x-www-form-urlencoded.";
            return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence, "Nothing was changed.").await);
        }
        let Ok(body) = Bytes::from_request(Request::from_parts(parts, body), state).await else {
            let sentence = "The form did not arrive whole.";
            return Err(refuse(StatusCode::BAD_REQUEST, sentence, "Nothing was changed. Send it again.").await);
        };
        if body.len() > MOST_BYTES {
            let sentence = "This form is larger than 64 KiB.";
            return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, sentence, "Nothing was changed. Shorten it.").await);
        }
        let fields = Self(url::form_urlencoded::parse(&body).into_owned().collect());
        if !expected.is_some_and(|csrf| csrf.is_in(fields.raw("csrf"))) {
            let is_kept = Kept::hold(&viewer, &fields).await;
            let sentence = "This form is out of date: it was opened before you signed in here, or did not come from this site. Nothing was changed.";
            let advice = if is_kept {
                "Open the page again and look at the form: what you typed is still in it."
            } else {
                "Open the page again, and send its form from there."
            };
            return Err(refuse(StatusCode::FORBIDDEN, sentence, advice).await);
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
