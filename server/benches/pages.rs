//! How long the admin app's pages take with 100,000 customers and 1,000,000 events in SQLite, beside the demo as it is.
//!
//! `cargo xtask bench pages [CUSTOMERS]`: the demo's story told once and copied (`tollkeeper demo --customers`), a signed-in session over
//! HTTP on this machine, one request at a time, until the last byte of the page. Those with a goal say so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use server::demo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Requests of each page.
const REQUESTS: usize = 100;

/// A page: what it is called, where it is, and how long it may take, p50 and p99 in milliseconds. `{n}` is another copy each time, and the
/// original where there are none.
type Measured = (&'static str, &'static str, Option<(u64, u64)>);

const PAGES: &[Measured] = &[
    ("customer", "/admin/customers/user_amara_okafor{n}", Some((10, 50))),
    ("customer, events", "/admin/customers/user_amara_okafor{n}?tab=events", None),
    ("events", "/admin/events", Some((20, 80))),
    ("events, any time", "/admin/events?since=any", Some((20, 80))),
    ("events, failed", "/admin/events?status=failed", Some((20, 80))),
    ("events, processed, any time", "/admin/events?status=processed&since=any", None),
    ("events, one type, any time", "/admin/events?type=checkout.session.completed&since=any", None),
    ("events, types, any time", "/admin/events?type=customer.*&since=any", None),
    ("events, a type nobody sends", "/admin/events?type=no.such.type&since=any", None),
    ("events, a customer's", "/admin/events?q=cus_DemoAmaraOkafor{n}", None),
    ("events, a version, any time", "/admin/events?version=2022-11-15&since=any", None),
    ("events, an error, any time", "/admin/events?error=status&since=any", None),
    ("events, fetched", "/admin/events?origin=fetched", None),
    ("search by id", "/admin/search?q=cus_DemoAmaraOkafor{n}", Some((5, 20))),
    ("search by beginning", "/admin/search?q=amara", None),
    ("customers", "/admin/customers", None),
    ("customers, denied", "/admin/customers?filter=denied", None),
    ("customers, at risk", "/admin/customers?filter=at_risk", None),
    ("customers, differing", "/admin/customers?filter=differs", None),
    ("customers, unattributed", "/admin/customers?filter=unattributed", None),
    ("customers, found", "/admin/customers?q=amara", None),
    ("subscriptions", "/admin/subscriptions", None),
    ("subscriptions, past due", "/admin/subscriptions?status=past_due", None),
    ("overview", "/admin", None),
    ("mappings", "/admin/mappings", None),
    ("catalog", "/admin/catalog", None),
    ("features", "/admin/features", None),
    ("unattributed", "/admin/unattributed", None),
    ("overrides", "/admin/overrides", None),
];

fn main() -> anyhow::Result<()> {
    let customers = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(100_000);
    tokio::runtime::Runtime::new()?.block_on(async {
        let small = measure(None).await.context("the demo as it is")?;
        let large = measure(Some(customers)).await.context("the large demo")?;
        println!("\n{:<30} {:>9} {:>9}   {:>9} {:>9}   goal", "p50 and p99 in ms", "the demo", "", customers, "");
        for ((name, _, goal), (small, large)) in PAGES.iter().zip(small.into_iter().zip(large)) {
            let goal = goal.map_or_else(String::new, |(p50, p99)| {
                let is_met =
                    large.0.as_secs_f64() * 1000.0 <= p50 as f64 && large.1.as_secs_f64() * 1000.0 <= p99 as f64;
                format!("{p50} / {p99} {}", if is_met { "met" } else { "MISSED" })
            });
            println!(
                "{name:<30} {:>9.1} {:>9.1}   {:>9.1} {:>9.1}   {goal}",
                small.0.as_secs_f64() * 1000.0,
                small.1.as_secs_f64() * 1000.0,
                large.0.as_secs_f64() * 1000.0,
                large.1.as_secs_f64() * 1000.0
            );
        }
        Ok(())
    })
}

/// The median and the ninety-ninth of a hundred, of each page.
async fn measure(customers: Option<usize>) -> anyhow::Result<Vec<(Duration, Duration)>> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = listener.local_addr()?;
    let began = Instant::now();
    let demo = demo::fill(address, customers).await?;
    println!("filled in {:.1} s, with {} customers", began.elapsed().as_secs_f64(), customers.unwrap_or(0));
    let began = Instant::now();
    let again = store::open(demo.state.config.database_url.expose(), demo.state.config.store_options()).await?;
    println!("opened, everybody's facts in memory, in {:.2} s", began.elapsed().as_secs_f64());
    again.close().await;
    drop(again);

    let (stop, stopped) = oneshot::channel::<()>();
    let state = demo.state.clone();
    let serving = tokio::spawn(async move {
        server::serve::serve(listener, None, state, async {
            let _ = stopped.await;
        })
        .await
    });
    let browser = sign_in(address, &demo.password).await?;
    let browser = Arc::new(browser);
    let mut figures = Vec::with_capacity(PAGES.len());
    for (name, path, _) in PAGES {
        let mut times = Vec::with_capacity(REQUESTS);
        // The first one is not counted: it compiles statements, and the program has just begun.
        for n in 0..=REQUESTS {
            let copy = customers.map_or_else(String::new, |_| format!("_{}", n + 1));
            let path = path.replace("{n}", &copy);
            let sent = Instant::now();
            let answer = browser.get(format!("http://{address}{path}")).send().await?;
            let status = answer.status();
            answer.bytes().await?;
            if n > 0 {
                times.push(sent.elapsed());
            }
            ensure!(status.is_success() || status.is_redirection(), "{name} at {path}: {status}");
        }
        times.sort_unstable();
        let (p50, p99) = (times[REQUESTS / 2], times[REQUESTS - 1 - REQUESTS / 100]);
        // As they come: a page that takes seconds is known before the table is whole.
        eprintln!("{name}: {p50:.1?}, {p99:.1?}");
        figures.push((p50, p99));
    }
    let _ = stop.send(());
    serving.await??;
    Ok(figures)
}

/// A browser in which the demo's owner has signed in by the form.
async fn sign_in(address: SocketAddr, password: &str) -> anyhow::Result<reqwest::Client> {
    let browser =
        reqwest::Client::builder().cookie_store(true).no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let login = format!("http://{address}/admin/login");
    let page = browser.get(&login).send().await?.text().await?;
    let csrf = page.split("name=\"csrf\"").nth(1).and_then(|rest| rest.split("value=\"").nth(1));
    let csrf = csrf.and_then(|rest| rest.split('"').next()).context("the sign-in page has no form")?;
    let form = [("csrf", csrf), ("email", demo::EMAIL), ("password", password)];
    let answer = browser.post(&login).form(&form).send().await?;
    ensure!(answer.status().as_u16() == 303, "signing in was answered with {}", answer.status());
    Ok(browser)
}
