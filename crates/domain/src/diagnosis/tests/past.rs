//! Sentences about other moments.

use super::*;
use crate::diagnosis::past::tell;

fn told(facts: Option<&UserFacts>) -> String {
    let catalog = catalog();
    let mut chain = chain(facts, &catalog, Some("pro"));
    // All that is kept of a moment are facts, catalog and policy.
    (chain.customers, chain.mappings, chain.events) = Default::default();
    tell(&chain)
}

#[test]
fn a_moment_is_told_with_its_reason() {
    let paying = |status| paying(status, "price_pro");
    assert_eq!(told(None), "user_42 had no access to pro on 18 Nov 2026 11:06 UTC. Nothing was stored about them.");
    assert_eq!(
        told(Some(&known())),
        "user_42 had no access to pro on 18 Nov 2026 11:06 UTC. No Stripe customer was linked to them."
    );
    assert!(
        told(Some(&paying("active")))
            .starts_with("user_42 had access to pro on 18 Nov 2026 11:06 UTC, from sub_1 (active).")
    );
    assert!(
        told(Some(&paying("unpaid"))).ends_with("All retries to collect for sub_1 failed; Stripe calls it unpaid.")
    );
    assert!(told(Some(&self::paying("active", "price_basic"))).contains("Their plan does not include it"));
}
