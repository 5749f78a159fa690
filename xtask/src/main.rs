//! `cargo xtask …`: everything one does with this repository. Each command does its own set-up and says what it does.

mod example;
mod fuzz;
mod postgres;
mod setup;
mod shell;
mod steps;
mod supply;
mod tidy;
mod web;

use anyhow::{Result, bail};
use shell::{cargo, exec, root};
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  demo [--release] [--no-web] [ARG…]    build, then `tollkeeper demo ARG…`: a filled temporary database and a stand-in for Stripe
  seed [CUSTOMERS]                      the demo with 100,000 customers and 1,000,000 events, or as many as are asked for
  example [--no-web] [ARG…]             the demo with a host application on top of it: examples/node-express
  serve [--release] [--no-web] [ARG…]   build, then `tollkeeper serve ARG…`
  test [--strict] [--only STEP]         every check, in order; --strict: what cannot run here is a failure
  tidy                                  the invariants of ARCHITECTURE.md
  web                                   the WASM of the islands, into target/site/pkg
  setup                                 what the others need on this machine; safe to repeat
  bench webhook|access|engine|resync|pages|flood|instances [N]
                                        the benchmarks, each against its own yardstick in the same run
  fuzz TARGET [SECONDS]                 a fuzz target: signature, event, thin_event or query; wants a nightly compiler
  supply-chain                          licences, sources and known weaknesses of everything that is depended on
  sbom                                  the parts of the program as CycloneDX, into target/sbom
  shots                                 pictures of every page into end2end/shots
  measure                               Lighthouse on the main pages of a release build, against their goals";

fn main() -> ExitCode {
    match command(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not `{:?}`: where in this program it happened helps nobody who runs it.
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(mut args: Vec<String>) -> Result<()> {
    let command = if args.is_empty() { String::new() } else { args.remove(0) };
    match command.as_str() {
        "setup" => setup::everything().map(drop),
        "web" => web::build().map(drop),
        "serve" | "demo" => run(&command, args),
        "seed" => {
            let customers = if args.is_empty() { "100000".to_owned() } else { args.remove(0) };
            run("demo", [vec!["--release".to_owned(), "--customers".to_owned(), customers], args].concat())
        }
        "example" => example::start(args),
        "test" => steps::test(&args),
        "tidy" => tidy::report(),
        "bench" => bench(args),
        "fuzz" => fuzz::start(&args),
        "supply-chain" => supply::check(),
        "sbom" => supply::bill_of_materials(),
        "shots" => steps::shots(),
        "measure" => steps::measure(),
        "help" | "--help" | "-h" | "" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("no such command: {other}\n\n{USAGE}"),
    }
}

/// Builds and becomes the program, so that Ctrl-C and SIGTERM reach it and no one in between.
fn run(command: &str, mut args: Vec<String>) -> Result<()> {
    // `cargo xtask serve -- --listen …` is what fingers type; the alias has its own `--` already.
    args.retain(|arg| arg != "--");
    let release = take_flag(&mut args, "--release");
    if !take_flag(&mut args, "--no-web") {
        web::build()?;
    }
    if !release {
        eprintln!("xtask: a debug build, which starts soonest; --release for one that is measured or kept");
    }
    let mut cargo = cargo();
    cargo.args(["run", "--package", "server", "--bin", "tollkeeper"]);
    if release {
        cargo.arg("--release");
    }
    exec(cargo.arg("--").arg(command).args(args))
}

fn bench(mut args: Vec<String>) -> Result<()> {
    let name = if args.is_empty() { String::new() } else { args.remove(0) };
    if !["webhook", "access", "engine", "resync", "pages", "flood", "instances"].contains(&name.as_str()) {
        bail!("which benchmark? webhook, access, engine, resync, pages, flood or instances");
    }
    exec(cargo().current_dir(root()).args(["bench", "--package", "server", "--bench", &name, "--"]).args(args))
}

/// Removes `flag` from `args` and says whether it was there. What follows belongs to the program that is run.
fn take_flag(args: &mut Vec<String>, flag: &str) -> bool {
    let before = args.len();
    args.retain(|arg| arg != flag);
    args.len() < before
}
