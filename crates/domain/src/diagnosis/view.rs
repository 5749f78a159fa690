//! A chain with what is worked out from it once, and what a rule of the walk finds in it.

use super::chain::Chain;
use super::{Fix, LinkName, LinkState};
use crate::Timestamp;
use crate::access::{
    Decision, OverrideEffect, OverrideFacts, PurchaseFacts, Reason, Standing, SubscriptionFacts, standing,
};
use crate::stripe::SubscriptionItem;

/// A chain, and what payments alone say about it.
pub(super) struct View<'a> {
    pub(super) chain: &'a Chain<'a>,
    /// The decision, or under a grant what it would be without.
    pub(super) decision: &'a Decision,
}

/// A row of the table that applies, with its words.
pub(super) struct Finding {
    pub(super) code: &'static str,
    pub(super) link: LinkName,
    pub(super) state: LinkState,
    /// What follows "No access to X." in the sentence.
    pub(super) why: String,
    /// The link's own fact, shorter.
    pub(super) fact: String,
    pub(super) at: Option<Timestamp>,
    pub(super) evidence: Option<String>,
    pub(super) fixes: Vec<Fix>,
}

impl<'a> View<'a> {
    pub(super) fn subscriptions(&self) -> &'a [SubscriptionFacts] {
        self.chain.facts.map(|facts| facts.subscriptions.as_slice()).unwrap_or_default()
    }

    pub(super) fn purchases(&self) -> &'a [PurchaseFacts] {
        self.chain.facts.map(|facts| facts.purchases.as_slice()).unwrap_or_default()
    }

    /// The purchase the decision rests on.
    pub(super) fn purchase(&self) -> Option<&'a PurchaseFacts> {
        let nearest = self.decision.sources.iter().find(|source| source.kind == "purchase")?;
        self.purchases().iter().find(|purchase| purchase.id == nearest.id)
    }

    /// The subscription the decision rests on, or else one in good standing, or else the first there is.
    pub(super) fn subscription(&self) -> Option<&'a SubscriptionFacts> {
        let subscriptions = self.subscriptions();
        let nearest = self.decision.sources.iter().find(|source| source.kind == "subscription");
        nearest
            .and_then(|source| subscriptions.iter().find(|facts| facts.subscription.id == source.id))
            .or_else(|| subscriptions.iter().find(|facts| matches!(self.standing(facts), Standing::Good { .. })))
            .or(subscriptions.first())
    }

    /// The item of that subscription which gives the feature, or else its first.
    pub(super) fn item(&self, facts: &'a SubscriptionFacts) -> Option<&'a SubscriptionItem> {
        let items = &facts.subscription.items;
        items.iter().find(|item| self.gives(item)).or(items.first())
    }

    /// Whether the item gives the feature, or anything when none was named.
    pub(super) fn gives(&self, item: &SubscriptionItem) -> bool {
        let mut grants = self.chain.catalog.grants(&item.price_id, item.product_id.as_deref());
        grants.any(|grant| self.chain.feature.as_ref().is_none_or(|feature| grant.feature == *feature))
    }

    pub(super) fn standing(&self, facts: &'a SubscriptionFacts) -> Standing {
        let item = self.item(facts);
        let price = item.map(|item| item.price_id.as_str());
        let policy = self.chain.catalog.policy(&self.chain.policy, self.chain.feature.as_deref(), price);
        standing(facts, item, &policy, self.chain.now)
    }

    /// Whether a subscription is there that is not over for good.
    pub(super) fn has_live_subscription(&self) -> bool {
        self.subscriptions().iter().any(|facts| !facts.subscription.status.is_terminal())
    }

    pub(super) fn has_customer(&self) -> bool {
        !self.chain.customers.is_empty() || self.chain.facts.is_some_and(|facts| !facts.customers.is_empty())
    }

    /// The newest grant of the feature that has run out.
    pub(super) fn expired_grant(&self) -> Option<&'a OverrideFacts> {
        const MONTH: i64 = 30 * 86_400_000;
        let now = self.chain.now;
        let stored = self.chain.facts.map(|facts| facts.overrides.as_slice()).unwrap_or_default();
        let grants = stored.iter().chain(&self.chain.expired_overrides).filter(|o| {
            o.effect == OverrideEffect::Grant
                && self.chain.feature.as_ref().is_none_or(|feature| o.feature == *feature)
                && o.expires_at.is_some_and(|end| end <= now && now <= end.plus_millis(MONTH))
        });
        grants.max_by_key(|o| o.expires_at)
    }

    /// Whether more news from Stripe could change the answer: not when what is denied was never paid for, or is over for good.
    pub(super) fn news_could_help(&self) -> bool {
        !matches!(
            self.decision.reason,
            Reason::NotInPlan
                | Reason::PriceNotInCatalog
                | Reason::SubscriptionCanceled
                | Reason::SubscriptionIncompleteExpired
                | Reason::TrialEnded
                | Reason::Refunded
                | Reason::Disputed
                | Reason::PurchaseExpired
        )
    }

    /// ` to pro`, or nothing when no feature was named.
    pub(super) fn to_feature(&self) -> String {
        self.chain.feature.as_ref().map(|feature| format!(" to {feature}")).unwrap_or_default()
    }

    /// A price with its name, when it has one.
    pub(super) fn price(&self, id: &str) -> String {
        self.chain.price_names.get(id).map_or_else(|| id.to_owned(), |name| format!("{id} ({name})"))
    }
}
