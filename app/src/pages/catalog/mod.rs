//! The catalog: which price or product gives which feature, what is paid for and gives nothing, and what a change of it would do.

mod features;
mod list;
mod preview;
mod target;

use domain::catalog::{FeatureGrant, counting};
use leptos::prelude::*;

use crate::components::{Tone, chip};
pub use features::{FeatureRow, Features};
pub use list::{Row, View};
pub use preview::{Preview, TypedId};
pub use target::Target;

/// What it gives, a chip each, the strongest word on a feature alone.
fn grant_chips(grants: &[FeatureGrant]) -> Vec<AnyView> {
    let words = |grant: &FeatureGrant| {
        let lasts = grant.duration.map(|term| format!(" for {term}")).unwrap_or_default();
        let credits = grant.credits.map(|credits| format!(" ({credits} credits)")).unwrap_or_default();
        format!("{}{credits}{lasts}", with_value(&grant.feature, grant.value))
    };
    counting(grants).map(|grant| chip(Tone::Ok, words(grant)).into_any()).collect()
}

/// A feature's name with its number, where it has one.
fn with_value(name: &str, value: Option<i64>) -> String {
    value.map_or_else(|| name.to_owned(), |value| format!("{name}: {value}"))
}
