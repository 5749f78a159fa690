//! The buttons: stable ids, labels that name the object, paths of the admin app, and the weakest role.

use super::Fix;
use super::view::View;
use super::words::encode;
use crate::role::Role;

fn fix(id: &str, label: String, href: String, role: Role) -> Fix {
    Fix { id: id.to_owned(), label, href, role }
}

/// Grants the feature asked about by hand.
pub(super) fn grant(view: &View<'_>) -> Fix {
    let user = &view.chain.user_id;
    let (what, query) = match &view.chain.feature {
        Some(feature) => (format!("Grant {feature} to {user}"), format!("?feature={}", encode(feature))),
        None => (format!("Grant a feature to {user}"), String::new()),
    };
    fix("grant_override", what, format!("/admin/customers/{}/overrides/new{query}", encode(user)), Role::Support)
}

pub(super) fn extend(view: &View<'_>, feature: &str, what: &str) -> Fix {
    let user = &view.chain.user_id;
    let href = format!("/admin/customers/{}/overrides/new?feature={}", encode(user), encode(feature));
    fix("extend_override", format!("{what} for {user}"), href, Role::Support)
}

pub(super) fn remove_override(view: &View<'_>, id: &str) -> Fix {
    let href = format!("/admin/customers/{}?tab=overrides", encode(&view.chain.user_id));
    fix("remove_override", format!("Remove override {id}"), href, Role::Admin)
}

pub(super) fn resync(view: &View<'_>) -> Fix {
    let user = &view.chain.user_id;
    fix(
        "resync",
        format!("Resync {user} from Stripe"),
        format!("/admin/customers/{}#resync", encode(user)),
        Role::Support,
    )
}

pub(super) fn link_customer(view: &View<'_>, customer: &str) -> Fix {
    let label = format!("Link {customer} to {}", view.chain.user_id);
    fix("link_customer", label, format!("/admin/unattributed/{}", encode(customer)), Role::Support)
}

pub(super) fn choose_owner(customer: &str) -> Fix {
    let href = format!("/admin/mappings?customer={}", encode(customer));
    fix("choose_owner", format!("Choose the user of {customer}"), href, Role::Admin)
}

pub(super) fn find_customer(view: &View<'_>) -> Fix {
    let label = format!("Find a Stripe customer for {}", view.chain.user_id);
    fix("find_customer", label, "/admin/unattributed".to_owned(), Role::Support)
}

pub(super) fn process_event(event: &str) -> Fix {
    let href = format!("/admin/events/{}", encode(event));
    fix("process_event", format!("Process {event} again"), href, Role::Support)
}

pub(super) fn open_event(event: &str) -> Fix {
    fix("open_event", format!("Open {event}"), format!("/admin/events/{}", encode(event)), Role::Viewer)
}

/// Reads Stripe's list of events; nothing to offer where there is no key to read with.
pub(super) fn fetch_missing(view: &View<'_>) -> Option<Fix> {
    let label = "Fetch missing events".to_owned();
    view.chain.has_stripe_key.then(|| fix("fetch_missing", label, "/admin/events#missed".to_owned(), Role::Support))
}

pub(super) fn validator(what: &str) -> Fix {
    fix("run_validator", what.to_owned(), "/admin/validator".to_owned(), Role::Viewer)
}

pub(super) fn add_price(price: &str) -> Fix {
    let href = format!("/admin/catalog/prices/{}", encode(price));
    fix("add_price_to_catalog", format!("Give {price} features"), href, Role::Admin)
}

pub(super) fn edit_price(price: &str) -> Fix {
    let href = format!("/admin/catalog/prices/{}", encode(price));
    fix("edit_catalog", format!("Change what {price} gives"), href, Role::Admin)
}

pub(super) fn features(feature: &str) -> Fix {
    fix("create_feature", format!("Create the feature {feature}"), "/admin/features".to_owned(), Role::Admin)
}

pub(super) fn open_subscription(id: &str) -> Fix {
    let href = format!("/admin/subscriptions/{}", encode(id));
    fix("open_subscription", format!("Open {id}"), href, Role::Viewer)
}

/// What the application asked about a user.
pub(super) fn show_checks(user: &str) -> Fix {
    let href = format!("/admin/customers/{}?tab=checks#tab", encode(user));
    fix("show_checks", format!("Show what the application asked about {user}"), href, Role::Viewer)
}

/// The buyer's own page at Stripe; anything but an https address is not offered.
pub(super) fn checkout_link(id: &str, url: &str) -> Option<Fix> {
    let label = format!("Open the payment page of {id}");
    url.starts_with("https://").then(|| fix("copy_checkout_link", label, url.to_owned(), Role::Viewer))
}
