//! The program on a port of its own with an empty database, and a browser that keeps cookies and sends forms.

use std::sync::Arc;

use crate::helpers::database::Database;
use domain::role::Role;
use domain::{Livemode, Timestamp};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use server::auth::password;
use server::clock::{Clock, ManualClock, SystemClock};
use server::config::{Config, Sources};
use server::state::AppState;
use store::records::{Author, StaffRecord};

/// Everybody's password here.
pub(crate) const PASSWORD: &str = "four words in a row";

/// The program.
pub(crate) struct Program {
    pub(crate) state: AppState,
    pub(crate) clock: Arc<ManualClock>,
    base: String,
    _database: Database,
}

impl Program {
    /// Starts it, with nobody on its staff.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts it with an owner, at an address of this name as its settings say.
    pub(crate) async fn with_owner_at(host: &str) -> Self {
        let program = Self::start_as(host, &[]).await;
        program.add_staff("owner@example.com", Role::Owner).await;
        program
    }

    /// The same with these settings.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::start_as("127.0.0.1", settings).await
    }

    async fn start_as(host: &str, settings: &[(&str, &str)]) -> Self {
        let database = Database::make().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let public_url = base.replace("127.0.0.1", host);
        let own = [("PUBLIC_URL", public_url.as_str())];
        let config = Config::load(&Sources::from_env(
            own.into_iter().chain(database.settings()).chain(settings.iter().copied()),
        ))
        .unwrap();
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let state = server::build(config, Arc::clone(&clock) as Arc<dyn Clock>).await.unwrap();
        let front = server::router::front(&state);
        tokio::spawn(async move { axum::serve(listener, front).await.unwrap() });
        Self { state, clock, base, _database: database }
    }

    /// Adds somebody with [`PASSWORD`].
    pub(crate) async fn add_staff(&self, email: &str, role: Role) -> StaffRecord {
        add_staff(&self.state, email, role).await
    }

    /// Starts it with an owner.
    pub(crate) async fn with_owner() -> Self {
        let program = Self::start().await;
        program.add_staff("owner@example.com", Role::Owner).await;
        program
    }

    /// A new browser.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.base)
    }

    /// A browser in which somebody of this role has signed in.
    pub(crate) async fn signed_in(&self, role: Role) -> Browser {
        sign_in(&self.state, &self.base, role).await
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.state.now()
    }

    pub(crate) fn author(&self) -> Author {
        Author::new("test", self.now())
    }

    /// The user's answer for a feature in test mode.
    pub(crate) fn is_allowed(&self, user: &str, feature: &str) -> bool {
        let options = self.state.store.options();
        self.state.store.index().decide(Livemode::Test, user, feature, &options.policy, self.now()).allowed
    }
}

async fn add_staff(state: &AppState, email: &str, role: Role) -> StaffRecord {
    let staff = StaffRecord {
        staff_id: server::ids::new("stf"),
        email: email.to_owned(),
        name: email.split('@').next().unwrap().to_owned(),
        role,
        password_hash: password::hash(PASSWORD).await.unwrap(),
        created_at: state.now(),
        last_seen_at: None,
        disabled_at: None,
    };
    let author = Author::new("test", state.now());
    state.store.add_staff(&staff, &author).await.unwrap();
    staff
}

/// A browser in which somebody of this role has signed in to the program at `base`.
pub(crate) async fn sign_in(state: &AppState, base: &str, role: Role) -> Browser {
    let email = format!("{role}@example.com");
    if state.store.staff_by_email(&email).await.unwrap().is_none() {
        add_staff(state, &email, role).await;
    }
    if !state.store.has_owner().await.unwrap() {
        add_staff(state, "the-owner@example.com", Role::Owner).await;
    }
    let browser = Browser::new(base);
    let answer = browser.post("/admin/login", &[("email", &email), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    browser
}

/// A browser.
pub(crate) struct Browser {
    pub(crate) client: Client,
    pub(crate) base: String,
}

/// What it shows.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: String,
    pub(crate) cookies: Vec<String>,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    async fn of(response: reqwest::Response) -> Self {
        let headers = response.headers().clone();
        let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
        Self {
            status: response.status(),
            location: headers.get(LOCATION).map(text).unwrap_or_default(),
            cookies: headers.get_all(SET_COOKIE).iter().map(text).collect(),
            headers,
            body: response.text().await.unwrap(),
        }
    }

    /// The token in the page's first form.
    pub(crate) fn csrf(&self) -> String {
        let tag = self.body.split('<').find(|tag| tag.contains("name=\"csrf\""));
        let tag = tag.unwrap_or_else(|| panic!("no form in {}", self.body));
        tag.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }

    /// The session's cookie as it was set here: `name=value`.
    pub(crate) fn session_cookie(&self) -> Option<String> {
        let cookie = self.cookies.iter().find(|cookie| cookie.starts_with("tollkeeper="))?;
        Some(cookie.split(';').next().unwrap().to_owned())
    }
}

impl Browser {
    /// Signed out, without a cookie.
    pub(crate) fn new(base: &str) -> Self {
        let client = Client::builder().cookie_store(true).redirect(Policy::none()).build().unwrap();
        Self { client, base: base.to_owned() }
    }

    /// Opens a page.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.client.get(format!("{}{path}", self.base)).send().await.unwrap()).await
    }

    /// Opens a page with this cookie alone.
    pub(crate) async fn get_with_cookie(&self, path: &str, cookie: &str) -> Answer {
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Answer::of(client.get(format!("{}{path}", self.base)).header(COOKIE, cookie).send().await.unwrap()).await
    }

    /// The token of this browser's forms: from the overview, or from the sign-in or set-up page it leads to.
    pub(crate) async fn csrf(&self) -> String {
        let mut page = self.get("/admin").await;
        for _ in 0..3 {
            if page.status != StatusCode::SEE_OTHER {
                break;
            }
            page = self.get(&page.location).await;
        }
        page.csrf()
    }

    /// Sends a form as its page would.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf().await;
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        self.post_raw(path, &all, &[]).await
    }

    /// Sends exactly these fields and headers.
    pub(crate) async fn post_raw(&self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let mut request = self.client.post(format!("{}{path}", self.base)).form(fields);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.send().await.unwrap()).await
    }
}
