//! What is shown once, as the answer to the form that made it: no session and no log ever holds it.

/// A key, a link or a signing secret that is shown and never printed.
#[derive(Clone)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
