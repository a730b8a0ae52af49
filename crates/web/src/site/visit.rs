//! Which page somebody opens, in which language and look.

use axum::extract::{FromRef, FromRequestParts};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, SET_COOKIE, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use platform::i18n::Locale;

use super::Site;
use crate::context::cookie;
use crate::frame::Theme;

/// The cookie of a chosen language. It says nothing about a person, and nothing depends on who wrote it.
const COOKIE: &str = "lang";
/// How long a choice is remembered: a year, in seconds.
const REMEMBERED: u32 = 31_536_000;

/// Somebody opens a public page. As an extractor it answers `?lang=` by itself, with the address in that language.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The language of the address.
    pub locale: Locale,
    /// Chosen look.
    pub theme: Theme,
    /// The page's path without a language, for example `/pricing`.
    pub place: String,
    /// A language that the browser would rather have, when nobody has chosen one.
    pub suggestion: Option<Locale>,
}

impl Visit {
    /// Reads a request's path and headers.
    pub fn new(path: &str, headers: &HeaderMap) -> Self {
        let (locale, place) = split(path);
        let suggestion = match chosen(headers) {
            Some(_) => None,
            None => headers
                .get(ACCEPT_LANGUAGE)
                .and_then(|value| value.to_str().ok())
                .and_then(Locale::negotiate)
                .filter(|liked| *liked != locale),
        };
        let theme = cookie(headers, "theme").map_or(Theme::System, Theme::from_cookie);
        Self { locale, theme, place: place.to_owned(), suggestion }
    }

    /// The address of another page in this visit's language.
    pub fn to(&self, place: &str) -> String {
        address(self.locale, place)
    }
}

impl<S> FromRequestParts<S> for Visit
where
    Site: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let site = Site::from_ref(state);
        let visit = Self::new(parts.uri.path(), &parts.headers);
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return Ok(visit);
        }
        if let Some((wanted, rest)) = parts.uri.query().and_then(choice) {
            return Err(lead(&site, wanted, &visit.place, &rest));
        }
        match chosen(&parts.headers) {
            Some(locale) if parts.uri.path() == "/" && locale != Locale::En => Err(welcome_back(locale)),
            _ => Ok(visit),
        }
    }
}

/// The path of a page in a language: English without a prefix, every other language under its tag.
pub fn address(locale: Locale, place: &str) -> String {
    match (locale, place) {
        (Locale::En, place) => place.to_owned(),
        (locale, "/") => format!("/{}", locale.tag()),
        (locale, place) => format!("/{}{place}", locale.tag()),
    }
}

/// A path's language, and the path without it.
fn split(path: &str) -> (Locale, &str) {
    let bare = path.strip_prefix('/').unwrap_or(path);
    let (first, rest) = bare.split_once('/').map_or((bare, ""), |(first, _)| (first, &bare[first.len()..]));
    match Locale::ALL.into_iter().find(|locale| *locale != Locale::En && locale.tag() == first) {
        Some(locale) => (locale, if rest.is_empty() { "/" } else { rest }),
        None => (Locale::En, path),
    }
}

/// The language that was chosen in this browser.
fn chosen(headers: &HeaderMap) -> Option<Locale> {
    cookie(headers, COOKIE).and_then(Locale::from_tag)
}

/// The language that a query string asks for, and the query without it.
fn choice(query: &str) -> Option<(Locale, String)> {
    let mut wanted = None;
    let mut rest = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name == "lang" {
            wanted = wanted.or_else(|| Locale::from_tag(&value));
        } else {
            rest.append_pair(&name, &value);
        }
    }
    Some((wanted?, rest.finish()))
}

fn lead(site: &Site, wanted: Locale, place: &str, query: &str) -> Response {
    let mark = if query.is_empty() { "" } else { "?" };
    let mut answer = Redirect::to(&format!("{}{mark}{query}", address(wanted, place))).into_response();
    let secure = if site.is_https() { "; Secure" } else { "" };
    let line = format!("{COOKIE}={}; Path=/; Max-Age={REMEMBERED}; SameSite=Lax; HttpOnly{secure}", wanted.tag());
    let headers = answer.headers_mut();
    if let Ok(line) = HeaderValue::from_str(&line) {
        headers.append(SET_COOKIE, line);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn welcome_back(locale: Locale) -> Response {
    let mut answer = Redirect::to(&address(locale, "/")).into_response();
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.headers_mut().insert(VARY, HeaderValue::from_static("Cookie"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_as_it_was_made() {
        for locale in Locale::ALL {
            for place in ["/", "/pricing", "/book/some/where"] {
                assert_eq!(split(&address(locale, place)), (locale, place));
            }
        }
    }

    #[test]
    fn only_a_whole_first_part_is_a_language() {
        for path in ["/french", "/frx/pricing", "/en/pricing", "/pt-br", "//fr"] {
            assert_eq!(split(path), (Locale::En, path));
        }
    }

    #[test]
    fn a_choice_leaves_the_rest_of_the_query_alone() {
        assert_eq!(
            choice("day=2&lang=pt-br&tz=Asia%2FTokyo"),
            Some((Locale::PtBr, "day=2&tz=Asia%2FTokyo".to_owned()))
        );
        assert_eq!(choice("lang=xx&lang=de"), Some((Locale::De, String::new())));
        assert_eq!(choice("lang=xx"), None);
        assert_eq!(choice("language=de"), None);
    }

    #[test]
    fn the_browsers_wish_is_a_suggestion_until_somebody_chooses() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("fr-CA,en;q=0.5"));
        assert_eq!(Visit::new("/pricing", &headers).suggestion, Some(Locale::Fr));
        assert_eq!(Visit::new("/fr/pricing", &headers).suggestion, None);
        headers.insert(http::header::COOKIE, HeaderValue::from_static("lang=en"));
        assert_eq!(Visit::new("/pricing", &headers).suggestion, None);
    }
}
