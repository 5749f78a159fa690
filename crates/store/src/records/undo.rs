//! What became of taking a change back.

/// What became of taking a change back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// It is as it was before; the kind and id under which the answers that turned are kept as caused.
    Done {
        /// `mapping`, `override`, `catalog`.
        cause: &'static str,
        /// The customer's, the override's, the target's id.
        id: String,
    },
    /// It is as the change left it no longer, or cannot be taken back: why, in a sentence.
    Refused(String),
    /// There is no such entry.
    Unknown,
}
