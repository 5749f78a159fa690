//! Whole customers, lists and Checkout Sessions.

use crate::support::{Reply, Script};
use domain::{Livemode, Timestamp};
use gateway::{
    CheckoutDiscount, CheckoutItem, CheckoutMode, CreateCheckout, CreatePortal, Error, Gateway, MAX_CHECKOUT_SESSIONS,
    PortalFlow,
};
use serde_json::{Value, json};

fn page(objects: &[Value], has_more: bool) -> Reply {
    Reply::ok(&json!({ "object": "list", "data": objects, "has_more": has_more }))
}

fn objects(prefix: &str, range: std::ops::Range<usize>) -> Vec<Value> {
    range.map(|n| json!({ "id": format!("{prefix}_{n}") })).collect()
}

/// The answers about a customer that never bought or paid anything.
fn nothing_paid(script: &Script) {
    for path in ["/invoices", "/charges"] {
        script.on(path, page(&[], false).with("date", "Sun, 22 Nov 2026 05:00:00 GMT"));
    }
}

fn queries(script: &Script, path: &str) -> Vec<String> {
    script.asked().into_iter().filter(|asked| asked.path == format!("/v1{path}")).map(|asked| asked.query).collect()
}

#[tokio::test]
async fn whole_customer_is_read_over_all_pages() {
    let script = Script::start().await;
    let customer = json!({ "id": "cus_1", "email": "ada@example.com" });
    script.on("/customers/cus_1", Reply::ok(&customer).with("date", "Sun, 22 Nov 2026 05:00:00 GMT"));
    script
        .on("/subscriptions", page(&objects("sub", 0..100), true))
        .on("/subscriptions", page(&objects("sub", 100..200), true));
    script.on("/subscriptions", page(&objects("sub", 200..201), false).with("date", "Sun, 22 Nov 2026 05:00:02 GMT"));
    script.on("/checkout/sessions", page(&objects("cs", 0..100), true).with("date", "Sun, 22 Nov 2026 05:00:01 GMT"));
    script.on("/checkout/sessions", page(&objects("cs", 50..110), false).with("date", "Sun, 22 Nov 2026 05:00:01 GMT"));
    nothing_paid(&script);
    let snapshot = script.client().customer("cus_1").await.unwrap();
    assert_eq!(snapshot.customer, customer);
    assert_eq!(snapshot.subscriptions, objects("sub", 0..201));
    assert_eq!(snapshot.checkout_sessions.len(), MAX_CHECKOUT_SESSIONS + 10);
    assert_eq!(snapshot.server_date, Timestamp::parse("2026-11-22T05:00:02Z"));
    assert_eq!(
        queries(&script, "/subscriptions"),
        [
            "customer=cus_1&limit=100&status=all",
            "customer=cus_1&limit=100&starting_after=sub_99&status=all",
            "customer=cus_1&limit=100&starting_after=sub_199&status=all",
        ]
    );
    let sessions = "customer=cus_1&expand[0]=data.line_items&limit=100";
    assert_eq!(queries(&script, "/checkout/sessions"), [sessions.to_owned(), format!("{sessions}&status=complete")]);
    assert_eq!(queries(&script, "/invoices"), ["customer=cus_1&expand[0]=data.payments&limit=100"]);
    assert_eq!(queries(&script, "/charges"), ["customer=cus_1&expand[0]=data.refunds&limit=100"]);
}

