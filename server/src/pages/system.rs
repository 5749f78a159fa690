//! `/admin/system`: the program on its machine, its database, what waits, what was asked of Stripe, and the work in the background.

use std::fmt::Write as _;
use std::time::Duration;

use app::pages::Page;
use app::pages::backups::Backups;
use app::pages::system::{Fact, View};
use domain::Timestamp;
use store::records::{DatabaseState, Place, Purpose, Retained};

use super::{Ask, Loaded};
use crate::backup::size as bytes;
use crate::config::{Source, duration_text};
use crate::resync::Reconcile;
use crate::retention::EVERY_MS;
use crate::validator;

/// The commit the program was built from and when, in Unix seconds: told by whoever builds it, so that the same sources build the same
/// program everywhere (reproducible-builds.org/docs/source-date-epoch).
const COMMIT: Option<&str> = option_env!("TOLLKEEPER_COMMIT");
const BUILT: Option<&str> = option_env!("SOURCE_DATE_EPOCH");

pub(super) async fn system(ask: &Ask<'_>) -> Loaded {
    let database = ask.state.store.database().await?;
    let groups = vec![
        ("Program", program(ask)),
        ("Database", database_facts(ask, &database).await?),
        ("Programs on this database", programs(ask).await?),
        ("Queue", queue(ask).await?),
        ("Asked of Stripe today", usage(ask).await?),
        ("Work in the background", jobs(ask).await?),
        ("Removed after its time", removed(ask).await?),
    ];
    let backups = backups(ask);
    let report = report(ask, &groups, &backups);
    Ok(Some(Page::System(View { groups, backups, report })))
}

fn backups(ask: &Ask<'_>) -> Backups {
    let all = &ask.state.backups;
    let Some(plan) = all.plan() else {
        let rule =
            "PostgreSQL makes its own: run pg_dump by the clock, and keep what it makes on another machine.".to_owned();
        return Backups { rule, ..Backups::default() };
    };
    let often = plan.every_ms.map_or_else(
        || "Made on request alone (BACKUP_EVERY is off)".to_owned(),
        |every| format!("Made every {}", duration_text(every)),
    );
    let rule = format!(
        "{often} in {}; the newest {} are kept. What encrypts second factors is not in them: keep that in another place.",
        plan.folder.display(),
        plan.keep
    );
    // A folder that cannot be read is what is to be shown here, not a reason to show nothing.
    let (made, next_at, unread) = match (all.list(), all.next_at()) {
        (Ok(made), Ok(next_at)) => (made, next_at, None),
        (Err(error), _) | (_, Err(error)) => {
            (vec![], None, Some((ask.now, format!("{} cannot be read: {error}", plan.folder.display()))))
        }
    };
    Backups {
        rule,
        made: made.into_iter().map(|backup| (backup.name, bytes(backup.bytes), backup.at)).collect(),
        next_at,
        failure: unread.or_else(|| all.failure()),
        can_make: true,
    }
}

fn fact(name: &'static str, value: impl Into<String>) -> Fact {
    Fact { name, value: value.into(), at: None }
}

fn fact_at(name: &'static str, value: &str, at: Timestamp) -> Fact {
    Fact { name, value: value.to_owned(), at: Some(at) }
}

fn program(ask: &Ask<'_>) -> Vec<Fact> {
    let built = BUILT.and_then(|secs| secs.parse().ok()).map(Timestamp::from_secs);
    let mut facts = vec![fact("Version", env!("CARGO_PKG_VERSION"))];
    facts.extend(COMMIT.map(|commit| fact("Commit", commit)));
    facts.extend(built.map(|at| fact_at("Built", "", at)));
    facts.push(fact("Runs since", lasting(ask.state.started.elapsed())));
    facts.push(fact("On", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)));
    facts
}

