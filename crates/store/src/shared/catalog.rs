//! Features and what gives them.

use async_trait::async_trait;
use domain::access::{PolicyExceptions, Treatment};
use domain::catalog::{Feature, FeatureGrant, GrantSource};
use domain::stripe::Product;
use domain::{Livemode, Timestamp};
use serde_json::json;

use super::Backend;
use super::audit::audit;
use super::products::Target;
use super::rows::{Columns as _, DbRow, json as read_json};
use super::write::{Cause, Write};
use crate::records::{Author, PolicyTarget, PriceRecord, ProductRecord, TargetKind};
use crate::{CatalogStore, Error, Result};

impl Write<'_> {
    /// Stores a feature's name and type.
    pub(super) async fn store_feature(&mut self, livemode: Livemode, feature: &Feature, now: Timestamp) -> Result<()> {
        sqlx::query(
            "insert into feature (livemode, feature_key, name, kind, created_at) values ($1, $2, $3, $4, $5)
             on conflict (livemode, feature_key) do update set name = excluded.name, kind = excluded.kind",
        )
        .bind(livemode.is_live())
        .bind(&feature.key)
        .bind(feature.name.as_deref())
        .bind(feature.kind.as_str())
        .bind(now.millis())
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Stores where a feature or a price departs from the installation's policy; `false` when there is no such feature.
    pub(super) async fn store_policy(
        &mut self,
        livemode: Livemode,
        target: PolicyTarget<'_>,
        policy: &PolicyExceptions,
    ) -> Result<bool> {
        let (sql, id) = match target {
            PolicyTarget::Feature(key) => (
                "update feature set past_due_grace = $3, trialing = $4, paused = $5 where livemode = $1 and feature_key = $2",
                key,
            ),
            PolicyTarget::Price(id) => (
                "insert into price_policy (livemode, price_id, past_due_grace, trialing, paused) values ($1, $2, $3, $4, $5)
                 on conflict (livemode, price_id) do update
                    set past_due_grace = excluded.past_due_grace, trialing = excluded.trialing, paused = excluded.paused",
                id,
            ),
        };
        let written = sqlx::query(sql)
            .bind(livemode.is_live())
            .bind(id)
            .bind(policy.past_due_grace)
            .bind(policy.trialing.map(Treatment::as_str))
            .bind(policy.paused.map(Treatment::as_str))
            .execute(self.conn())
            .await?;
        Ok(written.rows_affected() > 0)
    }
}

#[async_trait]
impl CatalogStore for Backend {
    async fn put_feature(&self, livemode: Livemode, feature: &Feature, author: &Author) -> Result<()> {
        let mut write = self.begin().await?;
        let before = write.catalog(livemode).features.get(&feature.key).cloned();
        write.store_feature(livemode, feature, author.now).await?;
        audit(
            write.conn(),
            author,
            "feature.put",
            Some(livemode),
            ("feature", &feature.key),
            &json!({"before": before, "after": feature}),
        )
        .await?;
        write.touch_catalog(livemode, Cause::new("catalog", &feature.key, author.now), author.now).await?;
        write.commit(author.now).await
    }

    async fn delete_feature(&self, livemode: Livemode, key: &str, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        let told: Option<String> = sqlx::query_scalar(
            "select target_id from catalog_grant where livemode = $1 and feature_key = $2 and source <> 'manual' limit 1",
        )
        .bind(livemode.is_live())
        .bind(key)
        .fetch_optional(write.conn())
        .await?;
        if let Some(target) = told {
            return Err(Error::Conflict(format!("Stripe gives {key} through {target}: take it away there first")));
        }
        sqlx::query("delete from catalog_grant where livemode = $1 and feature_key = $2")
            .bind(livemode.is_live())
            .bind(key)
            .execute(write.conn())
            .await?;
        let deleted = sqlx::query("delete from feature where livemode = $1 and feature_key = $2")
            .bind(livemode.is_live())
            .bind(key)
            .execute(write.conn())
            .await?;
        if deleted.rows_affected() == 0 {
            return Ok(false);
        }
        audit(write.conn(), author, "feature.delete", Some(livemode), ("feature", key), &json!({})).await?;
        write.touch_catalog(livemode, Cause::new("catalog", key, author.now), author.now).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn put_grants(
        &self,
        livemode: Livemode,
        kind: TargetKind,
        id: &str,
        grants: &[FeatureGrant],
        author: &Author,
    ) -> Result<()> {
        let mut write = self.begin().await?;
        let catalog = write.catalog(livemode);
        if let Some(unknown) = grants.iter().find(|grant| !catalog.features.contains_key(&grant.feature)) {
            return Err(Error::Conflict(format!("the feature {} does not exist", unknown.feature)));
        }
        let known = match kind {
            TargetKind::Price => &catalog.prices,
            TargetKind::Product => &catalog.products,
        };
        let before: Vec<_> = known.get(id).into_iter().flatten().filter(|grant| grant.source.is_manual()).collect();
        write.replace_grants(Target { livemode, kind, id }, GrantSource::Manual, grants).await?;
        audit(
            write.conn(),
            author,
            "catalog.put",
            Some(livemode),
            (kind.as_str(), id),
            &json!({"before": before, "after": grants}),
        )
        .await?;
        write.touch_catalog(livemode, Cause::new("catalog", id, author.now), author.now).await?;
        write.commit(author.now).await
    }

    async fn put_policy(
        &self,
        livemode: Livemode,
        target: PolicyTarget<'_>,
        policy: &PolicyExceptions,
        author: &Author,
    ) -> Result<bool> {
        let mut write = self.begin().await?;
        let catalog = write.catalog(livemode);
        let (kind, id, before) = match target {
            PolicyTarget::Feature(key) => ("feature", key, catalog.features.get(key).map(|feature| feature.policy)),
            PolicyTarget::Price(id) => ("price", id, catalog.price_policies.get(id).copied()),
        };
        if !write.store_policy(livemode, target, policy).await? {
            return Ok(false);
        }
        let details = json!({"before": before, "after": policy});
        audit(write.conn(), author, "policy.put", Some(livemode), (kind, id), &details).await?;
        write.touch_catalog(livemode, Cause::new("catalog", id, author.now), author.now).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn price(&self, livemode: Livemode, price_id: &str) -> Result<Option<PriceRecord>> {
        let row = sqlx::query("select state, deleted from price where livemode = $1 and price_id = $2")
            .bind(livemode.is_live())
            .bind(price_id)
            .fetch_optional(&self.read)
            .await?;
        row.map(|row| {
            Ok(PriceRecord {
                price: read_json("price", "state", price_id, &row.text("state")?)?,
                deleted: row.flag("deleted")?,
            })
        })
        .transpose()
    }

    async fn product(&self, livemode: Livemode, product_id: &str) -> Result<Option<ProductRecord>> {
        let sql = "select state, deleted, synced_at, read_error from product where livemode = $1 and product_id = $2 and evidence_at > 0";
        let row = sqlx::query(sql).bind(livemode.is_live()).bind(product_id).fetch_optional(&self.read).await?;
        row.map(|row| {
            let product = read_json("product", "state", product_id, &row.text("state")?)?;
            product_record(&row, product)
        })
        .transpose()
    }
}

/// A row with `deleted`, `synced_at` and `read_error`.
pub(super) fn product_record(row: &DbRow, product: Product) -> Result<ProductRecord> {
    Ok(ProductRecord {
        product,
        deleted: row.flag("deleted")?,
        synced_at: row.opt_time("synced_at")?,
        read_error: row.opt_text("read_error")?,
    })
}
