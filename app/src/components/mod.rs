//! What pages are made of.

mod chip;
mod form;
mod layout;
mod list;

pub use chip::{Tone, chip, event_chip, link_chip, status_word, subscription_chip, subscription_tone, verdict_chip};
pub use form::{
    action_button, asking_link, confirmation, csrf, error_summary, feature_choice, feature_group, field, hidden,
    purchase_fields, reason_field, select_field, submit,
};
pub use layout::{
    actor, address, card, crumbs, day, empty, id, length, list_card, money, page_head, shortened, table, time, time_or,
    until,
};
pub use list::{Choice, Pages, active_filters, choices, counted, filter_chips, number, pager};