#[tokio::test]
async fn purchases_are_read_with_all_that_was_sold_and_came_back() {
    let cut = |prefix: &str| json!({ "object": "list", "data": objects(prefix, 0..10), "has_more": true });
    let whole = |prefix: &str| json!({ "object": "list", "data": objects(prefix, 0..12), "has_more": false });
    let sold = |lines| json!({ "id": "cs_1", "mode": "payment", "status": "complete", "line_items": lines });
    let expired = json!({ "id": "cs_2", "mode": "payment", "status": "expired", "line_items": cut("li") });
    let invoice = |lines, payments| json!({ "id": "in_1", "status": "paid", "parent": null, "lines": lines, "payments": payments });
    let bill = json!({ "id": "in_2", "status": "paid", "subscription": "sub_1", "lines": cut("il") });
    let charge = |refunds| json!({ "id": "ch_1", "disputed": true, "refunds": refunds });
    let fine = json!({ "id": "ch_2", "disputed": false, "refunds": { "data": [], "has_more": false } });
    let script = Script::start().await;
    script.on("/customers/cus_1", Reply::ok(&json!({ "id": "cus_1" }))).on("/subscriptions", page(&[], false));
    script.on("/checkout/sessions", page(&[sold(cut("li")), expired.clone()], false));
    script.on("/checkout/sessions/cs_1/line_items", page(&objects("li", 0..12), false));
    script.on("/invoices", page(&[invoice(cut("il"), cut("inpay")), bill.clone()], false));
    script.on("/invoices/in_1/lines", page(&objects("il", 0..12), false));
    script.on("/invoice_payments", page(&objects("inpay", 0..12), false));
    script.on("/charges", page(&[charge(cut("re")), fine.clone()], false));
    script.on("/refunds", page(&objects("re", 0..12), false)).on("/disputes", page(&objects("du", 0..1), false));
    let snapshot = script.client().customer("cus_1").await.unwrap();
    assert_eq!(snapshot.checkout_sessions, [sold(whole("li")), expired]);
    assert_eq!(snapshot.invoices, [invoice(whole("il"), whole("inpay")), bill]);
    assert_eq!(snapshot.charges, [charge(whole("re")), fine]);
    assert_eq!(snapshot.disputes, objects("du", 0..1));
    assert_eq!(queries(&script, "/invoice_payments"), ["invoice=in_1&limit=100"]);
    assert_eq!(queries(&script, "/refunds"), ["charge=ch_1&limit=100"]);
    assert_eq!(queries(&script, "/disputes"), ["charge=ch_1&limit=100"]);
}

#[tokio::test]
async fn a_guests_checkout_is_read_in_one_call() {
    let charge = json!({ "id": "ch_1", "disputed": false, "refunds": { "data": [], "has_more": false } });
    let session = json!({
        "id": "cs_1", "customer": null, "line_items": { "data": objects("li", 0..1), "has_more": false },
        "payment_intent": { "id": "pi_1", "latest_charge": charge }
    });
    let script = Script::start().await;
    script.on("/checkout/sessions/cs_1", Reply::ok(&session));
    let snapshot = script.client().checkout("cs_1").await.unwrap();
    assert_eq!((snapshot.session, snapshot.charges, snapshot.disputes), (session, vec![charge], vec![]));
    assert_eq!(
        queries(&script, "/checkout/sessions/cs_1"),
        ["expand[0]=line_items&expand[1]=payment_intent.latest_charge.refunds"]
    );
    let free = json!({ "id": "cs_2", "payment_intent": null, "line_items": { "data": [], "has_more": false } });
    script.on("/checkout/sessions/cs_2", Reply::ok(&free));
    assert!(script.client().checkout("cs_2").await.unwrap().charges.is_empty());
}

#[tokio::test]
async fn cut_off_embedded_items_are_replaced_by_the_whole_list() {
    let embedded = |has_more: bool| json!({ "object": "list", "data": objects("si", 0..10), "has_more": has_more });
    let subscription = json!({ "id": "sub_1", "items": embedded(true) });
    let complete = json!({ "id": "sub_2", "items": embedded(false) });
    let script = Script::start().await;
    script.on("/customers/cus_1", Reply::ok(&json!({ "id": "cus_1" })));
    script.on("/subscriptions", page(&[subscription.clone(), complete.clone()], false));
    script.on("/checkout/sessions", page(&[], false)).on("/subscriptions/sub_1", Reply::ok(&subscription));
    nothing_paid(&script);
    for _ in 0..2 {
        script.on("/subscription_items", page(&objects("si", 0..100), true));
        script.on("/subscription_items", page(&objects("si", 100..105), false));
    }
    let client = script.client();
    let snapshot = client.customer("cus_1").await.unwrap();
    let whole =
        json!({ "id": "sub_1", "items": { "object": "list", "data": objects("si", 0..105), "has_more": false } });
    assert_eq!(snapshot.subscriptions, [whole.clone(), complete]);
    assert_eq!(client.subscription("sub_1").await.unwrap(), whole);
    let first = "limit=100&subscription=sub_1";
    let second = "limit=100&starting_after=si_99&subscription=sub_1";
    assert_eq!(queries(&script, "/subscription_items"), [first, second, first, second]);
}

