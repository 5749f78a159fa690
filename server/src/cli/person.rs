//! Everything that is kept about one person, and its end.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;
use std::time::Duration;

use domain::Livemode;
use serde_json::json;
use store::records::{ErasurePlan, Person, Whom};

use super::output::{json, line, note};
use super::{Missing, ModeArg, Usage, author, now};
use crate::admin::people;
use crate::config::Config;
use crate::state::AppState;

/// A running server writes down within this time what it was asked before.
const UNTIL_WRITTEN: Duration = Duration::from_secs(6);

/// Who is meant.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Who {
    /// The application's id of the user
    #[arg(long)]
    user: Option<String>,
    /// A Stripe customer, cus_…
    #[arg(long)]
    customer: Option<String>,
}

impl Who {
    async fn find(&self, state: &AppState, livemode: Livemode) -> anyhow::Result<Person> {
        let whom = match (&self.user, &self.customer) {
            (Some(user), _) => Whom::User(user),
            (None, customer) => Whom::Customer(customer.as_deref().unwrap_or_default()),
        };
        let (Whom::User(id) | Whom::Customer(id)) = whom;
        let found = state.store.person(livemode, whom).await?;
        found.ok_or_else(|| Missing(format!("nothing is kept about {id:?} in {livemode} mode")).into())
    }
}

/// `tollkeeper erase`
#[derive(Debug, clap::Args)]
pub(super) struct Erase {
    #[command(flatten)]
    who: Who,
    /// Why; it stays in the audit log, so do not name the person
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Then write the database anew, so that no old trace is left in its file. SQLite: nobody can write meanwhile, and it needs as much
    /// free disk as the file is large
    #[arg(long)]
    vacuum: bool,
    #[command(flatten)]
    mode: ModeArg,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Erase {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let livemode = self.mode.livemode(&config);
        let state = super::access::state(config).await?;
        let person = self.who.find(&state, livemode).await?;
        let plan = state.store.plan_erasure(&person).await?;
        if !self.json {
            print(&person, &plan);
        }
        if !self.yes && !is_confirmed(&person, self.json)? {
            if self.json {
                json(
                    &json!({ "object": "erasure", "erased": false, "person": described(&person), "kept": counts(&plan), "running": plan.running }),
                );
            }
            note("nothing was erased");
            state.close().await;
            return Ok(ExitCode::from(super::NO));
        }
        let author = author().because(self.reason.as_deref());
        let erased = state.store.erase(&person, &author).await?;
        if let Some(user_id) = &person.user_id {
            note("waiting a moment for what a running server was asked before");
            tokio::time::sleep(UNTIL_WRITTEN).await;
            state.store.forget_checks_of(livemode, user_id).await?;
        }
        if self.vacuum {
            note("writing the database anew");
            state.store.rewrite().await?;
        }
        if self.json {
            json(&json!({
                "object": "erasure", "erased": true, "person": { "pseudonym": erased.pseudonym, "customer_ids": person.customer_ids },
                "events": erased.events, "audit_entries": erased.audit_entries, "running": plan.running,
            }));
        } else {
            line(&format!(
                "Erased: {} events and {} entries of the audit log. What was decided is kept under {}.",
                erased.events, erased.audit_entries, erased.pseudonym
            ));
        }
        state.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

fn described(person: &Person) -> serde_json::Value {
    json!({ "user_id": person.user_id, "customer_ids": person.customer_ids, "livemode": person.livemode.is_live() })
}

fn counts(plan: &ErasurePlan) -> serde_json::Value {
    plan.parts.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect::<serde_json::Map<_, _>>().into()
}

fn print(person: &Person, plan: &ErasurePlan) {
    line(&format!("{} in {} mode", person.id(), person.livemode));
    if !person.customer_ids.is_empty() {
        line(&format!("  Stripe customers: {}", person.customer_ids.join(", ")));
    }
    if let Some((name, at)) = &person.erased {
        line(&format!("  erased already on {at}, as {name}: this takes out what came since"));
    }
    for (name, count) in plan.parts.iter().filter(|(_, count)| *count > 0) {
        line(&format!("  {}: {count}", name.replace('_', " ")));
    }
    line("Goes: e-mail addresses, names, the user's id, raw payloads, typed reasons, remembered access checks.");
    line("Stays: what was decided, when and why, prices and amounts, Stripe's own ids; under a name of chance.");
    if !plan.running.is_empty() {
        line(&format!("Stripe goes on charging for {}: end that in Stripe first.", plan.running.join(", ")));
    }
}

/// Whether the person at the terminal types who is meant.
fn is_confirmed(person: &Person, quietly: bool) -> anyhow::Result<bool> {
    if quietly {
        return Ok(false);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Usage("nobody can be asked here: add --yes to erase for good".to_owned()).into());
    }
    note(&format!("This cannot be undone. Type {} to erase:", person.id()));
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed)?;
    Ok(typed.trim() == person.id())
}

/// `tollkeeper export`
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    mode: ModeArg,
}

impl Export {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let livemode = self.mode.livemode(&config);
        let state = super::access::state(config).await?;
        let person = self.who.find(&state, livemode).await?;
        let author = store::records::Author { now: now(), ..author() };
        json(&people::export(&state, &person, &author).await?);
        state.close().await;
        Ok(ExitCode::SUCCESS)
    }
}
