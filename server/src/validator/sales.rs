//! What is sold and to whom: the catalog, payers without user, and whether the application asks.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use app::pages::validator::{Check, Group, State};
use domain::catalog::Catalog;
use domain::diagnosis::nearest_feature;
use domain::{Livemode, Timestamp};
use gateway::{Error, Gateway};
use serde_json::Value;
use store::records::{ApiKeyRecord, CatalogRow, TargetKind, UnknownFeature};
use tokio::task::JoinSet;

use super::deliveries::ago;
use super::stripe::Answered;
use super::subject::{Subject, counted, listed, see, sentence};

/// Ids that Stripe is asked for at once.
const ASKED: usize = 10;
const DAY_SECS: i64 = 86_400;

/// Prices and products that something is given by and that Stripe never told of.
pub(super) fn unheard_of(rows: &[CatalogRow]) -> Vec<(TargetKind, String)> {
    let unheard = rows.iter().filter(|row| {
        !row.grants.is_empty()
            && match row.kind {
                TargetKind::Price => row.price.is_none(),
                TargetKind::Product => row.product.is_none(),
            }
    });
    unheard.map(|row| (row.kind, row.id.clone())).collect()
}

/// Ids with what Stripe says of them.
pub(super) type Unheard = Vec<(String, Answered<Value>)>;

/// Asks Stripe for the first few of them.
pub(super) async fn ask(
    gateway: Option<&Arc<dyn Gateway>>,
    ids: Vec<(TargetKind, String)>,
    patience: Duration,
) -> Unheard {
    let Some(gateway) = gateway else { return vec![] };
    let mut questions = JoinSet::new();
    for (kind, id) in ids.into_iter().take(ASKED) {
        let gateway = Arc::clone(gateway);
        questions.spawn(async move {
            let question = async {
                match kind {
                    TargetKind::Price => gateway.price(&id).await,
                    TargetKind::Product => gateway.product(&id).await,
                }
            };
            let answer = Answered::within(patience, question).await;
            (id, answer)
        });
    }
    let mut answers = questions.join_all().await;
    answers.sort_by(|(a, _), (b, _)| a.cmp(b));
    answers
}

/// V12
pub(super) fn catalog(catalog: &Catalog, paid_for_nothing: i64, asked: &Unheard, livemode: Livemode) -> Check {
    let looked_at = "What each price and product gives, against what is paid for and what Stripe knows in this mode";
    let subject = Subject::new("V12", Group::Sales, "Catalog", looked_at);
    if catalog.features.is_empty() {
        let check = subject.fail("There is no feature.", "Create the features your application asks for.");
        return see(check, "Features", "/admin/features");
    }
    if catalog.prices.is_empty() && catalog.products.is_empty() {
        let check = subject.fail("No price gives a feature.", "Say which price or product gives which.");
        return see(check, "Catalog", "/admin/catalog");
    }
    // Stripe says so itself: "a similar object exists in live mode, but a test mode key was used".
    let missing = asked.iter().filter_map(|(id, answer)| match answer.error() {
        Some(Error::NotFound { message, .. }) => Some((id.as_str(), message.as_str())),
        _ => None,
    });
    let missing: Vec<(&str, &str)> = missing.collect();
    let elsewhere: Vec<&str> =
        missing.iter().filter(|(_, message)| message.contains("similar object exists")).map(|(id, _)| *id).collect();
    let check = if let Some((_, stripe_says)) = missing.iter().find(|(id, _)| elsewhere.contains(id)) {
        let other = Livemode::from_bool(!livemode.is_live());
        let found = format!(
            "{} in the catalog of {livemode} mode: an id of {other} mode. Stripe says: “{}”",
            listed(&elsewhere),
            sentence(stripe_says)
        );
        subject
            .fail(found, format!("Use the ids of {livemode} mode; what was copied keeps its id in its own mode alone."))
    } else if let Some((_, stripe_says)) = missing.first() {
        let ids: Vec<&str> = missing.iter().map(|(id, _)| *id).collect();
        let found = format!(
            "{} in the catalog, unknown to Stripe in {livemode} mode. Stripe says: “{}”",
            listed(&ids),
            sentence(stripe_says)
        );
        subject.warn(found, "Correct the id, or take away what it gives.")
    } else if paid_for_nothing > 0 {
        let found = format!("{} paid for that give nothing.", counted(paid_for_nothing, "price"));
        subject.warn(found, "Give them features.")
    } else {
        subject.pass(format!("Features: {}; every price that is paid for gives some.", catalog.features.len()))
    };
    see(check, "Catalog", "/admin/catalog")
}

