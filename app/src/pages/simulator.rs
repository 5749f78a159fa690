//! What would the application be told? Asked as a form that changes nothing.

use domain::Timestamp;
use domain::access::{Decision, Outcome, Rule, Step};
use leptos::prelude::*;

use super::events::segment;
use super::search::{Hit, hits_list};
use crate::components::{
    Tone, address, card, chip, empty, hidden, page_head, shortened, status_word, table, time, until, verdict_chip,
};
use crate::context::Context;
use crate::islands::CopyButton;

/// Stripe's statuses, as they may be thought.
const STATUSES: [&str; 8] =
    ["active", "trialing", "past_due", "unpaid", "paused", "canceled", "incomplete", "incomplete_expired"];

/// `/admin/simulator`
#[derive(Clone, Debug)]
pub struct View {
    /// What was asked.
    pub asked: Asked,
    /// The keys of the catalog's features.
    pub features: Vec<String>,
    /// The prices of the catalog.
    pub prices: Vec<String>,
    /// The answer; none: nobody has asked yet.
    pub told: Option<Told>,
}

/// The form's fields as they were filled in.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// A user's id, an e-mail address, or an id of Stripe's.
    pub user: String,
    /// A feature's key; empty: all of them.
    pub feature: String,
    /// The day, as `2026-11-03`; empty: now.
    pub day: String,
    /// The time of day, as `14:05`.
    pub time: String,
    /// The zone of both; empty: nobody has asked yet.
    pub zone: String,
    /// The status every subscription is thought to have; empty: its own.
    pub status: String,
    /// A price that is thought to be paid for in addition.
    pub price: String,
    /// Whether overrides are thought away.
    pub without_overrides: bool,
}

/// The answer.
#[derive(Clone, Debug)]
pub enum Told {
    /// The question cannot be answered: why, and what can be done, as words and address.
    Nothing(String, Option<(String, String)>),
    /// Several users may be meant.
    Several(Vec<Hit>),
    /// The answer for one feature.
    One(Box<One>),
    /// The answers for all features.
    All {
        /// Whom they are about.
        user: String,
        /// The moment, when it is not now.
        at: Option<Timestamp>,
        /// By the feature's key.
        answers: Vec<(String, Decision)>,
    },
}

/// The answer for one feature, and how it came about.
#[derive(Clone, Debug)]
pub struct One {
    /// Whom it is about.
    pub user: String,
    /// The feature's key.
    pub feature: String,
    /// The moment, when it is not now.
    pub at: Option<Timestamp>,
    /// The answer.
    pub decision: Decision,
    /// Every rule, in order.
    pub steps: Vec<Step>,
    /// What the API would send.
    pub json: String,
    /// How to ask the API the same; none when it cannot be asked, since facts were thought otherwise.
    pub curl: Option<String>,
}

impl Asked {
    /// What is thought otherwise than it is, in words.
    fn thought(&self) -> Vec<String> {
        let status = (!self.status.is_empty()).then(|| format!("every subscription is {}", status_word(&self.status)));
        let price = (!self.price.is_empty()).then(|| format!("{} is paid for", self.price));
        let overrides = self.without_overrides.then(|| "no override counts".to_owned());
        status.into_iter().chain(price).chain(overrides).collect()
    }

    /// The same question about another user, or another feature.
    fn href(&self, user: &str, feature: &str) -> String {
        let without = if self.without_overrides { "true" } else { "" };
        let fields = [
            ("user", user),
            ("feature", feature),
            ("day", &self.day),
            ("time", &self.time),
            ("zone", &self.zone),
            ("status", &self.status),
            ("price", &self.price),
            ("without_overrides", without),
        ];
        address("/admin/simulator", &fields)
    }
}

impl View {
    pub(super) fn title(&self) -> String {
        match &self.told {
            Some(Told::One(one)) => {
                let answer = if one.decision.allowed { "Yes" } else { "No" };
                format!("{answer} · {} for {} · Check as user", one.feature, one.user)
            }
            Some(Told::All { user, .. }) => format!("{user} · Check as user"),
            _ => "Check as user".into(),
        }
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let told = match &self.told {
            None => empty(
                "What would your application be told?",
                view! { <p>"Ask about a user: the answer comes from the same rules as the API's, at any moment, and with facts thought otherwise."</p> },
            ),
            Some(Told::Nothing(why, todo)) => nothing(why, todo.as_ref()),
            Some(Told::Several(hits)) => self.several(hits),
            Some(Told::One(one)) => self.one(one, context),
            Some(Told::All { user, at, answers }) => self.all(user, *at, answers, context),
        };
        view! {
            {page_head("Check as user", ())}
            {self.form(context)}
            {told}
        }
        .into_any()
    }

