//! Rendering for the asked API version, and `expand[]`.

use serde_json::{Value, json};

use crate::value::{elements, id_of, text};
use crate::version::Version;
use crate::world::World;

/// The body as the version shows it, with the asked paths expanded; a path that leads nowhere is passed over.
pub(crate) fn render(world: &World, version: &Version, mut body: Value, paths: &[String]) -> Value {
    let mut shown = if body["object"] == "list" {
        let data = body["data"].as_array_mut().map(std::mem::take).unwrap_or_default();
        body["data"] = data.into_iter().map(|object| version.show(object)).collect();
        body
    } else {
        version.show(body)
    };
    for path in paths {
        let keys: Vec<&str> = path.split('.').collect();
        expand(world, version, &mut shown, &keys);
    }
    shown
}

fn expand(world: &World, version: &Version, node: &mut Value, path: &[&str]) {
    let Some((key, rest)) = path.split_first() else { return };
    if let Some(elements) = node.as_array_mut() {
        elements.iter_mut().for_each(|element| expand(world, version, element, path));
        return;
    }
    if !node.is_object() {
        return;
    }
    if let Some(hidden) = hidden(world, version, node, key) {
        node[*key] = hidden;
    }
    let Some(field) = node.get_mut(*key) else { return };
    if let Some(known) = field.as_str().and_then(|id| world.get(id)) {
        *field = version.render(known);
    }
    expand(world, version, field, rest);
}

/// A list inside of an object: its first ten, and whether more follow.
fn embedded(mut all: Vec<Value>, url: String) -> Value {
    let more = all.len() > 10;
    all.truncate(10);
    json!({ "object": "list", "data": all, "has_more": more, "url": url })
}

/// Fields that are absent until they are asked for.
fn hidden(world: &World, version: &Version, node: &Value, key: &str) -> Option<Value> {
    let id = text(node, "id");
    match (text(node, "object"), key) {
        ("checkout.session", "line_items") if node.get(key).is_none() => {
            let lines = elements(world.get(id)?, "_line_items");
            Some(embedded(lines.to_vec(), format!("/v1/checkout/sessions/{id}/line_items")))
        }
        ("charge", "refunds") if node.get(key).is_none() => {
            let refunds = world.of("refund", id).cloned();
            Some(embedded(refunds.collect(), format!("/v1/charges/{id}/refunds")))
        }
        ("invoice", "payments") if node.get(key).is_none() => {
            let payments: Vec<Value> = world.of("invoice_payment", id).map(|payment| version.render(payment)).collect();
            Some(json!({ "object": "list", "data": payments, "has_more": false, "url": "/v1/invoice_payments" }))
        }
        ("invoice", "confirmation_secret") => {
            let intent = world.get(id_of(&world.get(id)?["_payment_intent"])?)?;
            Some(json!({ "client_secret": intent["client_secret"], "type": "payment_intent" }))
        }
        ("customer", "subscriptions") if node.get(key).is_none() => {
            let running: Vec<Value> = world
                .of("subscription", id)
                .filter(|known| !crate::objects::customer::is_over(known))
                .map(|known| version.render(known))
                .collect();
            Some(json!({
                "object": "list", "data": running, "has_more": false, "url": format!("/v1/customers/{id}/subscriptions"),
            }))
        }
        _ => None,
    }
}
