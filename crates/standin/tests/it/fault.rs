//! What it does when told to fail.

use std::time::Duration;

use standin::Faults;

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
