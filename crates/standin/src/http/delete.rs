//! What `DELETE` does.

use crate::params::Params;
use crate::world::{Reply, World};

/// The answer, or `None` for an address that does not exist.
pub(crate) fn route(world: &mut World, path: &[&str], params: &Params) -> Option<Reply> {
    Some(match path {
        ["customers", id] => world.delete_customer(id),
        ["products", id] => world.delete_product(id),
        ["products", _, "features", id] => world.detach_feature(id),
        ["subscriptions", id] => world.cancel_subscription(id, params),
        ["subscription_items", id] => world.write_item(Some(id), params, true),
        ["webhook_endpoints", id] => world.delete_endpoint(id),
        ["test_helpers", "test_clocks", id] => world.delete_test_clock(id),
        _ => return None,
    })
}
