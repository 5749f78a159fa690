//! Products are read from Stripe, with their prices and the features they carry: when they are new, when entitlements disagree, when somebody asks, and
//! once a day, since no event tells of a change (docs.stripe.com/billing/entitlements).

use domain::catalog::{FeatureGrant, FeatureType, GrantSource, is_feature_key};
use domain::evidence::retry_delay_ms;
use domain::stripe::json::Missing;
use domain::stripe::{Price, Product, ProductFeature};
use domain::{Livemode, Timestamp};
use serde_json::json;

use super::Backend;
use super::audit::audit;
use super::dialect::SKIP_LOCKED;
use super::products::Target;
use super::rows::Columns as _;
use super::write::{Cause, Write};
use crate::records::{Author, Effects, ProductClaim, ProductSnapshot, TargetKind};
use crate::{Error, Result};

/// How long a read may take before somebody else may try.
const LEASE_MS: i64 = 60_000;
/// How long what was read is believed; a product whose reads keep failing is still tried this often.
const BELIEVED_MS: i64 = 86_400_000;

impl Backend {
    /// When the next read of a product is due, in the modes that can be read.
    pub(super) async fn next_product_read(&self) -> Result<Option<Timestamp>> {
        self.soonest("select min(next_read_at) from product where livemode = $1 and next_read_at is not null").await
    }

    pub(super) async fn lease_products(&self, owner: &str, now: Timestamp, limit: i64) -> Result<Vec<ProductClaim>> {
        // The writer is not taken to learn that there is nothing to do.
        if self.next_product_read().await?.is_none_or(|due| due > now) {
            return Ok(vec![]);
        }
        let mut write = self.begin().await?;
        let mut claims = vec![];
        for livemode in &self.options.readable {
            let sql = format!(
                "select product_id from product
                 where livemode = $1 and next_read_at is not null and next_read_at <= $2
                 order by next_read_at
                 limit $3{SKIP_LOCKED}"
            );
            let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(livemode.is_live())
                .bind(now.millis())
                .bind(limit)
                .fetch_all(write.conn())
                .await?;
            for row in &rows {
                let claim = ProductClaim {
                    livemode: *livemode,
                    product_id: row.text("product_id")?,
                    owner: owner.to_owned(),
                    until: now.plus_millis(LEASE_MS),
                };
                // The next read is due when the lease ends, unless it is asked for before.
                sqlx::query(
                    "update product set lease_owner = $3, next_read_at = $4 where livemode = $1 and product_id = $2",
                )
                .bind(livemode.is_live())
                .bind(&claim.product_id)
                .bind(owner)
                .bind(claim.until.millis())
                .execute(write.conn())
                .await?;
                claims.push(claim);
            }
        }
        write.commit(now).await?;
        Ok(claims)
    }

    pub(super) async fn take_product_read(
        &self,
        claim: &ProductClaim,
        answer: &ProductSnapshot,
        started_at: Timestamp,
        now: Timestamp,
    ) -> Result<Effects> {
        let unreadable = |what: &str, missing: &Missing| Error::Inconsistent {
            table: "stripe",
            column: "answer",
            id: claim.product_id.clone(),
            message: format!("{what}.{missing}"),
        };
        let deleted = answer.product.as_ref().is_none_or(|product| product["deleted"] == true);
        let state = match &answer.product {
            Some(object) => Product::read(object).map_err(|missing| unreadable("product", &missing))?,
            None => Product { id: claim.product_id.clone(), name: None, active: false, features: None },
        };
        let features: Vec<ProductFeature> = answer
            .features
            .iter()
            .map(|object| ProductFeature::read(object).map_err(|missing| unreadable("feature", &missing)))
            .collect::<Result<_>>()?;
        let prices: Vec<Price> = answer
            .prices
            .iter()
            .map(|object| Price::read(object).map_err(|missing| unreadable("price", &missing)))
            .collect::<Result<_>>()?;
        let mut effects = Effects::default();
        let mut write = self.begin().await?;
        if !write.holds(claim).await? {
            return Ok(effects);
        }
        let evidence = self.read_evidence(claim.livemode, started_at);
        // What is deleted keeps its name and what it gave: prices of it may still be paid for.
        if deleted {
            sqlx::query("update product set deleted = true where livemode = $1 and product_id = $2")
                .bind(claim.livemode.is_live())
                .bind(&claim.product_id)
                .execute(write.conn())
                .await?;
        } else {
            write.take_product(&evidence, &state, false, now, &mut effects).await?;
            let features = || features.iter().filter(|feature| is_feature_key(&feature.lookup_key));
            let named =
                features().map(|feature| (feature.lookup_key.as_str(), FeatureType::Switch, feature.name.as_deref()));
            write.make_features(claim.livemode, named, now).await?;
            let mut grants: Vec<FeatureGrant> = features()
                .map(|feature| FeatureGrant::of(feature.lookup_key.as_str()).said_by(GrantSource::Stripe))
                .collect();
            grants.sort_by(|a, b| a.feature.cmp(&b.feature));
            grants.dedup();
            let target = Target { livemode: claim.livemode, kind: TargetKind::Product, id: &claim.product_id };
            let cause = Cause::new("read", &claim.product_id, started_at);
            write.say(target, GrantSource::Stripe, &grants, cause, now, &mut effects).await?;
            for price in &prices {
                write.take_price(&evidence, price, false, now, &mut effects).await?;
            }
        }
        sqlx::query(
            "update product set read_attempts = 0, read_error = null, lease_owner = null, synced_at = $3
             where livemode = $1 and product_id = $2",
        )
        .bind(claim.livemode.is_live())
        .bind(&claim.product_id)
        .bind(started_at.millis())
        .execute(write.conn())
        .await?;
        write.read_next(claim, (!deleted).then(|| now.plus_millis(BELIEVED_MS))).await?;
        write.commit(now).await?;
        Ok(effects)
    }

