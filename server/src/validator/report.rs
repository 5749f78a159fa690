//! All checks together: how they stand as a whole, as plain text and as JSON.

use app::pages::validator::{Check, Group, State};
use domain::{Livemode, Timestamp};
use serde_json::{Value, json};

/// What the validator found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The mode that was looked at.
    pub livemode: Livemode,
    /// When.
    pub at: Timestamp,
    /// Every check.
    pub checks: Vec<Check>,
}

impl Report {
    /// The worst of the checks; one that was skipped makes the whole a warning, for it was not seen to be right.
    #[must_use]
    pub fn result(&self) -> State {
        match self.checks.iter().map(|check| check.state).max() {
            Some(State::Skipped) => State::Warn,
            Some(state) => state,
            None => State::Pass,
        }
    }

    /// For people: a ticket, or a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = vec![format!(
            "Tollkeeper {}: set-up of {} mode at {}: {}",
            env!("CARGO_PKG_VERSION"),
            self.livemode,
            self.at,
            self.result().as_str()
        )];
        for group in Group::ALL {
            lines.push(format!("\n{}", group.words()));
            for check in self.checks.iter().filter(|check| check.group == group) {
                lines.push(format!("  {:<7} {} {}: {}", check.state.as_str(), check.id, check.name, check.found));
                if let Some(fix) = &check.fix {
                    lines.push(format!("          -> {fix}"));
                }
            }
        }
        lines.join("\n")
    }

    /// For programs; `base` is the address that links start with.
    #[must_use]
    pub fn json(&self, base: &str) -> Value {
        let check = |check: &Check| {
            let link = check.link.as_ref();
            json!({
                "object": "check", "id": check.id, "group": check.group.words(), "name": check.name,
                "state": check.state.as_str(), "looked_at": check.looked_at, "found": check.found, "fix": check.fix,
                "link": link.map(|link| json!({ "label": link.words, "url": format!("{base}{}", link.href) })),
            })
        };
        json!({
            "object": "setup_report", "livemode": self.livemode.is_live(), "at": self.at, "result": self.result().as_str(),
            "version": env!("CARGO_PKG_VERSION"), "checks": self.checks.iter().map(check).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::subject::Subject;
    use super::*;

    #[test]
    fn the_worst_counts_and_skipped_is_no_pass() {
        let subject = || Subject::new("V01", Group::Key, "A key", "it");
        let report = |checks| Report { livemode: Livemode::Test, at: Timestamp::from_secs(1), checks };
        let (pass, skipped) = (subject().pass("Fine."), subject().skip("No key."));
        let (warn, fail) = (subject().warn("Hm.", "Look."), subject().fail("Broken.", "Mend it."));
        for (checks, expected) in [
            (vec![], State::Pass),
            (vec![pass.clone(), pass.clone()], State::Pass),
            (vec![pass.clone(), skipped.clone()], State::Warn),
            (vec![skipped, warn.clone()], State::Warn),
            (vec![warn, fail.clone(), pass], State::Fail),
        ] {
            assert_eq!(report(checks.clone()).result(), expected, "{checks:?}");
        }
        let text = report(vec![fail.clone()]).text();
        assert!(text.contains("fail    V01 A key: Broken.") && text.contains("-> Mend it."), "{text}");
        assert_eq!(report(vec![fail]).json("https://x")["checks"][0]["fix"], "Mend it.");
    }
}
