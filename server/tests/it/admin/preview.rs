//! A change of the catalog that takes access away, or touches several users, is shown before it is saved, and does what was shown.

use domain::access::OverrideEffect;
use domain::catalog::{Feature, FeatureGrant, FeatureType};
use domain::role::Role;
use domain::stripe::SubscriptionStatus;
use domain::{Livemode, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};
use store::records::{NewOverride, TargetKind};

use super::browser::{Answer, Browser, Program};
use super::history::{hear, shop};

const TEST: Livemode = Livemode::Test;
const PRICE: &str = "/admin/catalog/prices/price_pro";

/// A subscription of a user to a price.
fn of(user: usize, price: &str, status: &str, end: Timestamp) -> Value {
    json!({
        "id": format!("sub_{user}"), "customer": format!("cus_{user}"), "status": status,
        "metadata": { "user_id": format!("user_{user}") }, "trial_end": end.secs(),
        "items": { "data": [{ "id": format!("si_{user}"), "quantity": 2, "price": { "id": price, "product": "prod_1" },
            "current_period_start": end.secs() - 30 * 86_400, "current_period_end": end.secs() }] },
    })
}

/// Users 1 to 4 pay for `price_pro`, 3 is on trial, 4 is denied by hand; 5 pays for another price; 6 paid for `price_pro` once.
async fn crowd() -> Program {
    let program = shop().await;
    let (store, author, now) = (&program.state.store, program.author(), program.now());
    store.put_feature(TEST, &Feature::new("seats", FeatureType::Limit), &author).await.unwrap();
    store.put_grants(TEST, TargetKind::Price, "price_team", &[FeatureGrant::of("seats")], &author).await.unwrap();
    let end = now.plus_secs(20 * 86_400);
    let sold = [
        (1, "price_pro", "active"),
        (2, "price_pro", "active"),
        (3, "price_pro", "trialing"),
        (4, "price_pro", "active"),
        (5, "price_team", "active"),
        (6, "price_pro", SubscriptionStatus::Canceled.as_str()),
    ];
    for (user, price, status) in sold {
        hear(&program, &format!("evt_{user}"), now, of(user, price, status, end)).await;
    }
    let deny = NewOverride {
        livemode: TEST,
        user_id: "user_4".into(),
        feature: "pro".into(),
        effect: OverrideEffect::Deny,
        value: None,
        expires_at: None,
    };
    store.create_override(&deny, &author).await.unwrap();
    program
}

/// What one user is told about one feature: whether they may, the number, and until when.
type Told = (String, String, bool, Option<i64>, Option<Timestamp>);

/// Everybody's answers.
fn answers(program: &Program) -> Vec<Told> {
    let store = &program.state.store;
    let users = (1..=6).map(|user| format!("user_{user}"));
    let all = users.flat_map(|user| {
        let answers = store.index().entitlements(TEST, &user, &store.options().policy, program.now());
        answers.into_iter().map(move |(feature, d)| (user.clone(), feature, d.allowed, d.value, d.until))
    });
    all.collect()
}

/// The users a page names, with what it says of each.
fn named(page: &str) -> Vec<String> {
    let text = page.split("<h2>What it does").nth(1).unwrap().split("<form").next().unwrap();
    let mut plain = String::new();
    let mut inside = false;
    for c in text.replace("</li>", "\n").chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => plain.push(c),
            _ => {}
        }
    }
    let lines = plain
        .lines()
        .filter_map(|line| line.find("user_").map(|at| line[at..].split_whitespace().collect::<Vec<_>>().join(" ")));
    lines.filter(|line| line.chars().nth(5).is_some_and(|c| c.is_ascii_digit())).collect()
}

