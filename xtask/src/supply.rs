//! What the program is made of: licences and sources of its dependencies, weaknesses known of them, and a list of its parts.

use crate::shell::{cargo, output, root, run, target_dir, which};
use crate::{example, setup};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The list of parts beside each manifest, where cargo-cyclonedx leaves it.
const LEFT: &str = "tollkeeper-parts";

/// Whether the tool that judges dependencies is here. Building it takes minutes, so no other check waits for it.
pub(crate) fn has_deny() -> bool {
    output(cargo().args(["deny", "--version"])).is_ok()
}

/// Licences, bans and sources: they follow from the lock file alone, so that what is said of a commit stays true.
pub(crate) fn judge_dependencies() -> Result<()> {
    run(cargo().args(["deny", "--log-level", "error", "check", "--show-stats", "licenses", "bans", "sources"]))
}

/// All checks of dependencies, also those that depend on what is known today. What cannot be asked from here is told, not failed.
pub(crate) fn check() -> Result<()> {
    if !setup::cargo_tool("cargo-deny", "deny", "which judges dependencies") {
        bail!("cargo-deny is needed and could not be installed");
    }
    judge_dependencies()?;
    let mut told = vec![("licences, bans and sources".to_owned(), "ok".to_owned())];
    told.push(("advisories of Rust crates".to_owned(), advisories()?));
    for folder in ["end2end", "end2end/measure", example::FOLDER] {
        told.push((format!("advisories of npm packages, {folder}"), npm_audit(folder)?));
    }
    eprintln!();
    for (what, word) in &told {
        eprintln!("{what:<52} {word}");
    }
    Ok(())
}

/// Weaknesses in the RustSec database, where it can be fetched.
fn advisories() -> Result<String> {
    eprintln!("$ cargo deny fetch db");
    if let Err(error) = output(cargo().args(["deny", "fetch", "db"])) {
        eprintln!("{error:#}");
        return Ok("skipped: the RustSec database cannot be fetched from here".to_owned());
    }
    run(cargo().args(["deny", "check", "--disable-fetch", "advisories"]))?;
    Ok("ok".to_owned())
}

/// Weaknesses of high or critical severity among a folder's npm packages, where the registry answers the question.
fn npm_audit(folder: &str) -> Result<String> {
    if which(&["npm"]).is_none() {
        return Ok("skipped: no npm".to_owned());
    }
    eprintln!("$ npm audit --audit-level=high   in {folder}");
    // It ends with an error both when it found something and when it could not ask.
    let asked = Command::new("npm")
        .current_dir(root().join(folder))
        .args(["audit", "--json", "--audit-level=high", "--fetch-retries=0"])
        .output()
        .context("while starting npm")?;
    let answer: Value = serde_json::from_slice(&asked.stdout).unwrap_or_default();
    let Some(found) = answer.pointer("/metadata/vulnerabilities") else {
        let why = answer["message"].as_str().unwrap_or("no answer");
        return Ok(format!("skipped: the registry answers no audit ({why})"));
    };
    let grave = ["high", "critical"].iter().filter_map(|severity| found[severity].as_u64()).sum::<u64>();
    ensure!(
        grave == 0,
        "{folder}: {grave} weaknesses of high or critical severity; `npm audit` in that folder names them"
    );
    Ok(format!("ok, {} of lower severity", found["total"].as_u64().unwrap_or(0)))
}

/// Writes the parts of the server's program as CycloneDX 1.5 into `target/sbom/tollkeeper.cdx.json`.
pub(crate) fn bill_of_materials() -> Result<()> {
    if !setup::cargo_tool("cargo-cyclonedx", "cyclonedx", "which lists the parts of a program") {
        bail!("cargo-cyclonedx is needed and could not be installed");
    }
    let listed = run(cargo().args(["cyclonedx", "--manifest-path", "server/Cargo.toml", "--format", "json"]).args([
        "--spec-version",
        "1.5",
        "--override-filename",
        LEFT,
        "--quiet",
    ]));
    // It writes one for each of our crates, beside its manifest.
    let text = fs::read_to_string(root().join(format!("server/{LEFT}.json")));
    for manifest in crate::tidy::manifests()? {
        let _ = fs::remove_file(manifest.with_file_name(format!("{LEFT}.json")));
    }
    listed?;
    // What is of ours is named by its place in the repository, not by that on this machine.
    let here = fs::canonicalize(root())?;
    let text = text.context("cargo-cyclonedx wrote no list")?.replace(&format!("{}/", here.display()), "");
    let parts: Value = serde_json::from_str(&text).context("while reading the list of parts")?;
    let number = complete(&parts)?;
    let path: PathBuf = target_dir()?.join("sbom/tollkeeper.cdx.json");
    fs::create_dir_all(path.parent().context("a folder")?)?;
    fs::write(&path, text)?;
    eprintln!("sbom: {number} parts in {}", path.display());
    Ok(())
}

/// How many parts there are, each with its name, version, package URL and licence, and those of others with their hash.
fn complete(parts: &Value) -> Result<usize> {
    ensure!(parts["bomFormat"] == "CycloneDX" && parts["specVersion"] == "1.5", "this is no CycloneDX 1.5");
    ensure!(parts["metadata"]["component"]["name"] == "server", "the list is not about the server");
    let components = parts["components"].as_array().context("the list names no parts")?;
    for part in components {
        let name = part["name"].as_str().context("a part has no name")?;
        let purl = part["purl"].as_str().unwrap_or_default();
        ensure!(part["version"].is_string() && purl.starts_with("pkg:cargo/"), "{name} has no version or package URL");
        ensure!(part["licenses"].as_array().is_some_and(|some| !some.is_empty()), "{name} has no licence");
        let is_ours = purl.contains("download_url=file");
        ensure!(is_ours || part["hashes"][0]["content"].is_string(), "{name} has no hash");
    }
    ensure!(components.iter().any(|part| part["name"] == "libsqlite3-sys"), "SQLite is not among the parts");
    Ok(components.len())
}

#[cfg(test)]
mod tests {
    use super::complete;
    use serde_json::json;

    #[test]
    fn a_list_that_lacks_something_is_refused() {
        let sqlite = json!({
            "name": "libsqlite3-sys", "version": "0.37.0", "purl": "pkg:cargo/libsqlite3-sys@0.37.0",
            "licenses": [{"expression": "MIT"}], "hashes": [{"alg": "SHA-256", "content": "00"}],
        });
        let list = |parts: Vec<serde_json::Value>| json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "metadata": {"component": {"name": "server"}}, "components": parts});
        assert_eq!(complete(&list(vec![sqlite.clone()])).unwrap(), 1);
        for field in ["version", "purl", "licenses", "hashes"] {
            let mut part = sqlite.clone();
            part.as_object_mut().unwrap().remove(field);
            assert!(complete(&list(vec![part])).is_err(), "{field}");
        }
        assert!(complete(&list(vec![])).is_err());
    }
}
