//! Backups as files: their names, and how one comes to be whole or not at all.

use std::fs::{DirBuilder, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use domain::Timestamp;
use store::sqlite::Contents;
use tempfile::NamedTempFile;

/// What a disk has to have left beside a backup, in bytes: the database goes on growing.
const SPARE: u64 = 64 << 20;
/// What the name of a backup in the making ends with.
const PARTIAL: &str = ".partial";

/// A backup that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its name in the folder.
    pub name: String,
    /// Of when it is.
    pub at: Timestamp,
    /// Its size.
    pub bytes: u64,
}

/// `20261123T084500Z`, as it stands in names of files.
#[must_use]
pub fn stamp(at: Timestamp) -> String {
    Timestamp::from_secs(at.secs()).to_string().replace(['-', ':'], "")
}

fn parse_stamp(text: &str) -> Option<Timestamp> {
    let part = |from: usize, to: usize| text.get(from..to);
    let at = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(9, 11)?,
        part(11, 13)?,
        part(13, 15)?
    );
    Timestamp::parse(&at).filter(|at| stamp(*at) == text)
}

/// The name of a backup of a database whose file is called so without its ending.
#[must_use]
pub fn name(stem: &str, at: Timestamp) -> String {
    format!("{stem}-{}.db", stamp(at))
}

/// The backups of a database in a folder, the newest first. What has another name is none of ours. A folder that is not there has none.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(folder: &Path, stem: &str) -> std::io::Result<Vec<Backup>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(error),
    };
    let mut backups = vec![];
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let at =
            name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".db")).and_then(parse_stamp);
        // One that goes while it is looked at is not there.
        if let (Some(at), Ok(metadata)) = (at, entry.metadata()) {
            backups.push(Backup { name, at, bytes: metadata.len() });
        }
    }
    backups.sort_by_key(|backup| std::cmp::Reverse(backup.at));
    Ok(backups)
}

/// Removes all but the newest `keep` of those that are not of a time to come, and what backups left that were cut off; how many backups.
///
/// # Errors
/// When the folder cannot be read, or a file cannot be removed.
pub fn prune(folder: &Path, stem: &str, keep: usize, now: Timestamp) -> std::io::Result<usize> {
    // A clock that was wrong for a while must not make the good ones go.
    let old: Vec<Backup> = list(folder, stem)?.into_iter().filter(|backup| backup.at <= now).skip(keep).collect();
    for backup in &old {
        remove(&folder.join(&backup.name))?;
    }
    for entry in std::fs::read_dir(folder)?.flatten() {
        let name = entry.file_name();
        let is_partial =
            name.to_str().is_some_and(|name| name.starts_with(&format!(".{stem}-")) && name.ends_with(PARTIAL));
        if is_partial {
            remove(&entry.path())?;
        }
    }
    Ok(old.len())
}

/// Removes a file. One that is gone by then is as good.
///
/// # Errors
/// When it stays.
pub fn remove(file: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// The folder of a file.
#[must_use]
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a folder for its owner alone, with those above it.
///
/// # Errors
/// When it cannot be made.
pub fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes down that names in a folder changed.
///
/// # Errors
/// When the disk fails.
pub fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// A new file in a folder, for its owner alone, which is gone when it is not put in place.
///
/// # Errors
/// When it cannot be made.
pub fn partial(folder: &Path, stem: &str) -> anyhow::Result<NamedTempFile> {
    let made = tempfile::Builder::new().prefix(&format!(".{stem}-")).suffix(PARTIAL).tempfile_in(folder);
    made.with_context(|| format!("while making a file in {}", folder.display()))
}

/// Copies the database as it is now into a file that is not there yet: it has that name when it is whole and on the disk. Deliveries do
/// not wait for it.
///
/// # Errors
/// When there is a file of that name, the disk has no room for it, or the copy fails. Nothing is left then.
pub async fn write(url: &str, target: &Path) -> anyhow::Result<Contents> {
    if target.exists() {
        bail!(
            "{} is there already, and a backup overwrites nothing: choose another name, or remove it first",
            target.display()
        );
    }
    let folder = folder_of(target);
    make_room(&store::sqlite::path_of(url)?, folder)?;
    let stem = target.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let file = partial(folder, &stem)?;
    let contents = store::sqlite::back_up(url, file.path()).await?;
    let (place, folder) = (target.to_owned(), folder.to_owned());
    // To write gigabytes down takes its time.
    tokio::task::spawn_blocking(move || {
        file.as_file().sync_all()?;
        file.persist_noclobber(&place).map_err(|error| error.error)?;
        sync_folder(&folder)
    })
    .await?
    .with_context(|| format!("while writing {}", target.display()))?;
    Ok(contents)
}

/// Refuses where the disk would be as good as full: the database may be on it.
fn make_room(database: &Path, folder: &Path) -> anyhow::Result<()> {
    let log = PathBuf::from(format!("{}-wal", database.display()));
    let size: u64 =
        [database, &log].iter().filter_map(|file| std::fs::metadata(file).ok()).map(|file| file.len()).sum();
    match crate::validator::free_bytes(folder) {
        Some(free) if free < size + SPARE => bail!(
            "the disk of {} has {} left, and a backup takes up to {}: make room, or choose a folder on another disk",
            folder.display(),
            crate::backup::size(free),
            crate::backup::size(size)
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_our_naming_are_backups_and_the_newest_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |secs: i64| Timestamp::from_secs(1_795_305_600 + secs);
        let others = [
            "t.db",
            "t-1.db",
            "t-20261122T000000Z.db.bak",
            "other-20261122T000000Z.db",
            "t-20261322T000000Z.db",
            "t-20261122T000000Z",
        ];
        for other in others {
            std::fs::write(folder.path().join(other), "x").unwrap();
        }
        for secs in [0, 86_400, 172_800, 400_000_000] {
            std::fs::write(folder.path().join(name("t", at(secs))), "backup").unwrap();
        }
        std::fs::write(folder.path().join(".t-abc.partial"), "half").unwrap();
        assert_eq!(name("t", at(0)), "t-20261122T000000Z.db");
        let all = list(folder.path(), "t").unwrap();
        assert_eq!((all.len(), all[1].at, all[1].bytes), (4, at(172_800), 6));
        assert_eq!(prune(folder.path(), "t", 2, at(172_801)).unwrap(), 1);
        let left: Vec<Timestamp> = list(folder.path(), "t").unwrap().into_iter().map(|backup| backup.at).collect();
        assert_eq!(left, [at(400_000_000), at(172_800), at(86_400)], "one of a time to come counts for nothing");
        for other in others {
            assert!(folder.path().join(other).exists(), "{other}");
        }
        assert!(!folder.path().join(".t-abc.partial").exists());
        assert!(list(&folder.path().join("nowhere"), "t").unwrap().is_empty());
    }
}
