//! No API key is ever in the log, whatever is logged, nor in the database, wherever it was sent.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use reqwest::{Client, StatusCode};
use serde_json::json;

use crate::admin::browser::Browser;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tollkeeper");
const OWNER: (&str, &str) = ("ada@example.com", "four words in a row");

fn command(folder: &std::path::Path, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env_clear().env("LOG", "trace").stdin(Stdio::null());
    command
}

/// Runs a command, whose log must not say what it prints.
fn made(folder: &std::path::Path, args: &[&str]) -> String {
    let done = command(folder, args).output().unwrap();
    let (key, log) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    let key = key.trim_end().to_owned();
    assert!(done.status.success() && key.starts_with("tk_test_") && !log.contains(&key), "{log}");
    key
}

fn key_in(page: &str) -> String {
    let start = page.find("tk_test_").unwrap_or_else(|| panic!("no key in {page}"));
    page[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_is_in_the_log_or_the_database_wherever_it_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut serve = command(path, &["serve", "--listen", "127.0.0.1:0"]);
    let serve = serve.env("ADMIN_EMAIL", OWNER.0).env("ADMIN_PASSWORD", OWNER.1);
    let mut child = serve.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let (mut log, mut base) = (String::new(), String::new());
    while base.is_empty() {
        let began = log.len();
        assert_ne!(stderr.read_line(&mut log).unwrap(), 0, "it did not start: {log}");
        if let Some((_, rest)) = log[began..].split_once("listening address=") {
            base = format!("http://{}", rest.split(' ').next().unwrap());
        }
    }
    let rest = std::thread::spawn(move || {
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).map(|_| rest)
    });

    let create = ["api-key", "create", "--name", "app", "--mode", "test", "--scope", "admin"];
    let good = made(path, &create);
    let revoked = made(path, &create);
    let expired = made(path, &[&create[..], &["--expires", "1s"]].concat());
    let elsewhere = made(path, &[&create[..], &["--address", "203.0.113.1"]].concat());
    let seldom = made(path, &[&create[..], &["--request-rate", "1"]].concat());
    let listed = command(path, &["api-key", "list", "--json"]).output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let is_revoked = |key: &&serde_json::Value| revoked.ends_with(key["last4"].as_str().unwrap());
    let id = listed["data"].as_array().unwrap().iter().find(is_revoked).unwrap()["id"].as_str().unwrap().to_owned();
    assert!(command(path, &["api-key", "revoke", &id]).output().unwrap().status.success());
    let unknown = server::auth::api_key::create(
        "x",
        domain::Livemode::Test,
        domain::role::Scope::Admin,
        "x",
        domain::Timestamp::from_secs(1),
    )
    .unwrap()
    .0;
    let mistyped = format!("{}x", &good[..good.len() - 2]);

    // A page makes one, and another in its place.
    let browser = Browser {
        client: Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap(),
        base: base.clone(),
    };
    let csrf = browser.csrf().await;
    let fields = [("csrf", csrf.as_str()), ("email", OWNER.0), ("password", OWNER.1)];
    assert_eq!(browser.post_raw("/admin/login", &fields, &[]).await.status, StatusCode::SEE_OTHER);
    let shown = browser.post("/admin/api-keys", &[("name", "page"), ("scope", "read")]).await;
    let page = key_in(&shown.body);
    let link = shown.body.split("/admin/api-keys/key_").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let shown = browser.post(&format!("/admin/api-keys/key_{link}/rotate"), &[]).await;
    let rotated = key_in(&shown.body);

    let http = Client::builder().no_proxy().build().unwrap();
    let check = format!("{base}/v1/access?user_id=u&feature=pro");
    let keys = [&good, &revoked, &expired, &elsewhere, &seldom, &unknown, &mistyped, &page, &rotated];
    let mut statuses = vec![];
    for key in keys {
        for _ in 0..3 {
            let status = http.get(&check).bearer_auth(key).send().await.unwrap().status();
            statuses.push(status);
            http.get(format!("{base}/v1/features")).bearer_auth(key).send().await.unwrap();
        }
        let wrong_places = [
            http.get(format!("{check}&api_key={key}")),
            http.get(format!("{base}/v1/features?{key}")),
            http.get(format!("{base}/v1/{key}")),
            http.get(format!("{base}/v1/access/{key}")),
            http.get(format!("{base}/{key}")),
            http.get(format!("{base}/admin/{key}?return_to={key}")),
            http.post(format!("{base}/v1/access/batch?{key}")).bearer_auth(key).json(&json!({ key: key })),
            http.get(&check).basic_auth(key, Some("")),
            http.get(&check).header("authorization", format!("Token {key}")),
            http.get(&check).header("x-api-key", key),
            http.get(&check).header("cookie", format!("key={key}")).header("referer", format!("{base}/?{key}")),
        ];
        for request in wrong_places {
            request.send().await.unwrap();
        }
    }
    for wanted in [200, 401, 403] {
        assert!(statuses.iter().any(|status| status.as_u16() == wanted), "{statuses:?}");
    }
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(child.wait().unwrap().success());
    log += &rest.join().unwrap().unwrap();

    assert!(log.contains("TRACE") && log.contains("answered") && log.contains("/v1/tk_…"), "everything is logged");
    // Nor any part of one that would do as the rest is known: what people are shown is its first and last four characters.
    let secret = |key: &str| key["tk_test_".len() + 4..key.len() - 4].to_owned();
    for key in keys {
        let line = log.lines().find(|line| line.contains(&secret(key)));
        assert_eq!(line, None, "a key is in the log");
    }
    for file in std::fs::read_dir(path.join("data")).unwrap() {
        let file = file.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        for key in keys {
            let secret = secret(key);
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "a key is in {}", file.display());
        }
    }
}
