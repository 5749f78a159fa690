//! Making objects, with the events that Stripe sends about them.

use serde_json::{Value, json};

use crate::control::Control;
use crate::objects::billing::later;
use crate::objects::catalog::{blank_price, recurring};
use crate::objects::checkout::{add_line_item, details};
use crate::objects::subscription::{price_sum, push_item};
use crate::params::Params;
use crate::value::{merge_metadata, text};
use crate::world::World;

/// A subscription for [`Control::subscribe`]; the default is an active one of nobody for nothing.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionSpec {
    /// Its id; made up when `None`.
    pub id: Option<String>,
    /// The customer's id.
    pub customer: String,
    /// Prices by id, with quantities. An unknown price gets a product of its own (10.00 USD a month).
    pub prices: Vec<(String, u64)>,
    /// `active` when `None`.
    pub status: Option<String>,
    /// A hash; anything else is none.
    pub metadata: Value,
    /// Unix seconds; with it and no `status` the subscription is `trialing`.
    pub trial_end: Option<i64>,
    /// Unix seconds; now when `None`.
    pub created: Option<i64>,
    /// Start of the period of all items, Unix seconds; `created` when `None`.
    pub current_period_start: Option<i64>,
    /// End of the period of all items, Unix seconds; one interval after the start when `None`.
    pub current_period_end: Option<i64>,
    /// Whether it ends with its period.
    pub cancel_at_period_end: bool,
    /// When it ends, Unix seconds.
    pub cancel_at: Option<i64>,
    /// Fields that the others do not reach, laid over the finished object.
    pub patch: Value,
}

/// A checkout session for [`Control::checkout`]; the default is a completed, paid one of mode `payment`.
#[derive(Clone, Debug, Default)]
pub struct CheckoutSpec {
    /// Its id; made up when `None`.
    pub id: Option<String>,
    /// `payment`, `subscription` or `setup`; `payment` when empty.
    pub mode: String,
    /// The customer's id.
    pub customer: Option<String>,
    /// The payer's address.
    pub customer_email: Option<String>,
    /// The host application's own id of the user.
    pub client_reference_id: Option<String>,
    /// A hash; anything else is none.
    pub metadata: Value,
    /// The subscription's id.
    pub subscription: Option<String>,
    /// Prices by id, with quantities, as line items.
    pub prices: Vec<(String, u64)>,
    /// `paid`, `unpaid` or `no_payment_required`; `paid` when `None`.
    pub payment_status: Option<String>,
    /// `complete`, `open` or `expired`; `complete` when `None`.
    pub status: Option<String>,
}

impl Control {
    /// A customer, with `customer.created`.
    pub fn create_customer(&self, id: Option<&str>, email: Option<&str>, name: Option<&str>, metadata: Value) -> Value {
        self.ask(|world| {
            let mut customer = world.blank_customer(id);
            customer["email"] = json!(email);
            customer["name"] = json!(name);
            set_metadata(&mut customer, &metadata);
            Ok(world.store_new("customer.created", customer))
        })
    }

    /// `count` customers with an active subscription to `price` each, told to nobody: for measurements. The n-th, from 0, is
    /// `cus_bulk_<n>` with `sub_bulk_<n>`, an e-mail address, and `user_<n>` as the `user_id` of its metadata.
    pub fn create_subscribers(&self, count: usize, price: &str) {
        self.with(|world| {
            for n in 0..count {
                let id = format!("cus_bulk_{n}");
                let mut customer = world.blank_customer(Some(&id));
                customer["email"] = json!(format!("user_{n}@example.com"));
                customer["metadata"] = json!({ "user_id": format!("user_{n}") });
                world.put(customer);
                let spec = SubscriptionSpec {
                    id: Some(format!("sub_bulk_{n}")),
                    customer: id,
                    prices: vec![(price.to_owned(), 1)],
                    ..SubscriptionSpec::default()
                };
                let subscription = build_subscription(world, &spec);
                world.put(subscription);
            }
        });
    }

    /// A product, with `product.created`.
    pub fn create_product(&self, id: Option<&str>, name: &str) -> Value {
        let mut params = json!({ "name": name });
        if let Some(id) = id {
            params["id"] = json!(id);
        }
        self.ask(|world| world.create_product(&Params::from_json(params)))
    }

