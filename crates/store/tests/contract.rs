//! The suite both databases must pass: the same scenarios on a real SQLite file and, where `TEST_DATABASE_URL` names one, on a real
//! PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(unreachable_pub, reason = "the scenarios are named by modules of one binary")]

mod contract {
    pub mod access;
    pub mod accounts;
    pub mod audit_chain;
    pub mod catch_up;
    pub mod checks;
    pub mod copying;
    pub mod cut_off;
    pub mod desk;
    pub mod erasure;
    pub mod events;
    pub mod gauges;
    pub mod helpers;
    pub mod history;
    pub mod instances;
    pub mod keys;
    pub mod levels;
    pub mod lists;
    pub mod mappings;
    pub mod pages;
    pub mod passkeys;
    pub mod plans;
    pub mod preferences;
    pub mod purchases;
    pub mod reads;
    pub mod replays;
    pub mod resyncs;
    pub mod retention;
    pub mod schema;
    pub mod second_factor;
    pub mod sources;
    pub mod thin;
    pub mod undo;
    pub mod upgrade;
    pub mod usage;
    pub mod versions;
    pub mod watch;
}
