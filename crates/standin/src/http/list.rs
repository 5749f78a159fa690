//! Lists: filters, pages of 1 to 100, cursors (docs.stripe.com/api/pagination).

use serde_json::{Value, json};

use crate::error::Problem;
use crate::params::Params;
use crate::value::{id_of, int, text};
use crate::world::Reply;

/// A page of `all`, which comes newest first. Each of `filters` names a field that must equal the parameter of the
/// same name; `created` and its bounds work for all.
pub(crate) fn list<'a>(
    all: impl IntoIterator<Item = &'a Value>,
    url: &str,
    what: &str,
    filters: &[&str],
    params: &Params,
) -> Reply {
    let bounds = created(params)?;
    let matching: Vec<&Value> = all
        .into_iter()
        .filter(|object| filters.iter().all(|name| matches(object, name, params)))
        .filter(|object| bounds.iter().all(|(test, bound)| test(int(object, "created"), *bound)))
        .collect();
    page(&matching, url, what, params)
}

fn matches(object: &Value, name: &str, params: &Params) -> bool {
    let Some(wanted) = params.text(name) else { return true };
    match &object[name] {
        Value::Bool(flag) => flag.to_string() == wanted,
        field => id_of(field) == Some(wanted),
    }
}

type Test = fn(i64, i64) -> bool;
type Bound = (Test, i64);

fn created(params: &Params) -> Result<Vec<Bound>, Problem> {
    let tests: [(&str, Test); 4] = [
        ("created.gt", |at, bound| at > bound),
        ("created.gte", |at, bound| at >= bound),
        ("created.lt", |at, bound| at < bound),
        ("created.lte", |at, bound| at <= bound),
    ];
    let mut bounds: Vec<Bound> = Vec::new();
    for (path, test) in tests {
        if let Some(bound) = params.int(path)? {
            bounds.push((test, bound));
        }
    }
    if params.text("created").is_some()
        && let Some(exact) = params.int("created")?
    {
        bounds.push((|at, bound| at == bound, exact));
    }
    Ok(bounds)
}

fn page(matching: &[&Value], url: &str, what: &str, params: &Params) -> Reply {
    let limit = params.int("limit")?.unwrap_or(10);
    if !(1..=100).contains(&limit) {
        let text = if limit < 1 {
            "This value must be greater than or equal to 1."
        } else {
            "This value must be less than or equal to 100."
        };
        return Err(Problem::invalid(text).code("parameter_invalid_integer").param("limit"));
    }
    let limit = usize::try_from(limit).unwrap_or(10);
    let position = |id: &str, param: &str| {
        matching
            .iter()
            .position(|object| text(object, "id") == id)
            .ok_or_else(|| Problem::missing_in_param(what, id, param))
    };
    let (from, to, more) = match (params.text("starting_after"), params.text("ending_before")) {
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("Both starting_after and ending_before cannot be specified."));
        }
        (None, Some(before)) => {
            let end = position(before, "ending_before")?;
            let start = end.saturating_sub(limit);
            (start, end, start > 0)
        }
        (after, None) => {
            let start = after.map(|after| position(after, "starting_after")).transpose()?.map_or(0, |at| at + 1);
            let end = (start + limit).min(matching.len());
            (start, end, end < matching.len())
        }
    };
    Ok(json!({ "object": "list", "data": matching[from..to], "has_more": more, "url": url }))
}
