//! One side of a copy of the whole database.

use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _};

use super::rows::{Columns as _, DbRow, to_json};
use super::{Conn, Db, Turn, dialect, migrating, schema};
use crate::copy::{At, Kind, Mark, Numbered, Table, Value};
use crate::{Error, Result};

/// Where the copy is: a row for each table that was begun, and one of this name for what it is a copy of.
const OF: &str = "*";
/// What changes whenever anything of weight does.
const STATE: &[&str] = &[
    "select coalesce(max(seq), 0) from event",
    "select coalesce(max(seq), 0) from access_change",
    "select coalesce(max(attempt_id), 0) from attempt",
    "select coalesce(max(verdict_change_id), 0) from verdict_change",
    "select audit_id from audit_head",
];
/// A connection that was closed a moment ago is still counted for so long.
const LINGERS: Duration = Duration::from_millis(50);
const LOOKS: usize = 40;

/// A database that nobody uses meanwhile.
pub(crate) struct Side {
    conn: Conn,
}

impl Side {
    /// Opens and migrates it.
    ///
    /// # Errors
    /// When it cannot be opened or migrated.
    pub(crate) async fn open(url: &str) -> Result<Self> {
        let mut conn = dialect::connect(url).await?;
        migrating::migrate(&mut conn).await?;
        Ok(Self { conn })
    }

    /// Opens one to copy into. What is not empty and not ours as of now is not migrated either.
    ///
    /// # Errors
    /// [`Error::Refused`] for such a one; when it cannot be opened or migrated.
    pub(crate) async fn open_target(url: &str) -> Result<Self> {
        let mut conn = dialect::connect(url).await?;
        let tables: Vec<String> = sqlx::query_scalar(schema::TABLES).fetch_all(&mut conn).await?;
        if !tables.is_empty() {
            if !tables.iter().any(|name| name == "_sqlx_migrations") {
                return Err(Error::Refused("the target has other tables than ours: give an empty database".into()));
            }
            let newest: Option<i64> =
                sqlx::query_scalar("select max(version) from _sqlx_migrations").fetch_one(&mut conn).await?;
            if newest < dialect::MIGRATIONS.last().map(|(number, ..)| *number) {
                return Err(Error::Refused("the target is a database of an older program: give an empty one".into()));
            }
        }
        migrating::migrate(&mut conn).await?;
        Ok(Self { conn })
    }

    async fn run(&mut self, sql: String) -> Result<()> {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut self.conn).await?;
        Ok(())
    }

    async fn note(&mut self, name: &str, place: &str, is_done: bool) -> Result<()> {
        sqlx::query(
            "insert into copy_progress (name, place, is_done) values ($1, $2, $3)
             on conflict (name) do update set place = excluded.place, is_done = excluded.is_done",
        )
        .bind(name)
        .bind(place)
        .bind(is_done)
        .execute(&mut self.conn)
        .await?;
        Ok(())
    }

    async fn add(&mut self, table: &Table, rows: &[Vec<Value>]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let sql = format!("insert into {} ({}) {}", table.name, names(table).join(", "), schema::OVERRIDING);
        let mut query = QueryBuilder::<Db>::new(sql);
        query.push_values(rows, |mut line, row| {
            for value in row {
                match value {
                    Value::Flag(flag) => line.push_bind(*flag),
                    Value::Number(number) => line.push_bind(*number),
                    Value::Text(text) => line.push_bind(text.clone()),
                };
            }
        });
        query.build().execute(&mut self.conn).await?;
        Ok(())
    }
}

fn names(table: &Table) -> Vec<&str> {
    table.columns.iter().map(|(name, _)| name.as_str()).collect()
}

fn values(table: &Table, row: &DbRow) -> Result<Vec<Value>> {
    let value = |(name, kind): &(String, Kind)| {
        let name = name.as_str();
        Ok(match kind {
            Kind::Flag => Value::Flag(row.try_get(name)?),
            Kind::Number => Value::Number(row.try_get(name)?),
            Kind::Text => Value::text(row.try_get(name)?),
        })
    };
    let read: sqlx::Result<Vec<Value>> = table.columns.iter().map(value).collect();
    read.map_err(|error| Error::Refused(format!("a row of {} cannot be read: {error}", table.name)))
}

#[async_trait]
impl crate::copy::Side for Side {
    async fn tables(&mut self) -> Result<Vec<Table>> {
        let mut tables: Vec<Table> = vec![];
        let mut keys: Vec<Vec<(i64, usize)>> = vec![];
        for row in &sqlx::query(schema::COLUMNS).fetch_all(&mut self.conn).await? {
            let name = row.text("of_table")?;
            if tables.last().is_none_or(|last| last.name != name) {
                tables.push(Table { name, columns: vec![], key: vec![], refers_to: vec![] });
                keys.push(vec![]);
            }
            let (Some(table), Some(key)) = (tables.last_mut(), keys.last_mut()) else { continue };
            let place = row.int("place")?;
            if place > 0 {
                key.push((place, table.columns.len()));
            }
            table.columns.push((row.text("name")?, Kind::parse(&row.text("kind")?)?));
        }
        let references = sqlx::query(schema::REFERENCES).fetch_all(&mut self.conn).await?;
        for (table, mut key) in tables.iter_mut().zip(keys) {
            key.sort_unstable();
            table.key = key.into_iter().map(|(_, column)| column).collect();
            if table.key.is_empty() {
                return Err(Error::Refused(format!("{} has no primary key, and cannot be copied", table.name)));
            }
            for reference in &references {
                if reference.text("of_table")? == table.name {
                    table.refers_to.push(reference.text("other")?);
                }
            }
        }
        Ok(tables)
    }

