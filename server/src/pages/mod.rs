//! What each page of the admin app shows, read from the store: one function per page, named after it. Who may read which
//! stands in [`table`]; what a role may not see of a page is left out here, not hidden there.

mod attention;
pub(crate) mod audit;
pub(crate) mod catalog;
mod charts;
mod confirm;
mod customer;
pub(crate) mod customers;
pub(crate) mod ending;
mod erase;
mod event;
pub(crate) mod events;
pub(crate) mod feature;
mod go;
pub(crate) mod impact;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod mappings;
mod missed;
pub(crate) mod moment;
pub(crate) mod overrides;
mod overview;
mod policies;
pub(crate) mod preview;
pub(crate) mod replays;
pub(crate) mod resyncs;
mod search;
mod second_factor;
mod security;
mod settings;
mod simulator;
mod subscription;
pub(crate) mod subscriptions;
mod system;
pub(crate) mod unattributed;
mod validator;

use std::collections::HashMap;

use app::pages::search::Hit;
use app::pages::{Page, account, message, sign_in};
use app::zone::Zone;
use domain::{Livemode, Timestamp};
use http::StatusCode;
use store::records::{AuditFilter, Place, StaffLinkKind};

use crate::admin::table;
use crate::auth::staff::{Actor, safe_return_to};
use crate::auth::{links, passkey, setup};
use crate::state::AppState;
use crate::ui::Query;

/// Somebody looks at an address.
pub(crate) struct Looking<'a> {
    pub(crate) state: &'a AppState,
    pub(crate) livemode: Livemode,
    /// The path, as it was asked for.
    pub(crate) path: &'a str,
    pub(crate) query: Query,
    /// The hash of the session's id; empty before sign-in.
    pub(crate) session: String,
    /// Who looks; nobody before sign-in.
    pub(crate) actor: Option<&'a Actor>,
}

/// The audit log's word for looking at a raw payload.
const READ: &str = "payload.read";
const HOUR_MS: i64 = 3_600_000;

/// Rows on a page of a list.
pub(crate) const ROWS: i64 = 50;

/// Who asks for which page of which mode.
pub(crate) struct Ask<'a> {
    pub(crate) state: &'a AppState,
    pub(crate) actor: &'a Actor,
    pub(crate) livemode: Livemode,
    pub(crate) now: Timestamp,
    /// The query string, decoded; the last value of a name counts.
    pub(crate) query: HashMap<String, String>,
}

impl Ask<'_> {
    /// A parameter that is there and not blank.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Which page of a list: its first rows, those behind one, or those just before one.
    pub(crate) fn place(&self) -> Place {
        let before = self.param("before").map(str::to_owned);
        let after = self.param("after").filter(|_| before.is_none()).map(str::to_owned);
        Place { after, before, limit: ROWS }
    }
}

/// A page, or nothing where there is no such thing.
pub(crate) type Loaded = anyhow::Result<Option<Page>>;

/// What an address answers with.
pub(crate) enum Answer {
    /// A page.
    Page(Box<Page>),
    /// The page of another address.
    Elsewhere(String),
}

impl Answer {
    /// A page.
    pub(crate) fn page(page: Page) -> Self {
        Self::Page(Box::new(page))
    }
}

