//! A call: live, as turns, as events.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use uuid::Uuid;
use voice::calls::model::Direction;

use super::{Icon, Tone, icon, tag};
use crate::format;

/// The word for a direction.
pub const fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "Incoming",
        Direction::Outbound => "Outgoing",
        Direction::Web => "From the browser",
    }
}

/// An icon with the word for those who hear the page.
pub fn direction_icon(direction: Direction) -> Markup {
    let sign = match direction {
        Direction::Inbound => Icon::PhoneIncoming,
        Direction::Outbound => Icon::PhoneOutgoing,
        Direction::Web => Icon::Monitor,
    };
    html! { span title=(direction_word(direction)) { (icon(sign)) span.vh { (direction_word(direction)) } } }
}

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The AI receptionist.
    Agent,
    /// The person on the line.
    Caller,
}

impl Speaker {
    const fn label(self) -> &'static str {
        match self {
            Self::Agent => "Agent",
            Self::Caller => "Caller",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Agent => "sp agent",
            Self::Caller => "sp caller",
        }
    }
}

/// Something said.
#[derive(Clone, Debug)]
pub struct Caption {
    /// By whom.
    pub speaker: Speaker,
    /// The words.
    pub text: String,
}

/// Where a live call stands.
#[derive(Clone, Debug)]
pub enum LiveState {
    /// The phone rings.
    Ringing,
    /// People talk.
    Talking,
    /// Being passed to a person.
    Transferring,
    /// Over; the row stays for a minute with what came of it.
    Ended {
        /// What came of it.
        outcome: String,
        /// Its colour.
        tone: Tone,
    },
}

/// A live call in a list.
#[derive(Clone, Debug)]
pub struct LiveRow {
    /// The call.
    pub id: Uuid,
    /// Name of the caller, when known.
    pub name: Option<String>,
    /// Number of the caller, E.164, when known.
    pub number: Option<String>,
    /// Where it stands.
    pub state: LiveState,
    /// Seconds since it began.
    pub seconds: u32,
    /// The last words.
    pub last: Option<Caption>,
}

impl LiveRow {
    fn ended(&self) -> bool {
        matches!(self.state, LiveState::Ended { .. })
    }
}

/// Name and number of whoever is on the line.
pub(crate) fn caller(name: Option<&str>, number: Option<&str>) -> Markup {
    html! {
        @match (name, number) {
            (Some(name), _) => (name),
            (None, Some(number)) => (format::phone(number)),
            (None, None) => "Unknown caller",
        }
    }
}

/// A clock that runs on in the browser.
pub fn timer(seconds: u32, running: bool) -> Markup {
    html! {
        @if running { vx-timer.timer role="timer" seconds=(seconds) { (format::clock(seconds)) } }
        @else { span.timer.num { (format::clock(seconds)) } }
    }
}

/// Live calls as rows. `href` gives a row's address; `selected` marks one.
pub fn live_list(rows: &[LiveRow], selected: Option<Uuid>, href: impl Fn(Uuid) -> String) -> Markup {
    html! {
        ul.list {
            @for row in rows {
                li.sel[selected == Some(row.id)] id={ "live-" (row.id) } data-live-row=(row.id) {
                    (timer(row.seconds, !row.ended()))
                    div.grow {
                        p.who {
                            a.cover href=(href(row.id)) data-row aria-current=[(selected == Some(row.id)).then_some("true")] {
                                (caller(row.name.as_deref(), row.number.as_deref()))
                            }
                            @if let (Some(_), Some(number)) = (&row.name, &row.number) { " " span.num { (format::phone(number)) } }
                        }
                        (caption_line(row.id, row.last.as_ref()))
                    }
                    @match &row.state {
                        LiveState::Ringing => (tag(Tone::Info, "Ringing")),
                        LiveState::Talking => (tag(Tone::Ok, "Talking")),
                        LiveState::Transferring => (tag(Tone::Warn, "Passing to a person")),
                        LiveState::Ended { outcome, tone } => (tag(*tone, outcome)),
                    }
                }
            }
        }
    }
}

