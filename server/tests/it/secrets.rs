//! No secret is ever said: the real program is used at every address with every setting that holds one, and nothing it logs, answers,
//! prints or stores contains any of them.

use std::path::Path;
use std::process::Command;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::json;
use server::admin::table::{ACTIONS, PAGES};
use standin::{Options, Standin};

use crate::admin::browser::Browser;
use crate::helpers::process::Process;

const WEBHOOK: &str = "whsec_NeverToBeSeenAnywhereAtAll0001";
const OTHER_WEBHOOK: &str = "whsec_NeverToBeSeenAnywhereAtAll0002";
const STRIPE_TEST: &str = "sk_test_51NeverToBeSeenAnywhereAtAll0003";
const STRIPE_LIVE: &str = "rk_live_51NeverToBeSeenAnywhereAtAll0004";
const EMAIL: &str = "owner@example.com";
const PASSWORD: &str = "never to be seen 0005";
/// What somebody types into the wrong field.
const TYPED: &str = "another never to be seen 0006";

/// All that was said, each with where.
#[derive(Default)]
struct Said(Vec<(String, String)>);

impl Said {
    fn note(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    /// An answer, head and body. Cookies are the browser's own to know.
    async fn answer(&mut self, place: String, response: reqwest::Response) {
        let headers = without_cookies(response.headers());
        let text = format!("{headers:?}\n{}", response.text().await.unwrap_or_default());
        self.note(place, text);
    }

    fn files(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.files(&path);
            } else if !path.ends_with(".env") {
                self.note(path.display().to_string(), String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
            }
        }
    }
}

