//! The stand-in's own clock: real time, real time with an offset, or a time that stands still until it is moved.

use std::time::{SystemTime, UNIX_EPOCH};

/// Where "now" comes from. Stripe's times are Unix seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clock {
    /// The machine's clock plus this many seconds.
    Running(i64),
    /// Stands still at this Unix second.
    Fixed(i64),
}

impl Clock {
    /// The clock that `Options::now` asks for.
    pub(crate) fn new(now: Option<i64>) -> Self {
        now.map_or(Self::Running(0), Self::Fixed)
    }

    /// The present Unix second.
    pub(crate) fn now(self) -> i64 {
        match self {
            Self::Running(offset) => real_now() + offset,
            Self::Fixed(at) => at,
        }
    }

    /// Moves the clock by `seconds`, backwards when negative; a running clock goes on running.
    pub(crate) fn advance(&mut self, seconds: i64) {
        match self {
            Self::Running(offset) => *offset += seconds,
            Self::Fixed(at) => *at += seconds,
        }
    }
}

fn real_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
