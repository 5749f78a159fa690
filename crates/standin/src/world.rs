//! All of the stand-in's state, behind one mutex.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value;

use crate::clock::Clock;
use crate::error::Problem;
use crate::faults::Faults;
use crate::order::Order;
use crate::random::Random;
use crate::rate::Rates;
use crate::value::{id_of, text};
use crate::version::Version;

/// What an operation answers.
pub(crate) type Reply = Result<Value, Problem>;

/// The API request that is being answered; events name it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cause {
    pub(crate) request: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

/// An answer kept under an `Idempotency-Key`.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// Method, address and body of the first request with the key.
    pub(crate) request: (String, Vec<u8>),
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// A configured receiver of webhooks.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) secret: String,
}

/// The account: its objects, events and settings.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) livemode: bool,
    /// `http://127.0.0.1:PORT`, where its pages are.
    pub(crate) base_url: String,
    /// Ids that exist in the account's other mode, so that not finding them says so.
    pub(crate) other_mode: HashSet<String>,
    /// Whether the settings of the customer portal were ever saved.
    pub(crate) portal_configured: bool,
    pub(crate) version: Version,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) random: Random,
    pub(crate) cause: Cause,
    /// The receiver from `Options::webhook` or `Control::set_webhook`.
    pub(crate) webhook: Option<Target>,
    /// All events, oldest first, in full.
    pub(crate) events: Vec<Value>,
    /// Ids of events that wait for delivery, with the number of tries so far.
    pub(crate) queue: VecDeque<(String, u32)>,
    pub(crate) kept: HashMap<String, Kept>,
    pub(crate) requests: Vec<(String, String)>,
    /// Parts of addresses whose answers are held back.
    pub(crate) holds: Vec<(String, tokio::sync::watch::Sender<(u32, bool)>)>,
    pub(crate) rates: Rates,
    /// Permissions that restricted keys lack.
    pub(crate) denied: Vec<String>,
    objects: HashMap<String, Value>,
    event_index: HashMap<String, usize>,
    order: Order,
}

impl World {
    pub(crate) fn new(livemode: bool, version: &str, clock: Clock, random: Random) -> Self {
        Self {
            livemode,
            base_url: String::new(),
            other_mode: HashSet::new(),
            portal_configured: true,
            version: Version::new(version),
            clock,
            faults: Faults::default(),
            random,
            cause: Cause::default(),
            webhook: None,
            events: Vec::new(),
            queue: VecDeque::new(),
            kept: HashMap::new(),
            requests: Vec::new(),
            holds: Vec::new(),
            rates: Rates::default(),
            denied: Vec::new(),
            objects: HashMap::new(),
            event_index: HashMap::new(),
            order: Order::default(),
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now()
    }

    /// A fresh id such as `cus_…`; Stripe's short kinds have 14 letters, the others 24.
    pub(crate) fn id(&mut self, prefix: &str) -> String {
        let length = if matches!(prefix, "cus" | "prod" | "si") { 14 } else { 24 };
        format!("{prefix}_{}", self.random.letters(length))
    }

    /// The object as it is kept, also a deleted one.
    pub(crate) fn get(&self, id: &str) -> Option<&Value> {
        self.objects.get(id)
    }

    /// Inserts or replaces an object; without an `id` nothing happens.
    pub(crate) fn put(&mut self, object: Value) {
        let id = text(&object, "id").to_owned();
        if !id.is_empty() {
            self.order.put(&object);
            self.objects.insert(id, object);
        }
    }

    /// Forgets an object.
    pub(crate) fn forget(&mut self, id: &str) {
        self.objects.remove(id);
        self.order.remove(id);
    }

    /// All objects of a type that are not deleted, newest first.
    pub(crate) fn all(&self, kind: &str) -> Vec<&Value> {
        self.newest(kind, "", None).collect()
    }

    /// The objects of a type that have this owner, such as a customer, newest first.
    pub(crate) fn of(&self, kind: &str, owner: &str) -> impl Iterator<Item = &Value> {
        self.newest(kind, owner, None)
    }

    /// The same for the owner "", which has all, and from the object `from` on.
    pub(crate) fn newest(&self, kind: &str, owner: &str, from: Option<&str>) -> impl Iterator<Item = &Value> {
        self.order.newest(kind, owner, from).filter_map(|id| self.objects.get(id))
    }

    /// The object of this type, deleted or not.
    pub(crate) fn find(&self, kind: &str, id: &str) -> Option<&Value> {
        self.get(id).filter(|object| object["object"] == kind)
    }

    /// The object named by the address, or 404. `kind` is the object's type.
    pub(crate) fn retrieve(&self, kind: &str, id: &str) -> Reply {
        self.find(kind, id).cloned().ok_or_else(|| self.or_other_mode(id, Problem::missing(&name_of(kind), id, "id")))
    }

    /// The object that a parameter names, or 400; deleted ones do not count.
    pub(crate) fn referred(&self, kind: &str, id: &str, param: &str) -> Reply {
        self.find(kind, id)
            .filter(|object| object["deleted"] != true)
            .cloned()
            .ok_or_else(|| self.or_other_mode(id, Problem::missing_in_param(&name_of(kind), id, param)))
    }

    /// The same problem, with what Stripe adds when the other mode has the object.
    fn or_other_mode(&self, id: &str, problem: Problem) -> Problem {
        let (own, other) = if self.livemode { ("live", "test") } else { ("test", "live") };
        if !self.other_mode.contains(id) {
            return problem;
        }
        problem.and(&format!(
            "; a similar object exists in {other} mode, but a {own} mode key was used to make this request."
        ))
    }

    /// Keeps the new state and emits `event` with what changed; nothing is emitted when nothing changed.
    pub(crate) fn store_update(&mut self, event: &str, before: &Value, after: Value) -> Value {
        let changed = crate::value::difference(&self.version.render(before), &self.version.render(&after));
        self.put(after.clone());
        if !changed.is_empty() {
            self.emit(event, &after, Some(Value::Object(changed)));
            self.follow(&after);
        }
        after
    }

    /// Keeps a new object and emits `event`.
    pub(crate) fn store_new(&mut self, event: &str, object: Value) -> Value {
        self.put(object.clone());
        self.emit(event, &object, None);
        self.follow(&object);
        object
    }

    /// What a change of this object changes elsewhere: entitlements follow subscriptions.
    fn follow(&mut self, changed: &Value) {
        if changed["object"] == "subscription"
            && let Some(customer) = id_of(&changed["customer"])
        {
            self.refresh_entitlements(customer);
        }
    }

    pub(crate) fn event(&self, id: &str) -> Option<&Value> {
        self.event_index.get(id).and_then(|at| self.events.get(*at))
    }

    pub(crate) fn event_mut(&mut self, id: &str) -> Option<&mut Value> {
        let at = *self.event_index.get(id)?;
        self.events.get_mut(at)
    }

    pub(crate) fn add_event(&mut self, event: Value) {
        self.event_index.insert(text(&event, "id").to_owned(), self.events.len());
        self.events.push(event);
    }
}

/// Stripe's word for a type in error texts.
fn name_of(kind: &str) -> String {
    match kind {
        "payment_method" => "PaymentMethod".to_owned(),
        "payment_intent" | "charge" | "customer" | "subscription" | "invoice" | "price" | "product" | "refund" => {
            kind.to_owned()
        }
        other => other.replace(['.', '_'], " "),
    }
}
