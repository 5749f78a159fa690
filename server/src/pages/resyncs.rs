//! Resyncs, one resync, and one customer compared with Stripe.

use app::components::{Tone, address};
use app::pages::compare::{Compared, View as Compare};
use app::pages::job::State;
use app::pages::resyncs::{Customer, One, Row, View};
use app::pages::{Page, message};
use domain::role::Role;
use store::records::{Place, Purpose, ResyncCounts, ResyncRecord, ResyncScope, ResyncStatus};

use super::list::{around, export};
use super::{Ask, Loaded};
use crate::admin::customers::{encoded, path, user_of};
use crate::config::duration_text;
use crate::live::Progress;
use crate::resync::Reconcile;
use crate::resync::drift::differences;

/// Resyncs on the list.
const LISTED: i64 = 20;

/// `/admin/resyncs`
pub(super) async fn resyncs(ask: &Ask<'_>) -> Loaded {
    let store = &ask.state.store;
    let page = store.resyncs(ask.livemode, None, &Place { limit: LISTED, ..ask.place() }).await?;
    let mut pages = around(ask, "/admin/resyncs", &[], &page, key);
    if !page.data.is_empty() {
        pages.count = Some(store.count_resyncs(ask.livemode).await?);
        pages.export = Some(export(ask, "resyncs", &[]));
    }
    let last = store.resyncs(ask.livemode, Some(Purpose::Reconcile), &Place::first(1)).await?.data.pop();
    let last = match last {
        None => None,
        Some(last) => store.resync(&last.resync_id).await?.map(|(record, counts)| came_to(&record, &counts)),
    };
    let usage = match ask.state.gateway(ask.livemode) {
        None => None,
        Some(_) => {
            let today = ask.state.usage.today(ask.livemode).await?;
            Some(format!(
                "Read of Stripe today: {} for people, webhooks and your application, which is never held back; {} of {} for resyncs, reconciles and catch-up.",
                today.live.reads, today.background.reads, today.allowance
            ))
        }
    };
    Ok(Some(Page::Resyncs(View {
        rows: page.data.iter().map(row).collect(),
        pages,
        schedule: schedule(ask),
        last,
        usage,
        can_read: ask.state.gateway(ask.livemode).is_some(),
    })))
}

/// What the list is sorted by.
pub(crate) fn key(record: &ResyncRecord) -> String {
    format!("{}:{}", record.created_at.millis(), record.resync_id)
}

fn schedule(ask: &Ask<'_>) -> String {
    let schedule = ask.state.config.schedule;
    let every = duration_text(schedule.every_ms);
    let customers = schedule.customers();
    match schedule.reconcile {
        _ if ask.state.gateway(ask.livemode).is_none() => "Without a Stripe API key nothing is reconciled.".into(),
        Reconcile::Off => "Nothing is reconciled by the clock: RECONCILE is off.".into(),
        Reconcile::Report => format!(
            "Every {every}, the {customers} customers that most likely differ are compared with Stripe. What differs is shown and not mended: RECONCILE is report."
        ),
        Reconcile::Mend => format!(
            "Every {every}, the {customers} customers that most likely differ are compared with Stripe, and what differs is mended."
        ),
    }
}

/// What the last reconcile came to, with the rate of drift.
fn came_to(record: &ResyncRecord, counts: &ResyncCounts) -> String {
    let compared = counts.same + counts.differs + counts.applied;
    let drifted = counts.differs + counts.applied;
    if record.status.is_open() {
        return format!("One is under way: {} of {} customers are compared.", counts.compared(), counts.all());
    }
    let rate = match compared {
        0 => String::new(),
        compared => format!(" ({:.1} %)", 100.0 * as_f64(drifted) / as_f64(compared)),
    };
    let failed = match counts.failed {
        0 => String::new(),
        failed => format!(" {failed} could not be compared."),
    };
    format!(
        "The last one compared {compared} customers; {drifted} differed{rate}, {} of them were mended.{failed}",
        counts.applied
    )
}

/// Counts of customers are far below where this loses digits.
#[expect(clippy::cast_precision_loss, reason = "a percentage")]
const fn as_f64(number: i64) -> f64 {
    number as f64
}