/// What an address answers with, and its status.
///
/// # Errors
/// When the database fails.
pub(crate) async fn load(looking: &Looking<'_>) -> anyhow::Result<(StatusCode, Answer)> {
    let parts: Vec<String> = looking.path.split('/').filter(|part| !part.is_empty()).skip(1).map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["login"] => {
            let return_to = safe_return_to(looking.query.get("return_to")).to_owned();
            let passkeys = passkey::site(&looking.state.config.public_url).is_some();
            return Ok((StatusCode::OK, Answer::page(Page::SignIn(sign_in::SignIn { return_to, passkeys }))));
        }
        ["login", "code"] => {
            return Ok((StatusCode::OK, security::code(looking.state, &looking.session).await?));
        }
        ["setup"] => {
            let token = looking.query.get("token").unwrap_or_default().to_owned();
            let valid = setup::is_valid(looking.state.store.as_ref(), &token, looking.state.now()).await?;
            let status = if valid { StatusCode::OK } else { StatusCode::FORBIDDEN };
            return Ok((status, Answer::page(Page::SetUp(sign_in::SetUp { token, valid }))));
        }
        ["invite"] => {
            let token = looking.query.get("token").unwrap_or_default().to_owned();
            let found = links::find(looking.state.store.as_ref(), &token, looking.state.now()).await?;
            let status = if found.is_some() { StatusCode::OK } else { StatusCode::FORBIDDEN };
            let entering = found.map(|(link, staff)| sign_in::Entering {
                email: staff.email,
                name: staff.name,
                role: staff.role,
                is_invite: link.kind == StaffLinkKind::Invite,
            });
            return Ok((status, Answer::page(Page::Enter(sign_in::Enter { token, entering }))));
        }
        _ => {}
    }
    let Some(actor) = looking.actor else {
        return Ok((StatusCode::FORBIDDEN, Answer::page(message::forbidden("Sign in first."))));
    };
    let query = looking.query.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let ask = &Ask { state: looking.state, actor, livemode: looking.livemode, now: looking.state.now(), query };
    match table::role_for_page(&parts) {
        Some(role) if actor.role < role => {
            let words = format!("This page needs the role {role}; an owner can give it.");
            return Ok((StatusCode::FORBIDDEN, Answer::page(message::forbidden(&words))));
        }
        Some(_) => {}
        None => return Ok((StatusCode::NOT_FOUND, Answer::page(not_found(ask, &parts).await?))),
    }
    if let ["go", what @ ..] = parts.as_slice() {
        let what = if what.is_empty() { ask.param("q").unwrap_or_default().to_owned() } else { what.join("/") };
        return Ok((StatusCode::OK, go::go(ask, &what).await?));
    }
    if parts.as_slice() == ["account", "2fa"] {
        return Ok((StatusCode::OK, second_factor::set_up(ask, &looking.session).await?));
    }
    if parts.as_slice() == ["account", "passkeys", "new"] {
        return Ok((StatusCode::OK, security::new_passkey(ask, &looking.session).await?));
    }
    let loaded = match parts.as_slice() {
        [] => overview::overview(ask).await?,
        ["ending"] => ending::ending(ask)?,
        ["search"] => return Ok((StatusCode::OK, search::search(ask).await?)),
        ["customers"] => customers::customers(ask).await?,
        ["customers", id] => customer::customer(ask, id).await?,
        ["customers", id, "erase"] => erase::erase(ask, id).await?,
        ["customers", id, "compare"] => resyncs::compare(ask, id).await?,
        ["resyncs"] => resyncs::resyncs(ask).await?,
        ["resyncs", id] => resyncs::resync(ask, id).await?,
        ["replays"] => replays::replays(ask).await?,
        ["replays", "new"] => replays::new(ask).await?,
        ["replays", id] => replays::replay(ask, id).await?,
        ["customers", id, "overrides", "new"] => overrides::new(ask, id).await?,
        ["overrides", "change"] => {
            let ids: Vec<String> = looking.query.all("id").map(str::to_owned).collect();
            overrides::change(ask, &ids).await?
        }
        ["overrides", id, "revoke"] => confirm::revoke(ask, id).await?,
        ["overrides"] => overrides::overrides(ask).await?,
        ["subscriptions"] => subscriptions::subscriptions(ask).await?,
        ["subscriptions", id] => subscription::subscription(ask, id).await?,
        ["mappings"] => mappings::mappings(ask).await?,
        ["mappings", "link"] => mappings::link(ask).await?,
        ["mappings", id] => mappings::mapping(ask, id).await?,
        ["mappings", id, "delete"] => mappings::unlink(ask, id).await?,
        ["conflicts", id] => mappings::resolve(ask, id).await?,
        ["unattributed"] => unattributed::unattributed(ask).await?,
        ["unattributed", id] => unattributed::link(ask, id).await?,
        ["catalog"] => catalog::catalog(ask).await?,
        ["catalog", kind @ ("prices" | "products"), id] => catalog::target(ask, kind, id).await?,
        ["catalog", kind @ ("prices" | "products"), id, "preview"] => {
            preview::giving(ask, &looking.query, kind, id).await?
        }
        ["catalog", "prices", id, "policy", "preview"] => preview::price_policy(ask, &looking.query, id).await?,
        ["catalog", "prices", id, "policy"] => policies::of_price(ask, id),
        ["features", key, "policy", "preview"] => preview::feature_policy(ask, &looking.query, key).await?,
        ["features", key, "preview"] => preview::feature(ask, &looking.query, key).await?,
        ["features", key, "policy"] => policies::of_feature(ask, key),
        ["features", key] => feature::feature(ask, key).await?,
        ["features", key, "delete"] => preview::deleting(ask, &looking.query, key).await?,
        ["features"] => catalog::features(ask).await?,
        ["events"] => events::events(ask).await?,
        ["events", id] => event::event(ask, id).await?,
        ["events", id, "ignore"] => confirm::ignore(ask, id).await?,
        ["validator"] => validator::validator(ask).await?,
        ["validator", "endpoint"] => Some(validator::create(ask)),
        ["validator", "endpoints", id, "events"] => validator::add_types(ask, id).await?,
        ["validator", "endpoints", id, "enable"] => validator::enable(ask, id),
        ["simulator"] => simulator::simulator(ask).await?,
        ["audit"] => audit::audit(ask).await?,
        ["audit", number] => audit::entry(ask, number).await?,
        ["account"] => Some(Page::Account(account::Account)),
        ["account", "security"] => security::security(ask, &looking.session).await?,
        ["account", "preferences"] => Some(Page::Preferences(account::Preferences { zones: Zone::choices() })),
        ["account", "shortcuts"] => Some(Page::Shortcuts(account::Shortcuts)),
        ["api-keys", id, "revoke"] => confirm::revoke_key(ask, id).await?,
        ["api-keys", id, "rotate"] => keys::rotate(ask, id).await?,
        ["api-keys", id] => keys::one(ask, id).await?,
        ["api-keys"] => keys::all(ask).await?,
        ["system"] => system::system(ask).await?,
        ["settings"] => Some(settings::settings(ask)),
        ["staff"] => settings::staff(ask).await?,
        _ => None,
    };
    match loaded {
        Some(page) => Ok((StatusCode::OK, Answer::page(page))),
        None => Ok((StatusCode::NOT_FOUND, Answer::page(not_found(ask, &parts).await?))),
    }
}

