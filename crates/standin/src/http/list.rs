//! Lists: filters, pages of 1 to 100, cursors (docs.stripe.com/api/pagination).

use serde_json::{Value, json};

use crate::error::Problem;
use crate::order::OWNERS;
use crate::params::Params;
use crate::value::{id_of, int, text};
use crate::world::{Reply, World};

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
    let matching = all
        .into_iter()
        .filter(|object| filters.iter().all(|name| matches(object, name, params)))
        .filter(|object| bounds.iter().all(|(test, bound)| test(int(object, "created"), *bound)));
    page(matching, url, what, params)
}

/// The objects of a type that a list with these parameters may have: those of the owner that is asked for, from the cursor on.
pub(crate) fn candidates<'a>(world: &'a World, kind: &str, params: &Params) -> impl Iterator<Item = &'a Value> {
    let owner = OWNERS.iter().find_map(|name| params.text(name)).unwrap_or_default();
    world.newest(kind, owner, params.text("starting_after"))
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

fn page<'a>(mut matching: impl Iterator<Item = &'a Value>, url: &str, what: &str, params: &Params) -> Reply {
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
    let (data, more) = match (params.text("starting_after"), params.text("ending_before")) {
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("Both starting_after and ending_before cannot be specified."));
        }
        (None, Some(before)) => {
            let mut newer: Vec<&Value> = Vec::new();
            loop {
                match matching.next() {
                    Some(object) if text(object, "id") == before => break,
                    Some(object) => newer.push(object),
                    None => return Err(Problem::missing_in_param(what, before, "ending_before")),
                }
            }
            let start = newer.len().saturating_sub(limit);
            (newer.split_off(start), start > 0)
        }
        (after, None) => {
            if let Some(after) = after
                && !matching.any(|object| text(object, "id") == after)
            {
                return Err(Problem::missing_in_param(what, after, "starting_after"));
            }
            let data: Vec<&Value> = matching.by_ref().take(limit).collect();
            (data, matching.next().is_some())
        }
    };
    let data: Vec<Value> = data.into_iter().cloned().collect();
    let mut list = json!({ "object": "list", "has_more": more, "url": url });
    // Into the list as they are: the macro would write every one of them anew.
    list["data"] = Value::Array(data);
    Ok(list)
}
