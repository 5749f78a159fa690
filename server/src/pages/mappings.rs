//! Which Stripe customer is which user, and what another answer would do.

use app::components::Side;
use app::pages::confirm::{Effect, Review as Reviewed, View};
use app::pages::{Page, mappings as page};
use domain::role::Role;
use store::records::{ConflictRecord, MappingRecord, MappingRow, Place};

use super::confirm::back;
use super::list::{around, export};
use super::{Ask, Loaded, impact, unattributed};
use crate::admin::customers::{encoded, path};

/// Conflicts that stand above the mappings; the others have pages of their own.
const FIRST: i64 = 3;
/// Conflicts on a page of theirs: each is a paragraph.
const CONFLICTS: i64 = 10;

/// The mappings by search, below the first conflicts; `list=conflicts` are all conflicts.
pub(super) async fn mappings(ask: &Ask<'_>) -> Loaded {
    let (store, place) = (&ask.state.store, ask.place());
    let number = store.count_conflicts(ask.livemode).await?;
    if ask.param("list") == Some("conflicts") {
        return conflicts(ask, number).await;
    }
    let query = ask.param("q").or_else(|| ask.param("customer"));
    let found = store.list_mappings(ask.livemode, query, &place).await?;
    let ever =
        !found.data.is_empty() || !store.list_mappings(ask.livemode, None, &Place::first(1)).await?.data.is_empty();
    let fields = [("q", query.unwrap_or_default())];
    let mut pages = around(ask, "/admin/mappings", &fields, &found, key);
    if !found.data.is_empty() {
        pages.count = Some(store.count_mappings(ask.livemode, query).await?);
        pages.export = Some(export(ask, "mappings", &fields));
    }
    // Who turns pages has seen them.
    let first = if place.key().is_none() { FIRST } else { 0 };
    let open = store.list_conflicts(ask.livemode, &Place::first(first)).await?;
    let rows = found
        .data
        .into_iter()
        .map(|found| page::Row { in_conflict: found.in_conflict, ..row(found.mapping, found.name) });
    Ok(Some(Page::Mappings(page::View {
        conflicts: open.data.into_iter().map(conflict).collect(),
        number,
        rows: Some(rows.collect()),
        query: query.unwrap_or_default().to_owned(),
        ever,
        pages,
    })))
}

/// Every conflict nobody has settled, the oldest first.
async fn conflicts(ask: &Ask<'_>, number: i64) -> Loaded {
    let place = Place { limit: CONFLICTS, ..ask.place() };
    let found = ask.state.store.list_conflicts(ask.livemode, &place).await?;
    let mut pages = around(ask, "/admin/mappings", &[("list", "conflicts")], &found, conflict_key);
    if !found.data.is_empty() {
        pages.count = Some(number);
        pages.export = Some(export(ask, "conflicts", &[]));
    }
    Ok(Some(Page::Mappings(page::View {
        conflicts: found.data.into_iter().map(conflict).collect(),
        number,
        rows: None,
        query: String::new(),
        ever: true,
        pages,
    })))
}

/// What the mappings are sorted by.
pub(crate) fn key(row: &MappingRow) -> String {
    format!("{}:{}", row.mapping.since.millis(), row.mapping.customer_id)
}

/// What the conflicts are sorted by.
pub(crate) fn conflict_key(conflict: &ConflictRecord) -> String {
    format!("{}:{}", conflict.since.millis(), conflict.conflict_id)
}

fn row(mapping: MappingRecord, name: Option<String>) -> page::Row {
    page::Row {
        name,
        customer_id: mapping.customer_id,
        user_id: mapping.user_id,
        source: mapping.source,
        evidence: mapping.evidence,
        since: mapping.since,
        in_conflict: false,
    }
}

fn conflict(conflict: ConflictRecord) -> page::Conflict {
    page::Conflict {
        conflict_id: conflict.conflict_id,
        customer_id: conflict.customer_id,
        mapped_user_id: conflict.mapped_user_id,
        claimed_user_id: conflict.claimed_user_id,
        source: conflict.source,
        evidence: conflict.evidence,
        since: conflict.since,
    }
}

/// What a change of a mapping would do: the users concerned beside each other, and whose access changes.
struct Review {
    sides: Vec<Side>,
    effects: Vec<Effect>,
}

