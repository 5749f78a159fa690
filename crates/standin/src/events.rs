//! Events: each change leaves one, rendered once and never changed (docs.stripe.com/api/events).

use serde_json::{Value, json};

use crate::value::text;
use crate::world::{Target, World};

impl World {
    /// Records an event about `object` and queues it for delivery. `previous` is `data.previous_attributes`.
    pub(crate) fn emit(&mut self, kind: &str, object: &Value, previous: Option<Value>) -> Value {
        let mut data = json!({ "object": self.version.render(object) });
        if let Some(previous) = previous {
            data["previous_attributes"] = previous;
        }
        let targets = self.targets(kind).len();
        let event = json!({
            "id": self.id("evt"),
            "object": "event",
            "api_version": self.version.as_str(),
            "created": self.now(),
            "data": data,
            "livemode": self.livemode,
            "pending_webhooks": targets,
            "request": { "id": self.cause.request, "idempotency_key": self.cause.idempotency_key },
            "type": kind,
        });
        self.add_event(event.clone());
        if targets > 0 {
            self.queue.push_back((text(&event, "id").to_owned(), 0));
        }
        event
    }

    /// Who gets events of this type: the configured receiver and the enabled endpoints made through the API.
    pub(crate) fn targets(&self, kind: &str) -> Vec<Target> {
        let endpoints = self.all("webhook_endpoint").into_iter().filter(|endpoint| {
            endpoint["status"] == "enabled"
                && crate::value::elements(endpoint, "enabled_events").iter().any(|name| name == "*" || name == kind)
        });
        let made = endpoints.map(|endpoint| Target {
            url: text(endpoint, "url").to_owned(),
            secret: text(endpoint, "_secret").to_owned(),
        });
        self.webhook.iter().cloned().chain(made).collect()
    }
}
