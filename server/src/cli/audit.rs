//! The audit log's chain.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;
use store::records::{AuditChain, AuditFault};

use super::output::{json, line, note};
use crate::config::Config;

/// `tollkeeper audit …`
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Is every entry as it was written? Prints the chain's last hash; ends with 1 when an entry was changed, taken out or put in
    Verify {
        /// The last hash as an earlier run printed it, kept elsewhere: who makes the whole chain anew is found by it
        #[arg(long, value_name = "HASH")]
        since: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Audit {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let Self::Verify { since, json: as_json } = self;
        let store = store::open(config.database_url.expose(), config.store_options()).await?;
        let chain = store.verify_audit().await?;
        let is_known = match &since {
            Some(hash) => store.audit_has_hash(hash).await?,
            None => true,
        };
        store.close().await;
        let holds = chain.fault.is_none() && is_known;
        if as_json {
            json(&json!({
                "holds": holds,
                "entries": chain.entries,
                "before_the_chain": chain.unchained,
                "head": chain.head,
                "fault": chain.fault.map(|(audit_id, fault)| json!({ "entry": audit_id, "what": word(fault) })),
                "since_is_known": since.as_ref().map(|_| is_known),
            }));
        } else {
            say(&chain, since.as_deref().filter(|_| !is_known));
        }
        Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

const fn word(fault: AuditFault) -> &'static str {
    match fault {
        AuditFault::Missing => "missing",
        AuditFault::Changed => "changed",
        AuditFault::Unchained => "without a hash",
    }
}

fn say(chain: &AuditChain, lost: Option<&str>) {
    if chain.unchained > 0 {
        note(&format!("{} entries are from before the chain; nothing vouches for them.", chain.unchained));
    }
    match chain.fault {
        Some((audit_id, fault)) => {
            note(&format!(
                "Entry {audit_id} is {}; {} entries before it are as they were.",
                word(fault),
                chain.entries
            ));
        }
        None => note(&format!("All {} entries of the chain are as they were. Its last hash:", chain.entries)),
    }
    if let Some(hash) = lost {
        note(&format!("No entry has the hash {hash}: the chain it was the end of is not this one."));
    }
    line(&chain.head);
}
