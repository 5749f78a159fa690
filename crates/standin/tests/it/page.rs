//! The pages that Stripe hosts, and what a discount takes off.

use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use standin::Options;

use crate::support::{Api, Receiver};

fn browser() -> Client {
    Client::builder().redirect(Policy::none()).no_proxy().build().unwrap()
}

/// A monthly price of 15.00 and an open session that sells it.
async fn open_session(api: &Api, more: &str) -> Value {
    api.standin.control().create_product(Some("prod_1"), "<Pro>");
    api.standin.control().create_price(Some("price_1"), "prod_1", 1500, Some("month"));
    let form = format!(
        "mode=subscription&line_items[0][price]=price_1&success_url=https://a.example/in?id={{CHECKOUT_SESSION_ID}}\
         &cancel_url=https://a.example/out{more}"
    );
    api.make("checkout/sessions", &form).await
}

#[tokio::test]
async fn a_person_pays_where_the_session_leads_and_is_sent_back() {
    let api = Api::new().await;
    let session = open_session(&api, "").await;
    let (id, url) = (session["id"].as_str().unwrap(), session["url"].as_str().unwrap());
    assert_eq!(url, format!("{}/c/pay/{id}", api.standin.base_url()));
    let page = browser().get(url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("15.00 USD") && page.contains("&lt;Pro&gt;") && !page.contains("<Pro>"), "{page}");
    assert!(page.contains("https://a.example/out"), "{page}");

    let declined = [("payment_method", "pm_card_chargeDeclined")];
    let again = browser().post(url).form(&declined).send().await.unwrap().text().await.unwrap();
    assert!(again.contains("Your card was declined.") && again.contains("Pay</button>"), "{again}");
    let form = [("email", "ada@example.com"), ("payment_method", "pm_card_visa")];
    let paid = browser().post(url).form(&form).send().await.unwrap();
    assert_eq!(paid.status(), StatusCode::SEE_OTHER);
    assert_eq!(paid.headers()[LOCATION], format!("https://a.example/in?id={id}"));
    let session = api.standin.control().object(id).unwrap();
    assert_eq!((&session["status"], &session["payment_status"]), (&json!("complete"), &json!("paid")));
    let customer = api.standin.control().object(session["customer"].as_str().unwrap()).unwrap();
    assert_eq!(customer["email"], "ada@example.com");
    let url = format!("{}/c/pay/{id}", api.standin.base_url());
    assert_eq!(browser().get(&url).send().await.unwrap().status(), StatusCode::GONE);
    assert_eq!(browser().get(format!("{url}x")).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn webhooks_of_a_payment_are_lost_on_request_and_stay_in_the_log() {
    let receiver = Receiver::new(&[]).await;
    let api = Api::with(Options { webhook: receiver.webhook(), ..Options::default() }).await;
    let session = open_session(&api, "").await;
    let before = api.standin.control().deliver_all().await.len();
    assert!(before > 0, "product and price were told");
    let url = session["url"].as_str().unwrap();
    let paid = browser().post(url).form(&[("lose_webhooks", "1")]).send().await.unwrap();
    assert_eq!(paid.status(), StatusCode::SEE_OTHER);
    assert!(api.standin.control().deliver_all().await.is_empty());
    assert!(api.types().iter().any(|kind| kind == "checkout.session.completed"));
}

#[tokio::test]
async fn a_discount_takes_off_once_or_for_ever() {
    for (duration, renewal) in [("once", 1500), ("forever", 900)] {
        let api = Api::new().await;
        let coupon = api.make("coupons", &format!("id=C40&percent_off=40&duration={duration}")).await;
        let promotion = api.make("promotion_codes", "promotion[type]=coupon&promotion[coupon]=C40").await;
        assert_eq!((&coupon["percent_off"], &promotion["promotion"]["coupon"]), (&json!(40.0), &json!("C40")));
        let more = format!("&discounts[0][promotion_code]={}", promotion["id"].as_str().unwrap());
        let session = open_session(&api, &more).await;
        assert_eq!((&session["amount_subtotal"], &session["amount_total"]), (&json!(1500), &json!(900)));
        let path = format!("payment_pages/{}/confirm", session["id"].as_str().unwrap());
        let paid = api.make(&path, "payment_method=pm_card_visa").await;
        let newest = async || {
            let invoices = api.get(&format!("invoices?subscription={}", paid["subscription"].as_str().unwrap())).await;
            invoices.body["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|invoice| invoice["amount_paid"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(newest().await, [json!(900)]);
        api.standin.control().advance(32 * 86_400);
        api.standin.control().run_billing();
        assert!(newest().await.contains(&json!(renewal)), "{duration}: {:?}", newest().await);
    }
    let api = Api::new().await;
    api.make("coupons", "id=FREE&percent_off=100").await;
    let session = open_session(&api, "&discounts[0][coupon]=FREE").await;
    let path = format!("payment_pages/{}/confirm", session["id"].as_str().unwrap());
    let paid = api.make(&path, "payment_method=pm_card_visa").await;
    assert_eq!(paid["payment_status"], "no_payment_required");
    assert_eq!(api.standin.control().object(paid["subscription"].as_str().unwrap()).unwrap()["status"], "active");
}

#[tokio::test]
async fn the_portal_cancels_what_is_its_customers_and_nothing_else() {
    let api = Api::new().await;
    let own = api.subscribed("pm_card_visa").await;
    let others = api.subscribed("pm_card_visa").await;
    let customer = own["customer"].as_str().unwrap();
    let form = format!("customer={customer}&return_url=https://a.example/account");
    let portal = api.make("billing_portal/sessions", &form).await;
    let url = portal["url"].as_str().unwrap();
    let page = browser().get(url).send().await.unwrap().text().await.unwrap();
    let id = |subscription: &Value| subscription["id"].as_str().unwrap().to_owned();
    assert!(page.contains(&id(&own)) && !page.contains(&id(&others)), "{page}");
    let foreign = browser().post(url).form(&[("subscription", id(&others))]).send().await.unwrap();
    assert_eq!(foreign.status(), StatusCode::NOT_FOUND);
    let done = browser().post(url).form(&[("subscription", id(&own))]).send().await.unwrap();
    assert_eq!(done.status(), StatusCode::SEE_OTHER);
    let status = |id: &str| api.standin.control().object(id).unwrap()["status"].clone();
    assert_eq!((status(&id(&own)), status(&id(&others))), (json!("canceled"), json!("active")));
}
