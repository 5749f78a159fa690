//! Everybody's own choices: how the pages look, the zone of times, saved filters.

use domain::role::Role;
use reqwest::StatusCode;
use store::records::MOST_FILTERS;

use super::browser::{Browser, Program};

const PAGE: &str = "/admin/account/preferences";
const CHOSEN: [(&str, &str); 5] =
    [("theme", "dark"), ("density", "compact"), ("time_zone", "Asia/Tokyo"), ("times", "date"), ("shortcuts", "on")];

async fn html_tag(browser: &Browser) -> String {
    let page = browser.get("/admin").await.body;
    page.split("<html").nth(1).unwrap().split('>').next().unwrap().to_owned()
}

#[tokio::test]
async fn pages_are_as_the_person_wants_them_and_nobody_elses_are() {
    let program = Program::with_owner().await;
    let (viewer, owner) = (program.signed_in(Role::Viewer).await, program.signed_in(Role::Owner).await);
    let before = html_tag(&viewer).await;
    assert!(!before.contains("data-theme") && before.contains(r#"data-density="comfortable""#), "{before}");

    let saved = viewer.post(PAGE, &CHOSEN).await;
    assert_eq!((saved.status, saved.location.as_str()), (StatusCode::SEE_OTHER, PAGE), "{}", saved.body);
    let page = viewer.get(PAGE).await.body;
    assert!(page.contains("Your preferences are saved."));
    assert!(page.contains("Times in Asia/Tokyo"), "the foot names the zone");
    let tag = html_tag(&viewer).await;
    assert!(tag.contains(r#"data-theme="dark""#) && tag.contains(r#"data-density="compact""#), "{tag}");
    assert!(!html_tag(&owner).await.contains("data-theme"), "somebody else's pages stay");

    viewer.post(PAGE, &CHOSEN[..4]).await;
    let chosen = program.state.store.staff_by_email("viewer@example.com").await.unwrap().unwrap();
    let chosen = program.state.store.preference(&chosen.staff_id).await.unwrap();
    assert!(!chosen.shortcuts, "an empty box says no");
}

#[tokio::test]
async fn what_is_no_choice_is_refused_by_its_field() {
    let program = Program::with_owner().await;
    let viewer = program.signed_in(Role::Viewer).await;
    for (field, value, message) in [
        ("theme", "pink", "Choose system, light or dark."),
        ("density", "", "Choose comfortable or compact."),
        ("time_zone", "Europe/Nowhere", "Choose a time zone by its name"),
        ("times", "never", "Choose how times are written."),
    ] {
        let mut fields = CHOSEN;
        for pair in &mut fields {
            if pair.0 == field {
                pair.1 = value;
            }
        }
        let answer = viewer.post(PAGE, &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(
            answer.body.contains(message) && answer.body.contains("There is a problem"),
            "{field}: {}",
            answer.body
        );
    }
    assert!(!html_tag(&viewer).await.contains("dark"));
}

#[tokio::test]
async fn times_are_in_the_zone_and_form_of_who_looks() {
    let program = Program::with_owner().await;
    let viewer = program.signed_in(Role::Viewer).await;
    assert!(viewer.get(PAGE).await.body.contains("just now"), "by distance");
    viewer.post("/admin/account/times", &[("times", "date"), ("return_to", "/admin/events")]).await;
    viewer.post(PAGE, &CHOSEN).await;
    let page = viewer.get(PAGE).await.body;
    let time = page.split("<time ").nth(1).unwrap().split("</time>").next().unwrap();
    let (attributes, words) = time.split_once('>').unwrap();
    let now = program.now();
    assert!(attributes.contains(&format!("title=\"{now}\"")), "exactly, in UTC: {attributes}");
    let tokyo = now.plus_secs(9 * 3600).to_datetime();
    let clock = format!("{:02}:{:02}", tokyo.hour(), tokyo.minute());
    assert!(words.contains(&clock) && words.starts_with(&tokyo.day().to_string()), "{words} is not {clock}");
}

#[tokio::test]
async fn a_filter_is_saved_used_and_forgotten_by_its_person() {
    let program = Program::with_owner().await;
    let (viewer, owner) = (program.signed_in(Role::Viewer).await, program.signed_in(Role::Owner).await);
    let list = "/admin/events?type=invoice.*&after=12&status=failed";
    assert!(viewer.get(list).await.body.contains("Save this filter"));
    assert!(!viewer.get("/admin/events").await.body.contains("Save this filter"), "nothing is set");

    let fields = [
        ("path", "/admin/events"),
        ("query", "type=invoice.*&after=12&status=failed"),
        ("filter_name", "Bad invoices"),
    ];
    let answer = viewer.post("/admin/account/filters", &fields).await;
    let here = "/admin/events?type=invoice.*&status=failed";
    assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, here));
    let page = viewer.get(here).await.body;
    assert!(page.contains("The filter “Bad invoices” is saved."));
    assert!(!page.contains("Save this filter"), "it is saved already");
    let page = viewer.get("/admin/events").await.body;
    assert!(page.contains(r#"href="/admin/events?type=invoice.*&amp;status=failed""#), "{page}");
    assert!(!viewer.get("/admin/subscriptions").await.body.contains("Bad invoices"), "another list");
    assert!(!owner.get("/admin/events").await.body.contains("Bad invoices"), "somebody else");

    let action = page.split("action=\"").find(|part| part.starts_with("/admin/account/filters/")).unwrap();
    let action = action.split('"').next().unwrap();
    owner.post(action, &[("return_to", "/admin/events")]).await;
    assert!(viewer.get("/admin/events").await.body.contains("Bad invoices"), "not theirs to forget");
    let gone = viewer.post(action, &[("return_to", "/admin/events")]).await;
    assert_eq!(gone.location, "/admin/events");
    assert!(!viewer.get("/admin/customers").await.body.contains("Bad invoices"));
    assert!(!viewer.get("/admin/events").await.body.contains("Bad invoices"));
}

#[tokio::test]
async fn a_filter_needs_a_name_something_to_filter_by_and_room() {
    let program = Program::with_owner().await;
    let viewer = program.signed_in(Role::Viewer).await;
    let save = async |query: &str, name: &str| {
        let fields = [("path", "/admin/events"), ("query", query), ("filter_name", name)];
        viewer.post("/admin/account/filters", &fields).await
    };
    let refused = save("status=failed", "").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.body.contains("Name it, in at most 60 characters.")
            && refused.body.contains("<details class=\"more\" open")
    );
    assert_eq!(save("after=12", "nothing").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    for number in 0..MOST_FILTERS {
        assert_eq!(save("status=failed", &format!("name {number}")).await.status, StatusCode::SEE_OTHER);
    }
    assert!(save("status=dead", "one more").await.body.contains("Forget one first."));
    let elsewhere = [("path", "https://evil.example/"), ("query", "status=failed"), ("filter_name", "x")];
    assert_eq!(viewer.post("/admin/account/filters", &elsewhere).await.location, "/admin?status=failed");
}

#[tokio::test]
async fn the_palette_finds_what_the_search_does_in_the_mode_of_its_page() {
    let program = Program::with_owner().await;
    program
        .state
        .store
        .put_user(domain::Livemode::Test, "user_ada", Some("ada@example.com"), Some("Ada"), &program.author())
        .await
        .unwrap();
    let viewer = program.signed_in(Role::Viewer).await;
    let found = viewer.get("/admin/palette?mode=test&q=user_a").await;
    let offers: serde_json::Value = serde_json::from_str(&found.body).unwrap();
    assert_eq!(
        (&offers[0]["label"], &offers[0]["href"]),
        (&"Ada".into(), &"/admin/customers/user_ada".into()),
        "{offers}"
    );
    let exact = viewer.get("/admin/palette?mode=test&q=user_ada").await;
    assert!(exact.body.contains("/admin/customers/user_ada"));
    assert_eq!(viewer.get("/admin/palette?mode=live&q=user_a").await.body, "[]");
    assert_eq!(viewer.get("/admin/palette?mode=no&q=user_a").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(program.browser().get("/admin/palette?mode=test&q=user_a").await.status, StatusCode::UNAUTHORIZED);
}
