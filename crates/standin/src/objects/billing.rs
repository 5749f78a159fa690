//! Invoices for subscriptions, and what the passing of time does to subscriptions.

use serde_json::{Value, json};
use time::{Date, Duration, Month, OffsetDateTime};

use crate::error::Problem;
use crate::objects::customer::is_over;
use crate::objects::discount::renewal_due;
use crate::objects::invoice::add_line;
use crate::objects::invoice::pricing;
use crate::objects::subscription::{period_end, price_sum};
use crate::objects::subscription_change::roll_items;
use crate::value::{elements, id_of, int, text};
use crate::world::{Reply, World};

impl World {
    /// A draft for `due` in all, with one line per item; not yet stored.
    pub(crate) fn subscription_invoice(&mut self, subscription: &Value, reason: &str, due: i64) -> Value {
        let id = text(subscription, "id");
        let mut invoice = self.blank_invoice(id_of(&subscription["customer"]).unwrap_or_default(), reason);
        let number = text(&invoice, "id").to_owned();
        invoice["parent"] = json!({
            "type": "subscription_details", "quote_details": null,
            "subscription_details": { "metadata": subscription["metadata"], "subscription": id },
        });
        invoice["collection_method"] = subscription["collection_method"].clone();
        invoice["default_payment_method"] = subscription["default_payment_method"].clone();
        invoice["auto_advance"] = json!(true);
        let whole = price_sum(subscription);
        for item in elements(subscription, "items") {
            let full = int(&item["price"], "unit_amount") * int(item, "quantity");
            let amount = if due == whole { full } else { due * full / whole.max(1) };
            let mut line = self.blank_line(&number, amount, "Subscription");
            line["currency"] = item["price"]["currency"].clone();
            line["quantity"] = item["quantity"].clone();
            line["quantity_decimal"] = json!(int(item, "quantity").to_string());
            line["subscription"] = json!(id);
            line["period"] = json!({ "start": item["current_period_start"], "end": item["current_period_end"] });
            line["pricing"] = pricing(&item["price"]);
            line["parent"] = json!({
                "type": "subscription_item_details", "invoice_item_details": null,
                "subscription_item_details": {
                    "invoice_item": null, "proration": false, "proration_details": { "credited_items": null },
                    "subscription": id, "subscription_item": item["id"],
                },
            });
            line["_price"] = item["price"].clone();
            add_line(&mut invoice, line);
        }
        invoice
    }

    /// Makes an invoice for a running subscription and collects it; a refused payment means `past_due`.
    pub(crate) fn bill_subscription(&mut self, id: &str, reason: &str, due: i64) -> Reply {
        let before = self.retrieve("subscription", id)?;
        let invoice = self.subscription_invoice(&before, reason, due);
        let invoice = self.store_new("invoice.created", invoice);
        let invoice_id = text(&invoice, "id").to_owned();
        let mut after = before.clone();
        after["latest_invoice"] = invoice["id"].clone();
        self.store_update("customer.subscription.updated", &before, after);
        self.finalize_invoice(&invoice_id)?;
        if before["collection_method"] == "charge_automatically" {
            let method = self.method_of(&before);
            let (paid, _) = self.attempt_invoice(&invoice_id, method)?;
            self.after_payment(&invoice_id, paid)?;
        }
        self.retrieve("subscription", id)
    }

    /// Begins the next period now and collects it.
    pub(crate) fn renew_subscription(&mut self, id: &str, at: i64) -> Reply {
        let before = self.retrieve("subscription", id)?;
        let mut after = before.clone();
        roll_items(&mut after, at, |end| end <= at);
        if before["status"] == "trialing" {
            after["status"] = json!("active");
        }
        let due = renewal_due(price_sum(&after), &after);
        self.store_update("customer.subscription.updated", &before, after);
        self.bill_subscription(id, "subscription_cycle", due)
    }

    /// Does what is due up to `now` for the subscriptions that `which` picks: renewals, ends of trials, cancels.
    pub(crate) fn run_billing(&mut self, now: i64, which: impl Fn(&Value) -> bool) -> Result<(), Problem> {
        let running: Vec<String> = self
            .all("subscription")
            .into_iter()
            .filter(|subscription| !is_over(subscription) && which(subscription))
            .map(|subscription| text(subscription, "id").to_owned())
            .collect();
        for id in running {
            // A clock moved by years renews a daily subscription often, but never without end.
            for _ in 0..400 {
                let subscription = self.retrieve("subscription", &id)?;
                let cancel = subscription["cancel_at"].as_i64().filter(|at| *at <= now);
                let period = period_end(&subscription).filter(|at| *at <= now);
                match (cancel, period) {
                    _ if is_over(&subscription) || subscription["status"] == "paused" => break,
                    (Some(cancel), period) if period.is_none_or(|end| cancel <= end) => {
                        self.end_subscription(&id, "cancellation_requested")?;
                    }
                    (_, Some(end)) => {
                        self.renew_subscription(&id, end)?;
                    }
                    _ => break,
                }
            }
        }
        Ok(())
    }
}

/// The end of a period that begins at `start` and lasts as the price's `recurring` says (Unix seconds).
pub(crate) fn later(start: i64, recurring: &Value) -> i64 {
    let count = int(recurring, "interval_count").max(1);
    match text(recurring, "interval") {
        "day" => start + count * 86_400,
        "week" => start + count * 7 * 86_400,
        "year" => add_months(start, count * 12),
        _ => add_months(start, count),
    }
}

/// The same day and time some months on, or the last day of a shorter month.
fn add_months(start: i64, months: i64) -> i64 {
    let Ok(from) = OffsetDateTime::from_unix_timestamp(start) else { return start };
    let index = i64::from(from.year()) * 12 + i64::from(u8::from(from.month())) - 1 + months;
    let year = i32::try_from(index.div_euclid(12)).unwrap_or(from.year());
    let month = u8::try_from(index.rem_euclid(12) + 1).ok().and_then(|month| Month::try_from(month).ok());
    let Some(month) = month else { return start };
    let day = from.day().min(month.length(year));
    Date::from_calendar_date(year, month, day)
        .map_or(start + Duration::days(30).whole_seconds(), |date| from.replace_date(date).unix_timestamp())
}
