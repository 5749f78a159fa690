//! `/admin/search`: an exact id leads to its page, anything else to what begins with it.

use app::pages::{Page, search};
use store::records::CustomerFilter;

use super::{Ask, Loaded};
use crate::admin::customers::path;

pub(super) async fn search(ask: &Ask<'_>) -> Loaded {
    let query = ask.param("q").unwrap_or_default().to_owned();
    let store = &ask.state.store;
    let mut hits = vec![];
    if !query.is_empty() {
        if store.event(ask.livemode, &query).await?.is_some() {
            hits.push(("Event", query.clone(), format!("/admin/events/{query}")));
        }
        if let Some(found) = store.subscription(ask.livemode, &query).await? {
            let customer = found.user_id.unwrap_or(found.subscription.customer_id);
            hits.push(("Subscription", query.clone(), format!("/admin/subscriptions/{query}")));
            hits.push(("Customer of this subscription", customer.clone(), path(&customer)));
        }
        if let Some(found) = store.checkout_session(ask.livemode, &query).await?
            && let Some(customer) = found.session.customer_id.or(found.session.client_reference_id)
        {
            hits.push(("Customer of this Checkout Session", customer.clone(), path(&customer)));
        }
        if store.index().facts(ask.livemode, &query).is_some() {
            hits.push(("User", query.clone(), path(&query)));
        }
        let filter = CustomerFilter { query: Some(query.clone()), after: None, limit: 20 };
        for row in store.list_customers(ask.livemode, &filter).await?.data {
            let id = row.user_id.as_deref().unwrap_or(&row.customer.customer_id).to_owned();
            let label = row.customer.name.or(row.customer.email).unwrap_or_else(|| row.customer.customer_id.clone());
            hits.push(("Customer", format!("{label} ({id})"), path(&id)));
        }
        for user in store.users(ask.livemode, Some(&query), 20).await? {
            if user.user_id != query {
                hits.push(("User", user.email.unwrap_or_else(|| user.user_id.clone()), path(&user.user_id)));
            }
        }
    }
    Ok(Some(Page::Search(search::View { query, hits })))
}
