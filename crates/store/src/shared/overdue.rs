//! Subscriptions whose paid period has passed without a word: that is not yet the end. Access goes on for the leeway, and Stripe is asked.

use domain::Timestamp;
use domain::stripe::{Subscription, SubscriptionStatus};

use super::Backend;
use super::rows::Columns as _;
use crate::Result;

/// How long after the end of a period its renewal may take to be told: Stripe finalises the invoice about an hour after it made it
/// (docs.stripe.com/billing/subscriptions/webhooks).
const PATIENCE_MS: i64 = 3_600_000;
/// How long what Stripe said after the end is believed before it is asked again.
const BELIEVED_MS: i64 = 86_400_000;

/// When Stripe is to be asked about a subscription as `known_at` knew it, if nothing newer comes; never for one that is not running.
pub(super) fn check_at(subscription: &Subscription, known_at: Timestamp) -> Option<Timestamp> {
    let is_running = matches!(
        subscription.status,
        SubscriptionStatus::Active | SubscriptionStatus::Trialing | SubscriptionStatus::PastDue
    );
    // Items renew each at their own time: the first that should have.
    let ends = subscription.items.iter().filter_map(|item| item.current_period_end);
    let end = ends.min().filter(|_| is_running)?;
    Some(end.plus_millis(PATIENCE_MS).max(if known_at < end { end } else { known_at.plus_millis(BELIEVED_MS) }))
}

impl Backend {
    pub(super) async fn mark_overdue(&self, now: Timestamp, limit: i64) -> Result<usize> {
        let mut marked = 0;
        for livemode in &self.options.readable {
            let due = "select subscription_id, customer_id from subscription
                       where livemode = $1 and check_at is not null and check_at <= $2 order by check_at limit $3";
            let ask = || sqlx::query(due).bind(livemode.is_live()).bind(now.millis()).bind(limit);
            // The writer is not taken to learn that there is nothing to do.
            if ask().fetch_all(&self.read).await?.is_empty() {
                continue;
            }
            let mut write = self.begin().await?;
            for row in &ask().fetch_all(write.conn()).await? {
                sqlx::query("update subscription set check_at = null where livemode = $1 and subscription_id = $2")
                    .bind(livemode.is_live())
                    .bind(row.text("subscription_id")?)
                    .execute(write.conn())
                    .await?;
                write.mark_dirty(*livemode, &row.text("customer_id")?, now, false).await?;
                marked += 1;
            }
            write.commit(now).await?;
        }
        Ok(marked)
    }
}
