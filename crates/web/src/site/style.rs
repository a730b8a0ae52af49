//! The style sheet: the embedded one, or with the operator's accent colour a copy of it that ends with that colour.

use std::fmt::Write as _;

use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use platform::config::accent::{Accent, Palette};
use sha2::{Digest as _, Sha256};

use super::Site;
use crate::assets;

/// Where a copy lives. Its name changes with its content.
pub(super) const PATH: &str = "/style/{file}";

/// Which sheet the pages use.
#[derive(Debug)]
pub(super) struct Style {
    /// Where the browser finds it.
    pub(super) url: String,
    own: Option<String>,
}

impl Style {
    pub(super) fn new(accent: Option<&Accent>) -> Self {
        let Some(accent) = accent else {
            return Self { url: assets::SITE_CSS.url.to_owned(), own: None };
        };
        // Beside the other files the font is a neighbour; from here it is not.
        let sheet = String::from_utf8_lossy(assets::SITE_CSS.plain()).replace("url(\"", "url(\"/assets/");
        let (light, dark) = (colours(&accent.light), colours(&accent.dark));
        let sheet = format!(
            "{sheet}:root{{{light}}}:root[data-theme=dark]{{{dark}}}@media(prefers-color-scheme:dark)\
             {{:root:not([data-theme=light]){{{dark}}}}}"
        );
        let digest = hex::encode(Sha256::digest(&sheet));
        Self { url: format!("/style/{}.css", &digest[..8]), own: Some(sheet) }
    }
}

fn colours(palette: &Palette) -> String {
    let mut text = String::new();
    for (name, colour) in [
        ("accent", palette.accent),
        ("accent-hover", palette.hover),
        ("on-accent", palette.on_accent),
        ("accent-soft", palette.soft),
        ("on-accent-soft", palette.on_soft),
    ] {
        // Writing to a text cannot fail.
        let _ = write!(text, "--{name}:{};", colour.hex());
    }
    text
}

pub(super) async fn serve(Path(file): Path<String>, Extract(site): Extract<Site>) -> Response {
    let style = &site.0.style;
    let Some(sheet) = style.own.as_ref().filter(|_| style.url.ends_with(&format!("/{file}"))) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut answer = sheet.clone().into_response();
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    answer
}
