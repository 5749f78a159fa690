//! The handle by which tests and `demo` steer the stand-in from the same process.

mod hold;
mod make;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::clock::Clock;
use crate::deliver::{self, DeliveryResult};
use crate::error::Problem;
use crate::faults::Faults;
use crate::params::Params;
use crate::rate::Load;
use crate::server::{Shared, Webhook};
use crate::value::{merge, text};
use crate::world::{Target, World};

pub use hold::Hold;
pub use make::{CheckoutSpec, SubscriptionSpec};

/// Steers a running [`crate::Standin`]; clones steer the same one.
///
/// Calls that change something emit the events that Stripe would, unless they say otherwise. An id that does not exist
/// makes them answer `Value::Null` and change nothing.
#[derive(Clone, Debug)]
pub struct Control {
    shared: Arc<Shared>,
}

impl Control {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Runs `change` on the state and tells the background delivery.
    fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut self.shared.world());
        self.shared.wake();
        result
    }

    /// The same for operations that the API has too; the answer is in the account's API version.
    fn ask(&self, change: impl FnOnce(&mut World) -> Result<Value, Problem>) -> Value {
        self.with(|world| match change(world) {
            Ok(object) => world.version.render(&object),
            Err(problem) => {
                tracing::warn!(problem = %problem.body(), "the stand-in was asked for something impossible");
                Value::Null
            }
        })
    }

    /// What goes wrong from now on; `Faults::default()` ends it.
    pub fn set_faults(&self, faults: Faults) {
        self.with(|world| world.faults = faults);
    }

    /// Stops the clock at this Unix second.
    pub fn set_now(&self, now: i64) {
        self.with(|world| world.clock = Clock::Fixed(now));
    }

    /// Lets the clock run again with the machine's time.
    pub fn use_real_clock(&self) {
        self.with(|world| world.clock = Clock::Running(0));
    }

    /// Moves the clock; nothing is renewed by that (see [`Control::run_billing`]).
    pub fn advance(&self, seconds: i64) {
        self.with(|world| world.clock.advance(seconds));
    }

    /// The clock's Unix second.
    pub fn now(&self) -> i64 {
        self.shared.world().now()
    }

    /// Who gets all events from now on, also those that wait already.
    pub fn set_webhook(&self, webhook: Option<Webhook>) {
        self.with(|world| {
            world.webhook = webhook.map(|webhook| Target { url: webhook.url, secret: webhook.secret });
        });
    }

    /// The present state of an object in the account's API version; deleted customers are `{id, deleted: true}`.
    pub fn object(&self, id: &str) -> Option<Value> {
        let world = self.shared.world();
        world.get(id).map(|object| world.version.render(object))
    }

    /// Inserts or replaces a full object as it is, without an event. It needs `id` and `object`.
    pub fn put(&self, object: Value) {
        self.with(|world| world.put(object));
    }

    /// Lays `patch` over any object and emits `<type>.updated` with what changed, when something did. Null sets null,
    /// in `metadata` it removes.
    pub fn update(&self, id: &str, patch: Value) -> Value {
        self.ask(|world| {
            let before = world.get(id).cloned().ok_or_else(|| Problem::missing("object", id, "id"))?;
            let mut after = before.clone();
            merge(&mut after, &patch);
            move_periods(&mut after, &patch);
            let kind = text(&before, "object").to_owned();
            let event = if kind == "subscription" {
                "customer.subscription.updated".to_owned()
            } else {
                format!("{kind}.updated")
            };
            Ok(world.store_update(&event, &before, after))
        })
    }

    /// From now on not finding this id says that the account's other mode has it.
    pub fn exists_in_other_mode(&self, id: &str) {
        self.with(|world| world.other_mode.insert(id.to_owned()));
    }

    /// As long as nobody has saved the customer portal's settings it opens for nobody; they are saved to begin with.
    pub fn set_portal_configured(&self, configured: bool) {
        self.with(|world| world.portal_configured = configured);
    }

    /// All events so far in full, oldest first.
    pub fn events(&self) -> Vec<Value> {
        self.shared.world().events.clone()
    }

    /// Records and queues an event about `object` as given; the state stays.
    pub fn emit(&self, kind: &str, object: &Value, previous_attributes: Option<Value>) -> Value {
        self.with(|world| world.emit(kind, object, previous_attributes))
    }

    /// Method, path and query of all API requests so far, oldest first.
    pub fn requests(&self) -> Vec<(String, String)> {
        self.shared.world().requests.clone()
    }

    /// Another rate limit of each endpoint, in requests a second; [`Control::loads`] begins anew.
    pub fn set_rate_limit(&self, limit: Option<u32>) {
        self.with(|world| world.rates.reset(limit));
    }

    /// What each endpoint had to bear so far, such as `GET /customers/:id`.
    pub fn loads(&self) -> BTreeMap<String, Load> {
        self.shared.world().rates.loads()
    }

    /// Restricted keys (`rk_…`) lack these permissions from now on, each by Stripe's name such as `rak_subscription_read`.
    pub fn deny(&self, permissions: &[&str]) {
        self.with(|world| world.denied = permissions.iter().map(|name| (*name).to_owned()).collect());
    }

    /// Delivers one event now, whatever the faults say: signs with the stand-in's clock and posts.
    pub async fn deliver(&self, event: &Value) -> DeliveryResult {
        deliver::deliver(&self.shared, event).await
    }

    /// Delivers everything that waits, in order, or as the faults want it.
    pub async fn deliver_all(&self) -> Vec<DeliveryResult> {
        deliver::flush(&self.shared).await
    }

    /// The same as [`Control::deliver_all`]; the word for releasing what `Faults::reorder` held.
    pub async fn flush(&self) -> Vec<DeliveryResult> {
        self.deliver_all().await
    }

    /// Forgets what waits for delivery; the events stay readable through the API. Answers how many there were.
    pub fn discard_queue(&self) -> usize {
        self.with(|world| world.queue.drain(..).count())
    }

    /// Does what has become due by the clock: renewals, ends of trials, cancels at period end.
    pub fn run_billing(&self) {
        self.with(|world| {
            let now = world.now();
            if let Err(problem) = world.run_billing(now, |subscription| subscription["test_clock"].is_null()) {
                tracing::warn!(problem = %problem.body(), "billing stopped");
            }
        });
    }

    /// Runs a request of the API from inside, for example `("POST", "customers", "email=a@b.c")`, past keys and faults.
    /// An error comes as Stripe's error body.
    pub fn request(&self, method: &str, path: &str, form: &str) -> Value {
        self.with(|world| {
            let answer =
                Params::parse(form.as_bytes()).and_then(|params| crate::http::dispatch(world, method, path, &params));
            answer.unwrap_or_else(|problem| problem.body())
        })
    }
}

/// Periods given on the subscription, as older API versions show them, are kept on the items.
fn move_periods(subscription: &mut Value, patch: &Value) {
    if subscription["object"] != "subscription" {
        return;
    }
    for field in ["current_period_start", "current_period_end"] {
        let Some(value) = patch.get(field) else { continue };
        let Some(items) = subscription.pointer_mut("/items/data").and_then(Value::as_array_mut) else { continue };
        if items.is_empty() {
            continue;
        }
        items.iter_mut().for_each(|item| item[field] = value.clone());
        if let Some(fields) = subscription.as_object_mut() {
            fields.remove(field);
        }
    }
}
