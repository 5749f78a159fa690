//! Who may use a SQLite file: servers share it, and who puts another file in its place has it alone.
//!
//! The lock is the kernel's, on a file beside the database, so that it is gone with its process however that ends. Other commands take
//! none: they work beside a server, as they always did.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Held until it is dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock is the open file's")] Option<File>);

/// The file that is locked in place of the database, which SQLite locks in ways of its own.
fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn open(database: &Path) -> std::io::Result<File> {
    if let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(beside(database))
}

/// For a server, as long as it runs. PostgreSQL needs none.
///
/// # Errors
/// When the database is being restored or copied.
pub fn share(url: &str) -> anyhow::Result<Lock> {
    if !url.starts_with("sqlite:") {
        return Ok(Lock(None));
    }
    let database = store::sqlite::path_of(url)?;
    let locked = open(&database).map_err(TryLockError::Error).and_then(|file| file.try_lock_shared().map(|()| file));
    match locked {
        Ok(file) => Ok(Lock(Some(file))),
        Err(TryLockError::WouldBlock) => {
            bail!("{} is being restored or copied: start again once that is done", database.display())
        }
        // A server that cannot write there says so by itself, and one on a file system without locks works all the same.
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%error, file = %beside(&database).display(), "the database cannot be locked: do not restore a backup while this server runs");
            Ok(Lock(None))
        }
    }
}

/// For who needs a SQLite database alone.
///
/// # Errors
/// When a server runs on it, or it cannot be locked.
pub fn alone(url: &str, what_for: &str) -> anyhow::Result<Lock> {
    let database = store::sqlite::path_of(url)?;
    let cannot = || format!("{} cannot be locked", beside(&database).display());
    let file = open(&database).with_context(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(Some(file))),
        Err(TryLockError::WouldBlock) => {
            bail!("a server is running on {}: stop it first, then {what_for}", database.display())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(cannot),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_share_and_who_replaces_the_file_is_alone() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("new/t.db").display());
        let (one, two) = (share(&url).unwrap(), share(&url).unwrap());
        assert!(alone(&url, "restore").unwrap_err().to_string().contains("a server is running"));
        drop(one);
        assert!(alone(&url, "restore").is_err());
        drop(two);
        let restoring = alone(&url, "restore").unwrap();
        assert!(share(&url).unwrap_err().to_string().contains("being restored"));
        drop(restoring);
        share(&url).unwrap();
        share("postgres://h/d").unwrap();
    }
}
