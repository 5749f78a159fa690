//! The invariants as a test, and the looks that read text tried on text.

use super::{INVARIANTS, inherits_lints, is_or_belongs_to, named_tests, pages_by_offset};

#[test]
fn the_invariants_hold() {
    let faults: Vec<String> = INVARIANTS
        .into_iter()
        .flat_map(|(number, _, look)| look().unwrap().into_iter().map(move |fault| format!("{number}: {fault}")))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn offset_is_found_in_sql_and_not_in_prose() {
    assert!(pages_by_offset("  limit $1 offset $2"));
    assert!(pages_by_offset("\"select 1 LIMIT 10 OFFSET 20\""));
    assert!(!pages_by_offset("  -- never offset 10"));
    assert!(!pages_by_offset("//! no OFFSET 5 here"));
    assert!(!pages_by_offset("let offset = 3;"));
}

#[test]
fn a_family_is_not_its_namesake() {
    assert!(is_or_belongs_to("sqlx", "sqlx"));
    assert!(is_or_belongs_to("sqlx-core", "sqlx"));
    assert!(!is_or_belongs_to("ringbuf", "ring"));
}

#[test]
fn a_crate_with_lints_of_its_own_is_found() {
    assert!(inherits_lints("[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n"));
    assert!(!inherits_lints("[package]\nname = \"a\"\n[dependencies]\nb.workspace = true\n"));
    assert!(!inherits_lints("[lints]\n\n[x]\nworkspace = true\n"));
}

#[test]
fn tests_are_read_off_the_page() {
    let page = "An `other` word.\nB1. So it is. Tests: `one`, `two`\n- Test: `three`.";
    assert_eq!(named_tests(page).collect::<Vec<_>>(), ["one", "two", "three"]);
}
