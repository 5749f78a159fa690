//! Secret API keys, which must never be printed.

use std::fmt;

use domain::Livemode;

/// A secret or restricted API key. Its `Debug` form shows the mode and the last four characters alone.
#[derive(Clone)]
pub struct SecretKey {
    value: String,
    livemode: Livemode,
}

/// The kinds of key that may read customers and subscriptions. Source: docs.stripe.com/keys.
const PREFIXES: [(&str, Livemode); 4] = [
    ("sk_test_", Livemode::Test),
    ("rk_test_", Livemode::Test),
    ("sk_live_", Livemode::Live),
    ("rk_live_", Livemode::Live),
];

impl SecretKey {
    /// Reads `sk_test_…`, `sk_live_…`, `rk_test_…` or `rk_live_…`.
    ///
    /// # Errors
    /// What is wrong with the text, without repeating it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.chars().any(char::is_whitespace) {
            return Err(KeyError::Whitespace);
        }
        if text.starts_with("pk_") {
            return Err(KeyError::Publishable);
        }
        if text.starts_with("whsec_") {
            return Err(KeyError::SigningSecret);
        }
        let Some((prefix, livemode)) = PREFIXES.iter().find(|(prefix, _)| text.starts_with(prefix)) else {
            return Err(KeyError::Unknown);
        };
        let rest = &text[prefix.len()..];
        if rest.is_empty() || !rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(KeyError::Characters);
        }
        Ok(Self { value: text.to_owned(), livemode: *livemode })
    }

    /// Which of Stripe's two worlds this key opens.
    #[must_use]
    pub const fn livemode(&self) -> Livemode {
        self.livemode
    }

    /// The last four characters, as Stripe's Dashboard shows them.
    #[must_use]
    pub fn last4(&self) -> &str {
        &self.value[self.value.len().saturating_sub(4)..]
    }

    /// Made with `rk_…`: such a key may lack a permission.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        self.value.starts_with("rk_")
    }

    /// A form fit for people: `sk_test_…4242`.
    #[must_use]
    pub fn redacted(&self) -> String {
        format!("{}…{}", &self.value[..8], self.last4())
    }

    /// The key itself, for the `Authorization` header alone.
    pub(crate) fn expose(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.redacted())
    }
}

/// Why a text is no secret key. None of these repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing was given.
    #[error("the Stripe API key is empty")]
    Empty,
    /// A space or line end crept in.
    #[error("the Stripe API key contains white space; copy it again without line ends")]
    Whitespace,
    /// A publishable key.
    #[error("this is a publishable key (pk_…); the secret key (sk_…) or a restricted key (rk_…) is needed")]
    Publishable,
    /// A webhook signing secret.
    #[error("this is a webhook signing secret (whsec_…), not an API key; API keys begin with sk_ or rk_")]
    SigningSecret,
    /// Neither `sk_` nor `rk_` with a mode.
    #[error("a Stripe API key begins with sk_test_, sk_live_, rk_test_ or rk_live_")]
    Unknown,
    /// Nothing after the prefix, or characters no key has.
    #[error("the Stripe API key is cut off or has characters other than letters, digits and _ after its prefix")]
    Characters,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_and_last_four_are_read() {
        for (text, livemode, restricted) in [
            ("sk_test_51abcd4242", Livemode::Test, false),
            ("rk_test_51abcd4242", Livemode::Test, true),
            ("sk_live_51abcd4242", Livemode::Live, false),
            ("rk_live_51abcd4242", Livemode::Live, true),
        ] {
            let key = SecretKey::parse(text).unwrap();
            assert_eq!((key.livemode(), key.last4(), key.is_restricted()), (livemode, "4242", restricted));
            assert_eq!(key.expose(), text);
        }
    }

    #[test]
    fn other_texts_are_refused_with_a_hint() {
        for (text, error) in [
            ("", KeyError::Empty),
            ("sk_test_abc\n", KeyError::Whitespace),
            (" sk_test_abc", KeyError::Whitespace),
            ("pk_test_abc", KeyError::Publishable),
            ("whsec_abc", KeyError::SigningSecret),
            ("sk_abc", KeyError::Unknown),
            ("sk_test_", KeyError::Characters),
            ("sk_test_a…b", KeyError::Characters),
        ] {
            assert_eq!(SecretKey::parse(text).unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn debug_shows_no_more_than_the_last_four() {
        let key = SecretKey::parse("sk_live_51NotForLogs4242").unwrap();
        assert_eq!(format!("{key:?}"), "SecretKey(sk_live_…4242)");
    }
}
