//! Which Stripe customer is which user: link, move, unlink, settle conflicts.

use domain::mapping::MappingSource;
use domain::role::Role;
use store::records::Resolution;

use super::customers;
use super::flash::Flash;
use super::post::{Outcome, Posted};
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
    match store.put_mapping(livemode, &customer_id, &user_id, MappingSource::Staff, &posted.author()).await {
        Ok(_) => {
            posted.state.worker.wake();
            Outcome::done(page, format!("{customer_id} is linked to {user_id}. Its events are taken into account."))
        }
        Err(error) => error.into(),
    }
}

/// Takes a link away.
pub async fn unlink(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    match posted.state.store.delete_mapping(posted.livemode, &id, &posted.author()).await {
        Ok(true) => Outcome::done(posted.back_to(PAGE), format!("{id} is linked to no user any more.")),
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
    match posted.state.store.resolve_conflict(&id, resolution, &posted.author()).await {
        Ok(true) => {
            posted.state.worker.wake();
            let user =
                if resolution == Resolution::Keep { &conflict.mapped_user_id } else { &conflict.claimed_user_id };
            Outcome::done(page, format!("{} belongs to {user}.", conflict.customer_id))
        }
        Ok(false) => Outcome::Done { to: page, flash: Flash::bad("This conflict was settled already.") },
        Err(error) => error.into(),
    }
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
