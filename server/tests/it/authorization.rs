//! `docs/authorization.md` says who may do what: the program has the routes that stand there and no others, and each is called by everybody.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use domain::Livemode;
use domain::role::{Role, Scope};
use reqwest::{Method, StatusCode};
use serde_json::json;
use server::admin::table::{ACTIONS, PAGES};

use crate::admin::browser::sign_in;
use crate::helpers::TestApp;

const TABLE: &str = include_str!("../../../docs/authorization.md");

/// Of the admin app, but neither a page nor a form: files, and what scripts of its pages ask for.
const NEITHER: [&str; 6] = [
    "/admin/live",
    "/admin/palette",
    "/admin/meaning",
    "/admin/events/{id}/payload.json",
    "/admin/customers/{id}/person.json",
    "/admin/export/{file}",
];

/// Method, path and who may, for each row below a heading.
fn rows(heading: &str) -> Vec<(Method, String, &'static str)> {
    let section = TABLE.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = cells.map(|line| line.split(" | ").collect::<Vec<_>>());
    let of = |cells: Vec<&'static str>| {
        let [methods, path, who] = cells[..] else { panic!("{cells:?}") };
        let path = path.strip_prefix('`')?.strip_suffix('`')?.to_owned();
        Some(methods.split(", ").map(move |method| (method.parse().unwrap(), path.clone(), who)).collect::<Vec<_>>())
    };
    cells.filter_map(of).flatten().collect()
}

/// Those of the admin app that ask for a role.
fn of_roles() -> Vec<(Method, String, Role)> {
    let role = |who: &str| Role::ALL.into_iter().find(|role| role.as_str() == who);
    rows("The admin app").into_iter().filter_map(|(method, path, who)| Some((method, path, role(who)?))).collect()
}

/// An address of this form, of something that does not exist.
fn example(path: &str) -> String {
    let mut example = String::new();
    for (nth, part) in path.split(['{', '}']).enumerate() {
        example.push_str(match (nth % 2, part) {
            (0, literal) => literal,
            (_, "change") => "pause",
            (_, "file") => "customers.csv",
            (_, "*what") => "cus_unknown",
            _ => "unknown_1",
        });
    }
    example
}

#[test]
fn every_page_and_form_stands_in_the_table() {
    let expected: BTreeSet<_> = of_roles()
        .into_iter()
        .filter(|(_, path, _)| !NEITHER.contains(&path.as_str()))
        .map(|(method, path, role)| (method.to_string(), path, role.as_str()))
        .collect();
    let pages = PAGES.iter().map(|(path, role)| ("GET".to_owned(), (*path).to_owned(), role.as_str()));
    let forms = ACTIONS.iter().map(|action| ("POST".to_owned(), action.path.to_owned(), action.role.as_str()));
    let actual: BTreeSet<_> = pages.chain(forms).collect();
    let missing: Vec<_> = actual.difference(&expected).collect();
    let surplus: Vec<_> = expected.difference(&actual).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "docs/authorization.md lacks {missing:#?} and has {surplus:#?}");
}

#[test]
fn what_takes_a_fresh_proof_stands_in_the_table() {
    let expected: BTreeSet<_> =
        rows("A fresh proof").into_iter().map(|(method, path, role)| (method.to_string(), path, role)).collect();
    let guarded = ACTIONS.iter().filter(|action| action.is_guarded);
    let actual = guarded.map(|action| ("POST".to_owned(), action.path.to_owned(), action.role.as_str())).collect();
    assert_eq!(expected, actual, "docs/authorization.md and the table");
}

#[test]
fn every_route_of_the_api_stands_in_the_table() {
    let document = serde_json::to_value(server::api::openapi()).unwrap();
    let actual: BTreeSet<_> = (document["paths"].as_object().unwrap().iter())
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |m| (m.to_uppercase(), path.clone())))
        .filter(|(method, _)| ["GET", "PUT", "POST", "PATCH", "DELETE"].contains(&method.as_str()))
        .collect();
    let expected: BTreeSet<_> =
        rows("The API").into_iter().map(|(method, path, _)| (method.to_string(), path)).collect();
    assert_eq!(actual, expected, "docs/authorization.md and the OpenAPI document");
}

