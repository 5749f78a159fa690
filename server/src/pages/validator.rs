//! The setup validator, and the pages that ask before something is changed in Stripe.

use app::pages::confirm::View as Confirm;
use app::pages::{Page, validator as setup};
use domain::event::USED_TYPES;
use domain::role::Role;
use gateway::PINNED_VERSION;

use super::{Ask, Loaded};
use crate::admin::customers::encoded;
use crate::ids;
use crate::validator::endpoint::Endpoint;
use crate::validator::{self, PATIENCE};

const PAGE: &str = "/admin/validator";

/// `/admin/validator`
pub(super) async fn validator(ask: &Ask<'_>) -> Loaded {
    let report = validator::run(ask.state, ask.livemode, PATIENCE).await?;
    Ok(Some(Page::Validator(setup::View {
        at: report.at,
        result: report.result(),
        report: report.text(),
        checks: report.checks,
        event_types: USED_TYPES,
        forward_to: ask.state.config.webhook_url(),
    })))
}

/// `/admin/validator/endpoint`
pub(super) fn create(ask: &Ask<'_>) -> Page {
    let url = ask.state.config.webhook_url();
    asked(
        format!("Create a webhook endpoint in {} mode?", ask.livemode),
        format!(
            "Stripe sends the {} types of events that are used to {url} from then on, in the API version {PINNED_VERSION}. The next page shows the endpoint's signing secret, once.",
            USED_TYPES.len()
        ),
        "/admin/validator/endpoint".to_owned(),
        "Create the endpoint",
        Role::Owner,
        // Sent twice, the form still makes one endpoint, and it makes it in the mode it asked about.
        vec![("form_id", ids::new("frm")), ("in_mode", ask.livemode.to_string())],
    )
}

/// `/admin/validator/endpoints/{id}/events`
pub(super) async fn add_types(ask: &Ask<'_>, id: &str) -> Loaded {
    let Some(gateway) = ask.state.gateway(ask.livemode) else { return Ok(None) };
    let missing = match tokio::time::timeout(PATIENCE, gateway.webhook_endpoints()).await {
        Ok(Ok(objects)) => {
            let known = Endpoint::all(&objects).into_iter().find(|endpoint| endpoint.id == id);
            let Some(endpoint) = known else { return Ok(None) };
            endpoint.missing()
        }
        // The form asks Stripe anew, and says what is wrong.
        Ok(Err(_)) | Err(_) => vec![],
    };
    let sentence = match missing.as_slice() {
        [] => format!("{id} sends every type that is used, too; what it sends already stays."),
        types => format!("{id} sends these as well: {}. What it sends already stays.", types.join(", ")),
    };
    Ok(Some(asked(
        format!("Add the missing types of events to {id}?"),
        sentence,
        format!("/admin/validator/endpoints/{}/events", encoded(id)),
        "Add the missing types",
        Role::Admin,
        vec![],
    )))
}

/// `/admin/validator/endpoints/{id}/enable`
pub(super) fn enable(ask: &Ask<'_>, id: &str) -> Option<Page> {
    ask.state.gateway(ask.livemode)?;
    Some(asked(
        format!("Enable {id} again?"),
        "Stripe sends events to it again. What happened while it was disabled is not sent later.".to_owned(),
        format!("/admin/validator/endpoints/{}/enable", encoded(id)),
        "Enable it again",
        Role::Admin,
        vec![],
    ))
}

fn asked(
    question: String,
    sentence: String,
    action: String,
    button: &str,
    role: Role,
    fields: Vec<(&'static str, String)>,
) -> Page {
    Page::Confirm(Box::new(Confirm {
        question,
        above: ("Set-up", PAGE.to_owned()),
        sentence,
        effects: vec![],
        action,
        fields,
        button: button.to_owned(),
        role,
        reason_required: false,
        back: PAGE.to_owned(),
    }))
}
