//! The key of Stripe's API: whether it is valid, of which mode, and what it may read.

use app::pages::validator::{Check, Group, State};
use domain::{Livemode, Timestamp};
use gateway::{Error, Resource};

use super::stripe::Asked;
use super::subject::{Subject, listed, sentence};
use crate::config::Config;

/// When the newest events came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Newest {
    /// Of the mode that is looked at.
    pub(super) here: Option<Timestamp>,
    /// Of the other mode.
    pub(super) other: Option<Timestamp>,
    /// Of this mode, and thin.
    pub(super) thin: Option<Timestamp>,
}

const FIX: &str = "Set STRIPE_SECRET_KEY to a key of each mode whose events come here, separated by a comma; a restricted key that may read is enough.";

/// V02
pub(super) fn valid(config: &Config, livemode: Livemode, asked: Option<&Asked>, newest: Newest) -> Check {
    let looked_at = format!("STRIPE_SECRET_KEY of {livemode} mode, and what Stripe answers to it");
    let subject = Subject::new("V02", Group::Key, "Key of this mode", looked_at);
    let keys = |mode: Livemode| config.stripe_keys.iter().find(|key| key.livemode() == mode).map(|key| key.redacted());
    let other = Livemode::from_bool(!livemode.is_live());
    let Some(asked) = asked else {
        let only = keys(other).map_or_else(|| "there is no key".to_owned(), |key| format!("the only key is {key}"));
        return match newest.here {
            Some(at) => subject.fail(
                format!(
                    "Events of {livemode} mode come (the newest at {at}), and {only}: with {livemode} events and no {livemode} key nothing of them can be read again."
                ),
                FIX,
            ),
            None => subject.warn(format!("There is none of {livemode} mode: {only}."), FIX),
        };
    };
    let key = keys(livemode).unwrap_or_default();
    if let Some(error) = asked.unauthorized() {
        let fix =
            "Copy the key again from Stripe's Dashboard, Developers, API keys: it was rolled, deleted, or cut off.";
        return subject.fail(sentence(&error.to_string()), fix);
    }
    let stranger = asked.answers.iter().filter_map(|(_, answer)| answer.answer()).find_map(|(probe, _)| {
        let object = probe.objects.first()?;
        (object["livemode"].as_bool()? != livemode.is_live()).then(|| object["id"].as_str().unwrap_or("an object"))
    });
    if let Some(id) = stranger {
        let found = format!("Stripe answers to {key} with {id}, which is of {other} mode.");
        return subject.fail(found, "Set the key of the account and mode that the events come from.");
    }
    let is_accepted = asked.answers.iter().any(|(_, answer)| {
        answer.answer().is_some() || matches!(answer.error(), Some(Error::Forbidden { .. } | Error::RateLimited { .. }))
    });
    if !is_accepted {
        let why = asked.answers.iter().find_map(|(_, answer)| answer.failure()).unwrap_or_default();
        return subject.warn(format!("Whether {key} is valid cannot be told. {why}"), "Run the checks again later.");
    }
    match newest.other.filter(|_| keys(other).is_none()) {
        Some(at) => subject.warn(
            format!(
                "Stripe accepts {key}. But events of {other} mode come too (the newest at {at}), and there is no key of {other} mode: a {livemode} key with {other} events."
            ),
            FIX,
        ),
        None => subject.pass(format!("Stripe accepts {key}, a key of {livemode} mode.")),
    }
}

/// V03
pub(super) fn permissions(asked: Option<&Asked>) -> Check {
    let names = Resource::ALL.map(Resource::name);
    let looked_at = format!("A read of each: {}", names.join(", "));
    let subject = Subject::new("V03", Group::Key, "Permissions of the key", looked_at);
    let Some(asked) = asked else { return subject.skip("There is no key of this mode.") };
    if asked.unauthorized().is_some() {
        return subject.skip("Stripe does not accept the key.");
    }
    let mut forbidden: Vec<(Resource, &str)> = vec![];
    let mut unknown: Vec<(Resource, String)> = vec![];
    for (resource, answer) in &asked.answers {
        match (answer.error(), answer.failure()) {
            (Some(Error::Forbidden { message, .. }), _) => forbidden.push((*resource, message)),
            (_, Some(failure)) => unknown.push((*resource, failure)),
            (_, None) => {}
        }
    }
    if let Some((_, stripe_says)) = forbidden.first() {
        let missing: Vec<&str> = forbidden.iter().map(|(resource, _)| resource.name()).collect();
        let missing = listed(&missing);
        let found = format!("The key may not read {missing}. Stripe says: “{stripe_says}”");
        let fix = format!(
            "In Stripe's Dashboard, Developers, API keys, edit the restricted key and choose Read for {missing}; or set a key that may."
        );
        let is_needed = forbidden.iter().any(|(resource, _)| resource.is_needed());
        return subject.stands(if is_needed { State::Fail } else { State::Warn }, found, fix);
    }
    if let Some((_, why)) = unknown.first() {
        let names: Vec<&str> = unknown.iter().map(|(resource, _)| resource.name()).collect();
        let found = format!("Whether the key may read {} cannot be told. {why}", listed(&names));
        return subject.warn(found, "Run the checks again later. If it stays, look at status.stripe.com.");
    }
    subject.pass("The key may read all of it.")
}
