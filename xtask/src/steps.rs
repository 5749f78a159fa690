//! `cargo xtask test`: every check in one order, with times, stopping at the first that fails.

use crate::postgres::{self, Postgres};
use crate::shell::{cargo, root, run, target_dir, which};
use crate::{setup, supply, take_flag, tidy, web};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What one step came to.
enum Outcome {
    Done,
    /// Could not run on this machine, and why.
    Skipped(&'static str),
    /// Not done unless its tool is here already, and why; what it takes to install it is not asked of every machine.
    LeftOut(&'static str),
}

type Step = (&'static str, fn() -> Result<Outcome>);

/// Cheap checks first, so that a slip is told in seconds.
const STEPS: [Step; 11] = [
    ("setup", || setup::everything().map(|_| Outcome::Done)),
    ("format", || done(run(cargo().args(["fmt", "--all", "--check"])))),
    ("invariants", || done(tidy::report())),
    ("supply-chain", supply_chain),
    ("lints", lints),
    ("web", web),
    ("tests", rust_tests),
    ("postgres", postgres_tests),
    ("programs", || done(run(cargo().args(["build", "--workspace", "--bins"])))),
    ("counterparts", || node_tests("counterparts", false)),
    ("browser", || node_tests("tests", true)),
];

/// Runs every step, or the one named by `--only`. With `--strict` a step that cannot run here fails.
pub(crate) fn test(args: &[String]) -> Result<()> {
    let mut args = args.to_vec();
    let strict = take_flag(&mut args, "--strict");
    let only = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--only", step] if STEPS.iter().any(|(name, _)| *name == step) => Some(step.to_owned()),
        _ => bail!("cargo xtask test [--strict] [--only {}]", STEPS.map(|(name, _)| name).join("|")),
    };

    let mut report: Vec<(&str, Duration, &str)> = Vec::new();
    let mut failure = None;
    for (name, step) in STEPS.into_iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name)) {
        eprintln!("\n=== {name}");
        let start = Instant::now();
        let (word, error) = match step() {
            Ok(Outcome::Done) => ("ok", None),
            Ok(Outcome::Skipped(why)) if strict => ("FAILED", Some(anyhow::anyhow!("could not run: {why}"))),
            Ok(Outcome::Skipped(why) | Outcome::LeftOut(why)) => (why, None),
            Err(error) => ("FAILED", Some(error)),
        };
        report.push((name, start.elapsed(), word));
        if let Some(error) = error {
            failure = Some(error.context(format!("step {name} failed")));
            break;
        }
    }

    eprintln!();
    for (name, took, word) in &report {
        eprintln!("{name:<13} {:>7.1} s  {word}", took.as_secs_f64());
    }
    eprintln!("{:<13} {:>7.1} s", "together", report.iter().map(|(_, took, _)| took.as_secs_f64()).sum::<f64>());
    failure.map_or(Ok(()), Err)
}

/// Pictures of every page, for a person to look at.
pub(crate) fn shots() -> Result<()> {
    setup::everything()?;
    web::build()?;
    run(cargo().args(["build", "--package", "server", "--bin", "tollkeeper"]))?;
    run(node()?.arg("end2end/shots.mjs"))
}

/// What takes a clock to tell, so that no test does: Lighthouse on the main pages of a release build.
pub(crate) fn measure() -> Result<()> {
    setup::everything()?;
    setup::node_modules("end2end/measure")?;
    web::build()?;
    run(cargo().args(["build", "--release", "--package", "server", "--bin", "tollkeeper"]))?;
    let program = target_dir()?.join("release/tollkeeper");
    run(node()?.env("TOLLKEEPER_BIN", program).arg("end2end/measure/lighthouse.mjs"))
}

/// What follows from the lock file alone; `cargo xtask supply-chain` asks for known weaknesses too.
fn supply_chain() -> Result<Outcome> {
    if !supply::has_deny() {
        return Ok(Outcome::LeftOut("skipped: cargo-deny is not installed, `cargo install cargo-deny --locked`"));
    }
    done(supply::judge_dependencies())
}

