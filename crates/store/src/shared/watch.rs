//! What has come since one last looked.

use async_trait::async_trait;

use super::Backend;
use super::rows::Columns as _;
use crate::records::News;
use crate::{Following, MOST_NEWS, Result};

#[async_trait]
impl Following for Backend {
    async fn next_change(&self) {
        self.news.next().await;
    }

    async fn newest_event(&self) -> Result<i64> {
        let newest: Option<i64> = sqlx::query_scalar("select max(seq) from event").fetch_one(&self.read).await?;
        Ok(newest.unwrap_or_default())
    }

    async fn news(&self, after: i64) -> Result<Vec<News>> {
        let rows = sqlx::query(
            "select livemode, count(*) as events, max(seq) as newest, max(received_at) as received_at
             from (select livemode, seq, received_at from event where seq > $1 order by seq limit $2) as latest
             group by livemode",
        )
        .bind(after)
        .bind(MOST_NEWS)
        .fetch_all(&self.read)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(News {
                    livemode: row.livemode()?,
                    events: row.int("events")?,
                    newest: row.int("newest")?,
                    received_at: row.time("received_at")?,
                })
            })
            .collect()
    }
}
