//! A backup is put in the place of the database, which stays beside it.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::json;
use store::Settled;
use store::records::Author;
use store::sqlite::{Contents, Folded, fold_log, look, path_of, url_of};
use tempfile::{NamedTempFile, TempPath};

use super::{files, lock};
use crate::config::Config;

/// What was done.
#[derive(Debug)]
pub struct Restored {
    /// The database.
    pub database: PathBuf,
    /// What the backup held.
    pub contents: Contents,
    /// Where the database is that was there before; and what was wrong with it, if it could not be read.
    pub kept: Option<(PathBuf, Option<String>)>,
    /// What was settled in it.
    pub settled: Settled,
}

/// Puts a backup in the place of the database. It is looked at, migrated and settled in a file beside the database first: until it takes
/// its name in one step, everything is as it was.
///
/// # Errors
/// When a server runs on the database, or the file is no whole database of ours, or one of a newer program.
pub async fn restore(config: &Config, file: &Path, author: &Author) -> anyhow::Result<Restored> {
    let url = config.database_url.expose();
    let database = path_of(url)?;
    let _alone = lock::alone(url, "restore")?;
    // The file itself takes the new one's place, and not a link to it from another folder.
    let database = std::fs::canonicalize(&database).unwrap_or(database);
    let contents = check(&database, file).await?;
    let folder = files::folder_of(&database);
    let name = database.file_name().unwrap_or_default().to_string_lossy().into_owned();
    clear(folder, &format!(".{name}-restore"))?;
    let copy = files::partial(folder, &format!("{name}-restore"))?;
    let (copy, path) = {
        let (from, path) = (file.to_owned(), copy.path().to_owned());
        (tokio::task::spawn_blocking(move || fill(copy, &from)).await??, path)
    };
    let settled = settle(config, &path, file, &contents, author).await?;
    tokio::task::spawn_blocking({
        let path = path.clone();
        move || File::open(path)?.sync_all()
    })
    .await??;
    give_to_owner(&path, &database)?;
    let kept = keep(&database, author).await?;
    copy.persist(&database)
        .map_err(|error| error.error)
        .with_context(|| format!("while replacing {}", database.display()))?;
    files::sync_folder(folder)?;
    Ok(Restored { database, contents, kept, settled })
}

/// Whether the file can take the database's place.
async fn check(database: &Path, file: &Path) -> anyhow::Result<Contents> {
    let same = |path: &Path| std::fs::canonicalize(path).ok();
    if same(file).is_some() && same(file) == same(database) {
        bail!("{} is the database itself", file.display());
    }
    let log = with(file, "-wal");
    if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        bail!(
            "{} is there: the file was copied while it was in use, and is not whole without it. Take a backup with `tollkeeper backup FILE`",
            log.display()
        );
    }
    Ok(look(file, true).await?)
}

/// Copied by hand rather than by the system, which would give it the rights of the other file.
fn fill(mut copy: NamedTempFile, from: &Path) -> anyhow::Result<TempPath> {
    let copied = File::open(from).and_then(|mut from| std::io::copy(&mut from, &mut copy));
    copied.with_context(|| format!("while copying {}", from.display()))?;
    Ok(copy.into_temp_path())
}

/// Brings it up to date and makes it fit to go on from.
async fn settle(
    config: &Config,
    copy: &Path,
    file: &Path,
    contents: &Contents,
    author: &Author,
) -> anyhow::Result<Settled> {
    let opened = store::open(&url_of(copy)?, config.store_options()).await;
    let store = opened.with_context(|| format!("{} cannot be restored", file.display()))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let details = json!({ "file": name, "bytes": contents.bytes, "newest_at": contents.newest_at });
    let settled = store.settle_restored(&details, author).await;
    store.close().await;
    // The last one to close it writes its log into it; nothing of it may stay behind in another file.
    if fold_log(copy).await? != Folded::Whole {
        bail!("{} cannot be restored: its copy beside the database is not whole", file.display());
    }
    Ok(settled?)
}

/// Removes what a restore that was broken off has left: a whole database of personal data.
fn clear(folder: &Path, beginning: &str) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(beginning) {
            files::remove(&entry.path()).with_context(|| format!("while removing {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Gives the new file to whom the old one belongs, else its folder: who restores may be root, and the server is not.
#[cfg(unix)]
fn give_to_owner(file: &Path, database: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let old = std::fs::metadata(database).or_else(|_| std::fs::metadata(files::folder_of(database)))?;
    let new = std::fs::metadata(file)?;
    if new.uid() != old.uid() {
        chown(file, Some(old.uid()), Some(old.gid()))
            .with_context(|| format!("while giving {} to the owner of what was there", file.display()))?;
    }
    Ok(())
}

#[cfg(not(unix))]
const fn give_to_owner(_: &Path, _: &Path) -> anyhow::Result<()> {
    Ok(())
}

/// Logs that SQLite takes for those of the file beside them. A log must not outlive its database: it would be written into the new one.
const LOGS: [&str; 3] = ["-wal", "-journal", "-shm"];

/// Keeps what is there under another name. It stays in its place as well, so that there is a whole database there at every moment. A log
/// may be there without its database, when somebody has moved that away.
async fn keep(database: &Path, author: &Author) -> anyhow::Result<Option<(PathBuf, Option<String>)>> {
    let was_there = database.exists();
    let folded = if was_there { fold_log(database).await } else { Ok(Folded::Whole) };
    let damage = match folded {
        Ok(Folded::Whole) => None,
        Ok(Folded::Damaged(why)) => Some(why),
        Err(store::Error::InUse) => bail!(
            "another program has {} open: wait for it or stop it, then restore. Everything is as it was",
            database.display()
        ),
        Err(error) => return Err(error.into()),
    };
    let kept = unused(with(database, &format!(".before-restore-{}", files::stamp(author.now))));
    // With its log, where that could not be written into it.
    for ending in ["", "-wal", "-journal"] {
        let (from, to) = (with(database, ending), with(&kept, ending));
        if from.exists() {
            preserve(&from, &to).with_context(|| format!("while keeping {} as {}", from.display(), to.display()))?;
        }
    }
    files::sync_folder(files::folder_of(database))?;
    for ending in LOGS {
        files::remove(&with(database, ending))?;
    }
    Ok(was_there.then_some((kept, damage)))
}

/// A name that nothing has, not even a log: what an earlier restore kept stays.
fn unused(name: PathBuf) -> PathBuf {
    let is_free = |name: &PathBuf| ["", "-wal", "-journal"].iter().all(|ending| !with(name, ending).exists());
    let others = (2..).map(|number| with(&name, &format!("-{number}")));
    std::iter::once(name.clone()).chain(others).find(is_free).unwrap_or(name)
}

/// Under a second name, or as a copy where files have but one. What has the name already is not touched.
fn preserve(from: &Path, to: &Path) -> std::io::Result<()> {
    if std::fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let mut made = OpenOptions::new();
    made.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut made, 0o600);
    let mut copy = made.open(to)?;
    std::io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}
