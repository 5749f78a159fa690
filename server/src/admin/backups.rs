//! A backup on request. There is no download of one: it holds everything of everybody, and who may have that has the machine.

use std::time::Duration;

use serde_json::json;

use super::flash::Flash;
use super::post::{Outcome, Posted};

const PAGE: &str = "/admin/system#backups";
/// So long whoever asked waits for the answer; a large one is made beside the page.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes a backup now.
pub async fn make(posted: Posted) -> Outcome {
    if posted.state.backups.plan().is_none() {
        let why = "Nothing was done: the database is PostgreSQL, which is backed up by pg_dump.";
        return Outcome::Done { to: PAGE.to_owned(), flash: Flash::bad(why) };
    }
    let (state, author) = (posted.state.clone(), posted.author());
    // Beside this request: who closes the page does not stop it.
    let making = tokio::spawn(async move {
        let backup = state.backups.make().await?;
        let details = json!({ "bytes": backup.bytes });
        state.store.note_audit(None, "database.backup", ("backup", &backup.name), &details, &author).await?;
        anyhow::Ok(backup)
    });
    match tokio::time::timeout(PATIENCE, making).await {
        Ok(Ok(Ok(backup))) => {
            Outcome::done(PAGE, format!("{} is made, {}.", backup.name, crate::backup::size(backup.bytes)))
        }
        Ok(Ok(Err(error))) => {
            tracing::error!("no backup could be made: {error:#}");
            Outcome::Done { to: PAGE.to_owned(), flash: Flash::bad(format!("No backup was made: {error:#}.")) }
        }
        Ok(Err(error)) => Outcome::Failed(error.into()),
        Err(_) => Outcome::done(PAGE, "A backup is being made, and stands in the list once it is whole."),
    }
}
