//! Keys, errors, paging, idempotency, expansion.

use standin::{CheckoutSpec, Options};

use crate::support::{Api, NOW};

#[tokio::test]
async fn a_key_of_the_right_mode_is_needed() {
    let api = Api::new().await;
    for header in ["Bearer sk_live_1234567890", "Bearer pk_test_1234567890", "Bearer ", "Basic !"] {
        let answer = api.send("GET", "customers", "", &[("authorization", header)]).await;
        assert_eq!(answer.status, 401, "{header}");
        assert_eq!(answer.body["error"]["type"], "invalid_request_error");
    }
    for header in ["Bearer rk_test_1", "Basic c2tfdGVzdF8xOg=="] {
        assert_eq!(api.send("GET", "customers", "", &[("authorization", header)]).await.status, 200, "{header}");
    }
    let live = Api::with(Options { livemode: true, ..Options::default() }).await;
    let live_key = [("authorization", "Bearer sk_live_1")];
    let customer = live.send("POST", "customers", "email=a@b.c", &live_key).await.body;
    assert_eq!(customer["livemode"], true);
    assert_eq!(live.standin.control().events()[0]["livemode"], true);
}

#[tokio::test]
async fn errors_have_stripes_shape() {
    let api = Api::new().await;
    let missing = api.get("customers/cus_nobody").await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.body["error"]["code"], "resource_missing");
    assert_eq!(missing.body["error"]["message"], "No such customer: 'cus_nobody'");
    assert_eq!(missing.body["error"]["param"], "id");

    let unknown = api.get("nothing/here").await;
    assert_eq!(unknown.status, 404);
    assert!(
        unknown.body["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("Unrecognized request URL (GET: /v1/nothing/here)")
    );

    let required = api.post("products", "description=x").await;
    assert_eq!((required.status, &required.body["error"]["code"]), (400, &"parameter_missing".into()));

    let refused = api.post("subscriptions", "customer=cus_nobody&items[0][price]=price_x").await;
    assert_eq!((refused.status, &refused.body["error"]["param"]), (400, &"customer".into()));

    let number = api.get("customers?limit=x").await;
    assert_eq!((number.status, &number.body["error"]["code"]), (400, &"parameter_invalid_integer".into()));
    assert_eq!(api.get("customers?limit=101").await.status, 400);
    assert_eq!(api.standin.control().requests().len(), 6);
}

#[tokio::test]
async fn answers_carry_a_request_id_and_the_stand_ins_own_date() {
    let api = Api::new().await;
    let answer = api.get("customers").await;
    assert!(answer.headers["request-id"].to_str().unwrap().starts_with("req_"));
    assert_eq!(answer.headers["date"], "Thu, 15 Jan 2026 12:00:00 GMT");
    api.standin.control().advance(3600);
    assert_eq!(api.get("customers").await.headers["date"], "Thu, 15 Jan 2026 13:00:00 GMT");
}

#[tokio::test]
async fn lists_come_newest_first_in_pages() {
    let api = Api::new().await;
    let mut made = Vec::new();
    for n in 0..25 {
        let customer = api.make("customers", &format!("email=c{n}@example.com")).await;
        made.insert(0, customer["id"].as_str().unwrap().to_owned());
        api.standin.control().advance(i64::from(n % 3 == 0));
    }
    let ids = |body: &serde_json::Value| -> Vec<String> {
        body["data"].as_array().unwrap().iter().map(|o| o["id"].as_str().unwrap().to_owned()).collect()
    };
    let first = api.get("customers").await.body;
    assert_eq!((ids(&first), &first["has_more"]), (made[..10].to_vec(), &true.into()));
    assert_eq!(first["url"], "/v1/customers");

    let last = api.get(&format!("customers?limit=100&starting_after={}", made[9])).await.body;
    assert_eq!((ids(&last), &last["has_more"]), (made[10..].to_vec(), &false.into()));

    let back = api.get(&format!("customers?limit=5&ending_before={}", made[12])).await.body;
    assert_eq!((ids(&back), &back["has_more"]), (made[7..12].to_vec(), &true.into()));
    let front = api.get(&format!("customers?limit=5&ending_before={}", made[3])).await.body;
    assert_eq!((ids(&front), &front["has_more"]), (made[..3].to_vec(), &false.into()));

    assert_eq!(ids(&api.get("customers?email=c7@example.com").await.body), [made[17].clone()]);
    assert_eq!(ids(&api.get(&format!("customers?limit=100&created[lte]={NOW}")).await.body), [made[24].clone()]);
    assert_eq!(api.get("customers?starting_after=cus_nobody").await.status, 400);
}

