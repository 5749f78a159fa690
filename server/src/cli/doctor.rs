//! The setup validator on the command line.

use std::process::ExitCode;
use std::sync::Arc;

use app::pages::validator::State;

use super::ModeArg;
use super::output::{json, line};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::validator::{self, PATIENCE};

/// `tollkeeper doctor`
#[derive(Debug, clap::Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    mode: ModeArg,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let livemode = self.mode.livemode(&config);
        let state = crate::build(config, Arc::new(SystemClock)).await?;
        let report = validator::run(&state, livemode, PATIENCE).await?;
        if self.json {
            json(&report.json(&state.config.public_url));
        } else {
            line(&report.text());
        }
        state.store.close().await;
        Ok(if report.result() == State::Fail { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
