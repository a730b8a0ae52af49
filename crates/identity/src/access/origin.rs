//! Where a request comes from: one of our own pages, another site, or a program that does not say.
//!
//! Browsers say so in `Sec-Fetch-Site` (only where the page is served over TLS or from this machine) and in `Origin`
//! (with every unsafe request and every socket). Neither can be set by a script of another site.

use axum::http::request::Parts;
use axum::http::{HeaderName, Method, header};
use platform::config::Origin;

static FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// From our own pages, or typed by the person.
    Own,
    /// From another site, or from a document that hides its origin.
    Foreign,
    /// The client does not say: no browser of the last years.
    Unknown,
}

/// Judges a request by its headers.
pub fn provenance(parts: &Parts, public: &Origin) -> Provenance {
    if let Some(site) = parts.headers.get(&FETCH_SITE) {
        return match site.as_bytes() {
            b"same-origin" | b"none" => Provenance::Own,
            _ => Provenance::Foreign,
        };
    }
    let Some(origin) = parts.headers.get(header::ORIGIN) else {
        return Provenance::Unknown;
    };
    let origin = origin.to_str().unwrap_or_default();
    if origin == public.as_str() || is_requested_host(parts, origin) { Provenance::Own } else { Provenance::Foreign }
}

/// Whether the origin names the host that was asked: the installation reached under a second name, for example
/// `localhost` beside `127.0.0.1`. Another site's page carries another host in its origin and cannot change ours.
fn is_requested_host(parts: &Parts, origin: &str) -> bool {
    let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str));
    matches!((authority, host), (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host))
}

/// Whether the request may change something.
pub fn is_unsafe(parts: &Parts) -> bool {
    !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether the request opens a socket, which another site's page could read.
pub fn is_upgrade(parts: &Parts) -> bool {
    parts.headers.contains_key(header::UPGRADE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn judge(headers: &[(&str, &str)]) -> Provenance {
        let mut request = Request::post("/x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        provenance(&parts, &"https://desk.example".parse().unwrap())
    }

    #[test]
    fn our_own_pages_are_recognised() {
        assert_eq!(judge(&[("origin", "https://desk.example")]), Provenance::Own);
        assert_eq!(judge(&[("sec-fetch-site", "same-origin"), ("origin", "null")]), Provenance::Own);
        assert_eq!(judge(&[("sec-fetch-site", "none")]), Provenance::Own);
        assert_eq!(judge(&[("origin", "http://localhost:8080"), ("host", "localhost:8080")]), Provenance::Own);
    }

    #[test]
    fn other_sites_and_hidden_origins_are_foreign() {
        for headers in [
            [("origin", "https://evil.example"), ("host", "desk.example")],
            [("origin", "null"), ("host", "desk.example")],
            [("origin", ""), ("host", "desk.example")],
            [("origin", "https://desk.example.evil.example"), ("host", "desk.example")],
            [("origin", "file://desk.example"), ("host", "desk.example")],
            [("sec-fetch-site", "cross-site"), ("origin", "https://desk.example")],
            [("sec-fetch-site", "same-site"), ("origin", "https://desk.example")],
            [("sec-fetch-site", "made-up"), ("origin", "https://desk.example")],
        ] {
            assert_eq!(judge(&headers), Provenance::Foreign, "{headers:?}");
        }
    }

    #[test]
    fn a_client_that_does_not_say_is_unknown() {
        assert_eq!(judge(&[("host", "desk.example")]), Provenance::Unknown);
    }
}
