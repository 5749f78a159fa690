//! Webhook deliveries: signed anew for each try, posted like Stripe does.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::Shared;
use crate::signature::sign;
use crate::value::{int, text};
use crate::world::{Target, World};

/// How often the background tries one event.
const TRIES: u32 = 8;
/// Wait after the first failed try; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryResult {
    /// The event.
    pub event: String,
    /// The receiver's status; `None` when no answer came.
    pub status: Option<u16>,
    /// The receiver's body, or what went wrong.
    pub body: String,
}

impl DeliveryResult {
    /// Whether the receiver took it: only 2xx counts, a redirect is a failure (docs.stripe.com/webhooks).
    pub fn accepted(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// The client for deliveries: no redirects, 10 s at most.
pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
        .no_proxy()
        .build()
}

/// Posts `event` to everyone who wants it and answers the first refusal, else the last acceptance. The payload is the
/// event as it was made; the signature's time is now by the stand-in's clock.
pub(crate) async fn deliver(shared: &Shared, event: &Value) -> DeliveryResult {
    let id = text(event, "id").to_owned();
    let payload = serde_json::to_vec_pretty(event).unwrap_or_default();
    let (targets, now) = {
        let world = shared.world();
        (world.targets(text(event, "type")), world.now())
    };
    let mut result = DeliveryResult { event: id.clone(), status: None, body: "nobody receives this event".to_owned() };
    for target in targets {
        result = post(shared, &id, &target, payload.clone(), now).await;
        if !result.accepted() {
            return result;
        }
        if let Some(known) = shared.world().event_mut(&id) {
            known["pending_webhooks"] = json!(int(known, "pending_webhooks").saturating_sub(1).max(0));
        }
    }
    result
}

async fn post(shared: &Shared, event: &str, target: &Target, payload: Vec<u8>, now: i64) -> DeliveryResult {
    let header = sign(&payload, &target.secret, now);
    let sent = shared
        .client
        .post(&target.url)
        .header("Content-Type", "application/json; charset=utf-8")
        .header("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .header("Stripe-Signature", header)
        .body(payload)
        .send()
        .await;
    let event = event.to_owned();
    match sent {
        Ok(answer) => {
            let status = Some(answer.status().as_u16());
            DeliveryResult { event, status, body: answer.text().await.unwrap_or_default() }
        }
        Err(error) => DeliveryResult { event, status: None, body: error.to_string() },
    }
}

/// Takes everything from the queue, as the faults want it: dropped, doubled or shuffled.
pub(crate) fn take(world: &mut World) -> Vec<(Value, u32)> {
    let mut waiting: Vec<(String, u32)> = world.queue.drain(..).collect();
    if world.faults.lose_webhooks {
        return Vec::new();
    }
    if world.faults.duplicate {
        waiting = waiting.into_iter().flat_map(|one| [one.clone(), one]).collect();
    }
    if world.faults.reorder {
        world.random.shuffle(&mut waiting);
    }
    waiting.into_iter().filter_map(|(id, tries)| Some((world.event(&id)?.clone(), tries))).collect()
}

/// Delivers all that waits. What is refused is not tried again; the caller sees it.
pub(crate) async fn flush(shared: &Shared) -> Vec<DeliveryResult> {
    let waiting = take(&mut shared.world());
    let mut results = Vec::new();
    for (event, _) in waiting {
        results.push(deliver(shared, &event).await);
    }
    results
}

/// Background delivery in order; refused events come again later, behind newer ones, as Stripe does it.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        let waiting = {
            let mut world = shared.world();
            if world.faults.reorder { Vec::new() } else { take(&mut world) }
        };
        if waiting.is_empty() {
            shared.news.notified().await;
            continue;
        }
        for (event, tries) in waiting {
            if !deliver(&shared, &event).await.accepted() && tries + 1 < TRIES {
                let (shared, id) = (Arc::clone(&shared), text(&event, "id").to_owned());
                tokio::spawn(async move {
                    tokio::time::sleep(FIRST_WAIT * 2_u32.pow(tries)).await;
                    shared.world().queue.push_back((id, tries + 1));
                    shared.wake();
                });
            }
        }
    }
}
