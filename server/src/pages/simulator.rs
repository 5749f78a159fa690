//! `/admin/simulator`: the answer the application would get, from the same rules; with `day` and `time` at another moment, with `status`,
//! `price` and `without_overrides` from facts thought otherwise. Nothing is written.

use app::pages::Page;
use app::pages::search::Hit;
use app::pages::simulator::{Asked, One, Told, View};
use domain::Timestamp;
use domain::access::{Policy, UserFacts, WhatIf, entitlements, trace};
use domain::catalog::Catalog;
use domain::stripe::SubscriptionStatus;
use store::records::Knowledge;

use super::{Ask, Loaded, moment};
use crate::admin::customers::encoded;
use crate::api;
use crate::diagnose::{Subject, resolve};

pub(super) async fn simulator(ask: &Ask<'_>) -> Loaded {
    let field = |name: &str| ask.param(name).unwrap_or_default().to_owned();
    let asked = Asked {
        user: field("user"),
        feature: field("feature"),
        day: field("day"),
        time: field("time"),
        zone: field("zone"),
        status: field("status"),
        price: field("price"),
        without_overrides: ask.param("without_overrides").is_some(),
    };
    let catalog = ask.state.store.index().catalog(ask.livemode);
    let (mut features, mut prices): (Vec<String>, Vec<String>) =
        (catalog.features.keys().cloned().collect(), catalog.prices.keys().cloned().collect());
    features.sort_unstable();
    prices.sort_unstable();
    let told = if asked.user.is_empty() { None } else { Some(told(ask, &asked).await?) };
    Ok(Some(Page::Simulator(Box::new(View { asked, features, prices, told }))))
}

async fn told(ask: &Ask<'_>, asked: &Asked) -> anyhow::Result<Told> {
    let zone = moment::zone(ask.param("zone"));
    let at = match (asked.day.as_str(), asked.time.as_str()) {
        ("", "") => None,
        (day, time) => match moment::of(day, if time.is_empty() { "00:00" } else { time }, &zone) {
            Ok(at) => Some(at),
            Err(why) => return Ok(Told::Nothing(why, None)),
        },
    };
    let user = match resolve(ask.state.store.as_ref(), ask.livemode, &asked.user).await?.as_slice() {
        [] => {
            let why = format!("{} is not known here in {} mode, as a user or in Stripe.", asked.user, ask.livemode);
            let search = format!("/admin/search?q={}", encoded(&asked.user));
            return Ok(Told::Nothing(why, Some(("Search for it".into(), search))));
        }
        [Subject::User(user)] => user.clone(),
        [Subject::Customer(customer)] => {
            let why = format!("{customer} is linked to no user, and your application asks by its users' own ids.");
            let link = (format!("Link {customer} to a user"), format!("/admin/unattributed/{}", encoded(customer)));
            return Ok(Told::Nothing(why, Some(link)));
        }
        several => return Ok(Told::Several(several.iter().map(hit).collect())),
    };
    if let Some(fault) = api::fault_of(&user, &asked.feature) {
        return Ok(Told::Nothing(fault, None));
    }
    let what_if = match what_if(ask, asked).await? {
        Ok(what_if) => what_if,
        Err(why) => return Ok(Told::Nothing(why, None)),
    };
    let store = &ask.state.store;
    let (facts, catalog, policy) = match at {
        None => {
            let (index, policy) = (store.index(), store.options().policy);
            (index.facts(ask.livemode, &user).as_deref().cloned(), index.catalog(ask.livemode).as_ref().clone(), policy)
        }
        Some(at) => {
            let then = store.access_at(ask.livemode, &user, at, Knowledge::Today).await?;
            if let Some(begins) = then.begins_at {
                let since = moment::written(begins, &zone);
                let why = format!("Nothing is known about that moment: what was so is kept since {since}.");
                return Ok(Told::Nothing(why, None));
            }
            (then.facts, then.catalog, then.policy)
        }
    };
    let now = at.unwrap_or(ask.now);
    let facts = what_if.apply(facts.as_ref(), now);
    let rules = Rules { facts: facts.as_ref(), catalog: &catalog, policy: &policy, now };
    if asked.feature.is_empty() {
        let answers = entitlements(rules.facts, &catalog, &policy, now);
        return Ok(Told::All { user, at, answers });
    }
    Ok(Told::One(Box::new(one(ask, user, &asked.feature, at, &what_if, &rules))))
}

/// What a decision rests on.
struct Rules<'a> {
    facts: Option<&'a UserFacts>,
    catalog: &'a Catalog,
    policy: &'a Policy,
    now: Timestamp,
}

fn one(ask: &Ask<'_>, user: String, feature: &str, at: Option<Timestamp>, what_if: &WhatIf, rules: &Rules<'_>) -> One {
    let found = trace(rules.facts, rules.catalog, rules.policy, feature, rules.now);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("user_id", user.as_str()), ("feature", feature)])
        .extend_pairs(at.map(|at| ("at", at.to_string())))
        .finish();
    let url = format!("{}/v1/access?{query}", ask.state.config.public_url);
    let curl = format!("curl -H \"Authorization: Bearer $TOLLKEEPER_KEY\" \"{url}\"");
    One {
        json: api::written(&user, feature, &found.decision, ask.livemode, rules.now),
        curl: (!what_if.changes_something()).then_some(curl),
        feature: feature.to_owned(),
        user,
        at,
        decision: found.decision,
        steps: found.steps,
    }
}

/// The facts as they are thought, or what is wrong with the thought.
async fn what_if(ask: &Ask<'_>, asked: &Asked) -> store::Result<Result<WhatIf, String>> {
    let status = match SubscriptionStatus::from(asked.status.clone()) {
        _ if asked.status.is_empty() => None,
        SubscriptionStatus::Unknown(word) => {
            return Ok(Err(format!("“{word}” is no status of Stripe's subscriptions.")));
        }
        status => Some(status),
    };
    let price = match asked.price.as_str() {
        "" => None,
        price => {
            let known = ask.state.store.price(ask.livemode, price).await?;
            let is_listed = ask.state.store.index().catalog(ask.livemode).prices.contains_key(price);
            if known.is_none() && !is_listed {
                return Ok(Err(format!("The price {price} is not known here in {} mode.", ask.livemode)));
            }
            Some((price.to_owned(), known.and_then(|row| row.price.product_id)))
        }
    };
    Ok(Ok(WhatIf { status, price, without_overrides: asked.without_overrides }))
}

fn hit(subject: &Subject) -> Hit {
    let (kind, id) = match subject {
        Subject::User(user) => ("User", user),
        Subject::Customer(customer) => ("Customer", customer),
    };
    Hit { kind, label: id.clone(), id: id.clone(), href: String::new() }
}