fn row(record: &ResyncRecord) -> Row {
    Row {
        id: record.resync_id.clone(),
        scope: scope(record),
        state: state(record),
        created_by: record.created_by.clone(),
        created_at: record.created_at,
        finished_at: record.finished_at,
    }
}

/// Whom a resync compares, in words.
pub(crate) fn scope(record: &ResyncRecord) -> String {
    match &record.new.scope {
        ResyncScope::All => "Everybody".into(),
        ResyncScope::Customers { customer_ids } => match customer_ids.as_slice() {
            [one] => one.clone(),
            many => format!("{} customers", many.len()),
        },
        ResyncScope::Status { status } => format!("Subscriptions {}", status.replace('_', " ")),
        ResyncScope::Unattributed => "Customers of no user".into(),
        ResyncScope::Risk { .. } => "Reconcile".into(),
    }
}

/// How far a resync is, in a word.
pub(crate) fn state(record: &ResyncRecord) -> State {
    let (tone, word) = match record.status {
        _ if record.is_paused => (Tone::Neutral, "Paused"),
        _ if record.error.is_some() && record.status.is_open() => (Tone::Warn, "Waits"),
        ResyncStatus::Reading => (Tone::Info, "Reading"),
        ResyncStatus::Comparing => (Tone::Info, "Comparing"),
        ResyncStatus::Ready => (Tone::Violet, "Ready to apply"),
        ResyncStatus::Applying => (Tone::Info, "Applying"),
        ResyncStatus::Done => (Tone::Ok, "Done"),
        ResyncStatus::Canceled => (Tone::Neutral, "Canceled"),
    };
    State { word, tone }
}

/// `/admin/resyncs/{id}`
pub(super) async fn resync(ask: &Ask<'_>, id: &str) -> Loaded {
    let store = &ask.state.store;
    let found = store.resync(id).await?.filter(|(record, _)| record.new.livemode == ask.livemode);
    let Some((record, counts)) = found else { return Ok(None) };
    let groups: [(&str, &str, i64); 5] = [
        ("differs", "Differ", counts.differs),
        ("applied", "Mended", counts.applied),
        ("failed", "Could not be compared", counts.failed),
        ("skipped", "Have news of their own", counts.skipped),
        ("same", "In sync", counts.same),
    ];
    let wanted = ask.param("state").and_then(|state| groups.iter().find(|(word, ..)| *word == state));
    let shown = wanted.or_else(|| groups.iter().find(|(_, _, count)| *count > 0)).unwrap_or(&groups[0]).0;
    let here = format!("/admin/resyncs/{}", encoded(id));
    let page = store.resync_customers(id, &[shown], &ask.place()).await?;
    let mut pages = around(ask, &here, &[("state", shown)], &page, |row| row.customer_id.clone());
    if !page.data.is_empty() {
        pages.count = groups.iter().find(|(word, ..)| *word == shown).map(|(.., count)| *count);
        pages.export = Some(export(ask, "resync", &[("id", id), ("state", shown)]));
    }
    let customers = page.data.into_iter().map(|customer| Customer {
        differences: customer.effects.as_ref().map(differences).unwrap_or_default(),
        id: customer.customer_id,
        user_id: customer.user_id,
        error: customer.error,
    });
    let chips = groups
        .iter()
        .map(|(word, words, count)| (format!("{words} {count}"), address(&here, &[("state", word)]), *word == shown));
    let error = record.error.clone().filter(|_| record.status.is_open());
    Ok(Some(Page::Resync(Box::new(One {
        row: row(&record),
        reason: record.reason.clone(),
        sentence: sentence(&record, &counts),
        error: error.map(|error| format!("It stopped and is tried again by itself: {error}")),
        progress: progress(&record, &counts),
        topic: (!how_far(&record, &counts).has_ended).then(|| format!("resyncs/{id}")),
        changes: changes(&record, &counts),
        counts: chips.collect(),
        customers: customers.collect(),
        pages,
    }))))
}

/// How far a resync is, for pages that stay open.
pub(crate) fn how_far(record: &ResyncRecord, counts: &ResyncCounts) -> Progress {
    let waits_for_somebody = record.status == ResyncStatus::Ready || record.is_paused;
    Progress {
        has_ended: waits_for_somebody || !record.status.is_open(),
        done: progress(record, counts),
        sentence: sentence(record, counts),
    }
}

