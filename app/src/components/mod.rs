//! What pages are made of.

mod chip;
mod form;
mod layout;

pub use chip::{Tone, chip, event_chip, link_chip, status_word, subscription_chip, verdict_chip};
pub use form::{action_button, csrf, error_summary, field, hidden, reason_field, select_field};
pub use layout::{card, empty, id, money, page_head, pager, table, time, time_or, until};
