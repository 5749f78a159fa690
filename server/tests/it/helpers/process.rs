//! The real program as a process of its own, and all it logs.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// The program, ready.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) address: String,
    /// The lines of its log.
    pub(crate) said: Arc<Mutex<Vec<String>>>,
    /// Ends when it says no more.
    pub(crate) log: JoinHandle<()>,
}

impl Process {
    /// Serves with these settings and no others, on a port of its own.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_with(&[], settings).await
    }

    /// The same with further flags.
    pub(crate) async fn start_with(flags: &[&str], settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollkeeper"));
        let place: &[&str] = if flags.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        command.arg("serve").args(place).args(flags).env_clear().envs(settings.iter().copied()).stdin(Stdio::null());
        Self::of(command).await
    }

    /// What this command begins, once it says that it listens.
    pub(crate) async fn of(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut before = vec![];
        let address = loop {
            let line = lines.next_line().await.unwrap().unwrap_or_else(|| panic!("it ended: {before:#?}"));
            let address = line.find("listening").and_then(|_| line.find("http://127.0.0.1:")).map(|at| {
                let end = line[at..].find(|c: char| !(c.is_ascii_alphanumeric() || ":/.".contains(c)));
                let url = end.map_or(&line[at..], |end| &line[at..at + end]);
                url.split('/').take(3).collect::<Vec<_>>().join("/")
            });
            before.push(line);
            if let Some(address) = address {
                break address;
            }
        };
        let said = Arc::new(Mutex::new(before));
        let told = said.clone();
        let log = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                told.lock().unwrap().push(line);
            }
        });
        Self { child, address, said, log }
    }
}
