//! Checkout sessions: making them, their line items, expiry.

use serde_json::{Value, json};

use crate::error::Problem;
use crate::params::{Kind, Params};
use crate::value::{elements, int, text};
use crate::world::{Reply, World};

const SESSION: &[(&str, Kind)] = &[
    ("success_url", Kind::Text),
    ("cancel_url", Kind::Text),
    ("return_url", Kind::Text),
    ("client_reference_id", Kind::Text),
    ("customer_creation", Kind::Text),
    ("customer_email", Kind::Text),
    ("locale", Kind::Text),
    ("allow_promotion_codes", Kind::Bool),
    ("payment_method_types", Kind::Hash),
];

/// The languages of the page (docs.stripe.com/api/checkout/sessions/create, `locale`).
const LOCALES: &[&str] = &[
    "auto", "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu",
    "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv",
    "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
];

impl World {
    /// An open session without line items, not yet stored.
    pub(crate) fn blank_session(&mut self, id: Option<&str>, mode: &str) -> Value {
        let prefix = if self.livemode { "cs_live_" } else { "cs_test_" };
        let id = id.map_or_else(|| format!("{prefix}{}", self.random.letters(58)), str::to_owned);
        let now = self.now();
        json!({
            "id": id, "object": "checkout.session", "adaptive_pricing": { "enabled": false },
            "after_expiration": null, "allow_promotion_codes": null, "amount_subtotal": 0, "amount_total": 0,
            "automatic_tax": { "enabled": false, "liability": null, "provider": null, "status": null },
            "billing_address_collection": null, "cancel_url": null, "client_reference_id": null,
            "client_secret": null, "collected_information": null, "consent": null, "consent_collection": null,
            "created": now, "currency": "usd", "currency_conversion": null, "custom_fields": [],
            "custom_text": { "after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null },
            "customer": null, "customer_account": null,
            "customer_creation": if mode == "subscription" { "always" } else { "if_required" },
            "customer_details": null, "customer_email": null, "discounts": [], "expires_at": now + 86_400,
            "integration_identifier": null, "invoice": null, "invoice_creation": null, "livemode": self.livemode,
            "locale": null, "managed_payments": null, "metadata": {},
            "mode": mode, "origin_context": null, "payment_intent": null, "payment_link": null,
            "payment_method_collection": "always", "payment_method_configuration_details": null,
            "payment_method_options": {}, "payment_method_types": ["card"],
            "payment_status": if mode == "setup" { "no_payment_required" } else { "unpaid" },
            "permissions": null, "phone_number_collection": { "enabled": false }, "recovered_from": null,
            "saved_payment_method_options": null, "setup_intent": null, "shipping_address_collection": null,
            "shipping_cost": null, "shipping_options": [], "status": "open", "submit_type": null,
            "subscription": null, "success_url": null,
            "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 }, "ui_mode": "hosted",
            "url": format!("{}/c/pay/{id}", self.base_url), "wallet_options": null,
            "_line_items": [], "_data": {},
        })
    }

    /// `POST /v1/checkout/sessions`. Stripe sends no event about a new session.
    pub(crate) fn create_session(&mut self, params: &Params) -> Reply {
        let mode = params.text("mode").unwrap_or("payment").to_owned();
        if !matches!(mode.as_str(), "payment" | "subscription" | "setup") {
            return Err(Problem::invalid("Invalid mode: must be one of payment, setup, or subscription").param("mode"));
        }
        let hosted = matches!(params.text("ui_mode").unwrap_or("hosted"), "hosted" | "hosted_page");
        if hosted {
            params.required("success_url")?;
        }
        if mode != "setup" && params.list("line_items").is_empty() {
            return Err(Problem::required("line_items"));
        }
        let mut session = self.blank_session(None, &mode);
        params.apply(&mut session, SESSION)?;
        if params.has("customer") && params.has("customer_email") {
            return Err(Problem::invalid("You may only specify one of these parameters: customer, customer_email."));
        }
        if let Some(locale) = params.text("locale")
            && !LOCALES.contains(&locale)
        {
            let message = format!("Invalid locale: must be one of {}", LOCALES.join(", "));
            return Err(Problem::invalid(message).param("locale"));
        }
        if let Some(customer) = params.text("customer") {
            let owner = self.referred("customer", customer, "customer")?;
            session["customer"] = json!(customer);
            session["customer_creation"] = Value::Null;
            session["customer_details"] = details(text(&owner, "email"), text(&owner, "name"));
        }
        if let Some(expires) = params.int("expires_at")? {
            session["expires_at"] = json!(expires);
        }
        if !hosted {
            session["ui_mode"] = json!(params.text("ui_mode"));
            session["client_secret"] = json!(format!("{}_secret_{}", text(&session, "id"), self.random.letters(20)));
            session["url"] = Value::Null;
        }
        for (at, given) in params.list("line_items").iter().enumerate() {
            let param = format!("line_items[{at}][price]");
            let price = self.price_of(given, &param)?;
            if price["active"] == false {
                let message = "The price specified is inactive. This field only accepts active prices.";
                return Err(Problem::invalid(message).param(&param));
            }
            if price["type"] == "recurring" && mode == "payment" {
                return Err(Problem::invalid(
                    "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.",
                ));
            }
            let mut line = self.line_item(&price, given.int("quantity")?.unwrap_or(1));
            if given.flag("adjustable_quantity.enabled") == Some(true) {
                let (minimum, maximum) =
                    (given.int("adjustable_quantity.minimum")?, given.int("adjustable_quantity.maximum")?);
                line["adjustable_quantity"] =
                    json!({ "enabled": true, "minimum": minimum.unwrap_or(0), "maximum": maximum.unwrap_or(99) });
            }
            add_line_item(&mut session, line);
        }
        if mode == "subscription"
            && !elements(&session, "_line_items").iter().any(|line| line["price"]["type"] == "recurring")
        {
            return Err(Problem::invalid(
                "You must provide at least one recurring price in `subscription` mode when using prices.",
            ));
        }
        self.discount_session(&mut session, params)?;
        for part in ["subscription_data", "payment_intent_data"] {
            if let Some(given) = params.get(part) {
                session["_data"][part] = given.clone();
            }
        }
        self.put(session.clone());
        Ok(session)
    }

    /// A line item of a session.
    pub(crate) fn line_item(&mut self, price: &Value, quantity: i64) -> Value {
        let amount = int(price, "unit_amount") * quantity;
        let product = price["product"].as_str().and_then(|id| self.get(id)).map_or(Value::Null, |p| p["name"].clone());
        json!({
            "id": self.id("li"), "object": "item", "adjustable_quantity": null, "amount_discount": 0,
            "amount_subtotal": amount, "amount_tax": 0, "amount_total": amount, "currency": price["currency"],
            "description": product, "metadata": {}, "price": price, "quantity": quantity,
        })
    }

    pub(crate) fn update_session(&mut self, id: &str, params: &Params) -> Reply {
        let mut session = self.retrieve("checkout.session", id)?;
        params.apply(&mut session, &[])?;
        self.put(session.clone());
        Ok(session)
    }

    pub(crate) fn expire_session(&mut self, id: &str) -> Reply {
        let mut session = self.retrieve("checkout.session", id)?;
        if session["status"] != "open" {
            let status = text(&session, "status");
            return Err(Problem::invalid(format!(
                "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of {status}."
            )));
        }
        session["status"] = json!("expired");
        session["url"] = Value::Null;
        session["expires_at"] = json!(self.now());
        Ok(self.store_new("checkout.session.expired", session))
    }
}

/// `customer_details` of a session.
pub(crate) fn details(email: &str, name: &str) -> Value {
    let known = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    json!({
        "address": null, "business_name": null, "email": known(email), "individual_name": null, "name": known(name),
        "phone": null, "tax_exempt": "none", "tax_ids": [],
    })
}

/// Adds a line and its amount.
pub(crate) fn add_line_item(session: &mut Value, line: Value) {
    session["currency"] = line["currency"].clone();
    let total = int(session, "amount_total") + int(&line, "amount_total");
    session["amount_total"] = json!(total);
    session["amount_subtotal"] = json!(total);
    if let Some(lines) = session["_line_items"].as_array_mut() {
        lines.push(line);
    }
}
