//! API keys of the host application.

use app::pages::once::Secret;
use app::pages::{Page, keys};
use domain::role::Scope;
use domain::{Livemode, Timestamp};
use store::records::{ApiKeyRecord, ApiKeyTerms};

use super::customers::encoded;
use super::flash::Flash;
use super::post::{Outcome, Posted};
use super::until;
use crate::auth::api_key;
use crate::auth::network::Networks;
use crate::pages::{keys as shown, moment};

const PAGE: &str = "/admin/api-keys";
const DAY: i64 = 86_400;

type Errors = Vec<(String, String)>;

/// Makes a key, which the next page shows once.
pub async fn create(posted: Posted) -> Outcome {
    let name = posted.fields.get("name").to_owned();
    let mut errors = Vec::new();
    if name.is_empty() || name.chars().count() > 100 {
        errors.push(("name".to_owned(), "Give it a name of 1 to 100 characters.".to_owned()));
    }
    let livemode = posted.fields.opt("mode").map_or(Some(posted.livemode), Livemode::parse);
    if livemode.is_none() {
        errors.push(("mode".to_owned(), "Choose test or live.".to_owned()));
    }
    let scope = Scope::parse(posted.fields.get("scope"));
    if scope.is_none() {
        errors.push(("scope".to_owned(), "Choose check, read, write or admin.".to_owned()));
    }
    let terms = terms(&posted, &ApiKeyTerms::default(), &mut errors);
    let (Some(livemode), Some(scope), true) = (livemode, scope, errors.is_empty()) else {
        return Outcome::Invalid { page: PAGE.to_owned(), errors };
    };
    let author = posted.author();
    let (key, record) = match api_key::create(&name, livemode, scope, &author.actor, author.now) {
        Ok((key, record)) => (key, ApiKeyRecord { terms, ..record }),
        Err(error) => return Outcome::Failed(error),
    };
    match posted.state.store.add_api_key(&record, &author).await {
        Ok(()) => created(&posted, record, key, None),
        Err(error) => error.into(),
    }
}

/// Changes until when, from where and how often a key may be used.
pub async fn update(mut posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    let key = match posted.state.store.api_key(&id).await {
        Ok(Some(key)) => key,
        Ok(None) => return Outcome::NotFound,
        Err(error) => return error.into(),
    };
    let page = path(&id);
    if !key.is_active(posted.state.now()) {
        return over(page);
    }
    // Keys of both modes stand on one page.
    posted.livemode = key.livemode;
    match posted.overtaken(("api_key", &id), |entry| entry.action != "api_key.create").await {
        Ok(None) => {}
        Ok(Some(by)) => return Outcome::Overtaken { page, by },
        Err(error) => return error.into(),
    }
    let mut errors = Vec::new();
    let terms = terms(&posted, &key.terms, &mut errors);
    if !errors.is_empty() {
        return Outcome::Invalid { page, errors };
    }
    match posted.state.store.update_api_key(&id, &terms, &posted.author()).await {
        Ok(true) => Outcome::done(page, format!("{} is changed. It counts within a second.", key.name)),
        Ok(false) => over(page),
        Err(error) => error.into(),
    }
}

/// Makes a key that takes the place of another, which goes on working for a while.
pub async fn rotate(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    let store = &posted.state.store;
    let old = match store.api_key(&id).await {
        Ok(Some(old)) => old,
        Ok(None) => return Outcome::NotFound,
        Err(error) => return error.into(),
    };
    let author = posted.author();
    if !old.is_active(author.now) || old.replaced_by.is_some() {
        return over(path(&id));
    }
    let mut errors = Vec::new();
    let overlap = match posted.fields.get("overlap") {
        "" | "24h" => Some(DAY),
        "7d" => Some(7 * DAY),
        "none" => Some(0),
        _ => None,
    };
    if overlap.is_none() {
        errors.push(("overlap".to_owned(), "Choose 24 hours, 7 days or not at all.".to_owned()));
    }
    let (key, mut record) = match api_key::successor(&old, &author.actor, author.now) {
        Ok(made) => made,
        Err(error) => return Outcome::Failed(error),
    };
    record.terms.expires_at = expiry(&posted, record.terms.expires_at, &mut errors);
    let Some(overlap) = overlap.filter(|_| errors.is_empty()) else {
        return Outcome::Invalid { page: format!("{}/rotate", path(&id)), errors };
    };
    let end = author.now.plus_secs(overlap);
    match store.rotate_api_key(&record, end, &author).await {
        Ok(true) => {
            let until = (overlap > 0).then(|| old.terms.expires_at.map_or(end, |own| own.min(end)));
            let rotated = keys::Rotated { old: shown::other(&old), until };
            created(&posted, record, key, Some(rotated))
        }
        Ok(false) => over(path(&id)),
        Err(error) => error.into(),
    }
}