fn hidden(page: &str, name: &str) -> String {
    let tag = page.split('<').find(|tag| tag.contains(&format!("name=\"{name}\"")));
    let tag = tag.unwrap_or_else(|| panic!("no {name} in {page}"));
    tag.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// The page that a form leads to, before anything is saved.
async fn asked(program: &Program, browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let before = (answers(program), program.state.store.index().catalog(TEST));
    let answer = browser.post(path, fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert!(answer.location.contains("/preview") || answer.location.contains("/delete"), "{}", answer.location);
    let page = browser.get(&answer.location).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let after = (answers(program), program.state.store.index().catalog(TEST));
    assert!(before == after, "looking changes nothing");
    page
}

/// Sends what the page that asks would send.
async fn saved(browser: &Browser, path: &str, fields: &[(&str, &str)], page: &Answer, more: &[(&str, &str)]) -> Answer {
    let seen = hidden(&page.body, "previewed");
    browser.post(path, &[fields, &[("previewed", seen.as_str())], more].concat()).await
}

/// Where a change is sent, its fields, those of the preview besides, and what it names.
type Sent = (&'static str, &'static [Field], &'static [Field], &'static [&'static str]);
type Field = (&'static str, &'static str);

#[tokio::test]
async fn what_the_preview_says_is_what_then_happens() {
    let program = crowd().await;
    let browser = program.signed_in(Role::Admin).await;
    // What is changed, and what each of those it names gets of it.
    let changes: [Sent; 7] = [
        (
            PRICE,
            &[("feature", "pro"), ("feature", "seats"), ("value_seats", "5")],
            &[],
            &["user_1 gains seats", "user_2 gains seats", "user_3 gains seats", "user_4 gains seats"],
        ),
        (
            PRICE,
            &[("feature", "pro"), ("feature", "seats"), ("value_seats", "")],
            &[],
            &["user_1 · seats 5 → 2", "user_2 · seats 5 → 2", "user_3 · seats 5 → 2", "user_4 · seats 5 → 2"],
        ),
        ("/admin/features/pro/policy", &[("trialing", "deny")], &[], &["user_3 loses pro"]),
        ("/admin/features/pro/policy", &[("trialing", "")], &[], &[]),
        (
            PRICE,
            &[("feature", "seats")],
            &[("typed_id", "price_pro")],
            &["user_1 loses pro", "user_2 loses pro", "user_3 loses pro"],
        ),
        (
            "/admin/catalog/products/prod_1",
            &[("feature", "pro")],
            &[],
            &["user_1 gains pro", "user_2 gains pro", "user_3 gains pro", "user_5 gains pro"],
        ),
        (
            "/admin/features/pro/delete",
            &[],
            &[],
            &["user_1 loses pro", "user_2 loses pro", "user_3 loses pro", "user_5 loses pro"],
        ),
    ];
    for (path, fields, more, told) in changes {
        if told.is_empty() {
            // One user who gains: nobody has to be asked.
            let done = browser.post(path, fields).await;
            assert!(!done.location.contains("preview"), "{}", done.location);
            assert!(browser.get(&done.location).await.body.contains("gained pro"));
            continue;
        }
        let page = asked(&program, &browser, path, fields).await;
        assert_eq!(named(&page.body), *told, "{path}: {}", page.body);
        let before = answers(&program);
        let done = saved(&browser, path, fields, &page, more).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{path}: {}", done.body);
        assert!(!done.location.contains("preview"), "{}", done.location);
        let after = answers(&program);
        // Whoever has another answer now was named, and nobody else.
        let changed: Vec<&String> = before
            .iter()
            .filter(|old| match after.iter().find(|new| (&new.0, &new.1) == (&old.0, &old.1)) {
                Some(new) => new != *old,
                None => old.2,
            })
            .map(|(user, ..)| user)
            .collect();
        let said: Vec<&str> = told.iter().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(changed, said, "{path}");
    }
}

#[tokio::test]
async fn a_denial_by_hand_and_who_pays_for_nothing_are_counted_apart() {
    let program = crowd().await;
    let browser = program.signed_in(Role::Admin).await;
    let page = browser.get("/admin/catalog/prices/price_pro/preview").await;
    assert!(page.body.contains("3 users lose access."), "{}", page.body);
    assert!(page.body.contains("1 more user keeps their answers, because a denial by hand"), "{}", page.body);
    assert!(page.body.contains("1 more user keeps their answers, since the rest"), "who cancelled: {}", page.body);
    let same = browser.get("/admin/catalog/prices/price_pro/preview?feature=pro").await;
    assert!(same.body.contains("Nobody&#x27;s access changes.") || same.body.contains("Nobody's access changes."));
    for path in ["/admin/features/nothing/policy/preview", "/admin/features/nothing/delete"] {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let nonsense = browser.get("/admin/catalog/prices/price_pro/preview?feature=nothing").await;
    assert!(nonsense.status == StatusCode::OK && nonsense.body.contains("What is set here"), "{}", nonsense.body);
}

#[tokio::test]
async fn the_price_is_typed_before_it_is_taken_from_who_pays_for_it() {
    let program = crowd().await;
    let browser = program.signed_in(Role::Admin).await;
    let page = asked(&program, &browser, PRICE, &[("feature", "seats")]).await;
    assert!(page.body.contains("Type the price id price_pro to take access away"), "{}", page.body);
    for (typed, error) in [("", "Type price_pro to take access away."), ("price_prp", "price_prp is not this price id")]
    {
        let more = [("typed_id", typed), ("reason", "nobody wants it")];
        let refused = saved(&browser, PRICE, &[("feature", "seats")], &page, &more).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
        assert!(refused.body.contains("typed_id-error") && refused.body.contains(error), "{}", refused.body);
        assert_eq!(hidden(&refused.body, "feature"), "seats", "what was chosen is kept");
        assert_eq!(hidden(&refused.body, "reason"), "nobody wants it", "and so is the reason");
        assert!(program.is_allowed("user_1", "pro"));
    }
    let done = saved(&browser, PRICE, &[("feature", "seats")], &page, &[("typed_id", " price_pro ")]).await;
    assert_eq!((done.status, done.location.as_str()), (StatusCode::SEE_OTHER, PRICE), "{}", done.body);
    assert!(!program.is_allowed("user_1", "pro"));
    let told = browser.get(PRICE).await.body;
    assert!(told.contains("user_1 gained seats and lost pro.") || told.contains("users lost access"), "{told}");
    assert!(told.contains("action=\"/admin/undo\""), "{told}");
}

#[tokio::test]
async fn what_was_looked_at_has_to_be_so_still() {
    let program = crowd().await;
    let browser = program.signed_in(Role::Admin).await;
    let fields = [("feature", "pro"), ("feature", "seats"), ("value_seats", "5")];
    let page = asked(&program, &browser, PRICE, &fields).await;
    // Somebody else changes the catalog meanwhile.
    let other = [FeatureGrant::of("seats")];
    program.state.store.put_grants(TEST, TargetKind::Product, "prod_1", &other, &program.author()).await.unwrap();
    let stale = saved(&browser, PRICE, &fields, &page, &[]).await;
    assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(stale.body.contains("Nothing was saved") && stale.body.contains("What it does"), "{}", stale.body);
    let price = || program.state.store.index().catalog(TEST).prices["price_pro"].clone();
    assert_eq!(price(), [FeatureGrant::of("pro")]);
    assert_eq!(hidden(&stale.body, "value_seats"), "5");
    // Another change than the one that was looked at is not saved either.
    let another = [("feature", "pro"), ("feature", "seats"), ("value_seats", "7")];
    let refused = saved(&browser, PRICE, &another, &stale, &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    assert_eq!(saved(&browser, PRICE, &fields, &stale, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(price().len(), 2);
}

#[tokio::test]
async fn going_back_keeps_what_was_filled_in() {
    let program = crowd().await;
    let browser = program.signed_in(Role::Admin).await;
    let fields = [("feature", "pro"), ("feature", "seats"), ("value_seats", "5")];
    let page = asked(&program, &browser, PRICE, &fields).await;
    let form = saved(&browser, PRICE, &fields, &page, &[("step", "back")]).await;
    assert_eq!(form.status, StatusCode::OK, "{}", form.body);
    assert!(form.body.contains("What is set here") && form.body.contains("value=\"5\""), "{}", form.body);
    let boxes = form.body.split('<').filter(|tag| tag.contains("name=\"feature\"") && tag.contains("checked"));
    assert_eq!(boxes.count(), 2, "{}", form.body);
    let policy = "/admin/catalog/prices/price_pro/policy";
    let page = asked(&program, &browser, policy, &[("trialing", "deny")]).await;
    let form = saved(&browser, policy, &[("trialing", "deny")], &page, &[("step", "back")]).await;
    assert!(form.body.contains("value=\"deny\" selected"), "{}", form.body);
}

#[tokio::test]
async fn a_grant_by_hand_outlives_its_feature() {
    let program = crowd().await;
    let grant = NewOverride {
        livemode: TEST,
        user_id: "user_9".into(),
        feature: "seats".into(),
        effect: OverrideEffect::Grant,
        value: Some(3),
        expires_at: None,
    };
    program.state.store.create_override(&grant, &program.author()).await.unwrap();
    let browser = program.signed_in(Role::Admin).await;
    let page = browser.get("/admin/features/seats/delete").await;
    assert_eq!(named(&page.body), ["user_5 loses seats"], "{}", page.body);
    let done = saved(&browser, "/admin/features/seats/delete", &[], &page, &[]).await;
    assert_eq!((done.status, done.location.as_str()), (StatusCode::SEE_OTHER, "/admin/features"), "{}", done.body);
    assert!(program.is_allowed("user_9", "seats") && !program.is_allowed("user_5", "seats"));
}

#[tokio::test]
async fn the_page_of_a_feature_tells_who_has_it_and_how_from_page_to_page() {
    let program = crowd().await;
    let (store, author) = (&program.state.store, program.author());
    let grant = |user: usize| NewOverride {
        livemode: TEST,
        user_id: format!("by_hand_{user:02}"),
        feature: "pro".into(),
        effect: OverrideEffect::Grant,
        value: None,
        expires_at: None,
    };
    let granted: Vec<NewOverride> = (0..55).map(grant).collect();
    store.create_overrides(&granted, None, &author).await.unwrap();
    let late = program.now().plus_secs(-86_400);
    hear(&program, "evt_late", program.now(), of(2, "price_pro", "past_due", late)).await;
    let browser = program.signed_in(Role::Viewer).await;
    let page = browser.get("/admin/features/pro").await.body;
    for told in ["All 58", "Paid for 2", "At risk 1", "By hand 55", "by_hand_00", "by_hand_49"] {
        assert!(page.contains(told), "{told} is not in {page}");
    }
    assert!(!page.contains("by_hand_50"));
    let behind = browser.get("/admin/features/pro?after=by_hand_49").await.body;
    for told in ["by_hand_50", "by_hand_54", "user_1<", "user_2<", "user_3<"] {
        assert!(behind.contains(told), "{told} is not in {behind}");
    }
    for without in ["user_4<", "user_5<", "user_6<", "Next page"] {
        assert!(!behind.contains(without), "{without} is in {behind}");
    }
    let at_risk = browser.get("/admin/features/pro?way=at_risk").await.body;
    assert!(
        at_risk.contains("user_2<") && !at_risk.contains("user_1<") && !at_risk.contains("by_hand_00<"),
        "{at_risk}"
    );
    let by_hand = browser.get("/admin/features/pro?way=override&after=by_hand_49").await.body;
    assert!(by_hand.contains("by_hand_54<") && !by_hand.contains("user_1<"), "{by_hand}");
}
