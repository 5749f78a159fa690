//! Every form, sent by everybody.

use domain::role::Role;
use reqwest::StatusCode;
use server::admin::table::ACTIONS;

use super::browser::Program;

#[tokio::test]
async fn every_form_asks_for_its_role() {
    let program = Program::with_owner().await;
    let nobody = program.browser();
    for action in ACTIONS {
        let path = action.path.replace("{id}", "unknown_1").replace("{change}", "pause");
        let answer = nobody.post(&path, &[]).await;
        assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/admin/login"), "nobody {path}");
    }
    for role in Role::ALL {
        let browser = program.signed_in(role).await;
        for action in ACTIONS {
            let path = action.path.replace("{id}", "unknown_1").replace("{change}", "pause");
            let answer = browser.post(&path, &[]).await;
            let expected: &[StatusCode] = if role < action.role {
                &[StatusCode::FORBIDDEN]
            } else {
                // Nothing is filled in and nothing exists, so the most that can happen is that nothing had to be done.
                &[StatusCode::UNPROCESSABLE_ENTITY, StatusCode::NOT_FOUND, StatusCode::SEE_OTHER]
            };
            assert!(expected.contains(&answer.status), "{role} {path}: {} {}", answer.status, answer.body);
            assert_ne!(answer.location, "/admin/login", "{role} {path}");
        }
    }
}

#[test]
fn what_the_contract_reserves_is_reserved() {
    let role = |path: &str| server::admin::table::role_for(path);
    assert_eq!(role("/admin/staff"), Some(Role::Owner));
    assert_eq!(role("/admin/api-keys"), Some(Role::Admin));
    assert_eq!(role("/admin/catalog/prices/{id}"), Some(Role::Admin));
    assert_eq!(role("/admin/nothing"), None);
}