/// Revokes a key.
pub async fn revoke(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    match posted.state.store.revoke_api_key(&id, &posted.author()).await {
        Ok(true) => Outcome::done(PAGE, "The key is revoked: it opens nothing any more."),
        Ok(false) => Outcome::NotFound,
        Err(error) => error.into(),
    }
}

fn path(id: &str) -> String {
    format!("{PAGE}/{}", encoded(id))
}

/// It is too late for that.
fn over(page: String) -> Outcome {
    let flash = Flash::bad("Nothing was changed: this key has ended, or another took its place already.");
    Outcome::Done { to: page, flash }
}

/// The page with a new key, this once.
fn created(posted: &Posted, record: ApiKeyRecord, key: String, rotated: Option<keys::Rotated>) -> Outcome {
    let public_url = posted.state.config.public_url.trim_end_matches('/').to_owned();
    Outcome::Shown(Box::new(Page::KeyCreated(keys::Created {
        id: record.api_key_id,
        name: record.name,
        livemode: record.livemode,
        scope: record.scope,
        expires_at: record.terms.expires_at,
        addresses: record.terms.addresses,
        key: Secret(key),
        public_url,
        rotated,
    })))
}

/// The terms that a form asks for. A field that it does not have leaves them as they are now; an empty one means none.
fn terms(posted: &Posted, now: &ApiKeyTerms, errors: &mut Errors) -> ApiKeyTerms {
    let expires_at = expiry(posted, now.expires_at, errors);
    let mut refuse = |field: &str, why: String| errors.push((field.to_owned(), why));
    let has = |field: &str| posted.fields.0.iter().any(|(name, _)| name == field);
    let addresses = match Networks::parse(posted.fields.raw("addresses")) {
        Ok(networks) if has("addresses") => networks.texts(),
        Ok(_) => now.addresses.clone(),
        Err(why) => {
            refuse("addresses", why);
            vec![]
        }
    };
    let mut rate = |field: &str, now: Option<u32>| {
        if !has(field) {
            return now;
        }
        api_key::rate(posted.fields.get(field)).unwrap_or_else(|why| {
            refuse(field, why);
            None
        })
    };
    let (check_rate, request_rate) = (rate("check_rate", now.check_rate), rate("request_rate", now.request_rate));
    ApiKeyTerms { expires_at, addresses, check_rate, request_rate }
}

/// When the key is to end: `keep` and `same` mean `now`.
fn expiry(posted: &Posted, now: Option<Timestamp>, errors: &mut Errors) -> Option<Timestamp> {
    let fields = &posted.fields;
    let zone = moment::zone(fields.opt("zone"));
    let (choice, field) = match fields.get("expires") {
        "" | "keep" | "same" => return now,
        "at" => ("at", "until_at"),
        days @ ("30d" | "90d" | "365d" | "never") => (days, "expires"),
        _ => {
            errors.push(("expires".to_owned(), "Choose when it expires.".to_owned()));
            return now;
        }
    };
    let end = match choice {
        "at" => until::end(choice, fields.get("until_at"), &zone, posted.state.now()),
        other => api_key::expiry(other, posted.state.now()),
    };
    end.unwrap_or_else(|why| {
        errors.push((field.to_owned(), why));
        now
    })
}
