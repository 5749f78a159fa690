//! `GET /admin/palette`: what the command palette finds, as JSON. The page for it without a script is `/admin/search`.

use app::islands::Offer;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use domain::Livemode;
use http::StatusCode;
use serde::Deserialize;

use crate::auth::staff::Actor;
use crate::pages;
use crate::state::AppState;

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    mode: String,
    q: String,
}

/// The page of an exact id, else what begins with the text.
pub(crate) async fn find(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    Query(asked): Query<Asked>,
) -> Response {
    let Some(livemode) = Livemode::parse(&asked.mode) else { return StatusCode::BAD_REQUEST.into_response() };
    match pages::found(&state, &actor, livemode, asked.q.trim()).await {
        Ok(found) => {
            let offers = found.into_iter().map(|hit| Offer {
                kind: hit.kind.to_owned(),
                hint: if hit.id == hit.label { String::new() } else { hit.id },
                label: hit.label,
                href: hit.href,
            });
            Json(offers.collect::<Vec<_>>()).into_response()
        }
        Err(error) => {
            tracing::error!("the palette cannot search: {error:#}");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
