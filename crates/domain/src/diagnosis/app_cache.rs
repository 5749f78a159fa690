//! E4: the answer is a yes by now, and the application has not asked since it became one.

use super::chain::Chain;
use super::words::span;
use super::{Diagnosis, fixes};

/// Says so, when that is why a user who has access may not notice.
pub(super) fn noted(chain: &Chain<'_>, diagnosis: Diagnosis) -> Diagnosis {
    // Access at risk is the greater trouble.
    if !matches!(diagnosis.code.as_str(), "ok" | "ok_by_override") {
        return diagnosis;
    }
    let about = |feature: &str| chain.feature.as_ref().is_none_or(|asked| asked == feature);
    let stale = chain.last_checks.iter().filter(|check| !check.allowed && about(&check.feature));
    let stale = stale.filter_map(|check| Some((check, check.granted_at.filter(|granted| check.at < *granted)?)));
    let Some((check, granted)) = stale.max_by_key(|(check, _)| check.at) else { return diagnosis };
    let sentence = format!(
        "{} But the application last asked for {} {} ago and was told no; it became a yes {} ago. It may keep the old answer.",
        diagnosis.sentence,
        check.feature,
        span(check.at, chain.now),
        span(granted, chain.now),
    );
    let fixes = [fixes::show_checks(&chain.user_id)].into_iter().chain(diagnosis.fixes).collect();
    Diagnosis { code: "app_cache".to_owned(), sentence, fixes, ..diagnosis }
}
