//! One call: what is sent, what is repeated, and what its errors say.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{KEY, Reply, Script};
use domain::Timestamp;
use gateway::client::RetryPolicy;
use gateway::{Client, ClientConfig, CreatePortal, Error, Gateway, Now, Outage, PINNED_VERSION, SecretKey};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PRODUCT: &str = "/products/prod_1";
const PORTAL: &str = "/billing_portal/sessions";

fn product() -> Value {
    json!({ "id": "prod_1", "object": "product" })
}

/// Reads the product once; the script decides what happens.
async fn read(script: &Script) -> Result<Value, Error> {
    script.client().product("prod_1").await
}

#[tokio::test]
async fn every_request_carries_key_and_pinned_version() {
    let script = Script::start().await;
    script.on(PRODUCT, Reply::ok(&product()));
    assert_eq!(read(&script).await.unwrap(), product());
    let [asked] = script.asked().try_into().ok().unwrap();
    assert_eq!(asked.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!(asked.header("stripe-version"), Some(PINNED_VERSION));
    assert_eq!(asked.header("idempotency-key"), None);
    assert!(asked.header("user-agent").unwrap().starts_with("tollkeeper/"));
}

#[tokio::test]
async fn trouble_is_retried_until_it_passes() {
    for status in [409, 429, 500, 502, 503] {
        let script = Script::start().await;
        script.on(PRODUCT, Reply::error(status, json!({ "message": "trouble" }))).on(PRODUCT, Reply::ok(&product()));
        assert_eq!(read(&script).await.unwrap(), product(), "{status}");
        assert_eq!(script.asked().len(), 2, "{status}");
    }
}

#[tokio::test]
async fn post_keeps_one_idempotency_key_across_retries_and_takes_another_for_the_next_call() {
    let script = Script::start().await;
    for status in [429, 500, 503] {
        script.on(PORTAL, Reply::error(status, json!({ "message": "trouble" })));
    }
    let session = json!({ "id": "bps_1", "url": "https://billing.example/p" });
    script.on(PORTAL, Reply::ok(&session)).on(PORTAL, Reply::ok(&session));
    let client = script.client();
    let portal = CreatePortal::new("cus_1", "https://app.example/a?b=c&d");
    for _ in 0..2 {
        let url = client.create_portal_session(&portal).await.unwrap();
        assert_eq!(url, "https://billing.example/p");
    }
    let asked = script.asked();
    let keys: Vec<_> = asked.iter().map(|asked| asked.header("idempotency-key").unwrap()).collect();
    assert_eq!(keys.len(), 5);
    assert!(keys[..4].iter().all(|key| *key == keys[0]), "{keys:?}");
    assert_ne!(keys[4], keys[0]);
    assert_eq!(asked[0].form(), ["customer=cus_1", "return_url=https://app.example/a?b=c&d"]);
    assert_eq!(asked[0].body, asked[3].body);
    assert_eq!(asked[0].header("content-type"), Some("application/x-www-form-urlencoded"));
}

#[tokio::test]
async fn retries_end_with_an_error_that_says_whether_to_come_back() {
    let script = Script::start().await;
    for _ in 0..4 {
        let limited = Reply::error(429, json!({ "message": "slow down", "code": "rate_limit" }));
        script.on(PRODUCT, limited.with("stripe-rate-limited-reason", "endpoint-rate").with("retry-after", "0"));
    }
    let error = read(&script).await.unwrap_err();
    assert_eq!(script.asked().len(), 4);
    assert!(error.is_transient());
    assert_eq!(
        error,
        Error::RateLimited {
            reason: Some("endpoint-rate".to_owned()),
            retry_after: Some(Duration::ZERO),
            request_id: Some("req_42".to_owned())
        }
    );
}

#[tokio::test]
async fn long_retry_after_is_left_to_the_caller() {
    let script = Script::start().await;
    script.on(PRODUCT, Reply::error(429, json!({ "message": "slow down" })).with("retry-after", "120"));
    let error = read(&script).await.unwrap_err();
    assert_eq!((script.asked().len(), error.retry_after()), (1, Some(Duration::from_secs(120))));
    assert_eq!(error.to_string(), "Stripe's rate limit was reached; it asks to wait 120 s [req_42]");
}

#[tokio::test]
async fn stripes_word_about_retries_is_obeyed() {
    let script = Script::start().await;
    script.on(PRODUCT, Reply::error(500, json!({ "message": "no" })).with("stripe-should-retry", "false"));
    let error = read(&script).await.unwrap_err();
    assert_eq!(script.asked().len(), 1);
    assert!(error.is_transient(), "later is another matter: {error}");

    let script = Script::start().await;
    script.on(PRODUCT, Reply::error(400, json!({ "message": "try again" })).with("stripe-should-retry", "true"));
    script.on(PRODUCT, Reply::ok(&product()));
    assert_eq!(read(&script).await.unwrap(), product());
}

#[tokio::test]
async fn refusals_are_not_retried_and_say_what_stripe_said() {
    let message = "Received unknown parameter: colour";
    let missing = "No such product: 'prod_1'; a similar object exists in live mode, but a test mode key was used.";
    for (status, error, code, text) in [
        (
            400,
            json!({ "message": message, "code": "parameter_unknown", "param": "colour" }),
            "refused",
            "Stripe refused the request (status 400, parameter_unknown, parameter colour): Received unknown parameter: colour [req_42]",
        ),
        (
            401,
            json!({ "message": "Invalid API Key provided." }),
            "unauthorized",
            "Stripe does not accept the API key sk_test_…4242: Invalid API Key provided. Set a valid key [req_42]",
        ),
        (
            403,
            json!({ "message": "The provided key does not have access to account 'acct_1'." }),
            "forbidden",
            "the API key sk_test_…4242 may not do this: The provided key does not have access to account 'acct_1'. Give the \
             restricted key this permission, or set another key [req_42]",
        ),
        (
            404,
            json!({ "message": missing, "code": "resource_missing" }),
            "not_found",
            "Stripe has no product “prod_1”: No such product: 'prod_1'; a similar object exists in live mode, but a test mode key \
             was used.",
        ),
    ] {
        let script = Script::start().await;
        script.on(PRODUCT, Reply::error(status, error));
        let error = read(&script).await.unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (code, text));
        assert!(!error.is_transient());
        assert_eq!(error.is_about_the_key(), matches!(status, 401 | 403));
        assert_eq!(script.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    for (permission, deed) in
        [("rak_subscription_read", "read subscriptions"), ("rak_checkout_session_write", "write checkout sessions")]
    {
        let message = format!(
            "The provided key 'rk_test_***4242' does not have the required permissions for this endpoint on account 'acct_1'. Having \
             the '{permission}' permission would allow this request to continue."
        );
        let script = Script::start().await;
        script.on(PRODUCT, Reply::error(403, json!({ "message": message.clone() })));
        let error = read(&script).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the API key sk_test_…4242 may not {deed}: give the restricted key this permission ({permission}), or set another \
                 key [req_42]"
            )
        );
        let Error::Forbidden { permission: named, message: said, .. } = error else { panic!("{error}") };
        assert_eq!((named.as_deref(), said), (Some(permission), message));
    }
}

