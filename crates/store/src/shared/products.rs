//! Products and prices, and the features their metadata names.

use domain::catalog::{FeatureGrant, FeatureType, GrantSource};
use domain::evidence::MARGIN_MS;
use domain::stripe::{Price, Product};
use domain::{Livemode, Term, Timestamp};
use serde_json::Value;
use sqlx::Row as _;

use super::note_field;
use super::objects::{Applied, Evidence, Origin, Stored, Use, weigh};
use super::rows::{Columns as _, json, to_json};
use super::write::{Cause, Write};
use crate::Result;
use crate::records::{Effects, TargetKind};

const METADATA_FAULT: &str = "Not everything in the metadata's features can be read: the catalog says what.";

/// A price or product whose features are told.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) livemode: Livemode,
    pub(super) kind: TargetKind,
    pub(super) id: &'a str,
}

impl Write<'_> {
    /// Takes a product in; `product.deleted` is for ever, so a late `product.updated` does not bring it back.
    pub(super) async fn take_product(
        &mut self,
        evidence: &Evidence<'_>,
        product: &Product,
        deleted: bool,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<Applied> {
        let row = sqlx::query(
            "select state, deleted, evidence_at, evidence_event_id from product where livemode = $1 and product_id = $2",
        )
        .bind(evidence.livemode.is_live())
        .bind(&product.id)
        .fetch_optional(self.conn())
        .await?;
        let mut applied = Applied::default();
        let mut before: Option<Product> = None;
        if let Some(row) = &row {
            let known: Product = json("product", "state", &product.id, &row.text("state")?)?;
            let at = row.time("evidence_at")?;
            let stored =
                Stored { at, event_id: row.opt_text("evidence_event_id")?, known_at: evidence.known_since(at) };
            let ends = (row.flag("deleted")?, deleted);
            let decision;
            (decision, applied) = weigh(self.conn(), evidence, &product.id, Some(&stored), ends).await?;
            let doubt = std::mem::take(&mut applied.needs_read) && known != *product;
            self.read_if(doubt, evidence.livemode, Some(&product.id), now).await?;
            if !matches!(decision, Use::Apply) {
                return Ok(applied);
            }
            before = Some(known);
        }
        let (name, features) = before.map_or((None, None), |known| (known.name, known.features));
        if !deleted {
            note_field(effects, &product.id, "name", name, product.name.clone());
        }
        // What is deleted keeps what was known of it: prices of it may still be paid for. Its features are read from Stripe as soon as it is
        // known, and no more when it is deleted.
        sqlx::query(
            "insert into product (livemode, product_id, state, deleted, evidence_at, evidence_event_id, next_read_at)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (livemode, product_id) do update
                set state = case when excluded.deleted then product.state else excluded.state end, deleted = excluded.deleted,
                    evidence_at = excluded.evidence_at, evidence_event_id = excluded.evidence_event_id,
                    next_read_at = case when excluded.deleted then null else product.next_read_at end",
        )
        .bind(evidence.livemode.is_live())
        .bind(&product.id)
        .bind(to_json(product))
        .bind(deleted)
        .bind(evidence.at.millis())
        .bind(evidence.origin.event_id())
        .bind((!deleted).then_some(now.millis()))
        .execute(self.conn())
        .await?;
        if !deleted && features != product.features {
            let target = Target { livemode: evidence.livemode, kind: TargetKind::Product, id: &product.id };
            self.take_metadata(target, product.features.as_deref(), evidence, now, effects, &mut applied).await?;
        }
        Ok(applied)
    }

    /// Takes a price in.
    pub(super) async fn take_price(
        &mut self,
        evidence: &Evidence<'_>,
        price: &Price,
        deleted: bool,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<Applied> {
        let row = sqlx::query(
            "select state, deleted, evidence_at, evidence_event_id from price where livemode = $1 and price_id = $2",
        )
        .bind(evidence.livemode.is_live())
        .bind(&price.id)
        .fetch_optional(self.conn())
        .await?;
        let mut applied = Applied::default();
        let mut features = None;
        if let Some(row) = &row {
            let known: Price = json("price", "state", &price.id, &row.text("state")?)?;
            let at = row.time("evidence_at")?;
            let stored =
                Stored { at, event_id: row.opt_text("evidence_event_id")?, known_at: evidence.known_since(at) };
            let ends = (row.try_get("deleted")?, deleted);
            let decision;
            (decision, applied) = weigh(self.conn(), evidence, &price.id, Some(&stored), ends).await?;
            let doubt = std::mem::take(&mut applied.needs_read) && known != *price;
            self.read_if(doubt, evidence.livemode, price.product_id.as_deref(), now).await?;
            if !matches!(decision, Use::Apply) {
                return Ok(applied);
            }
            features = known.features;
        }
        sqlx::query(
            "insert into price (livemode, price_id, product_id, state, deleted, evidence_at, evidence_event_id)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (livemode, price_id) do update
                set product_id = coalesce(excluded.product_id, price.product_id),
                    state = case when excluded.deleted then price.state else excluded.state end, deleted = excluded.deleted,
                    evidence_at = excluded.evidence_at, evidence_event_id = excluded.evidence_event_id",
        )
        .bind(evidence.livemode.is_live())
        .bind(&price.id)
        .bind(price.product_id.as_deref())
        .bind(to_json(price))
        .bind(deleted)
        .bind(evidence.at.millis())
        .bind(evidence.origin.event_id())
        .execute(self.conn())
        .await?;
        if !deleted && features != price.features {
            let target = Target { livemode: evidence.livemode, kind: TargetKind::Price, id: &price.id };
            self.take_metadata(target, price.features.as_deref(), evidence, now, effects, &mut applied).await?;
        }
        Ok(applied)
    }

    /// Takes in the prices that stand inside a subscription's items, whole as they were at that moment, and notes their products.
    pub(super) async fn note_prices(
        &mut self,
        evidence: &Evidence<'_>,
        subscription: &Value,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<()> {
        let items =
            subscription.pointer("/items/data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for object in items.iter().filter_map(|item| item.get("price").or_else(|| item.get("plan"))) {
            let Ok(price) = Price::read(object) else { continue };
            let key = (evidence.livemode, price.id.clone());
            if self.noted_prices.get(&key) == Some(&price) {
                continue;
            }
            // An old plan and an abridged price do not tell what the metadata says.
            if object.get("metadata").is_some_and(Value::is_object) {
                self.take_price(evidence, &price, false, now, effects).await?;
            } else {
                sqlx::query(
                    "insert into price (livemode, price_id, product_id, state, deleted, evidence_at)
                     values ($1, $2, $3, $4, false, 0)
                     on conflict (livemode, price_id) do nothing",
                )
                .bind(evidence.livemode.is_live())
                .bind(&price.id)
                .bind(price.product_id.as_deref())
                .bind(to_json(&price))
                .execute(self.conn())
                .await?;
            }
            if let Some(product_id) = &price.product_id {
                self.note_product(evidence.livemode, product_id, now).await?;
            }
            self.noted_prices.insert(key, price);
        }
        Ok(())
    }

    /// A product somebody buys has to be read; one that is known has been, or will be.
    async fn note_product(&mut self, livemode: Livemode, product_id: &str, now: Timestamp) -> Result<()> {
        let unread = Product { id: product_id.to_owned(), name: None, active: true, features: None };
        sqlx::query(
            "insert into product (livemode, product_id, state, deleted, evidence_at, next_read_at)
             values ($1, $2, $3, false, 0, $4)
             on conflict (livemode, product_id) do nothing",
        )
        .bind(livemode.is_live())
        .bind(product_id)
        .bind(to_json(&unread))
        .bind(now.millis())
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Two that differ are too close in time to tell which is the later: the product is read, its prices with it, once that is past. No
    /// event waits for it.
    async fn read_if(
        &mut self,
        doubt: bool,
        livemode: Livemode,
        product_id: Option<&str>,
        now: Timestamp,
    ) -> Result<()> {
        let Some(product_id) = product_id.filter(|_| doubt) else { return Ok(()) };
        sqlx::query("update product set next_read_at = $3 where livemode = $1 and product_id = $2 and deleted = false")
            .bind(livemode.is_live())
            .bind(product_id)
            .bind(now.plus_millis(MARGIN_MS + 1).millis())
            .execute(self.conn())
            .await?;
        Ok(())
    }

    async fn take_metadata(
        &mut self,
        target: Target<'_>,
        features: Option<&str>,
        evidence: &Evidence<'_>,
        now: Timestamp,
        effects: &mut Effects,
        applied: &mut Applied,
    ) -> Result<()> {
        let (grants, faults) = domain::metadata::features(features.unwrap_or_default());
        if !faults.is_empty() {
            applied.note = applied.note.or(Some(METADATA_FAULT));
        }
        let cause = match evidence.origin {
            Origin::Event { id } => Cause::new("event", id, evidence.at),
            Origin::Read => Cause::new("read", target.id, evidence.at),
        };
        self.say(target, GrantSource::Metadata, &grants, cause, now, effects).await
    }

    /// Replaces what one of Stripe's sources says of a price or product. Features it names come to be; a change works at once.
    pub(super) async fn say(
        &mut self,
        target: Target<'_>,
        source: GrantSource,
        grants: &[FeatureGrant],
        cause: Cause<'_>,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<()> {
        let rows = sqlx::query(
            "select feature_key, value from catalog_grant
             where livemode = $1 and target_kind = $2 and target_id = $3 and source = $4 order by feature_key",
        )
        .bind(target.livemode.is_live())
        .bind(target.kind.as_str())
        .bind(target.id)
        .bind(source.as_str())
        .fetch_all(self.conn())
        .await?;
        let grant = |row| -> Result<_> {
            let row: &super::rows::DbRow = row;
            Ok(FeatureGrant::of(row.text("feature_key")?).with_value(row.opt_int("value")?).said_by(source))
        };
        let before: Vec<FeatureGrant> = rows.iter().map(grant).collect::<Result<_>>()?;
        let mut after = grants.to_vec();
        after.sort_by(|a, b| a.feature.cmp(&b.feature));
        if before == after {
            return Ok(());
        }
        let kinds = after.iter().map(|grant| {
            let kind = if grant.value.is_some() { FeatureType::Limit } else { FeatureType::Switch };
            (grant.feature.as_str(), kind, None)
        });
        self.make_features(target.livemode, kinds, now).await?;
        self.replace_grants(target, source, &after).await?;
        let field = format!("features ({})", source.as_str());
        note_field(effects, target.id, &field, Some(in_words(&before)), Some(in_words(&after)));
        self.touch_catalog(target.livemode, cause, now).await
    }

    /// Stores what a source says of a price or product, in place of what it said before.
    pub(super) async fn replace_grants(
        &mut self,
        target: Target<'_>,
        source: GrantSource,
        grants: &[FeatureGrant],
    ) -> Result<()> {
        sqlx::query(
            "delete from catalog_grant where livemode = $1 and target_kind = $2 and target_id = $3 and source = $4",
        )
        .bind(target.livemode.is_live())
        .bind(target.kind.as_str())
        .bind(target.id)
        .bind(source.as_str())
        .execute(self.conn())
        .await?;
        for grant in grants {
            sqlx::query(
                "insert into catalog_grant (livemode, target_kind, target_id, feature_key, source, value, duration_s, credits)
                 values ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(target.livemode.is_live())
            .bind(target.kind.as_str())
            .bind(target.id)
            .bind(&grant.feature)
            .bind(source.as_str())
            .bind(grant.value)
            .bind(grant.duration.map(Term::secs))
            .bind(grant.credits)
            .execute(self.conn())
            .await?;
        }
        Ok(())
    }

    /// Makes sure these features (key, type, name) are there; one that is stays as it is. Tells whether any is new.
    pub(super) async fn make_features<'k>(
        &mut self,
        livemode: Livemode,
        features: impl Iterator<Item = (&'k str, FeatureType, Option<&'k str>)>,
        now: Timestamp,
    ) -> Result<bool> {
        let catalog = self.catalog(livemode);
        let mut any = false;
        for (key, kind, name) in features.filter(|(key, ..)| !catalog.features.contains_key(*key)) {
            any |= sqlx::query(
                "insert into feature (livemode, feature_key, kind, name, created_at) values ($1, $2, $3, $4, $5)
                 on conflict (livemode, feature_key) do nothing",
            )
            .bind(livemode.is_live())
            .bind(key)
            .bind(kind.as_str())
            .bind(name)
            .bind(now.millis())
            .execute(self.conn())
            .await?
            .rows_affected()
                > 0;
        }
        Ok(any)
    }
}

/// `pro, seats=5`
fn in_words(grants: &[FeatureGrant]) -> String {
    let words = grants.iter().map(|grant| match grant.value {
        Some(value) => format!("{}={value}", grant.feature),
        None => grant.feature.clone(),
    });
    words.collect::<Vec<_>>().join(", ")
}
