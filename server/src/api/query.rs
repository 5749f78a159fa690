//! What a URL asks, read from its text. Nothing of HTTP and of the database is in here: `fuzz/` takes this file as it stands.

use domain::Timestamp;
use domain::catalog::is_feature_key;
use domain::event::EventStatus;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;
use utoipa::IntoParams;

/// Longest id of a user: Stripe's limit of `client_reference_id`.
pub(super) const MAX_USER_ID: usize = 200;
/// Longest list a request may ask for.
const MAX_LIMIT: i64 = 100;
/// Length of a list nobody asked to be longer or shorter.
const DEFAULT_LIMIT: i64 = 20;

/// Why a value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// A word for programs.
    pub(super) code: &'static str,
    /// A sentence for people.
    pub(super) message: String,
    /// The parameter at fault, where one is.
    pub(super) param: Option<String>,
}

/// The question.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AccessQuery {
    /// The application's own id of the user.
    #[param(example = "user_42", min_length = 1, max_length = 200)]
    pub(super) user_id: String,
    /// The feature's key.
    #[param(example = "pro", min_length = 1, max_length = 80)]
    pub(super) feature: String,
    /// Adds `diagnosis`.
    #[serde(default)]
    pub(super) explain: bool,
    /// The answer at this moment, as far as it is known today and by the policy of then; also of the future, if nothing happens until
    /// then.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-03T14:05:00Z")]
    pub(super) at: Option<Timestamp>,
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// One status or several, comma separated.
    #[param(example = "failed,dead")]
    pub(super) status: Option<String>,
    /// Stripe's type, or its beginning with `*` behind it.
    #[serde(rename = "type")]
    #[param(example = "customer.subscription.*")]
    pub(super) kind: Option<String>,
    /// Of this customer.
    pub(super) customer_id: Option<String>,
    /// From 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub(super) limit: Option<i64>,
    /// The id of the last row of the page before.
    pub(super) starting_after: Option<String>,
}

/// Reads a query string.
///
/// # Errors
/// Names the parameter that is missing, unknown, given twice or of another type.
pub(super) fn read<T: DeserializeOwned>(query: &str) -> Result<T, Refusal> {
    let form = serde_html_form::Deserializer::from_bytes(query.as_bytes());
    serde_path_to_error::deserialize(form).map_err(|error| {
        let path = error.path().to_string();
        refuse_value(if path == "." { "" } else { &path }, &error.inner().to_string())
    })
}

/// User and feature of an access check, when the query is nothing else; whatever is out of the ordinary is for [`read`] to tell.
pub(super) fn plain_question(query: &str) -> Option<(String, String)> {
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
    (user_id_fault(&user).is_none() && is_feature_key(&feature)).then_some((user, feature))
}

/// Reads serde's sentence about a value: which parameter, and what is wrong with it.
pub(super) fn refuse_value(path: &str, message: &str) -> Refusal {
    let named = |start: &str| Some(message.strip_prefix(start)?.split('`').next()?.to_owned());
    let below = |name: String| {
        if path.is_empty() || path.ends_with(&name) {
            if path.is_empty() { name } else { path.to_owned() }
        } else {
            format!("{path}.{name}")
        }
    };
    if let Some(name) = named("missing field `") {
        let param = below(name);
        let message = format!("Missing required parameter: {param}.");
        return Refusal { code: "parameter_missing", message, param: Some(param) };
    }
    if let Some(name) = named("unknown field `") {
        let param = below(name);
        let known = message.split_once(", ").map_or("", |(_, known)| known);
        let known = known.split(" at line ").next().unwrap_or_default();
        let message = format!("Received unknown parameter: {param}; {known}.");
        return Refusal { code: "parameter_unknown", message, param: Some(param) };
    }
    if let Some(name) = named("duplicate field `") {
        return invalid(below(name), "The parameter is given twice.".to_owned());
    }
    if path.is_empty() {
        let message = format!("The request cannot be used: {message}.");
        return Refusal { code: "parameter_invalid", message, param: None };
    }
    invalid(path.to_owned(), format!("Invalid {path}: {message}."))
}

fn invalid(param: String, message: String) -> Refusal {
    Refusal { code: "parameter_invalid", message, param: Some(param) }
}

/// What is wrong with an id of a user of the host application: any text of 1 to 200 characters without control characters is one.
pub(super) fn user_id_fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("must not be empty")
    } else if text.len() > MAX_USER_ID && text.chars().count() > MAX_USER_ID {
        Some("must have at most 200 characters")
    } else if text.chars().any(char::is_control) {
        Some("must not contain control characters")
    } else {
        None
    }
}

/// Whether a text is an id of Stripe's or ours with its prefix.
pub(super) fn is_prefixed(text: &str, prefix: &str) -> bool {
    let rest = text.strip_prefix(prefix).unwrap_or_default();
    !rest.is_empty() && text.len() <= 255 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The length of a list.
///
/// # Errors
/// When it is not from 1 to 100.
pub(super) fn limit(limit: Option<i64>) -> Result<i64, Refusal> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) {
        return Ok(limit);
    }
    Err(invalid("limit".to_owned(), "Invalid limit: it must be from 1 to 100.".to_owned()))
}

/// The statuses of events, comma separated.
///
/// # Errors
/// Names the word that is none.
pub(super) fn statuses(text: &str) -> Result<Vec<EventStatus>, Refusal> {
    let status = |word: &str| {
        EventStatus::parse(word).ok_or_else(|| {
            let words: Vec<&str> = EventStatus::ALL.iter().map(|status| status.as_str()).collect();
            invalid("status".to_owned(), format!("Invalid status: {word:?} is none of {}.", words.join(", ")))
        })
    };
    text.split(',').map(|word| status(word.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::plain_question;

    #[test]
    fn only_the_plain_question_is_read() {
        let is = |user: &str, feature: &str| Some((user.to_owned(), feature.to_owned()));
        assert_eq!(plain_question("user_id=user_42&feature=pro"), is("user_42", "pro"));
        assert_eq!(plain_question("feature=pro&user_id=a%20b%2Bc+d"), is("a b+c d", "pro"));
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
            assert_eq!(plain_question(other), None, "{other}");
        }
    }
}
