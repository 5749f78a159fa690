//! The pages of the installation itself: setup, API keys, staff.

use app::pages::validator::{Check, State};
use app::pages::{Page, keys, staff as people, validator as setup};
use domain::Timestamp;
use domain::event::USED_TYPES;
use store::records::ApiKeyRecord;

use super::{Ask, Loaded};

/// Refused deliveries older than this are history.
const LATELY_SECS: i64 = 24 * 3600;
/// Refused deliveries that are looked at.
const REFUSED: i64 = 100;

/// `/admin/validator`
pub(super) async fn validator(ask: &Ask<'_>) -> Loaded {
    let store = &ask.state.store;
    let (_, last_event_at) = store.event_stats(ask.livemode, ask.now).await?;
    let counts = store.nav_counts(ask.livemode).await?;
    let api_keys = store.api_keys().await?;
    let checks = vec![
        public_url(ask),
        webhook_secrets(ask),
        stripe_key(ask),
        last_event(ask, last_event_at),
        refused(ask).await?,
        super::versions::check(ask).await?,
        failed_events(counts.failed_events),
        catalog(ask, counts.prices_without_features),
        unattributed(counts.unattributed),
        api_key(ask, &api_keys),
    ];
    let forward_to = format!("{}/webhooks/stripe", ask.state.config.public_url);
    Ok(Some(Page::Validator(setup::View { checks, event_types: USED_TYPES, forward_to })))
}

pub(super) fn pass(name: &str, found: impl Into<String>) -> Check {
    Check { state: State::Pass, name: name.to_owned(), found: found.into(), fix: None, link: None }
}

pub(super) fn not_right(state: State, name: &str, found: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { state, fix: Some(fix.into()), ..pass(name, found) }
}

fn public_url(ask: &Ask<'_>) -> Check {
    let config = &ask.state.config;
    let name = "Public address";
    if config.is_secure() {
        return pass(name, format!("PUBLIC_URL is {}.", config.public_url));
    }
    let found = format!("It is {}, which is not https.", config.public_url);
    let fix = "Stripe sends live events to https alone. Set PUBLIC_URL to the address your proxy serves; a test on your own machine needs none.";
    not_right(if ask.livemode.is_live() { State::Fail } else { State::Warn }, name, found, fix)
}

fn webhook_secrets(ask: &Ask<'_>) -> Check {
    let secrets: Vec<String> = ask
        .state
        .config
        .webhook_secrets
        .iter()
        .map(|secret| format!("{} (ends in {})", secret.name, secret.last4()))
        .collect();
    let name = "Webhook signing secret";
    if secrets.is_empty() {
        let fix = "Set STRIPE_WEBHOOK_SECRET to the endpoint's signing secret (whsec_…) and start the program again.";
        return not_right(State::Fail, name, "There is none, so every delivery is refused.", fix);
    }
    pass(name, secrets.join(", "))
}

fn stripe_key(ask: &Ask<'_>) -> Check {
    let keys = &ask.state.config.stripe_keys;
    let mode = ask.livemode;
    let all: Vec<String> = keys.iter().map(|key| format!("{} ({})", key.redacted(), key.livemode())).collect();
    let name = "Stripe API key";
    if keys.iter().any(|key| key.livemode() == mode) {
        return pass(name, all.join(", "));
    }
    let found = if all.is_empty() { "There is none.".to_owned() } else { format!("Only {}.", all.join(", ")) };
    let fix = format!(
        "Without a key of {mode} mode nothing can be read again, and an event that needs it waits. Set STRIPE_SECRET_KEY; a restricted key that may read is enough."
    );
    not_right(State::Warn, name, found, fix)
}

fn last_event(ask: &Ask<'_>, at: Option<Timestamp>) -> Check {
    let name = "Webhooks arrive";
    match at {
        Some(at) => {
            let hours = (ask.now.millis() - at.millis()).max(0) / 3_600_000;
            let ago = if hours < 1 { "less than an hour ago".to_owned() } else { format!("{hours} h ago") };
            Check { link: Some(("Events", "/admin/events")), ..pass(name, format!("The last event came {ago}.")) }
        }
        None => {
            let fix = "Register the endpoint as described below, then change something in Stripe or send a test event.";
            not_right(State::Fail, name, format!("No event of {} mode has ever come.", ask.livemode), fix)
        }
    }
}

