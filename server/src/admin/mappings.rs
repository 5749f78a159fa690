//! Which Stripe customer is which user: link, move, unlink, settle conflicts.

use domain::mapping::MappingSource;
use domain::role::Role;
use store::records::{Author, Resolution};

use super::customers;
use super::flash::Flash;
use super::overrides::MIN_REASON;
use super::post::{Outcome, Posted};
use super::undo::{self, Change};
use crate::config::is_email;

const PAGE: &str = "/admin/mappings";

/// Links a customer to a user. Support staff link those nobody is linked to; moving one needs an admin.
pub async fn link(posted: Posted) -> Outcome {
    let page = posted.back_to(PAGE);
    let customer_id = match posted.param("id") {
        "" => posted.fields.get("customer_id").to_owned(),
        id => id.to_owned(),
    };
    let user_id = posted.fields.get("user_id").to_owned();
    let mut errors = Vec::new();
    if !customer_id.starts_with("cus_") || customer_id.len() > 255 {
        errors.push(("customer_id".to_owned(), "The id of a Stripe customer, which starts with cus_.".to_owned()));
    }
    if user_id.is_empty() || user_id.chars().count() > 255 {
        errors.push(("user_id".to_owned(), "The user's id in your application: 1 to 255 characters.".to_owned()));
    }
    if !errors.is_empty() {
        return Outcome::Invalid { page, errors };
    }
    let (store, livemode) = (&posted.state.store, posted.livemode);
    let before = match store.mapping(livemode, &customer_id).await {
        Ok(before) => before,
        Err(error) => return error.into(),
    };
    match &before {
        Some(before) if before.user_id == user_id => {
            return Outcome::done(page, format!("{customer_id} was linked to {user_id} already."));
        }
        Some(_) if posted.actor.role < Role::Admin => {
            return Outcome::Forbidden("Moving a customer to another user needs the role admin.".into());
        }
        Some(_) if posted.fields.get("reason").chars().count() < MIN_REASON => {
            let query = app::components::address(
                "/admin/mappings/link",
                &[("customer_id", &customer_id), ("user_id", &user_id), ("return_to", &page)],
            );
            return Outcome::invalid(query, "reason", format!("Say why, in at least {MIN_REASON} characters."));
        }
        Some(_) => {}
        // Support staff link who paid; a customer nobody ever heard of is an admin's to foresee.
        None if posted.actor.role < Role::Admin => match store.customer(livemode, &customer_id).await {
            Ok(Some(_)) => {}
            Ok(None) => {
                return Outcome::invalid(
                    page,
                    "customer_id",
                    "No customer of this id is known here. An admin can link it in advance.",
                );
            }
            Err(error) => return error.into(),
        },
        None => {}
    }
    let author = posted.author();
    match store.put_mapping(livemode, &customer_id, &user_id, MappingSource::Staff, &author).await {
        Ok(_) => {
            posted.state.worker.wake();
            let words = match before {
                Some(before) => format!("{customer_id} moved from {} to {user_id}.", before.user_id),
                None => format!("{customer_id} is linked to {user_id}. Its events are taken into account."),
            };
            told(&posted, &author, page, words, ("mapping.put", &customer_id)).await
        }
        Err(error) => error.into(),
    }
}

/// Takes a link away.
pub async fn unlink(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    let author = posted.author();
    match posted.state.store.delete_mapping(posted.livemode, &id, &author).await {
        Ok(true) => {
            let words = format!("{id} is linked to no user any more.");
            told(&posted, &author, posted.back_to(PAGE), words, ("mapping.delete", &id)).await
        }
        Ok(false) => Outcome::NotFound,
        Err(error) => error.into(),
    }
}

/// Settles a conflict: keep, or move.
pub async fn resolve(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    let page = posted.back_to(PAGE);
    let conflict = match posted.state.store.conflict(&id).await {
        Ok(Some(conflict)) if conflict.livemode == posted.livemode => conflict,
        Ok(_) => return Outcome::NotFound,
        Err(error) => return error.into(),
    };
    let resolution = match posted.fields.get("resolution") {
        "keep" => Resolution::Keep,
        "move" => Resolution::Move,
        _ => return Outcome::invalid(page, "resolution", "Choose keep or move."),
    };
    let author = posted.author();
    match posted.state.store.resolve_conflict(&id, resolution, &author).await {
        Ok(true) => {
            posted.state.worker.wake();
            let (user, action) = match resolution {
                Resolution::Keep => (&conflict.mapped_user_id, "conflict.keep"),
                Resolution::Move => (&conflict.claimed_user_id, "mapping.put"),
            };
            let words = format!("{} belongs to {user}.", conflict.customer_id);
            told(&posted, &author, page, words, (action, &conflict.customer_id)).await
        }
        Ok(false) => Outcome::Done { to: page, flash: Flash::bad("This conflict was settled already.") },
        Err(error) => error.into(),
    }
}

/// Says what the change of a customer's mapping came to.
async fn told(posted: &Posted, author: &Author, to: String, words: String, (action, id): (&str, &str)) -> Outcome {
    let change = Change { action, object: ("customer", id), cause: ("mapping", vec![id.to_owned()]) };
    undo::done(posted, author, to, words, &[change]).await
}

/// Tells us of a user, so that an override or a link can name them.
pub async fn put_user(posted: Posted) -> Outcome {
    let user_id = posted.fields.get("user_id").to_owned();
    let (email, name) = (posted.fields.opt("email"), posted.fields.opt("name"));
    let mut errors = Vec::new();
    if user_id.is_empty() || user_id.chars().count() > 255 {
        errors.push(("user_id".to_owned(), "The user's id in your application: 1 to 255 characters.".to_owned()));
    }
    if email.is_some_and(|email| !is_email(email)) {
        errors.push(("email".to_owned(), "An e-mail address, such as ada@example.com, or nothing.".to_owned()));
    }
    if name.is_some_and(|name| name.chars().count() > 200) {
        errors.push(("name".to_owned(), "At most 200 characters.".to_owned()));
    }
    if !errors.is_empty() {
        return Outcome::Invalid { page: "/admin/customers".into(), errors };
    }
    match posted.state.store.put_user(posted.livemode, &user_id, email, name, &posted.author()).await {
        Ok(_) => Outcome::done(customers::path(&user_id), format!("{user_id} is known from now on.")),
        Err(error) => error.into(),
    }
}
