//! Answers that break on their way.

use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::connect_info::Connected;
use axum::http::Response;
use axum::serve::IncomingStream;
use tokio::net::TcpListener;

/// A caller's connection, to be closed when it is told so.
#[derive(Clone, Debug)]
pub(crate) struct Connection(Option<Arc<TcpStream>>);

impl Connected<IncomingStream<'_, TcpListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(stream.io().as_fd().try_clone_to_owned().ok().map(|fd| Arc::new(TcpStream::from(fd))))
    }
}

impl Connection {
    pub(crate) fn close(&self) {
        if let Some(stream) = &self.0 {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// The first half of an answer; then the connection breaks.
pub(crate) async fn cut(response: Response<Body>) -> Response<Body> {
    let (parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let half = whole.slice(..whole.len() / 2);
    let pieces = futures_util::stream::unfold(Some(half), |half| async move {
        match half {
            Some(half) => Some((Ok::<Bytes, std::io::Error>(half), None)),
            None => {
                // The half is sent before the connection breaks.
                tokio::task::yield_now().await;
                Some((Err(std::io::Error::other("cut off as told")), None))
            }
        }
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}