    /// A price in USD cents, with `price.created`; `interval` is `day`, `week`, `month` or `year`, and `None` makes it a
    /// one-time price.
    pub fn create_price(&self, id: Option<&str>, product: &str, unit_amount: i64, interval: Option<&str>) -> Value {
        let mut params = json!({ "product": product, "unit_amount": unit_amount, "currency": "usd" });
        if let Some(id) = id {
            params["id"] = json!(id);
        }
        if let Some(interval) = interval {
            params["recurring"] = json!({ "interval": interval });
        }
        self.ask(|world| world.create_price(&Params::from_json(params)))
    }

    /// A subscription as described, with `customer.subscription.created` and, when features are attached to its
    /// products, the entitlement summary; no invoice. For Stripe's whole sequence use the API.
    pub fn subscribe(&self, spec: SubscriptionSpec) -> Value {
        self.ask(|world| {
            let subscription = build_subscription(world, &spec);
            let subscription = world.store_new("customer.subscription.created", subscription);
            Ok(subscription)
        })
    }

    /// Ends it now, with `customer.subscription.deleted`.
    pub fn cancel_subscription(&self, id: &str) -> Value {
        self.ask(|world| world.cancel_subscription(id, &Params::from_json(json!({}))))
    }

    /// Deletes the customer: subscriptions end, a tombstone stays, `customer.deleted`.
    pub fn delete_customer(&self, id: &str) -> Value {
        self.ask(|world| world.delete_customer(id))
    }

    /// Deletes the product although it has prices, with `product.deleted`.
    pub fn delete_product(&self, id: &str) -> Value {
        self.ask(|world| {
            let product = world.retrieve("product", id)?;
            let tombstone = json!({ "id": id, "object": "product", "deleted": true });
            world.put(tombstone.clone());
            world.emit("product.deleted", &product, None);
            Ok(tombstone)
        })
    }

    /// Other prices on a subscription instead of all it has, with `customer.subscription.updated`.
    pub fn set_prices(&self, id: &str, prices: &[(&str, u64)]) -> Value {
        self.ask(|world| {
            let before = world.retrieve("subscription", id)?;
            let period = crate::objects::subscription::period_end(&before);
            let mut after = before.clone();
            after["items"]["data"] = json!([]);
            let now = world.now();
            for (price, quantity) in prices {
                let price = known_price(world, price);
                let end = period.unwrap_or_else(|| later(now, &price["recurring"]));
                let item = world.blank_item(id, &price, i64::try_from(*quantity).unwrap_or(1), (now, end));
                push_item(&mut after, item);
            }
            let after = world.store_update("customer.subscription.updated", &before, after);
            Ok(after)
        })
    }

    /// An invoice that could not be collected: `invoice.created`, `.finalized`, `.payment_failed`, and the subscription
    /// becomes `past_due`.
    pub fn fail_payment(&self, subscription: &str) -> Value {
        self.ask(|world| {
            let mut before = world.retrieve("subscription", subscription)?;
            let method = world.payment_method("pm_card_chargeCustomerFail")?;
            before["default_payment_method"] = method["id"].clone();
            world.put(before.clone());
            world.bill_subscription(subscription, "subscription_cycle", price_sum(&before))
        })
    }

    /// A feature on a product; the feature is made when `lookup_key` is new.
    pub fn attach_feature(&self, product: &str, lookup_key: &str) -> Value {
        self.ask(|world| {
            let known = world.all("entitlements.feature").into_iter().find(|f| f["lookup_key"] == lookup_key).cloned();
            let feature = match known {
                Some(feature) => feature,
                None => {
                    let params = json!({ "lookup_key": lookup_key, "name": lookup_key });
                    world.create_feature(&Params::from_json(params))?
                }
            };
            let params = json!({ "entitlement_feature": feature["id"] });
            world.attach_feature(product, &Params::from_json(params))
        })
    }

