//! `/v1`: what each route answers, and how it refuses.

mod access;
mod catalog;
mod checkout;
mod checks;
mod eager_sync;
mod keys;
mod mappings;
mod requests;
mod stripe;

use domain::Livemode;
use domain::role::Scope;

use crate::helpers::TestApp;

/// The program, and a key of test mode that may do everything.
async fn app() -> (TestApp, String) {
    let app = TestApp::start().await;
    let key = app.key(Livemode::Test, Scope::Admin).await;
    (app, key)
}
