//! Where somebody is sent who signed in or sent a form. Nothing but text is in here: `fuzz/` takes this file as it stands.

/// Where to go after signing in: a page of the admin app and nowhere else.
#[must_use]
pub fn safe_return_to(target: Option<&str>) -> &str {
    let inside = |target: &&str| {
        let path = target.split(['?', '#']).next().unwrap_or_default();
        (path == "/admin" || path.starts_with("/admin/"))
            && !path.starts_with("/admin/login")
            && !path.contains("//")
            && !path.split('/').any(leads_up)
            // Browsers take a backslash for a slash, and leave tabs and line ends out.
            && !target.contains(|c: char| c == '\\' || c.is_control())
    };
    target.filter(inside).unwrap_or("/admin")
}

/// Whether browsers take this part of a path for the folder itself or the one above; a dot may be written in hexadecimal digits
/// (url.spec.whatwg.org, single-dot and double-dot path segments).
fn leads_up(segment: &str) -> bool {
    segment.len() <= "%2e%2e".len() && matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_to_stays_inside() {
        for good in ["/admin", "/admin/customers/u_1?feature=pro", "/admin?x=1", "/admin/events?next=https://x"] {
            assert_eq!(safe_return_to(Some(good)), good);
        }
        for bad in [
            "https://evil.example",
            "//evil.example",
            "/adminevil",
            "/admin//evil",
            "/admin/\\evil",
            "/",
            "",
            "/admin/login?x",
            "/admin\r\nX: y",
            "/admin/../webhooks",
            "/admin/customers/%2e./.%2E/..",
            "/admin/..?x",
            "/admin/.\t./x",
            "/admin/x/../login",
        ] {
            assert_eq!(safe_return_to(Some(bad)), "/admin", "{bad}");
        }
        assert_eq!(safe_return_to(None), "/admin");
    }
}
