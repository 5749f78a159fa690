//! What it does when told to fail.

use std::time::Duration;

use standin::{Breakage, Faults, Options};

use crate::support::Api;

#[tokio::test]
async fn requests_fail_as_told() {
    let api = Api::new().await;
    let control = api.standin.control();
    control.set_faults(Faults { fail_next: vec![429, 500], ..Faults::default() });
    let limited = api.post("customers", "email=a@b.c").await;
    assert_eq!(limited.status, 429);
    assert_eq!(limited.headers["stripe-rate-limited-reason"], "global-rate");
    assert_eq!(limited.body["error"]["code"], "rate_limit");
    let broken = api.post("customers", "email=a@b.c").await;
    assert_eq!((broken.status, &broken.body["error"]["type"]), (500, &"api_error".into()));
    assert_eq!(broken.headers["stripe-should-retry"], "true");
    assert_eq!(api.get("customers").await.body["data"], serde_json::json!([]), "a failure changes nothing");

    control.set_faults(Faults { fail_paths: vec![("status=all".to_owned(), 503)], ..Faults::default() });
    assert_eq!(api.get("subscriptions?status=all").await.status, 503);
    assert_eq!(api.get("subscriptions").await.status, 200);

    control.set_faults(Faults { fail_rate: 1.0, ..Faults::default() });
    assert_eq!(api.get("customers").await.status, 500);
    control.set_faults(Faults::default());
    assert_eq!(api.get("customers").await.status, 200);
}

#[tokio::test]
async fn a_key_whose_request_failed_can_be_used_again() {
    let api = Api::new().await;
    api.standin.control().set_faults(Faults { fail_next: vec![500], ..Faults::default() });
    let key = [("idempotency-key", "k1")];
    assert_eq!(api.send("POST", "customers", "email=a@b.c", &key).await.status, 500);
    assert_eq!(api.send("POST", "customers", "email=a@b.c", &key).await.status, 200);
}

#[tokio::test]
async fn a_lost_answer_was_carried_out_once() {
    let api = Api::new().await;
    api.standin.control().set_faults(Faults { lose_answers: 1, ..Faults::default() });
    let key = [("idempotency-key", "k1")];
    assert_eq!(api.send("POST", "customers", "email=a@b.c", &key).await.status, 500);
    let again = api.send("POST", "customers", "email=a@b.c", &key).await;
    assert_eq!((again.status, &again.body["email"]), (200, &"a@b.c".into()));
    assert_eq!(api.get("customers").await.body["data"], serde_json::json!([again.body]));
}

#[tokio::test]
async fn a_held_answer_is_the_state_at_arrival() {
    let api = Api::new().await;
    let control = api.standin.control();
    control.create_customer(Some("cus_1"), Some("old@example.com"), None, serde_json::json!({}));
    let hold = control.hold("customers/cus_1");
    let slow = api.get("customers/cus_1");
    let meanwhile = async {
        hold.arrived(1).await;
        control.update("cus_1", serde_json::json!({ "email": "new@example.com" }));
        assert_eq!(api.get("customers").await.body["data"][0]["email"], "new@example.com");
        hold.release();
    };
    let (old, ()) = tokio::join!(slow, meanwhile);
    assert_eq!(old.body["email"], "old@example.com");
    assert_eq!(api.get("customers/cus_1").await.body["email"], "new@example.com");
}

