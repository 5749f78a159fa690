//! The invariants of `ARCHITECTURE.md` that can be read off the sources, by their numbers there.

#[cfg(test)]
mod tests;

use crate::shell::{cargo, metadata, output, root};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Number, what must hold, and the look that finds what breaks it.
type Invariant = (&'static str, &'static str, fn() -> Result<Vec<String>>);

const INVARIANTS: [Invariant; 10] = [
    ("A1", "the WASM links nothing native", wasm_is_clean),
    ("A2", "the rules know no runtime, database or network", domain_is_pure),
    ("A3", "only the store names sqlx, only the gateway names async-stripe", drivers_are_confined),
    ("A4", "dependencies point one way", one_way),
    ("A5", "both databases have the same migrations", migrations_pair_up),
    ("A6", "every module says what it is for", modules_are_introduced),
    ("A7", "no list is paged by counting rows, no generated query cache", queries_are_bounded),
    ("A8", "every test named in ARCHITECTURE.md exists", named_tests_exist),
    ("A9", "nothing ties the repository to one machine or package host", nothing_local),
    ("A10", "no crate of ours may hold unsafe code", unsafe_is_forbidden),
];

/// Prints each invariant and what breaks it.
pub(crate) fn report() -> Result<()> {
    let mut broken = 0;
    for (number, what, look) in INVARIANTS {
        let faults = look().with_context(|| format!("while looking at {number}"))?;
        eprintln!("{number} {} {what}", if faults.is_empty() { "ok    " } else { "BROKEN" });
        for fault in &faults {
            eprintln!("     {fault}");
        }
        broken += usize::from(!faults.is_empty());
    }
    if broken > 0 {
        bail!("{broken} of {} invariants broken", INVARIANTS.len());
    }
    Ok(())
}

fn wasm_is_clean() -> Result<Vec<String>> {
    let native = ["tokio", "sqlx", "axum", "hyper", "rustls", "openssl", "async-stripe", "reqwest", "ring"];
    linked("hydrate", &["--target", "wasm32-unknown-unknown"], &native)
}

fn domain_is_pure() -> Result<Vec<String>> {
    linked("domain", &[], &["tokio", "sqlx", "axum", "hyper", "reqwest", "leptos", "async-stripe"])
}

