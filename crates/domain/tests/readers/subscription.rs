//! Subscriptions of old and new API versions.

use domain::Timestamp;
use domain::stripe::{Subscription, SubscriptionItem, SubscriptionStatus};
use serde_json::{Value, json};

use crate::{fixture, keys, replaced, without};

const OLD: &str = "subscription_2022-11-15";
const CLOVER: &str = "subscription_2025-09-30.clover";

fn read(value: &Value) -> Subscription {
    Subscription::read(value, &keys()).unwrap()
}

fn secs(secs: i64) -> Option<Timestamp> {
    Some(Timestamp::from_secs(secs))
}

fn missing(value: &Value) -> String {
    Subscription::read(value, &keys()).unwrap_err().to_string()
}

#[test]
fn an_old_one_has_its_period_on_the_subscription() {
    let expected = Subscription {
        id: "sub_1MowQVLkdIwHu7ixeRlqHVzs".to_owned(),
        customer_id: "cus_Na6dX7aXxi11N4".to_owned(),
        status: SubscriptionStatus::Active,
        created: secs(1_679_609_767),
        items: vec![SubscriptionItem {
            id: "si_Na6dzxczY5fwHx".to_owned(),
            price_id: "price_1MowQULkdIwHu7ixraBm864M".to_owned(),
            product_id: Some("prod_Na6dGcTsmU0I4R".to_owned()),
            quantity: 3,
            current_period_start: secs(1_679_609_767),
            current_period_end: secs(1_682_288_167),
        }],
        items_truncated: false,
        trial_end: None,
        cancel_at: secs(1_682_288_167),
        cancel_at_period_end: true,
        canceled_at: secs(1_680_000_000),
        ended_at: None,
        cancellation_reason: Some("cancellation_requested".to_owned()),
        pause_behavior: None,
        pending_update_until: None,
        schedule_id: None,
        latest_invoice: Some("in_1MowQWLkdIwHu7ixuzkSPfKd".to_owned()),
        claimed_user: Some("user_8f21c".to_owned()),
    };
    assert_eq!(read(&fixture(OLD)), expected);
}

#[test]
fn expanded_references_are_their_ids() {
    let sub = read(&fixture("subscription_2024-06-20_expanded"));
    assert_eq!(sub.customer_id, "cus_QXg1expanded0");
    assert_eq!(sub.latest_invoice.as_deref(), Some("in_1PgXinvoice"));
    assert_eq!(sub.items[0].product_id.as_deref(), Some("prod_QXg1calls"));
    assert_eq!(sub.items[0].quantity, 1, "a metered item has no quantity");
    assert_eq!(sub.items[0].current_period_end, secs(1_723_678_400));
    assert_eq!(sub.pause_behavior.as_deref(), Some("mark_uncollectible"));
    assert_eq!(sub.status, SubscriptionStatus::PastDue);
    assert_eq!(sub.trial_end, secs(1_721_604_800));
    assert_eq!(sub.claimed_user, None, "the metadata of the customer inside is not the subscription's");
    assert!(sub.items_truncated);
}

#[test]
fn a_new_one_has_a_period_on_each_item() {
    let sub = read(&fixture(CLOVER));
    let ends: Vec<_> = sub.items.iter().map(|item| item.current_period_end).collect();
    assert_eq!(ends, [secs(1_762_678_400), secs(1_791_536_000)]);
    assert_eq!(sub.current_period_end(), secs(1_791_536_000));
    assert_eq!(sub.current_period_start(), secs(1_760_000_000));
    assert_eq!(sub.ends_at(), secs(1_770_000_000), "flexible billing sets cancel_at alone");
    assert_eq!(sub.items[1].product_id.as_deref(), Some("prod_TCyear"), "a deleted product keeps its id");
    assert_eq!(sub.claimed_user.as_deref(), Some("user_9"), "the second spelling of the key");
    let prices: Vec<_> = sub.items.iter().map(|item| item.price_id.as_str()).collect();
    assert_eq!(prices, ["price_1SDmonth", "price_1SDyear"], "a pending update is not applied");
}

#[test]
fn ends_at_reads_both_ways_of_cancelling() {
    let sub = |pointer, value| read(&replaced(CLOVER, pointer, value));
    assert_eq!(sub("/cancel_at", Value::Null).ends_at(), None);
    let mut classic = sub("/cancel_at", Value::Null);
    classic.cancel_at_period_end = true;
    assert_eq!(classic.ends_at(), secs(1_791_536_000), "the end of the last period");
}

#[test]
fn words_of_the_future_are_kept() {
    let sub = read(&fixture("subscription_2026-10-28.endive_deleted_customer"));
    assert_eq!(sub.status, SubscriptionStatus::Unknown("hibernating".to_owned()));
    assert_eq!(sub.status.as_str(), "hibernating");
    assert!(!sub.status.is_terminal());
    assert_eq!(sub.customer_id, "cus_Tgone", "a deleted customer, expanded");
    assert_eq!(sub.items[0].price_id, "price_unexpanded");
    assert_eq!(sub.items[0].product_id, None);
    assert_eq!(sub.claimed_user.as_deref(), Some("42"), "a number is an id too");
    assert_eq!(sub.cancellation_reason, None);
}

