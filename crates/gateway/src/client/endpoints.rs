//! Webhook endpoints are made and mended. Source: docs.stripe.com/api/webhook_endpoints.

use std::collections::HashMap;
use std::fmt;

use serde_json::Value;
use stripe_client_core::StripeRequest as _;
use stripe_misc::webhook_endpoint::{
    CreateWebhookEndpoint, CreateWebhookEndpointEnabledEvents, UpdateWebhookEndpoint,
    UpdateWebhookEndpointEnabledEvents,
};

use super::Client;
use super::calls::{path_segment, string};
use super::send::Subject;
use crate::Error;

const WHAT: &str = "webhook endpoint";

/// A webhook endpoint to make. It gets the API version that our own requests ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Where Stripe sends events.
    pub url: String,
    /// The types of events.
    pub event_types: Vec<String>,
    /// What the Dashboard shows beside it.
    pub description: String,
    /// Kept at Stripe with it.
    pub metadata: HashMap<String, String>,
}

/// A webhook endpoint just made. Its `Debug` form shows the last four characters of the secret alone.
#[derive(Clone, PartialEq, Eq)]
pub struct CreatedEndpoint {
    /// `we_…`
    pub id: String,
    /// Its signing secret, which Stripe's API never shows again.
    pub secret: String,
}

impl fmt::Debug for CreatedEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last4 = self.secret.char_indices().rev().nth(3).map_or("", |(at, _)| &self.secret[at..]);
        f.debug_struct("CreatedEndpoint").field("id", &self.id).field("secret", &format!("whsec_…{last4}")).finish()
    }
}

/// A change of a webhook endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointChange {
    /// It sends exactly these types from now on.
    EventTypes(Vec<String>),
    /// It sends again.
    Enable,
}

impl Client {
    pub(super) async fn make_endpoint(&self, new: &NewEndpoint, key: &str) -> Result<CreatedEndpoint, Error> {
        let types = new.event_types.iter().map(|kind| known::<CreateWebhookEndpointEnabledEvents>(kind));
        let request = CreateWebhookEndpoint::new(types.collect::<Result<Vec<_>, _>>()?, new.url.as_str())
            .api_version(stripe_client_core::VERSION)
            .description(new.description.as_str())
            .metadata(new.metadata.clone())
            .build();
        let answer = self.send(Subject { what: WHAT, id: None }, &request, Some(key)).await?;
        Ok(CreatedEndpoint { id: string(WHAT, &answer, "id")?, secret: string(WHAT, &answer, "secret")? })
    }

    pub(super) async fn change_endpoint(&self, id: &str, change: &EndpointChange) -> Result<Value, Error> {
        let Some(segment) = path_segment(id) else {
            let message = "no id of Stripe looks like this.".to_owned();
            return Err(Error::NotFound { what: WHAT, id: id.to_owned(), message });
        };
        let request = UpdateWebhookEndpoint::new(segment.as_str());
        let request = match change {
            EndpointChange::EventTypes(types) => {
                let types = types.iter().map(|kind| known::<UpdateWebhookEndpointEnabledEvents>(kind));
                request.enabled_events(types.collect::<Result<Vec<_>, _>>()?)
            }
            EndpointChange::Enable => request.disabled(false),
        };
        Ok(self.send(Subject { what: WHAT, id: Some(id) }, &request.build(), None).await?.value)
    }
}

/// A type of event as the builders want it; they take names they do not know as they are.
fn known<T: std::str::FromStr>(kind: &str) -> Result<T, Error> {
    kind.parse().map_err(|_| Error::NotSent { reason: format!("{kind:?} is no type of event") })
}