#[tokio::test]
async fn a_rate_limit_makes_every_caller_of_the_endpoint_wait() {
    let script = Script::start().await;
    let limited = Reply::error(429, json!({ "message": "slow down" }));
    script.on(PRODUCT, limited.with("stripe-rate-limited-reason", "endpoint-rate").with("retry-after", "3600"));
    script.on("/prices/price_1", Reply::ok(&json!({ "id": "price_1" })));
    let client = script.client();
    client.product("prod_1").await.unwrap_err();
    let background = client.background();
    tokio::select! {
        biased;
        answer = background.product("prod_2") => panic!("{answer:?}"),
        answer = client.price("price_1") => answer.unwrap(),
    };
    assert_eq!(script.asked().len(), 2, "nobody asked that endpoint again");
    assert_eq!(client.usage().live.limited, 1);
}

#[tokio::test]
async fn reads_in_the_background_end_at_the_allowance_and_live_ones_never() {
    let script = Script::start().await;
    for _ in 0..4 {
        script.on(PRODUCT, Reply::ok(&product()));
    }
    let client = script.client();
    let background = client.background();
    let until = Timestamp::parse("2999-01-01T00:00:00Z").unwrap();
    client.set_background_ceiling(1, until);
    background.product("prod_1").await.unwrap();
    let error = background.product("prod_1").await.unwrap_err();
    assert_eq!(error, Error::AllowanceUsed { until });
    assert!(error.is_transient());
    assert!(error.to_string().ends_with("it goes on at 2999-01-01T00:00:00Z"), "{error}");
    client.product("prod_1").await.unwrap();
    let usage = background.usage();
    assert_eq!((usage.background.reads, usage.live.reads, script.asked().len()), (1, 1, 2));
    client.set_background_ceiling(2, until);
    background.product("prod_1").await.unwrap();
    client.set_background_ceiling(2, Timestamp::from_secs(0));
    background.product("prod_1").await.unwrap();
}

