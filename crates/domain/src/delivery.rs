//! Why an event never arrived: what Stripe says of its deliveries and of the account's webhook endpoints.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Timestamp;
use crate::stripe::json::{Missing, Reader};

/// How long a first delivery may take before its absence means anything, in milliseconds.
const ON_ITS_WAY_MS: i64 = 300_000;

/// Why an event that was fetched from Stripe's API had not been delivered, as far as Stripe's answers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undelivered {
    /// Our endpoint does not ask for its type: Stripe sends such an event to nobody, and does not call that a failure
    /// (docs.stripe.com/webhooks).
    TypeNotEnabled,
    /// Our endpoint is disabled.
    EndpointDisabled,
    /// No endpoint of the account has our address.
    EndpointAbsent,
    /// Our endpoint was made after the event.
    EndpointNewer,
    /// Stripe sent it, and our endpoint did not answer with 2xx.
    NotAccepted,
    /// It was so young that its delivery may still have been under way.
    OnItsWay,
    /// Stripe has nothing left to deliver: another installation took it, this database is older than it, or its type was enabled later.
    Untold,
}

impl Undelivered {
    /// All reasons.
    pub const ALL: [Self; 7] = [
        Self::TypeNotEnabled,
        Self::EndpointDisabled,
        Self::EndpointAbsent,
        Self::EndpointNewer,
        Self::NotAccepted,
        Self::OnItsWay,
        Self::Untold,
    ];

    /// The reason's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TypeNotEnabled => "type_not_enabled",
            Self::EndpointDisabled => "endpoint_disabled",
            Self::EndpointAbsent => "endpoint_absent",
            Self::EndpointNewer => "endpoint_newer",
            Self::NotAccepted => "not_accepted",
            Self::OnItsWay => "on_its_way",
            Self::Untold => "untold",
        }
    }

    /// Reads a reason's word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// Whether Stripe sent it at all; `None` where Stripe's answers do not tell.
    #[must_use]
    pub const fn was_sent(self) -> Option<bool> {
        match self {
            Self::TypeNotEnabled | Self::EndpointDisabled | Self::EndpointAbsent | Self::EndpointNewer => Some(false),
            Self::NotAccepted | Self::OnItsWay => Some(true),
            Self::Untold => None,
        }
    }

    /// Why, as the end of a sentence: "it was not delivered: …".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::TypeNotEnabled => "our webhook endpoint does not ask for this type, so Stripe never sent it",
            Self::EndpointDisabled => "our webhook endpoint is disabled, so Stripe never sent it",
            Self::EndpointAbsent => "no webhook endpoint in Stripe has our address, so Stripe never sent it",
            Self::EndpointNewer => "our webhook endpoint was made after it, so Stripe never sent it",
            Self::NotAccepted => "Stripe sent it, and our endpoint did not accept it",
            Self::OnItsWay => "Stripe was still about to send it",
            Self::Untold => {
                "Stripe has nothing left to deliver, so it went elsewhere, or its type was enabled after it"
            }
        }
    }
}

/// One of the account's webhook endpoints (docs.stripe.com/api/webhook_endpoints/object).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `we_…`
    pub id: String,
    /// Where it sends to.
    pub url: String,
    /// Whether it sends at all.
    pub enabled: bool,
    /// The types it sends; `*` stands for all.
    pub types: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
}

impl Endpoint {
    /// Reads it.
    ///
    /// # Errors
    /// The path of the first field that is missing or of the wrong type.
    pub fn read(endpoint: &Value) -> Result<Self, Missing> {
        let root = Reader::new(endpoint);
        let types = endpoint["enabled_events"].as_array();
        let types = types.ok_or_else(|| root.wrong("enabled_events", "a list"))?;
        Ok(Self {
            id: root.string("id")?,
            url: root.string("url")?,
            enabled: root.string("status")? == "enabled",
            types: types.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            created: root.secs("created")?,
        })
    }

    /// Whether this is the endpoint of an address: a slash at the end makes no difference.
    #[must_use]
    pub fn is_at(&self, address: &str) -> bool {
        self.url.trim_end_matches('/') == address.trim_end_matches('/')
    }

    fn asks_for(&self, kind: &str) -> bool {
        self.types.iter().any(|name| name == "*" || name == kind)
    }
}

/// What an account does with our address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints<'a> {
    /// All endpoints of the account; none when the key may not read them.
    pub all: Option<&'a [Endpoint]>,
    /// Our own address, as it is registered.
    pub ours: &'a str,
}

/// How our address is registered in Stripe. The words are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// An endpoint sends to it.
    Enabled,
    /// An endpoint has it and is disabled.
    Disabled,
    /// No endpoint has it: right where Stripe's command line forwards events.
    Absent,
}

impl Registration {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Absent => "absent",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Enabled, Self::Disabled, Self::Absent].into_iter().find(|state| state.as_str() == text)
    }
}

