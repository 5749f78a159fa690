//! Lists: pages both ways, bounded in time, and the whole as a file.

use domain::Livemode;
use domain::access::OverrideEffect;
use domain::catalog::{Feature, FeatureType};
use domain::event::Envelope;
use domain::mapping::MappingSource;
use domain::role::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};
use store::records::{AuditFilter, Author, Delivery, NewOverride};

use super::browser::{Answer, Program};

const DAY: i64 = 86_400_000;

/// Takes in customers `cus_{n}` with these names, all at once.
async fn tell_of(program: &Program, names: &[String]) {
    let now = program.now();
    let event = |n: usize, name: &str| -> Value {
        json!({
            "id": format!("evt_{n}"), "object": "event", "type": "customer.created", "created": now.secs() - 10, "livemode": false,
            "data": { "object": { "id": format!("cus_{n:04}"), "object": "customer", "name": name, "email": null, "metadata": {} } },
        })
    };
    let deliveries: Vec<Delivery> = (names.iter().enumerate())
        .map(|(n, name)| {
            let event = event(n, name);
            let envelope = Envelope::read(&event).unwrap();
            Delivery { envelope, payload: event.to_string(), received_at: now, secret_name: None }
        })
        .collect();
    program.state.store.record_deliveries(&deliveries).await.unwrap();
    while program.state.store.process_due(now, 100).await.unwrap().events > 0 {}
}

/// Says whose a customer is.
async fn map(program: &Program, n: usize) {
    let (store, author) = (&program.state.store, Author::system(program.now()));
    let (customer, user) = (format!("cus_{n:04}"), format!("user_{n:04}"));
    store.put_mapping(Livemode::Test, &customer, &user, MappingSource::Staff, &author).await.unwrap();
}

/// Where the link with these words leads.
fn link(page: &Answer, words: &str) -> Option<String> {
    let end = page.body.find(&format!(">{words}</a>"))?;
    let tag = &page.body[page.body[..end].rfind("<a ")?..end];
    Some(tag.split("href=\"").nth(1)?.split('"').next()?.replace("&amp;", "&"))
}

/// The ids in a page's rows, in order.
fn rows(page: &Answer, folder: &str) -> Vec<String> {
    let table = page.body.split("<tbody>").nth(1).and_then(|rest| rest.split("</tbody>").next()).unwrap_or_default();
    let begin = format!("href=\"/admin/{folder}/");
    table.split(&begin).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_go_both_ways_and_say_how_many_there_are() {
    let program = Program::with_owner().await;
    tell_of(&program, &(0..120).map(|n| format!("Person {n}")).collect::<Vec<_>>()).await;
    for n in 0..120 {
        map(&program, n).await;
    }
    let browser = program.signed_in(Role::Viewer).await;
    for (list, folder) in [
        ("/admin/customers", "customers"),
        ("/admin/events?type=customer.*", "events"),
        ("/admin/mappings", "mappings"),
        ("/admin/mappings?q=user_", "mappings"),
        ("/admin/audit?action=mapping.put", "audit"),
    ] {
        let first = browser.get(list).await;
        assert!(first.body.contains("120 "), "{list} is counted: {}", first.body);
        assert!(link(&first, "Previous page").is_none() && link(&first, "First page").is_none());
        let second = browser.get(&link(&first, "Next page").unwrap()).await;
        let third = browser.get(&link(&second, "Next page").unwrap()).await;
        assert!(link(&third, "Next page").is_none());
        let ids: Vec<_> = [&first, &second, &third].map(|page| rows(page, folder)).into();
        assert_eq!(ids.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20], "{list}");
        let mut all = ids.concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 120, "{list}: each once");

        let back = browser.get(&link(&third, "Previous page").unwrap()).await;
        assert_eq!(rows(&back, folder), ids[1], "{list}");
        assert_eq!(link(&back, "Next page"), link(&second, "Next page"), "{list}");
        let begin = browser.get(&link(&back, "Previous page").unwrap()).await;
        assert_eq!(rows(&begin, folder), ids[0], "{list}");
        assert!(link(&begin, "Previous page").is_none(), "{list}: nothing is before the first page");
        assert_eq!(rows(&browser.get(&link(&third, "First page").unwrap()).await, folder), ids[0], "{list}");
    }
}

