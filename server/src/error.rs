//! The HTTP face of every failure: `{"error":{"type","code","message","param","request_id"}}`.
//!
//! An [`ApiError`] becomes a response without a body; the outermost layer ([`crate::router`]) knows the request's id, writes the body
//! and logs what was our fault, once.

use std::borrow::Cow;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use domain::Livemode;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// Kinds of error, as Stripe names its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorType {
    /// The request is at fault.
    InvalidRequestError,
    /// No key, or not a valid one.
    AuthenticationError,
    /// The key may not do this.
    PermissionError,
    /// Too many requests.
    RateLimitError,
    /// We, the database or Stripe are at fault; trying again may help.
    ApiError,
}

/// A failure that is answered.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: StatusCode,
    kind: ErrorType,
    code: &'static str,
    message: Cow<'static, str>,
    param: Option<Cow<'static, str>>,
    stripe_code: Option<String>,
    source: Option<Arc<anyhow::Error>>,
}

/// What is sent.
#[derive(Serialize, ToSchema)]
pub struct ErrorOut<'a> {
    error: ErrorBody<'a>,
}

#[derive(Serialize, ToSchema)]
struct ErrorBody<'a> {
    /// The kind of error.
    #[serde(rename = "type")]
    kind: ErrorType,
    /// A word for programs, such as `parameter_missing`.
    #[schema(example = "parameter_missing")]
    code: &'a str,
    /// A sentence for people.
    message: &'a str,
    /// The parameter at fault, where one is.
    param: Option<&'a str>,
    /// Stripe's own code, when it was Stripe that refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "resource_missing")]
    stripe_code: Option<&'a str>,
    /// The request's id, which the log has too.
    request_id: &'a str,
}

impl ApiError {
    /// An error whose status decides its type.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let kind = match status {
            StatusCode::UNAUTHORIZED => ErrorType::AuthenticationError,
            StatusCode::FORBIDDEN => ErrorType::PermissionError,
            StatusCode::TOO_MANY_REQUESTS => ErrorType::RateLimitError,
            status if status.is_server_error() => ErrorType::ApiError,
            _ => ErrorType::InvalidRequestError,
        };
        Self { status, kind, code, message: message.into(), param: None, stripe_code: None, source: None }
    }

    /// 400: a parameter's value cannot be used.
    #[must_use]
    pub fn invalid(param: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "parameter_invalid", message).with_param(param)
    }

    /// 400: a parameter's value cannot be used, for the fault that [`crate::terms`] found.
    pub(crate) fn fault(param: impl Into<Cow<'static, str>>, fault: &str) -> Self {
        let param = param.into();
        let message = format!("Invalid {param}: {fault}.");
        Self::invalid(param, message)
    }

    /// 400: a parameter is missing.
    #[must_use]
    pub fn missing(param: impl Into<Cow<'static, str>>) -> Self {
        let param = param.into();
        Self::new(StatusCode::BAD_REQUEST, "parameter_missing", format!("Missing required parameter: {param}."))
            .with_param(param)
    }

    /// 404: there is no such thing.
    #[must_use]
    pub fn not_found(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "resource_missing", format!("No such {what}: {id:?}."))
    }

    /// 422: the feature is not in the catalog.
    #[must_use]
    pub fn unknown_feature(param: impl Into<Cow<'static, str>>, key: &str) -> Self {
        let message = format!("No feature {key:?} in the catalog. Create it first: PUT /v1/features/{key}.");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_feature", message).with_param(param)
    }

    /// 409: no key for Stripe in this mode.
    #[must_use]
    pub fn no_stripe_key(livemode: Livemode) -> Self {
        let message = format!("This server has no Stripe API key for {livemode} mode: set STRIPE_SECRET_KEY.");
        Self::new(StatusCode::CONFLICT, "stripe_key_missing", message)
    }

    /// 500, with a cause for the log alone.
    #[must_use]
    pub fn internal(source: impl Into<anyhow::Error>) -> Self {
        let mut error =
            Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "An internal error occurred; the log has it.");
        error.source = Some(Arc::new(source.into()));
        error
    }

    /// 500: a handler panicked; the caller has logged it.
    #[must_use]
    pub(crate) fn panicked() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "An internal error occurred; the log has it.")
    }

    /// Names the parameter at fault.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<Cow<'static, str>>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The status it is answered with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    fn with_source(mut self, source: impl Into<anyhow::Error>) -> Self {
        self.source = Some(Arc::new(source.into()));
        self
    }

    /// Logs what was our fault, and writes the body.
    pub(crate) fn render(&self, request_id: &str, response: Response) -> Response {
        if let Some(source) = &self.source {
            tracing::error!(request_id, code = self.code, "{source:#}");
        }
        let error = ErrorBody {
            kind: self.kind,
            code: self.code,
            message: &self.message,
            param: self.param.as_deref(),
            stripe_code: self.stripe_code.as_deref(),
            request_id,
        };
        let (mut parts, _) = response.into_parts();
        parts.headers.remove(header::CONTENT_LENGTH);
        (parts, axum::Json(ErrorOut { error })).into_response()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE || self.status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Conflict(_) => {
                Self::new(StatusCode::CONFLICT, "conflict", "This contradicts what is stored.").with_source(error)
            }
            store::Error::Removed { .. } => {
                let message = error.to_string();
                let message = format!("{}{}.", message[..1].to_uppercase(), &message[1..]);
                Self::new(StatusCode::CONFLICT, "payload_removed", message)
            }
            store::Error::Unavailable(_) => {
                let message = "The database cannot be reached now; try again.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "database_unavailable", message).with_source(error)
            }
            store::Error::Unfit(_) => {
                let message = "A text holds what the database cannot keep, such as the character NUL.";
                Self::new(StatusCode::BAD_REQUEST, "text_unfit", message).with_source(error)
            }
            store::Error::Inconsistent { .. }
            | store::Error::Schema(_)
            | store::Error::Refused(_)
            | store::Error::InUse => Self::internal(error),
        }
    }
}

impl From<gateway::Error> for ApiError {
    fn from(error: gateway::Error) -> Self {
        use gateway::Error as E;
        let message = format!("{error}.");
        match &error {
            E::RateLimited { .. } | E::AllowanceUsed { .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "stripe_rate_limited", message)
            }
            E::Unavailable { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "stripe_unavailable", message).with_source(error)
            }
            E::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "resource_missing", message),
            E::Unauthorized { .. } | E::Forbidden { .. } => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "stripe_key_refused", message).with_source(error)
            }
            E::Refused { param, code, message, .. } => {
                let message = format!("Stripe refused it: {message}");
                let mut refused = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "stripe_refused", message);
                refused.stripe_code.clone_from(code);
                match param.clone() {
                    Some(param) => refused.with_param(param),
                    None => refused,
                }
            }
            E::NotSent { .. } => Self::new(StatusCode::BAD_REQUEST, "parameter_invalid", message),
            E::Unreadable { .. } => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "stripe_unreadable", message).with_source(error)
            }
        }
    }
}
