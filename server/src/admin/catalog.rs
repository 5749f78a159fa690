//! Features, and which price or product gives which.

use domain::catalog::{Catalog, Feature, FeatureGrant, FeatureType, is_feature_key};
use store::records::{Author, TargetKind};

use super::customers::encoded;
use super::fields::Fields;
use super::post::{Outcome, Posted};
use super::{preview, undo};
use crate::pages::impact::Change;
use crate::terms;

/// Has every product read from Stripe, with the features it carries.
pub async fn read(posted: Posted) -> Outcome {
    if !posted.state.gateways.contains_key(&posted.livemode) {
        let message = format!("There is no Stripe API key for {} mode: set STRIPE_SECRET_KEY.", posted.livemode);
        return Outcome::invalid("/admin/catalog", "read", message);
    }
    match posted.state.store.request_products(posted.livemode, &posted.author()).await {
        Ok(count) => {
            posted.state.worker.wake();
            let products = if count == 1 { "1 product is".to_owned() } else { format!("{count} products are") };
            Outcome::done(posted.back_to("/admin/catalog"), format!("{products} read from Stripe now."))
        }
        Err(error) => error.into(),
    }
}

/// Sets what a price gives.
pub async fn put_price(posted: Posted) -> Outcome {
    put_grants(posted, TargetKind::Price, "prices").await
}

/// Sets what a product gives.
pub async fn put_product(posted: Posted) -> Outcome {
    put_grants(posted, TargetKind::Product, "products").await
}

async fn put_grants(posted: Posted, kind: TargetKind, folder: &str) -> Outcome {
    let id = posted.param("id").to_owned();
    let page = format!("/admin/catalog/{folder}/{}", encoded(&id));
    if id.is_empty() || id.len() > 255 || id.contains(char::is_whitespace) {
        return Outcome::NotFound;
    }
    match posted.overtaken((kind.as_str(), &id), |entry| entry.action != "policy.put").await {
        Ok(None) => {}
        Ok(Some(by)) => return Outcome::Overtaken { page, by },
        Err(error) => return error.into(),
    }
    let catalog = posted.state.store.index().catalog(posted.livemode);
    let grants = match read_grants(&posted.fields, &catalog, (kind, &id)) {
        Ok(grants) => grants,
        Err(errors) => return Outcome::Invalid { page, errors },
    };
    let change = Change::Giving(kind, &id, &grants);
    if let Some(asked) = preview::ask(&posted, &change, &page, &format!("{page}/preview")).await {
        return asked;
    }
    let author = posted.author();
    match posted.state.store.put_grants(posted.livemode, kind, &id, &grants, &author).await {
        Ok(()) => {
            let keys: Vec<&str> = grants.iter().map(|grant| grant.feature.as_str()).collect();
            let given = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
            let words = format!("{id} gives {given}, also to those who already pay for it.");
            told(&posted, &author, posted.back_to(&page), words, ("catalog.put", kind.as_str(), &id)).await
        }
        Err(store::Error::Conflict(message)) => Outcome::invalid(page, "feature", message),
        Err(error) => error.into(),
    }
}

/// Reads what a price or product is to give, or what is wrong with it by field.
pub(crate) fn read_grants(
    fields: &Fields,
    catalog: &Catalog,
    (kind, id): (TargetKind, &str),
) -> Result<Vec<FeatureGrant>, Vec<(String, String)>> {
    let (mut grants, mut errors) = chosen_features(fields, catalog);
    let known = match kind {
        TargetKind::Price => catalog.prices.get(id),
        TargetKind::Product => catalog.products.get(id),
    };
    for grant in &mut grants {
        let same = |before: &&FeatureGrant| before.feature == grant.feature && before.source.is_manual();
        let before = known.and_then(|known| known.iter().find(same));
        errors.extend(read_purchase(fields, grant, before));
    }
    if errors.is_empty() { Ok(grants) } else { Err(errors) }
}

/// Says what a change of the catalog came to: what the audit log calls it, kind and id of what it was done to.
pub(super) async fn told(
    posted: &Posted,
    author: &Author,
    to: String,
    words: String,
    (action, kind, id): (&str, &str, &str),
) -> Outcome {
    let change = undo::Change { action, object: (kind, id), cause: ("catalog", vec![id.to_owned()]) };
    undo::done(posted, author, to, words, &[change]).await
}

