//! Reads from Stripe: who may make one, and how its answer is taken in.

use domain::evidence::{MARGIN_MS, retry_delay_ms};
use domain::mapping::{Claim, MappingSource};
use domain::stripe::checkout_session::is_guest;
use domain::stripe::{CheckoutSession, Customer, EntitlementSummary, Subscription, SubscriptionStatus};
use domain::{Livemode, Timestamp};
use serde_json::json;

use super::Backend;
use super::audit::audit;
use super::dialect::SKIP_LOCKED;
use super::entitlements::listed;
use super::objects;
use super::processing::session_claims;
use super::rows::{Columns as _, json as read_json};
use super::write::{Attempt, Cause, Write};
use crate::records::{Author, Effects, ReadClaim, Snapshot, SyncReport};
use crate::{Error, Result};

/// How long a read may take before somebody else may try.
const LEASE_MS: i64 = 60_000;
/// A customer whose reads keep failing is still tried this often.
const SLOWEST_READ_MS: i64 = 3_600_000;

impl Write<'_> {
    /// Marks a customer: what we have of it has to be confirmed by a read that begins after `now`.
    ///
    /// Where reads have been failing, only an `urgent` mark, a person's, goes before the next planned try. Where one is under way, its end
    /// or the end of its lease decides when the next begins.
    pub(super) async fn mark_dirty(
        &mut self,
        livemode: Livemode,
        customer_id: &str,
        now: Timestamp,
        urgent: bool,
    ) -> Result<()> {
        sqlx::query(
            "insert into customer (livemode, customer_id, deleted, first_seen_at, read_attempts, dirty_at, next_read_at, is_mapped)
             values ($1, $2, false, $3, 0, $3, $3, exists (select 1 from mapping m where m.livemode = $1 and m.customer_id = $2))
             on conflict (livemode, customer_id) do update
                set dirty_at = excluded.dirty_at,
                    next_read_at = case
                        when customer.lease_until > $3 then customer.lease_until
                        when not $4 and customer.read_attempts > 0 and customer.next_read_at is not null then customer.next_read_at
                        else excluded.next_read_at end",
        )
        .bind(livemode.is_live())
        .bind(customer_id)
        .bind(now.millis())
        .bind(urgent)
        .execute(self.conn())
        .await?;
        Ok(())
    }
}

impl Backend {
    /// The earliest instant a statement finds among the modes that can be read; the mode is its one parameter.
    pub(super) async fn soonest(&self, sql: &'static str) -> Result<Option<Timestamp>> {
        let mut soonest: Option<i64> = None;
        for livemode in &self.options.readable {
            let at: Option<i64> = sqlx::query_scalar(sql).bind(livemode.is_live()).fetch_one(&self.read).await?;
            soonest = [soonest, at].into_iter().flatten().min();
        }
        Ok(soonest.map(Timestamp::from_millis))
    }

    /// When the next read of a customer is due, in the modes that can be read.
    pub(super) async fn next_read(&self) -> Result<Option<Timestamp>> {
        self.soonest("select min(next_read_at) from customer where livemode = $1 and dirty_at is not null").await
    }

    pub(super) async fn lease_due(&self, owner: &str, now: Timestamp, limit: i64) -> Result<Vec<ReadClaim>> {
        // The writer is not taken to learn that there is nothing to do.
        if self.next_read().await?.is_none_or(|due| due > now) {
            return Ok(vec![]);
        }
        let mut write = self.begin().await?;
        let mut claims = vec![];
        for livemode in &self.options.readable {
            let sql = format!(
                "select customer_id, dirty_at from customer
                 where livemode = $1 and dirty_at is not null and next_read_at <= $2 and (lease_until is null or lease_until <= $2)
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
                let claim = ReadClaim {
                    livemode: *livemode,
                    customer_id: row.text("customer_id")?,
                    dirty_at: row.time("dirty_at")?,
                    owner: owner.to_owned(),
                };
                write.lease(&claim, now).await?;
                claims.push(claim);
            }
        }
        write.commit(now).await?;
        Ok(claims)
    }

    pub(super) async fn lease_one(
        &self,
        livemode: Livemode,
        customer_id: &str,
        owner: &str,
        now: Timestamp,
    ) -> Result<Option<ReadClaim>> {
        let mut write = self.begin().await?;
        write.mark_dirty(livemode, customer_id, now, true).await?;
        let free: Option<i64> = sqlx::query_scalar(
            "select dirty_at from customer where livemode = $1 and customer_id = $2 and (lease_until is null or lease_until <= $3)",
        )
        .bind(livemode.is_live())
        .bind(customer_id)
        .bind(now.millis())
        .fetch_optional(write.conn())
        .await?;
        let Some(dirty_at) = free else {
            // The mark stays: whoever has the lease reads again.
            write.commit(now).await?;
            return Ok(None);
        };
        let claim = ReadClaim {
            livemode,
            customer_id: customer_id.to_owned(),
            dirty_at: Timestamp::from_millis(dirty_at),
            owner: owner.to_owned(),
        };
        write.lease(&claim, now).await?;
        write.commit(now).await?;
        Ok(Some(claim))
    }

