//! What a person should look at: every kind of trouble that can be told from what is stored, who touches most customers first.

use std::collections::{BTreeMap, HashSet};

use app::components::money;
use app::pages::overview::Attention;
use domain::Timestamp;
use domain::delivery::Registration;
use domain::event::EventStatus;
use domain::stripe::SubscriptionItem;
use store::records::{EventFilter, OverrideList, Place, Purpose, ResyncStatus, TargetKind, Which};

use super::{Ask, catalog, missed};
use crate::admin::customers::encoded;

const HOUR_SECS: i64 = 3600;
const DAY_SECS: i64 = 24 * HOUR_SECS;
const WEEK_SECS: i64 = 7 * DAY_SECS;
/// Rows of each kind that are looked at.
const MOST: i64 = 200;
/// How long nothing may arrive before that is worth a look.
const SILENCE_SECS: i64 = DAY_SECS;

/// All of it; what could not be looked at is told by a sentence of its own.
pub(super) async fn attention(ask: &Ask<'_>, last_event_at: Option<Timestamp>) -> (Vec<Attention>, Vec<String>) {
    let (mut rows, mut unknown) = (vec![], vec![]);
    let kinds: [(&str, anyhow::Result<Vec<Attention>>); 9] = [
        ("Whether webhooks arrive", webhooks(ask, last_event_at).await),
        ("Prices that give nothing", idle_prices(ask).await),
        ("Events that failed", failed(ask).await),
        ("Events that were never delivered", never_delivered(ask).await),
        ("Customers of nobody", unattributed(ask).await),
        ("Conflicts", conflicts(ask).await),
        ("Differences to Stripe", resyncs(ask).await),
        ("Overrides that end", overrides(ask).await),
        ("API keys that end", keys(ask).await),
    ];
    for (what, found) in kinds {
        match found {
            Ok(found) => rows.extend(found),
            Err(error) => {
                tracing::error!("the overview lacks a part: {what}: {error:#}");
                unknown.push(format!("{what} could not be read."));
            }
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.customers.unwrap_or(i64::MAX)));
    (rows, unknown)
}

fn row(sentence: String, customers: i64, href: impl Into<String>, label: &str) -> Attention {
    Attention { sentence, customers: Some(customers), href: href.into(), label: label.to_owned() }
}

fn everybody(sentence: String, href: &str, label: &str) -> Attention {
    Attention { sentence, customers: None, href: href.to_owned(), label: label.to_owned() }
}

