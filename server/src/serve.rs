//! Listens, works, and stops in order.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::serve::{Listener as _, ListenerExt};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::front::Front;
use crate::retention::Retention;
use crate::state::AppState;

/// How long requests in hand may take once the program was told to stop.
const LAST_REQUESTS: Duration = Duration::from_secs(10);

/// How long a client may take for the head of a request, and stay connected without one. `axum::serve` waits for ever: whoever sends
/// half a line on each of a thousand connections would keep everybody else out.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens a listener.
///
/// # Errors
/// Names the setting and the address.
pub async fn bind(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{setting}: cannot listen on {address}"))
}

/// Serves until `shutdown`; then accepts no more, finishes the requests in hand, lets the worker finish, and closes the database.
///
/// # Errors
/// When a listener fails.
pub async fn serve(
    listener: TcpListener,
    metrics: Option<TcpListener>,
    state: AppState,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let front = crate::router::front(&state);
    let metrics_router = crate::router::metrics_router(&state);
    let worker = tokio::spawn(state.worker.clone().run(state.intake.clone(), until(stopped.clone())));
    let resyncs = tokio::spawn(state.resyncs.clone().run(until(stopped.clone())));
    let replays = tokio::spawn(state.replays.clone().run(until(stopped.clone())));
    let catch_up = tokio::spawn(state.catch_up.clone().run(until(stopped.clone())));
    let live = tokio::spawn(state.live.clone().run(until(stopped.clone())));
    let usage = tokio::spawn(state.usage.clone().run(until(stopped.clone())));
    let instances = tokio::spawn(state.instances.clone().run(until(stopped.clone())));
    let pages_stop = stopped.clone();
    let checks = tokio::spawn(state.checks.clone().run(until(stopped.clone())));
    let pages = tokio::spawn(async move {
        listen(listener, front, pages_stop).await;
        anyhow::Ok(())
    });
    let retention = Retention::new(state.store.clone(), state.clock.clone(), state.config.kept);
    let retention = tokio::spawn(retention.run(until(stopped.clone())));
    let backups = tokio::spawn(state.backups.clone().run(until(stopped.clone())));
    let figures = metrics.map(|listener| tokio::spawn(listen_for_metrics(listener, metrics_router, stopped)));

    shutdown.await;
    tracing::info!("stopping: finishing what is in hand");
    // Nobody may be listening when every task has failed already.
    let _ = stop.send(true);
    for task in [Some(pages), figures].into_iter().flatten() {
        let abort = task.abort_handle();
        match tokio::time::timeout(LAST_REQUESTS, task).await {
            Ok(ended) => ended??,
            Err(_) => {
                tracing::warn!("requests were still open after {LAST_REQUESTS:?} and were cut off");
                abort.abort();
            }
        }
    }
    worker.await?;
    resyncs.await?;
    replays.await?;
    catch_up.await?;
    usage.await?;
    instances.await?;
    live.await?;
    checks.await?;
    retention.await?;
    backups.await?;
    state.close().await;
    Ok(())
}

async fn listen(listener: TcpListener, front: Front, stopped: watch::Receiver<bool>) {
    // Without it a page sent in pieces waits 40 ms for an acknowledgement.
    let mut listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("TCP_NODELAY: {error}");
        }
    });
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let connections = GracefulShutdown::new();
    let stop = until(stopped);
    tokio::pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let service = front.connection(peer).map_request(|request: http::Request<Incoming>| request.map(Body::new));
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // A client that goes away in the middle is not our fault, nor of interest.
            if let Err(error) = connection.await {
                tracing::trace!(%peer, "a connection ended: {error}");
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
}

async fn listen_for_metrics(
    listener: TcpListener,
    router: Router,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(until(stopped)).await.context("while serving metrics")
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // The sender is gone only when the program ends.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// SIGTERM or Ctrl-C: heard from the call on, so that none is lost before somebody waits.
#[cfg(unix)]
pub fn signal() -> impl Future<Output = ()> {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    async fn next(heard: std::io::Result<Signal>) {
        match heard {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::error!("signals cannot be heard: {error}");
                std::future::pending::<()>().await;
            }
        }
    }
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async {
        tokio::select! {
            () = next(interrupt) => {}
            () = next(terminate) => {}
        }
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
pub fn signal() -> impl Future<Output = ()> {
    async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!("Ctrl-C cannot be heard: {error}");
            std::future::pending::<()>().await;
        }
    }
}
