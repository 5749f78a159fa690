//! What pages are made of.

mod chart;
mod chip;
mod did;
mod form;
mod impact;
mod layout;
mod list;
mod live;
mod saved;
mod sides;
mod time;

pub use chart::{Bar, Chart, Series};
pub use chip::{Tone, chip, event_chip, link_chip, status_word, subscription_chip, subscription_tone, verdict_chip};
pub use did::{DID, did};
pub use form::{
    Radio, action_button, asking_link, code_field, csrf, end_field, error_summary, feature_choice, feature_group,
    field, guarded, hidden, new_password, purchase_fields, radio_group, reason_field, reason_field_with, select_field,
    submit, text_area,
};
pub use impact::{FeatureImpact, Impact, NAMED, Touched, Users, summary};
pub use layout::{
    Column, actor, address, card, crumbs, dotted, empty, id, list_card, money, page_head, shortened, table,
};
pub use list::{Choice, Pages, active_filters, choices, counted, filter_chips, number, thousands};
pub use live::{job, news_link};
pub use saved::saved_filters;
pub use sides::{Side, sides};
pub(crate) use time::{date_and_time, write_times_as};
pub use time::{day, distance, length, time, time_or, time_until, until};