#[tokio::test]
async fn stripes_clock_is_compared_with_ours() {
    let script = Script::start().await;
    script.on(PRODUCT, Reply::ok(&product()).with("date", "Sun, 22 Nov 2026 05:00:00 GMT"));
    let ours = Timestamp::parse("2026-11-22T05:01:00.500Z").unwrap();
    let now = Now(Arc::new(move || ours));
    let client = Client::new(ClientConfig { now, ..script.config() }).unwrap();
    assert_eq!(client.clock_skew(), None);
    client.background().product("prod_1").await.unwrap();
    assert_eq!(client.clock_skew(), Some(60_000));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let script = Script::start().await;
    script.on(PRODUCT, Reply::Answer(302, vec![("location", "/v1/products/prod_2".to_owned())], String::new()));
    let error = read(&script).await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 302, .. }), "{error}");
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn key_never_shows_even_when_an_answer_echoes_it() {
    let script = Script::start().await;
    script.on(PRODUCT, Reply::error(400, json!({ "message": format!("bad header: Bearer {KEY}"), "param": KEY })));
    let client = script.client();
    let error = client.product("prod_1").await.unwrap_err();
    for text in [error.to_string(), format!("{error:?}"), format!("{client:?}"), format!("{:?}", script.config())] {
        assert!(!text.contains("ScriptedKey"), "{text}");
        assert!(text.contains("sk_test_…4242"), "{text}");
    }
}

#[tokio::test]
async fn silence_ends_at_the_time_out() {
    let script = Script::start().await;
    script.on(PRODUCT, Reply::Hang).on(PRODUCT, Reply::Hang);
    let retry = RetryPolicy { max_retries: 1, ..RetryPolicy::immediate() };
    let timeout = Duration::from_millis(100);
    let client = Client::new(ClientConfig { timeout, retry, ..script.config() }).unwrap();
    let error = client.product("prod_1").await.unwrap_err();
    assert_eq!(error, Error::Unavailable { outage: Outage::TimedOut(timeout), request_id: None });
    assert_eq!(script.asked().len(), 2);
    assert!(error.is_transient());
}

#[tokio::test]
async fn refused_connection_is_an_outage() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let config =
        ClientConfig { base_url, retry: RetryPolicy::immediate(), ..ClientConfig::new(SecretKey::parse(KEY).unwrap()) };
    let error = Client::new(config).unwrap().product("prod_1").await.unwrap_err();
    assert!(
        matches!(&error, Error::Unavailable { outage: Outage::Connection(cause), .. } if cause.contains("refused")),
        "{error:?}"
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn broken_off_answer_is_retried_under_the_same_idempotency_key() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut keys = Vec::new();
        for answer in [
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"url\":",
            "",
            "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"url\":\"a://b\"}",
        ] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            let head = String::from_utf8_lossy(&request[..read]).to_lowercase();
            keys.push(head.split_once("idempotency-key: ").unwrap().1.lines().next().unwrap().to_owned());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        keys
    });
    let config =
        ClientConfig { base_url, retry: RetryPolicy::immediate(), ..ClientConfig::new(SecretKey::parse(KEY).unwrap()) };
    let client = Client::new(config).unwrap();
    assert_eq!(client.create_portal_session(&CreatePortal::new("cus_1", "https://a.example/")).await.unwrap(), "a://b");
    let keys = server.await.unwrap();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let live = client.usage().live;
    assert_eq!((live.writes, live.failed, live.answered, live.reads), (3, 2, 1, 0));
}

#[tokio::test]
async fn connections_are_reused() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    // This server takes one connection alone: a second one would wait for ever.
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for _ in 0..3 {
            let mut request = [0; 4096];
            assert_ne!(stream.read(&mut request).await.unwrap(), 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"id\":\"prod_1\"}").await.unwrap();
        }
    });
    let config = ClientConfig {
        base_url,
        timeout: Duration::from_secs(5),
        retry: RetryPolicy { max_retries: 0, ..RetryPolicy::immediate() },
        ..ClientConfig::new(SecretKey::parse(KEY).unwrap())
    };
    let client = Client::new(config).unwrap();
    for _ in 0..3 {
        client.product("prod_1").await.unwrap();
    }
    server.await.unwrap();
}

#[tokio::test]
async fn nonsense_is_unreadable_and_not_retried() {
    let script = Script::start().await;
    script.on(PRODUCT, Reply::Answer(200, Vec::new(), "<html>".to_owned()));
    let error = read(&script).await.unwrap_err();
    assert!(matches!(&error, Error::Unreadable { what: "product", path, .. } if path.is_empty()), "{error:?}");
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn object_without_id_is_unreadable() {
    for answer in [json!({}), json!([]), json!(null)] {
        let script = Script::start().await;
        script.on(PRODUCT, Reply::ok(&answer));
        let error = read(&script).await.unwrap_err();
        assert_eq!(error.to_string(), "Stripe's answer about product could not be read at id: it is missing");
    }
}

#[tokio::test]
async fn ids_cannot_leave_their_place_in_the_path() {
    let script = Script::start().await;
    for id in ["", ".", "..", "a\nb"] {
        let error = script.client().product(id).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { what: "product", .. }), "{id:?}");
    }
    assert!(script.asked().is_empty());
    script.on("/products/..%2Fcustomers%3Fa%26%C3%A4", Reply::ok(&product()));
    script.client().product("../customers?a&ä").await.unwrap();
}
