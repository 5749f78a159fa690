//! Mappings and conflicts in lists: pages both ways, searches by how something begins, and counts that end at a cap.

use domain::Livemode;
use sqlx::QueryBuilder;

use super::customer_lists::{FOUND, push_begins};
use super::mappings::{CONFLICT, conflict, mapping};
use super::paging::{Order, count, push_counted, push_place};
use super::rows::Columns as _;
use super::{Backend, Db};
use crate::Result;
use crate::records::{ConflictRecord, MappingRow, Page, Place};

/// Adds the ids of the customers of whose mapping something begins with a text: the customer's id, its user's, what Stripe calls it, or the
/// user's e-mail address in the application.
fn push_found(query: &mut QueryBuilder<Db>, livemode: Livemode, text: &str) {
    let searched = [("mapping", "user_id"), ("mapping", "customer_id"), ("customer", "email"), ("customer", "name")];
    for (table, column) in searched {
        query.push(format!("select customer_id from (select customer_id from {table} where livemode = "));
        query.push_bind(livemode.is_live()).push(" and ");
        push_begins(query, column, text);
        query.push(format!(" limit {FOUND}) as by_{table}_{column} union "));
    }
    query.push("select o.customer_id from (select user_id from app_user where livemode = ");
    query.push_bind(livemode.is_live()).push(" and ");
    push_begins(query, "email", text);
    query.push(format!(" limit {FOUND}) as by_app_user cross join mapping o where o.user_id = by_app_user.user_id"));
    query.push(" and o.livemode = ").push_bind(livemode.is_live());
}

/// Adds which mappings are meant: all, or those that a search finds.
fn push_mappings(query: &mut QueryBuilder<Db>, livemode: Livemode, text: Option<&str>) {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        None => {
            query.push(" from mapping m where m.livemode = ");
        }
        Some(text) => {
            query.push(" from (");
            push_found(query, livemode, text);
            // As it is written: SQLite would rather walk every mapping and ask whether it was found.
            query.push(") as found cross join mapping m where m.customer_id = found.customer_id and m.livemode = ");
        }
    }
    query.push_bind(livemode.is_live());
}

impl Backend {
    pub(super) async fn mapping_rows(
        &self,
        livemode: Livemode,
        text: Option<&str>,
        place: &Place,
    ) -> Result<Page<MappingRow>> {
        let mut query = QueryBuilder::<Db>::new(
            "select m.customer_id, m.user_id, m.source, m.evidence, m.since,
                (select coalesce(c.name, c.email) from customer c where c.livemode = m.livemode and c.customer_id = m.customer_id) as name,
                exists (select 1 from mapping_conflict f
                        where f.livemode = m.livemode and f.customer_id = m.customer_id and f.resolved_at is null) as in_conflict",
        );
        push_mappings(&mut query, livemode, text);
        push_place(&mut query, ("m.since", "m.customer_id"), Order::Falling, place);
        let rows = query.build().fetch_all(&self.read).await?;
        let rows = rows.iter().map(|row| {
            Ok(MappingRow {
                name: row.opt_text("name")?,
                in_conflict: row.flag("in_conflict")?,
                mapping: mapping(row)?,
            })
        });
        Ok(place.page(rows.collect::<Result<_>>()?))
    }

    pub(super) async fn mapping_count(&self, livemode: Livemode, text: Option<&str>) -> Result<i64> {
        let mut query = count();
        push_mappings(&mut query, livemode, text);
        push_counted(&mut query);
        Ok(query.build_query_scalar().fetch_one(&self.read).await?)
    }

    /// Open conflicts, the oldest first: who has waited longest.
    pub(super) async fn conflict_rows(&self, livemode: Livemode, place: &Place) -> Result<Page<ConflictRecord>> {
        let mut query = QueryBuilder::<Db>::new(format!(
            "select {CONFLICT} from mapping_conflict where resolved_at is null and livemode = "
        ));
        query.push_bind(livemode.is_live());
        push_place(&mut query, ("since", "conflict_id"), Order::Rising, place);
        let rows = query.build().fetch_all(&self.read).await?;
        Ok(place.page(rows.iter().map(conflict).collect::<Result<_>>()?))
    }

    pub(super) async fn conflict_count(&self, livemode: Livemode) -> Result<i64> {
        let mut query = count();
        query.push(" from mapping_conflict where resolved_at is null and livemode = ").push_bind(livemode.is_live());
        push_counted(&mut query);
        Ok(query.build_query_scalar().fetch_one(&self.read).await?)
    }
}
