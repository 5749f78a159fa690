//! The answer of another moment, from history.

use app::pages::customer::{Answer, Past};
use app::zone::Zone;
use domain::access::{Decision, decide};
use domain::diagnosis::{Chain, past};
use domain::{Livemode, Timestamp};
use store::records::{AccessAt, Knowledge};

use crate::pages::Ask;
use crate::pages::moment::{self, written};

/// What the page was asked, if it was, and the answer.
pub(super) async fn past(ask: &Ask<'_>, user_id: &str, features: Vec<String>) -> anyhow::Result<Past> {
    let asked = ask.param("at_day").zip(ask.param("at_time"));
    let (zone, (day, time)) = (moment::zone(ask.param("zone")), asked.unwrap_or_default());
    let feature = ask.param("at_feature").or(ask.param("feature")).map(str::to_owned);
    let feature = feature.or_else(|| features.first().cloned()).unwrap_or_default();
    let answer = match asked {
        Some((day, time)) => Some(answer(ask, user_id, &feature, (day, time), &zone).await?),
        None => None,
    };
    let asked_in = asked.map(|_| zone);
    Ok(Past { day: day.to_owned(), time: time.to_owned(), zone: asked_in, feature, features, answer })
}

async fn answer(
    ask: &Ask<'_>,
    user_id: &str,
    feature: &str,
    (day, time): (&str, &str),
    zone: &Zone,
) -> anyhow::Result<Answer> {
    let at = match moment::of(day, time, zone) {
        Ok(at) => at,
        Err(why) => return Ok(Answer::None(why)),
    };
    if at > ask.now {
        return Ok(Answer::None("That moment is still to come: the page above says until when access lasts.".into()));
    }
    let store = &ask.state.store;
    let today = store.access_at(ask.livemode, user_id, at, Knowledge::Today).await?;
    if let Some(begins_at) = today.begins_at {
        let began = written(begins_at, zone);
        let why =
            format!("Nothing is known about that moment: what was so is kept since {began}, when this was set up.");
        return Ok(Answer::None(why));
    }
    let then = store.access_at(ask.livemode, user_id, at, Knowledge::Then).await?;
    let of = |known| tell(ask.livemode, user_id, feature, at, known);
    let ((now_told, mut sentence), (then_told, known_then)) = (of(&today), of(&then));
    let differs = (now_told.allowed, now_told.reason) != (then_told.allowed, then_told.reason);
    if differs && let Some(known_at) = today.known_at.filter(|known_at| *known_at > at) {
        sentence.push_str(&format!(" That became known on {}.", written(known_at, zone)));
    }
    let known_then = differs.then_some((then_told.allowed, known_then));
    Ok(Answer::Told { allowed: now_told.allowed, sentence, known_then })
}

/// The decision of a moment with its sentence.
fn tell(livemode: Livemode, user_id: &str, feature: &str, at: Timestamp, known: &AccessAt) -> (Decision, String) {
    let facts = known.facts.as_ref();
    let decision = decide(facts, &known.catalog, &known.policy, feature, at);
    let key = Some(feature.to_owned());
    let mut chain = Chain::new(user_id, key, livemode, at, decision.clone(), facts, &known.catalog);
    chain.policy = known.policy;
    // Which webhooks came by then is not kept, and what became known is no sign of a fault.
    chain.last_accepted_at = Some(at);
    (decision, past::tell(&chain))
}
