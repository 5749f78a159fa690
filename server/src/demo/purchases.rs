//! Money that comes late, goes back, or is paid once; and subscriptions that go on although something is amiss.

use serde_json::{Value, json};
use standin::{CheckoutSpec, SubscriptionSpec};

use super::catalog::{CREDITS, LIFETIME, PASS, PRO};
use super::people::{By, Person};
use super::stage::{DAY, HOUR, Stage};
use super::story::{Scene, Schedule, stripe};

/// A card that works.
const CARD: &str = "pm_card_visa";

/// Those who buy once, and what becomes of it.
pub(super) fn once(schedule: &mut Schedule) {
    let buys = |user: &'static str, price: &'static str, ago: i64| {
        let person = Person::named(user, price, By::Reference);
        stripe(ago, move |stage| {
            stage.customer(&person);
            pay(stage, &person, "payment", Some(person.customer()));
        })
    };
    schedule.push(buys("user_lifetime", LIFETIME, 19 * DAY));
    schedule.push(buys("user_pass", PASS, 3 * DAY));
    schedule.push(buys("user_pass_expired", PASS, 20 * DAY));
    schedule.push(buys("user_credits", CREDITS, 9 * DAY));
    let guest = Person::named("user_guest", LIFETIME, By::Reference);
    schedule.push(stripe(7 * DAY, move |stage| {
        pay(stage, &guest, "payment", None);
    }));

    for (user, ago) in [("user_refunded", 14 * DAY), ("user_disputed", 16 * DAY), ("user_dispute_open", 10 * DAY)] {
        schedule.push(buys(user, LIFETIME, ago));
    }
    let on_charge = |user: &str, ago: i64, act: fn(&Stage, &str)| {
        let customer = Person::named(user, LIFETIME, By::Reference).customer();
        stripe(ago, move |stage| {
            if let Some(charge) = charge_of(stage, &customer) {
                act(stage, &charge);
            }
        })
    };
    schedule.push(on_charge("user_refunded", 4 * DAY, refund));
    schedule.push(on_charge("user_disputed", 12 * DAY, |stage, charge| {
        stage.stripe.dispute(charge, "needs_response");
    }));
    schedule.push(on_charge("user_disputed", 2 * DAY, |stage, charge| {
        let disputes = stage.stripe.request("GET", "disputes", &format!("charge={charge}"));
        if let Some(dispute) = disputes["data"][0]["id"].as_str() {
            stage.stripe.close_dispute(dispute, "lost");
        }
    }));
    schedule.push(on_charge("user_dispute_open", 3 * DAY, |stage, charge| {
        stage.stripe.dispute(charge, "needs_response");
    }));

    // A bank debit takes days.
    let pending = Person::named("user_debit_pending", LIFETIME, By::Reference);
    schedule.push(stripe(5 * HOUR, move |stage| {
        stage.customer(&pending);
        wait(stage, &pending);
    }));
    let failing = Person::named("user_debit_failed", LIFETIME, By::Reference);
    let session = failing.session();
    schedule.push(stripe(6 * DAY, move |stage| {
        stage.customer(&failing);
        wait(stage, &failing);
    }));
    schedule.push(stripe(2 * DAY, move |stage| {
        if let Some(failed) = stage.stripe.object(&session) {
            stage.stripe.emit("checkout.session.async_payment_failed", &failed, None);
        }
    }));
}

/// Those whose subscription goes on.
pub(super) fn going_on(schedule: &mut Schedule) {
    let joins =
        |user: &'static str, days: i64| (days * DAY, Scene::Joins(Box::new(Person::named(user, PRO, By::Reference))));
    let becomes = |user: &str, ago: i64, patch: Value| {
        let id = Person::named(user, PRO, By::Reference).subscription();
        stripe(ago, move |stage| {
            stage.stripe.update(&id, patch.clone());
        })
    };
    let trial = Person::named("user_trialing", PRO, By::Reference);
    schedule.push(stripe(5 * DAY, move |stage| {
        let trial_end = Some(stage.now() + 14 * DAY);
        stage.join(&trial, SubscriptionSpec { trial_end, ..SubscriptionSpec::default() });
    }));

    schedule.push(joins("user_pause_collection", 17));
    let pause = json!({ "pause_collection": { "behavior": "keep_as_draft", "resumes_at": null } });
    schedule.push(becomes("user_pause_collection", 4 * DAY, pause));

    // The bank sends the debit back after days. Stripe voids the invoice, and the subscription stays active.
    schedule.push(joins("user_failed_debit", 22));
    let id = Person::named("user_failed_debit", PRO, By::Reference).subscription();
    schedule.push(stripe(3 * DAY, move |stage| {
        stage.stripe.fail_payment(&id);
        let subscription = stage.stripe.update(&id, json!({ "status": "active" }));
        if let Some(invoice) = subscription["latest_invoice"].as_str() {
            stage.stripe.update(invoice, json!({ "status": "void" }));
        }
    }));

    let refunded = Person::named("user_subscription_refunded", PRO, By::Reference);
    let customer = refunded.customer();
    schedule.push(stripe(12 * DAY, move |stage| {
        stage.customer(&refunded);
        pay(stage, &refunded, "subscription", Some(refunded.customer()));
    }));
    schedule.push(stripe(6 * DAY, move |stage| {
        if let Some(charge) = charge_of(stage, &customer) {
            refund(stage, &charge);
        }
    }));

    // Thought better of it.
    schedule.push(becomes("user_ok", 10 * DAY, json!({ "cancel_at_period_end": true })));
    schedule.push(becomes("user_ok", 9 * DAY, json!({ "cancel_at_period_end": false })));
}

/// They go through Checkout of this mode and pay at once.
fn pay(stage: &Stage, person: &Person, mode: &str, customer: Option<String>) {
    let customer = customer.map_or_else(String::new, |id| format!("&customer={id}"));
    let form = format!(
        "mode={mode}&success_url=https://demo.example/thanks&client_reference_id={}&line_items[0][price]={}&line_items[0][quantity]=1{customer}",
        person.user, person.plan
    );
    let session = stage.stripe.request("POST", "checkout/sessions", &form);
    if let Some(id) = session["id"].as_str() {
        stage.stripe.request("POST", &format!("payment_pages/{id}/confirm"), &format!("payment_method={CARD}"));
    }
}

/// They go through Checkout and leave it to their bank.
fn wait(stage: &Stage, person: &Person) {
    stage.stripe.checkout(CheckoutSpec {
        id: Some(person.session()),
        mode: "payment".to_owned(),
        customer: Some(person.customer()),
        client_reference_id: Some(person.user.clone()),
        prices: vec![(person.plan.to_owned(), 1)],
        payment_status: Some("unpaid".to_owned()),
        ..CheckoutSpec::default()
    });
}

fn charge_of(stage: &Stage, customer: &str) -> Option<String> {
    let charges = stage.stripe.request("GET", "charges", &format!("customer={customer}"));
    charges["data"][0]["id"].as_str().map(str::to_owned)
}

fn refund(stage: &Stage, charge: &str) {
    stage.stripe.request("POST", "refunds", &format!("charge={charge}"));
}
