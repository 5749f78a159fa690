//! The pages that Stripe hosts, as far as a person needs them: Checkout, and the customer portal.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Path, RawForm, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use serde_json::{Value, json};

use crate::objects::customer::is_over;
use crate::params::Params;
use crate::server::Shared;
use crate::value::{elements, id_of, int, text};
use crate::world::World;

/// How one may pay: Stripe's test token, and what the buyer reads.
const WAYS: [(&str, &str); 3] = [
    ("pm_card_visa", "A card that pays"),
    ("pm_card_chargeDeclined", "A card that is declined"),
    ("pm_card_delayed", "A bank debit, which is paid a moment later"),
];

/// `GET /c/pay/{id}`: what is sold, and how to pay.
pub(crate) async fn checkout(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    checkout_page(&shared.world(), &id, None)
}

/// `POST /c/pay/{id}`: pays, and leads back to the shop as Stripe does.
pub(crate) async fn pay(State(shared): State<Arc<Shared>>, Path(id): Path<String>, RawForm(form): RawForm) -> Response {
    let Ok(form) = Params::parse(&form) else { return StatusCode::BAD_REQUEST.into_response() };
    let response = {
        let mut world = shared.world();
        let before = world.queue.len();
        let response = pay_session(&mut world, &id, &form);
        if form.has("lose_webhooks") {
            world.queue.truncate(before);
        }
        response
    };
    shared.wake();
    response
}

fn pay_session(world: &mut World, id: &str, form: &Params) -> Response {
    if let (Some(email), Ok(mut session)) = (form.text("email"), world.retrieve("checkout.session", id)) {
        session["customer_email"] = json!(email);
        world.put(session);
    }
    let method = form.text("payment_method").unwrap_or(WAYS[0].0);
    match world.confirm_session(id, &Params::from_json(json!({ "payment_method": method }))) {
        Ok(session) => Redirect::to(&back(&session, "success_url")).into_response(),
        Err(problem) => {
            let message = text(&problem.body()["error"], "message").to_owned();
            checkout_page(world, id, Some(&message))
        }
    }
}

/// Where the shop wants the buyer afterwards.
fn back(session: &Value, field: &str) -> String {
    text(session, field).replace("{CHECKOUT_SESSION_ID}", text(session, "id"))
}

fn checkout_page(world: &World, id: &str, problem: Option<&str>) -> Response {
    let Ok(session) = world.retrieve("checkout.session", id) else {
        return (StatusCode::NOT_FOUND, page("Not found", "<p>There is no such Checkout Session.</p>")).into_response();
    };
    let mut body = String::new();
    if session["status"] != "open" {
        let status = escaped(text(&session, "status"));
        // Writing to a string cannot fail, here and below.
        let _ = write!(body, "<p>This Checkout Session is {status}: nothing is left to pay here.</p>");
        return (StatusCode::GONE, page("Checkout", &body)).into_response();
    }
    if let Some(problem) = problem {
        let _ = write!(body, "<p role=\"alert\">{}</p>", escaped(problem));
    }
    body.push_str("<ul>");
    for line in elements(&session, "_line_items") {
        let name = line["description"].as_str().unwrap_or("Something");
        let each = money(int(line, "amount_total"), text(line, "currency"));
        let _ = write!(body, "<li>{} × {}: {each}</li>", int(line, "quantity"), escaped(name));
    }
    let total = money(int(&session, "amount_total"), text(&session, "currency"));
    let _ = write!(body, "</ul><p>Together <strong>{total}</strong></p><form method=\"post\">");
    if session["customer"].is_null() {
        let email = escaped(text(&session, "customer_email"));
        let _ = write!(
            body,
            "<p><label>E-mail <input name=\"email\" type=\"email\" autocomplete=\"off\" value=\"{email}\"></label></p>"
        );
    }
    body.push_str("<fieldset><legend>Pay with</legend>");
    for (index, (token, words)) in WAYS.iter().enumerate() {
        let checked = if index == 0 { " checked" } else { "" };
        let _ = write!(
            body,
            "<p><label><input type=\"radio\" name=\"payment_method\" value=\"{token}\"{checked}> {words}</label></p>"
        );
    }
    body.push_str(
        "</fieldset><p><label><input type=\"checkbox\" name=\"lose_webhooks\" value=\"1\"> Lose the webhooks of this \
         payment</label></p><p><button type=\"submit\">Pay</button></p></form>",
    );
    let cancel = text(&session, "cancel_url");
    if !cancel.is_empty() {
        let _ = write!(body, "<p><a href=\"{}\">Back to the shop</a></p>", escaped(cancel));
    }
    page("Checkout", &body).into_response()
}

/// `GET /p/session/{id}`: what the customer pays for.
pub(crate) async fn portal(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    portal_page(&shared.world(), &id)
}

/// `POST /p/session/{id}`: cancels a subscription at once.
pub(crate) async fn cancel(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    RawForm(form): RawForm,
) -> Response {
    let Ok(form) = Params::parse(&form) else { return StatusCode::BAD_REQUEST.into_response() };
    let subscription = form.text("subscription").unwrap_or_default();
    let response = {
        let mut world = shared.world();
        let owner = |world: &World, kind: &str, id: &str| {
            world.find(kind, id).and_then(|object| id_of(&object["customer"]).map(str::to_owned))
        };
        let owned = owner(&world, "subscription", subscription);
        if owned.is_none() || owned != owner(&world, "billing_portal.session", &id) {
            return StatusCode::NOT_FOUND.into_response();
        }
        match world.cancel_subscription(subscription, &Params::from_json(json!({}))) {
            Ok(_) => Redirect::to(&format!("/p/session/{id}")).into_response(),
            Err(_) => portal_page(&world, &id),
        }
    };
    shared.wake();
    response
}

fn portal_page(world: &World, id: &str) -> Response {
    let Some(session) = world.find("billing_portal.session", id) else {
        return (StatusCode::NOT_FOUND, page("Not found", "<p>There is no such portal session.</p>")).into_response();
    };
    let customer = text(session, "customer");
    let mut body = String::new();
    for subscription in world.all("subscription") {
        if is_over(subscription) || id_of(&subscription["customer"]) != Some(customer) {
            continue;
        }
        let (id, status) = (escaped(text(subscription, "id")), escaped(text(subscription, "status")));
        let _ = write!(
            body,
            "<form method=\"post\"><p>{id}, {status} <input type=\"hidden\" name=\"subscription\" value=\"{id}\">\
             <button type=\"submit\">Cancel it now</button></p></form>"
        );
    }
    if body.is_empty() {
        body.push_str("<p>Nothing is subscribed to.</p>");
    }
    let _ = write!(body, "<p><a href=\"{}\">Back to the shop</a></p>", escaped(text(session, "return_url")));
    page("Customer portal", &body).into_response()
}

fn page(title: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><link rel=\"icon\" href=\"data:,\"><title>{title} · stand-in for \
         Stripe</title><style>:root{{color-scheme:light dark}}body{{font:1rem/1.5 system-ui;max-width:32rem;margin:2rem \
         auto;padding:0 1rem}}button{{font:inherit;min-height:2.25rem;padding:.25rem 1rem}}</style></head>\
         <body><main><h1>{title}</h1><p>This stands in for Stripe's page: no money moves.</p>{body}</main></body></html>"
    ))
}

/// An amount of cents in a currency with two decimals.
fn money(cents: i64, currency: &str) -> String {
    format!("{}.{:02} {}", cents / 100, cents % 100, escaped(&currency.to_uppercase()))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