/// Somebody sees what Stripe sent, which may hold personal data: who, what and when is audited, once an hour for each object.
async fn note_reading(ask: &Ask<'_>, object: (&str, &str)) -> anyhow::Result<()> {
    let author = ask.actor.author(None, ask.now);
    let hour = ask.now.plus_millis(-ask.now.millis().rem_euclid(HOUR_MS));
    let known = AuditFilter {
        livemode: Some(ask.livemode),
        actor: Some(author.actor.clone()),
        action: Some(READ.to_owned()),
        object_kind: Some(object.0.to_owned()),
        object_id: Some(object.1.to_owned()),
        from: Some(hour),
        limit: 1,
        ..AuditFilter::default()
    };
    if ask.state.store.audit(&known).await?.data.is_empty() {
        ask.state.store.note_audit(Some(ask.livemode), READ, object, &serde_json::json!({}), &author).await?;
    }
    Ok(())
}

/// What somebody who types this may mean.
///
/// # Errors
/// When the database fails.
pub(crate) async fn found(
    state: &AppState,
    actor: &Actor,
    livemode: Livemode,
    typed: &str,
) -> anyhow::Result<Vec<Hit>> {
    let ask = Ask { state, actor, livemode, now: state.now(), query: HashMap::new() };
    search::found(&ask, typed).await
}

/// The page of what is not there, with what may have been meant.
async fn not_found(ask: &Ask<'_>, parts: &[&str]) -> anyhow::Result<Page> {
    if let ["audit", number] = parts {
        let entry = ask.state.store.audit_entry(number.parse().unwrap_or_default()).await?;
        let elsewhere = entry.and_then(|entry| entry.livemode).filter(|livemode| *livemode != ask.livemode);
        return Ok(message::not_found(number, elsewhere.map(Livemode::as_str), vec![]));
    }
    // What stands behind the name of a list is an id; the rest of the path says what was to be done with it.
    let id = match parts {
        ["catalog", "prices" | "products", id, ..] => id,
        ["customers" | "events" | "subscriptions" | "mappings" | "unattributed" | "overrides" | "features", id, ..] => {
            id
        }
        _ => return Ok(message::no_page()),
    };
    let other = Livemode::from_bool(!ask.livemode.is_live());
    let elsewhere = search::exact(ask.state, other, id).await?.map(|_| other.as_str());
    Ok(message::not_found(id, elsewhere, search::nearest(ask, id).await?))
}

/// A segment of a path as it was before it was encoded.
fn decoded(segment: &str) -> String {
    // In a path, unlike in a form, these stand for themselves.
    let form = format!("={}", segment.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(form.as_bytes()).next().map_or_else(String::new, |(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn segments_are_decoded_as_paths() {
        for id in ["user_1", "a b", "a+b", "a&b=c", "ü/§?#%"] {
            assert_eq!(decoded(&crate::admin::customers::encoded(id)), id);
        }
        assert_eq!(decoded("a+b&c"), "a+b&c");
    }
}
