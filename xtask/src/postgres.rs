//! A PostgreSQL of our own for the tests: fresh, on a free port of the loopback address, gone afterwards.

use crate::setup::is_root;
use crate::shell::{output, run, which};
use anyhow::{Context, Result, bail};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server. Dropping it stops it and removes its files.
pub(crate) struct Postgres {
    server: Child,
    folder: PathBuf,
    port: u16,
}

impl Postgres {
    /// Makes a cluster in a temporary folder and starts it, without durability: it is thrown away.
    pub(crate) fn start() -> Result<Self> {
        let bin = bin_dir().context("no PostgreSQL server programs found")?;
        let folder = std::env::temp_dir().join(format!("tollkeeper-postgres-{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("while making {}", folder.display()))?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        // The server refuses to run as root.
        let owner = if is_root() { Some(ids_of("postgres")?) } else { None };
        if let Some((uid, gid)) = owner {
            chown(&folder, Some(uid), Some(gid))?;
        }
        let command = |program: &str| {
            let mut command = Command::new(bin.join(program));
            command.current_dir(&folder).env("LC_ALL", "C.UTF-8");
            if let Some((uid, gid)) = owner {
                command.uid(uid).gid(gid);
            }
            command
        };
        let data = folder.join("data");
        let made = run(command("initdb")
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "-D"])
            .arg(&data)
            .stdout(Stdio::null()));
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = fs::File::create(folder.join("log"))?;
        let server = made.and_then(|()| {
            command("postgres")
                .arg("-D")
                .arg(&data)
                .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""])
                .args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"])
                .args(["-c", "max_connections=200"])
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()
                .context("while starting postgres")
        });
        let mut postgres = match server {
            Ok(server) => Self { server, folder, port },
            Err(error) => {
                fs::remove_dir_all(&folder)?;
                return Err(error);
            }
        };
        postgres.wait(&bin)?;
        Ok(postgres)
    }

    /// An address whose user may create databases.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn wait(&mut self, bin: &Path) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(60);
        let port = self.port.to_string();
        while Instant::now() < until {
            if let Some(status) = self.server.try_wait()? {
                bail!("postgres ended with {status}:\n{}", fs::read_to_string(self.folder.join("log"))?);
            }
            if output(Command::new(bin.join("pg_isready")).args(["-h", "127.0.0.1", "-p", &port])).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("postgres was not ready after a minute")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is its "fast" shutdown: connections are cut, children are waited for.
        let stopped = output(Command::new("kill").args(["-INT", &self.server.id().to_string()]))
            .and_then(|_| self.server.wait().context("while waiting for postgres"));
        if let Err(error) = stopped {
            eprintln!("postgres: {error:#}");
        }
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("postgres: {} stays: {error}", self.folder.display());
        }
    }
}

/// Where the newest installed server's programs are. Debian keeps them off the path.
pub(crate) fn bin_dir() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .collect();
    versions.sort();
    match versions.pop() {
        Some((_, bin)) => Some(bin),
        None => which(&["initdb"]).and_then(|initdb| Some(initdb.parent()?.to_path_buf())),
    }
}

/// User and group number of a system account.
fn ids_of(user: &str) -> Result<(u32, u32)> {
    let number = |flag: &str| -> Result<u32> {
        let text = output(Command::new("id").args([flag, user]))?;
        text.trim().parse().with_context(|| format!("`id {flag} {user}` said {text:?}"))
    };
    Ok((number("-u")?, number("-g")?))
}

#[cfg(test)]
mod tests {
    use super::{Postgres, bin_dir};
    use crate::shell::output;
    use std::process::Command;

    #[test]
    fn a_cluster_starts_answers_and_goes() {
        let Some(bin) = bin_dir() else {
            eprintln!("no PostgreSQL here");
            return;
        };
        let postgres = Postgres::start().unwrap();
        let folder = postgres.folder.clone();
        let answer = output(Command::new(bin.join("psql")).args([&postgres.url(), "-Atc", "select 6 * 7"])).unwrap();
        assert_eq!(answer.trim(), "42");
        drop(postgres);
        assert!(!folder.exists());
    }
}
