//! The path of `PUBLIC_URL`, under which a proxy shows the program beside others of the same host.
//!
//! Inside, every address begins at the root: `/admin/events`, `/v1/access`. The base path is taken off a request and put on what leaves
//! (docs/decisions/0009), so that no page, form or redirect has to think of it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri, header};
use lol_html::{RewriteStrSettings, element, rewrite_str};
use url::Url;

/// What of a page is an address. `data-root` is where scripts begin theirs.
const ADDRESSES: [&str; 5] = ["action", "data-root", "formaction", "href", "src"];

/// Such as `/billing`: with a slash at its beginning and none at its end. Empty: the host is ours alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(Arc<str>);

impl BasePath {
    /// The path of a public URL that was checked.
    #[must_use]
    pub fn of(public_url: &str) -> Self {
        let path = Url::parse(public_url).map(|url| url.path().trim_end_matches('/').to_owned());
        Self(path.unwrap_or_default().into())
    }

    /// As it stands in front of an address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An address of ours as the outside knows it. Others stay as they are.
    #[must_use]
    pub fn put_on(&self, address: &str) -> String {
        if is_ours(address) { format!("{}{address}", self.0) } else { address.to_owned() }
    }

    /// The path as the routes know it. A proxy may have taken the base path off already.
    #[must_use]
    pub fn taken_off<'a>(&self, path: &'a str) -> &'a str {
        match path.strip_prefix(self.0.as_ref()) {
            Some("") => "/",
            Some(rest) if rest.starts_with('/') => rest,
            // Of a neighbour with a longer name, of nobody, or as the proxy made it.
            _ => path,
        }
    }

    /// Takes the base path off a request, and off the page that it was made on.
    pub fn take_off(&self, request: &mut Request) {
        if self.is_empty() {
            return;
        }
        if let Some(uri) = self.inside(request.uri()) {
            *request.uri_mut() = uri;
        }
        let referer = request.headers().get(header::REFERER).and_then(|value| value.to_str().ok());
        if let Some(mut url) = referer.and_then(|text| Url::parse(text).ok()) {
            let path = self.taken_off(url.path()).to_owned();
            url.set_path(&path);
            if let Ok(value) = HeaderValue::try_from(url.as_str()) {
                request.headers_mut().insert(header::REFERER, value);
            }
        }
    }

    /// The address without it; none when there is nothing to take off.
    fn inside(&self, uri: &Uri) -> Option<Uri> {
        let path = self.taken_off(uri.path());
        if path.len() == uri.path().len() {
            return None;
        }
        let inside = match uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(inside).ok()?);
        Uri::from_parts(parts).ok()
    }

    /// Puts the base path on where an answer leads to.
    pub fn put_on_location(&self, response: &mut Response) {
        if self.is_empty() {
            return;
        }
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        if let Some(Ok(value)) = location.map(|address| HeaderValue::try_from(self.put_on(address))) {
            response.headers_mut().insert(header::LOCATION, value);
        }
    }

    /// Puts it on every address of a page.
    ///
    /// # Errors
    /// When the page is no HTML, or has no end.
    pub async fn put_on_page(&self, page: Response) -> anyhow::Result<Response> {
        if self.is_empty() {
            return Ok(page);
        }
        let (parts, body) = page.into_parts();
        let html = String::from_utf8(axum::body::to_bytes(body, usize::MAX).await?.into())?;
        Ok(Response::from_parts(parts, Body::from(self.put_on_html(&html)?)))
    }

    /// The same for HTML.
    ///
    /// # Errors
    /// When it is none.
    pub fn put_on_html(&self, html: &str) -> anyhow::Result<String> {
        let every = element!("*", |element| {
            for name in ADDRESSES {
                // Escaped as it stands in the page, and so it goes back.
                if let Some(address) = element.get_attribute(name).filter(|address| is_ours(address)) {
                    element.set_attribute(name, &self.put_on(&address))?;
                }
            }
            Ok(())
        });
        Ok(rewrite_str(html, RewriteStrSettings::new().append_element_content_handler(every))?)
    }
}

/// `//host/` is somebody else's.
fn is_ours(address: &str) -> bool {
    address.starts_with('/') && !address.starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn billing() -> BasePath {
        BasePath::of("https://example.com/tools/billing")
    }

    #[test]
    fn a_path_comes_with_it_or_without() {
        for (outside, inside) in [
            ("/tools/billing", "/"),
            ("/tools/billing/", "/"),
            ("/tools/billing/admin/events", "/admin/events"),
            ("/admin/events", "/admin/events"),
            ("/tools/billings/admin", "/tools/billings/admin"),
            ("/tools", "/tools"),
            ("/", "/"),
        ] {
            assert_eq!(billing().taken_off(outside), inside, "{outside}");
        }
        assert_eq!(BasePath::of("https://example.com").taken_off("/admin"), "/admin");
    }

    #[test]
    fn a_request_is_as_if_there_were_none() {
        let mut request = Request::get("/tools/billing/admin/events?q=%2Ftools&since=any")
            .header(header::REFERER, "https://example.com/tools/billing/admin?mode=test")
            .body(Body::empty())
            .unwrap();
        billing().take_off(&mut request);
        assert_eq!(request.uri(), "/admin/events?q=%2Ftools&since=any");
        assert_eq!(request.headers()[header::REFERER], "https://example.com/admin?mode=test");
    }

    #[test]
    fn an_answer_leads_to_where_the_outside_finds_it() {
        for (inside, outside) in [
            ("/admin/login?return_to=%2Fadmin", "/tools/billing/admin/login?return_to=%2Fadmin"),
            ("https://billing.stripe.com/p/session", "https://billing.stripe.com/p/session"),
            ("//elsewhere.example/admin", "//elsewhere.example/admin"),
        ] {
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert(header::LOCATION, inside.parse().unwrap());
            billing().put_on_location(&mut response);
            assert_eq!(response.headers()[header::LOCATION], outside);
        }
    }

    #[test]
    fn addresses_of_a_page_get_it_and_nothing_else_of_it_does() {
        let page = r##"<!DOCTYPE html><html><head><link rel="stylesheet" href="/pkg/1/admin.css"></head><body data-root="/">
            <!-- href="/a" --><a href="/admin/events?q=&quot;a&quot;&amp;b" title="/admin">href="/admin"</a><use href="#i"></use>
            <form action="/admin/undo"><button formaction="/admin/x">a</button><input value="/admin/back"></form>
            <a href="https://stripe.com/x">Stripe</a><a href="//other.example/">b</a><textarea>&lt;a href="/c"></textarea>
            <script>const a='<a href="/d">'</script></body></html>"##;
        let expected = page
            .replace(r#"href="/pkg"#, r#"href="/tools/billing/pkg"#)
            .replace(r#"data-root="/""#, r#"data-root="/tools/billing/""#)
            .replace(r#"<a href="/admin/events"#, r#"<a href="/tools/billing/admin/events"#)
            .replace(r#"action="/admin/undo""#, r#"action="/tools/billing/admin/undo""#)
            .replace(r#"formaction="/admin/x""#, r#"formaction="/tools/billing/admin/x""#);
        assert_eq!(billing().put_on_html(page).unwrap(), expected);
    }
}