fn count(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What keeps events from arriving.
async fn webhooks(ask: &Ask<'_>, last_event_at: Option<Timestamp>) -> anyhow::Result<Vec<Attention>> {
    let store = &ask.state.store;
    let mut rows = vec![];
    if let Some((Registration::Disabled, endpoint, _)) =
        store.catch_up(ask.livemode).await?.and_then(|state| state.endpoint)
    {
        let sentence = format!("Stripe has disabled our webhook endpoint {endpoint}: no event arrives by itself");
        rows.push(everybody(sentence, "/admin/validator", "Check the set-up"));
    }
    let rejected = store.rejected_since(ask.now.plus_secs(-DAY_SECS)).await?;
    if rejected > 0 {
        let deliveries = count(rejected, "delivery was", "deliveries were");
        let sentence =
            format!("{deliveries} refused in the last 24 hours: the signature does not fit the signing secret");
        rows.push(everybody(sentence, "/admin/events?status=rejected", "See which"));
    }
    // Where somebody pays, something happens every day or two: renewals, or at least invoices.
    let silent = last_event_at.filter(|at| at.plus_secs(SILENCE_SECS) < ask.now);
    if let Some(at) = silent {
        let hours = (ask.now.millis() - at.millis()) / 1000 / HOUR_SECS;
        let span = if hours < 72 { format!("{hours} hours") } else { format!("{} days", hours / 24) };
        rows.push(everybody(format!("No event has arrived for {span}"), "/admin/validator", "Check the set-up"));
    }
    Ok(rows)
}

/// Prices that customers pay for and that give no feature.
async fn idle_prices(ask: &Ask<'_>) -> anyhow::Result<Vec<Attention>> {
    let given = ask.state.store.index().catalog(ask.livemode);
    let targets = ask.state.store.list_catalog(ask.livemode).await?;
    let idle =
        targets.iter().filter(|target| target.kind == TargetKind::Price && target.customers > 0).filter(|target| {
            let product = target.price.as_ref().and_then(|record| record.price.product_id.as_deref());
            given.grants(&target.id, product).next().is_none()
        });
    let rows = idle.map(|target| {
        let name = Some(catalog::name(target)).filter(|name| !name.is_empty()).unwrap_or_else(|| target.id.clone());
        let sentence = format!("{name} is paid for and gives no feature");
        row(sentence, target.customers, catalog::path(TargetKind::Price, &target.id), "Give features")
    });
    Ok(rows.collect())
}

async fn failed(ask: &Ask<'_>) -> anyhow::Result<Vec<Attention>> {
    let statuses = vec![EventStatus::Failed, EventStatus::Dead];
    let filter = EventFilter { statuses, limit: MOST, ..EventFilter::default() };
    let found = ask.state.store.events(ask.livemode, &filter).await?;
    if found.data.is_empty() {
        return Ok(vec![]);
    }
    let events = i64::try_from(found.data.len()).unwrap_or(i64::MAX);
    let customers: HashSet<String> = found.data.into_iter().filter_map(|event| event.customer_id).collect();
    let customers = i64::try_from(customers.len()).unwrap_or(i64::MAX);
    let more = if found.has_more { "More than " } else { "" };
    let sentence = format!("{more}{}", count(events, "event failed", "events failed"));
    Ok(vec![row(sentence, customers, "/admin/events?status=failed", "Look and process again")])
}

async fn never_delivered(ask: &Ask<'_>) -> anyhow::Result<Vec<Attention>> {
    let (events, customers) = missed::count(ask).await?;
    let sentence = count(events, "event was fetched, not delivered", "events were fetched, not delivered");
    Ok(if events > 0 { vec![row(sentence, customers, "/admin/events?origin=fetched", "See why")] } else { vec![] })
}

/// Payments of nobody, with what they come to.
async fn unattributed(ask: &Ask<'_>) -> anyhow::Result<Vec<Attention>> {
    let store = &ask.state.store;
    let found = store.list_unattributed(ask.livemode, None, MOST).await?;
    let Some(first) = found.data.first() else { return Ok(vec![]) };
    let mut sums: BTreeMap<(String, String), i64> = BTreeMap::new();
    let running = found.data.iter().flat_map(|row| &row.subscriptions).filter(|one| !one.status.is_terminal());
    let items: Vec<SubscriptionItem> = running.flat_map(|subscription| subscription.items.iter().cloned()).collect();
    for item in &items {
        let Some(price) = store.price(ask.livemode, &item.price_id).await?.map(|record| record.price) else { continue };
        if let (Some(amount), Some(currency), Some(interval)) = (price.unit_amount, price.currency, price.interval) {
            *sums.entry((interval, currency)).or_default() += amount * item.quantity;
        }
    }
    let sums = sums
        .into_iter()
        .map(|((interval, currency), sum)| format!("{} per {interval}", money(Some(sum), Some(&currency))));
    let sums = sums.collect::<Vec<_>>().join(" and ");
    let number = i64::try_from(found.data.len()).unwrap_or(i64::MAX);
    let (who, href) = match number {
        1 if !found.has_more => {
            let id = &first.customer.customer_id;
            (format!("{id} is nobody's"), format!("/admin/unattributed/{}", encoded(id)))
        }
        number => {
            let more = if found.has_more { "More than " } else { "" };
            (format!("{more}{number} Stripe customers are nobody's"), "/admin/unattributed".to_owned())
        }
    };
    let pays = match (sums.is_empty(), number) {
        (true, _) => String::new(),
        (false, 1) => format!(" and pays {sums}"),
        (false, _) => format!(" and pay {sums}"),
    };
    Ok(vec![row(format!("{who}{pays}"), number, href, "Link")])
}

async fn conflicts(ask: &Ask<'_>) -> anyhow::Result<Vec<Attention>> {
    let open = ask.state.store.open_conflicts(ask.livemode, None).await?;
    let customers: HashSet<&str> = open.iter().map(|conflict| conflict.customer_id.as_str()).collect();
    let number = i64::try_from(customers.len()).unwrap_or(i64::MAX);
    let sentence = count(number, "customer is claimed by two users", "customers are claimed by two users each");
    Ok(if number > 0 { vec![row(sentence, number, "/admin/mappings", "Settle")] } else { vec![] })
}

/// What differs from Stripe, and what waits for somebody to say that it be mended.
async fn resyncs(ask: &Ask<'_>) -> anyhow::Result<Vec<Attention>> {
    let store = &ask.state.store;
    let mut rows = vec![];
    if let Some(last) = store.resyncs(ask.livemode, Some(Purpose::Reconcile), &Place::first(1)).await?.data.pop() {
        let differ = store.resync(&last.resync_id).await?.map_or(0, |(_, counts)| counts.differs);
        if differ > 0 {
            let sentence = count(differ, "customer differs from Stripe", "customers differ from Stripe");
            rows.push(row(sentence, differ, format!("/admin/resyncs/{}?state=differs", last.resync_id), "Compare"));
        }
    }
    for waiting in store.resyncs(ask.livemode, Some(Purpose::Resync), &Place::first(20)).await?.data {
        if waiting.status != ResyncStatus::Ready {
            continue;
        }
        let differ = store.resync(&waiting.resync_id).await?.map_or(0, |(_, counts)| counts.differs);
        let changes = count(differ, "customer would change", "customers would change");
        let sentence = format!("A resync waits to be applied: {changes}");
        rows.push(row(sentence, differ, format!("/admin/resyncs/{}", waiting.resync_id), "Look and apply"));
    }
    Ok(rows)
}

async fn overrides(ask: &Ask<'_>) -> anyhow::Result<Vec<Attention>> {
    let which = Which::EndingBy(ask.now.plus_secs(7 * DAY_SECS));
    let list = OverrideList { which, place: Place::first(MOST) };
    let found = ask.state.store.list_overrides(ask.livemode, &list, ask.now).await?;
    let users: HashSet<&str> = found.data.iter().map(|row| row.user_id.as_str()).collect();
    let number = i64::try_from(users.len()).unwrap_or(i64::MAX);
    let more = if found.has_more { "More than " } else { "" };
    let who = count(number, "customer has an override that ends", "customers have overrides that end");
    let sentence = format!("{more}{who} within 7 days");
    Ok(if number > 0 { vec![row(sentence, number, "/admin/overrides?list=ending", "See who")] } else { vec![] })
}

/// Keys that are used and end soon, or ended while they were used.
async fn keys(ask: &Ask<'_>) -> anyhow::Result<Vec<Attention>> {
    let all = ask.state.store.api_keys().await?;
    let of_mode = all.iter().filter(|key| key.livemode == ask.livemode && key.revoked_at.is_none());
    let rows = of_mode.filter_map(|key| {
        let (end, used) = (key.terms.expires_at?, key.last_used_at?);
        let left = end.secs() - ask.now.secs();
        let href = format!("/admin/api-keys/{}", encoded(&key.api_key_id));
        let name = format!("The API key {} (…{})", key.name, key.last4);
        // Who was given the next one has no need of this one any more, unless it is still used.
        let next = key.replaced_by.as_ref().and_then(|next| all.iter().find(|key| key.api_key_id == *next));
        let is_needed = next.is_none_or(|next| used > next.created_at);
        if !is_needed || left.abs() > WEEK_SECS {
            return None;
        }
        let sentence = if left > 0 && used.secs() > ask.now.secs() - WEEK_SECS {
            format!("{name} is in use and ends in {}", span(left))
        } else if left <= 0 && used.secs() > end.secs() - DAY_SECS {
            format!("{name} ended {} ago and was in use until then", span(-left))
        } else {
            return None;
        };
        let label = if next.is_some() { "Look" } else { "Replace it" };
        Some(everybody(sentence, &href, label))
    });
    Ok(rows.collect())
}

fn span(secs: i64) -> String {
    match secs {
        ..HOUR_SECS => format!("{} min", secs / 60),
        HOUR_SECS..DAY_SECS => format!("{} h", secs / HOUR_SECS),
        _ => count(secs / DAY_SECS, "day", "days"),
    }
}
