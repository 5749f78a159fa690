//! What all jobs have in common: work over many rows that goes on after a restart, and that people pause, resume and end.

/// What a person does with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobChange {
    /// It stops where it is.
    Pause,
    /// It goes on.
    Resume,
    /// It ends; what was done stays.
    Cancel,
    /// The differences that a resync found are mended. Other jobs wait for no such word.
    Apply,
}

impl JobChange {
    /// The word in the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Apply => "apply",
        }
    }

    /// From the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Pause, Self::Resume, Self::Cancel, Self::Apply].into_iter().find(|change| change.as_str() == word)
    }
}