    async fn hold_still(&mut self) -> Result<()> {
        let mut looks = 0;
        while sqlx::query_scalar::<_, i64>(schema::OTHERS).fetch_one(&mut self.conn).await? > 0 {
            looks += 1;
            if looks == LOOKS {
                return Err(Error::InUse);
            }
            tokio::time::sleep(LINGERS).await;
        }
        self.run(schema::SNAPSHOT.to_owned()).await
    }

    async fn mark(&mut self) -> Result<Mark> {
        // How long each migration took, to the nanosecond, no two databases have in common.
        let migrations: Vec<(i64, i64)> =
            sqlx::query_as("select version, execution_time from _sqlx_migrations order by version")
                .fetch_all(&mut self.conn)
                .await?;
        let mut state = vec![];
        for sql in STATE {
            let number: i64 = sqlx::query_scalar(*sql).fetch_one(&mut self.conn).await?;
            state.push(number.to_string());
        }
        let identity = hex::encode(Sha256::digest(format!("{migrations:?}")));
        Ok(Mark { identity, state: state.join(" ") })
    }

    async fn rows(&mut self, table: &Table, behind: &At, limit: i64) -> Result<Vec<Vec<Value>>> {
        let key: Vec<&str> = table.key.iter().map(|column| table.columns[*column].0.as_str()).collect();
        let mut query = QueryBuilder::<Db>::new(format!("select {} from {}", names(table).join(", "), table.name));
        if let At::Behind(place) = behind {
            query.push(format!(" where ({}) > (", key.join(", ")));
            let mut list = query.separated(", ");
            for value in place {
                match value {
                    Value::Flag(flag) => list.push_bind(*flag),
                    Value::Number(number) => list.push_bind(*number),
                    Value::Text(text) => list.push_bind(text.clone()),
                };
            }
            query.push(")");
        }
        query.push(format!(" order by {} limit ", key.join(", "))).push_bind(limit);
        let rows = query.build().fetch_all(&mut self.conn).await?;
        rows.iter().map(|row| values(table, row)).collect()
    }

    async fn numbers(&mut self) -> Result<Vec<Numbered>> {
        schema::numbers(&mut self.conn).await
    }

    async fn begun(&mut self) -> Result<Option<Mark>> {
        if !migrating::has_half_a_copy(&mut self.conn).await? {
            return Ok(None);
        }
        let place: String = sqlx::query_scalar("select place from copy_progress where name = $1")
            .bind(OF)
            .fetch_one(&mut self.conn)
            .await?;
        let (identity, state) = place.split_once(' ').unwrap_or((&place, ""));
        Ok(Some(Mark { identity: identity.to_owned(), state: state.to_owned() }))
    }

    async fn begin(&mut self, of: &Mark, seeded: &[&Table]) -> Result<()> {
        dialect::begin(&mut self.conn, Turn::NotNeeded).await?;
        self.run(
            "create table copy_progress (name text not null primary key, place text not null, is_done boolean not null)"
                .to_owned(),
        )
        .await?;
        self.note(OF, &format!("{} {}", of.identity, of.state), false).await?;
        for table in seeded {
            self.run(format!("delete from {}", table.name)).await?;
        }
        self.run("commit".to_owned()).await
    }

    async fn place(&mut self, table: &Table) -> Result<At> {
        let row = sqlx::query("select place, is_done from copy_progress where name = $1")
            .bind(&table.name)
            .fetch_optional(&mut self.conn)
            .await?;
        let Some(row) = row else { return Ok(At::Beginning) };
        if row.flag("is_done")? {
            return Ok(At::End);
        }
        Ok(At::Behind(super::rows::json("copy_progress", "place", &table.name, &row.text("place")?)?))
    }

    async fn put(&mut self, table: &Table, rows: &[Vec<Value>], place: &At) -> Result<()> {
        let (place, is_done) = match place {
            At::Beginning => return Ok(()),
            At::Behind(key) => (to_json(key), false),
            At::End => (String::new(), true),
        };
        dialect::begin(&mut self.conn, Turn::NotNeeded).await?;
        self.add(table, rows).await?;
        self.note(&table.name, &place, is_done).await?;
        self.run("commit".to_owned()).await
    }

    async fn number_from(&mut self, numbers: &[Numbered]) -> Result<()> {
        schema::number_from(&mut self.conn, numbers).await
    }

    async fn finish(&mut self) -> Result<()> {
        self.run("drop table copy_progress".to_owned()).await
    }
}
