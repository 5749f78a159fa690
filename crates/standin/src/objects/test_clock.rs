//! Test clocks: time for a few customers (docs.stripe.com/billing/testing/test-clocks).

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::error::Problem;
use crate::params::Params;
use crate::value::{id_of, int};
use crate::world::{Reply, World};

impl World {
    pub(crate) fn create_test_clock(&mut self, params: &Params) -> Reply {
        let frozen = params.int("frozen_time")?.ok_or_else(|| Problem::required("frozen_time"))?;
        let clock = json!({
            "id": self.id("clock"), "object": "test_helpers.test_clock", "created": self.now(),
            "deletes_after": self.now() + 30 * 86_400, "frozen_time": frozen, "livemode": false,
            "name": params.text("name"), "status": "ready", "status_details": {},
        });
        Ok(self.store_new("test_helpers.test_clock.created", clock))
    }

    /// Moves the clock and does what became due for its customers. Stripe takes a while; here it is done at once, but
    /// the answer says `advancing` as there.
    pub(crate) fn advance_test_clock(&mut self, id: &str, params: &Params) -> Reply {
        let mut clock = self.retrieve("test_helpers.test_clock", id)?;
        let to = params.int("frozen_time")?.ok_or_else(|| Problem::required("frozen_time"))?;
        if to <= int(&clock, "frozen_time") {
            return Err(Problem::invalid("The frozen_time must be later than the present time of the clock.")
                .param("frozen_time"));
        }
        clock["frozen_time"] = json!(to);
        clock["status"] = json!("advancing");
        let advancing = self.store_new("test_helpers.test_clock.advancing", clock.clone());
        self.at(to, |world| world.run_billing(to, |subscription| subscription["test_clock"] == id))?;
        clock["status"] = json!("ready");
        self.store_new("test_helpers.test_clock.ready", clock);
        Ok(advancing)
    }

    /// Does `work` at the time of the customer's test clock, if there is one.
    pub(crate) fn in_time_of<T>(&mut self, customer: &Value, work: impl FnOnce(&mut Self) -> T) -> T {
        let clock = id_of(&customer["test_clock"]).and_then(|id| self.find("test_helpers.test_clock", id));
        match clock.map(|clock| int(clock, "frozen_time")) {
            Some(time) => self.at(time, work),
            None => work(self),
        }
    }

    fn at<T>(&mut self, time: i64, work: impl FnOnce(&mut Self) -> T) -> T {
        let outside = std::mem::replace(&mut self.clock, Clock::Fixed(time));
        let done = work(self);
        self.clock = outside;
        done
    }

    pub(crate) fn delete_test_clock(&mut self, id: &str) -> Reply {
        let clock = self.retrieve("test_helpers.test_clock", id)?;
        let customers: Vec<Value> =
            self.all("customer").into_iter().filter(|customer| customer["test_clock"] == id).cloned().collect();
        for customer in customers {
            self.delete_customer(crate::value::text(&customer, "id"))?;
        }
        self.forget(id);
        self.emit("test_helpers.test_clock.deleted", &clock, None);
        Ok(json!({ "id": id, "object": "test_helpers.test_clock", "deleted": true }))
    }
}
