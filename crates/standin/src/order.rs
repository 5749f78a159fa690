//! Objects by type and by owner, newest first, without walking over all of them.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::value::{id_of, int, text};

/// Fields that name an owner: lists are filtered by them.
pub(crate) const OWNERS: [&str; 5] = ["customer", "charge", "invoice", "payment_intent", "product"];

/// When it was created, and its number among all that were made: later ones come first where seconds are equal.
type Place = (i64, u64);
type Row = BTreeMap<Place, String>;

/// Where every object that is not deleted stands.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// By type, then by owner; the owner "" has all.
    rows: HashMap<String, HashMap<String, Row>>,
    places: HashMap<String, (Place, String, Vec<String>)>,
    made: u64,
}

impl Order {
    /// Puts an object where it belongs now, or takes it out when it is deleted.
    pub(crate) fn put(&mut self, object: &Value) {
        let id = text(object, "id");
        let number = self.remove(id).map_or(self.made, |(_, number)| number);
        if object["deleted"] == true {
            return;
        }
        self.made = self.made.max(number + 1);
        let place = (int(object, "created"), number);
        let mut owners: Vec<String> =
            OWNERS.iter().filter_map(|name| id_of(&object[*name])).map(str::to_owned).collect();
        owners.push(String::new());
        let rows = self.rows.entry(text(object, "object").to_owned()).or_default();
        for owner in &owners {
            rows.entry(owner.clone()).or_default().insert(place, id.to_owned());
        }
        self.places.insert(id.to_owned(), (place, text(object, "object").to_owned(), owners));
    }

    /// Takes an object out; where it was.
    pub(crate) fn remove(&mut self, id: &str) -> Option<Place> {
        let (place, kind, owners) = self.places.remove(id)?;
        for owner in owners {
            if let Some(row) = self.rows.get_mut(&kind).and_then(|rows| rows.get_mut(&owner)) {
                row.remove(&place);
            }
        }
        Some(place)
    }

    /// The ids of a type, of one owner or with "" of all, newest first; from the object `from` on, itself included, when it is known.
    pub(crate) fn newest(&self, kind: &str, owner: &str, from: Option<&str>) -> impl Iterator<Item = &str> {
        let from = from.and_then(|id| self.places.get(id)).map_or((i64::MAX, u64::MAX), |(place, ..)| *place);
        let row = self.rows.get(kind).and_then(|rows| rows.get(owner));
        row.into_iter().flat_map(move |row| row.range(..=from).rev().map(|(_, id)| id.as_str()))
    }
}
