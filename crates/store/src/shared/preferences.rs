//! The choices of each member of staff, and the filters they keep.

use async_trait::async_trait;
use domain::Timestamp;
use domain::preference::{Density, Theme, Times};

use super::Backend;
use super::rows::{Columns as _, word};
use crate::records::{MOST_FILTERS, Preference, SavedFilter};
use crate::{Preferences, Result};

#[async_trait]
impl Preferences for Backend {
    async fn preference(&self, staff_id: &str) -> Result<Preference> {
        let row = sqlx::query("select theme, density, time_zone, times, shortcuts from preference where staff_id = $1")
            .bind(staff_id)
            .fetch_optional(&self.read)
            .await?;
        let Some(row) = row else { return Ok(Preference::default()) };
        Ok(Preference {
            theme: word("preference", "theme", staff_id, &row.text("theme")?, Theme::parse)?,
            density: word("preference", "density", staff_id, &row.text("density")?, Density::parse)?,
            time_zone: row.text("time_zone")?,
            times: word("preference", "times", staff_id, &row.text("times")?, Times::parse)?,
            shortcuts: row.flag("shortcuts")?,
        })
    }

    async fn put_preference(&self, staff_id: &str, preference: &Preference) -> Result<()> {
        let mut write = self.begin().await?;
        sqlx::query(
            "insert into preference (staff_id, theme, density, time_zone, times, shortcuts) values ($1, $2, $3, $4, $5, $6)
             on conflict (staff_id) do update
             set theme = excluded.theme, density = excluded.density, time_zone = excluded.time_zone, times = excluded.times,
                 shortcuts = excluded.shortcuts",
        )
        .bind(staff_id)
        .bind(preference.theme.as_str())
        .bind(preference.density.as_str())
        .bind(&preference.time_zone)
        .bind(preference.times.as_str())
        .bind(preference.shortcuts)
        .execute(write.conn())
        .await?;
        // Nobody's access changes by it, so there is no moment to note.
        write.commit(Timestamp::default()).await
    }

    async fn saved_filters(&self, staff_id: &str, path: &str) -> Result<Vec<SavedFilter>> {
        let rows = sqlx::query(
            "select saved_filter_id, path, name, query from saved_filter where staff_id = $1 and path = $2 order by name",
        )
        .bind(staff_id)
        .bind(path)
        .fetch_all(&self.read)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(SavedFilter {
                    saved_filter_id: row.text("saved_filter_id")?,
                    path: row.text("path")?,
                    name: row.text("name")?,
                    query: row.text("query")?,
                })
            })
            .collect()
    }

    async fn save_filter(&self, staff_id: &str, filter: &SavedFilter) -> Result<bool> {
        let mut write = self.begin().await?;
        let others: i64 =
            sqlx::query_scalar("select count(*) from saved_filter where staff_id = $1 and path = $2 and name <> $3")
                .bind(staff_id)
                .bind(&filter.path)
                .bind(&filter.name)
                .fetch_one(write.conn())
                .await?;
        if others >= MOST_FILTERS {
            return Ok(false);
        }
        sqlx::query(
            "insert into saved_filter (saved_filter_id, staff_id, path, name, query) values ($1, $2, $3, $4, $5)
             on conflict (staff_id, path, name) do update set query = excluded.query",
        )
        .bind(&filter.saved_filter_id)
        .bind(staff_id)
        .bind(&filter.path)
        .bind(&filter.name)
        .bind(&filter.query)
        .execute(write.conn())
        .await?;
        write.commit(Timestamp::default()).await?;
        Ok(true)
    }

    async fn forget_filter(&self, staff_id: &str, saved_filter_id: &str) -> Result<bool> {
        let mut write = self.begin().await?;
        let gone = sqlx::query("delete from saved_filter where saved_filter_id = $1 and staff_id = $2")
            .bind(saved_filter_id)
            .bind(staff_id)
            .execute(write.conn())
            .await?;
        write.commit(Timestamp::default()).await?;
        Ok(gone.rows_affected() > 0)
    }
}
