//! `tollkeeper doctor`, with the server running and without.

use std::process::Output;

use domain::Livemode;
use serde_json::Value;
use tokio::process::Command;

use super::{OF_THE_MACHINE, TEST, whole};
use crate::helpers::database::is_postgres;
use crate::helpers::{SECRET, STRIPE_KEY, TestApp};

async fn doctor(folder: &std::path::Path, env: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollkeeper"));
    command.arg("doctor").args(args).current_dir(folder).env_clear().env("LOG", "warn");
    command.envs(env.iter().copied()).output().await.unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

async fn of(app: &TestApp, args: &[&str]) -> Output {
    let (folder, base) = (tempfile::tempdir().unwrap(), app.stripe.base_url());
    let env = [
        ("DATABASE_URL", app.state.config.database_url.expose()),
        ("PUBLIC_URL", &app.url),
        ("STRIPE_API_BASE", &base),
        ("STRIPE_SECRET_KEY", STRIPE_KEY),
        ("STRIPE_WEBHOOK_SECRET", SECRET),
    ];
    doctor(folder.path(), &env, args).await
}

#[tokio::test]
async fn a_whole_installation_ends_with_0_while_the_server_runs() {
    let app = whole().await;
    let output = of(&app, &["--json"]).await;
    let report = json(&output);
    // The PostgreSQL of the tests does not sync, which is a fault anywhere else.
    assert!(output.status.success() || is_postgres(), "{report:#}");
    assert_eq!((&report["object"], &report["livemode"]), (&Value::from("setup_report"), &Value::from(false)));
    let checks = report["checks"].as_array().unwrap();
    for check in checks.iter().filter(|check| !OF_THE_MACHINE.contains(&check["id"].as_str().unwrap())) {
        assert_eq!(check["state"], "pass", "{check:#}");
        assert!(check["looked_at"].is_string() && check["found"].is_string(), "{check:#}");
    }
    let page = server::validator::run(&app.state, TEST, server::validator::PATIENCE).await.unwrap();
    let ids: Vec<&str> = checks.iter().map(|check| check["id"].as_str().unwrap()).collect();
    assert_eq!(ids, page.checks.iter().map(|check| check.id).collect::<Vec<_>>(), "the page has the same list");
}

#[tokio::test]
async fn what_fails_ends_with_1_and_is_told_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let output = doctor(folder.path(), &[("PUBLIC_URL", "http://127.0.0.1:1")], &[]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("set-up of test mode") && text.contains(": fail\n"), "{text}");
    assert!(
        text.contains("fail    V07 Signing secret: There is none") && text.contains("-> Set STRIPE_WEBHOOK_SECRET"),
        "{text}"
    );
    assert!(text.contains("V01 Public address: It is http://127.0.0.1:1, and nothing answers there."), "{text}");
}

#[tokio::test]
async fn the_mode_is_chosen() {
    let app = whole().await;
    let report = json(&of(&app, &["--json", "--mode", "live"]).await);
    assert_eq!(report["livemode"], Livemode::Live.is_live());
    let of = |id: &str| {
        report["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap()["state"].clone()
    };
    assert_eq!((of("V04"), of("V02")), (Value::from("skipped"), Value::from("warn")));
}
