//! The files the program carries inside it, under names that change with their content, so that browsers keep them for ever.

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::state::AppState;

/// Changes with the content of any of the files.
pub const HASH: &str = env!("SITE_HASH");

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const FOR_A_DAY: &str = "public, max-age=86400";

#[derive(RustEmbed)]
#[folder = "$SITE_DIR"]
struct Site;

/// Whether the WASM was built into the program; without it pages do without scripts.
#[must_use]
pub fn has_wasm() -> bool {
    Site::get("tollkeeper_bg.wasm").is_some()
}

/// `/pkg/{hash}/{name}` and the icon.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/pkg/{hash}/{name}", get(hashed))
        .route("/favicon.svg", get(|headers: HeaderMap| async move { file("favicon.svg", &headers, FOR_A_DAY) }))
        .route("/favicon.ico", get(|headers: HeaderMap| async move { file("favicon.svg", &headers, FOR_A_DAY) }))
        .route("/robots.txt", get(|headers: HeaderMap| async move { file("robots.txt", &headers, FOR_A_DAY) }))
}

/// A page of an older program may still ask with an older hash: it gets today's file, and must not keep it under that name.
async fn hashed(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let cache = if hash == HASH { FOR_EVER } else { "no-store" };
    file(&name, &headers, cache)
}

fn file(name: &str, headers: &HeaderMap, cache: &'static str) -> Response {
    let accepts = |coding: &str| accepts(headers, coding);
    let packed = [("br", "br"), ("gz", "gzip")]
        .into_iter()
        .filter(|(_, coding)| accepts(coding))
        .find_map(|(ending, coding)| Some((Site::get(&format!("{name}.{ending}"))?, Some(coding))));
    let whole = || Site::get(name).filter(|_| !is_packed(name)).map(|file| (file, None));
    let Some((EmbeddedFile { data, .. }, coding)) = packed.or_else(whole) else {
        return (StatusCode::NOT_FOUND, "No such file.\n").into_response();
    };
    let mut response = (
        [
            (header::CONTENT_TYPE, content_type(name)),
            (header::CACHE_CONTROL, cache),
            (header::VARY, "accept-encoding"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        data,
    )
        .into_response();
    if let Some(coding) = coding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

fn is_packed(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|ending| ending == "br" || ending == "gz")
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Whether `Accept-Encoding` names the coding and does not forbid it with a weight of zero.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| {
        let mut pieces = part.split(';').map(str::trim);
        let named = pieces.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = pieces.find_map(|piece| piece.strip_prefix("q=")).and_then(|weight| weight.parse::<f32>().ok());
        named && weight.is_none_or(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(accept: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accept));
        headers
    }

    #[test]
    fn encodings_are_taken_by_name_and_weight() {
        assert!(accepts(&asking("gzip, deflate, br"), "br"));
        assert!(accepts(&asking("br;q=0.5"), "br"));
        assert!(!accepts(&asking("br;q=0, gzip"), "br"));
        assert!(!accepts(&asking("brotli"), "br"));
        assert!(!accepts(&HeaderMap::new(), "gzip"));
    }

    #[test]
    fn the_style_sheet_is_inside() {
        let response = file("admin.css", &HeaderMap::new(), FOR_EVER);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/css; charset=utf-8");
        assert!(response.headers().get(header::CONTENT_ENCODING).is_none());
    }

    #[test]
    fn nothing_else_is() {
        for name in ["../Cargo.toml", "nothing.css", "admin.css.br"] {
            assert_eq!(file(name, &HeaderMap::new(), FOR_EVER).status(), StatusCode::NOT_FOUND, "{name}");
        }
    }
}
