//! Listens, works, and stops in order.

mod connections;
pub(crate) mod pulse;
mod socket;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::serve::{Listener, ListenerExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use self::connections::listen;
use crate::front::Peer;
use crate::retention::Retention;
use crate::state::AppState;

pub use self::socket::{Inherited, Socket, SocketFile, bind};

/// How long requests in hand may take once the program was told to stop.
const LAST_REQUESTS: Duration = Duration::from_secs(10);

/// Serves until `shutdown`; then says so at `/readyz` for as long as the settings say, accepts no more, finishes the requests in hand, lets
/// the worker finish, and closes the database.
///
/// # Errors
/// When a listener fails.
pub async fn serve(
    listener: impl Into<Socket>,
    metrics: Option<Socket>,
    state: AppState,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let listener = listener.into();
    let (stop, stopped) = watch::channel(false);
    let front = crate::router::front(&state);
    let metrics_router = crate::router::metrics_router(&state);
    let worker = tokio::spawn(state.worker.clone().run(state.intake.clone(), until(stopped.clone())));
    let resyncs = tokio::spawn(state.resyncs.clone().run(until(stopped.clone())));
    let replays = tokio::spawn(state.replays.clone().run(until(stopped.clone())));
    let catch_up = tokio::spawn(state.catch_up.clone().run(until(stopped.clone())));
    let live = tokio::spawn(state.live.clone().run(until(stopped.clone())));
    let usage = tokio::spawn(state.usage.clone().run(until(stopped.clone())));
    let upkeep = tokio::spawn(crate::metrics::run(until(stopped.clone())));
    let instances = tokio::spawn(state.instances.clone().run(until(stopped.clone())));
    let pages_stop = stopped.clone();
    let checks = tokio::spawn(state.checks.clone().run(until(stopped.clone())));
    let pages = tokio::spawn(async move {
        match listener {
            Socket::Tcp(listener) => listen(quick(listener), front, Peer::Tcp, pages_stop).await,
            #[cfg(unix)]
            Socket::Unix(listener, _file) => listen(listener, front, |_| Peer::Local, pages_stop).await,
        }
        anyhow::Ok(())
    });
    let retention = Retention::new(state.store.clone(), state.clock.clone(), state.config.kept);
    let retention = tokio::spawn(retention.run(until(stopped.clone())));
    let backups = tokio::spawn(state.backups.clone().run(until(stopped.clone())));
    let watchdog = tokio::spawn(pulse::run(state.clone(), until(stopped.clone())));
    let figures = metrics.map(|listener| tokio::spawn(listen_for_metrics(listener, metrics_router, stopped)));
    pulse::ready();

    shutdown.await;
    state.stopping.store(true, Ordering::Relaxed);
    pulse::stopping();
    let delay = state.config.shutdown_delay;
    if !delay.is_zero() {
        tracing::info!("stopping in {delay:?}: /readyz says so by now");
        tokio::time::sleep(delay).await;
    }
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
    upkeep.await?;
    watchdog.await?;
    state.close().await;
    Ok(())
}

/// Without it a page sent in pieces waits 40 ms for an acknowledgement.
fn quick(listener: TcpListener) -> impl Listener<Io = TcpStream, Addr = SocketAddr> {
    listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("TCP_NODELAY: {error}");
        }
    })
}

async fn listen_for_metrics(listener: Socket, router: Router, stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
    let served = match listener {
        Socket::Tcp(listener) => axum::serve(listener, router).with_graceful_shutdown(until(stopped)).await,
        #[cfg(unix)]
        Socket::Unix(listener, _file) => axum::serve(listener, router).with_graceful_shutdown(until(stopped)).await,
    };
    served.context("while serving metrics")
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