#[test]
fn an_item_from_before_prices_is_its_plan() {
    let sub = read(&fixture("subscription_plan_only"));
    assert_eq!(sub.items[0].price_id, "gold-monthly");
    assert_eq!(sub.items[0].product_id.as_deref(), Some("prod_old"));
    assert_eq!(sub.claimed_user, None, "a blank names nobody");
}

#[test]
fn every_status_survives_the_way_out_and_back() {
    let words = [
        "trialing",
        "active",
        "past_due",
        "unpaid",
        "incomplete",
        "incomplete_expired",
        "canceled",
        "paused",
        "hibernating",
    ];
    for word in words {
        let status = SubscriptionStatus::from(word.to_owned());
        assert_eq!(matches!(status, SubscriptionStatus::Unknown(_)), word == "hibernating", "{word}");
        assert_eq!(serde_json::to_value(&status).unwrap(), json!(word));
        assert_eq!(status.is_terminal(), matches!(word, "canceled" | "incomplete_expired"), "{word}");
    }
    for name in [OLD, CLOVER, "subscription_2024-06-20_expanded"] {
        let sub = read(&fixture(name));
        let text = serde_json::to_string(&sub).unwrap();
        assert_eq!(serde_json::from_str::<Subscription>(&text).unwrap(), sub, "{name}");
    }
}

#[test]
fn what_is_missing_is_named_by_its_path() {
    for (pointer, message) in [
        ("/id", "id is missing: expected a string"),
        ("/status", "status is missing: expected a string"),
        ("/customer", "customer is missing: expected an id or an expanded object"),
        ("/items", "items is missing: expected a list"),
        ("/items/data", "items.data is missing: expected the elements of a list"),
        ("/items/data/1/price/product", "items.data[1].price.product is missing: expected an id or an expanded object"),
        ("/items/data/1/quantity", "items.data[1].quantity is missing: expected a whole number"),
        ("/items/data/1/current_period_end", "items.data[1].current_period_end is missing: expected Unix seconds"),
        ("/items/data/1/price/id", "items.data[1].price.id is missing: expected a string"),
        ("/items/data/1/price", "items.data[1].price is missing: expected a price"),
        ("/items/data/0/id", "items.data[0].id is missing: expected a string"),
    ] {
        assert_eq!(missing(&without(CLOVER, pointer)), message);
    }
    assert_eq!(missing(&replaced(CLOVER, "/status", json!(7))), "status is missing: expected a string");
    assert_eq!(
        missing(&replaced(CLOVER, "/customer", json!({"deleted": true}))),
        "customer is missing: expected an id or an expanded object"
    );
    assert_eq!(missing(&replaced(CLOVER, "/items", json!("si_1"))), "items is missing: expected a list");
    // Of another type is as good as lost, where it decides.
    for (pointer, value, path) in [
        ("/cancel_at", json!({"timestamp": 1_770_000_000}), "cancel_at"),
        // Beyond year 9999 it would be kept as another time than it is.
        ("/cancel_at", json!(253_402_300_800_i64), "cancel_at"),
        ("/trial_end", json!("2026-01-01"), "trial_end"),
        ("/pause_collection", json!({}), "pause_collection.behavior"),
        ("/items/data/0/quantity", json!("3"), "items.data[0].quantity"),
        ("/cancel_at_period_end", json!("true"), "cancel_at_period_end"),
    ] {
        let error = Subscription::read(&replaced(CLOVER, pointer, value), &keys()).unwrap_err();
        assert_eq!(error.path, path);
    }
    for odd in [json!(null), json!([]), json!("sub_1"), json!({})] {
        assert!(missing(&odd).contains("is missing"), "{odd}");
    }
}

#[test]
fn what_is_not_needed_may_be_missing_or_odd() {
    for pointer in ["/latest_invoice", "/cancellation_details", "/metadata", "/created", "/ended_at", "/canceled_at"] {
        read(&without(CLOVER, pointer));
        read(&replaced(CLOVER, pointer, json!([1])));
    }
}

#[test]
fn changes_that_are_still_to_come_are_kept_apart_from_the_items() {
    let object = serde_json::json!({
        "id": "sub_1", "customer": "cus_1", "status": "active", "items": {"has_more": false, "data": []},
        "schedule": {"id": "sub_sched_1", "object": "subscription_schedule"},
        "pending_update": {"expires_at": 1_723_678_400, "subscription_items": [{"id": "si_2", "price": "price_2"}]},
    });
    let sub = Subscription::read(&object, &[]).unwrap();
    assert_eq!(sub.pending_update_until, Some(Timestamp::from_secs(1_723_678_400)));
    assert_eq!((sub.schedule_id.as_deref(), sub.items.len()), (Some("sub_sched_1"), 0));
}
