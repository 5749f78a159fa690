//! What happened in the last thirty days, in order.

use domain::Timestamp;
use domain::access::OverrideEffect;
use serde_json::{Value, json};
use standin::{CheckoutSpec, SubscriptionSpec};
use store::records::NewOverride;

use super::catalog::{self, ONBOARDING, PRO, PRO_YEARLY, STARTER};
use super::people::{self, By, Person};
use super::purchases;
use super::stage::{DAY, HOUR, MODE, Stage};

/// Something that happens at one moment.
pub(super) enum Scene {
    /// The first catalog is made.
    Shop,
    /// Somebody goes through Checkout and pays.
    Joins(Box<Person>),
    /// Something in Stripe, which then tells of it.
    Stripe(Box<dyn Fn(&Stage) + Send + Sync>),
    /// Something in Stripe, whose events get lost on the way.
    Lost(Box<dyn Fn(&Stage) + Send + Sync>),
    /// What got lost until now is fetched.
    Fetches,
    /// The application tells of a user.
    User(Person),
    /// Staff say yes or no by hand.
    Override { user: &'static str, effect: OverrideEffect, days: Option<i64>, reason: &'static str },
    /// Stripe refuses to answer about a customer.
    Breaks { user: &'static str, status: u16 },
    /// It answers again.
    Mends { user: &'static str },
    /// A customer is to be read again.
    Reads { user: &'static str },
    /// The application asks what some of its users may.
    Asks,
    /// Time goes by, and what was put off is tried again.
    Waits,
    /// The newest event arrives once more.
    Duplicate,
    /// An event arrives under a signature of nobody we know.
    Forged,
    /// An event of live mode arrives.
    Live,
}

/// How long it is, in seconds.
pub(super) const LENGTH: i64 = 30 * DAY;

/// How long ago, in seconds, and what.
pub(super) type Schedule = Vec<(i64, Scene)>;

/// Plays it all.
pub(super) async fn play(mut stage: Stage) -> anyhow::Result<()> {
    let mut schedule: Schedule = vec![(LENGTH, Scene::Shop)];
    crowd(&mut schedule);
    before_paying(&mut schedule);
    on_the_way(&mut schedule);
    whose(&mut schedule);
    subscriptions(&mut schedule);
    entitlements(&mut schedule);
    purchases::once(&mut schedule);
    purchases::going_on(&mut schedule);
    // Once an hour on the last day, a little after it began.
    schedule.extend((0..24).map(|hour| (hour * HOUR + 20 * 60, Scene::Asks)));
    // What stands at the same moment keeps its order.
    schedule.sort_by_key(|(ago, _)| -ago);
    for (ago, scene) in schedule {
        stage.go(ago);
        show(&mut stage, scene).await?;
    }
    stage.end().await
}

async fn show(stage: &mut Stage, scene: Scene) -> anyhow::Result<()> {
    match scene {
        Scene::Shop => catalog::open_shop(stage).await?,
        Scene::Joins(person) => stage.join(&person, SubscriptionSpec::default()),
        Scene::Stripe(change) => change(stage),
        Scene::Lost(change) => {
            change(stage);
            stage.lose();
        }
        Scene::Fetches => stage.fetch_missing().await?,
        Scene::User(person) => {
            let author = stage.author("api_key:demo", None);
            stage.state.store.put_user(MODE, &person.user, Some(&person.email), Some(&person.name), &author).await?;
        }
        Scene::Override { user, effect, days, reason } => {
            let expires_at = days.map(|days| Timestamp::from_secs(stage.now() + days * DAY));
            let (user_id, feature) = (user.to_owned(), "pro".to_owned());
            let new = NewOverride { livemode: MODE, user_id, feature, effect, value: None, expires_at };
            let author = stage.author("staff:demo@example.com", Some(reason));
            stage.state.store.create_override(&new, &author).await?;
        }
        Scene::Breaks { user, status } => stage.break_reads(&people::customer_of(user), status),
        Scene::Mends { user } => stage.mend(&people::customer_of(user)),
        Scene::Reads { user } => {
            let now = Timestamp::from_secs(stage.now());
            stage.state.store.request_read(MODE, &people::customer_of(user), now).await?;
        }
        Scene::Asks => stage.ask(),
        Scene::Waits => {}
        Scene::Duplicate => {
            let newest = stage.stripe.events().pop();
            stage.send(newest.into_iter().collect()).await?;
        }
        Scene::Forged => {
            if let Some(newest) = stage.stripe.events().last() {
                stage.send_forged(newest).await?;
            }
        }
        Scene::Live => stage.send(vec![live_checkout(stage.now())]).await?,
    }
    stage.tell().await
}

/// Those with whom all is well, those who bought what gives nothing, and those whom nobody knows.
fn crowd(schedule: &mut Schedule) {
    for (n, person) in (0..).zip(people::ordinary()) {
        // Spread over the month, at other hours each day.
        let ago = 29 * DAY - n * (29 * DAY / 22) - n * 37 * 60;
        if n % 3 == 0 {
            schedule.push((ago + 60, Scene::User(person.clone())));
        }
        let (customer, invoice) = (person.customer(), format!("in_Demo{n:02}"));
        schedule.push((ago, Scene::Joins(Box::new(person))));
        if n % 2 == 0 {
            // Of types that no rule uses.
            let paid = move |stage: &Stage| {
                let invoice = json!({"id": invoice, "object": "invoice", "customer": customer, "status": "paid"});
                stage.stripe.emit("invoice.paid", &invoice, None);
            };
            schedule.push((ago - 2, Scene::Stripe(Box::new(paid))));
        }
        if n % 7 == 0 {
            schedule.push((ago - 30, Scene::Duplicate));
        }
    }
    schedule.push((7 * DAY, Scene::Stripe(Box::new(catalog::sell_analytics))));
    for (n, person) in (0..).zip(people::buyers()) {
        schedule.push((6 * DAY - n * 11 * HOUR, Scene::Joins(Box::new(person))));
    }
    for (n, person) in (0..).zip(people::strays()) {
        schedule.push((9 * DAY - n * 3 * DAY, Scene::Joins(Box::new(person))));
    }
}

/// Link 1.
fn before_paying(schedule: &mut Schedule) {
    schedule.push((2 * DAY, Scene::User(Person::named("user_no_checkout", PRO, By::Nobody))));

    let open = Person::named("user_checkout_open", PRO, By::Customer);
    schedule.push(stripe(2 * HOUR, move |stage| {
        stage.customer(&open);
        stage.session(
            &open,
            CheckoutSpec {
                status: Some("open".into()),
                payment_status: Some("unpaid".into()),
                ..CheckoutSpec::default()
            },
        );
    }));
    // Stripe sends nothing about a session that is only open.
    schedule.push((2 * HOUR - 60, Scene::Reads { user: "user_checkout_open" }));

    // Stripe makes the customer only when the Session is complete, so the application alone knows who it is.
    let expired = Person::named("user_checkout_expired", PRO, By::Reference);
    let session = expired.session();
    schedule.push((4 * DAY + 60, Scene::User(expired.clone())));
    schedule.push(stripe(4 * DAY, move |stage| {
        stage.stripe.checkout(CheckoutSpec {
            id: Some(expired.session()),
            mode: "subscription".to_owned(),
            client_reference_id: Some(expired.user.clone()),
            customer_email: Some(expired.email.clone()),
            prices: vec![(PRO.to_owned(), 1)],
            payment_status: Some("unpaid".to_owned()),
            status: Some("open".to_owned()),
            ..CheckoutSpec::default()
        });
    }));
    schedule.push(stripe(3 * DAY, move |stage| {
        stage.stripe.request("POST", &format!("checkout/sessions/{session}/expire"), "");
    }));

    let clearing = Person::named("user_checkout_payment_pending", PRO, By::Reference);
    schedule.push(stripe(DAY, move |stage| {
        stage.customer(&clearing);
        stage.subscription(&clearing, in_status("incomplete"));
        let subscription = Some(clearing.subscription());
        stage.session(
            &clearing,
            CheckoutSpec { subscription, payment_status: Some("unpaid".into()), ..CheckoutSpec::default() },
        );
    }));

    schedule.push((3 * DAY + 60, Scene::User(Person::named("user_mode_mismatch", PRO, By::Reference))));
    schedule.push((3 * DAY, Scene::Live));
}

/// A Checkout in live mode, though the application asks about test mode.
fn live_checkout(now: i64) -> Value {
    json!({
        "id": "evt_DemoLiveCheckout", "object": "event", "api_version": "2026-09-30.endive", "created": now, "livemode": true,
        "pending_webhooks": 1, "request": { "id": null, "idempotency_key": null }, "type": "checkout.session.completed",
        "data": { "object": {
            "id": "cs_live_DemoModeMismatch", "object": "checkout.session", "livemode": true, "created": now, "mode": "subscription",
            "status": "complete", "payment_status": "paid", "customer": "cus_DemoLiveMisha", "subscription": "sub_DemoLiveMisha",
            "client_reference_id": "user_mode_mismatch", "metadata": {},
        } },
    })
}

/// Link 2.
fn on_the_way(schedule: &mut Schedule) {
    schedule.push((11 * DAY, Scene::Forged));
    schedule.push((11 * DAY - 90, Scene::Forged));

    // The event lists only the first of its items, and Stripe cannot be asked for the rest.
    let failed = Person::named("user_webhook_failed", PRO, By::Reference);
    let user = "user_webhook_failed";
    let (paying, heard) = (failed.clone(), failed);
    schedule.push((1501, Scene::Breaks { user, status: 503 }));
    schedule.push(stripe(1501, {
        let paying = paying.clone();
        move |stage| stage.customer(&paying)
    }));
    schedule.push((
        1500,
        Scene::Lost(Box::new(move |stage| {
            let prices = vec![(ONBOARDING.to_owned(), 1), (PRO.to_owned(), 1)];
            stage.subscription(&paying, SubscriptionSpec { prices, ..SubscriptionSpec::default() });
        })),
    ));
    schedule.push(stripe(1500, move |stage| {
        if let Some(mut short) = stage.stripe.object(&heard.subscription()) {
            if let Some(items) = short["items"]["data"].as_array_mut() {
                items.truncate(1);
            }
            short["items"]["has_more"] = json!(true);
            stage.stripe.emit("customer.subscription.created", &short, None);
        }
        stage.session(&heard, CheckoutSpec { subscription: Some(heard.subscription()), ..CheckoutSpec::default() });
    }));
    // After the fifth try the next one is an hour away: time to press the button.
    for ago in [1490, 1440, 1280, 540] {
        schedule.push((ago, Scene::Waits));
    }
    schedule.push((500, Scene::Mends { user }));

    for (user, status, ago) in [("user_webhook_pending", 500, 2 * HOUR), ("user_key_permission", 403, 5 * HOUR)] {
        let person = Person::named(user, PRO, By::Subscription);
        schedule.push(stripe(ago, move |stage| {
            stage.customer(&person);
            stage.subscription(&person, in_status("incomplete"));
        }));
        schedule.push((ago - HOUR, Scene::Breaks { user, status }));
        schedule.push((ago - HOUR, Scene::Reads { user }));
    }
}

/// Link 3.
fn whose(schedule: &mut Schedule) {
    let una = Person::named("user_unattributed", PRO, By::Nobody);
    schedule.push((5 * DAY, Scene::User(una.clone())));
    schedule.push((5 * DAY - HOUR, Scene::Joins(Box::new(una))));

    // Her colleague paid with the account that she says is hers.
    let claims = Person::named("user_ambiguous_customer", PRO, By::Nobody);
    let mut pays = Person::named("user_ambiguous_customer", PRO, By::Reference);
    schedule.push((8 * DAY, Scene::User(claims)));
    "user_amy_colleague".clone_into(&mut pays.user);
    let colleague = pays.customer();
    schedule.push((8 * DAY - HOUR, Scene::Joins(Box::new(pays))));
    schedule.push(stripe(2 * DAY, move |stage| {
        stage.stripe.update(&colleague, json!({ "metadata": { "user_id": "user_ambiguous_customer" } }));
    }));

    let pat = Person::named("user_pending_link", PRO, By::Nobody);
    schedule.push((HOUR, Scene::User(pat.clone())));
    schedule.push(stripe(1, move |stage| {
        stage.customer(&pat);
        stage.subscription(&pat, SubscriptionSpec::default());
    }));
}

/// Link 4.
fn subscriptions(schedule: &mut Schedule) {
    let joins =
        |user: &'static str, days: i64| (days * DAY, Scene::Joins(Box::new(Person::named(user, PRO, By::Reference))));
    let sub = |user: &str| Person::named(user, PRO, By::Reference).subscription();
    let fails = |user: &str, days: i64| {
        let id = sub(user);
        stripe(days * DAY, move |stage| {
            stage.stripe.fail_payment(&id);
        })
    };
    let becomes = |user: &str, days: i64, patch: Value| {
        let id = sub(user);
        stripe(days * DAY, move |stage| {
            stage.stripe.update(&id, patch.clone());
        })
    };
    let cancels = |user: &str, days: i64| {
        let id = sub(user);
        stripe(days * DAY, move |stage| {
            stage.stripe.cancel_subscription(&id);
        })
    };
    let none = Person::named("user_sub_none", PRO, By::Customer);
    schedule.push(stripe(6 * DAY, move |stage| stage.customer(&none)));
    for (user, days) in [("user_sub_incomplete", 1), ("user_sub_incomplete_expired", 5)] {
        let person = Person::named(user, PRO, By::Subscription);
        schedule.push(stripe(days * DAY, move |stage| {
            stage.customer(&person);
            stage.subscription(&person, in_status("incomplete"));
        }));
    }
    let id = sub("user_sub_incomplete_expired");
    schedule.push(stripe(4 * DAY, move |stage| {
        let now = stage.now();
        stage.stripe.update(&id, json!({ "status": "incomplete_expired", "ended_at": now }));
    }));

    schedule.extend([joins("user_ok", 23), joins("user_ok_at_risk", 26), fails("user_ok_at_risk", 2)]);
    schedule.extend([joins("user_sub_past_due", 28), fails("user_sub_past_due", 12)]);
    schedule.extend([joins("user_sub_unpaid", 27), fails("user_sub_unpaid", 20)]);
    schedule.push(becomes("user_sub_unpaid", 6, json!({ "status": "unpaid" })));
    schedule.extend([joins("user_sub_paused", 20), becomes("user_sub_paused", 5, json!({ "status": "paused" }))]);
    schedule.extend([joins("user_sub_canceled", 25), cancels("user_sub_canceled", 5)]);
    schedule.extend([joins("user_drift", 24), fails("user_drift", 15)]);
    schedule.push(becomes("user_drift", 9, json!({ "status": "unpaid" })));
    // Another name, of which no delivery tells: the list of events does, an hour later.
    let customer = Person::named("user_ok", PRO, By::Reference).customer();
    let rename = move |stage: &Stage| drop(stage.stripe.update(&customer, json!({ "name": "Olga Kaye" })));
    schedule.extend([(3 * DAY, Scene::Lost(Box::new(rename))), (3 * DAY - HOUR, Scene::Fetches)]);
    // They pay after all, and the event about it never arrives.
    let id = sub("user_drift");
    schedule.push((
        DAY,
        Scene::Lost(Box::new(move |stage| {
            let now = stage.now();
            let period =
                json!({ "status": "active", "current_period_start": now, "current_period_end": now + 30 * DAY });
            let subscription = stage.stripe.update(&id, period);
            if let Some(invoice) = subscription["latest_invoice"].as_str() {
                let paid = json!({ "status": "paid", "amount_remaining": 0, "status_transitions": { "paid_at": now } });
                stage.stripe.update(invoice, paid);
            }
        })),
    ));

    let tria = Person::named("user_trial_ended", PRO, By::Reference);
    let id = tria.subscription();
    schedule.push(stripe(18 * DAY, move |stage| {
        stage.join(&tria, SubscriptionSpec { trial_end: Some(stage.now() + 7 * DAY), ..SubscriptionSpec::default() });
    }));
    schedule.push(stripe(11 * DAY, move |stage| {
        let Some(mut ended) = stage.stripe.object(&id) else { return };
        for field in ["canceled_at", "ended_at"] {
            ended[field] = json!(stage.now());
        }
        ended["status"] = json!("canceled");
        stage.stripe.put(ended.clone());
        stage.stripe.emit("customer.subscription.deleted", &ended, None);
    }));
}

/// Link 5.
fn entitlements(schedule: &mut Schedule) {
    let joins = |user: &'static str, plan, days: i64| {
        (days * DAY, Scene::Joins(Box::new(Person::named(user, plan, By::Reference))))
    };
    schedule.push(joins("user_not_in_plan", STARTER, 13));
    schedule.push(joins("user_feature_unknown", PRO_YEARLY, 16));

    schedule.push(joins("user_override_deny", PRO, 21));
    let reason = "Chargeback of the first payment; waits for an answer";
    schedule.push((
        3 * DAY,
        Scene::Override { user: "user_override_deny", effect: OverrideEffect::Deny, days: None, reason },
    ));

    let canceled = Person::named("user_ok_by_override", PRO, By::Reference);
    let id = canceled.subscription();
    schedule.push((26 * DAY, Scene::Joins(Box::new(canceled))));
    schedule.push(stripe(8 * DAY, move |stage| {
        stage.stripe.cancel_subscription(&id);
    }));
    let reason = "Speaks at our conference: free until it is over";
    schedule.push((
        7 * DAY,
        Scene::Override { user: "user_ok_by_override", effect: OverrideEffect::Grant, days: Some(30), reason },
    ));

    schedule.push((22 * DAY, Scene::User(Person::named("user_override_expired", PRO, By::Nobody))));
    let reason = "Tries Pro for two weeks before the company decides";
    schedule.push((
        18 * DAY,
        Scene::Override { user: "user_override_expired", effect: OverrideEffect::Grant, days: Some(14), reason },
    ));
}

pub(super) fn stripe(ago: i64, change: impl Fn(&Stage) + Send + Sync + 'static) -> (i64, Scene) {
    (ago, Scene::Stripe(Box::new(change)))
}

fn in_status(status: &str) -> SubscriptionSpec {
    SubscriptionSpec { status: Some(status.to_owned()), ..SubscriptionSpec::default() }
}
