//! Starting and stopping.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::control::Control;
use crate::deliver;
use crate::http::pages;
use crate::random::Random;
use crate::world::{Target, World};

/// How the stand-in behaves; `Options::default()` is test mode on a free port, with no receiver.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether the data is live; keys must be of the same mode.
    pub livemode: bool,
    /// The account's API version: the shape of events, and of answers to requests without `Stripe-Version`.
    pub api_version: String,
    /// Who gets all events.
    pub webhook: Option<Webhook>,
    /// A time (Unix seconds) at which the clock stands still; `None` is the machine's clock.
    pub now: Option<i64>,
    /// Deliver events in the background, in order and with retries, instead of on demand.
    pub auto_deliver: bool,
    /// Requests a second that each endpoint answers; further ones get 429. `None` is no limit.
    pub rate_limit: Option<u32>,
    /// Seed of ids and chances, for runs that must be alike; `None` makes each run differ.
    pub seed: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            livemode: false,
            api_version: "2026-09-30.endive".to_owned(),
            webhook: None,
            now: None,
            auto_deliver: false,
            rate_limit: None,
            seed: None,
        }
    }
}

/// A receiver of webhooks.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where to post.
    pub url: String,
    /// The whole signing secret, `whsec_…`.
    pub secret: String,
}

/// A running stand-in; dropping it closes the port.
#[derive(Debug)]
pub struct Standin {
    control: Control,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    tasks: Vec<JoinHandle<()>>,
}

/// What handlers, deliveries and controls share.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    pub(crate) news: Notify,
    pub(crate) client: reqwest::Client,
}

impl Shared {
    /// The state; a panic elsewhere while it was locked does not matter to a test tool.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the background delivery that there may be new events.
    pub(crate) fn wake(&self) {
        self.news.notify_one();
    }
}

impl Standin {
    /// Binds the address and serves until dropped.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound, or no HTTP client can be made for webhooks.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let client = deliver::client().map_err(std::io::Error::other)?;
        let clock = Clock::new(options.now);
        let mut world = World::new(options.livemode, &options.api_version, clock, Random::new(options.seed));
        world.rates.limit = options.rate_limit;
        world.webhook = options.webhook.map(|webhook| Target { url: webhook.url, secret: webhook.secret });
        world.base_url = format!("http://{address}");
        let shared = Arc::new(Shared { world: Mutex::new(world), news: Notify::new(), client });
        let router = Router::new()
            .route("/c/pay/{id}", get(pages::checkout).post(pages::pay))
            .route("/p/session/{id}", get(pages::portal).post(pages::cancel))
            .fallback(crate::http::handle)
            .with_state(Arc::clone(&shared));
        let router = router.into_make_service_with_connect_info::<crate::http::Connection>();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let served = axum::serve(listener, router).with_graceful_shutdown(async {
                // A dropped sender stops as well.
                let _ = stopped.await;
            });
            if let Err(error) = served.await {
                tracing::error!(%error, "the stand-in stopped serving");
            }
        });
        let mut tasks = vec![serving];
        if options.auto_deliver {
            tasks.push(tokio::spawn(deliver::run(Arc::clone(&shared))));
        }
        Ok(Self { control: Control::new(shared), address, stop: Some(stop), tasks })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The handle by which tests and `demo` steer it.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Serves until the stand-in is stopped from elsewhere or fails; for the command line.
    pub async fn wait(mut self) {
        if let Some(serving) = self.tasks.first_mut() {
            // A task that was aborted has stopped, which is all that is asked.
            let _ = serving.await;
        }
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Nobody listens any more when serving has failed already.
            let _ = stop.send(());
        }
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