/// Which of `forbidden`, or of their relatives (`sqlx-core`), the package reaches.
fn linked(package: &str, extra: &[&str], forbidden: &[&str]) -> Result<Vec<String>> {
    let mut tree = cargo();
    tree.args(["tree", "--quiet", "--package", package, "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    let tree = output(tree.args(extra))?;
    let reached: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    Ok(reached
        .into_iter()
        .filter(|name| forbidden.iter().any(|bad| is_or_belongs_to(name, bad)))
        .map(|name| format!("{package} links {name}"))
        .collect())
}

fn is_or_belongs_to(name: &str, family: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn drivers_are_confined() -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for (package, dependency, _) in direct_dependencies()? {
        for (family, home) in [("sqlx", "store"), ("async-stripe", "gateway")] {
            if is_or_belongs_to(&dependency, family) && package != home {
                faults.push(format!("{package} names {dependency}, which is for {home} alone"));
            }
        }
    }
    Ok(faults)
}

/// Who may use whom of our own crates. Tests may use the stand-in for Stripe besides.
fn one_way() -> Result<Vec<String>> {
    let allowed = |package: &str| -> &[&str] {
        match package {
            "store" | "gateway" | "app" => &["domain"],
            "server" => &["domain", "store", "gateway", "app", "standin"],
            "simulation" => &["domain", "store"],
            "hydrate" => &["app"],
            _ => &[],
        }
    };
    let dependencies = direct_dependencies()?;
    let ours: BTreeSet<&str> = dependencies.iter().map(|(package, ..)| package.as_str()).collect();
    Ok(dependencies
        .iter()
        .filter(|(_, dependency, _)| ours.contains(dependency.as_str()))
        .filter(|(package, dependency, _)| !allowed(package).contains(&dependency.as_str()))
        .filter(|(_, dependency, kind)| !(kind == "dev" && dependency == "standin"))
        .map(|(package, dependency, kind)| format!("{package} must not depend on {dependency} ({kind})"))
        .collect())
}

/// (package, what its manifest names, kind) of every package of ours.
fn direct_dependencies() -> Result<Vec<(String, String, String)>> {
    let metadata = metadata()?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().context("cargo metadata names no packages")? {
        for dependency in package["dependencies"].as_array().context("a package without a list of dependencies")? {
            let kind = dependency["kind"].as_str().unwrap_or("normal").to_owned();
            found.push((text(&package["name"]), text(&dependency["name"]), kind));
        }
    }
    Ok(found)
}

fn migrations_pair_up() -> Result<Vec<String>> {
    let names = |folder: &str| -> Result<BTreeSet<String>> {
        let paths = files_below(&root().join("migrations").join(folder), "sql")?;
        Ok(paths.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    };
    let (sqlite, postgres) = (names("sqlite")?, names("postgres")?);
    if sqlite.is_empty() {
        return Ok(vec!["migrations/sqlite is empty".into()]);
    }
    Ok(sqlite.symmetric_difference(&postgres).map(|name| format!("migrations: {name} has no twin")).collect())
}

fn modules_are_introduced() -> Result<Vec<String>> {
    let sources = sources()?;
    Ok(sources
        .iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| format!("{} does not begin with //!", path.display()))
        .collect())
}

fn queries_are_bounded() -> Result<Vec<String>> {
    let mut faults: Vec<String> = Vec::new();
    let mut looked_at = sources()?;
    looked_at.retain(|(path, _)| path.starts_with("crates/store"));
    looked_at.extend(read_all(files_below(&root().join("migrations"), "sql")?)?);
    for (path, text) in looked_at {
        for (index, line) in text.lines().enumerate() {
            if pages_by_offset(line) {
                faults.push(format!("{}:{}: pages by OFFSET", path.display(), index + 1));
            }
        }
    }
    for folder in ["", "crates/store", "server"] {
        let cache = root().join(folder).join(".sqlx");
        if cache.exists() {
            faults.push(format!("{} exists", cache.display()));
        }
    }
    Ok(faults)
}

/// SQL's `offset`, which reads and throws away every row before it; a comment may speak of it.
fn pages_by_offset(line: &str) -> bool {
    let line = line.trim_start().to_ascii_lowercase();
    if line.starts_with("//") || line.starts_with("--") {
        return false;
    }
    line.split("offset ")
        .skip(1)
        .any(|rest| rest.starts_with(['$', '?', ':', '{']) || rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn named_tests_exist() -> Result<Vec<String>> {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md"))?;
    let mut texts: Vec<String> = sources()?.into_iter().map(|(_, text)| text).collect();
    texts.extend(read_all(files_below(&root().join("end2end"), "mjs")?)?.into_iter().map(|(_, text)| text));
    let missing = |name: &&str| {
        let (rust, node) = (format!("fn {name}("), format!("test(\"{name}\""));
        !texts.iter().any(|text| text.contains(&rust) || text.contains(&node))
    };
    let named: BTreeSet<&str> = named_tests(&page).collect();
    if named.is_empty() {
        return Ok(vec!["ARCHITECTURE.md names no test".into()]);
    }
    Ok(named.into_iter().filter(missing).map(|name| format!("ARCHITECTURE.md names the test {name}")).collect())
}

/// The tests a page names: code spans after the word "Test:" or "Tests:", to the end of the line.
fn named_tests(page: &str) -> impl Iterator<Item = &str> {
    page.lines()
        .filter_map(|line| line.split_once("Tests: ").or_else(|| line.split_once("Test: ")))
        .flat_map(|(_, rest)| rest.split('`').skip(1).step_by(2))
}

fn nothing_local() -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for folder in ["end2end", "end2end/measure", crate::example::FOLDER] {
        let lock = fs::read_to_string(root().join(folder).join("package-lock.json"))?;
        if lock.contains("\"resolved\"") {
            faults.push(format!("{folder}/package-lock.json names the host its packages came from"));
        }
    }
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    for name in ["Cargo.lock", "fuzz/Cargo.lock"] {
        let lock = fs::read_to_string(root().join(name))?;
        for source in lock.lines().filter_map(|line| line.strip_prefix("source = ")) {
            if source.trim_matches('"') != registry {
                faults.push(format!("{name} takes a package from {source}"));
            }
        }
    }
    Ok(faults)
}

/// `forbid` cannot be taken back inside of a crate; `fuzz` is a workspace of its own.
fn unsafe_is_forbidden() -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for manifest in [root().join("Cargo.toml"), root().join("fuzz/Cargo.toml")] {
        if !fs::read_to_string(&manifest)?.lines().any(|line| line == "unsafe_code = \"forbid\"") {
            faults.push(format!("{} does not forbid unsafe_code", manifest.display()));
        }
    }
    for manifest in manifests()? {
        if !inherits_lints(&fs::read_to_string(&manifest)?) {
            faults.push(format!("{} does not take the workspace's lints", manifest.display()));
        }
    }
    Ok(faults)
}

fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().skip_while(|line| *line != "[lints]").skip(1);
    lines.next() == Some("workspace = true")
}

/// The manifests of the workspace's packages.
pub(crate) fn manifests() -> Result<Vec<PathBuf>> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    Ok(packages.iter().filter_map(|package| Some(package["manifest_path"].as_str()?.into())).collect())
}

/// Every Rust source of ours with its path below the root.
fn sources() -> Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for folder in ["app", "crates", "fuzz", "server", "xtask"] {
        files.extend(files_below(&root().join(folder), "rs")?);
    }
    read_all(files)
}

fn read_all(files: Vec<PathBuf>) -> Result<Vec<(PathBuf, String)>> {
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).with_context(|| format!("while reading {}", path.display()))?;
            Ok((path.strip_prefix(root()).map(Path::to_path_buf).unwrap_or(path), text))
        })
        .collect()
}

fn files_below(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("while reading {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if name != "target" && name != "node_modules" {
                found.extend(files_below(&path, extension)?);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
