//! Two users beside each other: what each has now, and would have.

use leptos::prelude::*;

use super::chip::{Tone, chip};

/// A user whose access is looked at before and after a change.
#[derive(Clone, Debug)]
pub struct Side {
    /// What the user is in this change, such as "Linked now".
    pub part: &'static str,
    /// The user.
    pub user_id: String,
    /// Path of the user's page.
    pub href: String,
    /// What is known of the user, such as an e-mail address, a line each.
    pub known: Vec<String>,
    /// Each feature with the answer now and then.
    pub answers: Vec<(String, bool, bool)>,
}

/// The users side by side, one below the other where it is narrow.
pub fn sides(sides: &[Side]) -> AnyView {
    let sides: Vec<_> = sides.iter().map(Side::view).collect();
    view! { <div class="grid-2">{sides}</div> }.into_any()
}

impl Side {
    fn view(&self) -> AnyView {
        let word = |allowed: bool| if allowed { chip(Tone::Ok, "Granted") } else { chip(Tone::Neutral, "No access") };
        let rows = self.answers.iter().map(|(feature, now, then)| {
            let change = match (now, then) {
                (false, true) => chip(Tone::Ok, "Gains it"),
                (true, false) => chip(Tone::Bad, "Loses it"),
                _ => view! { <span class="muted">"stays"</span> }.into_any(),
            };
            view! { <tr><th scope="row" class="mono">{feature.clone()}</th><td>{word(*now)}</td><td>{word(*then)}</td><td>{change}</td></tr> }.into_any()
        });
        let rows: Vec<AnyView> = rows.collect();
        let answers = if rows.is_empty() {
            view! { <p class="muted">"There is no feature in the catalog."</p> }.into_any()
        } else {
            table_of(&self.user_id, rows)
        };
        let known: Vec<_> = self.known.iter().map(|line| view! { <li>{line.clone()}</li> }).collect();
        view! {
            <div class="card">
                <header><h2>{self.part}": "<a href=self.href.clone()>{self.user_id.clone()}</a></h2></header>
                {(!known.is_empty()).then(|| view! { <ul class="pad muted">{known}</ul> })}
                {answers}
            </div>
        }
        .into_any()
    }
}

fn table_of(user_id: &str, rows: Vec<AnyView>) -> AnyView {
    let name = format!("Access of {user_id} now and then");
    let label = name.clone();
    view! {
        <section class="scroll" tabindex="0" aria-label=label>
            <table class="tbl">
                <caption class="vh">{name}</caption>
                <thead><tr><th scope="col">"Feature"</th><th scope="col">"Now"</th><th scope="col">"Then"</th><th scope="col">"Change"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any()
}
