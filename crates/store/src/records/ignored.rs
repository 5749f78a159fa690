//! A customer that no user is to be found for.

use domain::Timestamp;

/// A customer that no user is to be found for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoredCustomer {
    /// `cus_…`
    pub customer_id: String,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub actor: String,
    /// Since when.
    pub at: Timestamp,
}