    pub(super) async fn note_failed_product_read(
        &self,
        claim: &ProductClaim,
        error: &str,
        now: Timestamp,
    ) -> Result<()> {
        let mut write = self.begin().await?;
        let attempts: Option<i64> = sqlx::query_scalar(
            "update product set read_attempts = read_attempts + 1, read_error = $4, lease_owner = null
             where livemode = $1 and product_id = $2 and lease_owner = $3
             returning read_attempts",
        )
        .bind(claim.livemode.is_live())
        .bind(&claim.product_id)
        .bind(&claim.owner)
        .bind(error)
        .fetch_optional(write.conn())
        .await?;
        let Some(attempts) = attempts else { return Ok(()) };
        let delay = retry_delay_ms(attempts, &claim.product_id).map_or(BELIEVED_MS, |delay| delay.min(BELIEVED_MS));
        write.read_next(claim, Some(now.plus_millis(delay))).await?;
        write.commit(now).await
    }

    pub(super) async fn ask_for_products(&self, livemode: Livemode, author: &Author) -> Result<u64> {
        let mut write = self.begin().await?;
        let asked = sqlx::query(
            "update product set next_read_at = $2, read_attempts = 0 where livemode = $1 and deleted = false",
        )
        .bind(livemode.is_live())
        .bind(author.now.millis())
        .execute(write.conn())
        .await?
        .rows_affected();
        let details = json!({"products": asked});
        audit(write.conn(), author, "catalog.read", Some(livemode), ("product", "*"), &details).await?;
        write.commit(author.now).await?;
        Ok(asked)
    }
}

impl Write<'_> {
    /// Whether the lease is still this reader's.
    async fn holds(&mut self, claim: &ProductClaim) -> Result<bool> {
        let owner: Option<String> = sqlx::query_scalar(
            "select lease_owner from product where livemode = $1 and product_id = $2 and lease_owner is not null",
        )
        .bind(claim.livemode.is_live())
        .bind(&claim.product_id)
        .fetch_optional(self.conn())
        .await?;
        Ok(owner.as_deref() == Some(claim.owner.as_str()))
    }

    /// When the product is read next, unless that was asked for while it was read.
    async fn read_next(&mut self, claim: &ProductClaim, at: Option<Timestamp>) -> Result<()> {
        sqlx::query(
            "update product set next_read_at = $4 where livemode = $1 and product_id = $2 and next_read_at = $3",
        )
        .bind(claim.livemode.is_live())
        .bind(&claim.product_id)
        .bind(claim.until.millis())
        .bind(at.map(Timestamp::millis))
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Somebody asked for a customer to be read: so are the products it subscribes to, but for those read since `started_at`.
    pub(super) async fn read_products_of(
        &mut self,
        livemode: Livemode,
        customer_id: &str,
        started_at: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        for product_id in self.products_of(livemode, customer_id).await? {
            sqlx::query(
                "update product set next_read_at = $3
                 where livemode = $1 and product_id = $2 and deleted = false and (synced_at is null or synced_at <= $4)",
            )
            .bind(livemode.is_live())
            .bind(product_id)
            .bind(now.millis())
            .bind(started_at.millis())
            .execute(self.conn())
            .await?;
        }
        Ok(())
    }
}
