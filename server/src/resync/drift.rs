//! What differs from Stripe, in words: its kind, and how much it matters.

use app::pages::compare::{Difference, Severity};
use store::records::{Effects, FieldChange};

/// The differences of one customer, those that matter most first.
#[must_use]
pub fn differences(effects: &Effects) -> Vec<Difference> {
    let answer = |allowed: bool, reason: &str| {
        Some(format!("{} ({})", if allowed { "allowed" } else { "denied" }, reason.replace('_', " ")))
    };
    let verdicts = effects.verdicts.iter().map(|change| Difference {
        what: format!("Access of {} to {}", change.user_id, change.feature),
        kind: "access",
        severity: if change.allowed_before == change.allowed_after { Severity::Medium } else { Severity::High },
        ours: answer(change.allowed_before, &change.reason_before),
        theirs: answer(change.allowed_after, &change.reason_after),
    });
    let mappings = effects.mappings.iter().map(|sentence| Difference {
        what: sentence.clone(),
        kind: "customer link",
        severity: Severity::Medium,
        ours: None,
        theirs: None,
    });
    let fields = effects.fields.iter().map(|change| {
        let kind = kind(effects, change);
        Difference {
            what: format!("{} of {}", name(&change.field), change.object),
            kind,
            severity: if kind == "details" { Severity::Low } else { Severity::Medium },
            ours: change.before.clone(),
            theirs: change.after.clone(),
        }
    });
    let mut found: Vec<Difference> = verdicts.chain(mappings).chain(fields).collect();
    found.sort_by_key(|difference| std::cmp::Reverse(difference.severity));
    found
}

/// A field in words, as they begin a line.
fn name(field: &str) -> String {
    match field {
        "payment_failed_at" => "Failed payment".into(),
        "ends_at" => "End".into(),
        field => {
            let words = field.replace('_', " ");
            let mut letters = words.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
        }
    }
}

/// What kind of difference a field is.
fn kind(effects: &Effects, change: &FieldChange) -> &'static str {
    let of_object =
        |field: &str| effects.fields.iter().find(|other| other.object == change.object && other.field == field);
    if change.field == "deleted" && change.after.is_some() {
        return "missing in Stripe";
    }
    if of_object("status").is_some_and(|status| status.before.is_none()) {
        return "missing here";
    }
    match change.field.as_str() {
        "status" | "payment" | "payment_failed_at" | "amount_refunded" | "amount" => "status",
        "prices" | "line_items" | "pending_update" | "schedule" => "price and quantity",
        "current_period_end" | "trial_end" => "period end",
        "ends_at" => "cancel at",
        "entitlements" => "entitlements",
        _ => "details",
    }
}

#[cfg(test)]
mod tests {
    use store::records::VerdictChange;

    use super::*;

    fn field(object: &str, field: &str, before: Option<&str>, after: Option<&str>) -> FieldChange {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        FieldChange { object: object.into(), field: field.into(), before: owned(before), after: owned(after) }
    }

    #[test]
    fn what_changes_access_comes_first_and_kinds_are_told_apart() {
        let effects = Effects {
            fields: vec![
                field("cus_1", "name", Some("Ada"), Some("Ada L.")),
                field("sub_1", "status", Some("active"), Some("canceled")),
                field("sub_2", "status", None, Some("active")),
                field("sub_2", "prices", None, Some("price_1")),
                field("cus_2", "deleted", None, Some("yes")),
                field("sub_1", "ends_at", None, Some("2026-12-01")),
            ],
            mappings: vec![],
            verdicts: vec![VerdictChange {
                user_id: "user_1".into(),
                feature: "pro".into(),
                allowed_before: true,
                allowed_after: false,
                reason_before: "subscription_active".into(),
                reason_after: "subscription_canceled".into(),
            }],
        };
        let found = differences(&effects);
        let kinds: Vec<_> = found.iter().map(|difference| (difference.severity, difference.kind)).collect();
        let medium = Severity::Medium;
        assert_eq!(
            kinds,
            [
                (Severity::High, "access"),
                (medium, "status"),
                (medium, "missing here"),
                (medium, "missing here"),
                (medium, "missing in Stripe"),
                (medium, "cancel at"),
                (Severity::Low, "details"),
            ]
        );
        assert_eq!(found[0].theirs.as_deref(), Some("denied (subscription canceled)"));
    }
}