#[tokio::test]
async fn the_log_shows_a_day_and_says_so() {
    let program = Program::with_owner().await;
    tell_of(&program, &["Ada".to_owned()]).await;
    let browser = program.signed_in(Role::Viewer).await;
    assert_eq!(rows(&browser.get("/admin/events").await, "events"), ["evt_0"]);
    program.clock.advance(2 * DAY);
    let browser = program.signed_in(Role::Viewer).await;
    let none = browser.get("/admin/events").await;
    assert!(none.body.contains("No event of the last 24 hours matches"), "{}", none.body);
    let any = browser.get(&link(&none, "Look at any time").unwrap()).await;
    assert_eq!(rows(&any, "events"), ["evt_0"]);
    // What is looked for by its id may be old.
    assert_eq!(rows(&browser.get("/admin/events?q=evt_0").await, "events"), ["evt_0"]);
    let text = program.now().plus_millis(-2 * DAY - 60_000).to_string();
    let from = browser.get(&format!("/admin/events?from={}", &text[..16])).await;
    assert_eq!(rows(&from, "events"), ["evt_0"]);
    assert!(from.body.contains(&format!("From {}", text[..16].replace('T', " "))), "it is a filter to take off");
    let until = browser.get(&format!("/admin/events?to={}", &text[..16])).await;
    assert!(rows(&until, "events").is_empty());
    // What a filter is made of can be taken off one by one.
    let narrow = browser.get("/admin/events?since=any&type=invoice.paid&error=x").await;
    assert!(narrow.body.contains("Type invoice.paid") && narrow.body.contains("Error holds"));
    assert!(narrow.body.contains("/admin/events?since=any&amp;error=x"), "{}", narrow.body);
}

