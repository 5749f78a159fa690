//! E4: access that was given after the application last asked.

use super::*;

fn asked(allowed: bool, at: Timestamp, granted_at: Option<Timestamp>) -> LastCheck {
    LastCheck { feature: "pro".to_owned(), at, allowed, granted_at }
}

fn told(check: LastCheck) -> Diagnosis {
    diagnosis_of(&paying("active", "price_pro"), |chain| chain.last_checks = vec![check])
}

#[test]
fn an_application_that_has_not_asked_since_may_keep_the_old_answer() {
    let found = told(asked(false, NOW.plus_secs(-2400), Some(NOW.plus_secs(-130))));
    assert_eq!((found.code.as_str(), found.broken_link), ("app_cache", None));
    let sentence =
        "But the application last asked for pro 40 minutes ago and was told no; it became a yes 2 minutes ago.";
    assert!(found.sentence.starts_with("Has access to pro") && found.sentence.contains(sentence), "{}", found.sentence);
    let fix = &found.fixes[0];
    assert_eq!((fix.id.as_str(), fix.href.as_str()), ("show_checks", "/admin/customers/user_42?tab=checks#tab"));
}

#[test]
fn an_application_that_knows_is_not_suspected() {
    let granted = Some(NOW.plus_secs(-130));
    for check in [
        asked(true, NOW.plus_secs(-60), granted),
        asked(true, NOW.plus_secs(-2400), granted),
        // Denied after the grant: another fault, which is not ours to guess.
        asked(false, NOW.plus_secs(-60), granted),
        asked(false, NOW.plus_secs(-2400), None),
        LastCheck { feature: "seats".to_owned(), ..asked(false, NOW.plus_secs(-2400), granted) },
    ] {
        assert_eq!(told(check.clone()).code, "ok", "{check:?}");
    }
    let risky = diagnosis_of(&paying("past_due", "price_pro"), |chain| {
        chain.last_checks = vec![asked(false, NOW.plus_secs(-2400), granted)];
    });
    assert_ne!(risky.code, "app_cache");
    let denied = diagnosis_of(&paying("unpaid", "price_pro"), |chain| {
        chain.last_checks = vec![asked(false, NOW.plus_secs(-2400), granted)];
    });
    assert_eq!(denied.code, "sub_unpaid");
}