    /// A checkout session as described, with `checkout.session.completed` or `.expired` when it is that.
    pub fn checkout(&self, spec: CheckoutSpec) -> Value {
        self.ask(|world| {
            let mode = if spec.mode.is_empty() { "payment" } else { &spec.mode };
            let mut session = world.blank_session(spec.id.as_deref(), mode);
            for (price, quantity) in &spec.prices {
                let price = known_price(world, price);
                let line = world.line_item(&price, i64::try_from(*quantity).unwrap_or(1));
                add_line_item(&mut session, line);
            }
            let owner = spec.customer.as_deref().and_then(|id| world.find("customer", id)).cloned().unwrap_or_default();
            let email = spec.customer_email.as_deref().unwrap_or_else(|| text(&owner, "email"));
            session["customer"] = json!(spec.customer);
            session["customer_email"] = json!(spec.customer_email);
            session["customer_details"] = details(email, text(&owner, "name"));
            session["client_reference_id"] = json!(spec.client_reference_id);
            set_metadata(&mut session, &spec.metadata);
            session["subscription"] = json!(spec.subscription);
            session["payment_status"] = json!(spec.payment_status.as_deref().unwrap_or("paid"));
            let status = spec.status.as_deref().unwrap_or("complete");
            session["status"] = json!(status);
            match status {
                "complete" => {
                    session["url"] = Value::Null;
                    Ok(world.store_new("checkout.session.completed", session))
                }
                "expired" => Ok(world.store_new("checkout.session.expired", session)),
                _ => {
                    world.put(session.clone());
                    Ok(session)
                }
            }
        })
    }

    /// Opens a dispute about a charge, with `charge.dispute.created`; `status` for example `needs_response`.
    pub fn dispute(&self, charge: &str, status: &str) -> Value {
        self.ask(|world| world.dispute(charge, status))
    }

    /// Lets a refund that succeeded fail, with `refund.updated`, `charge.refund.updated` and `refund.failed`.
    pub fn fail_refund(&self, id: &str) -> Value {
        self.ask(|world| world.fail_refund(id))
    }

    /// Ends a dispute as `won` or `lost`, with `charge.dispute.closed`.
    pub fn close_dispute(&self, id: &str, status: &str) -> Value {
        self.ask(|world| world.close_dispute(id, status))
    }
}

fn set_metadata(object: &mut Value, metadata: &Value) {
    if metadata.is_object() {
        merge_metadata(&mut object["metadata"], metadata);
    }
}

/// The price with this id; one that nobody made yet is made, without events.
fn known_price(world: &mut World, id: &str) -> Value {
    if let Some(price) = world.find("price", id) {
        return price.clone();
    }
    let product = world.id("prod");
    let mut price = blank_price(id, &product, 1000, "usd");
    price["created"] = json!(world.now());
    price["livemode"] = json!(world.livemode);
    price["type"] = json!("recurring");
    price["recurring"] = recurring("month", 1);
    world.put(price.clone());
    price
}

fn build_subscription(world: &mut World, spec: &SubscriptionSpec) -> Value {
    let mut subscription = world.blank_subscription(spec.id.as_deref(), &spec.customer);
    let id = text(&subscription, "id").to_owned();
    let created = spec.created.unwrap_or_else(|| world.now());
    for field in ["created", "start_date", "billing_cycle_anchor"] {
        subscription[field] = json!(created);
    }
    let start = spec.current_period_start.unwrap_or(created);
    for (price, quantity) in &spec.prices {
        let price = known_price(world, price);
        let end = spec.current_period_end.or(spec.trial_end).unwrap_or_else(|| later(start, &price["recurring"]));
        let item = world.blank_item(&id, &price, i64::try_from(*quantity).unwrap_or(1), (start, end));
        subscription["currency"] = price["currency"].clone();
        push_item(&mut subscription, item);
    }
    let status = spec.status.as_deref().unwrap_or(if spec.trial_end.is_some() { "trialing" } else { "active" });
    subscription["status"] = json!(status);
    subscription["trial_end"] = json!(spec.trial_end);
    if spec.trial_end.is_some() {
        subscription["trial_start"] = json!(created);
    }
    if status == "canceled" {
        subscription["canceled_at"] = json!(created);
        subscription["ended_at"] = json!(created);
    }
    let at = spec.cancel_at.or_else(|| {
        spec.cancel_at_period_end.then(|| crate::objects::subscription::period_end(&subscription)).flatten()
    });
    if at.is_some() {
        subscription["cancel_at"] = json!(at);
        subscription["canceled_at"] = json!(created);
        subscription["cancel_at_period_end"] = json!(spec.cancel_at_period_end);
        subscription["cancellation_details"]["reason"] = json!("cancellation_requested");
    }
    set_metadata(&mut subscription, &spec.metadata);
    if spec.patch.is_object() {
        crate::value::merge(&mut subscription, &spec.patch);
    }
    subscription
}
