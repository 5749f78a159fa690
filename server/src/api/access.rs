//! Access checks: one, many, all features of a user, and why.

use axum::extract::State;
use domain::access::{Decision, Source};
use domain::diagnosis::{Diagnosis, LinkName, LinkState, News};
use domain::{Livemode, Timestamp};
use serde::{Deserialize, Serialize};
use store::records::Knowledge;
use utoipa::{IntoParams, ToSchema};

use super::extract::{Json, Path, Query, feature_key, user_id};
use super::query::AccessQuery;
use super::{ApiState, Inner};
use crate::auth::api_key::{Check, Key, KeyContext, Read};
use crate::checks::Answered;
use crate::error::{ApiError, ErrorOut};
use crate::state::AppState;

/// Most questions in one batch.
const MAX_CHECKS: usize = 100;

/// The answer.
#[derive(Serialize, ToSchema)]
pub(super) struct AccessOut {
    /// `access`
    #[schema(example = "access")]
    object: &'static str,
    #[schema(example = "user_42")]
    user_id: String,
    #[schema(example = "pro")]
    feature: String,
    /// The answer.
    allowed: bool,
    /// Why: one of a closed list of words.
    #[schema(example = "subscription_active")]
    reason: &'static str,
    /// When the answer "yes" ends by itself; null when it has no end of its own.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// The number for a limit: the highest any source gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<i64>,
    livemode: bool,
    /// What this answer is true of: everything this instance committed is in it, and what others committed as far as a second before this
    /// moment. It is the time of the answer unless the database cannot be reached: then the moment until which it could.
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    /// With `at`: the moment lies before history begins, at this time. Nothing is known of it, and the answer says no more than that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    history_begins_at: Option<Timestamp>,
    /// What the answer rests on, best first; when denied, what came nearest.
    sources: Vec<SourceOut>,
    /// With `explain=true`: the chain from checkout to entitlement.
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnosis: Option<DiagnosisOut>,
}

#[derive(Serialize, ToSchema)]
struct SourceOut {
    /// `subscription`, `purchase`, `entitlement` (one that Stripe lists for the customer) or `override`.
    #[serde(rename = "type")]
    #[schema(example = "subscription")]
    kind: String,
    #[schema(example = "sub_1MowQVLkdIwHu7ixeRlqHVzs")]
    id: String,
    /// Stripe's status, or `grant` / `deny`.
    #[schema(example = "active")]
    status: String,
    /// Until when this source gives it.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// The number it gives for a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<i64>,
}

impl From<Source> for SourceOut {
    fn from(source: Source) -> Self {
        Self { kind: source.kind, id: source.id, status: source.status, until: source.until, value: source.value }
    }
}

impl AccessOut {
    fn new(user_id: String, feature: String, decision: Decision, livemode: Livemode, as_of: Timestamp) -> Self {
        Self {
            object: "access",
            user_id,
            feature,
            allowed: decision.allowed,
            reason: decision.reason.as_str(),
            until: decision.until,
            value: decision.value,
            livemode: livemode.is_live(),
            as_of,
            history_begins_at: None,
            sources: decision.sources.into_iter().map(SourceOut::from).collect(),
            diagnosis: None,
        }
    }
}

impl Inner {
    /// Answers from memory, and remembers that it was asked.
    pub(super) fn answer(&self, key: &KeyContext, user: String, feature: String, now: Timestamp) -> AccessOut {
        let (store, livemode) = (&self.app.store, key.livemode);
        let decision = store.index().decide(livemode, &user, &feature, &store.options().policy, now);
        if decision.allowed {
            self.allowed.increment(1)
        } else {
            self.denied.increment(1)
        }
        self.app.checks.note(&Answered {
            livemode,
            user_id: &user,
            feature: &feature,
            api_key_id: &key.api_key_id,
            allowed: decision.allowed,
            reason: decision.reason,
            at: now,
        });
        AccessOut::new(user, feature, decision, livemode, self.app.store.index().as_of(now))
    }
}

impl Inner {
    /// Answers from history.
    async fn answer_at(
        &self,
        livemode: Livemode,
        user: String,
        feature: String,
        at: Timestamp,
    ) -> Result<AccessOut, ApiError> {
        let store = &self.app.store;
        let then = store.access_at(livemode, &user, at, Knowledge::Today).await?;
        let decision = domain::access::decide(then.facts.as_ref(), &then.catalog, &then.policy, &feature, at);
        let answer = AccessOut::new(user, feature, decision, livemode, at);
        Ok(AccessOut { history_begins_at: then.begins_at, ..answer })
    }
}

/// Why a user has or lacks a feature.
#[derive(Serialize, ToSchema)]
pub(super) struct DiagnosisOut {
    /// What is wrong, such as `price_not_in_catalog`; `ok` when nothing is.
    #[schema(example = "price_not_in_catalog")]
    code: String,
    /// One sentence for a person.
    sentence: String,
    /// The broken link's name.
    #[schema(value_type = Option<String>, example = "entitlement")]
    broken_link: Option<LinkName>,
    /// The five links: checkout, webhook, mapping, subscription, entitlement.
    links: Vec<LinkOut>,
    /// What mends it, the best first.
    fixes: Vec<FixOut>,
    /// What became of Stripe's events about them.
    news: NewsOut,
}

