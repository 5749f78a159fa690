//! What is shown before a change of the catalog is saved. Each page stands behind the address its form is posted to, at `/preview`, with the
//! form in its query; deleting a feature is asked about at its own address.

use app::pages::Page;
use app::pages::catalog::{Preview, TypedId};
use domain::access::PolicyExceptions;
use domain::catalog::{Catalog, Feature, FeatureGrant};
use store::records::{PolicyTarget, TargetKind};

use super::confirm::back;
use super::impact::{Change, Weighed, weigh};
use super::{Ask, Loaded, catalog, policies};
use crate::admin::customers::encoded;
use crate::admin::fields::Fields;
use crate::admin::{catalog as forms, policies as policy_forms, preview as step};
use crate::config::duration_text;
use crate::ui::Query;

/// What is asked for to be typed where a change takes access away.
pub(crate) fn typed(change: &Change<'_>, weighed: &Weighed) -> Option<TypedId> {
    let Change::Giving(kind, id, _) = change else { return None };
    let what = if *kind == TargetKind::Price { "price id" } else { "product id" };
    (weighed.impact.losing.count > 0).then(|| TypedId { what, id: (*id).to_owned() })
}

fn fields(query: &Query) -> Fields {
    Fields(query.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Where a preview stands, and what its form says.
struct Form {
    above: (&'static str, String),
    question: String,
    action: String,
    button: String,
    back: Option<String>,
}

async fn page(ask: &Ask<'_>, change: &Change<'_>, fields: &Fields, form: Form) -> anyhow::Result<Page> {
    let weighed = weigh(ask.state, ask.livemode, change).await?;
    Ok(Page::Preview(Box::new(Preview {
        question: form.question,
        above: form.above,
        changes: told(change, &weighed.before),
        typed: typed(change, &weighed),
        previewed: weighed.seen(),
        impact: weighed.impact,
        action: form.action,
        fields: step::of_the_form(fields),
        button: form.button,
        back: form.back,
    })))
}

/// `/admin/catalog/prices/{id}/preview` and `/admin/catalog/products/{id}/preview`
pub(super) async fn giving(ask: &Ask<'_>, query: &Query, folder: &str, id: &str) -> Loaded {
    let kind = if folder == "products" { TargetKind::Product } else { TargetKind::Price };
    let fields = fields(query);
    let catalog = ask.state.store.index().catalog(ask.livemode);
    // What cannot be read any more is mended where it was said.
    let Ok(grants) = forms::read_grants(&fields, &catalog, (kind, id)) else {
        return catalog::target(ask, folder, id).await;
    };
    let action = catalog::path(kind, id);
    let form = Form {
        above: ("Catalog", action.clone()),
        question: format!("Change what {id} gives?"),
        action,
        button: "Save".into(),
        back: None,
    };
    Ok(Some(page(ask, &Change::Giving(kind, id, &grants), &fields, form).await?))
}

/// `/admin/features/{key}/policy/preview`
pub(super) async fn feature_policy(ask: &Ask<'_>, query: &Query, key: &str) -> Loaded {
    if !ask.state.store.index().catalog(ask.livemode).features.contains_key(key) {
        return Ok(None);
    }
    let fields = fields(query);
    let Ok(policy) = policy_forms::read(&fields) else { return Ok(policies::of_feature(ask, key)) };
    let above = ("Features", format!("/admin/features/{}", encoded(key)));
    policy_page(ask, (PolicyTarget::Feature(key), policy), &fields, above).await
}

/// `/admin/catalog/prices/{id}/policy/preview`
pub(super) async fn price_policy(ask: &Ask<'_>, query: &Query, id: &str) -> Loaded {
    let fields = fields(query);
    let Ok(policy) = policy_forms::read(&fields) else { return Ok(policies::of_price(ask, id)) };
    let above = ("Catalog", catalog::path(TargetKind::Price, id));
    policy_page(ask, (PolicyTarget::Price(id), policy), &fields, above).await
}

async fn policy_page(
    ask: &Ask<'_>,
    (target, policy): (PolicyTarget<'_>, PolicyExceptions),
    fields: &Fields,
    above: (&'static str, String),
) -> Loaded {
    let (PolicyTarget::Feature(id) | PolicyTarget::Price(id)) = target;
    let form = Form {
        action: format!("{}/policy", above.1),
        above,
        question: format!("Change the policy of {id}?"),
        button: "Save policy".into(),
        back: None,
    };
    Ok(Some(page(ask, &Change::Policy(target, policy), fields, form).await?))
}

/// `/admin/features/{key}/preview`
pub(super) async fn feature(ask: &Ask<'_>, query: &Query, key: &str) -> Loaded {
    let fields = fields(query);
    let Ok(feature) = forms::read_feature(&fields, key) else { return catalog::features(ask).await };
    let form = Form {
        above: ("Features", "/admin/features".into()),
        question: format!("Change the feature {key}?"),
        action: "/admin/features".into(),
        button: "Save feature".into(),
        back: None,
    };
    Ok(Some(page(ask, &Change::Feature(&feature), &fields, form).await?))
}

/// `/admin/features/{key}/delete`
pub(super) async fn deleting(ask: &Ask<'_>, query: &Query, key: &str) -> Loaded {
    if !ask.state.store.index().catalog(ask.livemode).features.contains_key(key) {
        return Ok(None);
    }
    let form = Form {
        above: ("Features", "/admin/features".into()),
        question: format!("Delete the feature {key}?"),
        action: format!("/admin/features/{}/delete", encoded(key)),
        button: format!("Delete {key}"),
        back: Some(back(ask, "/admin/features")),
    };
    Ok(Some(page(ask, &Change::Deleting(key), &fields(query), form).await?))
}

/// What is changed, a sentence each.
fn told(change: &Change<'_>, before: &Catalog) -> Vec<String> {
    let told = match *change {
        Change::Giving(kind, id, grants) => {
            let targets = if kind == TargetKind::Price { &before.prices } else { &before.products };
            let said = targets.get(id).map(Vec::as_slice).unwrap_or_default();
            let said: Vec<&FeatureGrant> = said.iter().filter(|grant| grant.source.is_manual()).collect();
            told_of_giving(id, &said, grants)
        }
        Change::Policy(target, policy) => {
            let own = match target {
                PolicyTarget::Feature(key) => before.features.get(key).map(|feature| feature.policy),
                PolicyTarget::Price(id) => before.price_policies.get(id).copied(),
            };
            told_of_policy(&own.unwrap_or_default(), &policy)
        }
        Change::Feature(feature) => told_of_feature(before.features.get(&feature.key), feature),
        Change::Deleting(key) => vec![format!(
            "Prices and products give {key} no longer, and whoever asks for it is told that it is unknown. What was granted by hand stays."
        )],
    };
    if told.is_empty() { vec!["Nothing: all of it is so already.".into()] } else { told }
}

fn told_of_giving(id: &str, before: &[&FeatureGrant], after: &[FeatureGrant]) -> Vec<String> {
    let of = |grant: &FeatureGrant| {
        let value = grant.value.map(|value| value.to_string());
        let credits = grant.credits.map(|credits| format!("{credits} credits"));
        let term = grant.duration.map(|term| format!("for {term}"));
        let parts: Vec<String> = [value, credits, term].into_iter().flatten().collect();
        if parts.is_empty() { "without a number or an end of its own".to_owned() } else { parts.join(", ") }
    };
    let taken = before.iter().filter(|grant| after.iter().all(|other| other.feature != grant.feature));
    let taken = taken.map(|grant| format!("{id} gives {} no longer.", grant.feature));
    let given = after.iter().filter_map(|grant| {
        let feature = &grant.feature;
        match before.iter().find(|other| other.feature == *feature) {
            None => Some(format!("{id} gives {feature}.")),
            Some(same) if *same == grant => None,
            Some(other) => Some(format!("{id} gives {feature} {}; until now {}.", of(grant), of(other))),
        }
    });
    taken.chain(given).collect()
}

fn told_of_policy(before: &PolicyExceptions, after: &PolicyExceptions) -> Vec<String> {
    let words = |own: Option<String>| own.unwrap_or_else(|| "as the installation has it".into());
    let treatment = |own: Option<domain::access::Treatment>| words(own.map(|own| own.as_str().to_owned()));
    let grace = |own: &PolicyExceptions| words(own.past_due_grace.map(duration_text));
    let lines = [
        ("Grace while past due", grace(before), grace(after)),
        ("A trial gives access", treatment(before.trialing), treatment(after.trialing)),
        ("A paused subscription gives access", treatment(before.paused), treatment(after.paused)),
    ];
    let changed = lines.into_iter().filter(|(_, before, after)| before != after);
    changed.map(|(what, before, after)| format!("{what}: {after}; until now {before}.")).collect()
}

fn told_of_feature(before: Option<&Feature>, after: &Feature) -> Vec<String> {
    let Some(before) = before else { return vec![format!("The feature {} is new.", after.key)] };
    let name = (before.name != after.name)
        .then(|| format!("It is called {}.", after.name.as_deref().unwrap_or("by its key alone")));
    let kind = (before.kind != after.kind)
        .then(|| format!("Its type: {}; until now {}.", after.kind.as_str(), before.kind.as_str()));
    name.into_iter().chain(kind).collect()
}
