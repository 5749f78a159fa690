//! Errors in Stripe's shape (docs.stripe.com/api/errors).

use serde_json::{Value, json};

/// An answer other than 200.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    message: String,
    param: Option<String>,
    extra: Vec<(&'static str, Value)>,
}

impl Problem {
    /// 400 `invalid_request_error` with this text.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "invalid_request_error",
            code: None,
            message: message.into(),
            param: None,
            extra: Vec::new(),
        }
    }

    /// 404 `resource_missing`; `what` is Stripe's word for the resource, for example `customer`.
    pub(crate) fn missing(what: &str, id: &str, param: &str) -> Self {
        Self { status: 404, ..Self::invalid(format!("No such {what}: '{id}'")) }.code("resource_missing").param(param)
    }

    /// 400 `resource_missing` for an id inside a parameter of another request.
    pub(crate) fn missing_in_param(what: &str, id: &str, param: &str) -> Self {
        Self::invalid(format!("No such {what}: '{id}'")).code("resource_missing").param(param)
    }

    /// 400 `parameter_missing`.
    pub(crate) fn required(param: &str) -> Self {
        Self::invalid(format!("Missing required param: {param}.")).code("parameter_missing").param(param)
    }

    /// 400 for a parameter that is not an integer.
    pub(crate) fn not_an_integer(param: &str, value: &str) -> Self {
        Self::invalid(format!("Invalid integer: {value}")).code("parameter_invalid_integer").param(param)
    }

    /// 404 for an address that does not exist.
    pub(crate) fn unknown_address(method: &str, path: &str) -> Self {
        let text = format!(
            "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/."
        );
        Self { status: 404, ..Self::invalid(text) }
    }

    /// 401.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self { status: 401, ..Self::invalid(message) }
    }

    /// 403 for a restricted key: the key, cut short, and the permission that it lacks.
    pub(crate) fn forbidden(key: &str, account: &str, permission: &str) -> Self {
        let text = format!(
            "The provided key '{key}' does not have the required permissions for this endpoint on account '{account}'. Having the \
             '{permission}' permission would allow this request to continue."
        );
        Self { status: 403, ..Self::invalid(text) }
    }

    /// 400 `idempotency_error`.
    pub(crate) fn idempotency(key: &str) -> Self {
        Self {
            kind: "idempotency_error",
            ..Self::invalid(format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                 Try using a key other than '{key}' if you meant to execute a different request."
            ))
        }
    }

    /// 402 `card_error`, `card_declined`.
    pub(crate) fn declined(payment_intent: Value) -> Self {
        Self {
            status: 402,
            kind: "card_error",
            code: Some("card_declined"),
            message: "Your card was declined.".to_owned(),
            param: None,
            extra: vec![("decline_code", json!("generic_decline")), ("payment_intent", payment_intent)],
        }
    }

    /// What a fault answers with this status.
    pub(crate) fn injected(status: u16) -> Self {
        let (kind, code, message) = match status {
            429 => ("invalid_request_error", Some("rate_limit"), "Request rate limit exceeded."),
            401 => ("invalid_request_error", None, "Invalid API Key provided: sk_test_*********************0000"),
            403 => ("invalid_request_error", None, "The provided key does not have the required permissions."),
            404 => {
                ("invalid_request_error", Some("resource_missing"), "No such object: the stand-in was told to deny it.")
            }
            409 => (
                "idempotency_error",
                Some("idempotency_key_in_use"),
                "There is currently another in-progress request using this Idempotent Key.",
            ),
            400..=499 => ("invalid_request_error", None, "The stand-in was told to refuse this request."),
            _ => ("api_error", None, "Sorry, there was an error on our end. The stand-in was told to fail."),
        };
        Self { status, kind, code, message: message.to_owned(), param: None, extra: Vec::new() }
    }

    /// Adds to the message.
    pub(crate) fn and(mut self, more: &str) -> Self {
        self.message.push_str(more);
        self
    }

    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub(crate) fn param(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    /// The body.
    pub(crate) fn body(&self) -> Value {
        let mut error = json!({ "type": self.kind, "message": self.message });
        if let Some(code) = self.code {
            error["code"] = json!(code);
            error["doc_url"] = json!(format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")));
        }
        if let Some(param) = &self.param {
            error["param"] = json!(param);
        }
        for (name, value) in &self.extra {
            error[*name] = value.clone();
        }
        json!({ "error": error })
    }
}
