//! The rules, one row each, and what holds for all facts.

pub(crate) mod builders;
pub(crate) mod properties;
mod rules;
mod standings;
