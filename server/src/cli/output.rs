//! What commands print: answers on stdout, everything else on stderr. A reader that went away is no error.

use std::io::Write;

use serde_json::{Value, json};

/// A line on stdout.
pub(super) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A line on stderr.
pub(super) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// JSON on stdout.
pub(super) fn json(value: &Value) {
    line(&format!("{value:#}"));
}

/// A list as JSON, in the shape of `/v1`.
pub(super) fn json_list(rows: &[Value], has_more: bool) {
    json(&json!({ "object": "list", "data": rows, "has_more": has_more }));
}

/// Columns for people: as wide as their widest cell.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let print = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        line(padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    print(&head.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
    for row in rows {
        print(row);
    }
}

/// A cell for something that may be missing.
pub(super) fn cell<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
