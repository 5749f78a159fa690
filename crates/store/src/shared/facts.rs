//! From rows to what decisions depend on, and the memory they are kept in.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use domain::access::{
    EntitlementFacts, OverrideEffect, OverrideFacts, Policy, PolicyExceptions, SubscriptionFacts, Treatment, UserFacts,
    decide,
};
use domain::catalog::{Catalog, Feature, FeatureGrant, FeatureType, GrantSource, put_in_order};
use domain::{Livemode, Term, Timestamp};

use super::purchases::{self, Gathered};
use super::rows::{Columns as _, DbRow, each_row, json, word};
use super::{Backend, Conn};
use crate::records::VerdictChange;
use crate::{Changes, Result};

/// One user's facts as this connection sees them; none when nothing is stored about the user.
///
/// One statement: it runs for every event that changed something. SQLite reads a cross join in the order it is written, from the user's
/// customers and not through all subscriptions.
pub(super) async fn user_facts(conn: &mut Conn, livemode: Livemode, user_id: &str) -> Result<Option<UserFacts>> {
    let rows = sqlx::query(
        "select 'customer' as part, customer_id as id, cast(null as text) as state, cast(null as text) as effect,
                cast(null as bigint) as value, cast(null as bigint) as since, cast(null as bigint) as until
         from mapping where livemode = $1 and user_id = $2
         union all
         select 'override', override_id, feature_key, effect, value, created_at, expires_at
         from access_override where livemode = $1 and user_id = $2 and revoked_at is null
         union all
         select 'subscription', s.subscription_id, s.state, null, null, s.past_due_since, null
         from mapping m cross join subscription s
         where s.livemode = m.livemode and s.customer_id = m.customer_id and m.livemode = $1 and m.user_id = $2
         union all
         select 'checkout_session', c.checkout_session_id, c.state, null, null, c.paid_at, null
         from mapping m cross join checkout_session c
         where c.livemode = m.livemode and c.customer_id = m.customer_id and m.livemode = $1 and m.user_id = $2
         union all
         select 'invoice', i.invoice_id, i.state, null, null, i.payment_failed_at, null
         from mapping m cross join invoice i
         where i.livemode = m.livemode and i.customer_id = m.customer_id and i.matters = true and m.livemode = $1 and m.user_id = $2
         union all
         select 'invoice_payment', p.invoice_id, p.payment_id, null, null, null, null
         from mapping m cross join invoice i cross join invoice_payment p
         where i.livemode = m.livemode and i.customer_id = m.customer_id and i.matters = true and p.livemode = i.livemode
             and p.invoice_id = i.invoice_id and m.livemode = $1 and m.user_id = $2
         union all
         select o.kind, o.object_id, o.state, o.payment_id, null, null, null
         from mapping m cross join checkout_session c cross join payment_object o
         where c.livemode = m.livemode and c.customer_id = m.customer_id and o.livemode = c.livemode
             and o.payment_id = c.payment_id and m.livemode = $1 and m.user_id = $2
         union all
         select o.kind, o.object_id, o.state, o.payment_id, null, null, null
         from mapping m cross join invoice i cross join invoice_payment p cross join payment_object o
         where i.livemode = m.livemode and i.customer_id = m.customer_id and i.matters = true and p.livemode = i.livemode
             and p.invoice_id = i.invoice_id and o.livemode = p.livemode and o.payment_id = p.payment_id
             and m.livemode = $1 and m.user_id = $2
         union all
         select 'entitlement', e.customer_id, e.lookup_keys, null, null, null, null
         from mapping m cross join customer_entitlement e
         where e.livemode = m.livemode and e.customer_id = m.customer_id and m.livemode = $1 and m.user_id = $2
         union all
         select 'user', user_id, null, null, null, null, null
         from app_user where livemode = $1 and user_id = $2",
    )
    .bind(livemode.is_live())
    .bind(user_id)
    .fetch_all(conn)
    .await?;
    let mut facts = UserFacts::default();
    let mut gathered = Gathered::default();
    for row in &rows {
        let (part, id) = (row.text("part")?, row.text("id")?);
        match part.as_str() {
            "customer" => facts.customers.push(id),
            "override" => facts.overrides.push(override_facts(row, id)?),
            "subscription" => facts.subscriptions.push(subscription_facts(row, &id)?),
            "entitlement" => facts.entitlements.push(entitlement_facts(row, id)?),
            "user" => facts.known = true,
            _ => {
                gathered.take(&part, &id, row)?;
            }
        }
    }
    // Memory is compared with what was read, so the order has to be one.
    facts.customers.sort();
    facts.overrides.sort_by(|a, b| a.id.cmp(&b.id));
    facts.subscriptions.sort_by(|a, b| a.subscription.id.cmp(&b.subscription.id));
    facts.entitlements.sort_by(|a, b| a.customer_id.cmp(&b.customer_id));
    gathered.add_to(&mut facts);
    facts.known |= !facts.customers.is_empty() || !facts.overrides.is_empty();
    facts.shrink_to_fit();
    Ok(facts.known.then_some(facts))
}

