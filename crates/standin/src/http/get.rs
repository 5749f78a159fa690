//! What `GET` answers.

use serde_json::{Value, json};

use crate::error::Problem;
use crate::http::list::{candidates, list};
use crate::objects::customer::is_over;
use crate::params::Params;
use crate::value::{elements, int, text};
use crate::world::{Reply, World};

/// Events are listed for 30 days (docs.stripe.com/api/events).
const EVENTS_KEPT: i64 = 30 * 86_400;

/// The answer, or `None` for an address that does not exist.
pub(crate) fn route(world: &mut World, path: &[&str], params: &Params) -> Option<Reply> {
    let url = format!("/v1/{}", path.join("/"));
    let plain = |world: &World, kind: &str, filters: &[&str]| {
        list(candidates(world, kind, params), &url, kind, filters, params)
    };
    Some(match path {
        ["account"] => Ok(world.account()),
        ["balance"] => Ok(world.balance()),
        ["customers"] => plain(world, "customer", &["email", "test_clock"]),
        ["customers", id, "subscriptions"] => subscriptions(world, Some(id), &url, params),
        ["customers", id, "payment_methods"] => of_customer(world, "payment_method", id, &url, params),
        ["products"] => products(world, &url, params),
        ["products", id, "features"] => {
            let own = world.all("product_feature").into_iter().filter(|join| join["_product"] == *id);
            list(own, &url, "product_feature", &[], params)
        }
        ["products", _, "features", id] => world.retrieve("product_feature", id),
        ["prices"] => plain(world, "price", &["product", "active", "type", "currency"]),
        ["subscriptions"] => subscriptions(world, params.text("customer"), &url, params),
        ["subscription_items"] => subscription_items(world, &url, params),
        ["subscription_items", id] => world.item(id),
        ["checkout", "sessions"] => {
            plain(world, "checkout.session", &["customer", "payment_intent", "subscription", "status"])
        }
        ["checkout", "sessions", id] => world.retrieve("checkout.session", id),
        ["checkout", "sessions", id, "line_items"] => world
            .retrieve("checkout.session", id)
            .and_then(|session| list(elements(&session, "_line_items"), &url, "item", &[], params)),
        ["payment_pages", id] => world.payment_page(id),
        ["payment_methods"] => match params.text("customer") {
            Some(customer) => of_customer(world, "payment_method", customer, &url, params),
            None => plain(world, "payment_method", &["type"]),
        },
        ["payment_intents"] => plain(world, "payment_intent", &["customer"]),
        ["charges"] => plain(world, "charge", &["customer", "payment_intent"]),
        ["refunds"] => plain(world, "refund", &["charge", "payment_intent"]),
        ["disputes"] => plain(world, "dispute", &["charge", "payment_intent"]),
        ["setup_intents"] => plain(world, "setup_intent", &["customer"]),
        ["invoices"] => invoices(world, &url, params),
        ["invoices", id, "lines"] => world
            .retrieve("invoice", id)
            .and_then(|invoice| list(elements(&invoice, "lines"), &url, "line_item", &[], params)),
        ["invoiceitems"] => plain(world, "invoiceitem", &["customer", "invoice"]),
        ["invoice_payments"] => invoice_payments(world, &url, params),
        ["coupons"] => plain(world, "coupon", &[]),
        ["promotion_codes"] => plain(world, "promotion_code", &["code"]),
        ["events"] => events(world, &url, params),
        ["events", id] => world.event(id).cloned().ok_or_else(|| Problem::missing("event", id, "id")),
        ["webhook_endpoints"] => plain(world, "webhook_endpoint", &[]),
        ["test_helpers", "test_clocks"] => plain(world, "test_helpers.test_clock", &[]),
        ["test_helpers", "test_clocks", id] => world.retrieve("test_helpers.test_clock", id),
        ["entitlements", "features"] => plain(world, "entitlements.feature", &["lookup_key"]),
        ["entitlements", "features", id] => world.retrieve("entitlements.feature", id),
        ["entitlements", "active_entitlements"] => params.required("customer").and_then(|customer| {
            world.referred("customer", customer, "customer")?;
            list(&world.entitlements(customer), &url, "entitlements.active_entitlement", &[], params)
        }),
        [collection, id] => world.retrieve(kind_of(collection)?, id),
        _ => return None,
    })
}