/// Tries a mapping out: to this user, or to nobody.
async fn review(ask: &Ask<'_>, customer_id: &str, to: Option<&str>) -> anyhow::Result<Review> {
    let store = &ask.state.store;
    let now = store.mapping(ask.livemode, customer_id).await?.map(|mapping| mapping.user_id);
    let mut review = Review { sides: vec![], effects: vec![] };
    for (user_id, after) in store.facts_if_mapped(ask.livemode, customer_id, to, ask.now).await? {
        let part = if now.as_ref() == Some(&user_id) { "Linked now" } else { "Linked then" };
        let (answers, effect) = impact::compared(ask, &user_id, &after);
        review.effects.extend(effect);
        review.sides.push(Side { part, href: path(&user_id), known: known(ask, &user_id).await?, answers, user_id });
    }
    Ok(review)
}

fn page_of(sides: Vec<Side>, asked: View) -> Page {
    Page::Review(Box::new(Reviewed { asked, sides }))
}

/// What there is to tell a user by.
async fn known(ask: &Ask<'_>, user_id: &str) -> anyhow::Result<Vec<String>> {
    let store = &ask.state.store;
    let user = store.user(ask.livemode, user_id).await?;
    let mut lines: Vec<String> = user.iter().flat_map(|user| user.name.iter().chain(&user.email)).cloned().collect();
    for mapping in store.mappings_of(ask.livemode, user_id).await? {
        let customer = store.customer(ask.livemode, &mapping.customer_id).await?;
        let email = customer.and_then(|customer| customer.email).map(|email| format!(", {email}")).unwrap_or_default();
        lines.push(format!("{}{email}, by {}", mapping.customer_id, mapping.source.as_str().replace('_', " ")));
    }
    if lines.is_empty() {
        lines.push("Nothing is known of this user yet.".into());
    }
    Ok(lines)
}

/// What a Stripe customer is called, with what it pays for.
async fn told(ask: &Ask<'_>, customer_id: &str) -> anyhow::Result<String> {
    let store = &ask.state.store;
    let Some(customer) = store.customer(ask.livemode, customer_id).await? else {
        return Ok(format!("Stripe has not told of {customer_id} yet."));
    };
    let name = customer.name.or(customer.email).map(|name| format!(" ({name})")).unwrap_or_default();
    let subscriptions = store.subscriptions_of(ask.livemode, customer_id).await?;
    let running = subscriptions.iter().filter(|record| !record.subscription.status.is_terminal());
    let running: Vec<String> = running
        .map(|record| format!("{} ({})", record.subscription.id, record.subscription.status.as_str().replace('_', " ")))
        .collect();
    Ok(match running.len() {
        0 => format!("{customer_id}{name} has no subscription that runs."),
        _ => format!("{customer_id}{name} has {}.", running.join(", ")),
    })
}

/// `/admin/mappings/{cus}`
pub(super) async fn mapping(ask: &Ask<'_>, customer_id: &str) -> Loaded {
    let store = &ask.state.store;
    let customer = store.customer(ask.livemode, customer_id).await?;
    let mapping = store.mapping(ask.livemode, customer_id).await?;
    if customer.is_none() && mapping.is_none() {
        return Ok(None);
    }
    let guesses = match &customer {
        Some(customer) => unattributed::guesses(ask, customer).await?,
        None => vec![],
    };
    let current = mapping.as_ref().map(|mapping| mapping.user_id.clone());
    let guesses = guesses.into_iter().filter(|guess| current.as_ref() != Some(&guess.user_id)).collect();
    let open = store.open_conflicts(ask.livemode, Some(customer_id)).await?;
    Ok(Some(Page::Mapping(page::One {
        customer_id: customer_id.to_owned(),
        name: customer.as_ref().and_then(|customer| customer.name.clone()),
        email: customer.and_then(|customer| customer.email),
        told: told(ask, customer_id).await?,
        mapping: mapping.map(|mapping| row(mapping, None)),
        conflicts: open.into_iter().map(conflict).collect(),
        guesses,
    })))
}

