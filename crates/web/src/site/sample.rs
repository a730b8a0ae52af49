//! The sample call: what `build/sample.rs` made of the dialogue, and its recording over HTTP.

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use maud::{Markup, html};
use platform::http::range::Part;
use platform::i18n::Locale;

use super::Words;
use crate::components::{Tone, tag};
use crate::format;

/// The call in one language.
#[derive(Debug)]
pub struct Sample {
    tag: &'static str,
    /// Where the recording is.
    pub url: &'static str,
    wav: &'static [u8],
    millis: u32,
    /// Start and end of each turn in milliseconds; the receptionist has the first.
    turns: &'static [(u32, u32)],
    agent: &'static str,
    caller: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/sample.rs"));

impl Sample {
    /// The call in a language.
    pub fn of(locale: Locale) -> &'static Self {
        SAMPLES.iter().find(|sample| sample.tag == locale.tag()).unwrap_or(&SAMPLES[0])
    }

    /// Its length for people, `0:41`.
    pub fn length(&self) -> String {
        format::clock(self.millis / 1000)
    }
}

/// The recordings.
pub(super) fn router() -> Router {
    Router::new().route("/sample/{file}", get(serve))
}

async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let Some(sample) = SAMPLES.iter().find(|sample| sample.url.ends_with(&format!("/{file}"))) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let asked = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let length = sample.wav.len() as u64;
    let part = Part::read(asked, length);
    let mut answer = match part {
        Part::Whole => sample.wav.into_response(),
        Part::From { first, last } => (StatusCode::PARTIAL_CONTENT, bytes(sample.wav, first, last)).into_response(),
        Part::Beyond => StatusCode::RANGE_NOT_SATISFIABLE.into_response(),
    };
    let head = answer.headers_mut();
    if let Some(Ok(range)) = part.content_range(length).map(HeaderValue::try_from) {
        head.insert(CONTENT_RANGE, range);
    }
    head.insert(CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
    head.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // The name holds the digest of the content.
    head.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    head.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    answer
}

/// These bytes of a file, both ends included; nothing where it has none.
fn bytes(file: &'static [u8], first: u64, last: u64) -> &'static [u8] {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    file.get(place(first)..place(last.saturating_add(1))).unwrap_or_default()
}

/// The words of the dialogue.
fn dialogue(words: Words<'_>) -> [String; 8] {
    [
        words.text("site-sample-1"),
        words.text("site-sample-2"),
        words.text("site-sample-3"),
        words.text("site-sample-4"),
        words.text("site-sample-5"),
        words.text("site-sample-6"),
        words.text("site-sample-7"),
        words.text("site-sample-8"),
    ]
}

/// The card with drawing, player and words.
pub(super) fn card(sample: &Sample, words: Words<'_>) -> Markup {
    let note = if SPOKEN { words.text("site-sample-spoken") } else { words.text("site-sample-tones") };
    html! {
        section.card.call aria-labelledby="sample" {
            header {
                h2 id="sample" tabindex="-1" { (words.text("site-sample-title")) }
                (tag(Tone::Info, &words.text("site-sample-label")))
            }
            // Time runs from left to right in every language, as in the player below.
            svg.wave viewBox="0 0 450 96" preserveAspectRatio="none" aria-hidden="true" {
                path.caller d=(sample.caller) {}
                path.agent d=(sample.agent) {}
            }
            audio controls preload="none" src=(sample.url) aria-label=(words.text("site-sample-player")) {}
            ol.turns {
                @for (index, (said, (from, to))) in dialogue(words).iter().zip(sample.turns).enumerate() {
                    li data-from=(from) data-to=(to) {
                        time datetime={ "PT" (from / 1000) "S" } { (format::clock(from / 1000)) }
                        @if index % 2 == 0 { span.agent { (words.site_name()) } } @else { span.caller { (words.text("site-sample-caller")) } }
                        p { (said) }
                    }
                }
            }
            p.note { (note) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_its_call_and_no_turn_overlaps_another() {
        for locale in Locale::ALL {
            let sample = Sample::of(locale);
            assert_eq!(sample.tag, locale.tag());
            let times: Vec<u32> = sample.turns.iter().flat_map(|(from, to)| [*from, *to]).collect();
            assert!(times.is_sorted() && times.last().is_some_and(|end| *end <= sample.millis), "{times:?}");
            assert!((15_000..70_000).contains(&sample.millis), "{}: {}", sample.tag, sample.millis);
        }
    }
}
