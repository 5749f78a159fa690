//! Every form of the admin app with the weakest role that may send it. What does not stand here nobody may send.

use std::pin::Pin;

use domain::role::Role;

use super::post::{Outcome, Posted};
use super::{
    account, api_keys, catalog, customers, dismissals, events, mappings, mode, overrides, policies, replays, resyncs,
    staff, unattributed, undo, validator,
};

/// What handles a form.
pub type Run = fn(Posted) -> Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A form.
#[derive(Clone, Copy)]
pub struct Action {
    /// Where it is posted to, as axum writes paths.
    pub path: &'static str,
    /// The weakest role that may; a handler may ask for more depending on what is asked.
    pub role: Role,
    /// What handles it.
    pub run: Run,
}

macro_rules! actions {
    ($($path:literal $role:ident $handler:path;)*) => {
        &[$(Action { path: $path, role: Role::$role, run: |posted| Box::pin($handler(posted)) }),*]
    };
}

/// All of them.
pub const ACTIONS: &[Action] = actions! {
    "/admin/mode" Viewer mode::switch;
    "/admin/account/preferences" Viewer account::put_preferences;
    "/admin/account/times" Viewer account::put_times;
    "/admin/account/filters" Viewer account::save_filter;
    "/admin/account/filters/{id}/delete" Viewer account::forget_filter;
    "/admin/dismissals" Admin dismissals::dismiss;
    "/admin/undo" Support undo::undo;
    "/admin/customers/{id}/resync" Support customers::resync;
    "/admin/resyncs" Admin resyncs::create;
    "/admin/resyncs/reconcile" Support resyncs::reconcile;
    "/admin/resyncs/{id}/{change}" Admin resyncs::change;
    "/admin/customers/{id}/overrides" Support overrides::create;
    "/admin/users" Support mappings::put_user;
    "/admin/overrides/extend" Support overrides::extend;
    "/admin/overrides/revoke" Admin overrides::revoke_all;
    "/admin/overrides/{id}/revoke" Support overrides::revoke;
    "/admin/mappings" Support mappings::link;
    "/admin/mappings/{id}/delete" Admin mappings::unlink;
    "/admin/conflicts/{id}" Admin mappings::resolve;
    "/admin/unattributed/{id}/ignore" Support unattributed::ignore;
    "/admin/unattributed/{id}/heed" Support unattributed::heed;
    "/admin/events/fetch-missing" Support events::fetch_missing;
    "/admin/events/replay-failed" Admin replays::create_failed;
    "/admin/replays" Admin replays::create;
    "/admin/replays/{id}/{change}" Admin replays::change;
    "/admin/events/{id}/replay" Support events::replay;
    "/admin/events/{id}/ignore" Support events::ignore;
    "/admin/catalog/read" Support catalog::read;
    "/admin/catalog/prices/{id}" Admin catalog::put_price;
    "/admin/catalog/products/{id}" Admin catalog::put_product;
    "/admin/catalog/prices/{id}/policy" Admin policies::put_price;
    "/admin/features" Admin catalog::put_feature;
    "/admin/features/{id}/policy" Admin policies::put_feature;
    "/admin/features/{id}/delete" Admin catalog::delete_feature;
    "/admin/validator/endpoint" Owner validator::create;
    "/admin/validator/endpoints/{id}/events" Admin validator::add_types;
    "/admin/validator/endpoints/{id}/enable" Admin validator::enable;
    "/admin/api-keys" Admin api_keys::create;
    "/admin/api-keys/{id}/revoke" Admin api_keys::revoke;
    "/admin/staff" Owner staff::add;
    "/admin/staff/{id}" Owner staff::update;
};

/// The weakest role for a path of [`ACTIONS`].
#[must_use]
pub fn role_for(path: &str) -> Option<Role> {
    ACTIONS.iter().find(|action| action.path == path).map(|action| action.role)
}
