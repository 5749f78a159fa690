//! What stands before the router: the plain access check, answered without a detour.
//!
//! An access check is asked for every request of the host application. The router, its layers and its extractors cost more than the
//! decision itself (measured: half of the throughput), so `GET /v1/access?user_id=…&feature=…` by a key that was seen a moment ago is
//! answered here. Whatever is out of the ordinary in it goes the ordinary way, and gets its error there.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::routing::future::RouteFuture;
use axum::serve::{IncomingStream, Listener};
use http::Method;
use tower::Service;

use crate::api::ApiState;
use crate::base_path::BasePath;

/// Everything the program serves.
#[derive(Clone)]
pub struct Front {
    base_path: BasePath,
    api: ApiState,
    router: Router,
}

/// Who speaks to us.
#[derive(Clone, Copy, Debug)]
pub enum Peer {
    /// Somebody at an address.
    Tcp(SocketAddr),
    /// A process of this machine over a Unix socket: who may open its file is a proxy of ours.
    Local,
}

/// One client's connection to it.
#[derive(Clone)]
pub struct Connection {
    front: Front,
    peer: Peer,
}

impl Front {
    /// The access check of `api` before everything of `router`, below the base path.
    #[must_use]
    pub const fn new(base_path: BasePath, api: ApiState, router: Router) -> Self {
        Self { base_path, api, router }
    }

    /// What answers a client.
    #[must_use]
    pub fn connection(&self, peer: Peer) -> Connection {
        Connection { front: self.clone(), peer }
    }
}

impl<L: Listener<Addr = SocketAddr>> Service<IncomingStream<'_, L>> for Front {
    type Response = Connection;
    type Error = Infallible;
    type Future = Ready<Result<Connection, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, stream: IncomingStream<'_, L>) -> Self::Future {
        ready(Ok(self.connection(Peer::Tcp(*stream.remote_addr()))))
    }
}

impl Service<Request> for Connection {
    type Response = Response;
    type Error = Infallible;
    type Future = futures_util::future::Either<Ready<Result<Response, Infallible>>, RouteFuture<Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let proxies = self.front.api.proxies();
        let (client, port) = match self.peer {
            Peer::Tcp(peer) => (proxies.client(peer.ip(), request.headers()), peer.port()),
            Peer::Local => (proxies.client_over_socket(request.headers()), 0),
        };
        self.front.base_path.take_off(&mut request);
        if request.method() == Method::GET && request.uri().path() == "/v1/access" {
            // A panic here is answered where panics are: the router asks the same question again.
            let plain = catch_unwind(AssertUnwindSafe(|| self.front.api.answer_plainly(&request, client)));
            if let Ok(Some(response)) = plain {
                return futures_util::future::Either::Left(ready(Ok(response)));
            }
        }
        // From here on nobody asks who the proxies were.
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, port)));
        futures_util::future::Either::Right(self.front.router.call(request))
    }
}