    /// Leases a customer without marking it: nothing new is known of it that a read would have to confirm.
    pub(super) async fn lease_unmarked(
        &self,
        livemode: Livemode,
        customer_id: &str,
        owner: &str,
        now: Timestamp,
    ) -> Result<Option<ReadClaim>> {
        let mut write = self.begin().await?;
        let leased = sqlx::query(
            "insert into customer (livemode, customer_id, deleted, first_seen_at, read_attempts, lease_owner, lease_until, is_mapped)
             values ($1, $2, false, $3, 0, $4, $5, exists (select 1 from mapping m where m.livemode = $1 and m.customer_id = $2))
             on conflict (livemode, customer_id) do update
                set lease_owner = excluded.lease_owner, lease_until = excluded.lease_until,
                    next_read_at = case when customer.dirty_at is null then customer.next_read_at else excluded.lease_until end
                where customer.lease_until is null or customer.lease_until <= $3",
        )
        .bind(livemode.is_live())
        .bind(customer_id)
        .bind(now.millis())
        .bind(owner)
        .bind(now.plus_millis(LEASE_MS).millis())
        .execute(write.conn())
        .await?;
        write.commit(now).await?;
        let claim = ReadClaim { livemode, customer_id: customer_id.to_owned(), dirty_at: now, owner: owner.to_owned() };
        Ok((leased.rows_affected() > 0).then_some(claim))
    }

    pub(super) async fn note_failed_read(&self, claim: &ReadClaim, error: &str, now: Timestamp) -> Result<()> {
        let mut write = self.begin().await?;
        let attempts: Option<i64> = sqlx::query_scalar(
            "update customer set read_attempts = read_attempts + 1, read_error = $4, lease_owner = null, lease_until = null
             where livemode = $1 and customer_id = $2 and lease_owner = $3
             returning read_attempts",
        )
        .bind(claim.livemode.is_live())
        .bind(&claim.customer_id)
        .bind(&claim.owner)
        .bind(error)
        .fetch_optional(write.conn())
        .await?;
        let Some(attempts) = attempts else { return Ok(()) };
        let delay =
            retry_delay_ms(attempts, &claim.customer_id).map_or(SLOWEST_READ_MS, |delay| delay.min(SLOWEST_READ_MS));
        sqlx::query("update customer set next_read_at = $3 where livemode = $1 and customer_id = $2")
            .bind(claim.livemode.is_live())
            .bind(&claim.customer_id)
            .bind(now.plus_millis(delay).millis())
            .execute(write.conn())
            .await?;
        for (event_id, attempts) in write.waiting_events(claim).await? {
            write.fail_event(claim.livemode, &event_id, ("read", None), attempts + 1, now, error).await?;
            // The customer's next read settles it, not the processor.
            sqlx::query("update event set waits_for_read = true where livemode = $1 and event_id = $2")
                .bind(claim.livemode.is_live())
                .bind(&event_id)
                .execute(write.conn())
                .await?;
        }
        write.commit(now).await
    }

