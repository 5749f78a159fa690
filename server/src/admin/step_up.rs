//! What gives others a way in (API keys, the staff, a new endpoint's secret) takes a fresh proof of who is there: an open session alone
//! does not suffice. Without one the form is asked for it, and done in the same step.

use app::pages::Page;
use app::pages::step_up::{Proof, View};
use axum::response::Response;
use http::StatusCode;

use super::post::Posted;
use super::{second_factor, security};
use crate::auth::session;
use crate::auth::staff::safe_return_to;
use crate::ui;

/// The field that holds the proof: `…_password` and `…_code` are never shown again.
const PASSWORD: &str = "proof_password";
const CODE: &str = "proof_code";
/// The page that the form stood on: after a first try the browser names this one.
const BACK: &str = "proof_back";

/// Lets a form through whose sender gave a proof within [`session::FRESH_FOR`], or gives it with the form.
///
/// # Errors
/// The page that asks for it, with the whole form.
pub(super) async fn check(posted: &mut Posted) -> Result<(), Response> {
    match try_check(posted).await {
        Ok(None) => Ok(()),
        Ok(Some(asked)) => Err(asked),
        Err(error) => Err(ui::failed(&posted.state, posted.viewer(), &error).await),
    }
}

async fn try_check(posted: &mut Posted) -> anyhow::Result<Option<Response>> {
    let now = posted.state.now();
    if session::is_fresh(&posted.session, now).await? {
        return Ok(None);
    }
    // Whoever has a second factor shows that: a password may have been looked over the shoulder, or kept by the browser.
    let factor = second_factor::confirmed(posted).await?;
    let (proof, field) = if factor.is_some() { (Proof::Code, CODE) } else { (Proof::Password, PASSWORD) };
    let given = posted.fields.raw(field).to_owned();
    if given.is_empty() {
        return Ok(Some(ask(posted, proof, None).await?));
    }
    let fault = match &factor {
        Some(factor) => second_factor::fault_of_code(posted, factor, given.trim()).await?,
        None => security::fault_of_password(posted, &given).await?,
    };
    if let Some(fault) = fault {
        return Ok(Some(ask(posted, proof, Some(fault)).await?));
    }
    session::prove(&posted.session, now).await?;
    posted.fields.0.retain(|(name, _)| name != field);
    Ok(None)
}

/// The form again as hidden fields, with a field for the proof.
async fn ask(posted: &Posted, proof: Proof, fault: Option<String>) -> anyhow::Result<Response> {
    let is_ours = |name: &str| ["csrf", PASSWORD, CODE, BACK].contains(&name);
    let fields = posted.fields.0.iter().filter(|(name, _)| !is_ours(name)).cloned().collect();
    let back = match posted.fields.opt(BACK) {
        Some(back) => safe_return_to(Some(back)).to_owned(),
        None => posted.viewer().way_back("").1,
    };
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let view = View { action: posted.path().to_owned(), fields, proof, fault, back: back.clone() };
    let mut response = ui::show(&posted.state, posted.viewer(), &back, Page::StepUp(Box::new(view))).await?;
    *response.status_mut() = status;
    Ok(response)
}
