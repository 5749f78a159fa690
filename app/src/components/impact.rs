//! What a change would do to whose access: counted for all, told of the first by name.

use domain::Timestamp;
use domain::access::Turn;
use leptos::prelude::*;

use super::chip::{Tone, chip};
use super::layout::table;
use super::list::thousands;
use super::time::date_and_time;

/// What a change of the catalog would do.
#[derive(Clone, Debug, Default)]
pub struct Impact {
    /// The features whose answers turn, by key.
    pub features: Vec<FeatureImpact>,
    /// Users who lose something.
    pub losing: Users,
    /// Users who gain something and lose nothing.
    pub gaining: Users,
    /// Users who keep what they have, with another number or end.
    pub changing: Users,
    /// Users for whom nothing turns because a denial by hand stands before it.
    pub held_back: usize,
    /// Users who pay for or have what is changed, and for whom nothing turns.
    pub unchanged: usize,
}

/// How many users' answers for one feature turn.
#[derive(Clone, Debug, Default)]
pub struct FeatureImpact {
    /// The feature's key.
    pub feature: String,
    /// Users who gain it.
    pub gain: usize,
    /// Users who lose it.
    pub lose: usize,
    /// Users who keep it with another number or end.
    pub change: usize,
}

/// Users of whom the same becomes.
#[derive(Clone, Debug, Default)]
pub struct Users {
    /// How many there are.
    pub count: usize,
    /// The first of them, by id.
    pub first: Vec<Touched>,
}

/// A user whose answers turn.
#[derive(Clone, Debug)]
pub struct Touched {
    /// The user.
    pub user_id: String,
    /// Path of the user's page.
    pub href: String,
    /// The answers.
    pub turns: Vec<Turn>,
}

/// Users of a kind that are named one by one.
pub const NAMED: usize = 10;

impl Impact {
    /// How many users' answers turn.
    #[must_use]
    pub const fn touched(&self) -> usize {
        self.losing.count + self.gaining.count + self.changing.count
    }

    /// All of it, below each other.
    pub fn view(&self) -> AnyView {
        let rows: Vec<AnyView> = self.features.iter().map(FeatureImpact::row).collect();
        let features = (!rows.is_empty()).then(|| {
            table("What becomes of each feature", &["Feature", "Gain it", "Lose it", "Other number or end"], rows)
        });
        let groups = [
            ("Lose access", &self.losing),
            ("Gain access", &self.gaining),
            ("Keep it with another number or end", &self.changing),
        ];
        let groups: Vec<_> = groups.into_iter().map(|(heading, users)| users.view(heading)).collect();
        let stay = [
            (self.held_back, "because a denial by hand stands before it"),
            (self.unchanged, "since the rest of what they have, or how it stands, says the same"),
        ];
        let stay = stay.into_iter().filter(|(count, _)| *count > 0).map(|(count, why)| {
            let users =
                if count == 1 { "1 more user keeps".into() } else { format!("{} more users keep", thousands(count)) };
            view! { <p class="muted">{format!("{users} their answers, {why}.")}</p> }
        });
        let stay: Vec<_> = stay.collect();
        let change = self.changing.count;
        view! {
            <p><strong>{summary(self.losing.count, self.gaining.count, change)}</strong></p>
            {features}
            {groups}
            {stay}
        }
        .into_any()
    }
}

impl FeatureImpact {
    fn row(&self) -> AnyView {
        let count = |count: usize, tone: Tone| match count {
            0 => view! { <span class="muted">"0"</span> }.into_any(),
            count => chip(tone, thousands(count)),
        };
        view! {
            <tr>
                <th scope="row" class="mono">{self.feature.clone()}</th>
                <td>{count(self.gain, Tone::Ok)}</td>
                <td>{count(self.lose, Tone::Bad)}</td>
                <td>{count(self.change, Tone::Info)}</td>
            </tr>
        }
        .into_any()
    }
}

impl Users {
    fn view(&self, heading: &'static str) -> AnyView {
        if self.count == 0 {
            return ().into_any();
        }
        let named: Vec<_> = self.first.iter().map(Touched::line).collect();
        let rest = self.count.saturating_sub(self.first.len());
        view! {
            <h3>{format!("{heading}: {}", thousands(self.count))}</h3>
            <ul class="stack tight">{named}</ul>
            {(rest > 0).then(|| view! { <p class="muted">{format!("And {} more.", thousands(rest))}</p> })}
        }
        .into_any()
    }
}

impl Touched {
    fn line(&self) -> AnyView {
        let keys = |wanted: fn(&Turn) -> bool| {
            let keys = self.turns.iter().filter(|turn| wanted(turn)).map(|turn| turn.feature.as_str());
            keys.collect::<Vec<_>>().join(", ")
        };
        let parts = [("loses", keys(Turn::loses)), ("gains", keys(Turn::gains))];
        let parts = parts.into_iter().filter(|(_, keys)| !keys.is_empty());
        let words = parts.map(|(verb, keys)| format!(" {verb} {keys}")).collect::<Vec<_>>().join(" and");
        let changes = self.turns.iter().filter(|turn| !turn.loses() && !turn.gains()).map(changed);
        let changes: Vec<_> = changes.collect();
        view! { <li><a class="mono" href=self.href.clone()>{self.user_id.clone()}</a>{words}{changes}</li> }.into_any()
    }
}

/// A feature that stays, and what of it does not.
fn changed(turn: &Turn) -> AnyView {
    let (before, after) = (turn.before, turn.after);
    let number = |value: Option<i64>| value.map_or_else(|| "no number".to_owned(), |value| value.to_string());
    let end = |until: Option<Timestamp>| match until {
        Some(until) => date_and_time(until),
        None => "no end".into_any(),
    };
    let value = (before.value != after.value).then(|| format!(" {} → {}", number(before.value), number(after.value)));
    let until =
        (before.until != after.until).then(|| view! { " until " {end(after.until)} ", not " {end(before.until)} });
    view! { " · " {turn.feature.clone()} {value} {until} }.into_any()
}

/// How many users lose access, gain it, or have it with another number or end.
#[must_use]
pub fn summary(lose: usize, gain: usize, change: usize) -> String {
    let users = |number: usize, verb: &str, what: &str| match number {
        1 => format!("1 user {verb}s {what}"),
        number => format!("{} users {verb} {what}", thousands(number)),
    };
    let parts = [
        (lose, users(lose, "lose", "access")),
        (gain, users(gain, "gain", "access")),
        (change, users(change, "get", "another number or end")),
    ];
    let told: Vec<String> = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
    match (told.is_empty(), lose) {
        (true, _) => "Nobody's access changes.".into(),
        (false, 0) => format!("Nobody loses access; {}.", told.join(", ")),
        (false, _) => format!("{}.", told.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn the_summary_counts_users() {
        assert_eq!(summary(0, 0, 0), "Nobody's access changes.");
        assert_eq!(summary(1, 0, 0), "1 user loses access.");
        assert_eq!(summary(0, 1, 0), "Nobody loses access; 1 user gains access.");
        assert_eq!(summary(2, 1, 0), "2 users lose access, 1 user gains access.");
        assert_eq!(
            summary(0, 12_345, 1),
            "Nobody loses access; 12,345 users gain access, 1 user gets another number or end."
        );
    }
}