#[tokio::test]
async fn a_delayed_answer_takes_its_time() {
    let api = Api::new().await;
    api.standin.control().set_faults(Faults { delay: Duration::from_millis(80), ..Faults::default() });
    let begun = std::time::Instant::now();
    assert_eq!(api.get("customers").await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn a_dropped_stand_in_is_gone() {
    let api = Api::new().await;
    let address = api.standin.base_url().replace("http://", "");
    assert_eq!(api.get("customers").await.status, 200);
    drop(api);
    let gone = async {
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
}

#[tokio::test]
async fn answers_break_on_their_way() {
    let api = Api::new().await;
    let control = api.standin.control();
    control.create_customer(Some("cus_1"), None, None, serde_json::json!({}));
    let url = format!("{}/v1/customers/cus_1", api.standin.base_url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = || client.get(&url).bearer_auth("sk_test_1");
    let break_by = |breakage| {
        control.set_faults(Faults { broken: vec![("cus_1".to_owned(), breakage)], ..Faults::default() });
    };
    break_by(Breakage::Garbage);
    let garbage = get().send().await.unwrap();
    assert_eq!(garbage.status(), 200);
    assert!(garbage.text().await.unwrap().starts_with("<html>"));
    break_by(Breakage::Cut);
    let mut cut = get().send().await.unwrap();
    assert_eq!(cut.status(), 200);
    assert!(cut.chunk().await.unwrap().is_some_and(|half| half.starts_with(b"{")));
    assert!(cut.chunk().await.is_err());
    break_by(Breakage::Closed);
    let closed = get().send().await.unwrap_err();
    assert!(closed.is_request() && !closed.is_timeout(), "{closed:?}");
    break_by(Breakage::Silence);
    let silent = get().timeout(Duration::from_millis(100)).send().await.unwrap_err();
    assert!(silent.is_timeout(), "{silent:?}");
    assert_eq!(api.get("customers").await.status, 200, "other addresses are not concerned");
    control.set_faults(Faults::default());
    assert_eq!(api.get("customers/cus_1").await.status, 200);
}

#[tokio::test]
async fn a_restricted_key_may_lack_a_permission() {
    let api = Api::new().await;
    api.standin.control().deny(&["rak_subscription_read", "rak_plan_write"]);
    let restricted = [("authorization", "Bearer rk_test_abcdef4242")];
    let refused = api.send("GET", "subscriptions", "", &restricted).await;
    assert_eq!(refused.status, 403);
    let message = refused.body["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("The provided key 'rk_test_*********4242' does not have the required permissions"));
    assert!(message.ends_with("Having the 'rak_subscription_read' permission would allow this request to continue."));
    assert_eq!(api.send("GET", "prices", "", &restricted).await.status, 200);
    assert_eq!(api.send("POST", "prices", "", &restricted).await.status, 403);
    assert_eq!(api.get("subscriptions").await.status, 200, "a secret key may everything");
}

#[tokio::test]
async fn each_endpoint_has_a_rate_limit() {
    let api = Api::with(Options { rate_limit: Some(1), ..Options::default() }).await;
    let control = api.standin.control();
    control.create_subscribers(2, "price_1");
    // Asked at once: at most one of three can wait for the next token, and nobody does.
    let (one, two, three) =
        tokio::join!(api.get("customers/cus_bulk_0"), api.get("customers/cus_bulk_1"), api.get("customers/cus_bulk_1"));
    let mut statuses = [one.status, two.status, three.status];
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[2]), (200, 429));
    let limited = [one, two, three].into_iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(limited.headers["stripe-rate-limited-reason"], "endpoint-rate");
    assert_eq!(api.get("subscriptions?customer=cus_bulk_1").await.body["data"][0]["id"], "sub_bulk_1");
    let load = control.loads()["GET /customers/:id"];
    assert_eq!(load.requests, 3);
    assert!((1..=2).contains(&load.refused) && load.peak >= 2, "{load:?}");
    control.set_rate_limit(None);
    assert!(control.loads().is_empty());
    assert!(control.events().is_empty(), "nobody was told of them");
}

#[tokio::test]
async fn lists_of_many_are_paged_newest_first_with_filters() {
    let api = Api::new().await;
    let control = api.standin.control();
    control.create_subscribers(250, "price_1");
    let mut ids = Vec::new();
    let mut after = String::new();
    loop {
        let page = api.get(&format!("customers?limit=100{after}")).await.body;
        ids.extend(page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        if page["has_more"] == false {
            break;
        }
        after = format!("&starting_after={}", ids.last().unwrap());
    }
    let expected: Vec<String> = (0..250).rev().map(|n| format!("cus_bulk_{n}")).collect();
    assert_eq!(ids, expected);
    let back = api.get("customers?limit=2&ending_before=cus_bulk_100").await.body;
    assert_eq!((&back["data"][0]["id"], &back["data"][1]["id"]), (&"cus_bulk_102".into(), &"cus_bulk_101".into()));
    assert_eq!(back["has_more"], true);
    // A cursor that the filter leaves out is none.
    let wrong = api.get("subscriptions?customer=cus_bulk_1&status=all&starting_after=sub_bulk_2").await;
    assert_eq!(wrong.status, 400);
    control.update("cus_bulk_7", serde_json::json!({ "created": 1 }));
    let oldest = api.get("customers?limit=1&starting_after=cus_bulk_0").await.body;
    assert_eq!(oldest["data"][0]["id"], "cus_bulk_7", "its place follows its time");
    control.delete_customer("cus_bulk_7");
    let none = api.get("customers?limit=1&starting_after=cus_bulk_0").await.body;
    assert_eq!(none["data"], serde_json::json!([]));
}