/// `3 days 4 hours`, the two largest units.
fn lasting(span: Duration) -> String {
    let secs = span.as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let largest = units.iter().position(|(unit, _)| secs >= *unit).unwrap_or(units.len() - 1);
    let part = |(unit, name): &(u64, &str), of: u64| {
        let count = of / unit;
        format!("{count} {name}{}", if count == 1 { "" } else { "s" })
    };
    let first = part(&units[largest], secs);
    match units.get(largest + 1) {
        Some(next) => format!("{first} {}", part(next, secs % units[largest].0)),
        None => first,
    }
}

async fn database_facts(ask: &Ask<'_>, database: &DatabaseState) -> anyhow::Result<Vec<Fact>> {
    let engine = ask.state.store.engine_version().await?;
    let url = ask.state.config.database_url.expose();
    let schema = if database.schema == database.newest_schema {
        format!("migration {}, as it should be", database.schema)
    } else {
        format!("migration {}; this program knows {}", database.schema, database.newest_schema)
    };
    let written = database
        .write_error
        .as_ref()
        .map_or_else(|| "can be written".to_owned(), |why| format!("cannot be written: {why}"));
    let size = u64::try_from(database.bytes).unwrap_or(0);
    let mut facts = vec![
        fact("Engine", validator::named(url, &engine)),
        fact("Size", bytes(size)),
        fact("Schema", schema),
        fact("State", format!("{written}; {}", database.durability)),
    ];
    facts.extend(validator::free(database).map(|free| fact("Free disk", bytes(free))));
    Ok(facts)
}

async fn programs(ask: &Ask<'_>) -> anyhow::Result<Vec<Fact>> {
    let instances = &ask.state.instances;
    let all = instances.meet().await?.into_iter().map(|one| {
        let name = if instances.is_this(&one) { "This one" } else { "Another" };
        fact_at(name, &format!("{}, version {}, since", one.name, one.version), one.started_at)
    });
    Ok(all.collect())
}

async fn queue(ask: &Ask<'_>) -> anyhow::Result<Vec<Fact>> {
    let store = &ask.state.store;
    let (statuses, newest) = store.event_stats(ask.livemode, ask.now).await?;
    let of = |word: &str| statuses.iter().find(|(status, _)| status == word).map_or(0, |(_, count)| *count);
    let counts = store.nav_counts(ask.livemode).await?;
    let many = if counts.failed_events >= 1000 { " or more" } else { "" };
    let mut facts = vec![
        fact("Waiting", (of("pending") + of("processing")).to_string()),
        fact("Failed", format!("{}{many}", counts.failed_events)),
    ];
    facts.push(match store.next_due().await? {
        Some(due) if due <= ask.now => fact_at("Oldest due", "since", due),
        Some(due) => fact_at("Next due", "", due),
        None => fact("Next due", "nothing waits"),
    });
    facts.push(newest.map_or_else(|| fact("Last event", "none came yet"), |at| fact_at("Last event", "", at)));
    Ok(facts)
}

async fn usage(ask: &Ask<'_>) -> anyhow::Result<Vec<Fact>> {
    if ask.state.gateway(ask.livemode).is_none() {
        return Ok(vec![fact("Key", format!("there is no Stripe API key of {} mode", ask.livemode))]);
    }
    let today = ask.state.usage.today(ask.livemode).await?;
    let limited = today.live.limited + today.background.limited;
    Ok(vec![
        fact("Reads for people", today.live.reads.to_string()),
        fact("Reads in the background", format!("{} of {}", today.background.reads, today.allowance)),
        fact("Changes", (today.live.writes + today.background.writes).to_string()),
        fact("Refused by the rate limit", limited.to_string()),
        fact_at("The day ends", "", today.until),
    ])
}

