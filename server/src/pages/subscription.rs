//! The page of one subscription.

use app::pages::Page;
use app::pages::subscription::{State, View};

use super::{Ask, Loaded, event, subscriptions};

/// Changes of the user's facts that are looked back at.
const HISTORY: i64 = 200;

/// `/admin/subscriptions/{id}`
pub(super) async fn subscription(ask: &Ask<'_>, id: &str) -> Loaded {
    let Some(record) = ask.state.store.subscription(ask.livemode, id).await? else { return Ok(None) };
    let names = subscriptions::price_names(ask, &[&record.subscription]).await?;
    let states = match &record.user_id {
        Some(user) => states(ask, user, id).await?,
        None => Vec::new(),
    };
    let about = event::about(ask, id).await?;
    let can_read = ask.state.gateway(ask.livemode).is_some();
    let row = subscriptions::row(record, &names);
    Ok(Some(Page::Subscription(Box::new(View { row, states, about, can_read }))))
}

/// How it stood, as the user's history has it; neighbours differ.
async fn states(ask: &Ask<'_>, user_id: &str, id: &str) -> anyhow::Result<Vec<State>> {
    let history = ask.state.store.history(ask.livemode, user_id, HISTORY).await?;
    let mut states: Vec<State> = history
        .iter()
        .filter_map(|stretch| {
            let facts = stretch.facts.as_ref()?;
            let found = facts.subscriptions.iter().find(|facts| facts.subscription.id == id)?;
            let ends = found.subscription.cancel_at.is_some() || found.subscription.cancel_at_period_end;
            Some(State { from: stretch.from, status: found.subscription.status.clone(), ends })
        })
        .collect();
    states.dedup_by(|next, last| (&next.status, next.ends) == (&last.status, last.ends));
    Ok(states)
}
