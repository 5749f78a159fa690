//! What strangers send to be a nuisance: it is refused or bounded, and who means well is served meanwhile.

use domain::Livemode;
use domain::event::EventStatus;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::helpers::process::Process;
use crate::helpers::{SECRET, TestApp};

/// Connections held open with half a request.
const HELD: usize = 300;

fn wall_clock() -> i64 {
    server::clock::Clock::now(&server::clock::SystemClock).secs()
}

/// An event about a customer of this id, with what else its object says.
fn event(id: &str, extra: &Value) -> String {
    let mut object = json!({"id": format!("cus_{id}"), "object": "customer", "metadata": {}});
    object.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    json!({"id": format!("evt_{id}"), "object": "event", "type": "customer.updated", "created": wall_clock(), "livemode": false,
           "data": {"object": object}})
    .to_string()
}

/// Delivers a body with Stripe's signature; the status of the answer.
async fn deliver(http: &reqwest::Client, base: &str, body: impl Into<Vec<u8>>) -> u16 {
    let body = body.into();
    let signature = standin::sign(&body, SECRET, wall_clock());
    let request = http.post(format!("{base}/webhooks/stripe")).header("stripe-signature", signature).body(body);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn bodies_of_every_kind_are_answered_and_none_stops_the_line() {
    let app = TestApp::start().await;
    let deep = |depth: usize| format!("{{\"id\":\"evt_deep\",\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let bodies: [(&str, Vec<u8>, u16); 9] = [
        ("nothing", vec![], 400),
        ("a list", b"[]".to_vec(), 400),
        ("deep", deep(100_000).into_bytes(), 400),
        ("not UTF-8", [b"{\"id\":\"evt_".as_slice(), &[0xff, 0xfe], b"\"}"].concat(), 400),
        ("half", b"{\"id\":\"evt_1\",\"object\":\"eve".to_vec(), 400),
        ("large", vec![b' '; 10 * 1024 * 1024], 413),
        (
            "a number that is none",
            br#"{"id":"evt_n","object":"event","type":"x.y","created":1e999,"livemode":false}"#.to_vec(),
            400,
        ),
        (
            "a time beyond all",
            br#"{"id":"evt_t","object":"event","type":"x.y","created":-9e300,"livemode":false}"#.to_vec(),
            400,
        ),
        (
            "the wrong kinds",
            br#"{"id":7,"object":[],"type":{},"created":"now","livemode":"no","data":null}"#.to_vec(),
            400,
        ),
    ];
    for (what, body, expected) in bodies {
        assert_eq!(deliver(&app.http, &app.url, body).await, expected, "{what}");
    }
    // What is an event is taken in, however odd what it is about.
    let odd = [
        json!({"balance": 1e308, "created": -1, "email": "\u{0}\u{202e}"}),
        json!({"created": i64::MAX, "metadata": {"user_id": "x".repeat(100_000)}}),
        json!({"metadata": ["not", "a", "map"], "deleted": "maybe", "name": {"deep": {}}}),
        json!({"metadata": {"user_id": "\u{feff}ünï\ncode\u{1f600}"}}),
    ];
    for (n, extra) in odd.iter().enumerate() {
        assert_eq!(deliver(&app.http, &app.url, event(&format!("odd{n}"), extra)).await, 200, "{extra:.80}");
    }
    assert_eq!(deliver(&app.http, &app.url, event("good", &json!({}))).await, 200);
    app.drain().await;
    let good = app.state.store.event(Livemode::Test, "evt_good").await.unwrap().unwrap();
    // Nobody is told of: the customer has no user.
    assert_eq!(good.status, EventStatus::Unattributed, "what came behind is decided about");
    for n in 0..odd.len() {
        let event = app.state.store.event(Livemode::Test, &format!("evt_odd{n}")).await.unwrap().unwrap();
        assert_ne!(event.status, EventStatus::Pending, "evt_odd{n} is decided about");
    }
}

#[tokio::test]
async fn odd_requests_never_make_the_server_fail() {
    let app = TestApp::start().await;
    let key = app.key(Livemode::Test, domain::role::Scope::Admin).await;
    let long = "x".repeat(60_000);
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    for path in [
        "/v1/access?user_id=%00&feature=%ff".to_owned(),
        format!("/v1/access?user_id={}&feature=pro", &long[..20_000]),
        "/v1/events?after=%F0%9F%98%80&limit=99999999999999999999".to_owned(),
        "/v1/events?limit=-1".to_owned(),
        "/v1/users/%2e%2e%2f%2e%2e/entitlements?at=9999999999999999".to_owned(),
        "/admin/%00/%ff".to_owned(),
        "/pkg/../../etc/passwd".to_owned(),
        "/pkg/%2e%2e/%2e%2e".to_owned(),
    ] {
        let status = app.get(&key, &path).await.status;
        assert!(!status.is_server_error(), "{path:.80}: {status}");
    }
    for body in [deep.as_str(), "{\"user_id\":1e999}", "\u{0}", "{\"requests\":{}}", "null", "[[]]"] {
        for path in ["/v1/access/batch", "/v1/sync", "/v1/checkout-sessions", "/v1/users/u/overrides"] {
            let request = app.http.post(format!("{}{path}", app.url)).bearer_auth(&key);
            let status =
                app.send(request.header("content-type", "application/json").body(body.to_owned())).await.status;
            assert!(status.is_client_error(), "{path} {body:.40}: {status}");
        }
    }
    // A head that does not fit is refused, and the next client is served.
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "y".repeat(2_000_000));
    // It may be refused before all of it was sent.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = vec![];
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(app.get(&key, "/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_requests_keep_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}", folder.path().join("t.db").display());
    let program = Process::start(&[("DATABASE_URL", &database), ("STRIPE_WEBHOOK_SECRET", SECRET)]).await;
    let address = program.address.strip_prefix("http://").unwrap();
    let mut held = vec![];
    for n in 0..HELD {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let part: &[u8] = match n % 3 {
            0 => b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"id\":",
            1 => b"GET /v1/access?user_id=u HTTP/1.1\r\nHost: x\r\nAuthoriz",
            _ => b"",
        };
        stream.write_all(part).await.unwrap();
        held.push(stream);
    }
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for n in 0..20 {
        assert_eq!(deliver(&http, &program.address, event(&format!("held{n}"), &json!({}))).await, 200);
    }
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_bad_signatures_fills_nothing_and_good_deliveries_get_through() {
    const BAD: usize = 640;
    // Beyond what is written down each connection waits for its refusal.
    const CONNECTIONS: usize = 32;
    let app = TestApp::start().await;
    let body = event("flood", &json!({}));
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (http, url, body) = (app.http.clone(), app.url.clone(), body.clone());
        flood.spawn(async move {
            for _ in 0..BAD / CONNECTIONS {
                let request = http.post(format!("{url}/webhooks/stripe")).body(body.clone());
                let signed = request.header("stripe-signature", format!("t={},v1={}", wall_clock(), "0".repeat(64)));
                assert_eq!(signed.send().await.unwrap().status(), 400);
            }
        });
    }
    for n in 0..100 {
        assert_eq!(deliver(&app.http, &app.url, event(&format!("good{n}"), &json!({}))).await, 200);
    }
    flood.join_all().await;
    let counted = app.http.get(format!("{}/metrics", app.url)).send().await.unwrap().text().await.unwrap();
    let line = format!("tollkeeper_webhook_deliveries_total{{outcome=\"rejected\"}} {BAD}");
    assert!(counted.contains(&line), "all are counted: {counted}");
    let kept = app.state.store.rejected_since(domain::Timestamp::from_secs(0)).await.unwrap();
    assert!((1..i64::try_from(BAD / 4).unwrap()).contains(&kept), "{kept} of {BAD} were written down");
}
