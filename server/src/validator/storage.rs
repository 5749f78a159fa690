//! Whether what is stored outlives a restart: told by the file system that the database's folder is on.

use std::path::{Path, PathBuf};

use app::pages::validator::{Check, Group, State};
use domain::Livemode;

use super::subject::Subject;

/// Where a folder is mounted from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// The mount point above the folder.
    pub(super) point: PathBuf,
    /// Such as `ext4`, `tmpfs` or `overlay`.
    pub(super) kind: String,
}

/// The mount that a path is on, from the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)). `path` has to be absolute, without
/// symbolic links.
pub(super) fn mount_of(mountinfo: &str, path: &Path) -> Option<Mount> {
    let mounts = mountinfo.lines().filter_map(|line| {
        // Optional fields stand between both halves, as many as there are.
        let (left, right) = line.split_once(" - ")?;
        let point = PathBuf::from(unescaped(left.split(' ').nth(4)?));
        Some(Mount { point, kind: right.split(' ').next()?.to_owned() })
    });
    // The deepest one above the path; of several at one place the last one mounted covers the others, as `max_by_key` has it.
    mounts.filter(|mount| path.starts_with(&mount.point)).max_by_key(|mount| mount.point.components().count())
}

/// Blanks, tabs, line ends and backslashes are written in octal.
fn unescaped(text: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(text.to_owned(), |text, (code, meant)| text.replace(code, meant))
}

/// V22
pub(super) fn outlives(livemode: Livemode, folder: Option<&Path>, mount: Option<&Mount>) -> Check {
    let subject = |looked_at: String| Subject::new("V22", Group::Installation, "Storage outlives a restart", looked_at);
    let Some(folder) = folder else {
        return subject("The database".to_owned()).skip("It is on a server of its own, which is not looked into.");
    };
    let subject = subject(format!("The file system of {}", folder.display()));
    let Some(mount) = mount else { return subject.skip("This system does not tell which file system that is.") };
    let Mount { point, kind } = mount;
    let point = point.display();
    // A sandbox may well be gone after a test; a business may not.
    let state = if livemode.is_live() { State::Fail } else { State::Warn };
    match kind.as_str() {
        "tmpfs" | "ramfs" => subject.stands(
            state,
            format!("{point} is {kind}: it is in memory alone, and everything is gone after a restart of the machine."),
            "Move the database to a disk: set DATABASE_URL to a file elsewhere, or mount a disk there.",
        ),
        "overlay" | "aufs" => subject.stands(
            state,
            format!("{point} is {kind}, a container's own layer: everything is gone when the container is made anew."),
            format!("Mount a volume at {}.", folder.display()),
        ),
        _ => subject.pass(format!("It is on {point}, which is {kind}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTAINER: &str = "\
580 480 0:71 / / rw,relatime master:194 - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/u,workdir=/w
581 580 0:74 / /proc rw,nosuid - proc proc rw
583 580 0:75 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
590 580 254:1 /volumes/data/_data /data rw,relatime shared:7 master:2 - ext4 /dev/vda1 rw,discard
591 590 0:80 / /data/my\\040cache rw - tmpfs none rw
592 580 0:81 / /srv rw - ext4 /dev/vdb rw
593 592 0:82 / /srv rw - ramfs none rw
";

    fn kind(path: &str) -> String {
        mount_of(CONTAINER, Path::new(path)).unwrap().kind
    }

    #[test]
    fn the_deepest_mount_above_a_folder_holds_it() {
        for (path, expected) in [
            ("/app/data", "overlay"),
            ("/", "overlay"),
            ("/data", "ext4"),
            ("/data/deep/er", "ext4"),
            ("/database", "overlay"),
            ("/data/my cache/x", "tmpfs"),
            ("/dev/shm", "tmpfs"),
            ("/srv/db", "ramfs"),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
        for nonsense in ["", "1 2 3", "a b c d e f", " - ", "1 2 0:1 / / rw -"] {
            assert_eq!(mount_of(nonsense, Path::new("/data")), None, "{nonsense:?}");
        }
    }

    #[test]
    fn what_is_in_memory_or_in_a_containers_layer_is_told() {
        let on =
            |path: &str, mode| outlives(mode, Some(Path::new(path)), mount_of(CONTAINER, Path::new(path)).as_ref());
        assert_eq!(on("/data", Livemode::Live).state, State::Pass);
        for (path, words) in
            [("/app", "container's own layer"), ("/srv", "in memory alone"), ("/dev", "in memory alone")]
        {
            let live = on(path, Livemode::Live);
            assert!(live.state == State::Fail && live.found.contains(words), "{}", live.found);
            assert_eq!(on(path, Livemode::Test).state, State::Warn);
        }
        assert_eq!(outlives(Livemode::Live, None, None).state, State::Skipped);
        assert_eq!(outlives(Livemode::Live, Some(Path::new("/data")), None).state, State::Skipped);
    }
}
