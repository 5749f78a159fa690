//! The rules, one row each, and what holds for all facts.

pub(crate) mod builders;
mod differences;
mod entitlements;
mod losses;
mod policies;
pub(crate) mod properties;
mod purchases;
mod rules;
mod standings;
mod traces;
