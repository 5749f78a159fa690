//! How SQLite means to answer the engine's statements: by an index, whatever is in the tables.
//!
//! SQLite has no statistics here, so its plans depend on the text of a statement and on the indexes alone: what this test sees is what
//! runs. One statement that walks all customers of a mode made processing slower with each customer.

use sqlx::{Connection as _, Row as _};
use store::Options;

use super::helpers::{Database, Engine};

/// What runs for each delivery, event or read.
const ENGINE: &[(&str, &str)] = &[
    ("audit", include_str!("../../src/shared/audit.rs")),
    ("catch_up", include_str!("../../src/shared/catch_up.rs")),
    ("checks", include_str!("../../src/shared/checks.rs")),
    ("entitlements", include_str!("../../src/shared/entitlements.rs")),
    ("facts", include_str!("../../src/shared/facts.rs")),
    ("intake", include_str!("../../src/shared/intake.rs")),
    ("mappings", include_str!("../../src/shared/mappings.rs")),
    ("objects", include_str!("../../src/shared/objects.rs")),
    ("overdue", include_str!("../../src/shared/overdue.rs")),
    ("payments", include_str!("../../src/shared/payments.rs")),
    ("processing", include_str!("../../src/shared/processing.rs")),
    ("product_reads", include_str!("../../src/shared/product_reads.rs")),
    ("products", include_str!("../../src/shared/products.rs")),
    ("reads", include_str!("../../src/shared/reads.rs")),
    ("person", include_str!("../../src/shared/person.rs")),
    ("retention", include_str!("../../src/shared/retention.rs")),
    ("replaying", include_str!("../../src/shared/replaying.rs")),
    ("replays", include_str!("../../src/shared/replays.rs")),
    ("thin", include_str!("../../src/shared/thin.rs")),
];
/// Tables that grow with the business.
const GROWING: &[&str] = &[
    "event",
    "attempt",
    "customer",
    "customer_entitlement",
    "mapping",
    "mapping_conflict",
    "subscription",
    "checkout_session",
    "access_override",
    "invoice",
    "invoice_payment",
    "payment_object",
    "replay_event",
    "verdict_change",
    "access_check",
    "audit",
];
/// Partial indexes hold only what waits, so reading a whole mode of one is right.
const WAITING: &[&str] =
    &["event_due", "event_waiting", "event_lookup", "event_payload_overdue", "customer_dirty", "mapping_conflict_open"];

/// The string literals of a source file that are statements with parameters; without any they run at start, over everything.
fn statements(source: &str) -> Vec<String> {
    let mut found = vec![];
    let mut rest = source;
    while let Some(start) = rest.find('"') {
        let literal = &rest[start + 1..];
        let end = literal.match_indices('"').find(|(at, _)| !literal[..*at].ends_with('\\')).map_or(0, |(at, _)| at);
        let text = literal[..end].trim();
        let is_statement = ["select ", "update ", "delete ", "insert "].iter().any(|word| text.starts_with(word));
        if is_statement && text.contains('$') {
            found.push(
                text.replace("{SKIP_LOCKED}", "")
                    .replace("{DUE}", "event_id")
                    .replace("{reason}", "unknown_user")
                    .replace('$', "?"),
            );
        }
        rest = &literal[end + 1..];
    }
    found
}

/// Whether a step of a plan reads more than the rows it needs.
fn walks(step: &str) -> bool {
    let mut words = step.split_whitespace();
    let (verb, table) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let index = words.skip_while(|word| *word != "INDEX").nth(1).unwrap_or_default();
    let is_growing = GROWING.contains(&table) || matches!(table, "m" | "s" | "c" | "e" | "i" | "p" | "o");
    is_growing && !WAITING.contains(&index) && (verb == "SCAN" || step.ends_with("(livemode=?)"))
}

#[tokio::test]
async fn the_engine_finds_its_rows_by_index() {
    let db = Database::open(Engine::Sqlite, Options::default()).await.unwrap();
    let mut conn = sqlx::SqliteConnection::connect(&db.url).await.unwrap();
    let mut planned = 0;
    for (file, source) in ENGINE {
        for statement in statements(source) {
            // Some literals are only the beginning of a statement.
            let explain = sqlx::AssertSqlSafe(format!("explain query plan {statement}"));
            let Ok(plan) = sqlx::query(explain).fetch_all(&mut conn).await else { continue };
            planned += 1;
            for step in plan {
                let step: String = step.get("detail");
                assert!(!walks(&step), "{file}: {step}\n{statement}");
            }
        }
    }
    assert!(planned > 40, "only {planned} statements were found");
}
