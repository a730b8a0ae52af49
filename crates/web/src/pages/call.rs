//! One call: who, the sound, what was said, what came of it, what happened when, and how long it is kept.

use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;
use voice::calls::model::Direction;

use super::calls::Outcome;
use crate::assets;
use crate::components::{
    Field, Icon, Look, Moment, Nav, Player, Tone, Turn, banner, caller, card, confirm, direction_word, empty, finder,
    heading, icon, key_values, live_region, moment, post_form, shell, speaking, submit, tag, timeline, timer,
    transcript,
};
use crate::format;
use crate::frame::Chrome;

/// How far the recording has come.
#[derive(Clone, Debug)]
pub enum Recording {
    /// The provider recorded nothing.
    None,
    /// Announced; the copy waits for its turn.
    Pending {
        /// What went wrong with the last try, in a sentence; none when there was none.
        reason: Option<String>,
        /// Tries so far.
        attempts: u32,
    },
    /// Being copied into our storage.
    Copying,
    /// Stored, and to be heard.
    Ready(Player),
    /// The copy failed.
    Failed {
        /// Why, in a sentence.
        reason: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// Deleted after the time the practice set, or given up by the provider.
    Expired {
        /// What the provider said of it, in a sentence; none when it was deleted here.
        reason: Option<String>,
    },
}

impl Recording {
    fn tag(&self) -> Markup {
        match self {
            Self::None => tag(Tone::Neutral, "None"),
            Self::Pending { .. } => tag(Tone::Info, "Waiting"),
            Self::Copying => tag(Tone::Info, "Saving"),
            Self::Ready(_) => html! { span.inline { (tag(Tone::Warn, "Caller")) (tag(Tone::Ok, "Agent")) } },
            Self::Failed { .. } => tag(Tone::Bad, "Failed"),
            Self::Expired { .. } => tag(Tone::Neutral, "Deleted"),
        }
    }

    fn words(&self, live: bool) -> Markup {
        match self {
            Self::None if live => html! { "The recording, if there is one, comes after the call." },
            Self::None => html! { "This call was not recorded. The transcript below is complete without it." },
            Self::Pending { reason: None, .. } => {
                html! { "The provider has a recording. It waits to be copied into your own storage." }
            }
            Self::Pending { reason: Some(reason), attempts } => {
                html! { (reason) " It will be tried again by itself, after " (times(*attempts)) "." }
            }
            Self::Copying => html! { "The recording is being copied into your own storage." },
            Self::Ready(_) => html! {},
            Self::Failed { reason, attempts } => html! {
                "The recording could not be copied into your own storage in " (times(*attempts)) ". " (reason)
                " The transcript below is complete without it."
            },
            Self::Expired { reason: None } => html! { "The recording was deleted, as your retention setting says." },
            Self::Expired { reason: Some(reason) } => html! { (reason) " It was not copied before that." },
        }
    }
}

fn times(attempts: u32) -> String {
    if attempts == 1 { "one try".to_owned() } else { format!("{attempts} tries") }
}

/// Somebody wants the call kept, whatever the retention setting says.
#[derive(Clone, Debug)]
pub struct Hold {
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// The call's content is gone.
#[derive(Clone, Debug)]
pub struct Erased {
    /// Since when.
    pub at: Timestamp,
    /// By whom, or by what.
    pub by: String,
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
    /// Kept whatever happens.
    pub hold: Option<Hold>,
    /// Deleted content.
    pub erased: Option<Erased>,
    /// Whoever looks works with calls: a failed copy may be tried again.
    pub works: bool,
    /// What is wrong with what was just sent.
    pub problem: Option<String>,
}

impl Call {
    /// The number of the person on the line.
    fn number(&self) -> Option<&str> {
        match self.direction {
            Some(Direction::Outbound) => self.to.as_deref(),
            _ => self.from.as_deref(),
        }
    }