#[tokio::test]
async fn an_idempotency_key_repeats_the_answer() {
    let api = Api::new().await;
    let key = [("idempotency-key", "k1")];
    let first = api.send("POST", "customers", "email=a@b.c", &key).await;
    let again = api.send("POST", "customers", "email=a@b.c", &key).await;
    assert_eq!(first.body, again.body);
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert!(!first.headers.contains_key("idempotent-replayed"));
    let other = api.send("POST", "customers", "email=x@y.z", &key).await;
    assert_eq!((other.status, &other.body["error"]["type"]), (400, &"idempotency_error".into()));
    assert_eq!(api.get("customers").await.body["data"].as_array().unwrap().len(), 1);
    let event = &api.standin.control().events()[0];
    assert_eq!(event["request"]["idempotency_key"], "k1");
    assert_eq!(event["request"]["id"], first.headers["request-id"].to_str().unwrap());
}

#[tokio::test]
async fn nested_parameters_of_every_notation_are_read() {
    let api = Api::new().await;
    let product = api.make("products", "name=A+%26+B&metadata[0]=zero&metadata[k%5B1%5D]=v").await;
    assert_eq!(product["name"], "A & B");
    assert_eq!(product["metadata"]["0"], "zero");
    let id = product["id"].as_str().unwrap();
    let price = api.make("prices", &format!("product={id}&unit_amount=100&currency=usd")).await;
    let price = price["id"].as_str().unwrap();
    for lines in
        ["line_items[][price]={p}&line_items[][quantity]=3", "line_items[0][price]={p}&line_items[0][quantity]=3"]
    {
        let form = format!("success_url=https://a.b/&{}", lines.replace("{p}", price));
        let session = api.make("checkout/sessions", &form).await;
        assert_eq!(session["amount_total"], 300, "{lines}");
    }
}

#[tokio::test]
async fn expansion_and_line_items() {
    let api = Api::new().await;
    let subscription = api.subscribed("pm_card_visa").await;
    let id = subscription["id"].as_str().unwrap();
    let expanded =
        api.get(&format!("subscriptions/{id}?expand[0]=customer&expand[1]=latest_invoice.payments")).await.body;
    assert_eq!(expanded["customer"]["object"], "customer");
    assert_eq!(expanded["latest_invoice"]["payments"]["data"][0]["status"], "paid");
    let listed = api.get("subscriptions?expand[]=data.items.data.price.product").await.body;
    assert_eq!(listed["data"][0]["items"]["data"][0]["price"]["product"]["name"], "Pro");

    let price = subscription["items"]["data"][0]["price"]["id"].as_str().unwrap();
    let session = api.standin.control().checkout(CheckoutSpec {
        mode: "subscription".to_owned(),
        prices: vec![(price.to_owned(), 2)],
        ..CheckoutSpec::default()
    });
    assert!(session.get("line_items").is_none());
    let lines = api.get(&format!("checkout/sessions/{}/line_items", session["id"].as_str().unwrap())).await.body;
    assert_eq!(lines["data"][0]["quantity"], 2);
}

#[tokio::test]
async fn both_api_shapes_are_spoken() {
    let api = Api::with(Options { api_version: "2024-06-20".to_owned(), ..Options::default() }).await;
    let old = api.subscribed("pm_card_visa").await;
    let end = old["current_period_end"].as_i64().unwrap();
    assert!(end > NOW);
    assert_eq!(old["plan"]["amount"], 1500);
    assert!(old["items"]["data"][0].get("current_period_end").is_none());
    let path = format!("subscriptions/{}", old["id"].as_str().unwrap());
    let new = api.send("GET", &path, "", &[("stripe-version", "2025-09-30.clover")]).await.body;
    assert!(new.get("current_period_end").is_none() && new.get("plan").is_none());
    assert_eq!(new["items"]["data"][0]["current_period_end"], end);

    let path = format!("invoices/{}", old["latest_invoice"].as_str().unwrap());
    let invoice = api.get(&path).await.body;
    assert_eq!((&invoice["subscription"], &invoice["paid"]), (&old["id"], &true.into()));
    assert_eq!(invoice["lines"]["data"][0]["price"]["unit_amount"], 1500);
    let invoice = api.send("GET", &path, "", &[("stripe-version", "2026-09-30.endive")]).await.body;
    assert_eq!(invoice["parent"]["subscription_details"]["subscription"], old["id"]);
    assert!(invoice.get("subscription").is_none());
    assert!(!invoice.to_string().contains("\"_"), "the stand-in's own notes stay inside");

    let created =
        api.standin.control().events().into_iter().find(|e| e["type"] == "customer.subscription.created").unwrap();
    assert_eq!(
        (&created["api_version"], created["data"]["object"]["current_period_end"].as_i64()),
        (&"2024-06-20".into(), Some(end))
    );
}