#[tokio::test]
async fn an_object_is_read_by_its_type_and_the_session_of_a_payment_found() {
    let script = Script::start().await;
    for (kind, path, query) in [
        ("subscription", "/subscriptions/x_1", ""),
        ("checkout.session", "/checkout/sessions/x_1", ""),
        ("invoice", "/invoices/x_1", ""),
        ("charge", "/charges/x_1", ""),
        ("payment_intent", "/payment_intents/x_1", ""),
        ("refund", "/refunds/x_1", "expand[0]=charge&expand[1]=payment_intent"),
        ("dispute", "/disputes/x_1", "expand[0]=charge&expand[1]=payment_intent"),
        ("product", "/products/x_1", ""),
        ("price", "/prices/x_1", "expand[0]=product"),
    ] {
        script.on(path, Reply::ok(&json!({ "id": "x_1", "object": kind })));
        assert_eq!(script.client().object(kind, "x_1").await.unwrap()["object"], kind);
        assert_eq!(queries(&script, path), [query], "{kind}");
    }
    let error = script.client().object("coupon", "x_1").await.unwrap_err();
    assert_eq!((error.code(), error.is_transient()), ("not_sent", false));
    script.on("/checkout/sessions", page(&objects("cs", 0..1), false)).on("/checkout/sessions", page(&[], false));
    assert_eq!(script.client().checkout_of_payment("pi_1").await.unwrap(), Some(json!({ "id": "cs_0" })));
    assert_eq!(script.client().checkout_of_payment("pi_2").await.unwrap(), None);
    assert_eq!(
        queries(&script, "/checkout/sessions"),
        ["limit=100&payment_intent=pi_1", "limit=100&payment_intent=pi_2"]
    );
}

