//! Did they have access at another time, and why not?

use leptos::prelude::*;

use super::View;
use crate::components::{Tone, card, chip, hidden};
use crate::context::Context;
use crate::zone::Zone;

/// A question about another moment, and its answer.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// The day, as `2026-11-03`; empty: today.
    pub day: String,
    /// The time of day, as `14:05`; empty: now.
    pub time: String,
    /// The zone of both; none: nobody has asked yet.
    pub zone: Option<Zone>,
    /// The feature's key.
    pub feature: String,
    /// Features to choose from.
    pub features: Vec<String>,
    /// The answer; none: nobody has asked yet.
    pub answer: Option<Answer>,
}

/// What the moment was like.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The question cannot be answered, and why.
    None(String),
    /// Yes or no, and why.
    Told {
        /// Whether there was access.
        allowed: bool,
        /// In a sentence or two.
        sentence: String,
        /// What was known then, and so answered, where that was something else: yes or no, and the sentence.
        known_then: Option<(bool, String)>,
    },
}

/// A sentence behind its yes or no.
fn told(allowed: bool, sentence: String) -> AnyView {
    let chip = if allowed { chip(Tone::Ok, "Yes") } else { chip(Tone::Bad, "No") };
    view! { <p>{chip} " " {sentence}</p> }.into_any()
}

impl View {
    pub(super) fn past_card(&self, context: &Context) -> AnyView {
        let Some(past) = self.past.as_ref().filter(|past| !past.features.is_empty()) else { return ().into_any() };
        let options: Vec<_> = past
            .features
            .iter()
            .map(|key| {
                let selected = *key == past.feature;
                view! { <option value=key.clone() selected=selected>{key.clone()}</option> }
            })
            .collect();
        let answer = past.answer.clone().map(|answer| match answer {
            Answer::None(why) => view! { <p>{why}</p> }.into_any(),
            Answer::Told { allowed, sentence, known_then } => {
                let then = known_then.map(|(allowed, sentence)| {
                    view! {
                        <p class="muted">"This is not what was known at the time, and so not what your application was told:"</p>
                        {told(allowed, sentence)}
                    }
                });
                view! { {told(allowed, sentence)} {then} }.into_any()
            }
        });
        let zone = past.zone.as_ref().unwrap_or(&context.preferences.zone);
        let now = zone.shows(context.now);
        let or_now = |asked: &str, now: &str| if asked.is_empty() { now.to_owned() } else { asked.to_owned() };
        let day = or_now(&past.day, &now.strftime("%Y-%m-%d").to_string());
        let time = or_now(&past.time, &now.strftime("%H:%M").to_string());
        let words = format!("Time in {}", zone.name().replace('_', " "));
        let form = view! {
            <div class="pad stack tight">
                <form class="filters" action=format!("{}#past", self.href)>
                    {hidden("tab", "timeline".to_owned())}
                    {hidden("zone", zone.name().to_owned())}
                    {self.feature.clone().map(|feature| hidden("feature", feature))}
                    <div class="field"><label for="at_day">"Day"</label><input id="at_day" name="at_day" type="date" required value=day /></div>
                    <div class="field"><label for="at_time">{words}</label><input id="at_time" name="at_time" type="time" required value=time /></div>
                    <div class="field"><label for="at_feature">"Feature"</label><select id="at_feature" name="at_feature">{options}</select></div>
                    <button class="btn" type="submit">"Show the answer then"</button>
                </form>
                <div role="status" class="stack tight">{answer}</div>
            </div>
        };
        view! { <div id="past">{card("Access at another time", (), form)}</div> }.into_any()
    }
}