/// Reads for how long a one-time purchase gives the feature and how many credits, and what is wrong with that by field.
fn read_purchase(fields: &Fields, grant: &mut FeatureGrant, before: Option<&FeatureGrant>) -> Vec<(String, String)> {
    let (duration, credits) = (format!("duration_{}", grant.feature), format!("credits_{}", grant.feature));
    // What the form does not show stays as it is.
    (grant.duration, grant.credits) = before.map(|before| (before.duration, before.credits)).unwrap_or_default();
    let is_shown = |field: &str| fields.all(field).next().is_some();
    let mut errors = vec![];
    if is_shown(&duration) {
        match terms::duration(fields.opt(&duration)) {
            Ok(read) => grant.duration = read,
            Err(fault) => errors.push((duration, terms::sentence(&fault))),
        }
    }
    if is_shown(&credits) {
        let number = fields.opt(&credits).map(str::parse::<i64>).transpose();
        let number = number.map_err(|_| "it must be a whole number".to_owned());
        match number.and_then(|number| terms::credits(number, grant.value)) {
            Ok(read) => grant.credits = read,
            Err(fault) => errors.push((credits, terms::sentence(&fault))),
        }
    }
    errors
}

/// The features that were ticked with their numbers, and what is wrong with them by field.
pub(super) fn chosen_features(fields: &Fields, catalog: &Catalog) -> (Vec<FeatureGrant>, Vec<(String, String)>) {
    let mut grants: Vec<FeatureGrant> = Vec::new();
    let mut errors = Vec::new();
    for key in fields.all("feature").filter(|key| !key.is_empty()) {
        let Some(feature) = catalog.features.get(key) else {
            errors
                .push(("feature".to_owned(), format!("There is no feature {key:?} in the catalog. Create it first.")));
            continue;
        };
        let field = format!("value_{key}");
        // The form has no such field for a switch, so what stands there is not meant.
        let number =
            fields.opt(&field).filter(|_| feature.kind != FeatureType::Switch).map(str::parse::<i64>).transpose();
        let number = number.map_err(|_| "it must be a whole number".to_owned());
        let value = number.and_then(|number| terms::value(number, feature.kind)).unwrap_or_else(|fault| {
            errors.push((field, terms::sentence(&fault)));
            None
        });
        if !grants.iter().any(|grant| grant.feature == key) {
            grants.push(FeatureGrant::of(key).with_value(value));
        }
    }
    (grants, errors)
}

/// Creates or changes a feature.
pub async fn put_feature(posted: Posted) -> Outcome {
    let page = "/admin/features";
    let key = match posted.param("id") {
        "" => posted.fields.get("key").to_owned(),
        id => id.to_owned(),
    };
    let feature = match read_feature(&posted.fields, &key) {
        Ok(feature) => feature,
        Err(errors) => return Outcome::Invalid { page: page.to_owned(), errors },
    };
    let asks = format!("{page}/{}/preview", encoded(&key));
    if let Some(asked) = preview::ask(&posted, &Change::Feature(&feature), page, &asks).await {
        return asked;
    }
    let author = posted.author();
    match posted.state.store.put_feature(posted.livemode, &feature, &author).await {
        Ok(()) => {
            let words = format!("The feature {key} is saved.");
            told(&posted, &author, posted.back_to(page), words, ("feature.put", "feature", &key)).await
        }
        Err(error) => error.into(),
    }
}

/// Reads a feature's name and type, or what is wrong with it by field.
pub(crate) fn read_feature(fields: &Fields, key: &str) -> Result<Feature, Vec<(String, String)>> {
    let mut errors = Vec::new();
    if !is_feature_key(key) {
        errors.push(("key".to_owned(), "1 to 80 letters, digits, and _ - . :".to_owned()));
    }
    let kind = fields.opt("type").map_or(Some(FeatureType::Switch), FeatureType::parse);
    let name = fields.opt("name").map(str::to_owned);
    if name.as_ref().is_some_and(|name| name.chars().count() > 200) {
        errors.push(("name".to_owned(), "At most 200 characters.".to_owned()));
    }
    match kind {
        Some(kind) if errors.is_empty() => Ok(Feature { name, ..Feature::new(key, kind) }),
        Some(_) => Err(errors),
        None => {
            errors.push(("type".to_owned(), "Choose switch, limit or metered.".to_owned()));
            Err(errors)
        }
    }
}

/// Deletes a feature and every grant of it.
pub async fn delete_feature(posted: Posted) -> Outcome {
    let key = posted.param("id").to_owned();
    if !posted.state.store.index().catalog(posted.livemode).features.contains_key(&key) {
        return Outcome::NotFound;
    }
    let page = format!("/admin/features/{}/delete", encoded(&key));
    if let Some(asked) = preview::ask(&posted, &Change::Deleting(&key), &page, &page).await {
        return asked;
    }
    match posted.state.store.delete_feature(posted.livemode, &key, &posted.author()).await {
        Ok(true) => Outcome::done(
            posted.back_to("/admin/features"),
            format!("The feature {key} is deleted; nothing gives it any more."),
        ),
        Ok(false) => Outcome::NotFound,
        Err(store::Error::Conflict(why)) => Outcome::invalid("/admin/features", "key", format!("{why}.")),
        Err(error) => error.into(),
    }
}
