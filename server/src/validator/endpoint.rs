//! Our webhook endpoint at Stripe: whether there is one, whether it sends, and what.

use app::pages::validator::{Check, Group, State};
use domain::Livemode;
use domain::event::USED_TYPES;
use domain::role::Role;
use serde_json::Value;
use url::{Host, Url};

use super::key::Newest;
use super::subject::{Subject, counted, listed, offer};
use crate::admin::customers::encoded;
use crate::config::Config;

/// Key of an endpoint's metadata that says by which form it was made.
pub(crate) const MADE_BY: &str = "tollkeeper_form";
/// Without these nobody gets or loses access in time; the others come on top.
const ESSENTIAL: [&str; 4] = [
    "checkout.session.completed",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
];

/// A webhook endpoint as Stripe tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) is_enabled: bool,
    pub(crate) types: Vec<String>,
    pub(crate) api_version: Option<String>,
    /// The form it was made by, if it was made here.
    pub(crate) made_by: Option<String>,
}

impl Endpoint {
    /// Reads those of a list that have what an endpoint has.
    pub(crate) fn all(objects: &[Value]) -> Vec<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let read = |object: &Value| {
            Some(Self {
                id: text(&object["id"])?,
                url: text(&object["url"])?,
                is_enabled: object["status"] == "enabled",
                types: object["enabled_events"].as_array()?.iter().filter_map(text).collect(),
                api_version: text(&object["api_version"]),
                made_by: text(&object["metadata"][MADE_BY]),
            })
        };
        objects.iter().filter_map(read).collect()
    }

    /// Whether it sends to `url`, however that is written.
    pub(crate) fn sends_to(&self, url: &str) -> bool {
        normalised(&self.url).is_some_and(|known| Some(known) == normalised(url))
    }

    /// The types that some rule uses and that it does not send. `*` stands for all (docs.stripe.com/api/webhook_endpoints).
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let sends = |kind: &str| self.types.iter().any(|known| known == "*" || known == kind);
        USED_TYPES.iter().copied().filter(|kind| !sends(kind)).collect()
    }
}

/// Scheme, host, port and path: letter case of the host, a port that goes without saying, and a slash at the end make no difference.
fn normalised(url: &str) -> Option<(String, String, Option<u16>, String)> {
    let url = Url::parse(url).ok()?;
    let path = url.path().trim_end_matches('/').to_owned();
    Some((url.scheme().to_owned(), url.host_str()?.to_owned(), url.port_or_known_default(), path))
}

/// Whether an address is on this machine alone, where Stripe cannot send anything.
pub(crate) fn is_local(url: &str) -> bool {
    match Url::parse(url).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        None => false,
    }
}

/// Whether Stripe could send to our address: a stand-in on this machine can.
pub(crate) fn is_in_reach(config: &Config) -> bool {
    config.stripe_api_base.is_some() || !is_local(&config.public_url)
}

/// What Stripe has with our address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Stripe was not asked.
    NoKey,
    /// Stripe did not say; why.
    Unknown(String),
    /// None.
    Absent {
        /// The account's other endpoints in this mode.
        others: Vec<Endpoint>,
        /// One with our address in the other mode.
        other_mode: Option<Endpoint>,
    },
    /// The one that counts, one that sends before one that does not, and the ids of more that send as well.
    Ours(Endpoint, Vec<String>),
}

impl Standing {
    /// From what was listed in this mode and in the other.
    pub(super) fn of(here: &[Endpoint], other_mode: &[Endpoint], url: &str) -> Self {
        let ours = |all: &[Endpoint]| all.iter().filter(|endpoint| endpoint.sends_to(url)).cloned().collect::<Vec<_>>();
        let mut found = ours(here);
        found.sort_by_key(|endpoint| !endpoint.is_enabled);
        let mut found = found.into_iter();
        match found.next() {
            Some(first) => Self::Ours(first, found.filter(|more| more.is_enabled).map(|more| more.id).collect()),
            None => Self::Absent { others: here.to_vec(), other_mode: ours(other_mode).into_iter().next() },
        }
    }
}

