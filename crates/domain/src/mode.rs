//! Test and live data never meet: every row belongs to one of the two.

use serde::{Deserialize, Serialize};

/// Which of Stripe's two worlds a row, a key or a question belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Livemode {
    /// Stripe's `livemode: false`.
    Test,
    /// Stripe's `livemode: true`.
    Live,
}

impl Livemode {
    /// Both modes, test first.
    pub const ALL: [Self; 2] = [Self::Test, Self::Live];

    /// From Stripe's boolean.
    #[must_use]
    pub const fn from_bool(livemode: bool) -> Self {
        if livemode { Self::Live } else { Self::Test }
    }

    /// Stripe's boolean.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live)
    }

    /// `test` or `live`, as in settings, keys and URLs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }

    /// Reads `test` or `live`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "test" => Some(Self::Test),
            "live" => Some(Self::Live),
            _ => None,
        }
    }
}

impl std::fmt::Display for Livemode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
