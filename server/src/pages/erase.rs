//! `/admin/customers/{id}/erase`

use app::pages::Page;
use app::pages::erase::View;

use super::{Ask, Loaded};
use crate::admin::customers::path;
use crate::admin::people::person_of;

/// What would go, and what would stay.
pub(super) async fn erase(ask: &Ask<'_>, id: &str) -> Loaded {
    let Some(person) = person_of(ask.state, ask.livemode, id).await? else { return Ok(None) };
    let plan = ask.state.store.plan_erasure(&person).await?;
    Ok(Some(Page::Erase(Box::new(View {
        id: person.id().to_owned(),
        back: path(id),
        action: format!("{}/erase", path(id)),
        parts: plan.parts,
        running: plan.running,
        customers: person.customer_ids,
        erased: person.erased,
    }))))
}
