//! `/admin/go/{anything}`: leads to the page of an id of any kind, of an address of Stripe's dashboard, of an e-mail address, or of a user;
//! in the other mode where that has it, and to the search where several may be meant.

use domain::Livemode;
use store::records::EventFilter;

use super::{Answer, Ask, search};
use crate::admin::customers::{encoded, path};
use crate::diagnose::{Subject, resolve};
use crate::state::AppState;

/// How Stripe's ids begin, of what has a page here or leads to one.
const PREFIXES: [&str; 12] =
    ["cus_", "sub_", "evt_", "cs_", "price_", "prod_", "in_", "pi_", "ch_", "re_", "du_", "we_"];

/// Where it leads.
pub(super) async fn go(ask: &Ask<'_>, what: &str) -> anyhow::Result<Answer> {
    let what = what.trim();
    if what.is_empty() {
        return Ok(Answer::Elsewhere("/admin/search".into()));
    }
    if let Some(href) = locate(ask.state, ask.livemode, what).await? {
        return Ok(Answer::Elsewhere(href));
    }
    if what.contains('@') {
        for livemode in [ask.livemode, other(ask.livemode)] {
            if let [only] = resolve(ask.state.store.as_ref(), livemode, what).await?.as_slice() {
                let (Subject::User(id) | Subject::Customer(id)) = only;
                return Ok(Answer::Elsewhere(shown_in(livemode, ask.livemode, path(id))));
            }
        }
    }
    let id = within(what).map_or(what, |(id, _)| id);
    Ok(Answer::Elsewhere(format!("/admin/search?q={}", encoded(id))))
}

/// The page of an id, or of the id within an address of Stripe's; looked for in the mode that is shown (or that the address names), then
/// in the other.
pub(super) async fn locate(state: &AppState, shown: Livemode, what: &str) -> anyhow::Result<Option<String>> {
    let (id, named) = within(what).unwrap_or((what, None));
    let first = named.unwrap_or(shown);
    for livemode in [first, other(first)] {
        if let Some(href) = page_of(state, livemode, id).await? {
            return Ok(Some(shown_in(livemode, shown, href)));
        }
    }
    Ok(None)
}

const fn other(livemode: Livemode) -> Livemode {
    match livemode {
        Livemode::Test => Livemode::Live,
        Livemode::Live => Livemode::Test,
    }
}

/// An address, with the mode to show where that is not shown already.
fn shown_in(livemode: Livemode, shown: Livemode, href: String) -> String {
    if livemode == shown {
        return href;
    }
    let (path, fragment) = href.split_once('#').map_or((href.as_str(), None), |(path, rest)| (path, Some(rest)));
    let joint = if path.contains('?') { '&' } else { '?' };
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{path}{joint}mode={livemode}{fragment}")
}

/// The id in an address of Stripe's dashboard, and the mode it is of.
fn within(text: &str) -> Option<(&str, Option<Livemode>)> {
    if !text.contains("stripe.com/") {
        return None;
    }
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let id = words.rfind(|word| PREFIXES.iter().any(|prefix| word.len() > prefix.len() && word.starts_with(prefix)))?;
    // docs.stripe.com/keys: addresses of test mode and of sandboxes have a segment of their own.
    let livemode = Livemode::from_bool(!text.contains("/test/"));
    Some((id, Some(livemode)))
}

/// Where the thing of this id stands in a mode.
async fn page_of(state: &AppState, livemode: Livemode, id: &str) -> anyhow::Result<Option<String>> {
    let store = &state.store;
    if let Some(href) = search::exact(state, livemode, id).await? {
        return Ok(Some(href));
    }
    if id.starts_with("ovr_") {
        let found = store.find_override(livemode, id).await?;
        return Ok(found.map(|found| format!("{}?tab=overrides#tab", path(&found.user_id))));
    }
    if let Some((found, _)) = store.resync(id).await? {
        return Ok((found.new.livemode == livemode).then(|| format!("/admin/resyncs/{}", encoded(id))));
    }
    if id.starts_with("key_") {
        let known = store.api_key(id).await?.filter(|key| key.livemode == livemode);
        return Ok(known.map(|_| format!("/admin/api-keys/{}", encoded(id))));
    }
    // Payments, invoices, refunds and disputes have no page: whose they are is told by the newest event about them.
    let about = EventFilter { id: Some(id.to_owned()), limit: 1, ..EventFilter::default() };
    let newest = store.events(livemode, &about).await?.data.pop();
    Ok(newest.map(|event| match event.customer_id {
        Some(customer) => path(&customer),
        None => format!("/admin/events/{}", encoded(&event.event_id)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_stripes_has_an_id_and_a_mode() {
        let (test, live) = (Some(Livemode::Test), Some(Livemode::Live));
        for (text, expected) in [
            ("https://dashboard.stripe.com/test/customers/cus_1", Some(("cus_1", test))),
            ("https:/dashboard.stripe.com/acct_1Nx/test/subscriptions/sub_1?x=1", Some(("sub_1", test))),
            ("https://dashboard.stripe.com/payments/pi_3Nx#refunds", Some(("pi_3Nx", live))),
            ("dashboard.stripe.com/customers/cus_1/subscriptions/sub_2", Some(("sub_2", live))),
            ("https://dashboard.stripe.com/test/customers", None),
            ("https://docs.stripe.com/webhooks", None),
            ("cus_1", None),
            ("ada@example.com", None),
        ] {
            assert_eq!(within(text), expected, "{text}");
        }
    }

    #[test]
    fn the_mode_is_named_only_where_another_is_shown() {
        let (test, live) = (Livemode::Test, Livemode::Live);
        assert_eq!(shown_in(test, test, "/admin/events/evt_1".into()), "/admin/events/evt_1");
        assert_eq!(shown_in(live, test, "/admin/events/evt_1".into()), "/admin/events/evt_1?mode=live");
        assert_eq!(shown_in(live, test, "/admin/x?tab=a#tab".into()), "/admin/x?tab=a&mode=live#tab");
    }
}
