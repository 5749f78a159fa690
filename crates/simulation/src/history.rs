//! One history: what happens to a few customers at Stripe, from a seed. Nothing of ours has a part in it, so it is made beforehand.

use fastrand::Rng;

use crate::catalog::{DAY, FEATURES, UNKNOWN_FEATURE};
use crate::changes::{GUEST_WAYS, WAYS, Way};
use crate::events::Event;
use crate::model::Customer;
use crate::payload::Version;
use crate::stripe::{START, Scope, Stripe};

/// Whose a customer is, and how we learn of it.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The user of the application.
    pub user: String,
    /// How it is said.
    pub way: Way,
}

/// What a person decides by hand.
#[derive(Clone, Debug)]
pub struct Override {
    /// The user it is about.
    pub user: String,
    /// The feature.
    pub feature: &'static str,
    /// Grant or deny.
    pub grants: bool,
    /// The number it grants.
    pub value: Option<i64>,
    /// When it was made, in milliseconds.
    pub made: i64,
    /// When it ends by itself, in seconds.
    pub expires_at: Option<i64>,
    /// When it was revoked, in milliseconds.
    pub revoked: Option<i64>,
}

/// Everything that happened.
#[derive(Debug)]
pub struct History {
    /// It is made of this alone.
    pub seed: u64,
    /// Begins every id after its kind, and every user id.
    pub prefix: String,
    /// The owners, customer by customer.
    pub owners: Vec<Owner>,
    /// Each customer as it was since when.
    pub versions: Vec<Vec<(i64, Customer)>>,
    /// What was decided by hand.
    pub overrides: Vec<Override>,
    /// Events in the order they happened.
    pub events: Vec<Event>,
    /// What happened, in words.
    pub steps: Vec<(i64, String)>,
    /// Milliseconds; nothing happens after it.
    pub end: i64,
}

/// A generator of its own for each purpose, so that one purpose's dice do not move another's.
#[must_use]
pub fn dice(seed: u64, purpose: u64) -> Rng {
    // splitmix64: seeds that are neighbours give sequences that are strangers.
    let mut mixed = seed.wrapping_add(purpose.wrapping_mul(0xd1b5_4a32_d192_ed03)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    Rng::with_seed(mixed ^ (mixed >> 31))
}

impl History {
    /// The history of this seed, cut after `moments` of its moments.
    #[must_use]
    pub fn new(seed: u64, scope: Scope, moments: usize) -> Self {
        let mut rng = dice(seed, 1);
        let prefix = format!("h{seed}");
        let users = ["a", "b"].map(|name| format!("{prefix}{name}"));
        let mut stripe = Stripe::new(dice(seed, 2), prefix.clone(), scope);
        let mut owners: Vec<Owner> = vec![];
        let planned = rng.usize(1..5);
        let mut day = rng.i64(0..12);
        for moment in 0..planned.min(moments) {
            stripe.run_to(START + day * DAY * 1000 + rng.i64(0..4) * 500);
            if owners.is_empty() || (owners.len() < 2 && rng.u32(..100) < 15) {
                let user = if owners.is_empty() || rng.bool() { &users[0] } else { &users[1] };
                let is_guest = scope.line_items && rng.u32(..100) < 15;
                let ways: &[Way] = if is_guest { &GUEST_WAYS } else { &WAYS };
                let owner = Owner { user: user.clone(), way: ways[rng.usize(..ways.len())] };
                if is_guest {
                    stripe.create_guest(&owner.user, owner.way);
                } else {
                    stripe.create_customer(&owner.user, owner.way);
                }
                owners.push(owner);
            } else if moment > 0 && rng.u32(..100) < 5 {
                stripe.version = [Version::Acacia, Version::Basil, Version::Clover][rng.usize(..3)];
            }
            for _ in 0..rng.usize(1..4) {
                let customer = rng.usize(..owners.len());
                let Owner { user, way } = &owners[customer];
                stripe.change(customer, user, *way);
                stripe.run_to(stripe.now + [0, 0, 0, 500, 500, 1000, 1500][rng.usize(..7)]);
            }
            day += [0, 1, 2, 3, 7][rng.usize(..5)];
        }
        stripe.run_to(stripe.now + [0, 1, 4][rng.usize(..3)] * DAY * 1000);
        let Stripe { versions, events, steps, now, .. } = stripe;
        let mut history = Self { seed, prefix, owners, versions, overrides: vec![], events, steps, end: now };
        let mut rng = dice(seed, 6);
        if rng.u32(..100) < 25 {
            history.overrides = (0..rng.usize(1..4)).map(|_| history.decide_by_hand(&mut rng)).collect();
        }
        history
    }

    fn decide_by_hand(&self, rng: &mut Rng) -> Override {
        let users = self.users();
        let first = self.versions.first().map_or(START, |versions| versions[0].0);
        let features = FEATURES.into_iter().chain([UNKNOWN_FEATURE]);
        let features: Vec<&str> = features.collect();
        let made = rng.i64(first..=self.end);
        Override {
            user: users.get(rng.usize(..users.len().max(1))).copied().unwrap_or(&self.prefix).to_owned(),
            feature: features[rng.usize(..features.len())],
            grants: rng.u32(..100) < 60,
            value: rng.bool().then(|| rng.i64(1..200)),
            made,
            expires_at: rng.bool().then(|| made / 1000 + rng.i64(1..20 * DAY)),
            revoked: (rng.u32(..100) < 25).then(|| rng.i64(made..=self.end)),
        }
    }

    /// The customer at the end.
    #[must_use]
    pub fn last(&self, customer: usize) -> &Customer {
        &self.versions[customer][self.versions[customer].len() - 1].1
    }

    /// The customer as it was at a time; none before it was created.
    #[must_use]
    pub fn at(&self, customer: usize, time: i64) -> Option<&Customer> {
        self.versions[customer].iter().rev().find(|(since, _)| *since <= time).map(|(_, state)| state)
    }

    /// The users, each once.
    #[must_use]
    pub fn users(&self) -> Vec<&str> {
        let mut users: Vec<&str> = self.owners.iter().map(|owner| owner.user.as_str()).collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    /// Whether anybody ever said whose this customer is, in a way that counts.
    #[must_use]
    pub fn is_mapped(&self, customer: usize) -> bool {
        self.owners[customer].way == Way::Api
            || self.events.iter().any(|event| event.customer == customer && event.claims)
    }
}