/// V04
pub(super) fn exists(config: &Config, livemode: Livemode, standing: &Standing, newest: Newest) -> Check {
    let url = config.webhook_url();
    let looked_at = format!("The account's webhook endpoints of {livemode} mode, for one that sends to {url}");
    let subject = Subject::new("V04", Group::Webhooks, "Endpoint at Stripe", looked_at);
    let check = match standing {
        Standing::NoKey => return subject.skip("There is no key of this mode to ask Stripe with."),
        Standing::Unknown(why) => {
            let fix = "Look in Stripe's Dashboard, Developers, Webhooks, or give the key Read for Webhook Endpoints.";
            return subject.warn(format!("It cannot be told. {why}"), fix);
        }
        Standing::Ours(endpoint, more) if endpoint.is_enabled => {
            if more.is_empty() {
                return subject.pass(format!("{} sends here and is enabled.", endpoint.id));
            }
            let found = format!(
                "{} and {} send here: every event comes more than once, each with a secret of its own.",
                endpoint.id,
                listed(more)
            );
            return subject.warn(found, "It does no harm. Delete all but one in Stripe's Dashboard.");
        }
        Standing::Ours(endpoint, _) => {
            let found = format!("{} sends here, but it is disabled: Stripe sends nothing.", endpoint.id);
            let check = subject.fail(found, "Mend what made it fail, then enable it again.");
            let address = format!("/admin/validator/endpoints/{}/enable", encoded(&endpoint.id));
            return offer(check, "Enable it again", address, Role::Admin);
        }
        Standing::Absent { .. } if !is_in_reach(config) => {
            return subject.skip(format!(
                "{} is on this machine alone, where Stripe cannot send to: `stripe listen` brings the events.",
                config.public_url
            ));
        }
        Standing::Absent { other_mode: Some(endpoint), .. } => {
            let other = Livemode::from_bool(!livemode.is_live());
            let found = format!(
                "{} sends here in {other} mode, and none does in {livemode} mode: this key and that endpoint are of different modes.",
                endpoint.id
            );
            subject.fail(found, format!("Create one in {livemode} mode."))
        }
        Standing::Absent { other_mode: None, .. } if newest.thin.is_some() => {
            let at = newest.thin.map(|at| at.to_string()).unwrap_or_default();
            let found = format!(
                "None sends here, but thin events come (the newest at {at}): from an event destination, which is not among the endpoints."
            );
            return subject.warn(
                found,
                "Look at it in Stripe's Dashboard, Developers, Webhooks: whether it is active, and what it sends.",
            );
        }
        Standing::Absent { others, other_mode: None } => match (nearest(others, &url), newest) {
            (_, Newest { here: None, other: Some(at), .. }) => {
                let other = Livemode::from_bool(!livemode.is_live());
                let found = format!(
                    "None sends here in {livemode} mode, but events of {other} mode come (the newest at {at}): this key and that endpoint are of different modes."
                );
                subject.fail(found, format!("Set a key of {other} mode, or create an endpoint in {livemode} mode."))
            }
            (Some((endpoint, difference)), _) => {
                let found = format!("None sends here. {} sends to {}: {difference}.", endpoint.id, endpoint.url);
                let fix =
                    "If that address leads here as well, set PUBLIC_URL to it; otherwise create an endpoint with ours.";
                subject.fail(found, fix)
            }
            (None, _) => {
                let found = match others.len() {
                    0 => "The account has none.".to_owned(),
                    _ => {
                        let many = counted(i64::try_from(others.len()).unwrap_or(i64::MAX), "endpoint");
                        format!("The account has {many}, and none sends here.")
                    }
                };
                subject.fail(found, "Create it: with our address, the types that are used, and the version we read.")
            }
        },
    };
    offer(check, "Create the endpoint", "/admin/validator/endpoint".to_owned(), Role::Owner)
}

/// An endpoint that was meant to be ours, by its host or its path, and what is different.
fn nearest<'a>(others: &'a [Endpoint], url: &str) -> Option<(&'a Endpoint, &'static str)> {
    let ours = normalised(url)?;
    let compared = others.iter().filter_map(|endpoint| Some((endpoint, normalised(&endpoint.url)?)));
    let mut near: Vec<_> = compared
        .filter_map(|(endpoint, theirs)| match (theirs.1 == ours.1, theirs.3 == ours.3) {
            (true, true) if theirs.0 != ours.0 => Some((0, endpoint, "another scheme")),
            (true, true) => Some((1, endpoint, "another port")),
            (true, false) => Some((2, endpoint, "another path")),
            (false, true) => Some((3, endpoint, "another host")),
            (false, false) => None,
        })
        .collect();
    near.sort_by_key(|(distance, ..)| *distance);
    near.first().map(|(_, endpoint, difference)| (*endpoint, *difference))
}

