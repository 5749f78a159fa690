//! A whole database copied into another one, of the other kind or the same: how an installation that has outgrown SQLite moves on.
//!
//! Every table is copied in batches, each one transaction together with its place, so that a copy that was broken off goes on where it
//! stopped. In the end every row of both sides is read again and compared. Until then nobody can start on the target.

mod value;

use async_trait::async_trait;

use self::value::digest;
pub(crate) use self::value::{Kind, Value};
use crate::{Error, Result, postgres, sqlite};

/// Rows of one transaction.
const BATCH: i64 = 500;

/// A table that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Its name.
    pub table: String,
    /// Its rows, on both sides.
    pub rows: u64,
    /// The checksum of all rows, on both sides; it does not depend on their order.
    pub checksum: String,
}

/// What is said while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// An unfinished copy of the same database is there, and is gone on with.
    GoesOn,
    /// So many rows of this table were copied by this run.
    Copying(&'a str, u64),
    /// This table is compared.
    Comparing(&'a str),
}

/// Hears what is said while it goes on.
pub type Tell<'a> = &'a mut (dyn FnMut(Step<'_>) + Send);

/// A table as both sides have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// Its columns by name.
    pub(crate) columns: Vec<(String, Kind)>,
    /// The columns of its primary key, in order.
    pub(crate) key: Vec<usize>,
    /// Tables it refers to, which are copied first.
    pub(crate) refers_to: Vec<String>,
}

impl Table {
    /// What tells a row from all others.
    fn key_of(&self, row: &[Value]) -> Vec<Value> {
        self.key.iter().map(|column| row[*column].clone()).collect()
    }
}

/// A table that the database numbers, and the last number it gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) table: String,
    pub(crate) last: i64,
}

/// Which database it is, and how far it had come when a copy of it was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) identity: String,
    pub(crate) state: String,
}

/// Where the copy of a table is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// Nothing is copied.
    Beginning,
    /// Up to the row of this key.
    Behind(Vec<Value>),
    /// All of it is copied.
    End,
}

/// One of both databases.
#[async_trait]
pub(crate) trait Side: Send {
    /// Its tables by name.
    async fn tables(&mut self) -> Result<Vec<Table>>;
    /// From now on the same is read, whatever happens. [`Error::InUse`] when others are connected, as far as the database tells.
    async fn hold_still(&mut self) -> Result<()>;
    /// Which database it is.
    async fn mark(&mut self) -> Result<Mark>;
    /// Rows by their primary key, behind a key.
    async fn rows(&mut self, table: &Table, behind: &At, limit: i64) -> Result<Vec<Vec<Value>>>;
    /// The numbers it gave.
    async fn numbers(&mut self) -> Result<Vec<Numbered>>;
    /// Of which database half a copy is here, if any.
    async fn begun(&mut self) -> Result<Option<Mark>>;
    /// Begins a copy: the rows that migrations made go.
    async fn begin(&mut self, of: &Mark, seeded: &[&Table]) -> Result<()>;
    /// Where the copy of a table is.
    async fn place(&mut self, table: &Table) -> Result<At>;
    /// Adds rows and notes the place behind them, in one commit.
    async fn put(&mut self, table: &Table, rows: &[Vec<Value>], place: &At) -> Result<()>;
    /// Goes on behind these numbers.
    async fn number_from(&mut self, numbers: &[Numbered]) -> Result<()>;
    /// The copy is whole: from now on it can be used.
    async fn finish(&mut self) -> Result<()>;
}

async fn open(url: &str) -> Result<Box<dyn Side>> {
    Ok(if is_sqlite(url)? {
        Box::new(sqlite::Side::open(url).await?)
    } else {
        Box::new(postgres::Side::open(url).await?)
    })
}

async fn open_target(url: &str) -> Result<Box<dyn Side>> {
    Ok(if is_sqlite(url)? {
        Box::new(sqlite::Side::open_target(url).await?)
    } else {
        Box::new(postgres::Side::open_target(url).await?)
    })
}

fn is_sqlite(url: &str) -> Result<bool> {
    match url.split(':').next() {
        Some("sqlite") => Ok(true),
        Some("postgres" | "postgresql") => Ok(false),
        _ => Err(Error::Refused("a database URL starts with sqlite:// or postgres://".into())),
    }
}

/// Copies everything, or goes on with a copy that was broken off, and compares both sides. Nobody may write to the source meanwhile.
/// Both are migrated first.
///
/// # Errors
/// [`Error::Refused`] when the target holds anything else, or does not hold the same in the end; [`Error::InUse`] when others are connected
/// to a source that tells; and when either database fails. What was copied by then stays, and is gone on with.
pub async fn copy(from: &str, to: &str, tell: Tell<'_>) -> Result<Vec<Copied>> {
    if from == to {
        return Err(Error::Refused("source and target are the same database".into()));
    }
    let mut source = open(from).await?;
    if source.begun().await?.is_some() {
        return Err(Error::Refused("the source holds an unfinished copy of another database".into()));
    }
    source.hold_still().await?;
    let tables = in_order(source.tables().await?)?;
    let mark = source.mark().await?;
    let mut target = open_target(to).await?;
    match target.begun().await? {
        None => begin(&mut *target, &mark, &tables).await?,
        Some(begun) if begun == mark => tell(Step::GoesOn),
        Some(begun) if begun.identity == mark.identity => {
            return Err(Error::Refused(
                "the target holds an unfinished copy, and the source was changed since that was begun: make the target anew, and copy again"
                    .into(),
            ));
        }
        Some(_) => {
            return Err(Error::Refused(
                "the target holds an unfinished copy of another database: give an empty one".into(),
            ));
        }
    }
    for table in &tables {
        copy_table(&mut *source, &mut *target, table, tell).await?;
    }
    let numbers = source.numbers().await?;
    target.number_from(&numbers).await?;
    let copied = compare(&mut *source, &mut *target, &tables, tell).await?;
    target.finish().await?;
    Ok(copied)
}

