//! Every list that can be had as a file: its columns, and one function that reads its rows behind a key. Another one needs no more than
//! that, and a link by `pages::list::export` on its page.

mod access;
mod jobs;
mod logs;
mod people;

use std::pin::Pin;

use store::records::Page;

use super::cell::Cell;
use crate::pages::Ask;

/// Rows, and the key the next ones are behind, if there are any.
pub(super) struct Rows {
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) next: Option<String>,
}

type Reading<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Rows>> + Send + 'a>>;

/// A list.
pub(super) struct List {
    /// Its name in the address.
    pub(super) name: &'static str,
    /// Its heading.
    pub(super) columns: &'static [&'static str],
    /// Reads at most so many rows behind a key.
    pub(super) read: for<'a> fn(&'a Ask<'a>, Option<String>, i64) -> Reading<'a>,
}

macro_rules! lists {
    ($($name:literal $read:path, $columns:expr;)*) => {
        &[$(List { name: $name, columns: &$columns, read: |ask, after, limit| Box::pin($read(ask, after, limit)) }),*]
    };
}

/// All of them.
static LISTS: &[List] = lists! {
    "audit" logs::audit, ["At", "Actor", "Action", "Mode", "Object kind", "Object", "Reason"];
    "catalog" access::catalog, ["Id", "Kind", "Name", "Amount", "Currency", "Interval", "State", "Gives", "Through its product", "Customers"];
    "conflicts" people::conflicts, ["Customer", "Linked to", "Claimed for", "By", "Evidence", "Since"];
    "customers" people::customers, ["Customer", "Name or e-mail", "User", "Features", "Features in catalog", "Because", "Until", "Plan", "Subscription", "Last event"];
    "ending" access::ending, ["When", "User", "Feature", "Because", "What ends"];
    "events" logs::events, ["Received", "Type", "Event", "Status", "Customer", "User", "Object", "Effect", "Attempts", "Next try", "Settled", "API version"];
    "features" access::features, ["Feature", "Name", "Kind", "Given by", "Kind of source", "Value"];
    "holders" access::holders, ["User", "Feature", "Because", "Value", "Until", "Source"];
    "ignored" people::ignored, ["Customer", "E-mail", "Name", "Reason", "By", "Since", "Subscriptions"];
    "mappings" people::mappings, ["Customer", "Name or e-mail", "User", "By", "Evidence", "Since", "In conflict"];
    "overrides" people::overrides, ["Override", "User", "Feature", "Effect", "Value", "Reason", "By", "Made", "Until", "Revoked", "Revoked by"];
    "refused" logs::refused, ["Received", "Check", "What to do", "Tried secrets", "Size"];
    "replay" jobs::replay, ["Event", "Type", "Customer", "Before", "Now", "Note", "Would change"];
    "replays" jobs::replays, ["Replay", "Events", "State", "Dry run", "Matched", "Fixed", "Unchanged", "Still failing", "Skipped", "By", "Reason", "Begun", "Ended"];
    "resync" jobs::resync, ["Customer", "User", "State", "Read", "What differs", "Kind", "Here", "In Stripe", "Error"];
    "resyncs" jobs::resyncs, ["Resync", "Who", "State", "By", "Reason", "Begun", "Ended"];
    "subscriptions" people::subscriptions, ["Subscription", "Customer", "User", "Status", "Prices", "Period end", "Cancel at", "Last word from Stripe", "Last sync", "In sync"];
    "unattributed" people::unattributed, ["Customer", "E-mail", "Name", "Events", "First seen", "Last event", "Subscriptions"];
};

/// The list of this name.
pub(super) fn find(name: &str) -> Option<&'static List> {
    LISTS.iter().find(|list| list.name == name)
}

impl Rows {
    /// No rows: what was asked about is not there.
    const fn none() -> Self {
        Self { rows: vec![], next: None }
    }

    /// From a page of the store's; `key` is what a row is sorted by.
    fn of<T>(page: Page<T>, key: impl Fn(&T) -> String, cells: impl Fn(T) -> Vec<Cell>) -> Self {
        let next = page.data.last().filter(|_| page.has_more).map(key);
        Self { rows: page.data.into_iter().map(cells).collect(), next }
    }
}
