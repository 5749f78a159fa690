//! How a member of staff wants the pages of the admin app.

use domain::preference::{Density, Theme, Times};

/// Filters that one person may keep for one list.
pub const MOST_FILTERS: i64 = 20;

/// A person's choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// Colours.
    pub theme: Theme,
    /// How close rows stand.
    pub density: Density,
    /// The IANA name of the zone in which times are written.
    pub time_zone: String,
    /// How times are written.
    pub times: Times,
    /// Whether single keys are shortcuts.
    pub shortcuts: bool,
}

impl Default for Preference {
    fn default() -> Self {
        Self {
            theme: Theme::default(),
            density: Density::default(),
            time_zone: "UTC".to_owned(),
            times: Times::default(),
            shortcuts: true,
        }
    }
}

/// A list's filter that a person keeps under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedFilter {
    /// `flt_…`
    pub saved_filter_id: String,
    /// The list's path, such as `/admin/events`.
    pub path: String,
    /// What the person calls it.
    pub name: String,
    /// The query of the list's address, as it is written there.
    pub query: String,
}
