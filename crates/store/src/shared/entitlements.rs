//! What Stripe itself holds customers entitled to: summaries of events, and the list a read has.
//!
//! A summary carries at most ten entitlements and has no id (docs.stripe.com/billing/entitlements): its customer stands in.

use domain::catalog::{FeatureType, GrantSource, is_feature_key};
use domain::stripe::{EntitlementSummary, Subscription};
use domain::{Livemode, Timestamp};
use serde_json::Value;

use super::note_field;
use super::objects::{Applied, ENDED, Evidence, Origin, Stored, Subject, TRUNCATED, Use, unreadable, weigh_subject};
use super::rows::{Columns as _, json, to_json};
use super::write::{Cause, Write};
use crate::Result;
use crate::records::Effects;

/// Features of a product that were read less than so long ago are not read again because of a summary.
const FRESH_MS: i64 = 60_000;

impl Write<'_> {
    /// Takes in which features Stripe holds a customer entitled to.
    pub(super) async fn take_entitlements(
        &mut self,
        evidence: &Evidence<'_>,
        summary: EntitlementSummary,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<Applied> {
        let row = sqlx::query(
            "select lookup_keys, evidence_at, evidence_event_id, updated_at
             from customer_entitlement where livemode = $1 and customer_id = $2",
        )
        .bind(evidence.livemode.is_live())
        .bind(&summary.customer_id)
        .fetch_optional(self.conn())
        .await?;
        if row.is_none() && summary.lookup_keys.is_empty() && evidence.origin.event_id().is_none() {
            // Most customers have none: no row for each.
            return Ok(Applied::default());
        }
        if self.is_deleted(evidence.livemode, &summary.customer_id).await? {
            return Ok(Applied { note: Some(ENDED), needs_read: false });
        }
        let stored = row.as_ref().map(Stored::read).transpose()?;
        let before: Vec<String> = match &row {
            Some(row) => json("customer_entitlement", "lookup_keys", &summary.customer_id, &row.text("lookup_keys")?)?,
            None => vec![],
        };
        let subject = Subject { object_id: &summary.customer_id, is_summary: true };
        let (decision, mut applied) =
            weigh_subject(self.conn(), evidence, subject, stored.as_ref(), (false, false)).await?;
        let (summary, event_id) = match decision {
            Use::Apply => (summary, evidence.origin.event_id().map(str::to_owned)),
            Use::ApplyOther(witness) => {
                let other = EntitlementSummary::read(&witness.object)
                    .map_err(|missing| unreadable(&witness.event_id, &missing))?;
                (other, Some(witness.event_id))
            }
            Use::Keep => return Ok(applied),
        };
        if summary.truncated {
            applied = Applied { note: Some(TRUNCATED), needs_read: true };
        }
        // The clock of the evidence never runs back.
        let at = stored.map_or(evidence.at, |stored| stored.at.max(evidence.at));
        sqlx::query(
            "insert into customer_entitlement (livemode, customer_id, lookup_keys, evidence_at, evidence_event_id, updated_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (livemode, customer_id) do update
                set lookup_keys = excluded.lookup_keys, evidence_at = excluded.evidence_at,
                    evidence_event_id = excluded.evidence_event_id, updated_at = excluded.updated_at",
        )
        .bind(evidence.livemode.is_live())
        .bind(&summary.customer_id)
        .bind(to_json(&summary.lookup_keys))
        .bind(at.millis())
        .bind(event_id)
        .bind(evidence.known_at.millis())
        .execute(self.conn())
        .await?;
        if before != summary.lookup_keys {
            let words = |keys: &[String]| (!keys.is_empty()).then(|| keys.join(", "));
            note_field(effects, &summary.customer_id, "entitlements", words(&before), words(&summary.lookup_keys));
            let keys = summary.lookup_keys.iter().map(String::as_str).filter(|key| is_feature_key(key));
            if self.make_features(evidence.livemode, keys.map(|key| (key, FeatureType::Switch, None)), now).await? {
                let cause = match evidence.origin {
                    Origin::Event { id } => Cause::new("event", id, evidence.at),
                    Origin::Read => Cause::new("read", &summary.customer_id, evidence.at),
                };
                self.touch_catalog(evidence.livemode, cause, now).await?;
            }
            self.doubt_products(evidence.livemode, &summary, now).await?;
        }
        Ok(applied)
    }

    /// Stripe tells nobody when the features of a product change, but its customers' entitlements follow: where they are not what we
    /// hold of the products, those are read again.
    async fn doubt_products(&mut self, livemode: Livemode, summary: &EntitlementSummary, now: Timestamp) -> Result<()> {
        let products = self.products_of(livemode, &summary.customer_id).await?;
        let catalog = self.catalog(livemode);
        let known = |key: &String| {
            products.iter().filter_map(|id| catalog.products.get(id)).flatten().any(|grant| grant.feature == *key)
        };
        let gone = products.iter().filter_map(|id| catalog.products.get(id)).flatten().any(|grant| {
            grant.source == GrantSource::Stripe && !summary.truncated && !summary.lookup_keys.contains(&grant.feature)
        });
        if !gone && summary.lookup_keys.iter().all(known) {
            return Ok(());
        }
        for product_id in &products {
            sqlx::query(
                "update product set next_read_at = $3
                 where livemode = $1 and product_id = $2 and deleted = false and (synced_at is null or synced_at < $4)",
            )
            .bind(livemode.is_live())
            .bind(product_id)
            .bind(now.millis())
            .bind(now.plus_millis(-FRESH_MS).millis())
            .execute(self.conn())
            .await?;
        }
        Ok(())
    }

    /// The products a customer subscribes to.
    pub(super) async fn products_of(&mut self, livemode: Livemode, customer_id: &str) -> Result<Vec<String>> {
        let rows =
            sqlx::query("select subscription_id, state from subscription where livemode = $1 and customer_id = $2")
                .bind(livemode.is_live())
                .bind(customer_id)
                .fetch_all(self.conn())
                .await?;
        let mut products = vec![];
        for row in &rows {
            let id = row.text("subscription_id")?;
            let subscription: Subscription = json("subscription", "state", &id, &row.text("state")?)?;
            if !subscription.status.is_terminal() {
                products.extend(subscription.items.into_iter().filter_map(|item| item.product_id));
            }
        }
        products.sort_unstable();
        products.dedup();
        Ok(products)
    }

    async fn is_deleted(&mut self, livemode: Livemode, customer_id: &str) -> Result<bool> {
        let deleted: Option<bool> =
            sqlx::query_scalar("select deleted from customer where livemode = $1 and customer_id = $2")
                .bind(livemode.is_live())
                .bind(customer_id)
                .fetch_optional(self.conn())
                .await?;
        Ok(deleted.unwrap_or(false))
    }

    /// A deleted customer is entitled to nothing.
    pub(super) async fn drop_entitlements(&mut self, livemode: Livemode, customer_id: &str) -> Result<()> {
        sqlx::query("delete from customer_entitlement where livemode = $1 and customer_id = $2")
            .bind(livemode.is_live())
            .bind(customer_id)
            .execute(self.conn())
            .await?;
        Ok(())
    }
}

/// The sorted lookup keys of a read's list.
pub(super) fn listed(entitlements: &[Value]) -> std::result::Result<Vec<String>, domain::stripe::json::Missing> {
    let mut keys: Vec<String> =
        entitlements.iter().map(domain::stripe::entitlement::lookup_key).collect::<std::result::Result<_, _>>()?;
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}
