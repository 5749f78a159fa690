//! The suite both databases must pass: the same scenarios on a real SQLite file and, where `TEST_DATABASE_URL` names one, on a real
//! PostgreSQL.

mod contract {
    pub mod access;
    pub mod accounts;
    pub mod events;
    pub mod helpers;
    pub mod lists;
    pub mod mappings;
    pub mod reads;
    pub mod schema;
}
