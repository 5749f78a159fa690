//! Who one person is, and every row about them.

use async_trait::async_trait;
use domain::{Livemode, Timestamp};
use serde_json::{Map, Value, json};
use sqlx::{Column as _, Row as _, TypeInfo as _, ValueRef as _};

use super::audit::audit;
use super::dialect::REWRITE;
use super::rows::{Columns as _, DbRow};
use super::{Backend, Conn};
use crate::records::{Author, Erased, ErasurePlan, Person, Whom};
use crate::{People, Result};

/// By what rows are found.
#[derive(Clone, Copy)]
enum By {
    User,
    Customer,
}

/// Everything that is kept about a person but the audit log: what it is called, by what it is found, and from where. The mode is `$1`,
/// the id `$2`.
const PARTS: &[(&str, By, &str)] = &[
    ("application_users", By::User, "from app_user where livemode = $1 and user_id = $2"),
    ("customers", By::Customer, "from customer where livemode = $1 and customer_id = $2"),
    ("mappings", By::Customer, "from mapping where livemode = $1 and customer_id = $2"),
    ("mapping_conflicts", By::Customer, "from mapping_conflict where livemode = $1 and customer_id = $2"),
    ("subscriptions", By::Customer, "from subscription where livemode = $1 and customer_id = $2"),
    ("checkout_sessions", By::Customer, "from checkout_session where livemode = $1 and customer_id = $2"),
    (
        "checkout_sessions",
        By::User,
        "from checkout_session where livemode = $1 and client_reference_id = $2 and customer_id is null",
    ),
    ("invoices", By::Customer, "from invoice where livemode = $1 and customer_id = $2"),
    (
        "payments",
        By::Customer,
        "from payment_object where livemode = $1 and payment_id in (
             select payment_id from checkout_session where livemode = $1 and customer_id = $2 and payment_id is not null
             union select p.payment_id from invoice i join invoice_payment p on p.livemode = i.livemode and p.invoice_id = i.invoice_id
             where i.livemode = $1 and i.customer_id = $2)",
    ),
    ("stripe_entitlements", By::Customer, "from customer_entitlement where livemode = $1 and customer_id = $2"),
    ("overrides", By::User, "from access_override where livemode = $1 and user_id = $2"),
    ("changes_of_answers", By::User, "from verdict_change where livemode = $1 and user_id = $2"),
    ("history", By::User, "from access_change where livemode = $1 and user_id = $2"),
    ("access_checks", By::User, "from access_check where livemode = $1 and user_id = $2"),
    ("set_aside", By::Customer, "from ignored_customer where livemode = $1 and customer_id = $2"),
    ("events", By::Customer, "from event where livemode = $1 and customer_id = $2"),
    (
        "attempts",
        By::Customer,
        "from attempt where livemode = $1 and event_id in (select event_id from event where livemode = $1 and customer_id = $2)",
    ),
    (
        "comparisons",
        By::Customer,
        "from resync_customer where resync_id in (select resync_id from resync where livemode = $1) and customer_id = $2",
    ),
    ("audit_log", By::User, "from audit where (livemode is null or livemode = $1) and object_id = $2"),
    ("audit_log", By::Customer, "from audit where (livemode is null or livemode = $1) and object_id = $2"),
];
/// Columns that hold JSON, or the time of something under a name of its own.
const JSON: &[&str] = &["state", "observed", "effects", "payload", "details", "facts", "lookup_keys"];
const TIMES: &[&str] = &["at", "since", "created"];
/// Columns of the machinery, and what is about a member of the staff instead.
const INNER: &[&str] = &[
    "seq",
    "lease_owner",
    "lease_until",
    "catalog",
    "details_hash",
    "hash",
    "erased_by",
    "waits_for_read",
    "payload_overdue",
    "address",
    "request_id",
];

impl By {
    fn ids(self, person: &Person) -> Vec<&str> {
        match self {
            Self::User => person.user_id.as_deref().into_iter().collect(),
            Self::Customer => person.customer_ids.iter().map(String::as_str).collect(),
        }
    }
}

/// The user's customers.
pub(super) async fn customers_of(conn: &mut Conn, livemode: Livemode, user_id: &str) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar("select customer_id from mapping where livemode = $1 and user_id = $2 order by customer_id")
        .bind(livemode.is_live())
        .bind(user_id)
        .fetch_all(conn)
        .await?)
}

#[async_trait]
impl People for Backend {
    async fn person(&self, livemode: Livemode, whom: Whom<'_>) -> Result<Option<Person>> {
        let mut conn = self.read.acquire().await?;
        let user_id = match whom {
            Whom::User(user_id) => Some(user_id.to_owned()),
            Whom::Customer(customer_id) => {
                sqlx::query_scalar("select user_id from mapping where livemode = $1 and customer_id = $2")
                    .bind(livemode.is_live())
                    .bind(customer_id)
                    .fetch_optional(&mut *conn)
                    .await?
            }
        };
        let mut customer_ids = match &user_id {
            Some(user_id) => customers_of(&mut conn, livemode, user_id).await?,
            None => vec![],
        };
        if let Whom::Customer(customer_id) = whom
            && !customer_ids.iter().any(|known| known == customer_id)
        {
            customer_ids.push(customer_id.to_owned());
        }
        let mut erased = None;
        for customer_id in &customer_ids {
            let row = sqlx::query("select pseudonym, at from erased_customer where livemode = $1 and customer_id = $2")
                .bind(livemode.is_live())
                .bind(customer_id)
                .fetch_optional(&mut *conn)
                .await?;
            if let Some(row) = row {
                erased = Some((row.text("pseudonym")?, row.time("at")?));
            }
        }
        drop(conn);
        let person = Person { livemode, user_id, customer_ids, erased };
        // A staff member's look at somebody unknown is no trace of them.
        let is_known =
            self.plan_erasure(&person).await?.parts.iter().any(|(name, count)| *name != "audit_log" && *count > 0);
        Ok((is_known || person.erased.is_some()).then_some(person))
    }

