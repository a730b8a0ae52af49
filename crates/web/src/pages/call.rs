//! One call: who, what was said, what came of it, what happened when.

use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;
use voice::calls::model::Direction;

use super::calls::Outcome;
use crate::components::{
    Icon, Moment, Nav, Tone, Turn, caller, card, direction_word, empty, heading, icon, key_values, live_region, shell,
    speaking, tag, timeline, timer, transcript,
};
use crate::format;
use crate::frame::Chrome;

/// How far the recording has come.
#[derive(Clone, Debug)]
pub enum Recording {
    /// The provider recorded nothing.
    None,
    /// Announced; the copy waits for its turn.
    Pending,
    /// Being copied into our storage.
    Copying,
    /// Stored.
    Ready,
    /// The copy failed.
    Failed,
    /// Deleted after the time the practice set.
    Expired,
}

impl Recording {
    fn tag(&self) -> Markup {
        match self {
            Self::None => tag(Tone::Neutral, "None"),
            Self::Pending => tag(Tone::Info, "Waiting"),
            Self::Copying => tag(Tone::Info, "Saving"),
            Self::Ready => tag(Tone::Ok, "Ready"),
            Self::Failed => tag(Tone::Bad, "Failed"),
            Self::Expired => tag(Tone::Neutral, "Deleted"),
        }
    }

    fn words(&self, live: bool) -> Markup {
        match self {
            Self::None if live => html! { "The recording, if there is one, comes after the call." },
            Self::None => html! { "This call was not recorded. The transcript below is complete without it." },
            Self::Pending => html! { "The provider has a recording. It waits to be copied into your own storage." },
            Self::Copying => html! { "The recording is being copied into your own storage." },
            Self::Ready => html! { "The recording is kept in your own storage." },
            Self::Failed => {
                html! { "The recording could not be copied into your own storage. The transcript below is complete without it." }
            }
            Self::Expired => html! { "The recording was deleted, as your retention setting says." },
        }
    }
}

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Call {
    /// The call.
    pub id: Uuid,
    /// Name of the person on the line.
    pub name: Option<String>,
    /// Where it came from.
    pub from: Option<String>,
    /// Where it went.
    pub to: Option<String>,
    /// Which way, when known.
    pub direction: Option<Direction>,
    /// In progress.
    pub live: bool,
    /// What came of it.
    pub outcome: Outcome,
    /// When it began.
    pub started_at: Timestamp,
    /// Length in seconds; so far, while it runs.
    pub seconds: Option<u32>,
    /// The recording.
    pub recording: Recording,
    /// The words.
    pub turns: Vec<Turn>,
    /// What it was about.
    pub summary: Option<String>,
    /// Facts worth a line each: name and value.
    pub facts: Vec<(String, String)>,
    /// The provider's id of the call.
    pub provider_call_id: String,
    /// What happened when.
    pub events: Vec<Moment>,
}

impl Call {
    /// The number of the person on the line.
    fn number(&self) -> Option<&str> {
        match self.direction {
            Some(Direction::Outbound) => self.to.as_deref(),
            _ => self.from.as_deref(),
        }
    }
}

/// The whole page.
pub fn page(chrome: &Chrome, view: &Call) -> Markup {
    let who =
        view.name.clone().or_else(|| view.number().map(format::phone)).unwrap_or_else(|| "Unknown caller".to_owned());
    shell(chrome, Nav::Calls, &format!("Call with {who}"), &content(chrome, view))
}

/// The page without the shell. A call keeps changing for a while after its end (summary, cost, recording), so it stays
/// fresh whether it is live or not.
pub fn content(chrome: &Chrome, view: &Call) -> Markup {
    live_region(
        &chrome.frame.nonce,
        "call",
        &format!("/app/calls/{}", view.id),
        Some(&view.id.to_string()),
        &body(chrome, view),
    )
}

/// What stands in the region.
pub fn body(chrome: &Chrome, view: &Call) -> Markup {
    html! {
        (head_line(chrome, view))
        (card("recording", &html! { "Recording" }, Some(&view.recording.tag()), &html! {
            div.body { p.muted { (view.recording.words(view.live)) } }
        }))
        div.cols.sec {
            (card("transcript", &html! { "Transcript" }, None, &html! {
                div.body.stack {
                    @if view.turns.is_empty() {
                        (empty(Icon::Voicemail, "Nothing said", &html! { p { "No words were recognised in this call." } }))
                    } @else { (transcript(&view.turns)) }
                    @if view.live { div.now-saying { (speaking(view.id)) } }
                }
            }))
            div.stack {
                @if let Some(summary) = &view.summary {
                    (card("summary", &html! { "Summary" }, None, &html! { div.body { p { (summary) } } }))
                }
                (card("details", &html! { "Details" }, None, &html! { div.body { (details(view)) } }))
                @if !view.events.is_empty() {
                    (card("events", &html! { "What happened" }, None, &html! { div.body { (timeline(&view.events, &chrome.zone)) } }))
                }
            }
        }
    }
}

fn head_line(chrome: &Chrome, view: &Call) -> Markup {
    html! {
        p.small { a.inline href="/app/calls" { (icon(Icon::ChevronLeft)) "Calls" } }
        (heading(
            &html! { (caller(view.name.as_deref(), view.number())) " " (tag(view.outcome.tone, &view.outcome.label)) },
            &html! {
                (view.direction.map_or("Call", direction_word))
                @if let Some(from) = &view.from { ", " span.num { (format::phone(from)) } }
                @if let Some(to) = &view.to { " to " span.num { (format::phone(to)) } }
                ", " time datetime=(view.started_at) { (format::in_full(view.started_at, &chrome.zone)) }
                @if let Some(seconds) = view.seconds { ", " (timer(seconds, view.live)) }
            },
            None,
        ))
    }
}

fn details(view: &Call) -> Markup {
    let mut pairs: Vec<(&str, Markup)> =
        view.facts.iter().map(|(name, value)| (name.as_str(), html! { (value) })).collect();
    pairs.push(("Call id", html! { code { (view.id) } }));
    pairs.push(("Provider's id", html! { code { (view.provider_call_id) } }));
    key_values(&pairs)
}
