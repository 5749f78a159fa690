//! Pages by key: in which direction rows are read, and from which one on.

use sqlx::QueryBuilder;

use super::Db;
use crate::records::{COUNTED, Place};

/// The order a list is shown in.
#[derive(Clone, Copy)]
pub(super) enum Order {
    /// The smallest key first.
    Rising,
    /// The largest key first, such as the newest.
    Falling,
}

impl Order {
    /// How the keys of a page compare to the key it is beside, and how its rows are sorted while they are read.
    pub(super) const fn words(self, is_backwards: bool) -> (&'static str, &'static str) {
        match (self, is_backwards) {
            (Self::Rising, false) | (Self::Falling, true) => (">", ""),
            (Self::Rising, true) | (Self::Falling, false) => ("<", " desc"),
        }
    }
}

/// Reads a key `millis:id`; what is none is at the beginning.
pub(super) fn cursor(key: Option<&str>) -> Option<(i64, String)> {
    let (millis, id) = key?.split_once(':')?;
    Some((millis.parse().ok()?, id.to_owned()))
}

/// Ends a statement with a page of a list that is sorted by a time and an id; its keys are read by [`cursor`].
pub(super) fn push_place(query: &mut QueryBuilder<Db>, (at, id): (&str, &str), order: Order, place: &Place) {
    let (than, order) = order.words(place.is_backwards());
    if let Some((millis, key)) = cursor(place.key().map(String::as_str)) {
        query.push(format!(" and ({at}, {id}) {than} (")).push_bind(millis).push(", ").push_bind(key).push(")");
    }
    query.push(format!(" order by {at}{order}, {id}{order} limit ")).push_bind(place.limit + 1);
}

/// What counts the rows of a statement that follows, up to the cap; [`push_counted`] ends it.
pub(super) fn count() -> QueryBuilder<Db> {
    QueryBuilder::new("select count(*) from (select 1 as one")
}

/// Ends what [`count`] began.
pub(super) fn push_counted(query: &mut QueryBuilder<Db>) {
    query.push(" limit ").push_bind(COUNTED + 1).push(") as counted");
}