    fn form(&self, context: &Context) -> AnyView {
        let asked = &self.asked;
        let zone = if asked.zone.is_empty() { context.preferences.zone.name() } else { &asked.zone }.to_owned();
        let time = format!("Time in {}", zone.replace('_', " "));
        let list = |id: &'static str, all: &[String]| {
            let all: Vec<_> = all.iter().map(|one| view! { <option value=one.clone()></option> }).collect();
            view! { <datalist id=id>{all}</datalist> }
        };
        let statuses: Vec<_> = STATUSES
            .into_iter()
            .map(|status| view! { <option value=status selected=asked.status == status>{status_word(status)}</option> })
            .collect();
        let thinks = !asked.thought().is_empty();
        view! {
            <div class="card"><form class="pad stack tight" action="/admin/simulator">
                {hidden("zone", zone)}
                <div class="filters">
                    <div class="field grow">
                        <label for="user">"User"</label>
                        <input id="user" type="text" name="user" required value=asked.user.clone() autocomplete="off" placeholder="User id, e-mail, cus_, sub_ …" />
                    </div>
                    <div class="field grow">
                        <label for="feature">"Feature, or empty for all"</label>
                        <input id="feature" type="text" name="feature" value=asked.feature.clone() list="features" autocomplete="off" />
                        {list("features", &self.features)}
                    </div>
                    <div class="field"><label for="day">"Day, or empty for now"</label><input id="day" name="day" type="date" value=asked.day.clone() /></div>
                    <div class="field"><label for="time">{time}</label><input id="time" name="time" type="time" value=asked.time.clone() /></div>
                </div>
                <details open=thinks>
                    <summary>"What if …"</summary>
                    <div class="filters mt">
                        <div class="field">
                            <label for="status">"Every subscription were"</label>
                            <select id="status" name="status"><option value="">"as it is"</option>{statuses}</select>
                        </div>
                        <div class="field grow">
                            <label for="price">"This price were paid for too"</label>
                            <input id="price" type="text" name="price" value=asked.price.clone() list="prices" autocomplete="off" placeholder="price_…" />
                            {list("prices", &self.prices)}
                        </div>
                        <div class="field check">
                            <input id="without_overrides" name="without_overrides" type="checkbox" value="true" checked=asked.without_overrides />
                            <label for="without_overrides">"No override counted"</label>
                        </div>
                    </div>
                </details>
                <div class="actions"><button type="submit" class="btn primary">"Check"</button></div>
            </form></div>
        }
        .into_any()
    }

    /// That nothing was written, and what was thought otherwise.
    fn banner(&self) -> AnyView {
        let thought = self.asked.thought();
        let words = if thought.is_empty() {
            "Nothing was written, and this is not among the checks of the application.".to_owned()
        } else {
            format!("As if {}. Nothing was written: this is not how it is.", thought.join(", and "))
        };
        let tone = if thought.is_empty() { "info" } else { "warn" };
        view! { <p class="banner" data-tone=tone role="note">{words}</p> }.into_any()
    }

    fn several(&self, hits: &[Hit]) -> AnyView {
        let hits: Vec<Hit> =
            hits.iter().map(|hit| Hit { href: self.asked.href(&hit.id, &self.asked.feature), ..hit.clone() }).collect();
        card("Whom do you mean?", (), hits_list(&hits))
    }

    fn one(&self, one: &One, context: &Context) -> AnyView {
        let decision = &one.decision;
        let tone = match (decision.allowed, self.asked.thought().is_empty()) {
            (true, true) => "ok",
            (true, false) => "violet",
            (false, _) => "bad",
        };
        let answer = if decision.allowed { "Yes" } else { "No" };
        let end = decision.allowed.then(|| view! { <p>"Until: " {until(decision.until, context.now)}</p> });
        let value = decision.value.map(|value| view! { <p>"Up to " {value}</p> });
        let customer = format!("/admin/customers/{}", segment(&one.user));
        let curl = match one.curl.clone() {
            Some(curl) => view! {
                <p>"Ask the API the same, with a key of this mode in TOLLKEEPER_KEY: "<CopyButton text=curl.clone() what="command".to_owned() /></p>
                <pre class="code"><code>{curl}</code></pre>
            }
            .into_any(),
            None => view! { <p class="muted">"The API cannot be asked this: it answers from how things are."</p> }.into_any(),
        };
        let exact = view! {
            <div class="pad stack tight">
                <p>"What the API sends: "<CopyButton text=one.json.clone() what="answer".to_owned() /></p>
                <pre class="code"><code>{one.json.clone()}</code></pre>
                {curl}
            </div>
        };
        view! {
            <section class="verdict" data-tone=tone aria-labelledby="answer">
                <h2 id="answer">{format!("{answer}: {} for {}", one.feature, one.user)}</h2>
                <p>{verdict_chip(decision)} " because " <span title=decision.reason.as_str()>{status_word(decision.reason.as_str())}</span> {moment(one.at, context)}</p>
                {end}
                {value}
                <p class="row"><a href=address(&customer, &[("feature", &one.feature)])>"Open the customer"</a></p>
            </section>
            {self.banner()}
            {card("How the answer came about", (), steps(&one.steps))}
            {card("For the application", (), exact)}
        }
        .into_any()
    }

    fn all(&self, user: &str, at: Option<Timestamp>, answers: &[(String, Decision)], context: &Context) -> AnyView {
        if answers.is_empty() {
            return nothing(
                "The catalog has no features yet, so every answer is no.",
                Some(&("Create a feature".to_owned(), "/admin/features".to_owned())),
            );
        }
        let rows = answers
            .iter()
            .map(|(key, decision)| {
                let end = if decision.allowed { until(decision.until, context.now) } else { "–".into_any() };
                view! {
                    <tr>
                        <th scope="row"><a href=self.asked.href(user, key)>{key.clone()}</a></th>
                        <td>{verdict_chip(decision)}</td>
                        <td>{status_word(decision.reason.as_str())}</td>
                        <td>{end}</td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        let yes = answers.iter().filter(|(_, decision)| decision.allowed).count();
        let heading = format!("{user}: {yes} of {} features", answers.len());
        view! {
            {self.banner()}
            {card(heading, moment(at, context), table("Answers", &["Feature", "Answer", "Because", "Until"], rows))}
        }
        .into_any()
    }
}

fn nothing(why: &str, todo: Option<&(String, String)>) -> AnyView {
    let todo = todo.cloned().map(|(words, href)| view! { <p><a class="btn" href=href>{words}</a></p> });
    empty("No answer", view! { <p>{why.to_owned()}</p> {todo} })
}

/// The moment asked about.
fn moment(at: Option<Timestamp>, context: &Context) -> AnyView {
    match at {
        Some(at) => view! { <span>" at " {time(at, context.now)}</span> }.into_any(),
        None => view! { <span>" now"</span> }.into_any(),
    }
}

fn steps(steps: &[Step]) -> AnyView {
    let rows = steps
        .iter()
        .enumerate()
        .map(|(n, step)| {
            let (tone, word) = match step.outcome {
                Outcome::Matched => (Tone::Ok, "Matched"),
                Outcome::NotMatched => (Tone::Neutral, "Not matched"),
                Outcome::NotReached => (Tone::Neutral, "Not reached"),
            };
            let (rule, then) = words(step.rule);
            let ids: Vec<_> = step
                .looked_at
                .iter()
                .map(|id| view! { <span class="mono" title=id.clone()>{shortened(id)}</span>" " })
                .collect();
            let current = (step.outcome == Outcome::Matched).then_some("step");
            view! {
                <tr aria-current=current>
                    <td class="num">{n + 1}</td>
                    <th scope="row">{rule}</th>
                    <td>{then}</td>
                    <td>{chip(tone, word)}</td>
                    <td>{ids}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    table("Rules in their order", &["No.", "Rule", "Then", "Outcome", "Looked at"], rows)
}

/// A rule and its answer, in words.
const fn words(rule: Rule) -> (&'static str, &'static str) {
    match rule {
        Rule::UnknownUser => ("Nothing is known about the user", "no"),
        Rule::DenyOverride => ("An override denies it", "no"),
        Rule::GrantOverride => ("An override grants it", "yes"),
        Rule::UnknownFeature => ("The catalog lacks the feature", "no"),
        Rule::Subscription => ("A subscription in good standing gives it", "yes"),
        Rule::Purchase => ("A one-time purchase gives it", "yes"),
        Rule::Entitlement => ("Stripe lists it for a customer without a known subscription", "yes"),
        Rule::Nothing => ("Nothing gives it", "no"),
    }
}
