//! Evidence, not order: which of two things Stripe said about an object is the later one.
//!
//! Stripe promises no order of delivery, and `created` has whole seconds (docs.stripe.com/webhooks). So only a clear distance in time
//! decides by time; inside of [`MARGIN_MS`] the payloads themselves are asked, and where they do not tell, a read from Stripe has to.

use serde_json::Value;

use crate::Timestamp;

/// Two pieces of evidence closer than this are not ordered by their times: a second for Stripe's resolution, one for skew.
pub const MARGIN_MS: i64 = 2000;

/// How new evidence stands to what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Later by more than the margin, or nothing was known.
    Newer,
    /// Earlier by more than the margin.
    Older,
    /// Too close to tell by time.
    Undecidable,
}

/// Compares the time of new evidence with that of the stored one.
#[must_use]
pub fn compare(stored: Option<Timestamp>, new: Timestamp) -> Order {
    let Some(stored) = stored else { return Order::Newer };
    let distance = new.millis().saturating_sub(stored.millis());
    if distance > MARGIN_MS {
        Order::Newer
    } else if distance < -MARGIN_MS {
        Order::Older
    } else {
        Order::Undecidable
    }
}

/// An event about one object, as far as order is concerned.
#[derive(Clone, Debug)]
pub struct Witness {
    /// `evt_…`
    pub event_id: String,
    /// Such as `customer.subscription.updated`.
    pub kind: String,
    /// On Stripe's clock, whole seconds.
    pub created: Timestamp,
    /// The object as it was.
    pub object: Value,
    /// The values before, on `*.updated`.
    pub previous: Option<Value>,
}

impl Witness {
    /// `created` comes before everything, `deleted` after everything.
    fn rank(&self) -> u8 {
        match self.kind.rsplit('.').next() {
            Some("created") => 0,
            Some("deleted") => 3,
            _ if self.is_terminal() => 2,
            _ => 1,
        }
    }

    /// Statuses Stripe never changes again (docs.stripe.com/billing/subscriptions/overview; sessions never leave complete or expired,
    /// refunds never failed or canceled, invoices never paid or void, and a dispute is decided once).
    fn is_terminal(&self) -> bool {
        matches!(
            self.object.get("status").and_then(Value::as_str),
            Some(
                "canceled"
                    | "incomplete_expired"
                    | "complete"
                    | "expired"
                    | "failed"
                    | "paid"
                    | "void"
                    | "won"
                    | "lost"
                    | "prevented"
            )
        )
    }

    /// Whether `state` may be what the object was before this change; an event that does not tell came from nowhere.
    fn came_from(&self, state: &Value) -> bool {
        let Some(previous) = self.previous.as_ref().filter(|_| self.rank() > 0) else { return false };
        // Most are refuted by the few values that changed.
        let plain = previous.as_object().into_iter().flatten().filter(|(_, value)| !value.is_object());
        plain.into_iter().all(|(key, value)| same(value, state.get(key).unwrap_or(&Value::Null)))
            && was(&self.object, Some(previous), state)
    }
}

/// Whether two states are the same; null and absent are.
fn same(a: &Value, b: &Value) -> bool {
    was(a, None, b)
}

/// Whether `now`, with the values of `previous` put back, is `before`: hashes go down to the key that changed, lists stand there whole.
fn was(now: &Value, previous: Option<&Value>, before: &Value) -> bool {
    const NULL: &Value = &Value::Null;
    if previous.is_none() && now == before {
        return true;
    }
    match (now, previous, before) {
        (Value::Object(now), None | Some(Value::Object(_)), Value::Object(before)) => {
            let inner = |key: &String, now: &Value| {
                let previous = previous.and_then(|previous| previous.get(key));
                was(now, previous, before.get(key).unwrap_or(NULL))
            };
            now.iter().all(|(key, now)| inner(key, now))
                && before.keys().filter(|key| !now.contains_key(*key)).all(|key| inner(key, NULL))
        }
        (Value::Array(now), None, Value::Array(before)) => {
            now.len() == before.len() && now.iter().zip(before).all(|(now, before)| same(now, before))
        }
        (now, None, before) => now == before,
        (_, Some(previous), before) => same(previous, before),
    }
}

