//! API keys: any `sk_` or `rk_` key of the stand-in's mode will do.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::Problem;
use crate::permission;
use crate::value::text;
use crate::world::World;

/// 401 unless the request carries a secret or restricted key of the right mode, as bearer token or basic user name.
pub(crate) fn check(headers: &HeaderMap, livemode: bool) -> Result<(), Problem> {
    let Some(key) = key(headers) else {
        return Err(Problem::unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using \
             Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        ));
    };
    let mode = key.strip_prefix("sk_").or_else(|| key.strip_prefix("rk_"));
    let (right, wrong) = if livemode { ("live_", "test_") } else { ("test_", "live_") };
    match mode {
        Some(rest) if rest.starts_with(right) => Ok(()),
        Some(rest) if rest.starts_with(wrong) => Err(Problem::unauthorized(format!(
            "Invalid API Key provided: a {} mode key was used, but this stand-in holds {} mode data.",
            wrong.trim_end_matches('_'),
            right.trim_end_matches('_')
        ))),
        _ => {
            let shown: String = key.chars().take(8).collect();
            Err(Problem::unauthorized(format!("Invalid API Key provided: {shown}****")))
        }
    }
}

/// 403 when a restricted key lacks the permission that the request needs.
pub(crate) fn permit(headers: &HeaderMap, world: &World, method: &str, path: &str) -> Result<(), Problem> {
    let Some(key) = key(headers).filter(|key| key.starts_with("rk_")) else { return Ok(()) };
    match permission::needed(method, path).filter(|needed| world.denied.contains(needed)) {
        Some(needed) => {
            let shown = format!("{}*********{}", &key[..key.len().min(8)], &key[key.len().saturating_sub(4)..]);
            Err(Problem::forbidden(&shown, text(&world.account(), "id"), &needed))
        }
        None => Ok(()),
    }
}

fn key(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    if let Some(token) = value.strip_prefix("Bearer ") {
        return Some(token.trim().to_owned()).filter(|token| !token.is_empty());
    }
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let user = String::from_utf8(decoded).ok()?;
    user.split(':').next().map(str::to_owned).filter(|user| !user.is_empty())
}
