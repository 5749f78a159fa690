//! A program on a loopback port, and clients that keep connections open: plain HTTP/1.1, so that the load costs little itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use server::clock::SystemClock;
use server::config::{Config, Sources};
use server::state::AppState;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Signs the deliveries.
pub(crate) const SECRET: &str = "whsec_benchmark0000000000000000000";

/// A running program; stops when it is told to.
pub(crate) struct Program {
    pub(crate) state: AppState,
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
    _folder: Option<tempfile::TempDir>,
}

impl Program {
    /// Starts the same program as `tollkeeper serve`, on a new SQLite file below `BENCH_DIR` (the temporary folder without it).
    pub(crate) async fn start(batch: usize) -> Self {
        let folder = match std::env::var_os("BENCH_DIR") {
            Some(base) => tempfile::tempdir_in(base).expect("BENCH_DIR can be written"),
            None => tempfile::tempdir().expect("the temporary folder can be written"),
        };
        let database = format!("sqlite://{}", folder.path().join("bench.db").display());
        Self { _folder: Some(folder), ..Self::on(&database, batch).await }
    }

    /// The same on this database.
    pub(crate) async fn on(database: &str, batch: usize) -> Self {
        let batch = batch.to_string();
        let settings = [
            ("DATABASE_URL", database),
            ("STRIPE_WEBHOOK_SECRET", SECRET),
            ("INTAKE_BATCH", batch.as_str()),
            ("LISTEN", "127.0.0.1:0"),
        ];
        let config = Config::load(&Sources::from_env(settings)).expect("the settings are right");
        let state = server::build(config, Arc::new(SystemClock)).await.expect("the program starts");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (stop, stopped) = oneshot::channel();
        let serving = server::serve::serve(listener, None, state.clone(), async {
            let _ = stopped.await;
        });
        Self { state, address, stop, task: tokio::spawn(serving), _folder: None }
    }

    /// Stops it and waits until the database is closed.
    pub(crate) async fn stop(self) {
        drop(self.state);
        let _ = self.stop.send(());
        self.task.await.expect("it does not panic").expect("it stops in order");
    }
}

/// What a load came to.
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = |time: Duration| time.as_secs_f64() * 1000.0;
        write!(f, "{:>9.0}/s   p50 {:>7.2} ms   p99 {:>7.2} ms", self.per_second, millis(self.p50), millis(self.p99))
    }
}

/// Sends every request once over `connections` connections, each the next as soon as it has its answer; all have to be answered 200.
pub(crate) async fn send(address: SocketAddr, connections: usize, requests: Arc<Vec<Vec<u8>>>) -> Figures {
    send_every(address, connections, requests, Duration::ZERO).await
}

/// The same, each connection at most one request in `pause`: what a request takes while the machine is not saturated.
pub(crate) async fn send_every(
    address: SocketAddr,
    connections: usize,
    requests: Arc<Vec<Vec<u8>>>,
    pause: Duration,
) -> Figures {
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for n in 0..connections {
        let (next, requests) = (Arc::clone(&next), Arc::clone(&requests));
        clients.spawn(async move {
            let first = tokio::time::Instant::now()
                + pause * u32::try_from(n).unwrap_or(0) / u32::try_from(connections).unwrap_or(1);
            let mut turns = (pause > Duration::ZERO).then(|| tokio::time::interval_at(first, pause));
            let mut stream = TcpStream::connect(address).await.expect("the program listens");
            stream.set_nodelay(true).expect("TCP_NODELAY can be set");
            let (mut times, mut buffer) = (Vec::new(), Vec::with_capacity(4096));
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let Some(request) = requests.get(n) else { return times };
                if let Some(turns) = &mut turns {
                    turns.tick().await;
                }
                let sent = Instant::now();
                stream.write_all(request).await.expect("the connection stays open");
                let status = read_answer(&mut stream, &mut buffer).await;
                assert_eq!(status, 200, "{}", String::from_utf8_lossy(&buffer));
                times.push(sent.elapsed());
            }
        });
    }
    let mut times: Vec<Duration> = clients.join_all().await.concat();
    let took = began.elapsed();
    times.sort_unstable();
    let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
    Figures { per_second: times.len() as f64 / took.as_secs_f64(), p50: at(50), p99: at(99) }
}

/// Reads one answer into the buffer; its status.
pub(crate) async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> u16 {
    buffer.clear();
    loop {
        let read = stream.read_buf(buffer).await.expect("the connection stays open");
        assert!(read > 0, "the program hung up");
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..end]).expect("a head is text").to_ascii_lowercase();
        let status = head.strip_prefix("http/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).expect("a status");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .and_then(|n| n.trim().parse::<usize>().ok());
        if buffer.len() >= end + 4 + length.unwrap_or(0) {
            return status;
        }
    }
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
