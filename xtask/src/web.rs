//! The WASM of the islands: built, bound by the same version of wasm-bindgen the code uses, packed, into `target/site/pkg`.
//!
//! `server/build.rs` takes it from there into the program.

use crate::setup;
use crate::shell::{cargo, root, run, target_dir};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::{fs, io};
use wasm_bindgen_cli_support::Bindgen;

/// Largest sizes after brotli, in bytes: what a first visit over a slow line can carry.
const LIMITS: [(&str, usize); 3] = [("tollkeeper_bg.wasm", 90_000), ("tollkeeper.js", 10_000), ("admin.css", 12_000)];

/// What came of it.
#[derive(PartialEq)]
pub(crate) enum Built {
    /// Everything is in place.
    Whole,
    /// No WASM target could be had. The pages work, their islands stay asleep.
    WithoutWasm,
}

/// Builds everything that is served as a file. Writes only what changed, so that an unchanged server is not built anew.
pub(crate) fn build() -> Result<Built> {
    let target = target_dir()?;
    let folder = target.join("site/pkg");
    fs::create_dir_all(&folder)?;

    let mut whole = BTreeMap::new();
    for source in ["style", "public"] {
        for entry in fs::read_dir(root().join(source))? {
            let path = entry?.path();
            if path.is_file() {
                whole.insert(file_name(&path)?, fs::read(&path)?);
            }
        }
    }
    let built = if setup::wasm_target() {
        wasm(&target, &mut whole)?;
        Built::Whole
    } else {
        eprintln!("web: no WASM target here: going on without the islands; every page and form works without them");
        Built::WithoutWasm
    };

    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = file_name(&path)?;
        let base = name.trim_end_matches(".br").trim_end_matches(".gz");
        if !whole.contains_key(base) {
            fs::remove_file(&path)?;
        }
    }
    for (name, bytes) in &whole {
        place(&folder, name, bytes)?;
    }
    fs::write(target.join("site/hash.txt"), hash(&whole))?;
    sizes(&folder, &whole)?;
    Ok(built)
}

/// Compiles into a target folder of its own: another profile and target would make the two builds throw each other's work away.
fn wasm(target: &Path, whole: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    let dir = target.join("web");
    run(cargo()
        // Leptos reads it while it compiles, and then asks for the WASM under another name.
        .env_remove("LEPTOS_OUTPUT_NAME")
        .args(["build", "--package", "hydrate", "--target", "wasm32-unknown-unknown", "--profile", "wasm-release"])
        .arg("--target-dir")
        .arg(&dir))?;

    let bound = dir.join("bound");
    if bound.exists() {
        fs::remove_dir_all(&bound)?;
    }
    Bindgen::new()
        .input_path(dir.join("wasm32-unknown-unknown/wasm-release/hydrate.wasm"))
        .web(true)?
        .typescript(false)
        .out_name("tollkeeper")
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&bound)
        .context("while binding the WASM")?;
    for entry in fs::read_dir(&bound)? {
        let path = entry?.path();
        if path.is_dir() {
            bail!("wasm-bindgen wrote the folder {}, which the server does not serve", path.display());
        }
        whole.insert(file_name(&path)?, fs::read(&path)?);
    }
    Ok(())
}

/// Writes a file with its packed siblings, unless it is there already.
fn place(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let [plain, br, gz] = ["", ".br", ".gz"].map(|suffix| folder.join(format!("{name}{suffix}")));
    if br.exists() && gz.exists() && fs::read(&plain).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(plain, bytes)?;
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut io::Cursor::new(bytes), &mut packed, &brotli::enc::BrotliEncoderParams::default())?;
    fs::write(br, packed)?;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes)?;
    fs::write(gz, packer.finish()?)?;
    Ok(())
}

/// Says what a browser will load, and refuses what grew beyond its limit.
fn sizes(folder: &Path, whole: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    for (name, bytes) in whole {
        let packed = usize::try_from(fs::metadata(folder.join(format!("{name}.br")))?.len())?;
        eprintln!("web: {name:<22} {:>7} bytes, {packed:>6} with brotli", bytes.len());
        if let Some((_, limit)) = LIMITS.iter().find(|(limited, _)| limited == name)
            && packed > *limit
        {
            bail!("{name} has {packed} bytes with brotli, the limit is {limit}");
        }
    }
    Ok(())
}

fn hash(whole: &BTreeMap<String, Vec<u8>>) -> String {
    use sha2::Digest;
    let mut hasher = sha2::Sha256::new();
    for (name, bytes) in whole {
        hasher.update(name.as_bytes());
        hasher.update(bytes.len().to_le_bytes());
        hasher.update(bytes);
    }
    hex::encode(&hasher.finalize()[..8])
}

fn file_name(path: &Path) -> Result<String> {
    let name = path.file_name().and_then(|name| name.to_str()).context("a file name is not UTF-8")?;
    Ok(name.to_owned())
}
