//! Bodies, queries and paths, refused in the one error shape with the parameter at fault.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use domain::Timestamp;
use http::request::Parts;
use http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::query::{self, Refusal};
use crate::error::ApiError;

/// Longest reason, in characters.
pub const MAX_REASON: usize = 500;

/// A JSON body.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(&request) {
            let message = "The body must be JSON: send the header Content-Type: application/json.";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "body_not_json", message));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(refuse_body)?;
        // A struct could be read from an array as well, by the order of its fields: nobody should come to rely on that.
        if bytes.trim_ascii_start().starts_with(b"[") {
            let message = "The body must be a JSON object, not an array.";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "body_not_object", message));
        }
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| refuse_json(&error))?;
        json.end().map_err(|error| not_json(&error))?;
        Ok(Self(value))
    }
}

/// `application/json`, or no word about it.
fn is_json(request: &Request) -> bool {
    let Some(value) = request.headers().get(header::CONTENT_TYPE) else { return true };
    let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}

fn refuse_body(error: BytesRejection) -> ApiError {
    let status = axum::response::IntoResponse::into_response(error).status();
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::new(status, "body_too_large", "The body is larger than this route takes.");
    }
    ApiError::new(StatusCode::BAD_REQUEST, "body_incomplete", "The body could not be read to its end.")
}

fn not_json(error: &serde_json::Error) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "body_not_json", format!("The body is not valid JSON: {error}."))
}

fn refuse_json(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    if !error.inner().is_data() {
        return not_json(error.inner());
    }
    let path = error.path().to_string();
    let path = if path == "." { String::new() } else { path };
    query::refuse_value(&path, &error.inner().to_string()).into()
}

impl From<Refusal> for ApiError {
    fn from(Refusal { code, message, param }: Refusal) -> Self {
        let error = Self::new(StatusCode::BAD_REQUEST, code, message);
        match param {
            Some(param) => error.with_param(param),
            None => error,
        }
    }
}

/// The query of the URL.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(query::read(parts.uri.query().unwrap_or_default())?))
    }
}

/// What stands in the path.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value)).map_err(|error: PathRejection| {
            ApiError::new(
                StatusCode::BAD_REQUEST,
                "parameter_invalid",
                format!("The URL's path cannot be used: {}.", error.body_text()),
            )
        })
    }
}

/// An id of a user of the host application: any text of 1 to 200 characters without control characters.
///
/// # Errors
/// 400 that names `param`.
pub fn user_id(text: &str, param: &str) -> Result<(), ApiError> {
    let fault = query::user_id_fault(text);
    fault.map_or(Ok(()), |fault| Err(ApiError::invalid(param.to_owned(), format!("Invalid {param}: it {fault}."))))
}

/// The key of a feature.
///
/// # Errors
/// 400 that names `param`.
pub fn feature_key(text: &str, param: &str) -> Result<(), ApiError> {
    if domain::catalog::is_feature_key(text) {
        return Ok(());
    }
    let message = format!("Invalid {param}: a feature's key is 1 to 80 letters, digits or any of _ - . :");
    Err(ApiError::invalid(param.to_owned(), message))
}

/// An id of Stripe's or ours with its prefix.
///
/// # Errors
/// 400 that names `param`.
pub fn prefixed(text: &str, prefix: &str, param: &str) -> Result<(), ApiError> {
    if query::is_prefixed(text, prefix) {
        return Ok(());
    }
    let message = format!("Invalid {param}: expected an id of the form {prefix}… with letters, digits and _ alone.");
    Err(ApiError::invalid(param.to_owned(), message))
}

/// An id of Stripe's whose form the account's owner may have chosen: prices and products can have any id
/// (docs.stripe.com/api/products/create, `id`).
///
/// # Errors
/// 400 that names `param`.
pub fn catalog_id(text: &str, prefix: &str, param: &str) -> Result<(), ApiError> {
    if prefix == "price_" && !text.starts_with("price_") && !text.starts_with("plan_") {
        return Err(ApiError::invalid(
            param.to_owned(),
            format!("Invalid {param}: expected an id of the form price_…."),
        ));
    }
    if (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(ApiError::invalid(param.to_owned(), format!("Invalid {param}: expected an id of the form {prefix}….")))
}

/// A reason a person gives.
///
/// # Errors
/// 400 that names `reason`.
pub fn reason(text: &str) -> Result<&str, ApiError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ApiError::invalid(
            "reason",
            "Invalid reason: it must not be blank; whoever reads the log will want to know why.",
        ));
    }
    if text.chars().count() > MAX_REASON {
        return Err(ApiError::invalid("reason", "Invalid reason: it must have at most 500 characters."));
    }
    Ok(text)
}

/// A time that must lie ahead.
///
/// # Errors
/// 400 that names `param`.
pub fn in_future(at: Timestamp, now: Timestamp, param: &str) -> Result<(), ApiError> {
    if at > now {
        return Ok(());
    }
    Err(ApiError::invalid(param.to_owned(), format!("Invalid {param}: {at} is not in the future.")))
}

/// An optional text of at most `most` characters without control characters; blank becomes none.
///
/// # Errors
/// 400 that names `param`.
pub fn short_text(text: Option<String>, most: usize, param: &str) -> Result<Option<String>, ApiError> {
    let Some(text) = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > most || text.chars().any(char::is_control) {
        let message = format!("Invalid {param}: it must have at most {most} characters and no control characters.");
        return Err(ApiError::invalid(param.to_owned(), message));
    }
    Ok(Some(text))
}

/// The length of a list.
///
/// # Errors
/// 400 that names `limit`.
pub fn limit(limit: Option<i64>) -> Result<i64, ApiError> {
    Ok(query::limit(limit)?)
}
