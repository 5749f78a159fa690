//! Signatures: which secret verified what, and which mistake explains what was refused.

use std::time::Duration;

use app::pages::validator::{Check, Group};
use domain::Livemode;
use gateway::Error;
use gateway::signature::{Check as Refusal, Secret};
use serde_json::Value;
use store::records::{EventRecord, RejectedDelivery};

use super::endpoint::Standing;
use super::stripe::Answered;
use super::subject::{Subject, listed, see, sentence};

/// What Stripe says of an event whose delivery was refused.
pub(super) struct Asked {
    /// `evt_…`
    pub(super) event: String,
    /// The event, if this key's account and mode have it.
    pub(super) answer: Answered<Value>,
}

/// Deliveries of the last day that were refused because no secret fits.
pub(super) fn mismatches(refused: &[RejectedDelivery]) -> Vec<&RejectedDelivery> {
    refused.iter().filter(|delivery| delivery.failed_check == Refusal::SignatureMismatch.as_str()).collect()
}

/// The event a refused body is about, if it begins like one. Nobody vouches for it: it is only good for asking Stripe.
pub(super) fn event_of(refused: &RejectedDelivery) -> Option<String> {
    let start = refused.body_start.find("\"evt_")? + 1;
    let id: String =
        refused.body_start[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').take(255).collect();
    (id.len() > "evt_".len()).then_some(id)
}

/// V07
pub(super) fn verified(
    secrets: &[Secret],
    livemode: Livemode,
    endpoint: &Standing,
    recent: &[EventRecord],
    refused: &[RejectedDelivery],
    asked: Option<&Asked>,
) -> Check {
    let subject = Subject::new(
        "V07",
        Group::Webhooks,
        "Signing secret",
        "STRIPE_WEBHOOK_SECRET, the newest deliveries, and those refused in the last 24 hours",
    );
    if secrets.is_empty() {
        let fix = "Set STRIPE_WEBHOOK_SECRET to the endpoint's signing secret (whsec_…) and start the program again.";
        return subject.fail("There is none, so every delivery is refused.", fix);
    }
    let names: Vec<String> =
        secrets.iter().map(|secret| format!("“{}” (ends in {})", secret.name, secret.last4())).collect();
    let names = listed(&names);
    let verified = recent.iter().filter_map(|event| Some((event, event.secret_name.as_deref()?)));
    let verified = verified.max_by_key(|(event, _)| event.received_at);
    let mismatches = mismatches(refused);
    if let Some(newest) = mismatches.first() {
        let which = asked.map_or_else(|| "a delivery".to_owned(), |asked| format!("the delivery of {}", asked.event));
        let refusal = format!("None of {names} made the signature of {which} at {}.", newest.received_at);
        let is_ours = asked.is_some_and(|asked| matches!(asked.answer, Answered::Yes(_)));
        let about = asked.and_then(|asked| known_to_stripe(asked, livemode));
        let found = |more: &str| {
            let parts = [Some(refusal.as_str()), about.as_deref(), Some(more)];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        let check = match (verified.filter(|(event, _)| event.received_at > newest.received_at), endpoint) {
            (Some((event, secret)), _) => subject.warn(
                found(&format!(
                    "“{secret}” verified {} after that: events come from two senders, such as an endpoint and `stripe listen`, and the secret of one is not set.",
                    event.event_id
                )),
                "Set both secrets in STRIPE_WEBHOOK_SECRET, separated by a comma, or stop the sender that is not meant.",
            ),
            // Whoever knows the address can send something that is not signed: only what Stripe knows of says that the secret is wrong.
            (None, _) if verified.is_some() && !is_ours => subject.warn(
                found("A secret that is set verified a delivery before that, so somebody else may have sent it, or another account or mode."),
                "If it comes again, compare STRIPE_WEBHOOK_SECRET with the secret on the endpoint's page in Stripe.",
            ),
            (None, Standing::Ours(endpoint, _)) => subject.fail(
                found(&format!(
                    "Stripe's endpoint {} sends here, so a secret of `stripe listen` or of another endpoint is set where that of {0} belongs.",
                    endpoint.id
                )),
                format!(
                    "Open {} in Stripe's Dashboard, Developers, Webhooks, show its signing secret, set it in STRIPE_WEBHOOK_SECRET, and start the program again.",
                    endpoint.id
                ),
            ),
            (None, Standing::Absent { .. }) => subject.fail(
                found(&format!(
                    "No endpoint in Stripe sends here in {livemode} mode, so `stripe listen` brought it, and the secret of an endpoint is set where that of `stripe listen` belongs."
                )),
                "Set STRIPE_WEBHOOK_SECRET to the whsec_… that `stripe listen` prints when it starts, and start the program again.",
            ),
            (None, Standing::NoKey | Standing::Unknown(_)) => subject.fail(
                found("Each endpoint has a secret of its own, and `stripe listen` has another."),
                "Compare STRIPE_WEBHOOK_SECRET with the secret on the endpoint's page in Stripe, or with the one `stripe listen` printed.",
            ),
        };
        return see(check, "Refused deliveries", "/admin/events?status=rejected");
    }
    let other = refused.iter().find(|delivery| !delivery.failed_check.starts_with("timestamp"));
    if let Some(newest) = other {
        let found = format!(
            "{} refused in the last 24 hours, the newest at {} for {}.",
            refused.len(),
            newest.received_at,
            newest.failed_check
        );
        return see(subject.warn(found, newest.message.clone()), "Refused deliveries", "/admin/events?status=rejected");
    }
    match verified {
        Some((event, secret)) => {
            subject.pass(format!("“{secret}” verified {} at {}.", event.event_id, event.received_at))
        }
        None => subject.warn(
            format!("{names}: nothing was delivered yet that could show whether it is right."),
            "Change something in Stripe, such as a customer's description, and run the checks again.",
        ),
    }
}

/// Whether the account and mode of our key have the event, in words.
fn known_to_stripe(asked: &Asked, livemode: Livemode) -> Option<String> {
    match &asked.answer {
        Answered::Yes(_) => Some(format!("It is an event of this account in {livemode} mode.")),
        Answered::No(Error::NotFound { message, .. }) => Some(format!(
            "Our key's account has no such event in {livemode} mode, so it came from another account or mode ({}).",
            sentence(message).trim_end_matches('.')
        )),
        Answered::No(_) | Answered::Late(_) => None,
    }
}

/// Asks Stripe whether it knows the event of a refused delivery.
pub(super) async fn ask(
    gateway: Option<&std::sync::Arc<dyn gateway::Gateway>>,
    refused: &[RejectedDelivery],
    patience: Duration,
) -> Option<Asked> {
    let event = event_of(mismatches(refused).first()?)?;
    let answer = Answered::within(patience, gateway?.event(&event)).await;
    Some(Asked { event, answer })
}
