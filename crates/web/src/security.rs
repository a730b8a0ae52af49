//! What a page tells the browser not to do.
//!
//! Two policies: pages of the signed-in app run htmx, which needs a nonce and one Trusted Types policy; public pages
//! run none. Two more are for the one page where another company's chat runs, if the operator has one, and for mails, which
//! are shown in a frame without any right. None but that last allows inline style, and none inline script, eval or a
//! foreign origin that nobody named. A fragment carries the policy too:
//! htmx's CSP extension reads the fragment's nonce from it.

use std::fmt;

use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Names the scripts and htmx elements that one response means; 128 random bits, never used twice.
#[derive(Clone, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// Wraps 16 bytes from the caller's source of randomness.
    pub fn new(random: [u8; 16]) -> Self {
        Self(uuid::Builder::from_bytes(random).into_uuid().simple().to_string())
    }

    /// The text that stands in the header and the attributes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(..)")
    }
}

/// A Content-Security-Policy.
#[derive(Clone, Debug)]
pub struct Csp(String);

impl Csp {
    /// For the signed-in app.
    pub fn app(nonce: &Nonce) -> Self {
        Self(format!("{}; trusted-types htmx", base(&format!("'self' 'nonce-{}'", nonce.as_str()))))
    }

    /// For a page of the app that shows one of our own addresses in a frame.
    pub fn app_with_frame(nonce: &Nonce) -> Self {
        Self(format!("{}; frame-src 'self'", Self::app(nonce).0))
    }

    /// For the HTML of a mail, shown in a frame: it may have its own styles and nothing else. No script, no picture from
    /// outside, no form, no origin.
    pub fn framed_mail() -> Self {
        Self(
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; form-action 'none'; base-uri 'none'; \
             frame-ancestors 'self'"
                .to_owned(),
        )
    }

    /// For pages that anybody may see.
    pub fn public() -> Self {
        Self(base("'self'"))
    }

    /// For the one page on which Intercom's chat runs: what Intercom's own guide asks for, and nothing but its hosts.
    /// <https://www.intercom.com/help/en/articles/3894-using-intercom-with-content-security-policy>
    pub fn intercom() -> Self {
        Self(
            "default-src 'none'; script-src 'self' https://app.intercom.io https://widget.intercom.io \
             https://js.intercomcdn.com; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: \
             https://js.intercomcdn.com https://static.intercomassets.com https://downloads.intercomcdn.com \
             https://uploads.intercomcdn.com https://gifs.intercomcdn.com; font-src 'self' https://js.intercomcdn.com \
             https://fonts.intercomcdn.com; media-src 'self' https://js.intercomcdn.com https://downloads.intercomcdn.com; \
             connect-src 'self' https://via.intercom.io https://*.intercom.io wss://*.intercom.io \
             https://*.intercom-messenger.com wss://*.intercom-messenger.com https://uploads.intercomcdn.com \
             https://uploads.intercomusercontent.com; frame-src https://intercom-sheets.com; worker-src blob:; \
             form-action 'self' https://intercom.help https://api-iam.intercom.io; base-uri 'none'; frame-ancestors 'none'"
                .to_owned(),
        )
    }

    /// The header's value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn base(scripts: &str) -> String {
    format!(
        "default-src 'none'; script-src {scripts}; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; media-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'"
    )
}

/// Sets the policy and its companions.
///
/// The referrer goes to our own origin only. Not `no-referrer`: with it, browsers send `Origin: null` on our own
/// forms, and the origin check would refuse them.
pub fn protect(headers: &mut HeaderMap, csp: &Csp) {
    if let Ok(value) = HeaderValue::from_str(csp.as_str()) {
        headers.insert(CONTENT_SECURITY_POLICY, value);
    }
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
    );
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
}

/// Lets the answer be shown in a frame of our own pages, which otherwise nothing may.
pub fn allow_our_frames(headers: &mut HeaderMap) {
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
}
