//! Lists as files: what a list's page shows by the same filter, page by page into one CSV (RFC 4180), so that the memory it takes does
//! not grow with the list. [`lists`] has every list that can be had so.

mod cell;
mod lists;

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::{Livemode, Timestamp};
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, header};
use serde_json::json;
use tower_sessions::Session;

use super::mode;
use crate::auth::staff::Actor;
use crate::pages::Ask;
use crate::state::AppState;
use crate::ui;

use cell::Cell;
use lists::List;

/// Rows of a file; whoever needs more narrows the filter.
const MOST: usize = 100_000;
/// Rows that are read at once.
const AT_ONCE: i64 = 200;

/// A list that somebody asked for, at the moment and by the filter they asked.
struct Asked {
    state: AppState,
    actor: Actor,
    livemode: Livemode,
    now: Timestamp,
    query: HashMap<String, String>,
    list: &'static List,
}

/// Where in the file the writing is.
enum Place {
    /// Before the first row, or behind one: how many were written, and the key of the last.
    At(usize, Option<String>),
    /// All is written.
    End,
}

/// `GET /admin/export/{list}.csv`: any role may, and the audit log says who did, by which filter.
pub(super) async fn export(State(state): State<AppState>, Path(file): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let viewer = ui::Viewer::of(&parts);
    let (Some(actor), Some(session)) = (parts.extensions.get::<Actor>(), parts.extensions.get::<Session>()) else {
        return Redirect::to("/admin/login").into_response();
    };
    let Some(list) = file.strip_suffix(".csv").and_then(lists::find) else {
        return ui::not_there(&state, &viewer, "There is no such list.").await;
    };
    let query = parts.uri.query().unwrap_or_default();
    let query: HashMap<String, String> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    // The mode of the page that the link stood on, whichever is shown by now.
    let livemode = match query.get("mode").and_then(|word| Livemode::parse(word)) {
        Some(of_page) => of_page,
        None => mode::current(session, &state).await,
    };
    let now = state.now();
    let asked = Asked { state: state.clone(), actor: actor.clone(), livemode, now, query, list };
    match asked.begin().await {
        Ok(response) => response,
        Err(error) => ui::failed(&state, &viewer, &error).await,
    }
}

impl Asked {
    async fn begin(self) -> anyhow::Result<Response> {
        // The first rows are read before the answer begins: what fails then is still said in words.
        let (first, place) = self.write(Place::At(0, None)).await?;
        let filter: serde_json::Map<String, serde_json::Value> = (self.query.iter())
            .filter(|(name, value)| !value.is_empty() && !matches!(name.as_str(), "mode" | "after" | "before"))
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let author = self.actor.author(None, self.now);
        let object = ("list", self.list.name);
        self.state
            .store
            .note_audit(Some(self.livemode), "list.export", object, &json!({ "filter": filter }), &author)
            .await?;
        let (name, mode, day) = (self.list.name, self.livemode.as_str(), &self.now.to_string()[..10]);
        let name = HeaderValue::try_from(format!("attachment; filename=\"tollkeeper-{name}-{mode}-{day}.csv\""))?;
        let rest = stream::try_unfold((self, place), |(asked, place)| async move {
            if matches!(place, Place::End) {
                return anyhow::Ok(None);
            }
            let (text, place) = asked.write(place).await?;
            Ok(Some((text, (asked, place))))
        });
        let body = stream::iter([Ok(first)]).chain(rest);
        let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
        Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], Body::from_stream(body))
            .into_response())
    }

    /// The next rows as text, with the heading before the first and a word behind the last where there would be more.
    async fn write(&self, place: Place) -> anyhow::Result<(Vec<u8>, Place)> {
        let Place::At(written, after) = place else { return Ok((Vec::new(), Place::End)) };
        let ask = Ask {
            state: &self.state,
            actor: &self.actor,
            livemode: self.livemode,
            now: self.now,
            query: self.query.clone(),
        };
        let page = (self.list.read)(&ask, after, AT_ONCE).await?;
        let mut file =
            csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).flexible(true).from_writer(Vec::new());
        if written == 0 {
            file.write_record(self.list.columns)?;
        }
        let room = MOST - written;
        for row in page.rows.iter().take(room) {
            file.write_record(row.iter().map(Cell::as_field))?;
        }
        let written = written + page.rows.len().min(room);
        let is_cut = page.rows.len() > room || (written == MOST && page.next.is_some());
        if is_cut {
            file.write_record([format!("Cut after {MOST} rows. Narrow the filter to export the rest.")])?;
        }
        let place = match page.next {
            Some(next) if !is_cut => Place::At(written, Some(next)),
            _ => Place::End,
        };
        Ok((file.into_inner().map_err(|error| error.into_error())?, place))
    }
}