/// The latest of several events about one object, and whether the payloads prove it. Independent of the order of `witnesses`.
///
/// What happened is one trail: each change leads from the state that the one before it led to. So every state is left as often as it
/// is entered, but for the last. Events that are clearly older than the newest may be among the witnesses: they cannot be the latest,
/// but they tell what was before it, which decides when an object came back to where it had been.
#[must_use]
pub fn latest(witnesses: &[Witness]) -> Option<(&Witness, bool)> {
    let newest = witnesses.iter().map(|one| one.created).max()?;
    let is_near = |one: &Witness| compare(Some(newest), one.created) != Order::Older;
    let top = witnesses.iter().filter(|one| is_near(one)).map(Witness::rank).max()?;
    // What ended for good did so after everything else.
    let rivals: Vec<&Witness> = witnesses.iter().filter(|one| top < 2 || one.rank() == top).collect();
    // A state goes by the place of the first that has it.
    let state_of = |n: usize| (0..n).find(|m| same(&rivals[*m].object, &rivals[n].object)).unwrap_or(n);
    let entered: Vec<usize> = (0..rivals.len()).map(state_of).collect();
    let left: Vec<Option<usize>> =
        rivals.iter().map(|one| rivals.iter().position(|other| one.came_from(&other.object))).collect();
    // Stripe at times makes two Events of one change (docs.stripe.com/webhooks): copies say the same, at the same time.
    let is_copy = |n: usize| {
        (0..n).any(|m| {
            entered[m] == entered[n]
                && rivals[m].previous == rivals[n].previous
                && rivals[m].created == rivals[n].created
        })
    };
    // Some events show a state and not what changed.
    let tells = |n: usize| rivals[n].rank() == 0 || rivals[n].previous.is_some();
    // States of the newest moment that are entered more often than left, counting copies or not.
    let ends = |copies: bool| -> Vec<usize> {
        let counted: Vec<usize> = (0..rivals.len()).filter(|n| tells(*n) && (copies || !is_copy(*n))).collect();
        let is_end = |state: usize| {
            let times_left = counted.iter().filter(|n| left[**n] == Some(state)).count();
            counted.iter().filter(|n| entered[**n] == state).count() > times_left
        };
        let near = |state: usize| (0..rivals.len()).any(|n| entered[n] == state && is_near(rivals[n]));
        (0..rivals.len()).filter(|state| near(*state) && is_end(*state)).collect()
    };
    // What they show must be a state that others know.
    let is_on_trail =
        |n: usize| (0..rivals.len()).any(|m| (tells(m) && entered[m] == entered[n]) || left[m] == Some(entered[n]));
    let (all, once) = (ends(true), ends(false));
    let alone = rivals.iter().all(|one| same(&one.object, &rivals[0].object));
    let proven = alone
        || (once.len() == 1 && (all == once || all.len() > 1))
            && (0..rivals.len()).all(|n| !is_near(rivals[n]) || is_on_trail(n));
    let likely = if all.len() == 1 || once.is_empty() { all } else { once };
    let winner = (0..rivals.len())
        .filter(|n| is_near(rivals[*n]) && (likely.is_empty() || likely.contains(&entered[*n])))
        .map(|n| rivals[n])
        .max_by(|a, b| (a.rank(), a.created, &a.event_id).cmp(&(b.rank(), b.created, &b.event_id)))?;
    Some((winner, proven))
}

