//! `GET /admin/live`: what one open page hears.
//!
//! `events` is how many events of the mode came behind the number in `after`; `health` is the words of the top bar; `job` is how far
//! the topic is: `runs` or `ended`, how much of how much is done (empty where that is not known) and a sentence, each on a line.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use domain::{Livemode, Timestamp};
use futures_util::stream;
use http::{StatusCode, header};
use serde::Deserialize;
use tokio::sync::watch;
use tower_sessions::Session;

use super::{Picture, Progress, Seat, Topic, of};
use crate::auth::session;
use crate::state::AppState;

/// How often it is looked whether the session goes on, in milliseconds.
const CHECK_EVERY_MS: i64 = 10_000;
/// When a browser that lost the connection tries again.
const RETRY: Duration = Duration::from_secs(3);

/// What is asked for.
#[derive(Debug, Deserialize)]
pub struct Asked {
    mode: String,
    /// The number of the newest event that the page knew.
    #[serde(default)]
    after: i64,
    topic: Option<String>,
}

/// One who listens.
struct Listener {
    state: AppState,
    session: Session,
    livemode: Livemode,
    seat: Seat,
    picture: watch::Receiver<Picture>,
    ended: watch::Receiver<bool>,
    checked_at: Timestamp,
    /// Events behind the page's number, less those counted since this process looks.
    before: i64,
    told: Told,
    waiting: VecDeque<Event>,
}

/// What was said last, so that nothing is said twice.
#[derive(Default)]
struct Told {
    events: i64,
    health: String,
    job: Option<Progress>,
}

/// The stream; 503 when all places are taken.
pub async fn listen(State(state): State<AppState>, session: Session, Query(asked): Query<Asked>) -> Response {
    let Some(livemode) = Livemode::parse(&asked.mode) else {
        return (StatusCode::BAD_REQUEST, "There are two modes: test and live.\n").into_response();
    };
    let topic = asked.topic.as_deref().and_then(|word| Topic::parse(livemode, word));
    let Some(seat) = state.live.sit(topic) else {
        let later = [(header::RETRY_AFTER, "60")];
        return (StatusCode::SERVICE_UNAVAILABLE, later, "Too many pages are open already.\n").into_response();
    };
    match Listener::begin(state, session, livemode, seat, asked.after).await {
        Ok(listener) => {
            let stream = stream::unfold(listener, |mut listener| async {
                let event = listener.next().await?;
                Some((Ok::<_, Infallible>(event), listener))
            });
            Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "an open page cannot be told what is new");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

impl Listener {
    async fn begin(
        state: AppState,
        session: Session,
        livemode: Livemode,
        seat: Seat,
        after: i64,
    ) -> store::Result<Self> {
        state.live.look().await?;
        let picture = state.live.0.picture.subscribe();
        let (newest, counted) = {
            let seen = picture.borrow();
            (seen.looks.back().map_or(0, |(newest, _)| *newest), seen.modes[of(livemode)].events)
        };
        let checked_at = state.now();
        let before = if after < newest {
            let news = state.store.news(after).await?;
            news.iter().find(|news| news.livemode == livemode).map_or(0, |news| news.events) - counted
        } else {
            -counted
        };
        let ended = state.live.0.ended.subscribe();
        let waiting = VecDeque::from([Event::default().retry(RETRY)]);
        let told = Told::default();
        let mut listener = Self { state, session, livemode, seat, picture, ended, checked_at, before, told, waiting };
        listener.take();
        Ok(listener)
    }

    /// The next event; none when the session, the program or the one who looks has ended.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if *self.ended.borrow() {
                return None;
            }
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            tokio::select! {
                _ = self.ended.changed() => {}
                changed = self.picture.changed() => {
                    changed.ok()?;
                    if !self.may_go_on().await {
                        return None;
                    }
                    self.take();
                }
            }
        }
    }

    /// Whether the session is still good, as far as was looked lately.
    async fn may_go_on(&mut self) -> bool {
        let now = self.state.now();
        if now.millis() - self.checked_at.millis() < CHECK_EVERY_MS {
            return true;
        }
        self.checked_at = now;
        session::goes_on(&self.state, &self.session).await
    }

    /// Says what is new in the picture.
    fn take(&mut self) {
        let picture = self.picture.borrow_and_update();
        let mode = picture.modes[of(self.livemode)];
        let events = self.before + mode.events;
        if events != self.told.events {
            self.waiting.push_back(Event::default().event("events").data(events.to_string()));
            self.told.events = events;
        }
        let health = app::health(mode.failed, mode.last_event_at, self.state.now());
        if health != self.told.health {
            self.waiting.push_back(Event::default().event("health").data(&health));
            self.told.health = health;
        }
        let job = self.seat.topic.as_ref().and_then(|topic| picture.topics.get(topic)).cloned().flatten();
        if let Some(job) = job.filter(|job| self.told.job.as_ref() != Some(job)) {
            self.waiting.push_back(Event::default().event("job").data(words(&job)));
            self.told.job = Some(job);
        }
    }
}

fn words(job: &Progress) -> String {
    let state = if job.has_ended { "ended" } else { "runs" };
    let (done, all) = job.done.map_or_else(Default::default, |(done, all)| (done.to_string(), all.max(1).to_string()));
    format!("{state}\n{done}\n{all}\n{}", job.sentence.replace('\n', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_four_lines() {
        let mut job = Progress { has_ended: false, done: Some((3, 12)), sentence: "3 of 12.".into() };
        assert_eq!(words(&job), "runs\n3\n12\n3 of 12.");
        job = Progress { has_ended: true, done: None, sentence: "Done.".into() };
        assert_eq!(words(&job), "ended\n\n\nDone.");
    }
}
