//! The API version of what Stripe sends: that of the endpoint, what came of late, and what we can read.

use std::collections::BTreeMap;

use app::pages::validator::{Check, Group};
use domain::stripe::VersionStanding;
use gateway::PINNED_VERSION;
use store::records::EventRecord;

use super::endpoint::Standing;
use super::subject::{Subject, see};

/// V06: whether payloads come in a version that is known here.
pub(super) fn known(endpoint: &Standing, recent: &[EventRecord]) -> Check {
    // Thin events have none, and need none.
    let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
    for version in recent.iter().filter_map(|event| event.api_version.as_deref()) {
        *versions.entry(version).or_default() += 1;
    }
    judge(endpoint, &versions)
}

fn judge(endpoint: &Standing, versions: &BTreeMap<&str, usize>) -> Check {
    let looked_at = "The endpoint's api_version, and that of the newest events";
    let subject = Subject::new("V06", Group::Webhooks, "API version", looked_at);
    let standing = |version: &str| VersionStanding::of(version, PINNED_VERSION);
    let version = match endpoint {
        Standing::Ours(endpoint, _) => endpoint.api_version.as_deref(),
        _ => None,
    };
    let mut found = match (endpoint, version) {
        (Standing::NoKey, _) => "The endpoint's version is not known: there is no key of this mode.".to_owned(),
        (Standing::Unknown(why), _) => format!("The endpoint's version is not known. {why}"),
        (Standing::Absent { .. }, _) => "Stripe has no endpoint with our address.".to_owned(),
        (Standing::Ours(..), None) => {
            "The endpoint has no version of its own: it follows the account's default.".to_owned()
        }
        (Standing::Ours(..), Some(version)) => {
            format!("The endpoint sends {version}. {}", standing(version).sentence(version, PINNED_VERSION))
        }
    };
    if !versions.is_empty() {
        let counted: Vec<String> = versions.iter().map(|(version, count)| format!("{version} ({count})")).collect();
        found.push_str(&format!(" The newest events came in {}.", counted.join(", ")));
    }
    let strange = version.into_iter().chain(versions.keys().copied()).find(|version| !standing(version).is_known());
    if let Some(version) = strange {
        let fix = match standing(version) {
            VersionStanding::TooNew => format!(
                "Update Tollkeeper, or make a new endpoint with the API version {PINNED_VERSION}: that of an endpoint cannot be changed."
            ),
            _ => format!(
                "Make a new endpoint with the API version {PINNED_VERSION} and delete the old one: that of an endpoint cannot be changed."
            ),
        };
        let found = format!("{found} {version}: {}", standing(version).sentence(version, PINNED_VERSION));
        return see(subject.warn(found, fix), "Failed events", "/admin/events?status=failed");
    }
    if matches!(endpoint, Standing::Ours(..)) && version.is_none() {
        let fix = format!(
            "A click in the Dashboard changes that default for good. Make an endpoint with the API version {PINNED_VERSION}, then delete this one."
        );
        return subject.warn(found, fix);
    }
    if versions.is_empty() && version.is_none() {
        return subject.skip(found);
    }
    subject.pass(found)
}

#[cfg(test)]
mod tests {
    use app::pages::validator::State;
    use serde_json::json;

    use super::super::endpoint::Endpoint;
    use super::*;

    fn sends(version: Option<&str>) -> Standing {
        let object = json!({
            "id": "we_1", "url": "https://toll.example", "status": "enabled", "enabled_events": ["*"], "api_version": version,
        });
        Standing::Ours(Endpoint::all(&[object]).remove(0), vec![])
    }

    fn absent() -> Standing {
        Standing::Absent { others: vec![], other_mode: None }
    }

    fn judged(endpoint: &Standing, versions: &[(&str, usize)]) -> Check {
        judge(endpoint, &versions.iter().copied().collect())
    }

    #[test]
    fn what_is_known_passes_and_what_is_not_says_what_to_do() {
        let same = judged(&sends(Some(PINNED_VERSION)), &[(PINNED_VERSION, 7)]);
        assert_eq!((same.state, same.found.contains("itself asks")), (State::Pass, true), "{}", same.found);
        let older = judged(&sends(Some("2025-09-30.clover")), &[("2025-09-30.clover", 7), ("2022-11-15", 1)]);
        assert_eq!(older.state, State::Pass);
        assert!(older.found.contains("Older than") && older.found.contains("2022-11-15 (1)"), "{}", older.found);
        for (endpoint, versions) in [
            (sends(Some("2031-01-01.fennel")), vec![]),
            (absent(), vec![(PINNED_VERSION, 7), ("2031-01-01.fennel", 1)]),
        ] {
            let newer = judged(&endpoint, &versions);
            assert_eq!(newer.state, State::Warn, "{}", newer.found);
            assert!(newer.fix.unwrap_or_default().contains("Update Tollkeeper"));
        }
        let ancient = judged(&Standing::Unknown("No time.".to_owned()), &[("2019-02-19", 3)]);
        assert_eq!(ancient.state, State::Warn);
        assert!(
            ancient.found.contains("No time.") && ancient.found.contains("Older than 2022-11-15"),
            "{}",
            ancient.found
        );
        let default = judged(&sends(None), &[(PINNED_VERSION, 7)]);
        assert!(default.state == State::Warn && default.fix.unwrap_or_default().contains(PINNED_VERSION));
        assert_eq!(judged(&absent(), &[(PINNED_VERSION, 7)]).state, State::Pass);
        assert_eq!(judged(&absent(), &[]).state, State::Skipped, "nothing was seen of any version");
    }
}
