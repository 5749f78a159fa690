//! Gathers the files the program carries inside it: the style sheet, `public/` and, when `cargo xtask web` was run, the WASM.
//!
//! They land flat in `OUT_DIR/site` (`admin.css`, `favicon.svg`, `tollkeeper.js`, `tollkeeper_bg.wasm`, each with a `.br` and a
//! `.gz` sibling where one was made), named to the source by `SITE_DIR`; `SITE_HASH` changes with their content and belongs into
//! their URLs. The program builds and works without the WASM: islands then stay asleep, links and forms do not need them.

use std::error::Error;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let built = target_dir(&out, &root).join("site/pkg");
    let site = out.join("site");

    // Cargo takes a watched path that is not there for a change, and would build the server anew each time.
    fs::create_dir_all(&built)?;
    if site.exists() {
        fs::remove_dir_all(&site)?;
    }
    fs::create_dir_all(&site)?;

    for folder in ["style", "public"] {
        println!("cargo:rerun-if-changed={}", root.join(folder).display());
        for file in files(&root.join(folder))? {
            fs::copy(&file, site.join(name(&file)))?;
        }
    }
    println!("cargo:rerun-if-changed={}", built.display());
    let (packed, plain): (Vec<_>, Vec<_>) = files(&built)?.into_iter().partition(|file| is_packed(file));
    for file in plain {
        let target = site.join(name(&file));
        // The sources win: what `xtask web` copied may be older than they are.
        if !target.exists() {
            fs::copy(&file, target)?;
        }
    }
    for file in packed {
        let whole = file.with_extension("");
        let target = site.join(name(&whole));
        // A packed copy of an older text must not be served in place of the newer one.
        if target.exists() && fs::read(&whole).ok() == Some(fs::read(&target)?) {
            fs::copy(&file, site.join(name(&file)))?;
        }
    }

    let mut hasher = DefaultHasher::new();
    for file in files(&site)?.iter().filter(|file| !is_packed(file)) {
        hasher.write(name(file).as_bytes());
        hasher.write(&fs::read(file)?);
    }
    println!("cargo:rustc-env=SITE_DIR={}", site.display());
    println!("cargo:rustc-env=SITE_HASH={:016x}", hasher.finish());
    Ok(())
}

/// Cargo tells a build script of no target folder; but it marks it, and `OUT_DIR` is inside.
fn target_dir(out: &Path, root: &Path) -> PathBuf {
    out.ancestors()
        .find(|dir| dir.join("CACHEDIR.TAG").is_file())
        .map_or_else(|| root.join("target"), Path::to_path_buf)
}

/// The files directly in `folder`, in one order everywhere, so that the hash is the same everywhere.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn is_packed(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "br" || extension == "gz")
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
