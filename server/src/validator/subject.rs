//! What a check is about, before it is known how it stands.

use app::pages::validator::{Check, Group, Link, State};
use domain::role::Role;

/// What is looked at.
pub(super) struct Subject {
    id: &'static str,
    group: Group,
    name: &'static str,
    looked_at: String,
}

impl Subject {
    pub(super) fn new(id: &'static str, group: Group, name: &'static str, looked_at: impl Into<String>) -> Self {
        Self { id, group, name, looked_at: looked_at.into() }
    }

    /// As it should be.
    pub(super) fn pass(self, found: impl Into<String>) -> Check {
        self.check(State::Pass, found, None)
    }

    /// Not looked at, and why.
    pub(super) fn skip(self, why: impl Into<String>) -> Check {
        self.check(State::Skipped, why, None)
    }

    /// Not as it should be, or not to be told.
    pub(super) fn warn(self, found: impl Into<String>, fix: impl Into<String>) -> Check {
        self.check(State::Warn, found, Some(fix.into()))
    }

    /// Does not work.
    pub(super) fn fail(self, found: impl Into<String>, fix: impl Into<String>) -> Check {
        self.check(State::Fail, found, Some(fix.into()))
    }

    /// In the state that was worked out.
    pub(super) fn stands(self, state: State, found: impl Into<String>, fix: impl Into<String>) -> Check {
        self.check(state, found, (state != State::Pass).then(|| fix.into()))
    }

    fn check(self, state: State, found: impl Into<String>, fix: Option<String>) -> Check {
        let Self { id, group, name, looked_at } = self;
        Check { id, group, name, state, looked_at, found: found.into(), fix, link: None }
    }
}

/// The check with a page where more stands about it.
pub(super) fn see(check: Check, words: &'static str, href: &str) -> Check {
    Check { link: Some(Link { words, href: href.to_owned(), role: None }), ..check }
}

/// The check with a change that we can make, asked about at its address.
pub(super) fn offer(check: Check, words: &'static str, href: String, role: Role) -> Check {
    Check { link: Some(Link { words, href, role: Some(role) }), ..check }
}

/// A text of somebody else's as a sentence.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.trim().chars();
    let mut sentence: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
    if !sentence.ends_with(['.', '!', '?', ']']) {
        sentence.push('.');
    }
    sentence
}

/// `one, two and three`; of many the first and how many more.
pub(super) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    const NAMED: usize = 8;
    let named: Vec<&str> = names.iter().take(NAMED).map(AsRef::as_ref).collect();
    match (named.as_slice(), names.len()) {
        ([one], 1) => (*one).to_owned(),
        (named, all) if all > named.len() => format!("{} and {} more", named.join(", "), all - named.len()),
        ([start @ .., last], _) => format!("{} and {last}", start.join(", ")),
        ([], _) => "none".to_owned(),
    }
}

/// `1 event`, `2 events`: how many of a word that takes an s.
pub(super) fn counted(count: i64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(listed::<&str>(&[]), "none");
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        let many: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        assert_eq!(listed(&many), "0, 1, 2, 3, 4, 5, 6, 7 and 2 more");
    }

    #[test]
    fn what_others_say_becomes_a_sentence() {
        assert_eq!(sentence("the key is gone"), "The key is gone.");
        assert_eq!(sentence("No such price. [req_1]"), "No such price. [req_1]");
    }
}