/// Begins a copy into a database that has nothing but what its migrations put there.
async fn begin(target: &mut dyn Side, mark: &Mark, tables: &[Table]) -> Result<()> {
    let mut fresh = open("sqlite::memory:").await?;
    let mut known = target.tables().await?;
    let mut wanted = tables.to_vec();
    for tables in [&mut known, &mut wanted] {
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        for table in tables.iter_mut() {
            table.columns.sort();
            (table.key, table.refers_to) = (vec![], vec![]);
        }
    }
    if known != wanted {
        return Err(Error::Refused("the target has other tables than ours: give an empty database".into()));
    }
    let (mut seeded, mut filled) = (vec![], vec![]);
    for table in tables {
        let rows = target.rows(table, &At::Beginning, BATCH).await?;
        if rows.is_empty() {
            continue;
        }
        let ours = fresh.rows(table, &At::Beginning, BATCH).await?;
        let is_seed = rows.len() == ours.len() && rows.iter().all(|row| ours.contains(row));
        if is_seed { seeded.push(table) } else { filled.push(table.name.as_str()) }
    }
    if !filled.is_empty() {
        return Err(Error::Refused(format!(
            "the target is not empty: there are rows in {}. Give an empty database",
            filled.join(", ")
        )));
    }
    target.begin(mark, &seeded).await
}

/// Tables in an order in which none refers to a later one.
fn in_order(mut tables: Vec<Table>) -> Result<Vec<Table>> {
    let mut ordered: Vec<Table> = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let next = tables
            .iter()
            .position(|table| {
                table
                    .refers_to
                    .iter()
                    .all(|other| *other == table.name || ordered.iter().any(|done| done.name == *other))
            })
            .ok_or_else(|| Error::Refused(format!("tables refer to each other in a circle: {}", tables[0].name)))?;
        ordered.push(tables.remove(next));
    }
    Ok(ordered)
}

async fn copy_table(source: &mut dyn Side, target: &mut dyn Side, table: &Table, tell: Tell<'_>) -> Result<()> {
    let mut place = target.place(table).await?;
    let mut copied = 0;
    while place != At::End {
        let rows = source.rows(table, &place, BATCH).await?;
        place = match rows.last() {
            Some(last) if rows.len() as i64 == BATCH => At::Behind(table.key_of(last)),
            _ => At::End,
        };
        target.put(table, &rows, &place).await?;
        copied += rows.len() as u64;
        tell(Step::Copying(&table.name, copied));
    }
    Ok(())
}

/// Every table of a database with its rows and their checksum, to compare it with another. It is migrated first.
///
/// # Errors
/// When it cannot be opened or read.
pub async fn checksums(url: &str) -> Result<Vec<Copied>> {
    let mut side = open(url).await?;
    let mut all = vec![];
    for table in side.tables().await? {
        let (rows, sum) = sum(&mut *side, &table).await?;
        all.push(Copied { table: table.name, rows, checksum: format!("{sum:032x}") });
    }
    Ok(all)
}

/// Reads every row of both sides.
async fn compare(
    source: &mut dyn Side,
    target: &mut dyn Side,
    tables: &[Table],
    tell: Tell<'_>,
) -> Result<Vec<Copied>> {
    let (mut copied, mut different) = (vec![], vec![]);
    for table in tables {
        tell(Step::Comparing(&table.name));
        let ((rows, ours), (there, theirs)) = (sum(source, table).await?, sum(target, table).await?);
        if (rows, ours) == (there, theirs) {
            copied.push(Copied { table: table.name.clone(), rows, checksum: format!("{ours:032x}") });
        } else {
            different.push(format!("{} ({rows} rows here, {there} there)", table.name));
        }
    }
    if different.is_empty() {
        return Ok(copied);
    }
    Err(Error::Refused(format!(
        "the target does not hold the same as the source in {}: make the target anew, and copy again",
        different.join(", ")
    )))
}

/// The number of rows, and the sum of their digests.
async fn sum(side: &mut dyn Side, table: &Table) -> Result<(u64, u128)> {
    let (mut count, mut sum, mut place) = (0, 0_u128, At::Beginning);
    loop {
        let rows = side.rows(table, &place, BATCH).await?;
        for row in &rows {
            count += 1;
            sum = sum.wrapping_add(digest(row));
        }
        match rows.last() {
            Some(last) if rows.len() as i64 == BATCH => place = At::Behind(table.key_of(last)),
            _ => return Ok((count, sum)),
        }
    }
}
