//! What the other commands need on this machine. Each part looks first, says what it does, and may be repeated.

use crate::postgres;
use crate::shell::{cargo, output, root, run, which};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const WASM: &str = "wasm32-unknown-unknown";

/// What could not be had; empty when the machine has everything.
pub(crate) type Missing = Vec<&'static str>;

/// All of it. What cannot be had is said, not fatal: most commands work without some of it.
pub(crate) fn everything() -> Result<Missing> {
    let mut missing = Missing::new();
    if !wasm_target() {
        missing.push("the WASM target of the compiler");
    }
    if !cargo_tool("cargo-nextest", "nextest", "the test runner") {
        missing.push("cargo-nextest");
    }
    system_packages();
    if chromium().is_none() {
        missing.push("Chromium");
    }
    if postgres::bin_dir().is_none() {
        missing.push("PostgreSQL's server programs");
    }
    match which(&["node"]) {
        None => missing.push("Node.js 20 or newer"),
        Some(_) => {
            node_modules("end2end")?;
            node_modules(crate::example::FOLDER)?;
        }
    }
    for what in &missing {
        eprintln!("setup: missing: {what}");
    }
    if missing.is_empty() {
        eprintln!("setup: everything is here");
    }
    Ok(missing)
}

/// Whether the compiler can build for WASM, after trying to teach it.
pub(crate) fn wasm_target() -> bool {
    if has_wasm_target() {
        return true;
    }
    eprintln!("setup: adding the compiler's target {WASM}");
    let added = run(Command::new("rustup").current_dir(root()).args(["target", "add", WASM]));
    if let Err(error) = added {
        eprintln!("setup: {error:#}");
    }
    has_wasm_target()
}

/// A distribution's compiler has no rustup but may have the target, so the compiler itself is asked.
fn has_wasm_target() -> bool {
    let asked = output(Command::new("rustc").current_dir(root()).args(["--print", "target-libdir", "--target", WASM]));
    asked.is_ok_and(|dir| Path::new(dir.trim()).is_dir())
}

/// Whether `cargo COMMAND` is here, after trying to install the package it comes with.
pub(crate) fn cargo_tool(package: &str, command: &str, what: &str) -> bool {
    let has = || output(cargo().args([command, "--version"])).is_ok();
    if has() {
        return true;
    }
    eprintln!("setup: installing {package}, {what}; this takes some minutes");
    if let Err(error) = run(cargo().args(["install", "--locked", package])) {
        eprintln!("setup: {error:#}");
    }
    has()
}

/// Chromium for the browser tests and PostgreSQL for the store's: installed on Debian and its kin when we are root.
fn system_packages() {
    let mut wanted = Vec::new();
    if chromium().is_none() {
        wanted.push("chromium");
    }
    if postgres::bin_dir().is_none() {
        wanted.push("postgresql");
    }
    if wanted.is_empty() {
        return;
    }
    if which(&["apt-get"]).is_none() || !is_root() {
        eprintln!("setup: please install {} with your system's package manager", wanted.join(" and "));
        return;
    }
    eprintln!("setup: installing {} with apt-get", wanted.join(" and "));
    let apt = |args: &[&str]| run(Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(args));
    let installed = apt(&["update", "-q"])
        .and_then(|()| apt(&[["install", "-qy", "--no-install-recommends"].as_slice(), &wanted].concat()));
    if let Err(error) = installed {
        eprintln!("setup: {error:#}");
    }
}

/// The browser the tests drive. `CHROMIUM` names another one.
pub(crate) fn chromium() -> Option<PathBuf> {
    match std::env::var_os("CHROMIUM") {
        Some(path) => Some(PathBuf::from(path)).filter(|path| path.is_file()),
        None => which(&["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]),
    }
}

/// Installs a folder's packages when its lock file is newer than what is there.
pub(crate) fn node_modules(name: &str) -> Result<()> {
    let folder = root().join(name);
    let changed = |path: &str| fs::metadata(folder.join(path)).and_then(|meta| meta.modified());
    let lock = changed("package-lock.json").with_context(|| format!("while looking at {name}/package-lock.json"))?;
    // npm writes this file last, so an interrupted installation is not taken for a whole one.
    if changed("node_modules/.package-lock.json").is_ok_and(|installed| installed >= lock) {
        return Ok(());
    }
    eprintln!("setup: installing the packages of {name}/");
    run(Command::new("npm").current_dir(folder).args(["ci", "--no-audit", "--no-fund"]))
}

/// Whether this process may install packages and change users.
pub(crate) fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
