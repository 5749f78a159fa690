//! A failing history, readable: what happened at Stripe, what reached us, what is wrong.

use std::fmt::Write as _;

use serde_json::Value;

use crate::delivery::Arrival;
use crate::run::{Note, Running};
use crate::stripe::START;

/// Days and seconds since histories begin.
fn time(at: i64) -> String {
    let since = at - START;
    format!("day {:>2} {:>9.3}", since.div_euclid(86_400_000), since.rem_euclid(86_400_000) as f64 / 1000.0)
}

/// Lists and long texts are left out.
fn brief(value: &Value) -> String {
    let Value::Object(fields) = value else {
        let text = value.to_string();
        return if text.len() > 40 { "…".into() } else { text };
    };
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key}: {}", brief(value))).collect();
    format!("{{{}}}", fields.join(", "))
}

/// The whole story.
#[must_use]
pub fn trace(running: &Running, faults: &[String]) -> String {
    let history = &running.history;
    let mut text = format!("history {}, events lost: {}\n at Stripe:\n", history.seed, running.plan.lossy);
    let mut lines: Vec<(i64, String)> = history.steps.clone();
    lines.extend(history.events.iter().map(|event| {
        let previous = event.previous.as_ref().map(|previous| format!(" was {}", brief(previous)));
        let body: Value = serde_json::from_str(&event.payload).unwrap_or_default();
        let status = body.pointer("/data/object/status").map(|status| format!(" {status}")).unwrap_or_default();
        (event.at, format!("    {} {}{status}{}", event.id, event.kind, previous.unwrap_or_default()))
    }));
    lines.sort_by_key(|(at, _)| *at);
    for (at, line) in lines {
        let _ = writeln!(text, "  {} {line}", time(at));
    }
    text += " reached us:\n";
    for (at, note) in &running.log {
        let line = match note {
            Note::Arrived(Arrival::Event(n)) => format!("{} {}", history.events[*n].id, history.events[*n].kind),
            Note::Arrived(Arrival::Override(n)) => format!("{:?}", history.overrides[*n]),
            Note::Arrived(Arrival::Revoke(n)) => format!("revoked: {:?}", history.overrides[*n]),
            Note::Arrived(Arrival::Link(c)) => format!("{} is {}", history.last(*c).id, history.owners[*c].user),
            Note::Read { customer, began, calls, outcome } => {
                let calls = calls.map(|call| call - began);
                format!(
                    "read of {} begun {} ms ago, as of {calls:?}: {outcome}",
                    history.last(*customer).id,
                    at - began
                )
            }
        };
        let _ = writeln!(text, "  {} {line}", time(*at));
    }
    let _ = writeln!(text, " ended {}; wrong:", time(history.end));
    for fault in faults {
        let _ = writeln!(text, "  {fault}");
    }
    text
}