/// When an attempt is made again after `attempts` of them failed; the spread keeps many failures of one moment apart.
/// `None` when it is given up.
#[must_use]
pub fn retry_delay_ms(attempts: i64, seed: &str) -> Option<i64> {
    const DELAYS_S: [i64; 8] = [5, 30, 120, 600, 3600, 6 * 3600, 12 * 3600, 24 * 3600];
    let base = usize::try_from(attempts.max(1) - 1).ok().and_then(|n| DELAYS_S.get(n))? * 1000;
    // FNV-1a over the seed: a jitter that needs no dice, so that the rules stay pure.
    let hash = seed
        .bytes()
        .chain(attempts.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let spread = i64::try_from(hash % 1000).unwrap_or(0);
    Some(base + base * spread / 5000)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn witness(id: &str, verb: &str, created: i64, object: Value, previous: Option<Value>) -> Witness {
        Witness {
            event_id: id.into(),
            kind: format!("customer.subscription.{verb}"),
            created: Timestamp::from_secs(created),
            object,
            previous,
        }
    }

    #[test]
    fn only_a_clear_distance_decides_by_time() {
        let at = Timestamp::from_secs(100);
        assert_eq!(compare(None, at), Order::Newer);
        assert_eq!(compare(Some(at), at.plus_millis(2001)), Order::Newer);
        assert_eq!(compare(Some(at), at.plus_millis(2000)), Order::Undecidable);
        assert_eq!(compare(Some(at), at.plus_millis(-2000)), Order::Undecidable);
        assert_eq!(compare(Some(at), at.plus_millis(-2001)), Order::Older);
    }

    #[test]
    fn every_permutation_of_one_second_ends_with_the_last() {
        let history = [
            witness("evt_d", "created", 5, json!({"status": "incomplete", "price": "a"}), None),
            witness(
                "evt_c",
                "updated",
                5,
                json!({"status": "active", "price": "a"}),
                Some(json!({"status": "incomplete"})),
            ),
            witness("evt_b", "updated", 5, json!({"status": "active", "price": "b"}), Some(json!({"price": "a"}))),
            witness("evt_a", "deleted", 5, json!({"status": "canceled", "price": "b"}), None),
        ];
        for length in 1..=history.len() {
            let mut order: Vec<Witness> = history[..length].to_vec();
            for _ in 0..24 {
                order.rotate_left(1);
                if length > 2 {
                    order.swap(0, 1);
                }
                let (winner, proven) = latest(&order).unwrap();
                assert_eq!(winner.event_id, history[length - 1].event_id);
                assert!(proven);
            }
        }
    }

    #[test]
    fn an_object_that_came_back_is_told_by_what_led_there() {
        let state = |price: &str, ends: Option<i64>| json!({"status": "active", "price": price, "cancel_at": ends});
        let created = witness("evt_5", "created", 1, state("a", None), None);
        let set = witness("evt_9", "updated", 50, state("a", Some(9)), Some(json!({"cancel_at": null})));
        let undone = witness("evt_1", "updated", 50, state("a", None), Some(json!({"cancel_at": 9})));
        let changed = witness("evt_0", "updated", 51, state("b", None), Some(json!({"price": "a"})));
        let outcome =
            |witnesses: &[Witness]| latest(witnesses).map(|(winner, proven)| (winner.event_id.clone(), proven));
        assert!(!latest(&[set.clone(), undone.clone()]).unwrap().1, "a circle of two may begin at either");
        assert_eq!(outcome(&[set.clone(), created.clone(), undone.clone()]), Some(("evt_1".into(), true)));
        assert_eq!(outcome(&[changed.clone(), undone.clone(), set.clone()]), Some(("evt_0".into(), true)));
        let twin = Witness { event_id: "evt_7".into(), ..changed.clone() };
        assert_eq!(outcome(&[twin, changed, undone, set]).map(|(_, proven)| proven), Some(true));
    }

    #[test]
    fn an_event_that_shows_a_state_is_no_change() {
        let state = |status: &str| json!({"status": status});
        let paused = witness("evt_4", "updated", 5, state("paused"), Some(json!({"status": "trialing"})));
        let shown = witness("evt_9", "paused", 5, state("paused"), None);
        let resumed = witness("evt_1", "updated", 5, state("active"), Some(json!({"status": "paused"})));
        for order in [[&paused, &shown, &resumed], [&resumed, &paused, &shown]] {
            let witnesses = order.map(Clone::clone);
            let (winner, proven) = latest(&witnesses).unwrap();
            assert_eq!((winner.event_id.as_str(), proven), ("evt_1", true));
        }
    }

    #[test]
    fn a_value_that_returns_proves_nothing_by_itself() {
        let state = |x: i64, y: i64| json!({"status": "active", "x": x, "y": y});
        let history = [
            witness("evt_4", "updated", 5, state(2, 5), Some(json!({"x": 1}))),
            witness("evt_3", "updated", 5, state(1, 5), Some(json!({"x": 2}))),
            witness("evt_2", "updated", 5, state(1, 0), Some(json!({"y": 5}))),
            witness("evt_1", "updated", 5, state(1, 1), Some(json!({"y": 0}))),
        ];
        let (winner, proven) = latest(&history).unwrap();
        assert_eq!((winner.event_id.as_str(), proven), ("evt_1", true));
    }

    #[test]
    fn what_payloads_do_not_tell_is_not_claimed() {
        let a = witness("evt_1", "updated", 5, json!({"status": "active"}), None);
        let b = witness("evt_2", "updated", 6, json!({"status": "past_due"}), None);
        let (winner, proven) = latest(&[b, a]).map(|(w, p)| (w.event_id.clone(), p)).unwrap();
        assert_eq!((winner.as_str(), proven), ("evt_2", false));
    }

    #[test]
    fn retries_grow_and_end() {
        let delays: Vec<_> = (1..=9).map(|n| retry_delay_ms(n, "evt_1")).collect();
        assert!(delays[..8].windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(delays[8], None);
        assert_ne!(retry_delay_ms(1, "evt_1"), retry_delay_ms(1, "evt_2"));
    }
}
