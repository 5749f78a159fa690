//! Customers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{Missing, Reader};

/// What decisions need of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// `cus_…`
    pub id: String,
    /// E-mail address: it may suggest a user, it never proves one.
    pub email: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Deleted in Stripe, which is for ever.
    pub deleted: bool,
    /// The user that metadata names.
    pub claimed_user: Option<String>,
}

impl Customer {
    /// Reads a customer; a deleted one arrives as `{id, deleted: true}`.
    ///
    /// # Errors
    /// When the id is missing.
    pub fn read(object: &Value, metadata_keys: &[String]) -> Result<Self, Missing> {
        let root = Reader::new(object);
        Ok(Self {
            id: root.string("id")?,
            email: root.opt_string("email"),
            name: root.opt_string("name"),
            deleted: root.flag("deleted"),
            claimed_user: root.metadata(metadata_keys),
        })
    }
}
