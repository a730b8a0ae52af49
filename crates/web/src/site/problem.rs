//! Failures in the public look.

use http::StatusCode;
use http::request::Parts;
use maud::html;
use platform::i18n::Locale;

use super::{About, Site, Visit, address, page};
use crate::page::Page;
use crate::pages::problem::Problem;

/// The page for a failure. `request_id` lets somebody find the request in the log.
pub fn problem(site: &Site, visit: &Visit, status: StatusCode, code: &str, request_id: Option<&str>) -> Page {
    let words = site.words(visit.locale);
    let (title, text) = match Problem::of(status, code) {
        Problem::NotFound | Problem::Forbidden => ("site-problem-missing-h", "site-problem-missing"),
        Problem::TooMany => ("site-problem-busy-h", "site-problem-busy"),
        Problem::Stale | Problem::NotUnderstood => ("site-problem-odd-h", "site-problem-odd"),
        Problem::Unavailable => ("site-problem-away-h", "site-problem-away"),
        Problem::Failed => ("site-problem-failed-h", "site-problem-failed"),
    };
    let about = About::unlisted(words.text(title), words.text(text));
    let content = html! {
        div.read {
            h1 { (about.title) }
            p.lede { (about.description) }
            @if let Some(id) = request_id { p.muted.mono { (words.text_with("site-problem-request", &[("id", id.into())])) } }
            p.acts {
                a.btn.pri.lg href=(visit.to("/")) { (words.text("site-problem-home")) }
                a.btn.lg href=(visit.to("/book")) { (words.text("site-book")) }
            }
        }
    };
    page(site, visit, &about, &content).private().with_status(status)
}

/// The right address of a page that was asked for under a nearly right one: a slash too many at the end, English under
/// `/en`, a language in other letters.
pub fn meant(site: &Site, parts: &Parts) -> Option<String> {
    let path = parts.uri.path();
    let bare = path.trim_matches('/');
    let (first, rest) = bare.split_once('/').unwrap_or((bare, ""));
    let (locale, place) = match Locale::from_tag(first) {
        Some(locale) => (locale, format!("/{rest}")),
        None => (Locale::En, format!("/{bare}")),
    };
    let right = address(locale, &place);
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    (right != path && site.has(&place)).then(|| format!("{right}{query}"))
}
