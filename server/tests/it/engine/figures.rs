//! What Prometheus is told, and that the dashboard and the alert rules ask for nothing else.

use crate::helpers::database::is_postgres;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use domain::Livemode;
use serde_json::{Value, json};
use server::metrics::{FIGURES, Kind};
use store::records::Author;

use super::buy;
use super::program::Program;

const MODE: Livemode = Livemode::Test;

/// Everything happens once that has a figure.
async fn scraped() -> (Program, String) {
    let program = Program::start().await;
    program.with_catalog().await;
    buy(&program);
    program.stripe.control().deliver_all().await;
    program.settle().await;
    program.check("user_1").await;
    let wrong = format!("t={},v1={}", program.now(), "0".repeat(64));
    assert_eq!(program.post("{}", Some(&wrong)).await.status(), 400);
    program.state.catch_up.ask(MODE, None, None).await.unwrap();
    program.state.catch_up.run_once().await.unwrap();
    let author = Author::system(program.state.now());
    let reconcile = program.state.resyncs.begin_reconcile(MODE, true, &author).await.unwrap();
    program.state.resyncs.work(Some(&reconcile.resync_id)).await.unwrap().unwrap();
    // PostgreSQL's are made by its own tools.
    if !is_postgres() {
        program.state.backups.make().await.unwrap();
    }
    let text = reqwest::get(format!("{}/metrics", program.base())).await.unwrap().text().await.unwrap();
    (program, text)
}

const BACKUP: &str = "tollkeeper_last_backup_timestamp_seconds";

/// Kinds by name, as the output says them.
fn kinds(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect()
}

