//! `LOG_FORMAT=json`: each line is one object with the same fields, and what concerns a request or an event has its id.

use serde_json::Value;

use super::{SECRET, database, delivery, event, parsed, stop};
use crate::helpers::process::Process;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_is_an_object_with_the_ids_of_what_it_is_about() {
    let (_folder, database) = database();
    let settings = [("DATABASE_URL", database.as_str()), ("STRIPE_WEBHOOK_SECRET", SECRET)];
    let program = Process::start_with(&["--log-format", "json", "--log", "server=debug,info"], &settings).await;
    let http = reqwest::Client::new();
    let stored = delivery(&http, &program.address, event("evt_1")).send().await.unwrap();
    let stored_id = id_of(&stored);
    assert_eq!(stored.status(), 200);
    let refused = http.post(format!("{}/webhooks/stripe", program.address)).body("{}").send().await.unwrap();
    let refused_id = id_of(&refused);
    assert_eq!(refused.status(), 400);
    let asked = http.get(format!("{}/v1/features", program.address)).bearer_auth("tk_test_wrong").send().await.unwrap();
    let asked_id = id_of(&asked);
    let (code, said) = stop(program).await;
    assert_eq!(code, Some(0), "{said:#?}");
    let lines: Vec<Value> = said.iter().map(|line| parsed(line)).collect();
    assert!(lines.len() > 5);
    for line in &lines {
        for field in ["timestamp", "level", "target", "message"] {
            assert!(line[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {line}");
        }
        assert!(domain::Timestamp::parse(line["timestamp"].as_str().unwrap()).is_some(), "{line}");
    }
    let about = |message: &str, request_id: &str| {
        let is_it = |line: &&Value| line["message"] == message && line["request_id"] == request_id;
        lines.iter().find(is_it).unwrap_or_else(|| panic!("{message} of {request_id} is not in {said:#?}"))
    };
    assert_eq!(about("a delivery was stored", &stored_id)["event_id"], "evt_1");
    assert_eq!(about("a delivery was refused", &refused_id)["reason"], "header_missing");
    assert_eq!(about("answered", &stored_id)["status"], 200);
    assert_eq!(about("answered", &asked_id)["status"], 401);
    assert!(lines.iter().any(|line| line["message"] == "listening"));
    // A setup link is a line like any other.
    assert!(lines.iter().any(|line| line["link"].as_str().is_some_and(|link| link.contains("/admin/setup?token="))));
}

fn id_of(answer: &reqwest::Response) -> String {
    answer.headers()["x-request-id"].to_str().unwrap().to_owned()
}
