//! Check, diagnose, sync.

use std::process::ExitCode;
use std::sync::Arc;

use clap::ArgGroup;
use domain::Livemode;
use domain::diagnosis::Diagnosis;
use serde_json::{Value, json};
use store::records::{NewResync, Purpose, ResyncScope, SyncReport};

use super::output::{json, json_list, line, note, table};
use super::{Missing, ModeArg, NO, Usage, author};
use crate::api::extract;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::diagnose::{Subject, diagnose_subject, resolve};
use crate::error::ApiError;
use crate::state::AppState;
use crate::worker::SyncError;

/// `tollkeeper check USER FEATURE`
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// Your application's id of the user
    user: String,
    /// The feature's key
    feature: String,
    #[command(flatten)]
    mode: ModeArg,
    /// Print JSON, as /v1/access answers it
    #[arg(long)]
    json: bool,
}

fn usage(error: &ApiError) -> anyhow::Error {
    Usage(error.message().to_owned()).into()
}

pub(super) async fn state(config: Config) -> anyhow::Result<AppState> {
    crate::build(config, Arc::new(SystemClock)).await
}

impl Check {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        extract::user_id(&self.user, "USER").map_err(|error| usage(&error))?;
        extract::feature_key(&self.feature, "FEATURE").map_err(|error| usage(&error))?;
        let livemode = self.mode.livemode(&config);
        let state = state(config).await?;
        let answer = crate::api::explain(&state, livemode, &self.user, &self.feature, false).await?;
        let allowed = answer["allowed"] == true;
        if self.json {
            json(&answer);
        } else {
            let word = if allowed { "allowed" } else { "denied" };
            let until = answer["until"].as_str().map(|until| format!(" until {until}")).unwrap_or_default();
            line(&format!("{word}: {}{until} ({livemode} mode)", answer["reason"].as_str().unwrap_or_default()));
        }
        state.store.close().await;
        Ok(ExitCode::from(if allowed { 0 } else { NO }))
    }
}

/// `tollkeeper diagnose ID`
#[derive(Debug, clap::Args)]
pub(super) struct Diagnose {
    /// A user, cus_…, sub_…, evt_…, cs_… or an e-mail address
    id: String,
    /// The feature's key; without it, anything the user ought to have
    #[arg(long)]
    feature: Option<String>,
    #[command(flatten)]
    mode: ModeArg,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Diagnose {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        extract::user_id(&self.id, "ID").map_err(|error| usage(&error))?;
        if let Some(feature) = &self.feature {
            extract::feature_key(feature, "--feature").map_err(|error| usage(&error))?;
        }
        let livemode = self.mode.livemode(&config);
        let state = state(config).await?;
        let subjects = resolve(state.store.as_ref(), livemode, &self.id).await?;
        if subjects.is_empty() {
            return Err(Missing(format!("nothing is known about {:?} in {livemode} mode", self.id)).into());
        }
        let mut found = vec![];
        for subject in subjects {
            let diagnosis = diagnose_subject(&state, livemode, &subject, self.feature.as_deref()).await?;
            found.push((subject, diagnosis));
        }
        match found.as_slice() {
            [(subject, diagnosis)] if self.json => json(&to_json(subject, diagnosis)),
            several if self.json => {
                json_list(
                    &several.iter().map(|(subject, diagnosis)| to_json(subject, diagnosis)).collect::<Vec<_>>(),
                    false,
                );
            }
            several => several.iter().for_each(|(subject, diagnosis)| print(subject, diagnosis)),
        }
        state.store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

fn to_json(subject: &Subject, diagnosis: &Diagnosis) -> Value {
    let mut value = serde_json::to_value(diagnosis).unwrap_or_default();
    match subject {
        Subject::User(user) => value["user_id"] = json!(user),
        Subject::Customer(customer) => value["customer_id"] = json!(customer),
    }
    value
}

fn print(subject: &Subject, diagnosis: &Diagnosis) {
    let (Subject::User(id) | Subject::Customer(id)) = subject;
    line(&format!("{id}: {}", diagnosis.sentence));
    let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
    let rows = diagnosis.links.iter().map(|link| {
        let state = word(json!(link.state));
        let evidence = link.evidence.clone().unwrap_or_default();
        vec![format!("  {}", word(json!(link.name))), state, link.fact.clone(), evidence]
    });
    table(&["  LINK", "STATE", "FACT", "EVIDENCE"], &rows.collect::<Vec<_>>());
    line(&format!("  events: {}", diagnosis.news.sentence));
    for fix in &diagnosis.fixes {
        line(&format!("  fix: {} ({})", fix.label, fix.href));
    }
    line(&format!("  code: {}", diagnosis.code));
}

/// `tollkeeper sync`
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("whom").required(true).args(["user", "customer", "all"])))]
pub(super) struct Sync {
    /// Every Stripe customer of this user
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// This Stripe customer
    #[arg(long, value_name = "CUSTOMER")]
    customer: Option<String>,
    /// Every customer of the Stripe account, also those nobody told us of
    #[arg(long)]
    all: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    preview: bool,
    #[command(flatten)]
    mode: ModeArg,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Sync {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let livemode = self.mode.livemode(&config);
        if let Some(customer) = &self.customer {
            extract::prefixed(customer, "cus_", "--customer").map_err(|error| usage(&error))?;
        }
        if let Some(user) = &self.user {
            extract::user_id(user, "--user").map_err(|error| usage(&error))?;
        }
        let state = state(config).await?;
        if state.gateway(livemode).is_none() {
            return Err(anyhow::Error::new(SyncError::NoKey(livemode)));
        }
        if self.all {
            let new = NewResync { livemode, purpose: Purpose::Resync, scope: ResyncScope::All, applies: !self.preview };
            return super::resync::run(&state, &new, self.json).await;
        }
        let (mut reports, mut failed) = (vec![], 0_usize);
        let customers = self.customers(&state, livemode).await?;
        for customer in &customers {
            let read = match self.preview {
                true => state.resyncs.preview(livemode, customer).await,
                false => state.worker.resync(livemode, customer, &author()).await,
            };
            match read {
                Ok(report) => reports.push(report),
                Err(error @ SyncError::NotFound(_)) => return Err(Missing(error.to_string()).into()),
                Err(error) => {
                    failed += 1;
                    note(&format!("{customer}: {error}"));
                }
            }
        }
        // What waited for these reads takes effect now, also when no server runs.
        state.worker.run_once().await?;
        self.print(&reports);
        state.close().await;
        if failed > 0 {
            anyhow::bail!("{failed} of {} customers could not be read", customers.len());
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The customer named, or those of the user.
    async fn customers(&self, state: &AppState, livemode: Livemode) -> anyhow::Result<Vec<String>> {
        if let Some(customer) = &self.customer {
            return Ok(vec![customer.clone()]);
        }
        let user = self.user.as_deref().unwrap_or_default();
        let mappings = state.store.mappings_of(livemode, user).await?;
        if mappings.is_empty() {
            return Err(Missing(format!("the user {user:?} has no Stripe customer in {livemode} mode")).into());
        }
        Ok(mappings.into_iter().map(|mapping| mapping.customer_id).collect())
    }

    fn print(&self, reports: &[SyncReport]) {
        super::resync::print(reports, !self.preview, self.json);
    }
}