fn progress(record: &ResyncRecord, counts: &ResyncCounts) -> Option<(i64, i64)> {
    match record.status {
        ResyncStatus::Comparing => Some((counts.compared(), counts.all())),
        ResyncStatus::Applying => Some((counts.applied, counts.applied + counts.differs)),
        _ => None,
    }
}

fn changes(record: &ResyncRecord, counts: &ResyncCounts) -> Vec<(&'static str, &'static str)> {
    match record.status {
        ResyncStatus::Done | ResyncStatus::Canceled => vec![],
        _ if record.is_paused => vec![("resume", "Go on"), ("cancel", "End it")],
        ResyncStatus::Ready if counts.differs > 0 => {
            vec![("apply", "Apply what Stripe says"), ("cancel", "End without a change")]
        }
        ResyncStatus::Ready => vec![("cancel", "End it")],
        _ if record.new.purpose == Purpose::Reconcile => vec![("cancel", "End it")],
        _ => vec![("pause", "Pause"), ("cancel", "End it")],
    }
}

fn sentence(record: &ResyncRecord, counts: &ResyncCounts) -> String {
    let customers = |number: i64| match number {
        1 => "1 customer".to_owned(),
        number => format!("{number} customers"),
    };
    match record.status {
        ResyncStatus::Reading => format!(
            "Stripe's lists are being read: {} objects so far, in {} calls. Nothing is changed by it.",
            counts.objects, counts.pages
        ),
        ResyncStatus::Comparing => {
            format!("{} of {} are compared. Nothing is changed by it.", counts.compared(), customers(counts.all()))
        }
        ResyncStatus::Ready => format!(
            "{} of {} differ from Stripe{}. Look at what would change, then apply it.",
            counts.differs,
            customers(counts.all()),
            match counts.failed {
                0 => String::new(),
                failed => format!(", {failed} could not be compared"),
            }
        ),
        ResyncStatus::Applying => {
            format!("{} of {} are mended.", counts.applied, customers(counts.applied + counts.differs))
        }
        ResyncStatus::Done if counts.differs + counts.applied + counts.failed == 0 => {
            let news = match counts.skipped {
                0 => String::new(),
                skipped => format!(" {} had news of their own that were not processed yet.", customers(skipped)),
            };
            format!("{} compared: everything is as Stripe has it.{news}", customers(counts.same))
        }
        ResyncStatus::Done => format!(
            "{} compared: {} mended, {} differ and were left, {} could not be compared.",
            customers(counts.all()),
            counts.applied,
            counts.differs,
            counts.failed
        ),
        ResyncStatus::Canceled => {
            format!("Somebody ended it after {} compared and {} mended.", customers(counts.compared()), counts.applied)
        }
    }
}

/// `/admin/customers/{id}/compare`
pub(super) async fn compare(ask: &Ask<'_>, id: &str) -> Loaded {
    if ask.actor.role < Role::Support {
        return Ok(Some(message::forbidden("Asking Stripe needs the role support; an owner can give it.")));
    }
    let (store, livemode) = (&ask.state.store, ask.livemode);
    let user = user_of(ask.state, livemode, id).await?;
    let known = store.customer(livemode, id).await?;
    let ids: Vec<String> = match (&known, &user) {
        (Some(customer), _) => vec![customer.customer_id.clone()],
        (None, Some(user)) => {
            store.mappings_of(livemode, user).await?.into_iter().map(|mapping| mapping.customer_id).collect()
        }
        (None, None) => return Ok(None),
    };
    let mut customers = vec![];
    for id in ids {
        let found = match ask.state.resyncs.preview(livemode, &id).await {
            Ok(report) => Ok(differences(&report.effects)),
            Err(crate::worker::SyncError::Store(error)) => return Err(error.into()),
            Err(error) => Err(format!("{error}.")),
        };
        customers.push(Compared { id, found });
    }
    Ok(Some(Page::Compare(Compare {
        heading: id.to_owned(),
        back: path(id),
        action: format!("{}/resync", path(id)),
        customers,
        read_at: ask.now,
    })))
}