/// A row with the columns of [`user_facts`].
fn override_facts(row: &DbRow, id: String) -> Result<OverrideFacts> {
    let effect = word("access_override", "effect", &id, &row.text("effect")?, OverrideEffect::parse)?;
    Ok(OverrideFacts {
        id,
        feature: row.text("state")?,
        effect,
        value: row.opt_int("value")?,
        expires_at: row.opt_time("until")?,
        created_at: row.time("since")?,
    })
}

fn subscription_facts(row: &DbRow, id: &str) -> Result<SubscriptionFacts> {
    Ok(SubscriptionFacts {
        subscription: json("subscription", "state", id, &row.text("state")?)?,
        past_due_since: row.opt_time("since")?,
        failed_debit: None,
    })
}

fn entitlement_facts(row: &DbRow, customer_id: String) -> Result<EntitlementFacts> {
    let lookup_keys = json("customer_entitlement", "lookup_keys", &customer_id, &row.text("state")?)?;
    Ok(EntitlementFacts { customer_id, lookup_keys })
}

/// The catalog of a mode as this connection sees it.
pub(super) async fn catalog(conn: &mut Conn, livemode: Livemode) -> Result<Catalog> {
    let mut catalog = Catalog::default();
    let features = sqlx::query(
        "select feature_key, name, kind, past_due_grace, trialing, paused from feature where livemode = $1",
    )
    .bind(livemode.is_live())
    .fetch_all(&mut *conn)
    .await?;
    for row in &features {
        let key = row.text("feature_key")?;
        let kind = word("feature", "kind", &key, &row.text("kind")?, FeatureType::parse)?;
        let policy = policy_exceptions("feature", &key, row)?;
        catalog.features.insert(key.clone(), Feature { key, name: row.opt_text("name")?, kind, policy });
    }
    let policies =
        sqlx::query("select price_id, past_due_grace, trialing, paused from price_policy where livemode = $1")
            .bind(livemode.is_live())
            .fetch_all(&mut *conn)
            .await?;
    for row in &policies {
        let price_id = row.text("price_id")?;
        let policy = policy_exceptions("price_policy", &price_id, row)?;
        catalog.price_policies.insert(price_id, policy);
    }
    let grants = sqlx::query(
        "select target_kind, target_id, feature_key, source, value, duration_s, credits from catalog_grant where livemode = $1",
    )
    .bind(livemode.is_live())
    .fetch_all(conn)
    .await?;
    for row in &grants {
        let targets = if row.text("target_kind")? == "price" { &mut catalog.prices } else { &mut catalog.products };
        targets.entry(row.text("target_id")?).or_default().push(feature_grant(row)?);
    }
    for grants in catalog.prices.values_mut().chain(catalog.products.values_mut()) {
        put_in_order(grants);
    }
    Ok(catalog)
}

fn policy_exceptions(table: &'static str, id: &str, row: &DbRow) -> Result<PolicyExceptions> {
    let treatment = |column| -> Result<Option<Treatment>> {
        row.opt_text(column)?.map(|text| word(table, column, id, &text, Treatment::parse)).transpose()
    };
    Ok(PolicyExceptions {
        past_due_grace: row.opt_int("past_due_grace")?,
        trialing: treatment("trialing")?,
        paused: treatment("paused")?,
    })
}

/// A row of `catalog_grant`.
pub(super) fn feature_grant(row: &DbRow) -> Result<FeatureGrant> {
    Ok(FeatureGrant {
        feature: row.text("feature_key")?,
        value: row.opt_int("value")?,
        duration: row.opt_int("duration_s")?.and_then(Term::from_secs),
        credits: row.opt_int("credits")?,
        source: word("catalog_grant", "source", &row.text("target_id")?, &row.text("source")?, GrantSource::parse)?,
    })
}

/// What a decision depends on but for the clock.
pub(super) type Basis<'a> = (Option<&'a UserFacts>, &'a Catalog, &'a Policy);

