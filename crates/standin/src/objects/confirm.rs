//! What happens when the customer pays on the checkout page (`/v1/payment_pages`, as the Stripe CLI does it).

use serde_json::{Value, json};

use crate::error::Problem;
use crate::objects::billing::later;
use crate::objects::checkout::details;
use crate::objects::method::Outcome;
use crate::objects::payment::Payment;
use crate::objects::subscription::push_item;
use crate::params::Params;
use crate::value::{elements, int, merge_metadata, text};
use crate::world::{Reply, World};

impl World {
    /// The page: the session with what the browser needs besides.
    pub(crate) fn payment_page(&self, session: &str) -> Reply {
        let mut page = self.retrieve("checkout.session", session)?;
        page["session_id"] = json!(session);
        page["line_item_group"] = json!({ "total": page["amount_total"], "due": page["amount_total"] });
        Ok(page)
    }

    /// Pays, and completes the session with all the events on the way.
    pub(crate) fn confirm_session(&mut self, id: &str, params: &Params) -> Reply {
        let mut session = self.retrieve("checkout.session", id)?;
        if session["status"] != "open" {
            return Err(Problem::invalid(format!(
                "This Checkout Session is {} and can no longer be paid.",
                text(&session, "status")
            ))
            .code("payment_intent_unexpected_state"));
        }
        if let Some(expected) = params.int("expected_amount")?
            && expected != int(&session, "amount_total")
        {
            return Err(Problem::invalid("The amount expected differs from the amount of the session.")
                .code("checkout_amount_mismatch"));
        }
        let method = self.payment_method(params.required("payment_method")?)?;
        let method_id = text(&method, "id").to_owned();
        if self.outcome(&method_id) == Outcome::Declines {
            return Err(Problem::declined(Value::Null));
        }
        let billing = &method["billing_details"];
        let email =
            [text(&session, "customer_email"), text(&session["customer_details"], "email"), text(billing, "email")]
                .into_iter()
                .find(|email| !email.is_empty())
                .unwrap_or("payer@example.com")
                .to_owned();
        session["customer_details"] = details(&email, text(billing, "name"));
        let asked = text(&session, "customer_creation") == "always" || session["mode"] == "subscription";
        if session["customer"].is_null() && asked {
            let made = self.create_customer(&Params::from_json(json!({ "email": email, "name": billing["name"] })))?;
            session["customer"] = made["id"].clone();
        }
        let intent = match text(&session, "mode") {
            "payment" => Some(self.pay_session(&mut session, &method_id)?),
            "subscription" => {
                self.subscribe_session(&mut session, &method_id)?;
                None
            }
            _ => {
                self.set_up_session(&mut session, &method_id);
                None
            }
        };
        let waits = matches!(self.outcome(&method_id), Outcome::Delayed { .. });
        let nothing_due = int(&session, "amount_total") == 0;
        session["payment_status"] = json!(if nothing_due {
            "no_payment_required"
        } else if waits {
            "unpaid"
        } else {
            "paid"
        });
        session["status"] = json!("complete");
        session["url"] = Value::Null;
        let session = self.store_new("checkout.session.completed", session);
        if let (Outcome::Delayed { paid }, Some(intent)) = (self.outcome(&method_id), intent) {
            return self.settle(session, intent, paid);
        }
        Ok(session)
    }

    /// The end of a delayed payment.
    fn settle(&mut self, mut session: Value, intent: Value, paid: bool) -> Reply {
        if paid {
            self.succeed(intent);
            session["payment_status"] = json!("paid");
            return Ok(self.store_new("checkout.session.async_payment_succeeded", session));
        }
        // The refusal is the answer to a payment of days ago, not to this request.
        let _ = self.decline(intent);
        Ok(self.store_new("checkout.session.async_payment_failed", session))
    }

    fn pay_session(&mut self, session: &mut Value, method: &str) -> Reply {
        let mut intent = self.blank_intent(&Payment {
            amount: int(session, "amount_total"),
            currency: text(session, "currency").to_owned(),
            customer: session["customer"].as_str().map(str::to_owned),
            method: Some(method.to_owned()),
            ..Payment::default()
        });
        let data = Params::from_json(session["_data"]["payment_intent_data"].clone());
        intent["metadata"] = data.metadata("metadata");
        if let Some(shipping) = data.get("shipping") {
            intent["shipping"] = shipping.clone();
        }
        let intent = self.store_new("payment_intent.created", intent);
        session["payment_intent"] = intent["id"].clone();
        self.charge_intent(text(&intent, "id"))
    }

    fn subscribe_session(&mut self, session: &mut Value, method: &str) -> Result<(), Problem> {
        let customer = text(session, "customer").to_owned();
        self.attach_payment_method(method, &customer)?;
        let now = self.now();
        let data = Params::from_json(session["_data"]["subscription_data"].clone());
        let mut subscription = self.blank_subscription(None, &customer);
        let id = text(&subscription, "id").to_owned();
        subscription["default_payment_method"] = json!(method);
        subscription["_coupon"] = session["_coupon"].clone();
        merge_metadata(&mut subscription["metadata"], &data.metadata("metadata"));
        let trial_end = match (data.int("trial_end")?, data.int("trial_period_days")?) {
            (Some(end), _) => Some(end),
            (None, days) => days.map(|days| now + days * 86_400),
        };
        if let Some(end) = trial_end {
            subscription["status"] = json!("trialing");
            subscription["trial_start"] = json!(now);
            subscription["trial_end"] = json!(end);
            session["amount_total"] = json!(0);
        }
        for line in elements(session, "_line_items").iter().filter(|line| line["price"]["type"] == "recurring") {
            let period = (now, trial_end.unwrap_or_else(|| later(now, &line["price"]["recurring"])));
            subscription["currency"] = line["currency"].clone();
            let item = self.blank_item(&id, &line["price"], int(line, "quantity"), period);
            push_item(&mut subscription, item);
        }
        let subscription = self.start_subscription(subscription, "allow_incomplete")?;
        session["subscription"] = subscription["id"].clone();
        session["invoice"] = subscription["latest_invoice"].clone();
        Ok(())
    }

    fn set_up_session(&mut self, session: &mut Value, method: &str) {
        let id = self.id("seti");
        let intent = json!({
            "id": id, "object": "setup_intent", "client_secret": format!("{id}_secret_{}", self.random.letters(25)),
            "created": self.now(), "customer": session["customer"], "description": null, "last_setup_error": null,
            "latest_attempt": null, "livemode": self.livemode, "mandate": null, "metadata": {}, "next_action": null,
            "payment_method": method, "payment_method_options": {}, "payment_method_types": ["card"],
            "status": "succeeded", "usage": "off_session",
        });
        session["setup_intent"] = json!(id);
        self.store_new("setup_intent.created", intent.clone());
        self.emit("setup_intent.succeeded", &intent, None);
    }
}