#[test]
fn no_route_is_made_anywhere_that_does_not_stand_in_the_table() {
    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut texts = vec![];
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
    let made: BTreeSet<&str> = (texts.iter())
        .map(|text| text.split("#[cfg(test)]").next().unwrap_or_default())
        .flat_map(|text| text.split(".route(\"").skip(1))
        .filter_map(|rest| rest.split('"').next())
        // What leads to the pages as a whole, and to the answer that there is nothing.
        .filter(|path| !["/admin/{*path}", "/v1", "/v1/{*path}"].contains(path))
        .collect();
    assert!(made.len() > 10, "{made:?}");
    let missing: Vec<_> = made.into_iter().filter(|path| !TABLE.contains(&format!("`{path}`"))).collect();
    assert!(missing.is_empty(), "docs/authorization.md lacks {missing:?}");
}

#[tokio::test]
async fn the_admin_app_does_for_each_role_what_the_table_says() {
    let app = TestApp::start().await;
    // Who answers to the first visit of nobody depends on whether there is an owner.
    let mut browsers = vec![];
    for role in Role::ALL {
        browsers.push((role, sign_in(&app.state, &app.url, role).await));
    }
    for (method, path, needed) in of_roles() {
        let example = example(&path);
        let nobody = app.http.request(method.clone(), format!("{}{example}", app.url)).send().await.unwrap();
        let to = nobody.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        let is_sent_to_sign_in = to.is_some_and(|to| to.starts_with("/admin/login"));
        assert!(nobody.status() == StatusCode::UNAUTHORIZED || is_sent_to_sign_in, "nobody, {method} {path}");
        for (role, browser) in &browsers {
            let answer = match method {
                // A stream has no end: its head alone says what there is to know.
                Method::GET if path == "/admin/live" => {
                    browser.client.get(format!("{}{example}", app.url)).send().await.unwrap().status()
                }
                Method::GET => browser.get(&example).await.status,
                _ => browser.post(&example, &[]).await.status,
            };
            assert_eq!(answer == StatusCode::FORBIDDEN, *role < needed, "{role}, {method} {path}: {answer}");
            assert!(!answer.is_server_error(), "{role}, {method} {path}: {answer}");
        }
    }
}

#[tokio::test]
async fn the_api_does_for_each_scope_what_the_table_says() {
    let app = TestApp::start().await;
    let mut keys = vec![];
    for scope in Scope::ALL {
        keys.push((scope, app.key(Livemode::Test, scope).await));
    }
    let owner = sign_in(&app.state, &app.url, Role::Owner).await;
    for (method, path, who) in rows("The API") {
        let needed = Scope::ALL.into_iter().find(|scope| scope.as_str() == who).unwrap();
        let query = if path == "/v1/access" { "?user_id=u&feature=pro" } else { "" };
        let example = format!("{}{query}", example(&path));
        let ask = |client: &reqwest::Client| {
            let request = client.request(method.clone(), format!("{}{example}", app.url));
            if method == Method::GET || method == Method::DELETE { request } else { request.json(&json!({})) }
        };
        for (scope, key) in &keys {
            let status = app.send(ask(&app.http).bearer_auth(key)).await.status;
            assert_eq!(status == StatusCode::FORBIDDEN, *scope < needed, "{scope:?}, {method} {path}: {status}");
            assert!(!status.is_server_error(), "{method} {path}: {status}");
        }
        let bare = app.send(ask(&app.http)).await.status;
        assert_eq!(bare, StatusCode::UNAUTHORIZED, "{method} {path} without a key");
        let signed_in = ask(&owner.client).send().await.unwrap().status();
        assert_eq!(signed_in, StatusCode::UNAUTHORIZED, "{method} {path} with an owner's cookie");
    }
}
