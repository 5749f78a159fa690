//! What a change of the catalog would do to everybody whom it concerns: the same rules that decide, over the facts in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::components::{FeatureImpact, Impact, NAMED, Touched};
use domain::access::{Difference, Policy, PolicyExceptions, Turn};
use domain::catalog::{Catalog, Feature, FeatureGrant, put_in_order};
use domain::{Livemode, Timestamp};
use sha2::{Digest as _, Sha256};
use store::Index;
use store::records::{PolicyTarget, TargetKind};

use crate::admin::customers::path;
use crate::state::AppState;

/// A change of the catalog that nobody has made yet.
#[derive(Debug)]
pub(crate) enum Change<'a> {
    /// A price or product gives these features and no others, as far as is said here.
    Giving(TargetKind, &'a str, &'a [FeatureGrant]),
    /// A feature or a price departs from the installation's policy in this way and no other.
    Policy(PolicyTarget<'a>, PolicyExceptions),
    /// A feature is made, or has another name or type.
    Feature(&'a Feature),
    /// A feature is there no longer.
    Deleting(&'a str),
}

impl Change<'_> {
    /// The catalog with this change.
    fn applied(&self, catalog: &Catalog) -> Catalog {
        let mut after = catalog.clone();
        match *self {
            Self::Giving(kind, id, grants) => {
                let targets = if kind == TargetKind::Price { &mut after.prices } else { &mut after.products };
                let said = targets.entry(id.to_owned()).or_default();
                said.retain(|grant| !grant.source.is_manual());
                said.extend_from_slice(grants);
                put_in_order(said);
            }
            Self::Policy(PolicyTarget::Feature(key), policy) => {
                if let Some(feature) = after.features.get_mut(key) {
                    feature.policy = policy;
                }
            }
            Self::Policy(PolicyTarget::Price(id), policy) => {
                after.price_policies.insert(id.to_owned(), policy);
            }
            Self::Feature(feature) => {
                let policy = after.features.get(&feature.key).map(|before| before.policy).unwrap_or_default();
                after.features.insert(feature.key.clone(), Feature { policy, ..feature.clone() });
            }
            Self::Deleting(key) => {
                after.features.remove(key);
                let given = after.prices.values_mut().chain(after.products.values_mut());
                given.for_each(|grants| grants.retain(|grant| grant.feature != key));
            }
        }
        after
    }
}

/// A change and what it would do.
#[derive(Debug)]
pub(crate) struct Weighed {
    /// The catalog as it is.
    pub(crate) before: Arc<Catalog>,
    after: Catalog,
    /// What it would do.
    pub(crate) impact: Impact,
}

impl Weighed {
    /// Whether it is shown before it is done: somebody loses something, or several are touched.
    pub(crate) const fn is_asked_about(&self) -> bool {
        self.impact.losing.count > 0 || self.impact.touched() > 1
    }

    /// By what it is known that this very change of this very catalog was looked at, and whether anybody was said to lose by it. Who pays
    /// changes all the time where many do; that alone shows nothing anew.
    pub(crate) fn seen(&self) -> String {
        let loses = if self.impact.losing.count > 0 { "loses" } else { "" };
        let text = [&*self.before, &self.after].map(canonical).join("\n");
        let digest = Sha256::digest(format!("{loses}\n{text}"));
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A catalog as one text, whatever the order of its maps.
fn canonical(catalog: &Catalog) -> String {
    fn sorted<T>(map: &std::collections::HashMap<String, T>) -> BTreeMap<&String, &T> {
        map.iter().collect()
    }
    let parts = (
        sorted(&catalog.features),
        sorted(&catalog.prices),
        sorted(&catalog.products),
        sorted(&catalog.price_policies),
    );
    // All of it is text, numbers and words: nothing that JSON cannot say.
    serde_json::to_string(&parts).unwrap_or_default()
}

/// Weighs a change. Nothing is written.
///
/// # Errors
/// When the program is ending.
pub(crate) async fn weigh(state: &AppState, livemode: Livemode, change: &Change<'_>) -> anyhow::Result<Weighed> {
    let (store, now) = (Arc::clone(&state.store), state.now());
    let before = store.index().catalog(livemode);
    let after = change.applied(&before);
    // Everybody who is concerned is decided about twice: where many are, that takes its time, and not that of who only asks.
    let weigh = move || {
        let policy = store.options().policy;
        let impact = impact(store.index(), livemode, (&before, &after), (&policy, now));
        Weighed { before, after, impact }
    };
    Ok(tokio::task::spawn_blocking(weigh).await?)
}

fn impact(
    index: &Index,
    livemode: Livemode,
    (before, after): (&Catalog, &Catalog),
    (policy, now): (&Policy, Timestamp),
) -> Impact {
    let difference = Difference::of(before, after);
    let mut impact = Impact::default();
    let mut features: BTreeMap<String, FeatureImpact> = BTreeMap::new();
    for (user_id, facts) in index.walk(livemode, None).filter(|(_, facts)| difference.concerns(facts)) {
        let turns = difference.turns(&facts, policy, now);
        for turn in &turns {
            let feature = features.entry(turn.feature.clone()).or_default();
            match (turn.gains(), turn.loses()) {
                (true, _) => feature.gain += 1,
                (_, true) => feature.lose += 1,
                _ => feature.change += 1,
            }
        }
        let users = if turns.iter().any(Turn::loses) {
            &mut impact.losing
        } else if turns.iter().any(Turn::gains) {
            &mut impact.gaining
        } else if !turns.is_empty() {
            &mut impact.changing
        } else if difference.is_held_back(&facts, policy, now) {
            impact.held_back += 1;
            continue;
        } else {
            impact.unchanged += 1;
            continue;
        };
        users.count += 1;
        if users.first.len() < NAMED {
            users.first.push(Touched { href: path(&user_id), user_id: user_id.to_string(), turns });
        }
    }
    let named = features.into_iter().map(|(feature, counts)| FeatureImpact { feature, ..counts });
    Impact { features: named.collect(), ..impact }
}
