//! The programs that share a database.

use async_trait::async_trait;

use super::Backend;
use super::dialect::{CLOCK, IS_SHARED};
use super::rows::Columns as _;
use crate::{Instance, Instances, Result};

/// Who was not seen for so long is gone, in milliseconds.
const GONE_AFTER: i64 = 15_000;

#[async_trait]
impl Instances for Backend {
    async fn here(&self, instance: &Instance) -> Result<Vec<Instance>> {
        if !IS_SHARED {
            return Ok(vec![instance.clone()]);
        }
        let sql = format!(
            "insert into instance (instance_id, name, version, started_at, seen_at) values ($1, $2, $3, $4, {CLOCK})
             on conflict (instance_id) do update set seen_at = excluded.seen_at"
        );
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(&instance.instance_id)
            .bind(&instance.name)
            .bind(&instance.version)
            .bind(instance.started_at.millis())
            .execute(&self.intake)
            .await?;
        let sql = format!("delete from instance where seen_at < {CLOCK} - $1");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(GONE_AFTER).execute(&self.intake).await?;
        let rows =
            sqlx::query("select instance_id, name, version, started_at from instance order by started_at, instance_id")
                .fetch_all(&self.read)
                .await?;
        rows.iter()
            .map(|row| {
                Ok(Instance {
                    instance_id: row.text("instance_id")?,
                    name: row.text("name")?,
                    version: row.text("version")?,
                    started_at: row.time("started_at")?,
                })
            })
            .collect()
    }

    async fn leave(&self, instance_id: &str) -> Result<()> {
        if IS_SHARED {
            sqlx::query("delete from instance where instance_id = $1").bind(instance_id).execute(&self.intake).await?;
        }
        Ok(())
    }
}
