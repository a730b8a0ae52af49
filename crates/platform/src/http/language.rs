//! Which language a request would like to be answered in.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::i18n::Locale;

/// The language that the browser likes best among ours, English when it names none of them. What is written to this person
/// is written in it; nothing else is known of people's languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speaks(pub Locale);

impl Speaks {
    /// From the request's headers.
    pub fn of(headers: &HeaderMap) -> Self {
        let wish = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Self(wish.and_then(Locale::negotiate).unwrap_or(Locale::En))
    }
}

impl<S: Sync> FromRequestParts<S> for Speaks {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}
