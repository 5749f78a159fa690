//! Every page and every form of the admin app with the weakest role that may. What does not stand here is neither shown nor done;
//! `docs/authorization.md` shows it all in one table, and a test holds both to it.

use std::pin::Pin;

use domain::role::Role;

use super::post::{Outcome, Posted};
use super::{
    account, api_keys, backups, catalog, customers, dismissals, events, mappings, mode, overrides, passkeys, people,
    policies, replays, resyncs, second_factor, security, staff, unattributed, undo, validator,
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
    /// Whether it takes a fresh proof of who is there; see [`step_up`](super::step_up).
    pub is_guarded: bool,
    /// What handles it.
    pub run: Run,
}

macro_rules! actions {
    ($($path:literal $role:ident $(+ $guarded:ident)? $handler:path;)*) => {
        &[$(Action {
            path: $path,
            role: Role::$role,
            is_guarded: 0 $(+ actions!(@ $guarded))? > 0,
            run: |posted| Box::pin($handler(posted)),
        }),*]
    };
    (@ proof) => { 1 };
}

/// All forms.
pub const ACTIONS: &[Action] = actions! {
    "/admin/mode" Viewer mode::switch;
    "/admin/account/password" Viewer security::change_password;
    "/admin/account/proof" Viewer + proof security::prove;
    "/admin/account/2fa" Viewer second_factor::begin;
    "/admin/account/2fa/confirm" Viewer second_factor::confirm;
    "/admin/account/2fa/codes" Viewer second_factor::new_codes;
    "/admin/account/2fa/off" Viewer second_factor::turn_off;
    "/admin/account/passkeys" Viewer passkeys::begin;
    "/admin/account/passkeys/new" Viewer passkeys::add;
    "/admin/account/passkeys/remove" Viewer passkeys::remove;
    "/admin/account/sessions/end" Viewer security::end_others;
    "/admin/account/sessions/{id}/end" Viewer security::end_session;
    "/admin/account/preferences" Viewer account::put_preferences;
    "/admin/account/times" Viewer account::put_times;
    "/admin/account/filters" Viewer account::save_filter;
    "/admin/account/filters/{id}/delete" Viewer account::forget_filter;
    "/admin/dismissals" Admin dismissals::dismiss;
    "/admin/undo" Support undo::undo;
    "/admin/customers/{id}/resync" Support customers::resync;
    "/admin/customers/{id}/erase" Owner people::erase;
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
    "/admin/validator/endpoint" Owner + proof validator::create;
    "/admin/validator/endpoints/{id}/events" Admin validator::add_types;
    "/admin/validator/endpoints/{id}/enable" Admin validator::enable;
    "/admin/api-keys" Admin + proof api_keys::create;
    "/admin/api-keys/{id}" Admin + proof api_keys::update;
    "/admin/api-keys/{id}/rotate" Admin + proof api_keys::rotate;
    "/admin/api-keys/{id}/revoke" Admin api_keys::revoke;
    "/admin/backups" Admin backups::make;
    "/admin/staff" Owner + proof staff::invite;
    "/admin/staff/{id}/link" Owner + proof staff::link;
    "/admin/staff/{id}/2fa" Owner + proof staff::reset_second_factor;
    "/admin/staff/{id}" Owner + proof staff::update;
};

macro_rules! pages {
    ($($path:literal $role:ident;)*) => { &[$(($path, Role::$role)),*] };
}

/// All pages of those who are signed in.
pub const PAGES: &[(&str, Role)] = pages! {
    "/admin" Viewer;
    "/admin/ending" Viewer;
    "/admin/search" Viewer;
    "/admin/customers" Viewer;
    "/admin/customers/{id}" Viewer;
    "/admin/customers/{id}/compare" Viewer;
    "/admin/customers/{id}/erase" Owner;
    "/admin/resyncs" Viewer;
    "/admin/resyncs/{id}" Viewer;
    "/admin/replays" Viewer;
    "/admin/replays/new" Viewer;
    "/admin/replays/{id}" Viewer;
    "/admin/customers/{id}/overrides/new" Viewer;
    "/admin/overrides/change" Viewer;
    "/admin/overrides/{id}/revoke" Viewer;
    "/admin/overrides" Viewer;
    "/admin/subscriptions" Viewer;
    "/admin/subscriptions/{id}" Viewer;
    "/admin/mappings" Viewer;
    "/admin/mappings/link" Viewer;
    "/admin/mappings/{id}" Viewer;
    "/admin/mappings/{id}/delete" Viewer;
    "/admin/conflicts/{id}" Viewer;
    "/admin/unattributed" Viewer;
    "/admin/unattributed/{id}" Viewer;
    "/admin/catalog" Viewer;
    "/admin/catalog/prices/{id}" Viewer;
    "/admin/catalog/products/{id}" Viewer;
    "/admin/catalog/prices/{id}/preview" Viewer;
    "/admin/catalog/products/{id}/preview" Viewer;
    "/admin/catalog/prices/{id}/policy/preview" Viewer;
    "/admin/catalog/prices/{id}/policy" Viewer;
    "/admin/features/{id}/policy/preview" Viewer;
    "/admin/features/{id}/preview" Viewer;
    "/admin/features/{id}/policy" Viewer;
    "/admin/features/{id}" Viewer;
    "/admin/features/{id}/delete" Viewer;
    "/admin/features" Viewer;
    "/admin/events" Viewer;
    "/admin/events/{id}" Viewer;
    "/admin/events/{id}/ignore" Viewer;
    "/admin/validator" Viewer;
    "/admin/validator/endpoint" Viewer;
    "/admin/validator/endpoints/{id}/events" Viewer;
    "/admin/validator/endpoints/{id}/enable" Viewer;
    "/admin/simulator" Viewer;
    "/admin/audit" Viewer;
    "/admin/audit/{id}" Viewer;
    "/admin/account" Viewer;
    "/admin/account/security" Viewer;
    "/admin/account/2fa" Viewer;
    "/admin/account/passkeys/new" Viewer;
    "/admin/account/preferences" Viewer;
    "/admin/account/shortcuts" Viewer;
    "/admin/api-keys/{id}/revoke" Viewer;
    "/admin/api-keys/{id}/rotate" Viewer;
    "/admin/api-keys/{id}" Viewer;
    "/admin/api-keys" Viewer;
    "/admin/system" Viewer;
    "/admin/settings" Admin;
    "/admin/staff" Admin;
    "/admin/go/{*what}" Viewer;
};

/// The form that is posted to this path.
#[must_use]
pub fn action(path: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.path == path)
}

/// The weakest role for a page, by the decoded segments of its path behind `/admin`; nothing where there is no such page.
#[must_use]
pub fn role_for_page(segments: &[&str]) -> Option<Role> {
    let is_at = |path: &str| {
        let mut rest = segments.iter();
        for wanted in path.split('/').skip(2) {
            match wanted {
                "{*what}" => return true,
                "{id}" if rest.next().is_some() => {}
                _ if rest.next() == Some(&wanted) => {}
                _ => return false,
            }
        }
        rest.next().is_none()
    };
    PAGES.iter().find(|(path, _)| is_at(path)).map(|(_, role)| *role)
}