#[derive(Serialize, ToSchema)]
struct NewsOut {
    /// `never_sent`, `not_delivered`, `failed_here`, `waiting`, `denied_by_policy`, `processed` or `nothing_heard`.
    #[schema(example = "denied_by_policy")]
    code: &'static str,
    /// The same for a person.
    sentence: String,
    /// Events Stripe never sent; they were fetched.
    never_sent: u64,
    /// Events Stripe sent and our endpoint did not accept; they were fetched.
    not_delivered: u64,
    /// Events that failed here.
    failed_here: u64,
    /// Events that wait to be processed.
    waiting: u64,
    /// Events that were delivered and processed.
    processed: u64,
}

impl From<News> for NewsOut {
    fn from(news: News) -> Self {
        Self {
            code: news.code.as_str(),
            sentence: news.sentence,
            never_sent: news.never_sent,
            not_delivered: news.not_delivered,
            failed_here: news.failed_here,
            waiting: news.waiting,
            processed: news.processed,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct LinkOut {
    #[schema(value_type = String, example = "checkout")]
    name: LinkName,
    /// `ok`, `broken`, `waiting`, `unknown` or `not_reached`.
    #[schema(value_type = String, example = "ok")]
    state: LinkState,
    /// One fact in words.
    fact: String,
    /// When that became so.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// The id that proves it.
    evidence: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct FixOut {
    /// A stable word, such as `add_price_to_catalog`.
    id: String,
    /// A button's words.
    label: String,
    /// Where in the admin app it is done.
    href: String,
    /// The weakest role that may do it.
    #[schema(example = "support")]
    role: &'static str,
}

impl From<Diagnosis> for DiagnosisOut {
    fn from(diagnosis: Diagnosis) -> Self {
        let links = diagnosis.links.into_iter().map(|link| LinkOut {
            name: link.name,
            state: link.state,
            fact: link.fact,
            at: link.at,
            evidence: link.evidence,
        });
        let fixes = diagnosis.fixes.into_iter().map(|fix| FixOut {
            id: fix.id,
            label: fix.label,
            href: fix.href,
            role: fix.role.as_str(),
        });
        Self {
            code: diagnosis.code,
            sentence: diagnosis.sentence,
            broken_link: diagnosis.broken_link,
            links: links.collect(),
            fixes: fixes.collect(),
            news: diagnosis.news.into(),
        }
    }
}

/// What `/v1/access` answers, as text.
pub(crate) fn written(user: &str, feature: &str, decision: &Decision, livemode: Livemode, now: Timestamp) -> String {
    let answer = AccessOut::new(user.to_owned(), feature.to_owned(), decision.clone(), livemode, now);
    serde_json::to_string_pretty(&answer).unwrap_or_default()
}

/// Why `/v1/access` refuses a question about this user and feature; an empty feature is not looked at.
pub(crate) fn fault_of(user: &str, feature: &str) -> Option<String> {
    let feature = if feature.is_empty() { Ok(()) } else { feature_key(feature, "feature") };
    user_id(user, "user_id").and(feature).err().map(|error| error.message().to_owned())
}

/// The decision about one user and feature as `/v1` answers it, for the command line.
///
/// # Errors
/// When a diagnosis is wanted and the database cannot be read.
pub async fn explain(
    app: &AppState,
    livemode: Livemode,
    user: &str,
    feature: &str,
    why: bool,
) -> store::Result<serde_json::Value> {
    let now = app.now();
    let decision = app.store.index().decide(livemode, user, feature, &app.store.options().policy, now);
    let as_of = app.store.index().as_of(now);
    let mut answer = AccessOut::new(user.to_owned(), feature.to_owned(), decision, livemode, as_of);
    if why {
        answer.diagnosis = Some(crate::diagnose::diagnose(app, livemode, user, Some(feature)).await?.into());
    }
    Ok(serde_json::to_value(answer).unwrap_or_default())
}

/// May this user use this feature?
///
/// Always 200 for a well-formed question, also about a user never heard of.
#[utoipa::path(get, path = "/v1/access", tag = "access", params(AccessQuery), responses(
    (status = 200, description = "The answer", body = AccessOut),
    (status = 400, description = "A parameter is missing or malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
))]
pub(super) async fn get_access(
    State(api): State<ApiState>,
    key: Key<Check>,
    Query(query): Query<AccessQuery>,
) -> Result<axum::Json<AccessOut>, ApiError> {
    user_id(&query.user_id, "user_id")?;
    feature_key(&query.feature, "feature")?;
    if let Some(at) = query.at {
        key.require(domain::role::Scope::Read)?;
        if query.explain {
            return Err(ApiError::invalid("at", "Invalid at: a diagnosis is about now; leave out explain or at."));
        }
        return Ok(axum::Json(api.answer_at(key.livemode, query.user_id, query.feature, at).await?));
    }
    let mut answer = api.answer(&key, query.user_id, query.feature, api.app.now());
    if query.explain {
        key.require(domain::role::Scope::Read)?;
        let diagnosis =
            crate::diagnose::diagnose(&api.app, key.livemode, &answer.user_id, Some(&answer.feature)).await?;
        answer.diagnosis = Some(diagnosis.into());
    }
    Ok(axum::Json(answer))
}

/// Up to 100 questions.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchIn {
    #[schema(min_items = 1, max_items = 100)]
    checks: Vec<CheckIn>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CheckIn {
    #[schema(example = "user_42", min_length = 1, max_length = 200)]
    user_id: String,
    #[schema(example = "pro", min_length = 1, max_length = 80)]
    feature: String,
}

/// The answers, in the order of the questions.
#[derive(Serialize, ToSchema)]
pub(super) struct BatchOut {
    /// `list`
    #[schema(example = "list")]
    object: &'static str,
    data: Vec<AccessOut>,
    has_more: bool,
}

/// Many access checks at once.
#[utoipa::path(post, path = "/v1/access/batch", tag = "access", request_body = BatchIn, responses(
    (status = 200, description = "The answers, in the order of the questions", body = BatchOut),
    (status = 400, description = "A parameter is missing or malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
))]
pub(super) async fn batch(
    State(api): State<ApiState>,
    key: Key<Check>,
    Json(body): Json<BatchIn>,
) -> Result<axum::Json<BatchOut>, ApiError> {
    if !(1..=MAX_CHECKS).contains(&body.checks.len()) {
        return Err(ApiError::invalid("checks", "Invalid checks: from 1 to 100 are answered at once."));
    }
    for (i, check) in body.checks.iter().enumerate() {
        user_id(&check.user_id, &format!("checks[{i}].user_id"))?;
        feature_key(&check.feature, &format!("checks[{i}].feature"))?;
    }
    let now = api.app.now();
    let answers = body.checks.into_iter().map(|check| api.answer(&key, check.user_id, check.feature, now));
    Ok(axum::Json(BatchOut { object: "list", data: answers.collect(), has_more: false }))
}