/// V05
pub(super) fn types(standing: &Standing) -> Check {
    let looked_at = format!("The endpoint's enabled_events, for the {} types that are used", USED_TYPES.len());
    let subject = Subject::new("V05", Group::Webhooks, "Types of events", looked_at);
    let Standing::Ours(endpoint, _) = standing else {
        return subject.skip("Stripe told of no endpoint with our address.");
    };
    let missing = endpoint.missing();
    if missing.is_empty() {
        return subject.pass(format!("{} sends all of them.", endpoint.id));
    }
    let state = if missing.iter().any(|kind| ESSENTIAL.contains(kind)) { State::Fail } else { State::Warn };
    let found = format!("{} does not send {}.", endpoint.id, missing.join(", "));
    let check = subject.stands(state, found, "Add them; what it sends already stays.");
    let address = format!("/admin/validator/endpoints/{}/events", encoded(&endpoint.id));
    offer(check, "Add the missing types", address, Role::Admin)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Sources;

    const URL: &str = "https://toll.example/webhooks/stripe";

    fn endpoint(id: &str, url: &str, status: &str, types: &[&str]) -> Endpoint {
        let object = json!({ "id": id, "url": url, "status": status, "enabled_events": types, "api_version": null });
        Endpoint::all(&[object]).remove(0)
    }

    fn config(public_url: &str) -> Config {
        Config::load(&Sources::from_env([("PUBLIC_URL", public_url)])).unwrap()
    }

    fn judged(here: &[Endpoint], other: &[Endpoint]) -> Check {
        exists(&config("https://toll.example"), Livemode::Test, &Standing::of(here, other, URL), Newest::default())
    }

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        for same in [URL, "https://TOLL.example:443/webhooks/stripe/", "https://toll.example/webhooks/stripe?x=1"] {
            assert!(endpoint("we_1", same, "enabled", &[]).sends_to(URL), "{same}");
        }
        for (other, difference) in [
            ("http://toll.example/webhooks/stripe", "another scheme"),
            ("https://toll.example:8443/webhooks/stripe", "another port"),
            ("https://toll.example/stripe", "another path"),
            ("https://old.example/webhooks/stripe", "another host"),
        ] {
            let check = judged(&[endpoint("we_1", other, "enabled", &[])], &[]);
            assert!(check.state == State::Fail && check.found.contains(difference), "{}", check.found);
            assert_eq!(check.link.unwrap().href, "/admin/validator/endpoint");
        }
        let stranger = judged(&[endpoint("we_1", "https://shop.example/hook", "enabled", &[])], &[]);
        assert!(stranger.found.contains("has 1 endpoint, and none sends here"), "{}", stranger.found);
    }

    #[test]
    fn one_that_sends_counts_before_one_that_does_not() {
        let (old, new) = (endpoint("we_1", URL, "disabled", &["*"]), endpoint("we_2", URL, "enabled", &["*"]));
        assert_eq!(judged(&[old.clone(), new.clone()], &[]).state, State::Pass);
        let disabled = judged(&[old], &[]);
        assert_eq!(disabled.state, State::Fail);
        assert_eq!(disabled.link.unwrap().href, "/admin/validator/endpoints/we_1/enable");
        let twice = judged(&[new.clone(), endpoint("we_3", URL, "enabled", &["*"])], &[]);
        assert!(twice.state == State::Warn && twice.found.contains("we_2 and we_3"), "{}", twice.found);
        let other_mode = judged(&[], &[new]);
        assert!(
            other_mode.found.contains("different modes") && other_mode.found.contains("we_2"),
            "{}",
            other_mode.found
        );
    }

    #[test]
    fn nobody_sends_to_this_machine() {
        let absent = Standing::of(&[], &[], "http://localhost:3000/webhooks/stripe");
        let check = exists(&config("http://localhost:3000"), Livemode::Test, &absent, Newest::default());
        assert!(check.state == State::Skipped && check.found.contains("stripe listen"), "{}", check.found);
        let thin = Newest { thin: Some(domain::Timestamp::from_secs(1)), ..Newest::default() };
        let check = exists(&config("https://toll.example"), Livemode::Test, &Standing::of(&[], &[], URL), thin);
        assert!(check.state == State::Warn && check.found.contains("event destination"), "{}", check.found);
        assert!(is_local("http://[::1]:1") && is_local("http://127.0.0.1:1") && !is_local("https://toll.example"));
    }

    #[test]
    fn missing_types_are_named_and_a_star_is_all_of_them() {
        let of = |types: &[&str]| super::types(&Standing::Ours(endpoint("we_1", URL, "enabled", types), vec![]));
        assert_eq!(of(&["*"]).state, State::Pass);
        assert_eq!(of(USED_TYPES).state, State::Pass);
        let few: Vec<&str> = USED_TYPES.iter().copied().filter(|kind| *kind != "invoice.voided").collect();
        let check = of(&few);
        assert!(
            check.state == State::Warn && check.found.ends_with("does not send invoice.voided."),
            "{}",
            check.found
        );
        assert_eq!(check.link.unwrap().href, "/admin/validator/endpoints/we_1/events");
        assert_eq!(of(&["invoice.voided"]).state, State::Fail);
        assert_eq!(super::types(&Standing::NoKey).state, State::Skipped);
    }
}
