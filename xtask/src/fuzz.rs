//! `cargo xtask fuzz`: inputs nobody thought of, for the code that reads what strangers send.

use crate::setup;
use crate::shell::{output, root, run};
use anyhow::{Context, Result, bail};
use std::fs;
use std::process::Command;

/// The programs of `fuzz/fuzz_targets`.
const TARGETS: [&str; 4] = ["signature", "event", "thin_event", "query"];

/// Runs one of them for so many seconds (60), from the inputs in the repository and what was found before on this machine.
pub(crate) fn start(args: &[String]) -> Result<()> {
    let (target, seconds) = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [target] if TARGETS.contains(&target) => (target, "60"),
        [target, seconds] if TARGETS.contains(&target) && seconds.parse::<u32>().is_ok() => (target, seconds),
        _ => bail!("cargo xtask fuzz {} [SECONDS]", TARGETS.join("|")),
    };
    let nightly = || {
        let mut rustup = Command::new("rustup");
        // This cargo is another toolchain's.
        rustup.env_remove("CARGO").current_dir(root().join("fuzz")).args(["run", "nightly"]);
        rustup
    };
    output(nightly().args(["rustc", "--version"]))
        .context("fuzzing needs a nightly compiler: rustup toolchain install nightly --profile minimal")?;
    if !setup::cargo_tool("cargo-fuzz", "fuzz", "which builds and runs fuzz targets") {
        bail!("cargo-fuzz is needed and could not be installed");
    }
    // New inputs go into the first folder, which is not committed.
    let found = format!("found/{target}");
    fs::create_dir_all(root().join("fuzz").join(&found))?;
    let known = format!("corpus/{target}");
    run(nightly()
        .args(["cargo", "fuzz", "run", target, &found, &known, "--", "-max_len=8192", "-timeout=10"])
        .arg(format!("-max_total_time={seconds}")))
}
