//! Asks Stripe, each question once and all at the same time, for a short while.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use gateway::{Error, Gateway, Probe, Resource};
use serde_json::Value;
use tokio::task::JoinSet;

use super::subject::sentence;
use crate::clock::Clock;

/// What became of a question.
#[derive(Debug)]
pub(super) enum Answered<T> {
    /// This.
    Yes(T),
    /// No answer, or a refusal.
    No(Error),
    /// Nothing in time.
    Late(Duration),
}

impl<T> Answered<T> {
    /// Waits for an answer, no longer than `patience`.
    pub(super) async fn within(patience: Duration, question: impl Future<Output = Result<T, Error>>) -> Self {
        match tokio::time::timeout(patience, question).await {
            Ok(Ok(answer)) => Self::Yes(answer),
            Ok(Err(error)) => Self::No(error),
            Err(_) => Self::Late(patience),
        }
    }

    pub(super) const fn answer(&self) -> Option<&T> {
        match self {
            Self::Yes(answer) => Some(answer),
            Self::No(_) | Self::Late(_) => None,
        }
    }

    pub(super) const fn error(&self) -> Option<&Error> {
        match self {
            Self::No(error) => Some(error),
            Self::Yes(_) | Self::Late(_) => None,
        }
    }

    /// Why there is no answer, as a sentence.
    pub(super) fn failure(&self) -> Option<String> {
        match self {
            Self::Yes(_) => None,
            Self::No(error) => Some(sentence(&error.to_string())),
            Self::Late(patience) => Some(format!("Stripe did not answer within {} ms.", patience.as_millis())),
        }
    }
}

/// What Stripe answered about each kind of object, with our time when it did.
pub(super) struct Asked {
    pub(super) answers: Vec<(Resource, Answered<(Probe, Timestamp)>)>,
}

impl Asked {
    /// Asks for everything that is read of Stripe, all at once.
    pub(super) async fn all(gateway: &Arc<dyn Gateway>, clock: &Arc<dyn Clock>, patience: Duration) -> Self {
        let mut questions = JoinSet::new();
        for resource in Resource::ALL {
            let (gateway, clock) = (Arc::clone(gateway), Arc::clone(clock));
            questions.spawn(async move {
                let question = async { gateway.probe(resource).await.map(|probe| (probe, clock.now())) };
                (resource, Answered::within(patience, question).await)
            });
        }
        let mut answers = questions.join_all().await;
        answers.sort_by_key(|(resource, _)| Resource::ALL.iter().position(|known| known == resource));
        Self { answers }
    }

    pub(super) fn about(&self, resource: Resource) -> Option<&Answered<(Probe, Timestamp)>> {
        self.answers.iter().find(|(asked, _)| *asked == resource).map(|(_, answer)| answer)
    }

    /// The objects of a kind, or why there are none to be had.
    pub(super) fn objects(&self, resource: Resource) -> Result<&[Value], String> {
        match self.about(resource) {
            Some(Answered::Yes((probe, _))) => Ok(&probe.objects),
            Some(other) => Err(other.failure().unwrap_or_default()),
            None => Err("Stripe was not asked.".to_owned()),
        }
    }

    /// What Stripe said to a key it does not accept.
    pub(super) fn unauthorized(&self) -> Option<&Error> {
        let mut errors = self.answers.iter().filter_map(|(_, answer)| answer.error());
        errors.find(|error| matches!(error, Error::Unauthorized { .. }))
    }
}
