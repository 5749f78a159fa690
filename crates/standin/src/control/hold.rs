//! Holding API answers back until a test lets them go.

use std::sync::Arc;

use tokio::sync::watch;

use crate::control::Control;
use crate::server::Shared;

/// Holds answers; see [`Control::hold`]. Dropping it releases them.
#[derive(Debug)]
pub struct Hold {
    shared: Arc<Shared>,
    part: String,
    state: watch::Sender<(u32, bool)>,
}

impl Control {
    /// From now on answers to requests whose path and query contain `part` are made at arrival but held back until
    /// [`Hold::release`]. For tests where an old answer has to arrive late.
    pub fn hold(&self, part: &str) -> Hold {
        let (state, _) = watch::channel((0, false));
        self.with(|world| world.holds.push((part.to_owned(), state.clone())));
        Hold { shared: Arc::clone(&self.shared), part: part.to_owned(), state }
    }
}

impl Hold {
    /// Waits until `count` requests have been answered and are held.
    pub async fn arrived(&self, count: u32) {
        // This very handle keeps the channel open, so waiting cannot fail.
        let _ = self.state.subscribe().wait_for(|(waiting, _)| *waiting >= count).await;
    }

    /// Lets the held answers go; later requests are not held.
    pub fn release(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.shared.world().holds.retain(|(part, state)| *part != self.part || !state.same_channel(&self.state));
        self.state.send_modify(|(_, released)| *released = true);
    }
}