/// What a user may use.
#[derive(Serialize, ToSchema)]
pub(super) struct EntitlementsOut {
    /// `entitlements`
    #[schema(example = "entitlements")]
    object: &'static str,
    user_id: String,
    livemode: bool,
    /// What this answer is true of: everything this instance committed is in it, and what others committed as far as a second before this
    /// moment. It is the time of the answer unless the database cannot be reached: then the moment until which it could.
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    /// One answer for each feature of the catalog, by key.
    entitlements: Vec<AccessOut>,
}

/// The answer for every feature of the catalog.
pub(super) fn entitlements(app: &AppState, livemode: Livemode, user: &str) -> Vec<AccessOut> {
    let (now, index) = (app.now(), app.store.index());
    // Before they are made: what changes in between makes them newer.
    let as_of = index.as_of(now);
    let answers = index.entitlements(livemode, user, &app.store.options().policy, now);
    answers
        .into_iter()
        .map(|(feature, decision)| AccessOut::new(user.to_owned(), feature, decision, livemode, as_of))
        .collect()
}

/// Every feature of the catalog with its answer for this user.
#[utoipa::path(get, path = "/v1/users/{user_id}/entitlements", tag = "access",
    params(("user_id" = String, Path, description = "The application's own id of the user")), responses(
    (status = 200, description = "The answers, by feature", body = EntitlementsOut),
    (status = 400, description = "The user id is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
))]
pub(super) async fn get_entitlements(
    State(api): State<ApiState>,
    key: Key<Check>,
    Path(user): Path<String>,
) -> Result<axum::Json<EntitlementsOut>, ApiError> {
    user_id(&user, "user_id")?;
    let as_of = api.app.store.index().as_of(api.app.now());
    let entitlements = entitlements(&api.app, key.livemode, &user);
    let livemode = key.livemode.is_live();
    Ok(axum::Json(EntitlementsOut { object: "entitlements", user_id: user, livemode, as_of, entitlements }))
}

/// Which feature the diagnosis is about.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DiagnosisQuery {
    /// The feature's key; without it, whatever the user ought to have.
    feature: Option<String>,
}

/// The chain from checkout to entitlement, and which link of it is broken.
#[utoipa::path(get, path = "/v1/users/{user_id}/diagnosis", tag = "access",
    params(("user_id" = String, Path, description = "The application's own id of the user"), DiagnosisQuery), responses(
    (status = 200, description = "The diagnosis", body = DiagnosisOut),
    (status = 400, description = "A parameter is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below read", body = ErrorOut),
))]
pub(super) async fn get_diagnosis(
    State(api): State<ApiState>,
    key: Key<Read>,
    Path(user): Path<String>,
    Query(query): Query<DiagnosisQuery>,
) -> Result<axum::Json<DiagnosisOut>, ApiError> {
    user_id(&user, "user_id")?;
    if let Some(feature) = &query.feature {
        feature_key(feature, "feature")?;
    }
    let diagnosis = crate::diagnose::diagnose(&api.app, key.livemode, &user, query.feature.as_deref()).await?;
    Ok(axum::Json(diagnosis.into()))
}
