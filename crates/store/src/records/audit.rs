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
    /// The role of the member of staff at that time, or the scope of the API key.
    pub role: Option<String>,
    /// The address it was asked from.
    pub address: Option<String>,
    /// The request, as its answer and the program's log name it.
    pub request_id: Option<String>,
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
    /// The rows just before this id, instead.
    pub before: Option<i64>,
    /// Rows per page.
    pub limit: i64,
}

/// What a walk along the audit log's chain found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditChain {
    /// Entries that are as they were, up to the fault if there is one.
    pub entries: u64,
    /// Entries from before the chain began, which nothing vouches for.
    pub unchained: u64,
    /// The hash of the last entry. Noted elsewhere, it shows later that nobody made the whole chain anew.
    pub head: String,
    /// The first entry that is not as it was, and what is wrong with it.
    pub fault: Option<(i64, AuditFault)>,
}

impl AuditChain {
    pub(crate) fn broken_at(self, audit_id: i64, fault: AuditFault) -> Self {
        Self { fault: Some((audit_id, fault)), ..self }
    }
}

/// What is wrong with an entry of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditFault {
    /// It is not there.
    Missing,
    /// It does not say what it said, or stands where another stood.
    Changed,
    /// It has no hash.
    Unchained,
}
