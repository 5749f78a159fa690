//! How a history's news reach us: late, repeated, in another order, or never.

use fastrand::Rng;

use crate::catalog::DAY;
use crate::changes::Way;
use crate::history::{History, dice};

/// Something that reaches us from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A copy of an event, by its place in the history.
    Event(usize),
    /// The application says whose a customer is.
    Link(usize),
    /// A person makes an override.
    Override(usize),
    /// A person revokes it.
    Revoke(usize),
}

/// What arrives when (milliseconds of Stripe's clock).
#[derive(Debug)]
pub struct Plan {
    /// Not in order of time.
    pub arrivals: Vec<(i64, Arrival)>,
    /// Whether events were lost.
    pub lossy: bool,
}

impl Plan {
    /// The plan of a history; only with `may_lose` are events lost.
    #[must_use]
    pub fn new(history: &History, may_lose: bool) -> Self {
        let mut rng = dice(history.seed, 3);
        let lossy = rng.u32(..100) < 30 && may_lose;
        let mut arrivals = vec![];
        for (n, event) in history.events.iter().enumerate() {
            // Of a deleted customer Stripe's API tells nothing any more, least of all whose it was and what it bought.
            let is_about_money = !event.kind.starts_with("customer.");
            let irreplaceable = (event.claims || is_about_money) && history.last(event.customer).deleted;
            if lossy && !irreplaceable && rng.u32(..100) < 40 {
                continue;
            }
            let copies = if rng.u32(..100) < 70 { 1 } else { rng.usize(2..5) };
            for _ in 0..copies {
                arrivals.push((event.at + delay(&mut rng), Arrival::Event(n)));
            }
        }
        for (n, _) in history.owners.iter().enumerate().filter(|(_, owner)| owner.way == Way::Api) {
            let first = history.versions[n][0].0;
            arrivals.push((first + rng.i64(0..(history.end - first) / 1000 + 2) * 1000, Arrival::Link(n)));
        }
        for (n, by_hand) in history.overrides.iter().enumerate() {
            arrivals.push((by_hand.made, Arrival::Override(n)));
            arrivals.extend(by_hand.revoked.map(|at| (at, Arrival::Revoke(n))));
        }
        Self { arrivals, lossy }
    }
}

/// Mostly soon, sometimes after one of Stripe's retries.
fn delay(rng: &mut Rng) -> i64 {
    match rng.u32(..100) {
        0..50 => rng.i64(0..4) * 500,
        50..75 => rng.i64(2..16) * 500,
        75..90 => [60, 600, 3600][rng.usize(..3)] * 1000,
        _ => rng.i64(1..4) * DAY * 1000,
    }
}