    fn address(&self) -> String {
        format!("/app/calls/{}", self.id)
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
    html! {
        (live_region(&chrome.frame.nonce, "call", &view.address(), Some(&view.id.to_string()), &body(chrome, view)))
        script src=(assets::PLAYER_JS.url) type="module" {}
        script src=(assets::FIND_JS.url) type="module" {}
    }
}

/// What stands in the region.
pub fn body(chrome: &Chrome, view: &Call) -> Markup {
    let ready = matches!(view.recording, Recording::Ready(_));
    html! {
        (head_line(chrome, view))
        @if let Some(problem) = &view.problem { div.sec { (banner(Tone::Bad, &html! { p { (problem) } })) } }
        @if let Some(erased) = &view.erased { (tombstone(chrome, erased)) }
        @else { (card("recording", &html! { "Recording" }, Some(&view.recording.tag()), &recording(chrome, view))) }
        div.cols.sec {
            (card("transcript", &html! { "Transcript" }, None, &html! {
                div.body.stack {
                    @if view.turns.is_empty() {
                        (empty(Icon::Voicemail, "Nothing said", &html! {
                            @if view.erased.is_some() { p { "What was said in this call was deleted." } }
                            @else { p { "No words were recognised in this call." } }
                        }))
                    } @else {
                        (finder())
                        (transcript(&view.turns, ready))
                    }
                    @if view.live { div.now-saying { (speaking(view.id)) } }
                }
            }))
            div.stack {
                @if let Some(summary) = &view.summary {
                    (card("summary", &html! { "Summary" }, None, &html! { div.body { p dir="auto" { (summary) } } }))
                }
                (card("details", &html! { "Details" }, None, &html! { div.body { (details(view)) } }))
                @if !view.events.is_empty() {
                    (card("events", &html! { "What happened" }, None, &html! { div.body { (timeline(&view.events, &chrome.zone)) } }))
                }
                @if view.erased.is_none() && !view.live && (chrome.manages || view.hold.is_some()) { (keeping(chrome, view)) }
            }
        }
    }
}

fn head_line(chrome: &Chrome, view: &Call) -> Markup {
    let download = match &view.recording {
        Recording::Ready(player) => Some(html! {
            a.btn href={ (player.src) "?download=true" } download { (icon(Icon::Download)) "Download" }
        }),
        _ => None,
    };
    html! {
        p.small { a.inline href="/app/calls" { (icon(Icon::ChevronLeft)) "Calls" } }
        (heading(
            &html! {
                (caller(view.name.as_deref(), view.number())) " " (tag(view.outcome.tone, &view.outcome.label))
                @if view.hold.is_some() { " " (tag(Tone::Info, "Legal hold")) }
            },
            &html! {
                (view.direction.map_or("Call", direction_word))
                @if let Some(from) = &view.from { ", " span.num { (format::phone(from)) } }
                @if let Some(to) = &view.to { " to " span.num { (format::phone(to)) } }
                ", " time datetime=(view.started_at) { (format::in_full(view.started_at, &chrome.zone)) }
                @if let Some(seconds) = view.seconds { ", " (timer(seconds, view.live)) }
            },
            download.as_ref(),
        ))
    }
}

fn recording(chrome: &Chrome, view: &Call) -> Markup {
    html! {
        div.body {
            @if let Recording::Ready(player) = &view.recording { (player.render()) }
            @else { p.muted { (view.recording.words(view.live)) } }
            @if matches!(view.recording, Recording::Failed { .. }) && view.works {
                (post_form(&chrome.frame, &format!("{}/recording/retry", view.address()), "acts sec",
                    &submit(Look::Default, "Try again")))
            }
        }
    }
}

fn tombstone(chrome: &Chrome, erased: &Erased) -> Markup {
    banner(
        Tone::Info,
        &html! {
            p {
                strong { "The content of this call was deleted" } ", "
                time datetime=(erased.at) { (format::in_full(erased.at, &chrome.zone)) } ", by " (erased.by)
                ". Recording, words, numbers and names are gone; what remains says that there was a call."
            }
        },
    )
}

fn details(view: &Call) -> Markup {
    let mut pairs: Vec<(&str, Markup)> =
        view.facts.iter().map(|(name, value)| (name.as_str(), html! { (value) })).collect();
    pairs.push(("Call id", html! { code { (view.id) } }));
    pairs.push(("Provider's id", html! { code { (view.provider_call_id) } }));
    key_values(&pairs)
}

/// Legal hold and deleting.
fn keeping(chrome: &Chrome, view: &Call) -> Markup {
    let address = view.address();
    card(
        "keeping",
        &html! { "Keep or delete" },
        None,
        &html! {
            div.body.stack {
                @if let Some(hold) = &view.hold {
                    p { "On legal hold since " (moment(hold.since, chrome.frame.now, &chrome.zone)) ": " (hold.reason) }
                    p.hint { "Neither the retention setting nor anybody deletes it until the hold is lifted." }
                    @if chrome.manages {
                        (confirm(&chrome.frame, "Lift the hold", "From then on the call is kept as long as the setting says.",
                            &format!("{address}/hold/lift"), &[]))
                    }
                } @else {
                    // Nothing that happens to the call takes away what somebody is typing here.
                    div id="hold" hx-morph-skip {
                        (post_form(&chrome.frame, &format!("{address}/hold"), "stack", &html! {
                        (Field { name: "reason", label: "Legal hold: why must this call be kept?", required: true,
                            autocomplete: "off", hint: "Nothing deletes the call until the hold is lifted.", ..Field::default() }.render())
                        (submit(Look::Default, "Put on hold"))
                        }))
                    }
                    (confirm(&chrome.frame, "Delete content",
                        "Recording, transcript, summary, numbers and names are deleted for good. That there was a call stays.",
                        &format!("{address}/erase"), &[]))
                }
            }
        },
    )
}
