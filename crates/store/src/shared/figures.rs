//! What the overview draws. The event table is large and its rows are long, so figures come from indexes alone; only lags are read from
//! rows, and of few.

use async_trait::async_trait;
use domain::event::EventStatus;
use domain::{Livemode, Timestamp};
use sqlx::QueryBuilder;

use super::Backend;
use super::rows::{Columns as _, word};
use crate::records::EventHour;
use crate::{Figures, Result};

const HOUR: i64 = 3_600_000;
/// Events of an hour whose lag is read, about.
const SAMPLE: i64 = 100;

impl Backend {
    /// The first receipt number at or after each of these times. Receipt numbers grow with time, so they cut the hours for every index
    /// that ends with them.
    async fn numbers_at(&self, livemode: Livemode, times: &[Timestamp]) -> Result<Vec<i64>> {
        let newest: Option<i64> = sqlx::query_scalar("select max(seq) from event").fetch_one(&self.read).await?;
        let end = newest.unwrap_or(0) + 1;
        let mut query = QueryBuilder::new("");
        for (number, time) in times.iter().enumerate() {
            query.push(if number == 0 { "select * from (select " } else { " union all select * from (select " });
            query.push_bind(i64::try_from(number).unwrap_or(0)).push(" as number, seq from event where livemode = ");
            query.push_bind(livemode.is_live()).push(" and received_at >= ").push_bind(time.millis());
            query.push(format!(" order by received_at, seq limit 1) as cut{number}"));
        }
        let mut cuts = vec![end; times.len()];
        for row in &query.build().fetch_all(&self.read).await? {
            if let Some(cut) = usize::try_from(row.int("number")?).ok().and_then(|number| cuts.get_mut(number)) {
                *cut = row.int("seq")?;
            }
        }
        // Two deliveries of one moment may have been numbered the other way round.
        for number in (1..cuts.len()).rev() {
            cuts[number - 1] = cuts[number - 1].min(cuts[number]);
        }
        Ok(cuts)
    }

    /// Reads the lags of some events of each hour.
    async fn lags(&self, livemode: Livemode, cuts: &[i64], hours: &mut [EventHour]) -> Result<()> {
        // SQLite joins in the order that is written: from the chosen events to their rows.
        let mut query = QueryBuilder::new("select chosen.number, e.processed_at - e.received_at as lag from (");
        let mut is_first = true;
        for (number, hour) in hours.iter().enumerate() {
            let processed = hour.count(&[EventStatus::Processed]);
            if processed == 0 {
                continue;
            }
            query.push(if is_first { "select * from (select " } else { " union all select * from (select " });
            is_first = false;
            query.push_bind(i64::try_from(number).unwrap_or(0)).push(" as number, seq from event where livemode = ");
            query.push_bind(livemode.is_live()).push(" and status = 'processed' and seq >= ").push_bind(cuts[number]);
            query.push(" and seq < ").push_bind(cuts[number + 1]);
            query.push(" and seq % ").push_bind((processed / SAMPLE).max(1));
            query.push(format!(" = 0 limit 200) as few{number}"));
        }
        if is_first {
            return Ok(());
        }
        query.push(") as chosen cross join event e where e.seq = chosen.seq and e.attempts = 1 and e.processed_at is not null order by 2");
        for row in &query.build().fetch_all(&self.read).await? {
            let (number, lag) = (row.int("number")?, row.int("lag")?);
            if let Some(hour) = usize::try_from(number).ok().and_then(|number| hours.get_mut(number)) {
                hour.lags.push(lag);
            }
        }
        Ok(())
    }

    async fn counts(&self, livemode: Livemode, cuts: &[i64], hours: &mut [EventHour]) -> Result<()> {
        let statuses = EventStatus::ALL.map(|status| format!("'{}'", status.as_str())).join(", ");
        let mut query = QueryBuilder::new("");
        for number in 0..hours.len() {
            query.push(if number == 0 { "select " } else { " union all select " });
            query.push_bind(i64::try_from(number).unwrap_or(0));
            query.push(" as number, status, count(*) as events from event where livemode = ");
            query.push_bind(livemode.is_live()).push(format!(" and status in ({statuses}) and seq >= "));
            query.push_bind(cuts[number]).push(" and seq < ").push_bind(cuts[number + 1]).push(" group by status");
        }
        for row in &query.build().fetch_all(&self.read).await? {
            let status = word("event", "status", "", &row.text("status")?, EventStatus::parse)?;
            if let Some(hour) = usize::try_from(row.int("number")?).ok().and_then(|number| hours.get_mut(number)) {
                hour.counts.push((status, row.int("events")?));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Figures for Backend {
    async fn events_by_hour(&self, livemode: Livemode, until: Timestamp, hours: usize) -> Result<Vec<EventHour>> {
        let span = i64::try_from(hours).unwrap_or(0);
        let times: Vec<Timestamp> = (0..=span).map(|number| until.plus_millis((number - span) * HOUR)).collect();
        let cuts = self.numbers_at(livemode, &times).await?;
        let mut found: Vec<EventHour> =
            times[..hours].iter().map(|from| EventHour { from: *from, counts: vec![], lags: vec![] }).collect();
        if hours > 0 {
            self.counts(livemode, &cuts, &mut found).await?;
            self.lags(livemode, &cuts, &mut found).await?;
        }
        Ok(found)
    }

    async fn rejected_since(&self, since: Timestamp) -> Result<i64> {
        // No more than 1,000 are kept.
        let sql =
            "select count(*) from rejected_delivery where received_at >= $1 and failed_check = 'signature_mismatch'";
        Ok(sqlx::query_scalar(sql).bind(since.millis()).fetch_one(&self.read).await?)
    }
}
