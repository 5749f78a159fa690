//! Lists, page by page. Source: docs.stripe.com/api/pagination.

use domain::Timestamp;
use serde_json::Value;
use stripe_client_core::RequestBuilder;

use super::Client;
use super::send::{Answer, Subject, unreadable};
use crate::Error;

/// Stripe's largest page.
pub(super) const PAGE: i64 = 100;
/// Lists longer than these pages are taken for a list that never ends.
const MAX_PAGES: usize = 200;

/// Sets `starting_after` on a list's builder when there is a cursor, and builds it.
macro_rules! page_after {
    ($builder:expr, $after:expr) => {{
        let builder = $builder.limit(crate::client::list::PAGE);
        match $after {
            Some(after) => builder.starting_after(after).build(),
            None => builder.build(),
        }
    }};
}
pub(super) use page_after;

/// The objects of a list.
pub(super) struct Listed {
    pub(super) objects: Vec<Value>,
    /// Whether more follow after the bound.
    pub(super) has_more: bool,
    pub(super) server_date: Option<Timestamp>,
}

impl Client {
    /// Reads a list to its end, or until it has `bound` objects. `page` makes the request for the page after an id.
    pub(super) async fn list<F>(&self, what: &'static str, bound: usize, page: F) -> Result<Listed, Error>
    where
        F: Fn(Option<&str>) -> RequestBuilder + Send + Sync,
    {
        let mut listed = Listed { objects: Vec::new(), has_more: false, server_date: None };
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let request = page(cursor.as_deref());
            let answer = self.send(Subject { what, id: None }, &request, None).await?;
            listed.server_date = answer.server_date;
            listed.has_more = take_page(what, answer, &mut listed.objects)?;
            if listed.objects.len() > bound {
                listed.objects.truncate(bound);
                listed.has_more = true;
            }
            if !listed.has_more || listed.objects.len() >= bound {
                return Ok(listed);
            }
            cursor = listed.objects.last().and_then(|last| last["id"].as_str()).map(str::to_owned);
        }
        Err(unreadable(what, "has_more", format!("more follows even after {MAX_PAGES} pages"), None))
    }

    /// Embedded lists hold the first few objects alone; when they say so, the whole list replaces them. `page` makes the request for
    /// the page of the object with an id, after an id.
    pub(super) async fn complete<F>(
        &self,
        object: &mut Value,
        field: &'static str,
        what: &'static str,
        page: F,
    ) -> Result<(), Error>
    where
        F: Fn(&str, Option<&str>) -> RequestBuilder + Send + Sync,
    {
        if object[field]["has_more"] != true {
            return Ok(());
        }
        let Some(id) = object["id"].as_str().map(str::to_owned) else {
            return Err(unreadable(what, "id", "it is missing", None));
        };
        let listed = self.list(what, usize::MAX, |after| page(&id, after)).await?;
        object[field]["data"] = Value::Array(listed.objects);
        object[field]["has_more"] = Value::Bool(false);
        Ok(())
    }
}

/// Moves a page's objects to `objects`; the answer is its `has_more`.
pub(super) fn take_page(what: &'static str, answer: Answer, objects: &mut Vec<Value>) -> Result<bool, Error> {
    let Answer { mut value, request_id, .. } = answer;
    let Some(Value::Array(page)) = value.get_mut("data").map(Value::take) else {
        return Err(unreadable(what, "data", "a list was expected", request_id));
    };
    let Some(has_more) = value["has_more"].as_bool() else {
        return Err(unreadable(what, "has_more", "true or false was expected", request_id));
    };
    if has_more && page.is_empty() {
        return Err(unreadable(what, "data", "it is empty, yet more is said to follow", request_id));
    }
    if let Some(n) = page.iter().position(|object| !object["id"].is_string()) {
        return Err(unreadable(what, format!("data[{n}].id"), "it is missing", request_id));
    }
    objects.extend(page);
    Ok(has_more)
}