/// The answers that differ between two states of what a decision depends on.
pub(super) fn verdict_changes(
    user_id: &str,
    before: Basis<'_>,
    after: Basis<'_>,
    now: Timestamp,
) -> Vec<VerdictChange> {
    let mut keys: Vec<&String> = before.1.features.keys().chain(after.1.features.keys()).collect();
    keys.extend([before.0, after.0].into_iter().flatten().flat_map(|facts| facts.overrides.iter().map(|o| &o.feature)));
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .filter_map(|feature| {
            let old = decide(before.0, before.1, before.2, feature, now);
            let new = decide(after.0, after.1, after.2, feature, now);
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

/// The facts of everybody.
type Users = HashMap<(Livemode, String), UserFacts>;

/// Those of the user whom a row is about.
fn of<'a>(users: &'a mut Users, row: &DbRow) -> Result<&'a mut UserFacts> {
    Ok(users.entry((row.livemode()?, row.text("user_id")?)).or_default())
}

impl Backend {
    /// Reads everything into memory: at start, and when another process gave somebody another name.
    pub(super) async fn fill_index(&self, conn: &mut Conn) -> Result<()> {
        // First: what another instance commits between the reads is followed afterwards.
        let seen: Option<i64> = sqlx::query_scalar("select max(seq) from access_change").fetch_one(&mut *conn).await?;
        let mut users = Users::new();
        each_row(conn, "select livemode, user_id, customer_id from mapping order by customer_id", |row| {
            of(&mut users, row)?.customers.push(row.text("customer_id")?);
            Ok(())
        })
        .await?;
        each_row(conn, "select livemode, user_id from app_user", |row| of(&mut users, row).map(drop)).await?;
        let overrides =
            "select livemode, user_id, override_id as id, feature_key as state, effect, value, created_at as since, expires_at as until
             from access_override where revoked_at is null order by override_id";
        each_row(conn, overrides, |row| {
            of(&mut users, row)?.overrides.push(override_facts(row, row.text("id")?)?);
            Ok(())
        })
        .await?;
        let subscriptions = "select s.livemode, m.user_id, s.subscription_id as id, s.state, s.past_due_since as since
             from subscription s
             join mapping m on m.livemode = s.livemode and m.customer_id = s.customer_id
             order by s.subscription_id";
        each_row(conn, subscriptions, |row| {
            of(&mut users, row)?.subscriptions.push(subscription_facts(row, &row.text("id")?)?);
            Ok(())
        })
        .await?;
        let entitlements = "select e.livemode, m.user_id, e.customer_id as id, e.lookup_keys as state
             from customer_entitlement e
             join mapping m on m.livemode = e.livemode and m.customer_id = e.customer_id
             order by e.customer_id";
        each_row(conn, entitlements, |row| {
            of(&mut users, row)?.entitlements.push(entitlement_facts(row, row.text("id")?)?);
            Ok(())
        })
        .await?;
        for (key, gathered) in purchases::everybodys(conn).await? {
            gathered.add_to(users.entry(key).or_default());
        }
        let mut changes = Changes::default();
        for livemode in Livemode::ALL {
            changes.catalogs.insert(livemode, Arc::new(catalog(conn, livemode).await?));
        }
        for livemode in Livemode::ALL {
            let gone = self.index.users_where(livemode, |_| true).into_iter().map(|(user_id, _)| (livemode, user_id));
            changes.users.extend(gone.filter(|key| !users.contains_key(key)).map(|key| (key, None)));
        }
        for (key, mut facts) in users {
            facts.known = true;
            facts.shrink_to_fit();
            changes.users.insert(key, Some(Arc::new(facts)));
        }
        self.index.publish(changes);
        self.seen_change.store(seen.unwrap_or(0), Ordering::SeqCst);
        Ok(())
    }

    /// Follows what other processes committed: their changes stand in `access_change`.
    pub(super) async fn follow_changes(&self) -> Result<()> {
        let began = Instant::now();
        let newest: Option<i64> =
            sqlx::query_scalar("select max(seq) from access_change").fetch_one(&self.read).await?;
        if newest.unwrap_or(0) > self.seen_change.load(Ordering::SeqCst) {
            // The writer is held so that nothing of this process is published between reading the facts and publishing them.
            let mut conn = self.write.acquire().await?;
            self.follow(&mut conn).await?;
        }
        self.index.is_in_step(began);
        Ok(())
    }

    /// The same with the writer in hand.
    pub(super) async fn follow(&self, conn: &mut Conn) -> Result<()> {
        let seen = self.seen_change.load(Ordering::SeqCst);
        let rows = sqlx::query("select seq, livemode, user_id, true_at from access_change where seq > $1 order by seq")
            .bind(seen)
            .fetch_all(&mut *conn)
            .await?;
        let Some(newest) = rows.last() else { return Ok(()) };
        let last = newest.int("seq")?;
        let mut changes = Changes::default();
        for row in &rows {
            let livemode = row.livemode()?;
            if let Some(user_id) = row.opt_text("user_id")? {
                if let Entry::Vacant(user) = changes.users.entry((livemode, user_id)) {
                    let facts = user_facts(conn, livemode, &user.key().1).await?.map(Arc::new);
                    user.insert(facts);
                }
            } else if row.opt_time("true_at")?.is_none() {
                // Somebody goes by another name now, and is not named.
                return self.fill_index(conn).await;
            } else {
                changes.catalogs.insert(livemode, Arc::new(catalog(conn, livemode).await?));
            }
        }
        self.index.publish(changes);
        self.seen_change.store(last, Ordering::SeqCst);
        Ok(())
    }
}
