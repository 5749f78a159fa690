//! What a person is called in texts of ours, and texts without it.

use serde_json::Value;

/// The shortest text that is looked for where others may be meant.
const SHORTEST: usize = 4;
const EMAILS: &[&str] = &["email", "receipt_email", "customer_email", "suggested_email"];
const PHONES: &[&str] = &["phone", "customer_phone"];
const NAMES: &[&str] = &["customer_name", "individual_name", "business_name"];

/// The names of a person, and the one they go by instead.
pub(super) struct Names {
    user_id: Option<String>,
    pseudonym: String,
    /// E-mail addresses, names, telephone numbers; the longest first, so that none is cut by one inside of it.
    texts: Vec<String>,
}

impl Names {
    pub(super) fn new(user_id: Option<&str>, pseudonym: &str) -> Self {
        Self { user_id: user_id.map(str::to_owned), pseudonym: pseudonym.to_owned(), texts: vec![] }
    }

    pub(super) fn add(&mut self, text: Option<String>) {
        let text = text.map(|text| text.trim().to_owned()).filter(|text| text.len() > 1 && *text != self.pseudonym);
        let Some(text) = text.filter(|text| !self.texts.contains(text)) else { return };
        self.texts.push(text);
        self.texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    }

    /// Adds what an object of Stripe's calls a person.
    pub(super) fn add_of(&mut self, value: &Value) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.add_of(value)),
            Value::Object(fields) => {
                let is_person = fields.get("object").is_some_and(|object| object == "customer")
                    || ["email", "phone", "address"].iter().any(|field| fields.contains_key(*field));
                for (name, value) in fields {
                    let is_name = NAMES.contains(&name.as_str()) || (is_person && name == "name");
                    match value {
                        Value::String(text)
                            if is_name || EMAILS.contains(&name.as_str()) || PHONES.contains(&name.as_str()) =>
                        {
                            self.add(Some(text.clone()));
                        }
                        _ => self.add_of(value),
                    }
                }
            }
            _ => {}
        }
    }

    /// A text about this person without their names.
    pub(super) fn scrub(&self, text: &str) -> String {
        let mut scrubbed = self.scrub_texts(text);
        if let Some(user_id) = &self.user_id {
            scrubbed = replace(&scrubbed, user_id, &self.pseudonym);
        }
        scrubbed
    }

    /// The same, where what looks like the user's id may be a number of something else.
    fn scrub_texts(&self, text: &str) -> String {
        self.texts.iter().fold(text.to_owned(), |text, name| replace(&text, name, &self.pseudonym))
    }

    /// The texts of JSON about this person without their names.
    pub(super) fn scrub_json(&self, value: &mut Value) {
        match value {
            Value::String(text) if self.user_id.as_ref() == Some(text) => text.clone_from(&self.pseudonym),
            Value::String(text) => *text = self.scrub_texts(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.scrub_json(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.scrub_json(value)),
            _ => {}
        }
    }

    /// Whether a text that may be about anybody names this person. A first name alone is many people's.
    pub(super) fn are_in(&self, text: &str) -> bool {
        let names =
            self.texts.iter().filter(|name| name.contains(['@', ' ', '+']) || name.chars().any(char::is_numeric));
        let mut all = names.chain(&self.user_id).filter(|name| name.len() >= SHORTEST);
        all.any(|name| find(text, name, 0).is_some())
    }

    /// [`Self::are_in`] of JSON; there the user's id may be as short as it likes when it stands alone.
    pub(super) fn are_in_json(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.user_id.as_ref() == Some(text) || self.are_in(text),
            Value::Array(values) => values.iter().any(|value| self.are_in_json(value)),
            Value::Object(fields) => fields.iter().any(|(name, value)| {
                self.user_id.as_ref() == Some(name) || self.are_in(name) || self.are_in_json(value)
            }),
            _ => false,
        }
    }
}

/// Where a name begins, whatever the case of its letters and not inside of a longer word.
fn find(text: &str, name: &str, from: usize) -> Option<usize> {
    let (lower, name) = (text.to_ascii_lowercase(), name.to_ascii_lowercase());
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
    lower.get(from..)?.match_indices(&name).map(|(at, _)| from + at).find(|at| {
        let end = at + name.len();
        !is_word(lower[..*at].chars().next_back()) && !is_word(lower[end..].chars().next())
    })
}

fn replace(text: &str, name: &str, by: &str) -> String {
    let (mut replaced, mut from) = (String::with_capacity(text.len()), 0);
    while let Some(at) = find(text, name, from) {
        replaced.push_str(&text[from..at]);
        replaced.push_str(by);
        from = at + name.len();
    }
    replaced.push_str(&text[from..]);
    replaced
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ada() -> Names {
        let mut names = Names::new(Some("user_1"), "erased_x");
        names.add_of(
            &json!({"object": "customer", "email": "ada@example.com", "name": "Ada", "items": [{"name": "Pro"}]}),
        );
        names
    }

    #[test]
    fn names_go_and_words_that_hold_them_stay() {
        let text = "Ada (ADA@example.com) is user_1, not user_10, nor Adam; Pro is a product. cus_user_1 stays";
        let scrubbed = "erased_x (erased_x) is erased_x, not user_10, nor Adam; Pro is a product. cus_user_1 stays";
        assert_eq!(ada().scrub(text), scrubbed);
    }

    #[test]
    fn a_first_name_is_many_peoples() {
        let names = ada();
        assert!(names.are_in("a refund for ada@example.com"));
        assert!(names.are_in_json(&json!({"before": {"users": ["user_1"]}})));
        assert!(!names.are_in("Ada signed in"));
        let mut short = Names::new(Some("42"), "erased_x");
        short.add(Some("Ö".into()));
        assert!(short.are_in_json(&json!({"after": "42"})) && !short.are_in_json(&json!({"after": "42 credits"})));
    }

    #[test]
    fn a_short_id_is_not_taken_for_a_number() {
        let mut effects = json!({"fields": [{"after": "price_1 × 42"}], "verdicts": [{"user_id": "42"}]});
        Names::new(Some("42"), "erased_x").scrub_json(&mut effects);
        assert_eq!(effects, json!({"fields": [{"after": "price_1 × 42"}], "verdicts": [{"user_id": "erased_x"}]}));
    }
}