/// `/admin/mappings/link?customer_id=…&user_id=…`
pub(super) async fn link(ask: &Ask<'_>) -> Loaded {
    let (Some(customer_id), Some(user_id)) = (ask.param("customer_id"), ask.param("user_id")) else { return Ok(None) };
    if !customer_id.starts_with("cus_") || customer_id.len() > 255 || user_id.chars().count() > 255 {
        return Ok(None);
    }
    let before = ask.state.store.mapping(ask.livemode, customer_id).await?.map(|mapping| mapping.user_id);
    let review = review(ask, customer_id, Some(user_id)).await?;
    let told = told(ask, customer_id).await?;
    let (question, sentence, button, role) = match &before {
        Some(before) if before == user_id => (
            format!("{customer_id} is linked to {user_id}"),
            format!("{told} Linking it again changes nothing."),
            format!("Link to {user_id}"),
            Role::Support,
        ),
        Some(before) => (
            format!("Move {customer_id} from {before} to {user_id}?"),
            format!("{told} {user_id} has what it pays for from now on, and {before} has it no longer."),
            format!("Move to {user_id}"),
            Role::Admin,
        ),
        None => (
            format!("Link {customer_id} to {user_id}?"),
            format!(
                "{told} {user_id} has what it pays for from now on, and the events that waited are taken into account."
            ),
            format!("Link to {user_id}"),
            Role::Support,
        ),
    };
    let fields = vec![("customer_id", customer_id.to_owned()), ("user_id", user_id.to_owned())];
    Ok(Some(page_of(
        review.sides,
        View {
            question,
            above: ("Mappings", "/admin/mappings".into()),
            sentence,
            effects: review.effects,
            action: "/admin/mappings".into(),
            fields,
            button,
            role,
            reason_required: role == Role::Admin,
            back: back(ask, &format!("/admin/mappings/{}", encoded(customer_id))),
        },
    )))
}

/// `/admin/mappings/{id}/delete`
pub(super) async fn unlink(ask: &Ask<'_>, customer_id: &str) -> Loaded {
    let Some(mapping) = ask.state.store.mapping(ask.livemode, customer_id).await? else { return Ok(None) };
    let user = &mapping.user_id;
    let review = review(ask, customer_id, None).await?;
    Ok(Some(page_of(
        review.sides,
        View {
            question: format!("Unlink {customer_id} from {user}?"),
            above: ("Mappings", "/admin/mappings".into()),
            sentence: format!("What {customer_id} pays for gives {user} nothing any more, until it is linked again."),
            effects: review.effects,
            action: format!("/admin/mappings/{}/delete", encoded(customer_id)),
            fields: Vec::new(),
            button: format!("Unlink {customer_id}"),
            role: Role::Admin,
            reason_required: false,
            back: back(ask, "/admin/mappings"),
        },
    )))
}

/// `/admin/conflicts/{id}?resolution=keep|move`
pub(super) async fn resolve(ask: &Ask<'_>, id: &str) -> Loaded {
    let conflict = ask.state.store.conflict(id).await?.filter(|conflict| conflict.livemode == ask.livemode);
    let Some(conflict) = conflict else { return Ok(None) };
    let (customer, mapped, claimed) = (&conflict.customer_id, &conflict.mapped_user_id, &conflict.claimed_user_id);
    let moves = ask.param("resolution") == Some("move");
    let (resolution, question, sentence, button) = if moves {
        (
            "move",
            format!("Move {customer} to {claimed}?"),
            format!("{claimed} has what {customer} pays for from now on; {mapped} has it no longer."),
            format!("Move to {claimed}"),
        )
    } else {
        (
            "keep",
            format!("Keep {customer} with {mapped}?"),
            format!("{customer} stays with {mapped}, and the claim of {claimed} is not raised again."),
            format!("Keep {mapped}"),
        )
    };
    let mut review = review(ask, customer, Some(claimed)).await?;
    if !moves {
        // What each would have after the other choice is beside the point here: nothing changes.
        review.effects.clear();
        for side in &mut review.sides {
            side.part = if side.user_id == *mapped { "Linked now" } else { "Claimed" };
            side.answers.iter_mut().for_each(|(_, now, then)| *then = *now);
        }
    }
    Ok(Some(page_of(
        review.sides,
        View {
            question,
            above: ("Mappings", "/admin/mappings".into()),
            sentence: format!("{} {sentence}", told(ask, customer).await?),
            effects: review.effects,
            action: format!("/admin/conflicts/{}", encoded(id)),
            fields: vec![("resolution", resolution.to_owned())],
            button,
            role: Role::Admin,
            reason_required: false,
            back: back(ask, "/admin/mappings"),
        },
    )))
}