#[tokio::test]
async fn missing_customer_is_not_found() {
    let script = Script::start().await;
    let error = json!({ "message": "No such customer: 'cus_1'", "code": "resource_missing", "param": "id" });
    script.on("/customers/cus_1", Reply::error(404, error));
    let error = script.client().customer("cus_1").await.unwrap_err();
    assert!(matches!(&error, Error::NotFound { what: "customer", id, .. } if id == "cus_1"), "{error:?}");
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn deleted_customer_keeps_what_stripe_still_lists() {
    let gone = || {
        Reply::error(
            400,
            json!({ "message": "No such customer: 'cus_1'", "code": "resource_missing", "param": "customer" }),
        )
    };
    let deleted = json!({ "id": "cus_1", "deleted": true });
    let script = Script::start().await;
    script.on("/customers/cus_1", Reply::ok(&deleted)).on("/subscriptions", page(&objects("sub", 0..1), false));
    script.on("/checkout/sessions", gone()).on("/invoices", gone()).on("/charges", gone());
    let snapshot = script.client().customer("cus_1").await.unwrap();
    assert_eq!((snapshot.customer, snapshot.subscriptions), (deleted, objects("sub", 0..1)));
    assert!(snapshot.checkout_sessions.is_empty());

    // The same refusal for a customer that is there must not look like "no subscriptions".
    let script = Script::start().await;
    script.on("/customers/cus_1", Reply::ok(&json!({ "id": "cus_1" }))).on("/subscriptions", gone());
    script.on("/checkout/sessions", page(&[], false));
    nothing_paid(&script);
    assert!(matches!(script.client().customer("cus_1").await, Err(Error::Refused { status: 400, .. })));
}

#[tokio::test]
async fn failure_on_a_later_page_fails_the_whole_reading() {
    let script = Script::start().await;
    script.on("/customers/cus_1", Reply::ok(&json!({ "id": "cus_1" }))).on("/checkout/sessions", page(&[], false));
    nothing_paid(&script);
    script.on("/subscriptions", page(&objects("sub", 0..100), true));
    for _ in 0..4 {
        script.on("/subscriptions", Reply::error(500, json!({ "message": "trouble" })));
    }
    let error = script.client().customer("cus_1").await.unwrap_err();
    assert_eq!(error.code(), "unavailable");
}

#[tokio::test]
async fn lists_that_are_none_are_unreadable_and_say_where() {
    for (answer, place) in [
        (json!({ "data": {}, "has_more": false }), "data"),
        (json!({ "data": [] }), "has_more"),
        (json!({ "data": [], "has_more": true }), "data"),
        (json!({ "data": [{ "id": "cus_1" }, { "object": "customer" }], "has_more": false }), "data[1].id"),
        (json!([]), "data"),
        (json!(7), "data"),
    ] {
        let script = Script::start().await;
        script.on("/customers", Reply::ok(&answer));
        let error = script.client().search_customers_by_email("ada@example.com").await.unwrap_err();
        assert!(
            matches!(&error, Error::Unreadable { what: "customers", path, .. } if path == place),
            "{answer}: {error:?}"
        );
    }
}

#[tokio::test]
async fn list_without_end_is_given_up() {
    let script = Script::start().await;
    for _ in 0..201 {
        script.on("/prices", page(&objects("price", 0..1), true));
    }
    let error = script.client().list_prices(usize::MAX).await.unwrap_err();
    assert!(matches!(error, Error::Unreadable { what: "prices", .. }), "{error:?}");
    assert_eq!(script.asked().len(), 200);
}

#[tokio::test]
async fn lists_end_at_their_bound() {
    let script = Script::start().await;
    script.on("/prices", page(&objects("price", 0..100), true)).on("/prices", page(&objects("price", 100..200), true));
    let prices = script.client().list_prices(150).await.unwrap();
    assert_eq!(prices, objects("price", 0..150));
    assert_eq!(queries(&script, "/prices")[0], "active=true&expand[0]=data.product&limit=100");
}

#[tokio::test]
async fn events_are_paged_by_the_caller() {
    let script = Script::start().await;
    script.on("/events", page(&objects("evt", 0..100), true)).on("/events", page(&objects("evt", 100..101), false));
    let client = script.client();
    let since = Timestamp::from_secs(1_790_000_000);
    let first = client.list_events(since, None).await.unwrap();
    assert_eq!((first.events.len(), first.has_more), (100, true));
    let second = client.list_events(since, Some("evt_99")).await.unwrap();
    assert_eq!((second.events.len(), second.has_more), (1, false));
    let bound = "created[gte]=1790000000";
    assert_eq!(
        queries(&script, "/events"),
        [format!("limit=100&{bound}"), format!("limit=100&starting_after=evt_99&{bound}")]
    );
}

#[tokio::test]
async fn undelivered_events_are_asked_for_by_their_time() {
    let script = Script::start().await;
    script.on("/events", page(&objects("evt", 0..100), true)).on("/events", page(&objects("evt", 100..101), false));
    let (from, until) = (Timestamp::from_secs(1_790_000_000), Timestamp::from_secs(1_790_000_060));
    let ids = script.client().undelivered_events(from, until).await.unwrap();
    assert_eq!((ids.len(), ids[100].as_str()), (101, "evt_100"));
    let asked = &queries(&script, "/events")[0];
    assert_eq!(asked, "delivery_success=false&limit=100&created[gte]=1790000000&created[lte]=1790000060");
}

fn checkout() -> CreateCheckout {
    CreateCheckout::new("user 1&2", CheckoutItem::new("price_1", 2), "https://a.example/?s={CHECKOUT_SESSION_ID}")
}

/// The form fields that creating this session sends.
async fn form(checkout: &CreateCheckout) -> Vec<String> {
    let script = Script::start().await;
    script.on("/checkout/sessions", Reply::ok(&json!({ "id": "cs_1", "url": "https://pay.example/cs_1" })));
    let created = script.client().create_checkout_session(checkout, "ours-1").await.unwrap();
    assert_eq!((created.id.as_str(), created.url.as_str()), ("cs_1", "https://pay.example/cs_1"));
    let [asked] = script.asked().try_into().ok().unwrap();
    assert_eq!(asked.header("idempotency-key"), Some("ours-1"));
    asked.form()
}

#[tokio::test]
async fn checkout_names_the_user_everywhere() {
    let subscription = CreateCheckout {
        email: Some("ada@example.com".to_owned()),
        cancel_url: Some("https://a.example/no".to_owned()),
        trial_days: Some(14),
        discount: Some(CheckoutDiscount::Entered),
        ..checkout()
    };
    assert_eq!(
        form(&subscription).await,
        [
            "allow_promotion_codes=true",
            "cancel_url=https://a.example/no",
            "client_reference_id=user 1&2",
            "customer_email=ada@example.com",
            "line_items[0][price]=price_1",
            "line_items[0][quantity]=2",
            "metadata[user_id]=user 1&2",
            "mode=subscription",
            "subscription_data[metadata][user_id]=user 1&2",
            "subscription_data[trial_period_days]=14",
            "success_url=https://a.example/?s={CHECKOUT_SESSION_ID}",
        ]
    );
    let payment = form(&CreateCheckout { mode: CheckoutMode::Payment, ..checkout() }).await;
    for field in ["mode=payment", "customer_creation=always", "payment_intent_data[metadata][user_id]=user 1&2"] {
        assert!(payment.iter().any(|sent| sent == field), "{field}: {payment:?}");
    }
}

#[tokio::test]
async fn checkout_sends_what_else_was_asked_for_and_no_metadata_hides_the_user() {
    let fields = form(&CreateCheckout {
        user_key: "account".to_owned(),
        line_items: vec![CheckoutItem { adjustable_quantity: true, ..CheckoutItem::new("price_1", 3) }],
        discount: Some(CheckoutDiscount::Coupon("SPRING".to_owned())),
        locale: Some("pt-BR".to_owned()),
        metadata: vec![("campaign".to_owned(), "mail".to_owned()), ("account".to_owned(), "eve".to_owned())],
        ..checkout()
    })
    .await;
    for field in [
        "discounts[0][coupon]=SPRING",
        "line_items[0][adjustable_quantity][enabled]=true",
        "line_items[0][adjustable_quantity][minimum]=1",
        "locale=pt-BR",
        "metadata[account]=user 1&2",
        "metadata[campaign]=mail",
        "subscription_data[metadata][account]=user 1&2",
        "subscription_data[metadata][campaign]=mail",
    ] {
        assert!(fields.iter().any(|sent| sent == field), "{field}: {fields:?}");
    }
    assert!(!fields.iter().any(|sent| sent.contains("eve") || sent.contains("allow_promotion_codes")), "{fields:?}");
    let promotion = CheckoutDiscount::PromotionCode("promo_1".to_owned());
    let fields = form(&CreateCheckout { discount: Some(promotion), ..checkout() }).await;
    assert!(fields.iter().any(|sent| sent == "discounts[0][promotion_code]=promo_1"), "{fields:?}");
}

#[tokio::test]
async fn portal_leads_to_what_the_customer_comes_for() {
    let script = Script::start().await;
    let ways = [
        (PortalFlow::PaymentMethodUpdate, vec!["flow_data[type]=payment_method_update"]),
        (
            PortalFlow::SubscriptionCancel("sub_1".to_owned()),
            vec!["flow_data[subscription_cancel][subscription]=sub_1", "flow_data[type]=subscription_cancel"],
        ),
        (
            PortalFlow::SubscriptionUpdate("sub_1".to_owned()),
            vec!["flow_data[subscription_update][subscription]=sub_1", "flow_data[type]=subscription_update"],
        ),
    ];
    for (flow, expected) in ways {
        script.on("/billing_portal/sessions", Reply::ok(&json!({ "id": "bps_1", "url": "https://portal.example" })));
        let portal = CreatePortal { flow: Some(flow), ..CreatePortal::new("cus_1", "https://a.example") };
        let portal = CreatePortal { locale: Some("de".to_owned()), ..portal };
        script.client().create_portal_session(&portal).await.unwrap();
        let sent = script.asked().pop().unwrap().form();
        for field in expected.iter().chain(&["customer=cus_1", "locale=de", "return_url=https://a.example"]) {
            assert!(sent.iter().any(|sent| sent == field), "{field}: {sent:?}");
        }
    }
}

#[tokio::test]
async fn checkout_of_a_known_customer_sends_no_address() {
    for mode in [CheckoutMode::Subscription, CheckoutMode::Payment] {
        let email = Some("ada@example.com".to_owned());
        let fields = form(&CreateCheckout { customer: Some("cus_1".to_owned()), email, mode, ..checkout() }).await;
        assert!(fields.iter().any(|field| field == "customer=cus_1"), "{fields:?}");
        assert!(!fields.iter().any(|field| field.starts_with("customer_")), "{fields:?}");
    }
}

#[tokio::test]
async fn checkout_that_stripe_must_refuse_is_not_sent() {
    let script = Script::start().await;
    let client = script.client();
    for (checkout, key) in [
        (CreateCheckout { user_id: String::new(), ..checkout() }, "k"),
        (CreateCheckout { user_id: "u".repeat(201), ..checkout() }, "k"),
        (CreateCheckout { line_items: Vec::new(), ..checkout() }, "k"),
        (CreateCheckout { trial_days: Some(0), ..checkout() }, "k"),
        (CreateCheckout { trial_days: Some(1), mode: CheckoutMode::Payment, ..checkout() }, "k"),
        (checkout(), ""),
        (checkout(), "line\nend"),
    ] {
        let error = client.create_checkout_session(&checkout, key).await.unwrap_err();
        assert_eq!(error.code(), "not_sent", "{checkout:?} {key:?}");
    }
    assert!(script.asked().is_empty());
    assert_eq!(client.livemode(), Livemode::Test);
}
