//! What pages are made of.

mod chip;
mod form;
mod layout;
mod live;
mod saved;
mod time;

pub use chip::{Tone, chip, event_chip, link_chip, status_word, subscription_chip, subscription_tone, verdict_chip};
pub use form::{
    action_button, asking_link, confirmation, csrf, error_summary, feature_choice, feature_group, field, hidden,
    purchase_fields, reason_field, select_field, submit,
};
pub use layout::{
    actor, address, card, crumbs, empty, filter_chips, id, list_card, money, page_head, pager, shortened, table,
};
pub use live::{job, news_link};
pub use saved::saved_filters;
pub(crate) use time::write_times_as;
pub use time::{distance, time, time_or, until};