    pub(super) async fn take_snapshot(
        &self,
        claim: &ReadClaim,
        snapshot: &Snapshot,
        started_at: Timestamp,
        author: &Author,
    ) -> Result<SyncReport> {
        let now = author.now;
        let mut write = self.begin().await?;
        let owner: Option<String> = sqlx::query_scalar(
            "select lease_owner from customer where livemode = $1 and customer_id = $2 and lease_owner is not null",
        )
        .bind(claim.livemode.is_live())
        .bind(&claim.customer_id)
        .fetch_optional(write.conn())
        .await?;
        if owner.as_deref() != Some(claim.owner.as_str()) {
            let customer_id = claim.customer_id.clone();
            return Ok(SyncReport { customer_id, lease_lost: true, ..SyncReport::default() });
        }
        let mut report = write.make_agree(claim, snapshot, started_at, now).await?;
        if author.actor != "system" {
            write.read_products_of(claim.livemode, &claim.customer_id, started_at, now).await?;
        }
        let dirty_at: Option<i64> = sqlx::query_scalar(
            "select dirty_at from customer where livemode = $1 and customer_id = $2 and dirty_at is not null",
        )
        .bind(claim.livemode.is_live())
        .bind(&claim.customer_id)
        .fetch_optional(write.conn())
        .await?;
        let marked_since = dirty_at.is_some_and(|dirty_at| dirty_at > started_at.millis());
        if !marked_since {
            // An event that came since waits for the read that its mark asks for.
            write.settle_waiting(claim, &report.effects, now).await?;
        }
        let undecided = report.marked_again;
        report.marked_again |= marked_since;
        // News inside of the margin are decided by a read that begins outside of it.
        let next = report.marked_again.then(|| if undecided { now.plus_millis(MARGIN_MS + 1) } else { now });
        sqlx::query(
            "update customer
             set dirty_at = $3, next_read_at = $4, read_attempts = 0, read_error = null, lease_owner = null, lease_until = null,
                 synced_at = case when synced_at > $5 then synced_at else $5 end
             where livemode = $1 and customer_id = $2",
        )
        .bind(claim.livemode.is_live())
        .bind(&claim.customer_id)
        .bind(next.map(|_| now.millis()))
        .bind(next.map(Timestamp::millis))
        .bind(started_at.millis())
        .execute(write.conn())
        .await?;
        if author.actor != "system" {
            let details = json!({"effects": report.effects});
            audit(
                write.conn(),
                author,
                "customer.resync",
                Some(claim.livemode),
                ("customer", &claim.customer_id),
                &details,
            )
            .await?;
        }
        write.commit(now).await?;
        Ok(report)
    }
}

