//! The validator's look at API versions: what the endpoint sends, what came of late, and what we can read.

use std::collections::BTreeMap;
use std::time::Duration;

use app::pages::validator::{Check, State};
use domain::stripe::VersionStanding;
use gateway::PINNED_VERSION;
use serde_json::Value;
use store::records::EventFilter;

use super::Ask;
use super::settings::{not_right, pass};

const NAME: &str = "API version";
/// The newest events that are looked at.
const RECENT: i64 = 100;
/// How long Stripe may take to tell of its endpoints; the page does not wait longer.
const PATIENCE: Duration = Duration::from_millis(2500);

/// The version of our endpoint at Stripe.
#[derive(Debug, PartialEq, Eq)]
enum Endpoint {
    /// Stripe was not asked, or did not answer; why.
    Unasked(String),
    /// There is none with our address: events come another way, such as Stripe's command line.
    Absent,
    /// It has none of its own and follows the account's default.
    Default,
    /// This one.
    Is(String),
}

/// Whether payloads come in a version that is known here.
pub(super) async fn check(ask: &Ask<'_>) -> store::Result<Check> {
    let recent =
        ask.state.store.events(ask.livemode, &EventFilter { limit: RECENT, ..EventFilter::default() }).await?.data;
    let mut versions: BTreeMap<String, usize> = BTreeMap::new();
    for event in recent {
        // Thin events have none, and need none.
        if let Some(version) = event.api_version {
            *versions.entry(version).or_default() += 1;
        }
    }
    Ok(judge(&endpoint(ask).await, &versions))
}

async fn endpoint(ask: &Ask<'_>) -> Endpoint {
    let Some(gateway) = ask.state.gateway(ask.livemode) else {
        return Endpoint::Unasked("there is no API key of this mode".to_owned());
    };
    match tokio::time::timeout(PATIENCE, gateway.webhook_endpoints()).await {
        Ok(Ok(endpoints)) => ours(&endpoints, &format!("{}/webhooks/stripe", ask.state.config.public_url)),
        Ok(Err(error)) => Endpoint::Unasked(error.to_string()),
        Err(_) => Endpoint::Unasked("Stripe did not answer in time".to_owned()),
    }
}

fn ours(endpoints: &[Value], url: &str) -> Endpoint {
    let ours = endpoints.iter().filter(|endpoint| endpoint["url"].as_str().is_some_and(|known| known == url));
    // One that is switched off sends nothing, whatever its version.
    match ours.max_by_key(|endpoint| endpoint["status"] == "enabled") {
        None => Endpoint::Absent,
        Some(endpoint) => endpoint["api_version"].as_str().map_or(Endpoint::Default, |it| Endpoint::Is(it.to_owned())),
    }
}

fn judge(endpoint: &Endpoint, versions: &BTreeMap<String, usize>) -> Check {
    let standing = |version: &str| VersionStanding::of(version, PINNED_VERSION);
    let mut found = match endpoint {
        Endpoint::Unasked(why) => format!("The endpoint's version is not known: {why}."),
        Endpoint::Absent => "Stripe has no endpoint with our address.".to_owned(),
        Endpoint::Default => "The endpoint has no version of its own: it follows the account's default.".to_owned(),
        Endpoint::Is(version) => {
            format!("The endpoint sends {version}. {}", standing(version).sentence(version, PINNED_VERSION))
        }
    };
    if !versions.is_empty() {
        let counted: Vec<String> = versions.iter().map(|(version, count)| format!("{version} ({count})")).collect();
        found.push_str(&format!(" The newest events came in {}.", counted.join(", ")));
    }
    let strange = match endpoint {
        Endpoint::Is(version) if !standing(version).is_known() => Some(version),
        _ => versions.keys().find(|version| !standing(version).is_known()),
    };
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
        let check = not_right(State::Warn, NAME, found, fix);
        return Check { link: Some(("Failed events", "/admin/events?status=failed")), ..check };
    }
    if *endpoint == Endpoint::Default {
        let fix = format!(
            "A click in the Dashboard changes that default for good. Make an endpoint with the API version {PINNED_VERSION}, then delete this one."
        );
        return not_right(State::Warn, NAME, found, fix);
    }
    pass(NAME, found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URL: &str = "https://toll.example/webhooks/stripe";

    fn seen(versions: &[(&str, usize)]) -> BTreeMap<String, usize> {
        versions.iter().map(|(version, count)| ((*version).to_owned(), *count)).collect()
    }

    #[test]
    fn our_endpoint_is_the_one_with_our_address() {
        let endpoint =
            |url: &str, status: &str, version: Value| json!({"url": url, "status": status, "api_version": version});
        assert_eq!(
            ours(&[endpoint("https://other.example/hook", "enabled", json!("2020-08-27"))], URL),
            Endpoint::Absent
        );
        let old = endpoint(URL, "disabled", json!("2020-08-27"));
        let new = endpoint(URL, "enabled", json!("2025-09-30.clover"));
        assert_eq!(ours(&[new.clone(), old.clone()], URL), Endpoint::Is("2025-09-30.clover".to_owned()));
        assert_eq!(ours(&[old, new], URL), Endpoint::Is("2025-09-30.clover".to_owned()));
        assert_eq!(ours(&[endpoint(URL, "enabled", Value::Null)], URL), Endpoint::Default);
    }

    #[test]
    fn what_is_known_passes_and_what_is_not_says_what_to_do() {
        let is = |version: &str| Endpoint::Is(version.to_owned());
        let same = judge(&is(PINNED_VERSION), &seen(&[(PINNED_VERSION, 7)]));
        assert_eq!((same.state, same.found.contains("itself asks")), (State::Pass, true), "{}", same.found);
        let older = judge(&is("2025-09-30.clover"), &seen(&[("2025-09-30.clover", 7), ("2022-11-15", 1)]));
        assert_eq!(older.state, State::Pass);
        assert!(older.found.contains("Older than") && older.found.contains("2022-11-15 (1)"), "{}", older.found);
        for (endpoint, versions) in [
            (is("2031-01-01.fennel"), seen(&[])),
            (Endpoint::Absent, seen(&[(PINNED_VERSION, 7), ("2031-01-01.fennel", 1)])),
        ] {
            let newer = judge(&endpoint, &versions);
            assert_eq!(newer.state, State::Warn, "{}", newer.found);
            assert!(newer.fix.unwrap_or_default().contains("Update Tollkeeper"));
        }
        let ancient = judge(&Endpoint::Unasked("no key".to_owned()), &seen(&[("2019-02-19", 3)]));
        assert_eq!(ancient.state, State::Warn);
        assert!(
            ancient.found.contains("no key") && ancient.found.contains("Older than 2022-11-15"),
            "{}",
            ancient.found
        );
        let default = judge(&Endpoint::Default, &seen(&[(PINNED_VERSION, 7)]));
        assert!(default.state == State::Warn && default.fix.unwrap_or_default().contains(PINNED_VERSION));
        assert_eq!(judge(&Endpoint::Absent, &seen(&[])).state, State::Pass);
    }
}
