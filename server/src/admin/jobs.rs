//! What people do with jobs, whatever the job does: pause, resume, end.

use store::records::JobChange;

use super::flash::Flash;
use super::post::Outcome;

/// What the page of a job says once it was to be changed: `changed` tells whether it was, `ended` what stays when it ends.
pub(super) fn changed(page: String, change: JobChange, changed: store::Result<bool>, ended: &str) -> Outcome {
    match changed {
        Err(error) => error.into(),
        Ok(false) => {
            Outcome::Done { to: page, flash: Flash::bad("It has gone on meanwhile, so this is not possible any more.") }
        }
        Ok(true) => {
            let words = match change {
                JobChange::Pause => "It is paused.".to_owned(),
                JobChange::Resume => "It goes on.".to_owned(),
                JobChange::Cancel => format!("It is ended. {ended}"),
                JobChange::Apply => "What Stripe says is being applied.".to_owned(),
            };
            Outcome::done(page, words)
        }
    }
}
