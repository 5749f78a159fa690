//! From rows to what decisions depend on, and the memory they are kept in.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::access::{OverrideEffect, OverrideFacts, Policy, SubscriptionFacts, UserFacts, decide};
use domain::catalog::{Catalog, Feature, FeatureGrant, FeatureType};
use domain::stripe::CheckoutSession;
use domain::{Livemode, Timestamp};

use super::rows::{Columns as _, DbRow, json, word};
use super::{Backend, Conn};
use crate::records::VerdictChange;
use crate::{Changes, Result};

/// One user's facts as this connection sees them; none when nothing is stored about the user.
pub(super) async fn user_facts(conn: &mut Conn, livemode: Livemode, user_id: &str) -> Result<Option<UserFacts>> {
    let mut facts = UserFacts::default();
    let customers =
        sqlx::query("select customer_id from mapping where livemode = $1 and user_id = $2 order by customer_id")
            .bind(livemode.is_live())
            .bind(user_id)
            .fetch_all(&mut *conn)
            .await?;
    for row in &customers {
        facts.customers.push(row.text("customer_id")?);
    }
    let overrides = sqlx::query(
        "select override_id, feature_key, effect, value, expires_at, created_at
         from access_override
         where livemode = $1 and user_id = $2 and revoked_at is null
         order by override_id",
    )
    .bind(livemode.is_live())
    .bind(user_id)
    .fetch_all(&mut *conn)
    .await?;
    facts.overrides = overrides.iter().map(override_facts).collect::<Result<_>>()?;
    if !facts.customers.is_empty() {
        // SQLite reads a cross join in the order it is written: from the user's customers, not through all subscriptions.
        let subscriptions = sqlx::query(
            "select s.subscription_id, s.state, s.past_due_since
             from mapping m
             cross join subscription s
             where s.livemode = m.livemode and s.customer_id = m.customer_id and m.livemode = $1 and m.user_id = $2",
        )
        .bind(livemode.is_live())
        .bind(user_id)
        .fetch_all(&mut *conn)
        .await?;
        facts.subscriptions = subscriptions.iter().map(subscription_facts).collect::<Result<_>>()?;
        facts.subscriptions.sort_by(|a, b| a.subscription.id.cmp(&b.subscription.id));
        let sessions = sqlx::query(
            "select c.checkout_session_id, c.state
             from mapping m
             cross join checkout_session c
             where c.livemode = m.livemode and c.customer_id = m.customer_id and m.livemode = $1 and m.user_id = $2",
        )
        .bind(livemode.is_live())
        .bind(user_id)
        .fetch_all(&mut *conn)
        .await?;
        for row in &sessions {
            facts.payment_pending |= session(row)?.is_payment_pending();
        }
    }
    let registered: i64 = sqlx::query_scalar("select count(*) from app_user where livemode = $1 and user_id = $2")
        .bind(livemode.is_live())
        .bind(user_id)
        .fetch_one(conn)
        .await?;
    facts.known = registered > 0 || !facts.customers.is_empty() || !facts.overrides.is_empty();
    Ok(facts.known.then_some(facts))
}

fn override_facts(row: &DbRow) -> Result<OverrideFacts> {
    let id = row.text("override_id")?;
    let effect = word("access_override", "effect", &id, &row.text("effect")?, OverrideEffect::parse)?;
    Ok(OverrideFacts {
        id,
        feature: row.text("feature_key")?,
        effect,
        value: row.opt_int("value")?,
        expires_at: row.opt_time("expires_at")?,
        created_at: row.time("created_at")?,
    })
}

fn subscription_facts(row: &DbRow) -> Result<SubscriptionFacts> {
    let id = row.text("subscription_id")?;
    Ok(SubscriptionFacts {
        subscription: json("subscription", "state", &id, &row.text("state")?)?,
        past_due_since: row.opt_time("past_due_since")?,
    })
}

fn session(row: &DbRow) -> Result<CheckoutSession> {
    json("checkout_session", "state", &row.text("checkout_session_id")?, &row.text("state")?)
}

/// The catalog of a mode as this connection sees it.
pub(super) async fn catalog(conn: &mut Conn, livemode: Livemode) -> Result<Catalog> {
    let mut catalog = Catalog::default();
    let features = sqlx::query("select feature_key, name, kind from feature where livemode = $1")
        .bind(livemode.is_live())
        .fetch_all(&mut *conn)
        .await?;
    for row in &features {
        let key = row.text("feature_key")?;
        let kind = word("feature", "kind", &key, &row.text("kind")?, FeatureType::parse)?;
        catalog.features.insert(key.clone(), Feature { key, name: row.opt_text("name")?, kind });
    }
    let grants = sqlx::query(
        "select target_kind, target_id, feature_key, value from catalog_grant where livemode = $1 order by feature_key",
    )
    .bind(livemode.is_live())
    .fetch_all(conn)
    .await?;
    for row in &grants {
        let targets = if row.text("target_kind")? == "price" { &mut catalog.prices } else { &mut catalog.products };
        targets
            .entry(row.text("target_id")?)
            .or_default()
            .push(FeatureGrant { feature: row.text("feature_key")?, value: row.opt_int("value")? });
    }
    Ok(catalog)
}

