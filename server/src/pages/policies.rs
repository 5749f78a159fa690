//! `/admin/features/{key}/policy` and `/admin/catalog/prices/{id}/policy`

use app::pages::{Page, policy};
use domain::access::{Policy, PolicyExceptions};
use store::records::TargetKind;

use super::{Ask, catalog};
use crate::admin::customers::encoded;
use crate::config::duration_text;

/// A feature's policy.
pub(super) fn of_feature(ask: &Ask<'_>, key: &str) -> Option<Page> {
    let catalog = ask.state.store.index().catalog(ask.livemode);
    let own = catalog.features.get(key)?.policy;
    let above = ("Features", "/admin/features".to_owned());
    Some(page(ask, key, own, above, format!("/admin/features/{}/policy", encoded(key))))
}

/// A price's policy. Stripe may not have told us of it yet.
pub(super) fn of_price(ask: &Ask<'_>, id: &str) -> Option<Page> {
    let known = catalog::PREFIXES.iter().any(|(prefix, of)| *of == TargetKind::Price && id.starts_with(prefix));
    let own = ask.state.store.index().catalog(ask.livemode).price_policies.get(id).copied();
    let own = own.or(known.then(PolicyExceptions::default))?;
    let href = catalog::path(TargetKind::Price, id);
    Some(page(ask, id, own, ("Catalog", href.clone()), format!("{href}/policy")))
}

fn page(ask: &Ask<'_>, of: &str, own: PolicyExceptions, above: (&'static str, String), href: String) -> Page {
    let installation = ask.state.store.options().policy;
    let grace = own.past_due_grace.map(duration_text);
    Page::Policy(policy::View {
        of: of.to_owned(),
        above,
        href,
        own,
        grace,
        rest: rest(&installation),
        installation_grace: duration_text(installation.past_due_grace),
        installation,
    })
}

/// What only the installation decides: what about, how, and the setting's name.
fn rest(policy: &Policy) -> Vec<(&'static str, String, &'static str)> {
    let pause = policy.pause_collection;
    let pauses = [
        ("keep_as_draft", pause.keep_as_draft),
        ("mark_uncollectible", pause.mark_uncollectible),
        ("void", pause.void),
    ];
    let pauses = pauses.map(|(behavior, way)| format!("{behavior}: {}", way.as_str().replace('_', " "))).join(", ");
    let payments = policy.payments;
    vec![
        (
            "A period that passed without news",
            format!("keeps access for {}", duration_text(policy.period_leeway)),
            "PERIOD_LEEWAY",
        ),
        ("Paused collection", pauses, "PAUSE_COLLECTION_POLICY"),
        ("Refunds of one-time purchases", payments.refund.as_str().to_owned(), "REFUND_POLICY"),
        ("Disputes of one-time purchases", payments.dispute.as_str().to_owned(), "DISPUTE_POLICY"),
        ("A delayed debit that fails", payments.failed_debit.as_str().to_owned(), "FAILED_DEBIT_POLICY"),
    ]
}
