//! The files for operators set what there is to set, and lead to what there is to read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use server::config::SETTINGS;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Words in capitals of one line that something is given to, by any of these signs.
fn set_in<'a>(line: &'a str, signs: &[char]) -> Option<&'a str> {
    let line = line.trim_start();
    let line = line.strip_prefix("ENV ").or_else(|| line.strip_prefix("Environment=")).unwrap_or(line);
    let (name, _) = line.split_once(|c| signs.contains(&c))?;
    (name.contains('_') || name == "LISTEN").then_some(name).filter(|name| {
        name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') && !name.starts_with("POSTGRES_")
    })
}

#[test]
fn what_is_deployed_sets_what_there_is_to_set() {
    let known: BTreeSet<&str> =
        SETTINGS.iter().flat_map(|setting| [Some(setting.name), setting.file]).flatten().collect();
    let mut found = 0;
    for (path, signs) in [
        ("Dockerfile", &['='][..]),
        ("compose.yaml", &[':']),
        ("compose.postgres.yaml", &[':']),
        ("deploy/systemd/tollkeeper.service", &['=']),
        ("deploy/systemd/credentials.conf", &['=']),
    ] {
        for name in read(path).lines().filter_map(|line| set_in(line, signs)) {
            found += 1;
            assert!(known.contains(name), "{path} sets {name}");
        }
    }
    assert!(found > 12, "only {found} were found");
}

#[test]
fn every_setting_is_in_the_readme_and_the_example() {
    let (readme, example) = (read("README.md"), read(".env.example"));
    for setting in SETTINGS.iter().filter(|setting| !setting.hidden) {
        assert!(readme.contains(&format!("`{}`", setting.name)), "README.md: {}", setting.name);
        // Those of the reconcile are worth no line of their own in a file to start from.
        if !setting.name.starts_with("RECONCILE") {
            assert!(example.contains(&format!("#{}=", setting.name)), ".env.example: {}", setting.name);
        }
    }
}

#[test]
fn every_alert_says_what_happened_what_to_do_and_where_that_stands() {
    let rules = read("deploy/prometheus/alerts.yml");
    let guide = read("docs/operation.md");
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() >= 15);
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        let of = |field: &str| {
            let line = alert.lines().find_map(|line| line.trim_start().strip_prefix(field)?.strip_prefix(": "));
            line.unwrap_or_else(|| panic!("{name} has no {field}")).trim_matches('"')
        };
        assert!(!of("summary").is_empty() && of("description").len() > 40, "{name}");
        let anchor = of("runbook").strip_prefix("docs/operation.md#").unwrap_or_else(|| panic!("{name}"));
        assert!(anchor.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}: {anchor}");
        let heading = |line: &str| line.starts_with('#') && slug(line.trim_start_matches('#')) == anchor;
        let has = guide.lines().any(heading) || guide.contains(&format!("id=\"{anchor}\""));
        assert!(has, "docs/operation.md has no place for {name}: {anchor}");
    }
}

#[test]
fn the_guide_leads_to_what_there_is() {
    let guide = read("docs/operation.md");
    for link in guide.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let path = if file.is_empty() { "docs/operation.md".to_owned() } else { format!("docs/{file}") };
        assert!(root().join(&path).exists(), "{link}");
        let text = if path.ends_with(".md") { read(&path) } else { String::new() };
        let heading = |line: &str| line.starts_with('#') && slug(line.trim_start_matches('#')) == anchor;
        assert!(anchor.is_empty() || text.lines().any(heading), "{link}");
    }
}

/// The anchor that a heading gets.
fn slug(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}