/// The object type of a collection that answers `GET /v1/collection/:id` without ado.
fn kind_of(collection: &str) -> Option<&'static str> {
    Some(match collection {
        "customers" => "customer",
        "products" => "product",
        "prices" => "price",
        "subscriptions" => "subscription",
        "payment_methods" => "payment_method",
        "payment_intents" => "payment_intent",
        "setup_intents" => "setup_intent",
        "charges" => "charge",
        "refunds" => "refund",
        "disputes" => "dispute",
        "coupons" => "coupon",
        "promotion_codes" => "promotion_code",
        "invoices" => "invoice",
        "invoiceitems" => "invoiceitem",
        "invoice_payments" => "invoice_payment",
        "webhook_endpoints" => "webhook_endpoint",
        _ => return None,
    })
}

fn of_customer(world: &World, kind: &str, customer: &str, url: &str, params: &Params) -> Reply {
    world.referred("customer", customer, "customer")?;
    list(world.of(kind, customer), url, kind, &["type"], params)
}

fn products(world: &World, url: &str, params: &Params) -> Reply {
    let ids = params.texts("ids");
    let mut all = world.all("product");
    all.retain(|product| ids.is_empty() || ids.iter().any(|id| product["id"] == id.as_str()));
    list(all, url, "product", &["active"], params)
}

/// Canceled ones are left out unless `status` asks for them (docs.stripe.com/api/subscriptions/list).
fn subscriptions(world: &World, customer: Option<&str>, url: &str, params: &Params) -> Reply {
    if let Some(id) = customer
        && world.find("customer", id).is_none()
    {
        return Err(Problem::missing_in_param("customer", id, "customer"));
    }
    let status = params.text("status");
    let price = params.text("price").or_else(|| params.text("plan"));
    let all = world.newest("subscription", customer.unwrap_or_default(), params.text("starting_after"));
    let all = all.filter(|subscription| {
        let wanted = match status {
            None => !is_over(subscription),
            Some("all") => true,
            Some("ended") => is_over(subscription),
            Some(status) => subscription["status"] == status,
        };
        let priced =
            price.is_none_or(|price| elements(subscription, "items").iter().any(|item| item["price"]["id"] == price));
        wanted && priced
    });
    list(all, url, "subscription", &["collection_method"], params)
}

fn subscription_items(world: &World, url: &str, params: &Params) -> Reply {
    let subscription = world.referred("subscription", params.required("subscription")?, "subscription")?;
    list(elements(&subscription, "items"), url, "subscription_item", &[], params)
}

fn invoices(world: &World, url: &str, params: &Params) -> Reply {
    let all = candidates(world, "invoice", params).filter(|invoice| {
        let parent = invoice.pointer("/parent/subscription_details/subscription").and_then(Value::as_str);
        params.text("subscription").is_none_or(|subscription| parent == Some(subscription))
    });
    list(all, url, "invoice", &["customer", "status", "collection_method"], params)
}

fn invoice_payments(world: &World, url: &str, params: &Params) -> Reply {
    let all = candidates(world, "invoice_payment", params).filter(|payment| {
        params.text("payment.payment_intent").is_none_or(|intent| payment["payment"]["payment_intent"] == intent)
    });
    list(all, url, "invoice_payment", &["invoice", "status"], params)
}

fn events(world: &World, url: &str, params: &Params) -> Reply {
    let mut types = params.texts("types");
    types.extend(params.text("type").map(str::to_owned));
    if types.len() > 20 {
        return Err(Problem::invalid("You can provide at most 20 types.").param("types"));
    }
    let delivered = params.flag("delivery_success");
    let since = world.now() - EVENTS_KEPT;
    let mut found: Vec<&Value> = world
        .events
        .iter()
        .rev()
        .filter(|event| int(event, "created") >= since)
        .filter(|event| types.is_empty() || types.iter().any(|wanted| is_type(text(event, "type"), wanted)))
        .filter(|event| delivered.is_none_or(|done| done == (int(event, "pending_webhooks") == 0)))
        .collect();
    found.sort_by_key(|event| std::cmp::Reverse(int(event, "created")));
    let mut answer = list(found, url, "event", &[], params)?;
    answer["url"] = json!("/v1/events");
    Ok(answer)
}

/// `customer.*` stands for all types that begin so.
fn is_type(kind: &str, wanted: &str) -> bool {
    wanted.strip_suffix('*').map_or(kind == wanted, |start| kind.starts_with(start))
}