    async fn erased_since(&self, livemode: Livemode, customer_ids: &[String]) -> Result<Option<Timestamp>> {
        for customer_id in customer_ids {
            let at: Option<i64> =
                sqlx::query_scalar("select at from erased_customer where livemode = $1 and customer_id = $2")
                    .bind(livemode.is_live())
                    .bind(customer_id)
                    .fetch_optional(&self.read)
                    .await?;
            if let Some(at) = at {
                return Ok(Some(Timestamp::from_millis(at)));
            }
        }
        Ok(None)
    }

    async fn plan_erasure(&self, person: &Person) -> Result<ErasurePlan> {
        let mut plan = ErasurePlan::default();
        for (name, by, from) in PARTS {
            let mut count = 0;
            for id in by.ids(person) {
                let sql = sqlx::AssertSqlSafe(format!("select count(*) {from}"));
                let counted: i64 =
                    sqlx::query_scalar(sql).bind(person.livemode.is_live()).bind(id).fetch_one(&self.read).await?;
                count += counted;
            }
            match plan.parts.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum += count,
                None => plan.parts.push((name, count)),
            }
        }
        for customer_id in &person.customer_ids {
            let running: Vec<String> = sqlx::query_scalar(
                "select subscription_id from subscription
                 where livemode = $1 and customer_id = $2 and status not in ('canceled', 'incomplete_expired') order by subscription_id",
            )
            .bind(person.livemode.is_live())
            .bind(customer_id)
            .fetch_all(&self.read)
            .await?;
            plan.running.extend(running);
        }
        Ok(plan)
    }

    async fn erase(&self, person: &Person, author: &Author) -> Result<Erased> {
        self.erase_person(person, author).await
    }

    async fn forget_checks_of(&self, livemode: Livemode, user_id: &str) -> Result<u64> {
        let mut write = self.begin().await?;
        let deleted = sqlx::query("delete from access_check where livemode = $1 and user_id = $2")
            .bind(livemode.is_live())
            .bind(user_id)
            .execute(write.conn())
            .await?;
        write.commit(Timestamp::default()).await?;
        Ok(deleted.rows_affected())
    }

    async fn export_person(&self, person: &Person, author: &Author) -> Result<Value> {
        let mut write = self.begin().await?;
        let details = json!({ "customers": person.customer_ids });
        audit(write.conn(), author, "person.export", Some(person.livemode), ("person", person.id()), &details).await?;
        write.commit(author.now).await?;
        let mut parts = Map::new();
        for (name, by, from) in PARTS {
            let rows = parts.entry(*name).or_insert_with(|| json!([]));
            for id in by.ids(person) {
                let sql = sqlx::AssertSqlSafe(format!("select * {from}"));
                let found = sqlx::query(sql).bind(person.livemode.is_live()).bind(id).fetch_all(&self.read).await?;
                for row in &found {
                    if let Some(rows) = rows.as_array_mut() {
                        rows.push(exported(row)?);
                    }
                }
            }
        }
        Ok(json!({
            "object": "person",
            "user_id": person.user_id,
            "customer_ids": person.customer_ids,
            "livemode": person.livemode.is_live(),
            "as_of": author.now,
            "kept": parts,
        }))
    }

    async fn rewrite(&self) -> Result<()> {
        let mut conn = self.write.acquire().await?;
        for statement in REWRITE {
            sqlx::query(*statement).execute(&mut *conn).await?;
        }
        Ok(())
    }
}

/// A row as JSON: texts that are JSON unfolded, times as texts.
fn exported(row: &DbRow) -> Result<Value> {
    let mut fields = Map::new();
    for column in row.columns() {
        let name = column.name();
        if INNER.contains(&name) {
            continue;
        }
        let raw = row.try_get_raw(column.ordinal())?;
        let kind = raw.type_info().name().to_uppercase();
        let value = if raw.is_null() {
            Value::Null
        } else if kind.contains("BOOL") {
            json!(row.try_get::<bool, _>(column.ordinal())?)
        } else if kind.contains("INT") {
            let number: i64 = row.try_get(column.ordinal())?;
            let is_time = name.ends_with("_at") || TIMES.contains(&name);
            if is_time { json!(Timestamp::from_millis(number)) } else { json!(number) }
        } else {
            let text: String = row.try_get(column.ordinal())?;
            let unfolded = JSON.contains(&name).then(|| serde_json::from_str(&text).ok()).flatten();
            unfolded.unwrap_or(Value::String(text))
        };
        fields.insert(name.to_owned(), value);
    }
    Ok(Value::Object(fields))
}