/// V13
pub(super) fn attributed(customers: i64) -> Check {
    let subject =
        Subject::new("V13", Group::Sales, "Payments have a user", "Customers that pay and that no user is linked to");
    if customers == 0 {
        return subject.pass("Every payment is linked to a user.");
    }
    let fix = "Link them, and give Checkout the user's id as client_reference_id.";
    let check = subject.warn(format!("{} linked to nobody.", counted(customers, "customer")), fix);
    see(check, "Unattributed", "/admin/unattributed")
}

/// V14
pub(super) fn sold(catalog: &Catalog, mistyped: &[UnknownFeature]) -> Check {
    let looked_at =
        "Features that no price and no product gives, and keys your application asks for that are no features";
    let subject = Subject::new("V14", Group::Sales, "Features are sold", looked_at);
    if catalog.features.is_empty() {
        return subject.skip("There is no feature.");
    }
    if let Some(most) = mistyped.first() {
        let nearest = nearest_feature(catalog, &most.feature);
        let nearest = nearest.map(|key| format!(" The nearest to {} is {key}.", most.feature)).unwrap_or_default();
        let asked: Vec<String> =
            mistyped.iter().map(|asked| format!("{} ({})", asked.feature, counted(asked.times, "time"))).collect();
        let found = format!(
            "In the last 7 days your application asked for {}, of which the catalog knows nothing.{nearest}",
            listed(&asked)
        );
        let fix = "Create the feature, or correct the key in your application: the answer is always no.";
        return see(subject.warn(found, fix), "Features", "/admin/features");
    }
    let given: HashSet<&str> = catalog
        .prices
        .values()
        .chain(catalog.products.values())
        .flatten()
        .map(|grant| grant.feature.as_str())
        .collect();
    let mut unsold: Vec<&str> =
        catalog.features.keys().map(String::as_str).filter(|feature| !given.contains(feature)).collect();
    unsold.sort_unstable();
    if unsold.is_empty() {
        return subject.pass("Something gives each of them.");
    }
    let check = subject.warn(
        format!("Nothing gives {}: whoever has it has it by hand.", listed(&unsold)),
        "Give it to a price or a product, or delete it. Features for grants by hand alone are fine.",
    );
    see(check, "Features", "/admin/features")
}

/// V15
pub(super) fn asked_for(keys: &[ApiKeyRecord], livemode: Livemode, now: Timestamp) -> Check {
    let looked_at = format!("API keys of {livemode} mode, and when each was last used");
    let subject = Subject::new("V15", Group::Sales, "Your application asks", looked_at);
    let valid = keys.iter().filter(|key| key.livemode == livemode && key.is_active(now));
    let check = match valid.clone().max_by_key(|key| key.last_used_at) {
        None => subject
            .fail(format!("There is no API key of {livemode} mode."), "Create one and give it to your application."),
        Some(key) => match key.last_used_at {
            None => subject.warn(
                format!(
                    "{} of {livemode} mode, never used.",
                    counted(i64::try_from(valid.count()).unwrap_or(i64::MAX), "key")
                ),
                "Ask for access from your application: GET /v1/access?user_id=…&feature=…",
            ),
            Some(at) => {
                let state = if at < now.plus_secs(-DAY_SECS) { State::Warn } else { State::Pass };
                let found = format!("“{}” (…{}) was last used {}.", key.name, key.last4, ago(at, now));
                subject.stands(state, found, "Nobody asked for a day: is your application running, with this key?")
            }
        },
    };
    see(check, "API keys", "/admin/api-keys")
}
