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

    /// Whether the payloads prove that this came after `other`.
    fn follows(&self, other: &Self) -> bool {
        if self.rank() != other.rank() {
            return self.rank() > other.rank();
        }
        let came_from = |later: &Self, earlier: &Self| {
            later.previous.as_ref().is_some_and(|previous| is_part_of(previous, &earlier.object))
        };
        came_from(self, other) && !came_from(other, self)
    }
}

/// Whether every value of `part` stands at the same place in `whole`; null and absent are the same.
fn is_part_of(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(key, value)| is_part_of(value, whole.get(key).unwrap_or(&Value::Null)))
        }
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(part, whole)| is_part_of(part, whole))
        }
        (part, whole) => part == whole,
    }
}

/// The latest of several events about one object, and whether the payloads prove it. Independent of the order of `witnesses`.
#[must_use]
pub fn latest(witnesses: &[Witness]) -> Option<(&Witness, bool)> {
    let last: Vec<&Witness> = witnesses
        .iter()
        .filter(|one| !witnesses.iter().any(|other| other.event_id != one.event_id && other.follows(one)))
        .collect();
    // Stripe at times makes two Events of one change: which of the two is taken makes no difference.
    let agree = last.windows(2).all(|pair| pair[0].object == pair[1].object);
    // A circle of proofs is no proof.
    let (candidates, proven) = if last.is_empty() { (witnesses.iter().collect(), false) } else { (last, agree) };
    let winner = candidates
        .into_iter()
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
