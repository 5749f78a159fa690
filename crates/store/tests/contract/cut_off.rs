//! Connections to a database on another machine get lost on the way: without a word, or with the server's restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::Connection as _;
use store::Options;
use store::records::Recorded;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::helpers::{Database, Engine, MODE, delivery, event, now};

/// What stands between us and the server, such as a firewall.
struct Between {
    address: String,
    generation: Arc<AtomicUsize>,
}

impl Between {
    async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let generation = Arc::new(AtomicUsize::new(0));
        let current = Arc::clone(&generation);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (client, server) = (client.into_split(), TcpStream::connect(&server).await.unwrap().into_split());
                let own = current.load(Ordering::SeqCst);
                tokio::spawn(pass(client.0, server.1, own, Arc::clone(&current)));
                tokio::spawn(pass(server.0, client.1, own, Arc::clone(&current)));
            }
        });
        Self { address, generation }
    }

    /// Forgets every connection there is: nothing passes over them any more, and nobody is told.
    fn forget(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    own: usize,
    current: Arc<AtomicUsize>,
) {
    let mut some = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut some).await {
        if current.load(Ordering::SeqCst) != own {
            std::future::pending::<()>().await;
        }
        if to.write_all(&some[..read]).await.is_err() {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_gets_by_a_connection_that_was_forgotten_on_the_way() {
    let Some((url, _)) = Database::make(Engine::Postgres).await else { return };
    let (user, rest) = url.rsplit_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let between = Between::start(server.to_owned()).await;
    let url = format!("{user}@{}/{name}", between.address);
    let store = store::open(&url, Options::default()).await.unwrap();
    let product =
        |id: &str| event(id, "product.created", 0, serde_json::json!({"id": "prod_1", "object": "product"}), None);
    let before = store.record_deliveries(&[delivery(&product("evt_1"), now())]).await.unwrap();
    assert_eq!(before, [Recorded::Accepted]);
    // The pool looks at a connection once more when it comes back.
    while store.pools().iter().any(|pool| pool.busy > 0) {
        tokio::task::yield_now().await;
    }
    between.forget();
    let after = store.record_deliveries(&[delivery(&product("evt_2"), now())]).await.unwrap();
    assert_eq!(after, [Recorded::Accepted]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_fails_by_connections_that_the_server_closed_while_they_lay_idle() {
    let Some(db) = Database::open(Engine::Postgres, Options::default()).await else { return };
    let product = event("evt_1", "product.created", 0, serde_json::json!({"id": "prod_1", "object": "product"}), None);
    db.deliver(&product).await;
    assert!(db.store.event(MODE, "evt_1").await.unwrap().is_some());
    let mut server = sqlx::PgConnection::connect(&db.url).await.unwrap();
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    let ended: i64 = sqlx::query_scalar(end).fetch_one(&mut server).await.unwrap();
    assert!(ended >= 3, "reads, writes and deliveries had one each: {ended}");
    assert!(db.store.event(MODE, "evt_1").await.unwrap().is_some(), "reads go on");
    assert_eq!(db.deliver(&product).await, Recorded::Duplicate, "deliveries too");
    db.drain().await;
}
