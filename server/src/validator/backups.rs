//! Whether a backup would be there on a bad day.

use app::pages::validator::{Check, Group, State};
use domain::{Livemode, Timestamp};

use super::subject::{Subject, see, sentence};
use crate::backup::{Backup, Plan, size};

/// A backup is overdue when it is as old as so many of the times between two.
const TIMES: i64 = 2;
/// How old the newest may be where none are made by the clock, in milliseconds.
const BY_HAND_MS: i64 = 7 * 86_400_000;

/// V17. `failure` says why the last one could not be made.
pub(super) fn recent(
    plan: Option<&Plan>,
    newest: &std::io::Result<Option<Backup>>,
    failure: Option<&str>,
    livemode: Livemode,
    now: Timestamp,
) -> Check {
    let subject = |looked_at: String| Subject::new("V17", Group::Installation, "Backups", looked_at);
    let Some(plan) = plan else {
        let why = "PostgreSQL makes its own, and they are not looked into: run pg_dump by the clock.";
        return subject("Backups of the database".to_owned()).skip(why);
    };
    let subject = subject(format!("The newest file of our naming in {}", plan.folder.display()));
    // A sandbox may well be gone after a test; a business may not.
    let bad = if livemode.is_live() { State::Fail } else { State::Warn };
    let why = failure.map_or_else(String::new, |why| format!(" {}", sentence(why)));
    let fix =
        "Mend what the sentence says, or set BACKUP_DIR to another folder; then use Back up now on the page System.";
    let oldest = plan.every_ms.map_or(BY_HAND_MS, |every| every.saturating_mul(TIMES));
    let check = match newest {
        Err(error) => subject.stands(bad, sentence(&format!("the folder cannot be read: {error}")), fix),
        Ok(None) if plan.every_ms.is_some() && failure.is_none() => {
            subject.pass("There is none yet; the first is made within a minute of the start.")
        }
        Ok(None) => subject.stands(bad, format!("There is none.{why}"), fix),
        Ok(Some(newest)) if newest.at.plus_millis(oldest) < now => {
            subject.stands(bad, format!("The newest is of {}, {}.{why}", newest.at, size(newest.bytes)), fix)
        }
        Ok(Some(newest)) => subject.pass(format!("The newest is of {}, {}.", newest.at, size(newest.bytes))),
    };
    see(check, "Backups", "/admin/system#backups")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_that_is_missing_or_old_is_told_with_why() {
        let now = Timestamp::from_secs(1_795_305_600);
        let plan = |every_ms| Plan { folder: "/b".into(), every_ms, keep: 7 };
        let of =
            |hours: i64| Ok(Some(Backup { name: "t.db".into(), at: now.plus_secs(-hours * 3600), bytes: 1 << 20 }));
        let (daily, by_hand) = (plan(Some(86_400_000)), plan(None));
        let judged =
            |plan, newest: &std::io::Result<Option<Backup>>, failure, mode| recent(plan, newest, failure, mode, now);
        let state = |plan, newest, failure| judged(Some(plan), &newest, failure, Livemode::Live).state;
        assert_eq!(state(&daily, of(47), None), State::Pass);
        assert_eq!(state(&daily, Ok(None), None), State::Pass, "it has just started");
        assert_eq!(state(&by_hand, of(100), None), State::Pass);
        for (plan, newest, failure) in [
            (&daily, of(49), None),
            (&daily, Ok(None), Some("the disk is full")),
            (&by_hand, Ok(None), None),
            (&by_hand, of(169), None),
            (&daily, Err(std::io::Error::other("no")), None),
        ] {
            assert_eq!(judged(Some(plan), &newest, failure, Livemode::Live).state, State::Fail);
            assert_eq!(judged(Some(plan), &newest, failure, Livemode::Test).state, State::Warn);
        }
        let full = judged(Some(&daily), &Ok(None), Some("the disk is full"), Livemode::Live);
        assert_eq!(full.found, "There is none. The disk is full.");
        assert_eq!(judged(None, &Ok(None), None, Livemode::Live).state, State::Skipped);
    }
}
