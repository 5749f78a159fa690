//! What every page needs to know about the request it answers.

use domain::preference::{Density, Theme, Times};
use domain::role::Role;
use domain::{Livemode, Timestamp};

use crate::zone::Zone;

/// The request, as far as pages care.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who looks; none on the pages before sign-in.
    pub staff: Option<Staff>,
    /// The mode that is shown.
    pub livemode: Livemode,
    /// Whether there is no Stripe key for that mode, so that nothing of it can be read from Stripe.
    pub without_key: bool,
    /// The token every form sends back.
    pub csrf: String,
    /// What the last change came to.
    pub flash: Option<Flash>,
    /// A form that was refused.
    pub form: Form,
    /// Now.
    pub now: Timestamp,
    /// Path and query of this page, to return to.
    pub path: String,
    /// Figures beside the navigation's entries.
    pub counts: Counts,
    /// The newest event's receipt, for the health pill.
    pub last_event_at: Option<Timestamp>,
    /// The number of the newest event when the page was made: what comes behind it is news.
    pub newest_event: i64,
    /// What is wrong with the installation, if anything.
    pub banner: Option<Banner>,
    /// How the person looking wants pages.
    pub preferences: Preferences,
    /// The filters this person keeps for this page.
    pub saved: Vec<Saved>,
    /// Where the webhook endpoint is.
    pub webhook_url: String,
    /// `/pkg/<hash>`
    pub assets: String,
    /// Whether there is WASM to load.
    pub has_wasm: bool,
}

/// A member of staff.
#[derive(Clone, Debug)]
pub struct Staff {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Role.
    pub role: Role,
}

/// How somebody wants pages.
#[derive(Clone, Debug)]
pub struct Preferences {
    /// Colours.
    pub theme: Theme,
    /// How close rows stand.
    pub density: Density,
    /// The zone of times.
    pub zone: Zone,
    /// How times are written.
    pub times: Times,
    /// Whether single keys are shortcuts.
    pub shortcuts: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: Theme::default(),
            density: Density::default(),
            zone: Zone::default(),
            times: Times::default(),
            shortcuts: true,
        }
    }
}

/// A filter of a list that somebody keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// `flt_…`
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The query of the list's address.
    pub query: String,
}

/// What is wrong with the installation, on top of every page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banner {
    /// Whether something is lost or wrong by it, and not only likely so.
    pub certain: bool,
    /// What is wrong, and what it does.
    pub sentence: String,
    /// When it was seen.
    pub at: Timestamp,
    /// Words of the link to where it is mended.
    pub link: &'static str,
    /// Its address.
    pub href: &'static str,
}

/// The sentence after a change.
#[derive(Clone, Debug)]
pub struct Flash {
    /// Whether it went well.
    pub ok: bool,
    /// The sentence.
    pub message: String,
    /// The entries of the audit log by which it can be taken back; none: it cannot.
    pub undo: Vec<i64>,
}

/// What was typed, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Field and what was typed.
    pub values: Vec<(String, String)>,
    /// Field and sentence; an empty field: the form as a whole.
    pub errors: Vec<(String, String)>,
}

/// Figures beside the navigation's entries.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Failed and dead events.
    pub failed_events: i64,
    /// Unattributed customers.
    pub unattributed: i64,
    /// Open conflicts.
    pub conflicts: i64,
    /// Prices paid for that give nothing.
    pub prices_without_features: i64,
}

impl Context {
    /// The path of this page, without its query.
    #[must_use]
    pub fn here(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// What narrows this page's list: its query without the place in the list and the mode. Empty when nothing does.
    #[must_use]
    pub fn filter(&self) -> String {
        narrowing(self.path.split_once('?').map_or("", |(_, query)| query))
    }

    /// Whether the person looking has at least this role.
    #[must_use]
    pub fn may(&self, role: Role) -> bool {
        self.staff.as_ref().is_some_and(|staff| staff.role >= role)
    }

    /// What was typed into a field of a refused form.
    #[must_use]
    pub fn typed(&self, field: &str) -> Option<&str> {
        self.form.values.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str())
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn error(&self, field: &str) -> Option<&str> {
        self.form.errors.iter().find(|(name, _)| name == field).map(|(_, message)| message.as_str())
    }
}

/// The part of a list's query that narrows it, in the order it has there.
#[must_use]
pub fn narrowing(query: &str) -> String {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let kept = pairs.filter(|(name, value)| !value.is_empty() && !matches!(&**name, "after" | "before" | "mode"));
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
}

#[cfg(test)]
mod tests {
    use super::narrowing;

    #[test]
    fn what_narrows_a_list_is_neither_its_place_nor_its_mode() {
        assert_eq!(narrowing("status=failed&type=&after=12&mode=test&q=a+b"), "status=failed&q=a+b");
        assert_eq!(narrowing("after=12&before=3"), "");
        assert_eq!(narrowing(""), "");
    }
}
