//! What can be told to go wrong.

use std::time::Duration;

/// Faults of the API and of webhook delivery; `Faults::default()` is none.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// How long each API answer is held back. The answer is computed when the request arrives, so a delayed answer is
    /// an old snapshot, as with the real service.
    pub delay: Duration,
    /// Statuses for the next requests, in order; each is used once.
    pub fail_next: Vec<u16>,
    /// Share of requests that fail, 0.0 to 1.0, with `fail_rate_status`.
    pub fail_rate: f64,
    /// Status of the failures of `fail_rate`; 0 stands for 500.
    pub fail_rate_status: u16,
    /// Every request whose path and query contain the text fails with the status.
    pub fail_paths: Vec<(String, u16)>,
    /// Every request whose path and query contain the text is carried out, and its answer broken.
    pub broken: Vec<(String, Breakage)>,
    /// How many of the next requests are carried out but answered with 500, as when the answer is lost on the way.
    /// With an `Idempotency-Key` the same request again gets the true answer.
    pub lose_answers: u32,
    /// Webhooks are dropped instead of delivered; the events stay readable through the API.
    pub lose_webhooks: bool,
    /// Deliveries are held, and `flush` releases them shuffled.
    pub reorder: bool,
    /// Each delivery is made twice.
    pub duplicate: bool,
}

/// What becomes of an answer on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breakage {
    /// 200 with something that is no JSON, as of a proxy.
    Garbage,
    /// Half of the answer, then the connection is closed.
    Cut,
    /// The connection is closed without an answer.
    Closed,
    /// No answer, for as long as the caller waits.
    Silence,
}

impl Faults {
    /// What becomes of the answer to a request.
    pub(crate) fn breakage(&self, path_and_query: &str) -> Option<Breakage> {
        self.broken.iter().find(|(text, _)| path_and_query.contains(text.as_str())).map(|(_, breakage)| *breakage)
    }

    /// The status that a request to `path_and_query` must fail with; uses up `fail_next`.
    pub(crate) fn for_request(&mut self, path_and_query: &str, chance: f64) -> Option<u16> {
        if !self.fail_next.is_empty() {
            return Some(self.fail_next.remove(0));
        }
        if let Some((_, status)) = self.fail_paths.iter().find(|(text, _)| path_and_query.contains(text.as_str())) {
            return Some(*status);
        }
        (chance < self.fail_rate).then_some(if self.fail_rate_status == 0 { 500 } else { self.fail_rate_status })
    }
}