impl Write<'_> {
    async fn lease(&mut self, claim: &ReadClaim, now: Timestamp) -> Result<()> {
        // The next read is due when the lease ends, unless this one says otherwise.
        sqlx::query(
            "update customer set lease_owner = $3, lease_until = $4, next_read_at = case when dirty_at is null then next_read_at else $4 end
             where livemode = $1 and customer_id = $2",
        )
            .bind(claim.livemode.is_live())
            .bind(&claim.customer_id)
            .bind(&claim.owner)
            .bind(now.plus_millis(LEASE_MS).millis())
            .execute(self.conn())
            .await?;
        Ok(())
    }

    /// Events that are right only after a read of this customer, with their attempts so far.
    async fn waiting_events(&mut self, claim: &ReadClaim) -> Result<Vec<(String, i64)>> {
        let rows = sqlx::query(
            "select event_id, attempts from event where livemode = $1 and customer_id = $2 and waits_for_read and status in ('processing', 'failed', 'dead')",
        )
        .bind(claim.livemode.is_live())
        .bind(&claim.customer_id)
        .fetch_all(self.conn())
        .await?;
        rows.iter().map(|row| Ok((row.text("event_id")?, row.int("attempts")?))).collect()
    }

    async fn settle_waiting(&mut self, claim: &ReadClaim, effects: &Effects, now: Timestamp) -> Result<()> {
        let status = self.settled_status(claim.livemode, Some(&claim.customer_id)).await?;
        for (event_id, _) in self.waiting_events(claim).await? {
            sqlx::query(
                "update event
                 set status = $3, waits_for_read = false, error = null, next_attempt_at = null, processed_at = $4, attempts = attempts + 1,
                     effects = coalesce(effects, $5),
                     note = case when note is null then cast($6 as text) else note || ' ' || cast($6 as text) end
                 where livemode = $1 and event_id = $2",
            )
            .bind(claim.livemode.is_live())
            .bind(&event_id)
            .bind(status.as_str())
            .bind(now.millis())
            .bind((!effects.is_empty()).then(|| super::rows::to_json(effects)))
            .bind("Settled by a read from Stripe.")
            .execute(self.conn())
            .await?;
            self.attempt(Attempt {
                livemode: claim.livemode,
                event_id,
                cause: "read",
                actor: None,
                outcome: status,
                error: None,
            });
        }
        Ok(())
    }

    /// Takes an answer in, and what it means for its users. `marked_again` says that some of it has to be read once more.
    pub(super) async fn make_agree(
        &mut self,
        claim: &ReadClaim,
        snapshot: &Snapshot,
        started_at: Timestamp,
        now: Timestamp,
    ) -> Result<SyncReport> {
        let mut report = SyncReport { customer_id: claim.customer_id.clone(), ..SyncReport::default() };
        let redacted;
        let snapshot = if self.is_erased(claim.livemode, &claim.customer_id).await? {
            redacted = snapshot.redacted();
            &redacted
        } else {
            snapshot
        };
        let before = self.mapped_user(claim.livemode, &claim.customer_id).await?;
        report.marked_again = self.take_in_snapshot(claim, snapshot, started_at, now, &mut report.effects).await?;
        self.hear_types(claim, snapshot, now, &mut report.effects).await?;
        let after = self.mapped_user(claim.livemode, &claim.customer_id).await?;
        for user in before.iter().filter(|user| Some(*user) != after.as_ref()).chain(&after) {
            let cause = Cause::new("read", &claim.customer_id, started_at);
            report.effects.verdicts.extend(self.touch_user(claim.livemode, user, cause, now).await?);
        }
        Ok(report)
    }

    /// Takes every object of the answer in; tells whether some of it has to be read once more.
    async fn take_in_snapshot(
        &mut self,
        claim: &ReadClaim,
        snapshot: &Snapshot,
        started_at: Timestamp,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<bool> {
        let evidence = self.backend.read_evidence(claim.livemode, started_at);
        let keys = self.backend.options.metadata_keys.clone();
        let unreadable = |what: &str, error: &domain::stripe::json::Missing| Error::Inconsistent {
            table: "stripe",
            column: "answer",
            id: claim.customer_id.clone(),
            message: format!("{what}.{error}"),
        };
        let mut claims = vec![];
        let mut undecided = false;
        let guest = is_guest(&claim.customer_id);
        let customer = match &snapshot.customer {
            Some(object) => Customer::read(object, &keys).map_err(|error| unreadable("customer", &error))?,
            None => {
                Customer { id: claim.customer_id.clone(), email: None, name: None, deleted: true, claimed_user: None }
            }
        };
        if let Some(user_id) = customer.claimed_user.clone() {
            claims.push(Claim { customer_id: customer.id.clone(), user_id, source: MappingSource::CustomerMetadata });
        }
        if !guest {
            undecided |= objects::apply_customer(self.conn(), &evidence, &customer, effects).await?.needs_read;
        }
        let mut answered = vec![];
        for object in &snapshot.subscriptions {
            let subscription = Subscription::read(object, &keys).map_err(|error| unreadable("subscription", &error))?;
            answered.push(subscription.id.clone());
            if let Some(user_id) = subscription.claimed_user.clone() {
                claims.push(Claim {
                    customer_id: claim.customer_id.clone(),
                    user_id,
                    source: MappingSource::SubscriptionMetadata,
                });
            }
            self.note_prices(&evidence, object, now, effects).await?;
            undecided |=
                objects::apply_subscription(self.conn(), &evidence, subscription, &keys, effects).await?.needs_read;
        }
        if customer.deleted && !guest {
            // Deleting a customer cancels at once what it had, whether or not Stripe still lists it.
            for mut subscription in self.other_subscriptions(claim, &answered).await? {
                subscription.status = SubscriptionStatus::Canceled;
                subscription.ended_at = subscription.ended_at.or(Some(started_at));
                objects::apply_subscription(self.conn(), &evidence, subscription, &keys, effects).await?;
            }
        }
        for object in &snapshot.checkout_sessions {
            let session =
                CheckoutSession::read(object, &keys).map_err(|error| unreadable("checkout_session", &error))?;
            self.note_prices(&evidence, &json!({"items": object.get("line_items")}), now, effects).await?;
            claims.extend(session_claims(&session));
            undecided |= objects::apply_checkout_session(self.conn(), &evidence, session, effects).await?.needs_read;
        }
        if customer.deleted {
            self.drop_entitlements(claim.livemode, &claim.customer_id).await?;
        } else if let Some(entitlements) = &snapshot.entitlements {
            let lookup_keys = listed(entitlements).map_err(|error| unreadable("active_entitlement", &error))?;
            let summary = EntitlementSummary { customer_id: claim.customer_id.clone(), lookup_keys, truncated: false };
            undecided |= self.take_entitlements(&evidence, summary, now, effects).await?.needs_read;
        }
        undecided |= self.take_in_payments(&evidence, snapshot, effects, unreadable).await?;
        for found in claims {
            self.claim(claim.livemode, &found, &format!("read:{}", claim.customer_id), now, effects).await?;
        }
        Ok(undecided)
    }

    /// The customer's stored subscriptions that the answer does not have and that have not ended.
    async fn other_subscriptions(&mut self, claim: &ReadClaim, answered: &[String]) -> Result<Vec<Subscription>> {
        let rows =
            sqlx::query("select subscription_id, state from subscription where livemode = $1 and customer_id = $2")
                .bind(claim.livemode.is_live())
                .bind(&claim.customer_id)
                .fetch_all(self.conn())
                .await?;
        let mut others = vec![];
        for row in &rows {
            let id = row.text("subscription_id")?;
            let subscription: Subscription = read_json("subscription", "state", &id, &row.text("state")?)?;
            if !answered.contains(&id) && !subscription.status.is_terminal() {
                others.push(subscription);
            }
        }
        Ok(others)
    }
}
