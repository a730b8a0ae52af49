//! An HTML answer with everything that must travel with it.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use maud::Markup;

use crate::frame::Chrome;
use crate::security::{Csp, allow_our_frames, protect};

/// A whole page or a fragment of one.
#[derive(Debug)]
pub struct Page {
    status: StatusCode,
    csp: Csp,
    keeping: Keeping,
    markup: Markup,
}

/// What a cache may do with a page.
#[derive(Clone, Copy, Debug)]
enum Keeping {
    /// Nothing: a token or somebody's data is in it, and it must be gone after signing out.
    Never,
    /// The browser may keep it and asks whether it still holds. It differs by look and language.
    Asking,
}

impl Page {
    /// Of the signed-in app: private, and under the policy that lets htmx work.
    pub fn app(chrome: &Chrome, markup: Markup) -> Self {
        Self { status: StatusCode::OK, csp: Csp::app(&chrome.frame.nonce), keeping: Keeping::Never, markup }
    }

    /// Like [`Page::app`], with a frame that shows one of our own addresses.
    pub fn app_with_frame(chrome: &Chrome, markup: Markup) -> Self {
        Self { csp: Csp::app_with_frame(&chrome.frame.nonce), ..Self::app(chrome, markup) }
    }

    /// For anybody, without htmx.
    pub fn public(markup: Markup) -> Self {
        Self { status: StatusCode::OK, csp: Csp::public(), keeping: Keeping::Never, markup }
    }

    /// Of the public website: the same for everybody, and under a policy of its own where it needs one.
    pub fn site(csp: Csp, markup: Markup) -> Self {
        Self { status: StatusCode::OK, csp, keeping: Keeping::Asking, markup }
    }

    /// In no cache, because it holds something that is one person's.
    #[must_use]
    pub fn private(self) -> Self {
        Self { keeping: Keeping::Never, ..self }
    }

    /// With another status than 200.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut answer = (self.status, self.markup.into_string()).into_response();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        let (control, vary) = match self.keeping {
            Keeping::Never => ("no-store", "HX-Request"),
            Keeping::Asking => ("private, no-cache", "Cookie, Accept-Language"),
        };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(control));
        headers.insert(VARY, HeaderValue::from_static(vary));
        protect(headers, &self.csp);
        answer
    }
}

/// The HTML of a mail, to be shown in a frame.
pub fn framed_mail(html: String) -> Response {
    let mut answer = html.into_response();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    protect(headers, &Csp::framed_mail());
    allow_our_frames(headers);
    answer
}

/// Whether htmx asks, that is, wants a page's content without the shell around it.
pub fn wants_fragment(headers: &HeaderMap) -> bool {
    headers.get("hx-request").is_some_and(|v| v == "true")
}