/// The value of one line.
fn value(text: &str, line: &str) -> f64 {
    let found = text.lines().find_map(|other| other.strip_prefix(line)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("{line} is not in\n{text}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_figure_is_shown_with_its_kind_and_meaning() {
    let (program, text) = scraped().await;
    let shown = kinds(&text);
    for (kind, name, meaning) in FIGURES {
        if is_postgres() && *name == BACKUP {
            continue;
        }
        assert_eq!(shown.get(name), Some(&kind.as_str()), "{name} in\n{text}");
        assert!(text.contains(&format!("# HELP {name} {meaning}")), "{name}");
    }
    for name in shown.keys() {
        assert!(
            name.starts_with("process_") || FIGURES.iter().any(|(_, figure, _)| figure == name),
            "{name} is nowhere"
        );
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no meaning");
    }
    #[cfg(target_os = "linux")]
    for name in ["process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"] {
        assert!(value(&text, name) > 0.0, "{name}");
    }
    let now = program.now();
    #[expect(clippy::cast_precision_loss, reason = "seconds are few enough")]
    let now = now as f64;
    for (line, expected) in [
        (format!("tollkeeper_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0),
        ("tollkeeper_webhook_rejections_total{reason=\"timestamp_too_old\"}".into(), 0.0),
        ("tollkeeper_webhook_rejections_total{reason=\"signature_mismatch\"}".into(), 1.0),
        ("tollkeeper_webhook_duration_seconds_count{outcome=\"rejected\"}".into(), 1.0),
        ("tollkeeper_last_delivery_timestamp_seconds{mode=\"test\"}".into(), now),
        ("tollkeeper_last_catch_up_timestamp_seconds{mode=\"test\"}".into(), now),
        ("tollkeeper_drift_customers{mode=\"test\",result=\"left\"}".into(), 0.0),
        ("tollkeeper_open_events{mode=\"test\",status=\"dead\"}".into(), 0.0),
        ("tollkeeper_event_queue_age_seconds".into(), 0.0),
        ("tollkeeper_database_up".into(), 1.0),
    ] {
        assert!((value(&text, &line) - expected).abs() < 0.5, "{line}: {}", value(&text, &line));
    }
    if !is_postgres() {
        assert!((value(&text, BACKUP) - now).abs() < 0.5);
    }
    assert!(value(&text, "tollkeeper_database_size_bytes") > 100_000.0);
    let lines = text.lines().filter(|line| !line.starts_with('#')).count();
    assert!(lines < 600, "{lines} lines: who labels by what strangers send?");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_long_an_event_has_been_due_is_shown() {
    let program = Program::start().await;
    let event = json!({"id": "evt_1", "object": "event", "type": "product.created", "created": program.now(), "livemode": false,
        "data": {"object": {"id": "prod_1", "object": "product"}}});
    assert_eq!(program.deliver(&event).await.status(), 200);
    program.clock.advance(90_000);
    let text = server::metrics::render(&program.state).await;
    assert!((value(&text, "tollkeeper_event_queue_age_seconds") - 90.0).abs() < 1.0, "{text}");
    assert!((value(&text, "tollkeeper_open_events{mode=\"test\",status=\"pending\"}") - 1.0).abs() < 0.1, "{text}");
    program.settle().await;
    let text = server::metrics::render(&program.state).await;
    assert!(value(&text, "tollkeeper_event_queue_age_seconds") < 0.1, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_are_told_also_when_the_database_is_gone() {
    let program = Program::start().await;
    program.state.store.close().await;
    let text = server::metrics::render(&program.state).await;
    assert!(value(&text, "tollkeeper_database_up") < 0.5, "{text}");
    assert!(text.contains("tollkeeper_build_info"));
}

/// The names of figures in an expression; those of a histogram by what they are called without their ending.
fn names(expression: &str) -> impl Iterator<Item = String> + '_ {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    expression
        .split(move |c| !is_part(c))
        .filter(|word| word.starts_with("tollkeeper_") || word.starts_with("process_"))
        .map(|word| {
            let stem = ["_bucket", "_count", "_sum"].iter().find_map(|end| word.strip_suffix(end));
            let is_histogram =
                |stem: &&str| FIGURES.iter().any(|(kind, name, _)| name == stem && *kind == Kind::Histogram);
            stem.filter(is_histogram).unwrap_or(word).to_owned()
        })
}

fn strings(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name == key => found.push(text.to_owned()),
                    _ => strings(value, key, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, key, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dashboard_and_the_alerts_name_what_there_is() {
    let (_program, text) = scraped().await;
    let shown = kinds(&text);
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let read = |path: &str| std::fs::read_to_string(deploy.join(path)).unwrap();

    let dashboard: Value = serde_json::from_str(&read("grafana/tollkeeper.json")).unwrap();
    let mut expressions = vec![];
    strings(&dashboard, "expr", &mut expressions);
    let used: BTreeSet<String> = expressions.iter().flat_map(|expression| names(expression)).collect();
    assert!(used.len() > 20, "{used:?}");
    // Those that are there at all times.
    let rules = read("prometheus/alerts.yml");
    for name in used.iter().cloned().chain(names(&rules)) {
        let is_elsewhere = is_postgres() && name == BACKUP;
        assert!(is_elsewhere || shown.contains_key(name.as_str()), "{name} is not shown");
    }
    for (_, name, _) in FIGURES {
        assert!(used.contains(*name), "the dashboard leaves {name} out");
    }
    // Each label that is asked for by its value is one that is shown.
    for part in expressions.iter().map(String::as_str).chain([rules.as_str()]).flat_map(|text| text.split('{').skip(1))
    {
        for (label, values) in part.split('}').next().unwrap().split(',').filter_map(|one| one.split_once('=')) {
            let values = values.trim_start_matches('~').trim_matches('"');
            if matches!(label, "job" | "instance" | "severity")
                || label.contains(':')
                || label.ends_with('!')
                || values == "live"
            {
                continue;
            }
            for value in values.split('|') {
                assert!(text.contains(&format!("{label}=\"{value}\"")), "{label}={value} is not shown");
            }
        }
    }
}