fn lints() -> Result<Outcome> {
    done(run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])))
}

fn web() -> Result<Outcome> {
    Ok(match web::build()? {
        web::Built::Whole => Outcome::Done,
        web::Built::WithoutWasm => Outcome::Skipped("skipped: no WASM target"),
    })
}

/// All tests: those of the store run on SQLite and PostgreSQL both, those of the whole program on SQLite.
fn rust_tests() -> Result<Outcome> {
    let mut command = cargo();
    if has_nextest() {
        command.args(["nextest", "run", "--workspace"]);
    } else {
        eprintln!("no cargo-nextest: cargo test instead");
        command.args(["test", "--workspace"]);
    }
    match database_server()? {
        Some(server) => done(run(command.env("TEST_DATABASE_URL", &server.url))),
        None => {
            run(&mut command)?;
            Ok(Outcome::Skipped("without PostgreSQL: none is installed"))
        }
    }
}

/// The tests of the whole program once more, on PostgreSQL.
fn postgres_tests() -> Result<Outcome> {
    let Some(server) = database_server()? else {
        return Ok(Outcome::Skipped("skipped: no PostgreSQL is installed"));
    };
    // As before, so that nothing is built again.
    let mut command = cargo();
    if has_nextest() {
        command.args(["nextest", "run", "--workspace", "-E", "package(server) and binary(it)"]);
    } else {
        command.args(["test", "--workspace", "--test", "it"]);
    }
    done(run(command.env("TEST_DATABASE_URL", &server.url).env("TEST_ENGINE", "postgres")))
}

fn has_nextest() -> bool {
    crate::shell::output(cargo().args(["nextest", "--version"])).is_ok()
}

/// A PostgreSQL that tests may make databases on.
struct DatabaseServer {
    url: String,
    /// Ours, until it is dropped.
    _own: Option<Postgres>,
}

/// The one that `TEST_DATABASE_URL` names, or one of our own from what is installed.
fn database_server() -> Result<Option<DatabaseServer>> {
    if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
        return Ok(Some(DatabaseServer { url, _own: None }));
    }
    if postgres::bin_dir().is_none() {
        return Ok(None);
    }
    let own = Postgres::start()?;
    Ok(Some(DatabaseServer { url: own.url(), _own: Some(own) }))
}

/// Runs the `*.test.mjs` files of a folder of `end2end` against the debug programs.
fn node_tests(folder: &str, browser: bool) -> Result<Outcome> {
    if which(&["node"]).is_none() {
        return Ok(Outcome::Skipped("skipped: no Node.js"));
    }
    if browser && setup::chromium().is_none() {
        return Ok(Outcome::Skipped("skipped: no Chromium"));
    }
    let mut files = Vec::new();
    collect_tests(&root().join("end2end").join(folder), &mut files)?;
    files.sort();
    if files.is_empty() {
        bail!("end2end/{folder} holds no *.test.mjs");
    }
    // Two files at a time: half of a file's time is waiting. Three held as well, on two cores at a load of eleven.
    done(run(node()?
        .args(["--test", "--test-reporter=spec", "--test-concurrency=2", "--test-timeout=600000"])
        .args(files)))
}

/// Node, told where the programs and the browser are.
fn node() -> Result<Command> {
    let programs = target_dir()?.join("debug");
    let mut node = Command::new("node");
    node.current_dir(root())
        .env("TOLLKEEPER_BIN", programs.join("tollkeeper"))
        .env("STANDIN_BIN", programs.join("stripe-standin"));
    if let Some(chromium) = setup::chromium() {
        node.env("CHROMIUM", chromium);
    }
    Ok(node)
}

fn collect_tests(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("while reading {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect_tests(&path, files)?;
        } else if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    Ok(())
}

fn done(result: Result<()>) -> Result<Outcome> {
    result.map(|()| Outcome::Done)
}
