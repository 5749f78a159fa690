//! Connections from their acceptance to their end, also when the program stops meanwhile: whoever was let in is answered.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::serve::Listener;
use futures_util::FutureExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinSet, unconstrained};
use tower::ServiceExt as _;

use super::until;
use crate::front::{Front, Peer};

/// How long a client may take for the head of a request, and stay connected without one. `axum::serve` waits for ever: whoever sends
/// half a line on each of a thousand connections would keep everybody else out.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection that was accepted is waited for to ask its first question once the program was told to stop. (Hyper closes one that
/// nothing was read from yet: measured, two or three deliveries of each restart under load broke off by that.)
const FIRST_QUESTION: Duration = Duration::from_secs(1);
/// Most connections that are accepted after the word to stop: as many as may have waited for it.
const LAST_CONNECTIONS: usize = 1024;

/// Accepts until `stopped`, and returns once every connection has ended.
pub(super) async fn listen<L: Listener>(
    mut listener: L,
    front: Front,
    peer: impl Fn(L::Addr) -> Peer,
    stopped: watch::Receiver<bool>,
) {
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    // Whoever gives up waiting for this future cuts them off.
    let mut open = JoinSet::new();
    let begin = |open: &mut JoinSet<()>, (stream, address): (L::Io, L::Addr)| {
        open.spawn(answer(builder.clone(), stream, front.clone(), peer(address), stopped.clone()));
    };
    let mut stop = pin!(until(stopped.clone()));
    loop {
        tokio::select! {
            accepted = listener.accept() => begin(&mut open, accepted),
            Some(_) = open.join_next() => {}
            () = &mut stop => break,
        }
    }
    // Whoever connected before is answered still: closing would cut them off.
    for _ in 0..LAST_CONNECTIONS {
        // Without tokio's limit of 128 in a row, after which it would say that nobody waits.
        let Some(accepted) = unconstrained(listener.accept()).now_or_never() else { break };
        begin(&mut open, accepted);
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

/// Answers one connection to its end.
fn answer(
    builder: Builder,
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    front: Front,
    peer: Peer,
    stopped: watch::Receiver<bool>,
) -> impl Future<Output = ()> + Send {
    let asked = Arc::new(Asked::default());
    let noted = Arc::clone(&asked);
    let service = front.connection(peer).map_request(move |request: http::Request<Incoming>| {
        noted.note();
        request.map(Body::new)
    });
    async move {
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = until(stopped) => {
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = asked.first() => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                }
            }
        };
        // A client that goes away in the middle is not our fault, nor of interest.
        if let Err(error) = ended {
            tracing::trace!(?peer, "a connection ended: {error}");
        }
    }
}

/// Whether anything was asked yet.
#[derive(Default)]
struct Asked {
    any: AtomicBool,
    first: Notify,
}

impl Asked {
    fn note(&self) {
        if !self.any.load(Ordering::Relaxed) {
            self.any.store(true, Ordering::Relaxed);
            self.first.notify_one();
        }
    }

    /// The first question, or the end of patience.
    async fn first(&self) {
        if self.any.load(Ordering::Relaxed) {
            return;
        }
        // Or nobody asked in time.
        let _ = tokio::time::timeout(FIRST_QUESTION, self.first.notified()).await;
    }
}