async fn refused(ask: &Ask<'_>) -> store::Result<Check> {
    let since = ask.now.plus_secs(-LATELY_SECS);
    let page = ask.state.store.rejected_deliveries(None, REFUSED).await?;
    let lately = page.data.iter().filter(|delivery| delivery.received_at >= since).count();
    let name = "Signatures match";
    let Some(newest) = page.data.first().filter(|_| lately > 0) else {
        return Ok(pass(name, "No delivery was refused in the last 24 hours."));
    };
    let more = if page.has_more && i64::try_from(lately) == Ok(REFUSED) { " or more" } else { "" };
    let found = format!("{lately}{more} refused in the last 24 hours, the newest for {}.", newest.failed_check);
    let check = not_right(State::Warn, name, found, newest.message.clone());
    Ok(Check { link: Some(("Refused deliveries", "/admin/events?status=rejected")), ..check })
}

fn failed_events(failed: i64) -> Check {
    let name = "Events are processed";
    if failed == 0 {
        return pass(name, "None has failed.");
    }
    let check = not_right(
        State::Warn,
        name,
        format!("{failed} failed."),
        "Read the error, mend its cause, process them again.",
    );
    Check { link: Some(("Failed events", "/admin/events?status=failed")), ..check }
}

fn catalog(ask: &Ask<'_>, paid_for_nothing: i64) -> Check {
    let catalog = ask.state.store.index().catalog(ask.livemode);
    let name = "Catalog";
    let link = Some(("Catalog", "/admin/catalog"));
    if catalog.features.is_empty() {
        let check =
            not_right(State::Fail, name, "There is no feature.", "Create the features your application asks for.");
        return Check { link: Some(("Features", "/admin/features")), ..check };
    }
    if catalog.prices.is_empty() && catalog.products.is_empty() {
        let check =
            not_right(State::Fail, name, "No price gives a feature.", "Say which price or product gives which.");
        return Check { link, ..check };
    }
    if paid_for_nothing > 0 {
        let found = format!("{paid_for_nothing} prices are paid for and give nothing.");
        return Check { link, ..not_right(State::Warn, name, found, "Give them features.") };
    }
    pass(name, format!("{} features; every price that is paid for gives some.", catalog.features.len()))
}

fn unattributed(customers: i64) -> Check {
    let name = "Payments have a user";
    if customers == 0 {
        return pass(name, "Every payment is linked to a user.");
    }
    let fix = "Link them, and give Checkout the user's id as client_reference_id.";
    let check = not_right(State::Warn, name, format!("{customers} customers are linked to nobody."), fix);
    Check { link: Some(("Unattributed", "/admin/unattributed")), ..check }
}

fn api_key(ask: &Ask<'_>, keys: &[ApiKeyRecord]) -> Check {
    let name = "API key of your application";
    let link = Some(("API keys", "/admin/api-keys"));
    let mut valid = keys.iter().filter(|key| key.livemode == ask.livemode && key.revoked_at.is_none()).peekable();
    if valid.peek().is_none() {
        let found = format!("There is none of {} mode.", ask.livemode);
        return Check { link, ..not_right(State::Fail, name, found, "Create one and give it to your application.") };
    }
    if valid.all(|key| key.last_used_at.is_none()) {
        let fix = "Ask for access from your application: GET /v1/access?user_id=…&feature=…";
        return Check { link, ..not_right(State::Warn, name, "It has never been used.", fix) };
    }
    pass(name, "It is there, and has been used.")
}

/// `/admin/api-keys`
pub(super) async fn api_keys(ask: &Ask<'_>) -> Loaded {
    let keys = ask.state.store.api_keys().await?;
    let keys = keys
        .into_iter()
        .map(|key| keys::Key {
            shown: format!("{}…{}", key.prefix, key.last4),
            id: key.api_key_id,
            name: key.name,
            livemode: key.livemode,
            scope: key.scope,
            created_at: key.created_at,
            created_by: key.created_by,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        })
        .collect();
    Ok(Some(Page::Keys(keys::View { keys })))
}

/// `/admin/staff`
pub(super) async fn staff(ask: &Ask<'_>) -> Loaded {
    let people = ask.state.store.staff().await?;
    let people = people
        .into_iter()
        .map(|person| people::Person {
            id: person.staff_id,
            name: person.name,
            email: person.email,
            role: person.role,
            last_seen_at: person.last_seen_at,
            disabled_at: person.disabled_at,
        })
        .collect();
    Ok(Some(Page::Staff(people::View { people })))
}