impl Endpoints<'_> {
    fn own(&self) -> impl Iterator<Item = &Endpoint> {
        self.all.into_iter().flatten().filter(|endpoint| endpoint.is_at(self.ours))
    }

    /// How our address is registered, and as what: the endpoint's id, or the address itself. None when the key may not look.
    #[must_use]
    pub fn registration(&self) -> Option<(Registration, String)> {
        self.all?;
        let named = |state, endpoint: &Endpoint| (state, endpoint.id.clone());
        let enabled = self.own().find(|endpoint| endpoint.enabled).map(|found| named(Registration::Enabled, found));
        let any = || self.own().next().map(|found| named(Registration::Disabled, found));
        Some(enabled.or_else(any).unwrap_or_else(|| (Registration::Absent, self.ours.to_owned())))
    }

    /// Why an event that is not here was not delivered. `failed` says that Stripe lists it among those that were not delivered to everybody.
    ///
    /// `pending_webhooks` counts endpoints that have not answered with 2xx, without naming them (docs.stripe.com/api/events/object): where it
    /// is more than the other endpoints can account for, ours is among them.
    #[must_use]
    pub fn why(&self, event: &Sent<'_>, failed: bool, now: Timestamp) -> Undelivered {
        let pending = event.pending.max(u64::from(failed));
        let was_tried = if now.millis() - event.created.millis() < ON_ITS_WAY_MS {
            Undelivered::OnItsWay
        } else {
            Undelivered::NotAccepted
        };
        let Some(all) = self.all else {
            return if pending > 0 { was_tried } else { Undelivered::Untold };
        };
        let others = all
            .iter()
            .filter(|endpoint| endpoint.enabled && !endpoint.is_at(self.ours) && endpoint.asks_for(event.kind));
        let ours_is_pending = pending > u64::try_from(others.count()).unwrap_or(u64::MAX);
        if self.own().next().is_none() {
            // Stripe's command line is an endpoint that no list shows.
            return if ours_is_pending { was_tried } else { Undelivered::EndpointAbsent };
        }
        let asking = || self.own().filter(|endpoint| endpoint.asks_for(event.kind));
        if asking().next().is_none() {
            return Undelivered::TypeNotEnabled;
        }
        if asking().all(|endpoint| endpoint.created > event.created) {
            return Undelivered::EndpointNewer;
        }
        // An endpoint is disabled after days in which it did not answer: those events were sent.
        if !asking().any(|endpoint| endpoint.enabled) {
            return if ours_is_pending { was_tried } else { Undelivered::EndpointDisabled };
        }
        if pending > 0 { was_tried } else { Undelivered::Untold }
    }
}

/// What Stripe's list says of an event's deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent<'a> {
    /// Its type.
    pub kind: &'a str,
    /// On Stripe's clock.
    pub created: Timestamp,
    /// Its `pending_webhooks`.
    pub pending: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OURS: &str = "https://toll.example/webhooks/stripe";
    const DAY: i64 = 86_400;

    fn endpoint(change: Value) -> Endpoint {
        let mut object = json!({
            "id": "we_1", "object": "webhook_endpoint", "url": format!("{OURS}/"), "status": "enabled",
            "enabled_events": ["customer.created"], "created": 0,
        });
        for (name, value) in change.as_object().unwrap() {
            object[name] = value.clone();
        }
        Endpoint::read(&object).unwrap()
    }

    fn why(all: &[Endpoint], pending: u64, failed: bool) -> Undelivered {
        let event = Sent { kind: "customer.created", created: Timestamp::from_secs(DAY), pending };
        Endpoints { all: Some(all), ours: OURS }.why(&event, failed, Timestamp::from_secs(2 * DAY))
    }

    #[test]
    fn what_stripe_says_of_deliveries_and_endpoints_tells_why() {
        let other = || endpoint(json!({"id": "we_2", "url": "https://other.example/hook", "enabled_events": ["*"]}));
        let disabled = || endpoint(json!({"status": "disabled"}));
        assert_eq!(why(&[endpoint(json!({}))], 1, false), Undelivered::NotAccepted);
        assert_eq!(why(&[endpoint(json!({}))], 0, true), Undelivered::NotAccepted);
        assert_eq!(why(&[endpoint(json!({}))], 0, false), Undelivered::Untold);
        assert_eq!(
            why(&[endpoint(json!({"enabled_events": ["price.created"]}))], 0, false),
            Undelivered::TypeNotEnabled
        );
        assert_eq!(why(&[endpoint(json!({"created": DAY + 1}))], 0, false), Undelivered::EndpointNewer);
        assert_eq!(why(&[disabled()], 0, false), Undelivered::EndpointDisabled);
        assert_eq!(why(&[disabled()], 1, false), Undelivered::NotAccepted, "it was sent before it was disabled");
        assert_eq!(
            why(&[disabled(), other()], 1, false),
            Undelivered::EndpointDisabled,
            "the other one did not answer"
        );
        assert_eq!(why(&[other()], 0, false), Undelivered::EndpointAbsent);
        assert_eq!(why(&[other()], 1, false), Undelivered::EndpointAbsent);
        assert_eq!(why(&[], 1, false), Undelivered::NotAccepted, "the command line forwarded it");
    }

    #[test]
    fn a_key_that_may_not_see_endpoints_still_tells_what_was_sent() {
        let blind = Endpoints { all: None, ours: OURS };
        let event = Sent { kind: "customer.created", created: Timestamp::from_secs(DAY), pending: 1 };
        let at = |seconds| Timestamp::from_secs(DAY + seconds);
        assert_eq!(blind.why(&event, false, at(1)), Undelivered::OnItsWay);
        assert_eq!(blind.why(&event, false, at(600)), Undelivered::NotAccepted);
        assert_eq!(blind.why(&Sent { pending: 0, ..event }, false, at(600)), Undelivered::Untold);
        assert_eq!(blind.registration(), None);
    }

    #[test]
    fn our_address_is_registered_or_not() {
        let state = |all: &[Endpoint]| Endpoints { all: Some(all), ours: OURS }.registration().unwrap();
        let disabled = || endpoint(json!({"id": "we_old", "status": "disabled"}));
        assert_eq!(state(&[disabled(), endpoint(json!({}))]), (Registration::Enabled, "we_1".to_owned()));
        assert_eq!(state(&[disabled()]), (Registration::Disabled, "we_old".to_owned()));
        assert_eq!(state(&[]), (Registration::Absent, OURS.to_owned()));
    }

    #[test]
    fn every_word_reads_back() {
        for reason in Undelivered::ALL {
            assert_eq!(Undelivered::parse(reason.as_str()), Some(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }
}
