//! The program as its operators meet it: what it logs and tells collectors, where it listens, how it stops.

mod deploy;
mod logs;
mod restarts;
mod sockets;
mod traces;

use std::os::fd::OwnedFd;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::helpers::process::Process;

const SECRET: &str = "whsec_operation0000000000000000";

/// A new product: an event that is nobody's and takes effect at once.
fn event(id: &str) -> String {
    json!({"id": id, "object": "event", "type": "product.created", "created": wall_clock(), "livemode": false,
        "data": {"object": {"id": "prod_1", "object": "product", "name": "Pro", "active": true}}})
    .to_string()
}

/// A delivery of it, rightly signed.
fn delivery(http: &reqwest::Client, address: &str, body: String) -> reqwest::RequestBuilder {
    let signature = standin::sign(body.as_bytes(), SECRET, wall_clock());
    http.post(format!("{address}/webhooks/stripe")).header("stripe-signature", signature).body(body)
}

fn wall_clock() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

/// A folder and the URL of a database in it.
fn database() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("t.db").display());
    (folder, url)
}

/// A command that becomes the program with this socket as its third file, as systemd starts it.
fn handing_over(listener: impl Into<OwnedFd>, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new("/bin/sh");
    let script = "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" serve";
    command.args(["-c", script, env!("CARGO_BIN_EXE_tollkeeper")]).stdin(Stdio::from(listener.into()));
    command.env_clear().envs(settings.iter().copied());
    command
}

/// Tells a program to stop, as systemd does, and waits until it has: its exit code and all it said.
async fn stop(mut program: Process) -> (Option<i32>, Vec<String>) {
    let id = rustix::process::Pid::from_raw(program.child.id().unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let ended = program.child.wait().await.unwrap();
    // The last lines are read once the other end of the pipe is closed.
    program.log.await.unwrap();
    let said = program.said.lock().unwrap().clone();
    (ended.code(), said)
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))
}
