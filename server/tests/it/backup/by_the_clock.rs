//! Backups by the clock and by the button.

use std::path::Path;
use std::sync::Arc;

use domain::Timestamp;
use domain::role::Role;
use reqwest::StatusCode;
use server::backup::{Backups, Plan};
use server::clock::{Clock, ManualClock};
use store::records::AuditFilter;

use crate::admin::browser::Program;
use crate::helpers::database::is_postgres;

const DAY: i64 = 86_400;

/// Of a fresh database.
async fn backups(folder: &Path, clock: &Arc<ManualClock>, keep: usize) -> Backups {
    let url = store::sqlite::url_of(&folder.join("t.db")).unwrap();
    store::open(&url, store::Options::default()).await.unwrap().close().await;
    let plan = Plan { folder: folder.join("backups"), every_ms: Some(DAY * 1000), keep };
    Backups::new(&url, Some(plan), Arc::clone(clock) as Arc<dyn Clock>)
}

fn set(clock: &ManualClock, at: Timestamp) {
    clock.advance(at.millis() - clock.now().millis());
}

fn times(backups: &Backups) -> Vec<i64> {
    backups.list().unwrap().iter().map(|backup| backup.at.secs()).collect()
}

#[tokio::test]
async fn one_a_day_is_made_and_the_newest_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let start = 1_795_305_600;
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(start)));
    let backups = backups(folder.path(), &clock, 3).await;
    assert_eq!(backups.next_at().unwrap(), Some(Timestamp::from_secs(start)));
    backups.make_when_due().await;
    assert_eq!(times(&backups), [start]);
    set(&clock, Timestamp::from_secs(start + DAY - 1));
    backups.make_when_due().await;
    assert_eq!(times(&backups).len(), 1, "none before its time");
    std::fs::write(folder.path().join("backups/mine.db"), "my own").unwrap();
    for day in 1..=4 {
        set(&clock, Timestamp::from_secs(start + day * DAY));
        backups.make_when_due().await;
    }
    assert_eq!(times(&backups), [start + 4 * DAY, start + 3 * DAY, start + 2 * DAY]);
    assert!(folder.path().join("backups/mine.db").exists(), "what is not ours stays");
    // A clock that was set back: the backups of a time to come neither count nor push out the others.
    set(&clock, Timestamp::from_secs(start + DAY));
    backups.make_when_due().await;
    assert_eq!((times(&backups).len(), backups.newest().unwrap().unwrap().at.secs()), (4, start + DAY));
    store::sqlite::look(&folder.path().join("backups").join(&backups.list().unwrap()[0].name), true).await.unwrap();
}

#[tokio::test]
async fn of_two_programs_one_makes_it() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_795_305_600)));
    let one = backups(folder.path(), &clock, 3).await;
    let two = Backups::new(
        &store::sqlite::url_of(&folder.path().join("t.db")).unwrap(),
        one.plan().cloned(),
        Arc::clone(&clock) as Arc<dyn Clock>,
    );
    let (first, second) = tokio::join!(one.make(), two.make());
    assert!(first.is_ok());
    assert!(second.unwrap_err().to_string().contains("is being made"));
    assert_eq!(times(&one).len(), 1);
    two.make_when_due().await;
    assert_eq!(times(&one).len(), 1, "what another one made counts");
}

#[tokio::test]
async fn a_failure_is_told_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_795_305_600)));
    let backups = backups(folder.path(), &clock, 3).await;
    std::fs::write(folder.path().join("backups"), "a file is in the way").unwrap();
    assert!(backups.make().await.is_err());
    let (at, why) = backups.failure().unwrap();
    assert!(at == clock.now() && why.contains("while making a backup in"), "{why}");
    std::fs::remove_file(folder.path().join("backups")).unwrap();
    backups.make_when_due().await;
    assert!(times(&backups).is_empty(), "not at once");
    set(&clock, at.plus_secs(15 * 60));
    backups.make_when_due().await;
    assert_eq!((times(&backups).len(), backups.failure()), (1, None));
}

#[tokio::test]
async fn the_button_makes_one_and_the_page_shows_it() {
    let program = Program::with_owner().await;
    let admin = program.signed_in(Role::Admin).await;
    let page = admin.get("/admin/system").await;
    if is_postgres() {
        assert!(page.body.contains("run pg_dump by the clock") && !page.body.contains("Back up now"), "{}", page.body);
        admin.post("/admin/backups", &[]).await;
        assert!(admin.get("/admin/system").await.body.contains("Nothing was done: the database is PostgreSQL"));
        return;
    }
    assert!(page.body.contains("There is none yet") && page.body.contains("Back up now"), "{}", page.body);
    let answer = admin.post("/admin/backups", &[]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let backup = program.state.backups.newest().unwrap().unwrap();
    let page = admin.get("/admin/system").await;
    assert!(
        page.body.contains(&backup.name) && page.body.contains(&format!("{} is made", backup.name)),
        "{}",
        page.body
    );
    let audit = program.state.store.audit(&AuditFilter { limit: 1, ..AuditFilter::default() }).await.unwrap().data;
    assert_eq!((audit[0].action.as_str(), audit[0].object_id.as_str()), ("database.backup", backup.name.as_str()));
    let support = program.signed_in(Role::Support).await;
    assert!(support.get("/admin/system").await.body.contains(&backup.name), "everybody sees that there is one");
    let refused = support.post("/admin/backups", &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(program.state.backups.list().unwrap().len(), 1);
}
