//! A large company out of a small one: every customer of test mode many times over, with all that hangs on them, for whoever wants to see
//! how fast the pages are (`tollkeeper demo --customers 100000`). Rows are copied inside the database: so many customers through the
//! engine would take an hour.

use std::str::FromStr as _;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};

use crate::Result;

/// Events for each customer, about.
const EVENTS_EACH: usize = 10;
/// How often those with a story of their own are copied, of a thousand customers: most people pay, and that is all.
const SPECIAL: usize = 1;
/// How long before its original a copy came, in milliseconds: spread over two days.
const EARLIER: &str = "c.k * 7919 % 172800 * 1000";

/// Columns that hold an id of a customer's, or of something of theirs.
const IDS: &[&str] = &[
    "checkout_session_id",
    "claimed_user",
    "claimed_user_id",
    "client_reference_id",
    "conflict_id",
    "customer_id",
    "event_id",
    "evidence_event_id",
    "invoice_id",
    "mapped_user_id",
    "object_id",
    "override_id",
    "payment_id",
    "subscription_id",
    "user_id",
];
/// Columns with JSON in which those ids are.
const TEXTS: &[&str] = &["effects", "facts", "payload", "state"];
/// Numbers that the database gives.
const NUMBERED: &[&str] = &["attempt_id", "seq", "verdict_change_id"];
/// When something came.
const TIMES: &[&str] =
    &["created", "first_seen_at", "last_delivery_at", "last_event_at", "processed_at", "received_at", "since"];
/// What a copy does not ask Stripe for: nothing there has its name.
const WORK: &[&str] = &["check_at", "dirty_at", "lease_owner", "lease_until", "next_attempt_at", "next_read_at"];

/// What is copied, and whose a row `r` of it is.
const TABLES: &[(&str, &str)] = &[
    ("customer", "r.customer_id"),
    ("mapping", "r.customer_id"),
    ("mapping_conflict", "r.customer_id"),
    ("subscription", "r.customer_id"),
    ("subscription_price", "r.customer_id"),
    ("checkout_session", "r.customer_id"),
    ("invoice", "r.customer_id"),
    ("customer_entitlement", "r.customer_id"),
    ("app_user", OF_USER),
    ("access_override", OF_USER),
    ("verdict_change", OF_USER),
    ("access_change", OF_USER),
    (
        "invoice_payment",
        "(select i.customer_id from invoice i where i.livemode = r.livemode and i.invoice_id = r.invoice_id)",
    ),
    (
        "payment_object",
        "coalesce(
             (select s.customer_id from checkout_session s where s.livemode = r.livemode and s.payment_id = r.payment_id limit 1),
             (select i.customer_id from invoice_payment p join invoice i on i.livemode = p.livemode and i.invoice_id = p.invoice_id
              where p.livemode = r.livemode and p.payment_id = r.payment_id limit 1))",
    ),
    ("attempt", "(select e.customer_id from small_event e where e.livemode = r.livemode and e.event_id = r.event_id)"),
];
/// The first customer of a row's user.
const OF_USER: &str =
    "(select min(m.customer_id) from mapping m where m.livemode = r.livemode and m.user_id = r.user_id)";

/// Makes about so many customers out of those that are there: mostly of the `ordinary`, and a few of each other. Nobody else may have the
/// file open; when it fails, the file is lost.
///
/// # Errors
/// When the file is not one of ours, or cannot be written.
pub async fn multiply(url: &str, ordinary: &[String], customers: usize) -> Result<()> {
    let mut conn = SqliteConnectOptions::from_str(url)?.foreign_keys(false).connect().await?;
    for setting in ["journal_mode = off", "synchronous = off", "cache_size = -400000", "temp_store = memory"] {
        run(&mut conn, &format!("pragma {setting}")).await?;
    }
    run(&mut conn, "begin").await?;
    choose(&mut conn, ordinary, customers).await?;
    // Made anew over everything, which is faster than row by row.
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "select name, sql from sqlite_schema where type = 'index' and tbl_name = 'event' and sql is not null",
    )
    .fetch_all(&mut conn)
    .await?;
    for (name, _) in &indexes {
        run(&mut conn, &format!("drop index {name}")).await?;
    }
    copy_events(&mut conn, customers).await?;
    for (table, whose) in TABLES {
        let (columns, values) = columns(&mut conn, table).await?;
        run(
            &mut conn,
            &format!("create temp table small as select r.*, {whose} as whose from {table} r where not r.livemode"),
        )
        .await?;
        run(
            &mut conn,
            &format!(
                "insert into {table} ({columns})
                 select {values} from (select *, {EARLIER} as earlier from copy c) c cross join small r
                 where c.k > 0 and r.whose = c.customer_id"
            ),
        )
        .await?;
        run(&mut conn, "drop table small").await?;
    }
    for (_, sql) in &indexes {
        run(&mut conn, sql).await?;
    }
    run(&mut conn, "commit").await?;
    conn.close().await?;
    Ok(())
}

