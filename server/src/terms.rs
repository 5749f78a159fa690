//! What may be said of a feature, a price or a product: read in one place for the API and for the forms. A fault is the end of a
//! sentence, such as `it must not be below zero`.

use domain::Term;
use domain::access::{PolicyExceptions, Treatment};
use domain::catalog::FeatureType;

use crate::config;

/// What is wrong.
pub(crate) type Fault = String;

/// The number a grant gives for a feature of this type.
pub(crate) fn value(value: Option<i64>, kind: FeatureType) -> Result<Option<i64>, Fault> {
    match (value, kind) {
        (Some(_), FeatureType::Switch) => Err("a feature of type switch has no number".into()),
        (Some(value), _) if value < 0 => Err("it must not be below zero".into()),
        _ => Ok(value),
    }
}

/// How long a one-time purchase gives a feature.
pub(crate) fn duration(text: Option<&str>) -> Result<Option<Term>, Fault> {
    let read = |text| Term::parse(text).ok_or_else(|| format!("expected {}", Term::EXPECTED));
    text.map(read).transpose()
}

/// The credits a one-time purchase adds, beside this value.
pub(crate) fn credits(credits: Option<i64>, value: Option<i64>) -> Result<Option<i64>, Fault> {
    match (credits, value) {
        (Some(credits), _) if credits < 1 => Err("it must be at least 1".into()),
        (Some(_), Some(_)) => Err("credits are the number that is answered, so value must be null".into()),
        _ => Ok(credits),
    }
}

/// Where something departs from the installation's policy, or the field of each fault. Texts that are none say nothing.
pub(crate) fn policy(
    past_due_grace: Option<&str>,
    trialing: Option<&str>,
    paused: Option<&str>,
) -> Result<PolicyExceptions, Vec<(&'static str, Fault)>> {
    let mut faults = vec![];
    let grace = |text: &str| {
        let millis = config::parse_duration(text).and_then(|grace| i64::try_from(grace.as_millis()).ok());
        millis.ok_or_else(|| format!("{text:?} is no length of time such as 7d, 12h or 300s"))
    };
    let treatment = |text: &str| Treatment::parse(text).ok_or_else(|| format!("{text:?} is neither allow nor deny"));
    let policy = PolicyExceptions {
        past_due_grace: kept(past_due_grace.map(grace), "past_due_grace", &mut faults),
        trialing: kept(trialing.map(treatment), "trialing", &mut faults),
        paused: kept(paused.map(treatment), "paused", &mut faults),
    };
    if faults.is_empty() { Ok(policy) } else { Err(faults) }
}

fn kept<T>(read: Option<Result<T, Fault>>, field: &'static str, faults: &mut Vec<(&'static str, Fault)>) -> Option<T> {
    read.transpose().unwrap_or_else(|fault| {
        faults.push((field, fault));
        None
    })
}

/// A fault as the sentence of a form.
pub(crate) fn sentence(fault: &str) -> String {
    let mut chars = fault.chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
