//! Coupons and promotion codes, and what they take off (docs.stripe.com/billing/subscriptions/coupons).

use serde_json::{Value, json};

use crate::error::Problem;
use crate::params::{Kind, Params};
use crate::value::{id_of, int, text};
use crate::world::{Reply, World};

impl World {
    pub(crate) fn create_coupon(&mut self, params: &Params) -> Reply {
        let (percent, amount) = (params.text("percent_off"), params.int("amount_off")?);
        if percent.is_none() == amount.is_none() {
            return Err(Problem::invalid("You must pass either percent_off or amount_off.").param("percent_off"));
        }
        let duration = params.text("duration").unwrap_or("once");
        if !matches!(duration, "once" | "forever") {
            return Err(Problem::invalid("The stand-in knows the durations once and forever.").param("duration"));
        }
        let percent: Option<f64> = percent
            .map(|text| text.parse().map_err(|_| Problem::invalid("Invalid decimal").param("percent_off")))
            .transpose()?;
        let mut coupon = json!({
            "id": params.text("id").map_or_else(|| self.random.letters(8), str::to_owned), "object": "coupon",
            "amount_off": amount, "created": self.now(), "currency": params.text("currency"), "duration": duration,
            "duration_in_months": null, "livemode": self.livemode, "max_redemptions": null, "metadata": {}, "name": null,
            "percent_off": percent, "redeem_by": null, "times_redeemed": 0, "valid": true,
        });
        params.apply(&mut coupon, &[("name", Kind::Text)])?;
        Ok(self.store_new("coupon.created", coupon))
    }

    pub(crate) fn create_promotion_code(&mut self, params: &Params) -> Reply {
        // Since 2025-09-30.clover the coupon stands inside `promotion`.
        let coupon = params.text("promotion.coupon").map_or_else(|| params.required("coupon"), Ok)?;
        let coupon = self.referred("coupon", coupon, "promotion[coupon]")?;
        let code = params.text("code").map_or_else(|| self.random.letters(8), str::to_owned);
        let promotion = json!({
            "id": self.id("promo"), "object": "promotion_code", "active": true, "code": code, "created": self.now(),
            "customer": null, "expires_at": null, "livemode": self.livemode, "max_redemptions": null,
            "metadata": params.metadata("metadata"), "promotion": { "coupon": coupon["id"], "type": "coupon" },
            "restrictions": { "first_time_transaction": false, "minimum_amount": null, "minimum_amount_currency": null },
            "times_redeemed": 0,
        });
        Ok(self.store_new("promotion_code.created", promotion))
    }

    /// Takes the discount of `discounts[0]` off a session that has its lines.
    pub(crate) fn discount_session(&self, session: &mut Value, params: &Params) -> Result<(), Problem> {
        let given = params.list("discounts");
        if !given.is_empty() && params.has("allow_promotion_codes") {
            return Err(Problem::invalid(
                "You may only specify one of these parameters: allow_promotion_codes, discounts.",
            ));
        }
        let Some(given) = given.first() else { return Ok(()) };
        let promotion = given.text("promotion_code");
        let coupon = match (given.text("coupon"), promotion) {
            (Some(coupon), None) => self.referred("coupon", coupon, "discounts[0][coupon]")?,
            (None, Some(promotion)) => {
                let promotion = self.referred("promotion_code", promotion, "discounts[0][promotion_code]")?;
                let coupon = id_of(&promotion["promotion"]["coupon"]).unwrap_or_default();
                self.referred("coupon", coupon, "discounts[0][promotion_code]")?
            }
            _ => {
                return Err(Problem::invalid("You may only specify one of these parameters: coupon, promotion_code.")
                    .param("discounts[0]"));
            }
        };
        let total = int(session, "amount_total");
        let due = discounted(total, &coupon);
        session["amount_total"] = json!(due);
        session["total_details"]["amount_discount"] = json!(total - due);
        session["discounts"] = json!([{ "coupon": coupon["id"], "promotion_code": promotion }]);
        session["_coupon"] = coupon;
        Ok(())
    }
}

/// An amount with a coupon taken off; the whole amount when there is none.
pub(crate) fn discounted(amount: i64, coupon: &Value) -> i64 {
    let off = match coupon["percent_off"].as_f64() {
        // Cents of a price: far below where a float loses one.
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "amounts are small")]
        Some(percent) => (amount as f64 * percent / 100.0).round() as i64,
        None => int(coupon, "amount_off"),
    };
    (amount - off).max(0)
}

/// What a subscription's renewal comes to: a coupon that works once took off the first period alone.
pub(crate) fn renewal_due(amount: i64, subscription: &Value) -> i64 {
    let coupon = &subscription["_coupon"];
    if text(coupon, "duration") == "forever" { discounted(amount, coupon) } else { amount }
}
