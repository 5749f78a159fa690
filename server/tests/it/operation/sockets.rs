//! Where the program listens besides an address: a Unix socket, and sockets that were opened for it; and what systemd is told.

use std::path::Path;

use tokio::net::UnixDatagram;
use tokio::process::Command;

use super::{SECRET, database, delivery, event, handing_over, stop};
use crate::helpers::process::Process;

/// What the program says of itself where it has no address; it is how the test knows that it listens.
const PUBLIC: &str = "http://127.0.0.1:9";

fn over(path: &Path) -> reqwest::Client {
    reqwest::Client::builder().unix_socket(path).build().unwrap()
}

async fn healthcheck(place: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollkeeper"));
    let done = command.args(["healthcheck", "--listen", place]).env_clear().output().await.unwrap();
    (done.status.code(), String::from_utf8(done.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unix_socket_is_served_and_checked() {
    let (folder, database) = database();
    let path = folder.path().join("t.sock");
    let place = format!("unix:{}", path.display());
    // What a killed one left behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let settings = [("DATABASE_URL", database.as_str()), ("STRIPE_WEBHOOK_SECRET", SECRET), ("PUBLIC_URL", PUBLIC)];
    let program = Process::start_with(&["--listen", &place], &settings).await;
    let http = over(&path);
    assert_eq!(delivery(&http, PUBLIC, event("evt_1")).send().await.unwrap().status(), 200);
    assert_eq!(http.get(format!("{PUBLIC}/openapi.json")).send().await.unwrap().status(), 200);
    assert_eq!(healthcheck(&place).await.0, Some(0));
    // The proxy before it says who asks: too many wrong keys from one address are that address's fault.
    let asked = http.get(format!("{PUBLIC}/v1/features")).bearer_auth("tk_test_wrong");
    assert_eq!(asked.header("x-forwarded-for", "203.0.113.9").send().await.unwrap().status(), 401);
    drop(http);
    let (code, said) = stop(program).await;
    assert_eq!(code, Some(0), "{said:#?}");
    assert!(!path.exists(), "the socket goes with the program");
    let (code, why) = healthcheck(&place).await;
    assert!(code == Some(1) && why.contains(&place), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_that_were_opened_for_it_come_first() {
    let (folder, database) = database();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let settings = [("DATABASE_URL", database.as_str()), ("LISTEN", "127.0.0.1:1")];
    let program = Process::of(handing_over(listener, &settings)).await;
    assert_eq!(program.address, address);
    assert_eq!(reqwest::get(format!("{address}/readyz")).await.unwrap().status(), 200);
    assert_eq!(stop(program).await.0, Some(0));

    let path = folder.path().join("given.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let settings = [("DATABASE_URL", database.as_str()), ("PUBLIC_URL", PUBLIC)];
    let program = Process::of(handing_over(listener.try_clone().unwrap(), &settings)).await;
    assert_eq!(over(&path).get(format!("{PUBLIC}/readyz")).send().await.unwrap().status(), 200);
    assert_eq!(stop(program).await.0, Some(0));
    assert!(path.exists(), "it belongs to who opened it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systemd_hears_when_it_is_ready_alive_and_stopping() {
    let (folder, database) = database();
    let path = folder.path().join("notify");
    let heard = UnixDatagram::bind(&path).unwrap();
    let path = path.display().to_string();
    let settings = [("DATABASE_URL", database.as_str()), ("NOTIFY_SOCKET", &path), ("WATCHDOG_USEC", "3000000")];
    let program = Process::start(&settings).await;
    let mut words = vec![];
    let mut next = async || {
        let mut word = [0; 100];
        let length = heard.recv(&mut word).await.unwrap();
        words.push(String::from_utf8_lossy(&word[..length]).trim().to_owned());
        words.clone()
    };
    // Ready once, and alive again and again; which of the first two comes first is chance.
    while next().await.iter().filter(|word| *word == "WATCHDOG=1").count() < 3 {}
    let (code, said) = stop(program).await;
    assert_eq!(code, Some(0), "{said:#?}");
    while next().await.last().unwrap() != "STOPPING=1" {}
    let words = std::mem::take(&mut words);
    assert_eq!(words.iter().filter(|word| *word == "READY=1").count(), 1, "{words:?}");
    assert_eq!(words.last().unwrap(), "STOPPING=1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_told_to_stop_says_so_while_it_still_answers() {
    let (_folder, database) = database();
    let settings = [("DATABASE_URL", database.as_str()), ("STRIPE_WEBHOOK_SECRET", SECRET), ("SHUTDOWN_DELAY", "10s")];
    let program = Process::start(&settings).await;
    let (address, http) = (program.address.clone(), reqwest::Client::new());
    let ready = async || http.get(format!("{address}/readyz")).send().await.unwrap();
    assert_eq!(ready().await.status(), 200);
    let stopped = tokio::spawn(stop(program));
    let refused = loop {
        let answer = ready().await;
        if answer.status() != 200 {
            break answer;
        }
    };
    assert_eq!(refused.status(), 503);
    assert!(refused.text().await.unwrap().contains("stopping"));
    assert_eq!(delivery(&http, &address, event("evt_1")).send().await.unwrap().status(), 200);
    assert_eq!(stopped.await.unwrap().0, Some(0));
}