fn without_cookies(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    headers.remove("set-cookie");
    headers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_said_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let stripe = Standin::start(Options::default()).await.unwrap();
    let base = stripe.base_url();
    let database = format!("sqlite://{}", folder.path().join("t.db").display());
    let (keys, secrets) = (format!("{STRIPE_TEST},{STRIPE_LIVE}"), format!("{WEBHOOK},other={OTHER_WEBHOOK}"));
    let settings = [
        ("DATABASE_URL", database.as_str()),
        ("STRIPE_SECRET_KEY", &keys),
        ("STRIPE_WEBHOOK_SECRET", &secrets),
        ("STRIPE_API_BASE", &base),
        ("ADMIN_EMAIL", EMAIL),
        ("ADMIN_PASSWORD", PASSWORD),
        // Everything that anybody has to say: ours, and the libraries'.
        ("LOG", "trace"),
    ];
    let mut said = Said::default();

    let shell = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_tollkeeper"))
            .args(args)
            .env_clear()
            .envs(settings)
            .current_dir(folder.path())
            .output()
            .unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let mut program = Process::start(&settings).await;
    let url = program.address.clone();

    let (key, log) = shell(&["api-key", "create", "--name", "app", "--mode", "test", "--scope", "admin"]);
    let key = key.trim().to_owned();
    assert!(key.starts_with("tk_test_"), "{key}");
    said.note("stderr of api-key create", log);

    let browser = Browser::new(&url);
    let refused = browser.post("/admin/login", &[("email", EMAIL), ("password", TYPED)]).await;
    said.note("a refused sign-in", refused.body);
    let answer = browser.post("/admin/login", &[("email", EMAIL), ("password", PASSWORD)]).await;
    let cookie = answer.session_cookie().unwrap();
    let session = cookie.split_once('=').unwrap().1.to_owned();
    let typed = [("password", TYPED), ("current", TYPED), ("name", "x"), ("user_id", "u"), ("reason", "because of it")];
    for (path, _) in PAGES {
        let path = path.replace("{id}", "unknown_1").replace("{*what}", "cus_unknown");
        said.answer(format!("GET {path}"), browser.client.get(format!("{url}{path}")).send().await.unwrap()).await;
    }
    // Signing everybody out and changing the password come last.
    for action in ACTIONS
        .iter()
        .filter(|action| !action.path.contains("/sessions") && !action.path.starts_with("/admin/api-keys"))
    {
        let path = action.path.replace("{id}", "unknown_1").replace("{change}", "pause");
        let answer = browser.post(&path, &typed).await;
        said.note(format!("POST {path}"), format!("{:?}\n{}", without_cookies(&answer.headers), answer.body));
    }

    let http = Client::builder().no_proxy().build().unwrap();
    let document = serde_json::to_value(server::api::openapi()).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let path = path.split(['{', '}']).enumerate().map(|(n, part)| if n % 2 == 0 { part } else { "x_1" });
            let path: String = path.collect();
            let request =
                http.request(method.clone(), format!("{url}{path}")).bearer_auth(&key).json(&json!({"user_id": "u"}));
            said.answer(format!("{method} {path}"), request.send().await.unwrap()).await;
        }
    }
    let mistyped = format!("{}{}", &key[..key.len() - 1], if key.ends_with('x') { 'y' } else { 'x' });
    for (place, request) in [
        ("a mistyped key", http.get(format!("{url}/v1/events")).bearer_auth(&mistyped)),
        ("a key as a user name", http.get(format!("{url}/v1/events")).basic_auth(&key, Some(""))),
        ("a check", http.get(format!("{url}/v1/access?user_id=u&feature=pro")).bearer_auth(&key)),
        ("metrics", http.get(format!("{url}/metrics"))),
        ("health", http.get(format!("{url}/healthz"))),
        ("the API's document", http.get(format!("{url}/openapi.json"))),
    ] {
        said.answer(place.to_owned(), request.send().await.unwrap()).await;
    }
    let now = server::clock::Clock::now(&server::clock::SystemClock).secs();
    let body = json!({"id": "evt_1", "object": "event", "type": "customer.updated", "created": now, "livemode": false,
                      "data": {"object": {"id": "cus_1", "object": "customer", "metadata": {"user_id": "u"}}}});
    let body = body.to_string();
    for secret in [WEBHOOK, OTHER_WEBHOOK, "whsec_of_somebody_else"] {
        let signature = standin::sign(body.as_bytes(), secret, now);
        let sent = http.post(format!("{url}/webhooks/stripe")).header("stripe-signature", signature).body(body.clone());
        said.answer(format!("a delivery signed with {}", &secret[..9]), sent.send().await.unwrap()).await;
    }
    for args in [
        &["config"][..],
        &["doctor"],
        &["doctor", "--json"],
        &["staff", "list", "--json"],
        &["api-key", "list"],
        &["audit", "verify"],
        &["events", "list", "--json"],
        &["sync", "--customer", "cus_1"],
        &["check", "u", "pro", "--json"],
    ] {
        let (out, log) = shell(args);
        said.note(format!("stdout of {args:?}"), out);
        said.note(format!("stderr of {args:?}"), log);
    }
    program.child.start_kill().unwrap();
    program.child.wait().await.unwrap();
    let log = program.said.lock().unwrap().join("\n");
    assert!(log.contains("TRACE") && log.contains("/admin/customers"), "the log says a lot");
    said.note("the log", log);
    said.files(folder.path());

    assert!(said.0.len() > 150, "{} places", said.0.len());
    let secrets = [
        ("the webhook's secret", WEBHOOK),
        ("the other webhook's secret", OTHER_WEBHOOK),
        ("Stripe's test key", STRIPE_TEST),
        ("Stripe's live key", STRIPE_LIVE),
        ("the password", PASSWORD),
        ("what was typed as a password", TYPED),
        ("the API key", &key),
        ("the session", &session),
    ];
    let found: Vec<String> = (said.0.iter())
        .flat_map(|(place, text)| {
            let found = secrets.iter().filter(|(_, secret)| text.contains(secret));
            found.map(move |(what, secret)| {
                let at = text.find(secret).unwrap_or_default();
                let (from, to) = (text.floor_char_boundary(at.saturating_sub(120)), text.floor_char_boundary(at + 60));
                format!("{what} stands in {place}: {}", &text[from..to])
            })
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}