/// The last words of a call, which the live module overwrites as they are spoken; that is why a refetch of the list
/// leaves the line alone.
pub(crate) fn caption_line(call: Uuid, last: Option<&Caption>) -> Markup {
    html! {
        p.said.clip id={ "said-" (call) } data-caption=(call) data-agent="Agent" data-caller="Caller" hx-morph-skip {
            b { (last.map_or("", |l| l.speaker.label())) } " " span dir="auto" { (last.map_or("", |l| l.text.as_str())) }
        }
    }
}

/// The words being spoken right now, under a transcript. A finished sentence leaves it, because the transcript above
/// then has it.
pub(crate) fn speaking(call: Uuid) -> Markup {
    html! {
        p.said id="speaking" data-caption=(call) data-until-final data-agent="Agent" data-caller="Caller" hx-morph-skip {
            b {} " " span dir="auto" {}
        }
    }
}

/// One line of a transcript.
#[derive(Clone, Debug)]
pub enum Turn {
    /// Words.
    Said {
        /// Milliseconds into the call, when known.
        at: Option<u32>,
        /// By whom.
        speaker: Speaker,
        /// The words.
        text: String,
    },
    /// The agent used a tool.
    Tool {
        /// Its name with what came back, in one line.
        text: String,
    },
}

/// Looks for words in a transcript. Without script the browser's own search does.
pub fn finder() -> Markup {
    let step = |go: &str, sign: Icon, label: &str| {
        html! { button.btn.icon.quiet type="button" hidden data-go=(go) aria-label=(label) title=(label) { (icon(sign)) } }
    };
    html! {
        vx-find.finder id="finder" hx-morph-skip hidden {
            label.vh for="finder-words" { "Find in the transcript" }
            input.in.fit type="search" id="finder-words" data-filters placeholder="Find in the transcript" autocomplete="off"
                enterkeyhint="search";
            span.small.muted.num role="status" { span data-count {} " " span.vh data-spoken {} }
            (step("back", Icon::ChevronUp, "Previous turn"))
            (step("on", Icon::ChevronDown, "Next turn"))
            (step("hear", Icon::Play, "Play from this turn"))
        }
    }
}

/// The words of a call in order. Where there is a recording to `seek` in, each time is a link into it.
pub fn transcript(turns: &[Turn], seek: bool) -> Markup {
    html! {
        ol.turns.follow[seek] {
            @for (index, turn) in turns.iter().enumerate() {
                li id={ "turn-" (index) } {
                    @match turn {
                        Turn::Said { at, speaker, text } => {
                            @match at {
                                Some(at) if seek => a.at href={ "?t=" (at / 1000) } data-seek=(at) { (turn_time(*at)) },
                                Some(at) => (turn_time(*at)),
                                None => span {},
                            }
                            span class=(speaker.class()) { (speaker.label()) }
                            // A caller may speak a language that runs the other way.
                            p dir="auto" { (text) }
                        }
                        Turn::Tool { text } => { p.tool { (text) } }
                    }
                }
            }
        }
    }
}

fn turn_time(millis: u32) -> Markup {
    let seconds = millis / 1000;
    html! { time datetime={ "PT" (seconds) "S" } { (format::clock(seconds)) } }
}

/// Something that happened to a call.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// What, in a few plain words.
    pub text: String,
    /// Anything more, for people who know the provider.
    pub note: String,
}

/// What happened over hours or days, in order, with the day where it is another one.
pub fn history(moments: &[Moment], now: Timestamp, zone: &TimeZone) -> Markup {
    html! {
        ol.times.days {
            @for moment in moments {
                li {
                    time datetime=(moment.at) title=(format::in_full(moment.at, zone)) { (format::when(moment.at, now, zone)) }
                    div { (moment.text) @if !moment.note.is_empty() { " " span.muted.small { (moment.note) } } }
                }
            }
        }
    }
}

/// What happened, in order.
pub fn timeline(moments: &[Moment], zone: &TimeZone) -> Markup {
    html! {
        ol.times {
            @for moment in moments {
                li {
                    time datetime=(moment.at) title=(format::in_full(moment.at, zone)) { (format::second(moment.at, zone)) }
                    div { (moment.text) @if !moment.note.is_empty() { " " span.muted.small { (moment.note) } } }
                }
            }
        }
    }
}
