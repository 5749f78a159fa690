//! What holds for the diagnosis of any facts.

use proptest::prelude::*;

use super::*;
use crate::access::Reason;
use crate::access::tests::properties::{any_user, either, moment};

proptest! {
    #[test]
    fn a_diagnosis_never_contradicts_the_decision(
        facts in any_user(either()),
        mapped in any::<bool>(),
        feature in prop::sample::select(vec![Some("pro"), Some("basic"), Some("pr0"), None]),
        checkouts in prop::collection::vec((prop::sample::select(vec!["open", "expired", "complete", "new_word"]), any::<bool>()), 0..3),
        at in moment(),
    ) {
        let mut facts = facts;
        if !mapped {
            facts.customers.clear();
            facts.subscriptions.clear();
            facts.purchases.clear();
        }
        let catalog = catalog();
        let mut chain = chain(Some(&facts), &catalog, feature);
        chain.checkouts = checkouts
            .into_iter()
            .map(|(status, paid)| {
                let mut record = checkout(status, if paid { "paid" } else { "unpaid" });
                record.session.created = Some(at);
                record
            })
            .collect();
        let diagnosis = diagnose(&chain);
        holds_for_all(&diagnosis, chain.decision.allowed);
        let allowed = matches!(diagnosis.code.as_str(), "ok" | "ok_at_risk" | "ok_by_override");
        prop_assert_eq!(allowed, chain.decision.allowed);
        let of_reason = match chain.decision.reason {
            Reason::OverrideDeny => Some("override_deny"),
            Reason::UnknownFeature => Some("feature_unknown"),
            Reason::PriceNotInCatalog => Some("price_not_in_catalog"),
            Reason::SubscriptionUnpaid => Some("sub_unpaid"),
            Reason::SubscriptionPaused => Some("sub_paused"),
            Reason::OverrideGrant => Some("ok_by_override"),
            _ => None,
        };
        if let Some(code) = of_reason {
            prop_assert_eq!(&diagnosis.code, code);
        }
    }
}