/// The answers that differ between two states of what a decision depends on.
pub(super) fn verdict_changes(
    user_id: &str,
    before: (Option<&UserFacts>, &Catalog),
    after: (Option<&UserFacts>, &Catalog),
    policy: &Policy,
    now: Timestamp,
) -> Vec<VerdictChange> {
    let mut keys: Vec<&String> = before.1.features.keys().chain(after.1.features.keys()).collect();
    keys.extend([before.0, after.0].into_iter().flatten().flat_map(|facts| facts.overrides.iter().map(|o| &o.feature)));
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .filter_map(|feature| {
            let old = decide(before.0, before.1, policy, feature, now);
            let new = decide(after.0, after.1, policy, feature, now);
            (old.allowed != new.allowed || old.reason != new.reason).then(|| VerdictChange {
                user_id: user_id.to_owned(),
                feature: feature.clone(),
                allowed_before: old.allowed,
                allowed_after: new.allowed,
                reason_before: old.reason.as_str().to_owned(),
                reason_after: new.reason.as_str().to_owned(),
            })
        })
        .collect()
}

/// Keeps changes of answers with their cause.
pub(super) async fn record_verdict_changes(
    conn: &mut Conn,
    livemode: Livemode,
    changes: &[VerdictChange],
    cause: (&str, &str),
    now: Timestamp,
) -> Result<()> {
    for change in changes {
        sqlx::query(
            "insert into verdict_change
                (livemode, user_id, feature_key, allowed_before, allowed_after, reason_before, reason_after, cause_kind, cause_id, at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(livemode.is_live())
        .bind(&change.user_id)
        .bind(&change.feature)
        .bind(change.allowed_before)
        .bind(change.allowed_after)
        .bind(&change.reason_before)
        .bind(&change.reason_after)
        .bind(cause.0)
        .bind(cause.1)
        .bind(now.millis())
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

impl Backend {
    /// Reads everything into memory, once, at start.
    pub(super) async fn fill_index(&self) -> Result<()> {
        // While the writer is held nothing can be committed between the reads.
        let mut conn = self.write.acquire().await?;
        let seen: Option<i64> = sqlx::query_scalar("select max(seq) from access_change").fetch_one(&mut *conn).await?;
        let mut users: HashMap<(Livemode, String), UserFacts> = HashMap::new();
        for row in &sqlx::query("select livemode, user_id, customer_id from mapping order by customer_id")
            .fetch_all(&mut *conn)
            .await?
        {
            users.entry((row.livemode()?, row.text("user_id")?)).or_default().customers.push(row.text("customer_id")?);
        }
        for row in &sqlx::query("select livemode, user_id from app_user").fetch_all(&mut *conn).await? {
            users.entry((row.livemode()?, row.text("user_id")?)).or_default();
        }
        let overrides = sqlx::query(
            "select livemode, user_id, override_id, feature_key, effect, value, expires_at, created_at
             from access_override where revoked_at is null order by override_id",
        );
        for row in &overrides.fetch_all(&mut *conn).await? {
            users.entry((row.livemode()?, row.text("user_id")?)).or_default().overrides.push(override_facts(row)?);
        }
        let subscriptions = sqlx::query(
            "select s.livemode, m.user_id, s.subscription_id, s.state, s.past_due_since
             from subscription s
             join mapping m on m.livemode = s.livemode and m.customer_id = s.customer_id
             order by s.subscription_id",
        );
        for row in &subscriptions.fetch_all(&mut *conn).await? {
            users
                .entry((row.livemode()?, row.text("user_id")?))
                .or_default()
                .subscriptions
                .push(subscription_facts(row)?);
        }
        let sessions = sqlx::query(
            "select c.livemode, m.user_id, c.checkout_session_id, c.state
             from checkout_session c
             join mapping m on m.livemode = c.livemode and m.customer_id = c.customer_id",
        );
        for row in &sessions.fetch_all(&mut *conn).await? {
            users.entry((row.livemode()?, row.text("user_id")?)).or_default().payment_pending |=
                session(row)?.is_payment_pending();
        }
        let mut changes = Changes::default();
        for livemode in Livemode::ALL {
            changes.catalogs.insert(livemode, Arc::new(catalog(&mut conn, livemode).await?));
        }
        for (key, mut facts) in users {
            facts.known = true;
            changes.users.insert(key, Some(Arc::new(facts)));
        }
        self.index.publish(changes);
        self.seen_change.store(seen.unwrap_or(0), Ordering::SeqCst);
        Ok(())
    }

    /// Follows what other processes committed: their changes stand in `access_change`.
    pub(super) async fn follow_changes(&self) -> Result<()> {
        let seen = self.seen_change.load(Ordering::SeqCst);
        let newest: Option<i64> =
            sqlx::query_scalar("select max(seq) from access_change").fetch_one(&self.read).await?;
        if newest.unwrap_or(0) <= seen {
            return Ok(());
        }
        // The writer is held so that nothing of this process is published between reading the facts and publishing them.
        let mut conn = self.write.acquire().await?;
        let rows = sqlx::query("select seq, livemode, user_id from access_change where seq > $1 order by seq")
            .bind(seen)
            .fetch_all(&mut *conn)
            .await?;
        let mut changes = Changes::default();
        let mut last = seen;
        for row in &rows {
            last = row.int("seq")?;
            let livemode = row.livemode()?;
            if let Some(user_id) = row.opt_text("user_id")? {
                let key = (livemode, user_id);
                if let Entry::Vacant(user) = changes.users.entry(key) {
                    let facts = user_facts(&mut conn, livemode, &user.key().1).await?.map(Arc::new);
                    user.insert(facts);
                }
            } else {
                changes.catalogs.insert(livemode, Arc::new(catalog(&mut conn, livemode).await?));
            }
        }
        self.index.publish(changes);
        self.seen_change.store(last, Ordering::SeqCst);
        Ok(())
    }
}
