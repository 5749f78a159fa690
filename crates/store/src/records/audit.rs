//! Who did what, and which of it is asked for.

use domain::{Livemode, Timestamp};
use serde_json::Value;

/// An audit entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Order.
    pub audit_id: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What, such as `mapping.put`.
    pub action: String,
    /// The mode, where there is one.
    pub livemode: Option<Livemode>,
    /// What kind of thing.
    pub object_kind: String,
    /// Which.
    pub object_id: String,
    /// Why.
    pub reason: Option<String>,
    /// Before and after.
    pub details: Value,
}

/// Which audit entries; what is none or empty narrows nothing.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this mode, and those of no mode.
    pub livemode: Option<Livemode>,
    /// By this actor: `staff:ada@example.com`, `api_key:key_…`, `cli`, `system`.
    pub actor: Option<String>,
    /// This action, such as `mapping.put`.
    pub action: Option<String>,
    /// Of objects of this kind, such as `staff`.
    pub object_kind: Option<String>,
    /// Of the object of this id.
    pub object_id: Option<String>,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
    /// Rows behind this id.
    pub after: Option<i64>,
    /// Rows per page.
    pub limit: i64,
}
