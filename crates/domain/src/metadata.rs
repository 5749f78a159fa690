//! Features named in Stripe's metadata: `features = "pro, seats=5"` on a price or product.
//!
//! Stripe keeps at most 500 characters a value (docs.stripe.com/api/metadata), so the format is short: keys separated by commas, a
//! number after `=`.

use crate::catalog::{FeatureGrant, GrantSource, is_feature_key};

/// The key in the metadata of prices and products.
pub const FEATURES_KEY: &str = "features";

/// The features a metadata value names, and a sentence for each entry that cannot be read.
#[must_use]
pub fn features(text: &str) -> (Vec<FeatureGrant>, Vec<String>) {
    let mut grants: Vec<FeatureGrant> = vec![];
    let mut faults = vec![];
    for entry in text.split([',', ';', '\n']).map(str::trim).filter(|entry| !entry.is_empty()) {
        match feature(entry) {
            Ok(grant) if grants.iter().any(|known| known.feature == grant.feature) => {
                faults.push(format!("{:?} is named twice: the first counts", grant.feature));
            }
            Ok(grant) => grants.push(grant),
            Err(fault) => faults.push(fault),
        }
    }
    (grants, faults)
}

fn feature(entry: &str) -> Result<FeatureGrant, String> {
    let (key, number) = match entry.split_once('=') {
        Some((key, number)) => (key.trim(), Some(number.trim())),
        None => (entry, None),
    };
    if !is_feature_key(key) {
        return Err(format!("{key:?} is no feature key: 1 to 80 letters, digits and _ - . : are"));
    }
    let value = match number {
        None => None,
        Some(number) => match number.parse::<i64>() {
            Ok(value) if value >= 0 => Some(value),
            _ => return Err(format!("{number:?} after {key}= is no whole number")),
        },
    };
    Ok(FeatureGrant::of(key).with_value(value).said_by(GrantSource::Metadata))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<(String, Option<i64>)>, usize) {
        let (grants, faults) = features(text);
        (grants.into_iter().map(|grant| (grant.feature, grant.value)).collect(), faults.len())
    }

    #[test]
    fn keys_and_numbers_are_read_and_faults_are_named() {
        let pro = || ("pro".to_owned(), None);
        let seats = |n| ("seats".to_owned(), Some(n));
        assert_eq!(read("pro"), (vec![pro()], 0));
        assert_eq!(read(" pro , seats = 5;\napi:v2,"), (vec![pro(), seats(5), ("api:v2".to_owned(), None)], 0));
        assert_eq!(read("  "), (vec![], 0));
        assert_eq!(read("pro, seats=many, not a key, seats=-1, seats=2, seats=3"), (vec![pro(), seats(2)], 4));
        let (_, faults) = features("[\"pro\"]");
        assert!(faults[0].contains("no feature key"), "{faults:?}");
    }
}
