//! Which Stripe customer is which user.

use app::pages::{Page, mappings as page};

use super::{Ask, Loaded, ROWS};

/// Open conflicts, and the mappings by search.
pub(super) async fn mappings(ask: &Ask<'_>) -> Loaded {
    let (store, query, after) =
        (&ask.state.store, ask.param("q").or_else(|| ask.param("customer")), ask.param("after"));
    let conflicts = store.open_conflicts(ask.livemode, None).await?;
    let found = store.list_mappings(ask.livemode, query, after, ROWS).await?;
    let ever = !found.data.is_empty() || !store.list_mappings(ask.livemode, None, None, 1).await?.data.is_empty();
    let next = found.data.last().filter(|_| found.has_more);
    let next = next.map(|last| format!("{}:{}", last.since.millis(), last.customer_id));
    let mut rows = Vec::with_capacity(found.data.len());
    for mapping in found.data {
        let customer = store.customer(ask.livemode, &mapping.customer_id).await?;
        rows.push(page::Row {
            name: customer.and_then(|customer| customer.name.or(customer.email)),
            customer_id: mapping.customer_id,
            user_id: mapping.user_id,
            source: mapping.source,
            evidence: mapping.evidence,
            since: mapping.since,
        });
    }
    let conflicts = conflicts.into_iter().map(|conflict| page::Conflict {
        conflict_id: conflict.conflict_id,
        customer_id: conflict.customer_id,
        mapped_user_id: conflict.mapped_user_id,
        claimed_user_id: conflict.claimed_user_id,
        source: conflict.source,
        evidence: conflict.evidence,
        since: conflict.since,
    });
    let query = query.unwrap_or_default().to_owned();
    Ok(Some(Page::Mappings(page::View {
        conflicts: conflicts.collect(),
        rows,
        query,
        ever,
        paged: after.is_some(),
        next,
    })))
}