async fn run(conn: &mut SqliteConnection, sql: &str) -> Result<()> {
    sqlx::query(AssertSqlSafe(sql)).execute(conn).await?;
    Ok(())
}

/// Says who is copied how often: the customer, the number of the copy, and what its ids end with. The original is copy 0.
async fn choose(conn: &mut SqliteConnection, ordinary: &[String], customers: usize) -> Result<()> {
    run(conn, "create temp table copy (customer_id text not null, k integer not null, tail text not null)").await?;
    let people: Vec<String> =
        sqlx::query_scalar("select customer_id from customer where not livemode").fetch_all(&mut *conn).await?;
    let (plain, special): (Vec<String>, Vec<String>) = people.into_iter().partition(|id| ordinary.contains(id));
    let of_special = customers * SPECIAL / 1000;
    let of_plain = customers.saturating_sub(of_special * special.len()) / plain.len().max(1);
    for (people, copies) in [(plain, of_plain), (special, of_special)] {
        for id in people {
            sqlx::query(
                "with recursive number(k) as (select 0 union all select k + 1 from number where k < $2)
                 insert into copy select $1, k, case when k > 0 then '_' || k else '' end from number",
            )
            .bind(id)
            .bind(i64::try_from(copies).unwrap_or(0))
            .execute(&mut *conn)
            .await?;
        }
    }
    Ok(())
}

/// The columns of a table but those the database numbers, and what a copy `c` of a row `r` has in them.
async fn columns(conn: &mut SqliteConnection, table: &str) -> Result<(String, String)> {
    let names = sqlx::query_scalar(AssertSqlSafe(format!("select name from pragma_table_info('{table}')")));
    let mut names: Vec<String> = names.fetch_all(conn).await?;
    names.retain(|name| !NUMBERED.contains(&name.as_str()));
    // Whose the row is stands in its JSON, and which it is.
    let own =
        names.iter().find(|name| IDS.contains(&name.as_str()) && !["customer_id", "user_id"].contains(&name.as_str()));
    let values = names.iter().map(|name| match name.as_str() {
        "event_id" if table == "event" => "r.event_id || c.tail || c.again".to_owned(),
        id if IDS.contains(&id) => format!("r.{id} || c.tail"),
        "email" => "replace(r.email, '@', c.tail || '@')".to_owned(),
        "name" if matches!(table, "customer" | "app_user") => "r.name || replace(c.tail, '_', ' ')".to_owned(),
        text if TEXTS.contains(&text) => {
            let whose = format!("replace(r.{text}, c.customer_id || '\"', c.customer_id || c.tail || '\"')");
            own.map_or(whose.clone(), |id| format!("replace({whose}, r.{id} || '\"', r.{id} || c.tail || '\"')"))
        }
        time if TIMES.contains(&time) => format!("r.{time} - c.earlier"),
        work if WORK.contains(&work) => format!("case when c.tail = '' then r.{work} end"),
        "waits_for_read" => "r.waits_for_read and c.tail = ''".to_owned(),
        "status" if table == "event" => "case when c.again = '' then r.status else 'processed' end".to_owned(),
        other => format!("r.{other}"),
    });
    let values: Vec<String> = values.collect();
    Ok((names.join(", "), values.join(", ")))
}

/// All events anew in the order of their receipt, since receipt numbers grow with time. Each copy's events come again in the months before,
/// until there are enough.
async fn copy_events(conn: &mut SqliteConnection, customers: usize) -> Result<()> {
    run(conn, "create temp table small_event as select *, coalesce(customer_id, '') as whose from event").await?;
    run(conn, "delete from event").await?;
    // What belongs to nobody that is copied stays as it is.
    run(
        conn,
        "insert into copy select distinct whose, 0, '' from small_event where whose not in (select customer_id from copy)",
    )
    .await?;
    let once: i64 =
        sqlx::query_scalar("select count(*) from copy c cross join small_event e where e.whose = c.customer_id")
            .fetch_one(&mut *conn)
            .await?;
    let months = (customers * EVENTS_EACH).div_ceil(usize::try_from(once).unwrap_or(1).max(1)).max(1);
    let (columns, values) = columns(conn, "event").await?;
    // Sorted by numbers alone, the payloads are fetched afterwards. The limit keeps SQLite from leaving the order out.
    run(
        conn,
        &format!(
            "with recursive month(n) as (select 0 union all select n + 1 from month where n + 1 < {months})
             insert into event ({columns})
             select {values} from (
                 select c.customer_id, c.tail, case when n > 0 then '_m' || n else '' end as again, e.rowid as original,
                     {EARLIER} + n * 2592000000 as earlier, e.received_at - {EARLIER} - n * 2592000000 as came_at
                 from month cross join copy c cross join small_event e
                 where e.whose = c.customer_id and (n = 0 or not e.livemode)
                 order by came_at limit 1000000000
             ) c cross join small_event r on r.rowid = c.original"
        ),
    )
    .await
}
