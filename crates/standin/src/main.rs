//! `stripe-standin`: the stand-in as a program.

use std::net::SocketAddr;
use std::process::ExitCode;

use standin::{Options, Standin, Webhook};

const USAGE: &str = "usage: stripe-standin [--listen ADDRESS] [--webhook URL --secret WHSEC] [--live] [--api-version V] [--rate-limit N]

Speaks Stripe's HTTP on ADDRESS (127.0.0.1:12111 unless given; port 0 takes a free one), prints its address, and posts
signed webhooks to URL. With --rate-limit each endpoint answers N requests a second, and 429 beyond. Any sk_test_... key opens it, with --live any sk_live_... key. Everything is kept in memory.";

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let options = match options(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let listen = options.listen;
    let standin = match Standin::start(options).await {
        Ok(standin) => standin,
        Err(error) => {
            eprintln!("cannot listen on {listen}: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}", standin.base_url());
    tokio::select! {
        () = standin.wait() => {}
        () = signal() => {}
    }
    ExitCode::SUCCESS
}

/// Waits for Ctrl-C or SIGTERM.
async fn signal() {
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// The options of the command line; `None` asks for help.
fn options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options =
        Options { listen: SocketAddr::from(([127, 0, 0, 1], 12111)), auto_deliver: true, ..Options::default() };
    let (mut url, mut secret) = (None, None);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{name} needs a value"));
        match name.as_str() {
            "--listen" => {
                let text = value()?;
                options.listen =
                    text.parse().map_err(|_| format!("--listen: '{text}' is no address like 127.0.0.1:12111"))?;
            }
            "--webhook" => url = Some(value()?),
            "--secret" => secret = Some(value()?),
            "--api-version" => options.api_version = value()?,
            "--rate-limit" => {
                let text = value()?;
                let limit = text.parse().map_err(|_| format!("--rate-limit: '{text}' is no number of requests"))?;
                options.rate_limit = Some(limit);
            }
            "--live" => options.livemode = true,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unknown argument '{name}'")),
        }
    }
    options.webhook = match (url, secret) {
        (Some(url), Some(secret)) => Some(Webhook { url, secret }),
        (None, None) => None,
        _ => return Err("--webhook and --secret go together".to_owned()),
    };
    Ok(Some(options))
}
