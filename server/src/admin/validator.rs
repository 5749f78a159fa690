//! What the setup validator offers to do in Stripe. Each form looks at Stripe first, so that sending it again does no harm.

use std::collections::HashMap;
use std::sync::Arc;

use app::pages::once::Secret;
use app::pages::{Page, validator as setup};
use domain::event::USED_TYPES;
use gateway::{EndpointChange, Error, Gateway, NewEndpoint};
use serde_json::{Value, json};

use super::flash::Flash;
use super::post::{Outcome, Posted};
use crate::ids;
use crate::validator::endpoint::{Endpoint, MADE_BY, is_in_reach};
use crate::worker::SyncError;

const PAGE: &str = "/admin/validator";

/// Makes an endpoint with our address, and shows its signing secret.
pub async fn create(posted: Posted) -> Outcome {
    let config = &posted.state.config;
    let url = config.webhook_url();
    if !is_in_reach(config) {
        return said(&format!(
            "Stripe cannot send to {url}, which is on this machine: use `stripe listen`, or set PUBLIC_URL."
        ));
    }
    if posted.livemode.is_live() && !config.is_secure() {
        return said(&format!("Stripe sends live events to https alone, and {url} is not: set PUBLIC_URL."));
    }
    if posted.fields.opt("in_mode").is_some_and(|mode| mode != posted.livemode.as_str()) {
        return said("Nothing was made: the app shows the other mode by now. Look at the checks of this one first.");
    }
    let form = posted.fields.opt("form_id").map_or_else(|| ids::new("frm"), str::to_owned);
    let (gateway, endpoints) = match look(&posted).await {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    // The same form again gets the same answer from Stripe, secret included: the first one may have been lost on its way.
    let ours = endpoints.iter().find(|endpoint| endpoint.sends_to(&url));
    if let Some(endpoint) = ours.filter(|endpoint| endpoint.made_by.as_deref() != Some(form.as_str())) {
        return said(&format!(
            "{} sends to {url} already; its signing secret stands on its page in Stripe's Dashboard, Developers, Webhooks.",
            endpoint.id
        ));
    }
    let new = NewEndpoint {
        url: url.clone(),
        event_types: USED_TYPES.iter().map(|kind| (*kind).to_owned()).collect(),
        description: "Tollkeeper".to_owned(),
        metadata: HashMap::from([(MADE_BY.to_owned(), form.clone())]),
    };
    match gateway.create_webhook_endpoint(&new, &form).await {
        Ok(made) => {
            let details = json!({ "url": url, "enabled_events": USED_TYPES, "shown_again": ours.is_some() });
            audit(&posted, "webhook_endpoint.create", &made.id, &details).await;
            Outcome::Shown(Box::new(Page::EndpointCreated(setup::Created {
                endpoint: made.id,
                url,
                secret: Secret(made.secret),
                has_others: !config.webhook_secrets.is_empty(),
            })))
        }
        Err(error) => refused(&error, "add an endpoint with the address and the types shown below"),
    }
}

/// Adds the types that are used and not sent; those that are sent stay.
pub async fn add_types(posted: Posted) -> Outcome {
    let (gateway, endpoint) = match look_for(&posted).await {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    let missing = endpoint.missing();
    if missing.is_empty() {
        return Outcome::done(PAGE, format!("{} sends all of them already.", endpoint.id));
    }
    let types = endpoint.types.iter().cloned().chain(missing.iter().map(|kind| (*kind).to_owned())).collect();
    match gateway.change_webhook_endpoint(&endpoint.id, &EndpointChange::EventTypes(types)).await {
        Ok(_) => {
            audit(&posted, "webhook_endpoint.add_events", &endpoint.id, &json!({ "added": missing })).await;
            Outcome::done(PAGE, format!("{} sends {} as well from now on.", endpoint.id, missing.join(", ")))
        }
        Err(error) => refused(&error, "choose the missing types on the endpoint's page"),
    }
}

/// Makes an endpoint send again.
pub async fn enable(posted: Posted) -> Outcome {
    let (gateway, endpoint) = match look_for(&posted).await {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    if endpoint.is_enabled {
        return Outcome::done(PAGE, format!("{} is enabled already.", endpoint.id));
    }
    match gateway.change_webhook_endpoint(&endpoint.id, &EndpointChange::Enable).await {
        Ok(_) => {
            audit(&posted, "webhook_endpoint.enable", &endpoint.id, &json!({ "url": endpoint.url })).await;
            Outcome::done(PAGE, format!("{} is enabled: Stripe sends events to it again.", endpoint.id))
        }
        Err(error) => refused(&error, "enable it on its page"),
    }
}

/// The account's endpoints, as Stripe has them now.
async fn look(posted: &Posted) -> Result<(Arc<dyn Gateway>, Vec<Endpoint>), Outcome> {
    let Some(gateway) = posted.state.gateway(posted.livemode) else {
        return Err(said(&format!("Nothing was changed: {}.", SyncError::NoKey(posted.livemode))));
    };
    match gateway.webhook_endpoints().await {
        Ok(objects) => Ok((Arc::clone(gateway), Endpoint::all(&objects))),
        Err(error) => Err(refused(&error, "look at the endpoints")),
    }
}

/// The endpoint that the form's path names.
async fn look_for(posted: &Posted) -> Result<(Arc<dyn Gateway>, Endpoint), Outcome> {
    let (gateway, endpoints) = look(posted).await?;
    // Those of other systems are none of ours.
    let url = posted.state.config.webhook_url();
    let named = endpoints.into_iter().find(|endpoint| endpoint.id == posted.param("id") && endpoint.sends_to(&url));
    named.map(|endpoint| (gateway, endpoint)).ok_or(Outcome::NotFound)
}

/// Stripe has done it by now, so a log that cannot be written does not undo it.
async fn audit(posted: &Posted, action: &str, endpoint: &str, details: &Value) {
    let object = ("webhook_endpoint", endpoint);
    let noted = posted.state.store.note_audit(Some(posted.livemode), action, object, details, &posted.author()).await;
    if let Err(error) = noted {
        tracing::error!(%error, action, endpoint, "a change made in Stripe is missing from the audit log");
    }
}

fn said(message: &str) -> Outcome {
    Outcome::Done { to: PAGE.to_owned(), flash: Flash::bad(message) }
}

/// What Stripe said to it, and what a person can click instead.
fn refused(error: &Error, instead: &str) -> Outcome {
    let by_hand = format!("in Stripe's Dashboard, Developers, Webhooks, {instead}");
    match error {
        Error::Forbidden { .. } => said(&format!(
            "Nothing was changed: {error}. It needs Write for Webhook Endpoints. Or do it by hand: {by_hand}."
        )),
        Error::Unavailable { .. } => {
            said(&format!("{error}. Whether it was done the checks below say. By hand: {by_hand}."))
        }
        error => said(&format!("Nothing was changed: {error}. By hand: {by_hand}.")),
    }
}
