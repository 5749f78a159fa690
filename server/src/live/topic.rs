//! What an open page can be about besides events: something that is worked on.

use domain::Livemode;
use store::Store;

use crate::pages::{replays, resyncs};

/// Something that is worked on, of one mode: `resyncs/rsy_1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topic {
    livemode: Livemode,
    kind: Kind,
    id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Replay,
    Resync,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Whether nothing more will happen by itself.
    pub has_ended: bool,
    /// So many of so many, where that is known.
    pub done: Option<(i64, i64)>,
    /// In words.
    pub sentence: String,
}

impl Topic {
    /// From its word.
    #[must_use]
    pub fn parse(livemode: Livemode, word: &str) -> Option<Self> {
        let (kind, id) = word.split_once('/')?;
        let kind = match kind {
            "replays" => Kind::Replay,
            "resyncs" => Kind::Resync,
            _ => return None,
        };
        Some(Self { livemode, kind, id: id.to_owned() })
    }

    /// How far it is; none when there is no such thing in this mode.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) async fn progress(&self, store: &dyn Store) -> store::Result<Option<Progress>> {
        match self.kind {
            Kind::Replay => {
                let found = store.replay(&self.id).await?;
                Ok(found.filter(|replay| replay.new.livemode == self.livemode).map(|replay| replays::how_far(&replay)))
            }
            Kind::Resync => {
                let found = store.resync(&self.id).await?;
                let found = found.filter(|(record, _)| record.new.livemode == self.livemode);
                Ok(found.map(|(record, counts)| resyncs::how_far(&record, &counts)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_a_kind_and_an_id() {
        assert!(Topic::parse(Livemode::Test, "resyncs/rsy_1").is_some());
        for none in ["", "resyncs", "staff/stf_1", "/x"] {
            assert_eq!(Topic::parse(Livemode::Test, none), None, "{none}");
        }
    }
}