async fn read(program: &Program, list: &str) -> Vec<csv::StringRecord> {
    let browser = program.signed_in(Role::Viewer).await;
    let answer = browser.get(&format!("/admin/export/{list}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8; header=present");
    csv::Reader::from_reader(answer.body.as_bytes()).records().map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_list_is_exported_whole_and_no_name_becomes_a_formula() {
    let program = Program::with_owner().await;
    let mut names: Vec<String> = (0..450).map(|n| format!("Person {n}")).collect();
    let hostile = ["=HYPERLINK(\"http://evil.example\",\"x\")", "+1", "-2+3", "@SUM(A1)", "\tTab", "a \"b\", c\nd"];
    for (n, name) in hostile.iter().enumerate() {
        names[n] = (*name).to_owned();
    }
    tell_of(&program, &names).await;
    let rows = read(&program, "customers.csv?mode=test").await;
    assert_eq!(rows.len(), 450, "three pages and a bit");
    let name = |id: &str| rows.iter().find(|row| &row[0] == id).map(|row| row[1].to_owned()).unwrap();
    for (n, hostile) in hostile[..5].iter().enumerate() {
        assert_eq!(name(&format!("cus_000{n}")), format!("'{hostile}"));
    }
    assert_eq!(name("cus_0005"), hostile[5], "quotes, commas and lines stay as they are");
    assert!(rows.iter().flatten().all(|field| !field.starts_with(['=', '+', '-', '@', '\t', '\r'])));
    assert_eq!(read(&program, "customers.csv?mode=test&q=person%204").await.len(), 60, "by the page's filter");
    assert_eq!(read(&program, "events.csv?mode=test&type=customer.*").await.len(), 450);
    assert!(read(&program, "customers.csv?mode=live").await.is_empty(), "nothing of the other mode");
    for list in [
        "audit",
        "conflicts",
        "ending",
        "features",
        "holders",
        "ignored",
        "mappings",
        "overrides",
        "refused",
        "replay",
        "replays",
        "resync",
        "resyncs",
        "subscriptions",
        "unattributed",
    ] {
        read(&program, &format!("{list}.csv?mode=test")).await;
    }
}

#[tokio::test]
async fn a_file_holds_what_its_page_finds() {
    let program = Program::with_owner().await;
    tell_of(&program, &["Ada".to_owned(), "Bob".to_owned()]).await;
    for n in 0..2 {
        map(&program, n).await;
    }
    let browser = program.signed_in(Role::Viewer).await;
    // Stripe's name of the customer finds its mapping, on the page and in the file that is linked there.
    let page = browser.get("/admin/mappings?q=bo").await;
    assert_eq!(rows(&page, "mappings"), ["cus_0001"]);
    let file = link(&page, "Export CSV").unwrap();
    let found = read(&program, file.strip_prefix("/admin/export/").unwrap()).await;
    assert_eq!(
        found.iter().map(|row| (&row[0], &row[1], &row[2])).collect::<Vec<_>>(),
        [("cus_0001", "Bob", "user_0001")]
    );
    assert!(
        browser.get("/admin/mappings?q=ob").await.body.contains("No mapping matches"),
        "what is inside is not searched"
    );

    let grant = |user: &str, days: i64| NewOverride {
        livemode: Livemode::Test,
        user_id: user.into(),
        feature: "pro".into(),
        effect: OverrideEffect::Grant,
        value: None,
        expires_at: Some(program.now().plus_millis(days * DAY)),
    };
    let author = Author::system(program.now());
    let feature = Feature::new("pro", FeatureType::Switch);
    program.state.store.put_feature(Livemode::Test, &feature, &author).await.unwrap();
    for (user, days) in [("user_near", 2), ("user_far", 20), ("user_over", -2)] {
        program.state.store.create_override(&grant(user, days), &author).await.unwrap();
    }
    for (query, users) in [
        ("", &["user_near", "user_far"][..]),
        ("list=ending", &["user_near"]),
        ("list=ended", &["user_over"]),
        ("list=no_end", &[]),
    ] {
        let rows = read(&program, &format!("overrides.csv?mode=test&{query}")).await;
        assert_eq!(rows.iter().map(|row| &row[1]).collect::<Vec<_>>(), users, "{query}");
    }
    assert_eq!(read(&program, "holders.csv?mode=test&feature=pro").await.len(), 2);
    assert_eq!(read(&program, "ending.csv?mode=test&days=7").await.len(), 1);
}

#[tokio::test]
async fn the_audit_log_shows_a_month_and_what_is_rare_from_any_time() {
    let program = Program::with_owner().await;
    map(&program, 7).await;
    program.clock.advance(40 * DAY);
    map(&program, 8).await;
    let browser = program.signed_in(Role::Viewer).await;
    let shown = async |path: &str| {
        let page = browser.get(path).await;
        let has = |customer: &str| page.body.contains(&format!("/admin/customers/{customer}\""));
        (has("cus_0007"), has("cus_0008"), page)
    };
    let (has_old, has_new, page) = shown("/admin/audit").await;
    assert!(!has_old && has_new, "{}", page.body);
    assert!(page.body.contains("/admin/audit?from=all") && page.body.contains("Any time"), "{}", page.body);
    let any = shown("/admin/audit?from=all").await;
    assert!(any.0 && any.1);
    assert!(shown("/admin/audit?object=cus_0007").await.0, "what happened to one object may be long ago");
    let lately = read(&program, "audit.csv?mode=test&action=mapping.put").await;
    let ever = read(&program, "audit.csv?mode=test&action=mapping.put&from=all").await;
    assert_eq!((lately.len(), ever.len()), (1, 2));
}

#[tokio::test]
async fn exports_are_named_audited_and_for_staff_alone() {
    let program = Program::with_owner().await;
    let nobody = program.browser().get("/admin/export/events.csv").await;
    assert_eq!((nobody.status, nobody.location.starts_with("/admin/login")), (StatusCode::SEE_OTHER, true));
    let browser = program.signed_in(Role::Viewer).await;
    let answer = browser.get("/admin/export/events.csv?mode=live&status=failed").await;
    let day = &program.now().to_string()[..10];
    assert_eq!(
        answer.headers["content-disposition"].to_str().unwrap(),
        format!("attachment; filename=\"tollkeeper-events-live-{day}.csv\"")
    );
    let log = program.state.store.audit(&AuditFilter { limit: 1, ..AuditFilter::default() }).await.unwrap();
    let entry = &log.data[0];
    assert_eq!((entry.action.as_str(), entry.object_id.as_str()), ("list.export", "events"));
    assert_eq!((entry.actor.as_str(), entry.livemode), ("staff:viewer@example.com", Some(Livemode::Live)));
    assert_eq!(entry.details, json!({ "filter": { "status": "failed" } }));
    assert_eq!(browser.get("/admin/export/secrets.csv").await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get("/admin/export/events").await.status, StatusCode::NOT_FOUND);
}
