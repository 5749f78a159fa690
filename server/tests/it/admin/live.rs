//! What open pages are told. The shared look at the database is made by hand here.

use std::time::Duration;

use domain::event::Envelope;
use domain::role::Role;
use domain::{Livemode, Timestamp};
use reqwest::{Response, StatusCode};
use serde_json::json;
use server::live::MOST_LISTENERS;
use store::records::{Delivery, JobChange, NewResync, Purpose, ResyncScope, StaffRecord};

use super::browser::{Browser, Program};

/// How long a test waits for what must come: it is there in milliseconds, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(30);

/// An open page.
struct Page {
    response: Response,
    heard: String,
}

impl Page {
    async fn open(browser: &Browser, query: &str) -> Self {
        let response = browser.client.get(format!("{}/admin/live?{query}", browser.base)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, heard: String::new() }
    }

    /// Waits until this was said.
    async fn hears(&mut self, words: &str) {
        while !self.heard.contains(words) {
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk.unwrap_or_else(|_| panic!("{words:?} was not said, but {:?}", self.heard));
            let chunk = chunk.unwrap().unwrap_or_else(|| panic!("the stream ended before {words:?}: {:?}", self.heard));
            self.heard.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Waits for the end of the stream.
    async fn ends(mut self) {
        let rest = async { while self.response.chunk().await.unwrap().is_some() {} };
        tokio::time::timeout(PATIENCE, rest).await.expect("the stream goes on");
    }
}

async fn deliver(program: &Program, event_id: &str, livemode: Livemode) {
    let payload = json!({
        "id": event_id, "object": "event", "type": "customer.created", "created": program.now().secs(), "livemode": livemode.is_live(),
        "api_version": "2025-03-31.basil",
        "data": { "object": { "id": "cus_1", "object": "customer", "email": "ada@example.com", "metadata": {} } },
    });
    let delivery = Delivery {
        envelope: Envelope::read(&payload).unwrap(),
        payload: payload.to_string(),
        received_at: program.now(),
        secret_name: None,
    };
    program.state.store.record_deliveries(&[delivery]).await.unwrap();
}

#[tokio::test]
async fn an_open_page_is_told_of_events_of_its_mode() {
    let program = Program::with_owner().await;
    let viewer = program.signed_in(Role::Viewer).await;
    deliver(&program, "evt_1", Livemode::Test).await;
    let seen = program.state.store.newest_event().await.unwrap();
    let mut test = Page::open(&viewer, &format!("mode=test&after={seen}")).await;
    let mut live = Page::open(&viewer, &format!("mode=live&after={seen}")).await;
    test.hears("event: health\ndata: Webhooks: last event just now\n").await;
    live.hears("event: health\ndata: Webhooks: none yet\n").await;

    deliver(&program, "evt_2", Livemode::Test).await;
    program.state.live.look().await.unwrap();
    test.hears("event: events\ndata: 1\n").await;
    deliver(&program, "evt_3", Livemode::Test).await;
    deliver(&program, "evt_4", Livemode::Live).await;
    program.state.live.look().await.unwrap();
    test.hears("event: events\ndata: 2\n").await;
    live.hears("event: events\ndata: 1\n").await;
    assert!(!live.heard.contains("data: 2"), "of its own mode alone: {}", live.heard);

    // What came between the page and its stream counts too.
    let mut late = Page::open(&viewer, &format!("mode=test&after={seen}")).await;
    late.hears("event: events\ndata: 2\n").await;
}

#[tokio::test]
async fn an_open_page_is_told_how_far_a_resync_is() {
    let program = Program::with_owner().await;
    let viewer = program.signed_in(Role::Viewer).await;
    let new = NewResync { livemode: Livemode::Test, purpose: Purpose::Resync, scope: ResyncScope::All, applies: false };
    let resync = program.state.store.create_resync(&new, &program.author()).await.unwrap();
    let query = format!("mode=test&after=0&topic=resyncs/{}", resync.resync_id);
    let mut page = Page::open(&viewer, &query).await;
    let mut elsewhere = Page::open(&viewer, &query.replace("mode=test", "mode=live")).await;
    program.state.live.look().await.unwrap();
    page.hears("event: job\ndata: runs\n").await;

    program.state.store.change_resync(&resync.resync_id, JobChange::Cancel, &program.author()).await.unwrap();
    deliver(&program, "evt_1", Livemode::Live).await;
    program.state.live.look().await.unwrap();
    page.hears("event: job\ndata: ended\n").await;
    elsewhere.hears("event: events\ndata: 1\n").await;
    assert!(!elsewhere.heard.contains("event: job"), "a resync of the other mode: {}", elsewhere.heard);
}

#[tokio::test]
async fn nobody_listens_who_is_not_signed_in() {
    let program = Program::with_owner().await;
    assert_eq!(program.browser().get("/admin/live?mode=test&after=0").await.status, StatusCode::UNAUTHORIZED);
    let viewer = program.signed_in(Role::Viewer).await;
    assert_eq!(viewer.get("/admin/live?mode=other").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_stream_ends_with_the_program() {
    let program = Program::with_owner().await;
    let viewer = program.signed_in(Role::Viewer).await;
    let mut page = Page::open(&viewer, "mode=test&after=0").await;
    page.hears("event: health").await;
    program.state.live.end();
    page.ends().await;
    let later = Page::open(&viewer, "mode=test&after=0").await;
    later.ends().await;
}

#[tokio::test]
async fn a_session_is_asked_for_again() {
    let program = Program::with_owner().await;
    let viewer = program.signed_in(Role::Viewer).await;
    let mut page = Page::open(&viewer, "mode=test&after=0").await;
    page.hears("event: health").await;
    let staff = program.state.store.staff_by_email("viewer@example.com").await.unwrap().unwrap();
    let disabled = StaffRecord { disabled_at: Some(Timestamp::from_secs(1)), ..staff };
    assert!(program.state.store.update_staff(&disabled, &program.author()).await.unwrap());
    program.clock.advance(10_000);
    program.state.live.look().await.unwrap();
    page.ends().await;
    assert_eq!(viewer.get("/admin/live?mode=test&after=0").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn there_are_so_many_places() {
    let program = Program::with_owner().await;
    let viewer = program.signed_in(Role::Viewer).await;
    let mut pages = vec![];
    for _ in 0..MOST_LISTENERS {
        pages.push(Page::open(&viewer, "mode=test&after=0").await);
    }
    let refused = viewer.get("/admin/live?mode=test&after=0").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers["retry-after"], "60");
    assert_eq!(viewer.get("/admin").await.status, StatusCode::OK, "pages are there for everybody");
}
