//! Types that several resources share.

use domain::catalog::FeatureGrant;
use serde::{Deserialize, Serialize};
use store::records::{Effects, MappingRecord, Page};
use utoipa::ToSchema;

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct List<T: ToSchema> {
    /// `list`
    #[schema(example = "list")]
    object: &'static str,
    /// The rows.
    data: Vec<T>,
    /// Whether there are more behind them: ask again with `starting_after` set to the last row's id.
    has_more: bool,
}

impl<T: ToSchema> List<T> {
    pub(super) fn from_page<R>(page: Page<R>, row: impl FnMut(R) -> T) -> Self {
        Self { object: "list", data: page.data.into_iter().map(row).collect(), has_more: page.has_more }
    }
}

/// Something is no more.
#[derive(Serialize, ToSchema)]
pub(super) struct Deleted {
    /// What kind of thing it was.
    #[schema(example = "override")]
    pub(super) object: &'static str,
    /// Its id.
    pub(super) id: String,
    /// `true`
    pub(super) deleted: bool,
}

/// A Stripe customer is a user of the application.
#[derive(Serialize, ToSchema)]
pub(super) struct MappingOut {
    /// `mapping`
    #[schema(example = "mapping")]
    object: &'static str,
    /// Stripe's customer.
    #[schema(example = "cus_NffrFeUfNV2Hib")]
    customer_id: String,
    /// The application's user.
    #[schema(example = "user_42")]
    user_id: String,
    /// Where the word for it came from.
    #[schema(example = "client_reference_id")]
    source: &'static str,
    /// The event or the person.
    evidence: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: domain::Timestamp,
    livemode: bool,
}

impl MappingOut {
    pub(super) fn new(record: MappingRecord, livemode: domain::Livemode) -> Self {
        Self {
            object: "mapping",
            customer_id: record.customer_id,
            user_id: record.user_id,
            source: record.source.as_str(),
            evidence: record.evidence,
            since: record.since,
            livemode: livemode.is_live(),
        }
    }
}

/// A price or product gives a feature.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantBody {
    /// The feature's key.
    #[schema(example = "pro")]
    pub(super) feature: String,
    /// The number for a limit or a metered feature; null for a switch.
    #[serde(default)]
    pub(super) value: Option<i64>,
    /// How long a one-time purchase gives it, from the payment: a number with d, h, m or s behind it; null for ever. A subscription
    /// gives it for as long as it lasts, whatever stands here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "30d")]
    pub(super) duration: Option<String>,
    /// Credits that each unit of a one-time purchase adds, instead of a value; those of several purchases add up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 100, minimum = 1)]
    pub(super) credits: Option<i64>,
    /// Who says so, when it is Stripe: `metadata`, or `stripe` for its product features. One that is sent back with its source is left to
    /// Stripe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "stripe")]
    pub(super) source: Option<String>,
}

impl From<FeatureGrant> for GrantBody {
    fn from(grant: FeatureGrant) -> Self {
        Self {
            feature: grant.feature,
            value: grant.value,
            duration: grant.duration.map(|term| term.to_string()),
            credits: grant.credits,
            source: (!grant.source.is_manual()).then(|| grant.source.as_str().to_owned()),
        }
    }
}

/// What an event, a read or a change did.
#[derive(Default, Serialize, ToSchema)]
pub(super) struct EffectsOut {
    /// Fields of Stripe's objects.
    fields: Vec<FieldChangeOut>,
    /// Mappings made, as sentences.
    mappings: Vec<String>,
    /// Answers that changed.
    verdicts: Vec<VerdictChangeOut>,
}

#[derive(Serialize, ToSchema)]
struct FieldChangeOut {
    /// Id of Stripe's object.
    object: String,
    /// Such as `status`.
    field: String,
    /// Before; null when it was not stored.
    before: Option<String>,
    /// After.
    after: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct VerdictChangeOut {
    user_id: String,
    feature: String,
    allowed_before: bool,
    allowed_after: bool,
    reason_before: String,
    reason_after: String,
}

impl From<Effects> for EffectsOut {
    fn from(effects: Effects) -> Self {
        let fields = effects.fields.into_iter().map(|change| FieldChangeOut {
            object: change.object,
            field: change.field,
            before: change.before,
            after: change.after,
        });
        let verdicts = effects.verdicts.into_iter().map(|change| VerdictChangeOut {
            user_id: change.user_id,
            feature: change.feature,
            allowed_before: change.allowed_before,
            allowed_after: change.allowed_after,
            reason_before: change.reason_before,
            reason_after: change.reason_after,
        });
        Self { fields: fields.collect(), mappings: effects.mappings, verdicts: verdicts.collect() }
    }
}