async fn jobs(ask: &Ask<'_>) -> anyhow::Result<Vec<Fact>> {
    let store = &ask.state.store;
    let mut facts = vec![];
    let newest = store.resyncs(ask.livemode, Some(Purpose::Resync), &Place::first(1)).await?.data.pop();
    facts.push(newest.map_or_else(
        || fact("Resync", "none was made yet"),
        |resync| fact_at("Resync", &format!("{}, begun", resync.status.as_str()), resync.created_at),
    ));
    let schedule = ask.state.config.schedule;
    let last = store.resyncs(ask.livemode, Some(Purpose::Reconcile), &Place::first(1)).await?.data.pop();
    facts.push(match &last {
        Some(last) => fact_at("Reconcile", &format!("{}, begun", last.status.as_str()), last.created_at),
        None => fact("Reconcile", "none was made yet"),
    });
    if schedule.reconcile == Reconcile::Off || ask.state.gateway(ask.livemode).is_none() {
        facts.push(fact("Next reconcile", "none: it is switched off, or there is no key of this mode"));
    } else if let Some(last) = last {
        facts.push(fact_at("Next reconcile", "", last.created_at.plus_millis(schedule.every_ms)));
    } else {
        facts.push(fact("Next reconcile", "in a moment"));
    }
    match store.catch_up(ask.livemode).await? {
        Some(state) => {
            facts.extend(state.finished_at.map(|at| fact_at("Catch-up of missed events", "read", at)));
            facts.extend(state.error.map(|error| fact("Catch-up failed", error)));
            facts.push(fact_at("Next catch-up", "", state.due_at));
        }
        None => facts.push(fact("Catch-up of missed events", "none was made yet")),
    }
    Ok(facts)
}

async fn removed(ask: &Ask<'_>) -> anyhow::Result<Vec<Fact>> {
    let mut facts = vec![];
    for (subject, name, next) in [
        (Retained::Payloads, "Payloads of events", "Next look for payloads"),
        (Retained::Rejected, "Refused deliveries", "Next look for refused deliveries"),
    ] {
        let record = ask.state.store.retention(subject).await?;
        let kept = ask.state.config.kept.of(subject).map(duration_text);
        let so_far = match record.removed_at {
            Some(_) => format!("{} removed so far, {} of them", record.removed_in_all, record.removed),
            None => "none removed so far".to_owned(),
        };
        let Some(kept) = kept else {
            facts.push(Fact { name, value: format!("kept for ever; {so_far}"), at: record.removed_at });
            continue;
        };
        facts.push(Fact { name, value: format!("kept for {kept}; {so_far}"), at: record.removed_at });
        facts.push(match record.ran_at {
            Some(at) => fact_at(next, "", at.plus_millis(EVERY_MS)),
            None => fact(next, "in a moment"),
        });
    }
    Ok(facts)
}

/// The same as text, and which settings were given: their names alone, since their values are not everybody's.
fn report(ask: &Ask<'_>, groups: &[(&'static str, Vec<Fact>)], backups: &Backups) -> String {
    let mut text = format!("Tollkeeper, {} mode, {}\n", ask.livemode, ask.now);
    for (heading, facts) in groups {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{heading}");
        for Fact { name, value, at } in facts {
            let at = at.map(|at| at.to_string()).unwrap_or_default();
            let _ = writeln!(text, "  {name}: {}", [value.as_str(), &at].join(" ").trim());
        }
    }
    let newest =
        backups.made.first().map_or_else(|| "none".to_owned(), |(name, size, at)| format!("{name}, {size}, {at}"));
    let _ = writeln!(text, "\nBackups\n  {}\n  Newest: {newest}", backups.rule);
    if let Some((at, why)) = &backups.failure {
        let _ = writeln!(text, "  Failed {at}: {why}");
    }
    let given = ask.state.config.effective.iter().filter(|row| row.source != Source::Default);
    let _ = writeln!(text, "\nSettings that were given");
    for row in given {
        let _ = writeln!(text, "  {} ({})", row.name, row.source);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_are_readable() {
        assert_eq!(bytes(0), "0.0 KiB");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(5 << 30), "5.0 GiB");
        assert_eq!(lasting(Duration::from_secs(5)), "5 seconds");
        assert_eq!(lasting(Duration::from_secs(61)), "1 minute 1 second");
        assert_eq!(lasting(Duration::from_secs(3 * 86_400 + 2 * 3_600)), "3 days 2 hours");
    }
}
