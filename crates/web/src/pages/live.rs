//! Live calls: rows at the left, the words of one call at the right.

use maud::{Markup, html};
use uuid::Uuid;

use crate::components::{
    Icon, LiveRow, LiveState, Nav, Turn, caller, card, empty, heading, live_count, live_list, live_region, shell,
    speaking, timer, transcript,
};
use crate::format;
use crate::frame::Chrome;

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// Calls in progress, in order of need.
    pub rows: Vec<LiveRow>,
    /// The call whose words are shown, with them.
    pub selected: Option<(LiveRow, Vec<Turn>)>,
    /// When the last call came, in words.
    pub last_call: Option<String>,
}

/// The whole page.
pub fn page(chrome: &Chrome, view: &Live) -> Markup {
    shell(chrome, Nav::Live, &title(chrome), &content(chrome, view))
}

/// The title with the count, for a tab that is not in front.
pub fn title(chrome: &Chrome) -> String {
    if chrome.live_calls > 0 { format!("({}) Live calls", chrome.live_calls) } else { "Live calls".to_owned() }
}

/// The page without the shell.
pub fn content(chrome: &Chrome, view: &Live) -> Markup {
    let nonce = &chrome.frame.nonce;
    let selected = view.selected.as_ref().map(|(row, _)| row.id);
    let list_url =
        selected.map_or_else(|| "/app/live?part=list".to_owned(), |id| format!("/app/live?part=list&call={id}"));
    html! {
        (heading(&html! { "Live calls" }, &html! {
            "Words appear as they are spoken. " span.tag.ok role="status" data-live-word {}
        }, None))
        div.cols.even {
            (live_region(nonce, "live-list", &list_url, None, &list(chrome, view)))
            @if let Some((row, turns)) = &view.selected {
                (live_region(nonce, "live-words", &format!("/app/live?part=words&call={}", row.id), Some(&row.id.to_string()),
                    &words(row, turns)))
            } @else {
                (card("words", &html! { "Words" }, None, &empty(Icon::Activity, "No call chosen", &html! {
                    p { "Choose a call to read along." }
                })))
            }
        }
    }
}

/// The number beside the entry in the sidebar.
pub fn count(chrome: &Chrome) -> Markup {
    live_count(chrome)
}

/// The rows.
pub fn list(chrome: &Chrome, view: &Live) -> Markup {
    let selected = view.selected.as_ref().map(|(row, _)| row.id);
    card(
        "in-progress",
        &html! { (format::calls_are(chrome.live_calls)) " live" },
        None,
        &html! {
            @if view.rows.is_empty() {
                (empty(Icon::Phone, "No calls right now", &html! {
                    p { @if let Some(last) = &view.last_call { "Last call " (last) "." } @else { "The next call appears here by itself." } }
                }))
            } @else {
                (live_list(&view.rows, selected, |id: Uuid| format!("/app/live?call={id}")))
            }
        },
    )
}

/// The words of the chosen call so far, and the ones being spoken.
pub fn words(row: &LiveRow, turns: &[Turn]) -> Markup {
    let running = !matches!(row.state, LiveState::Ended { .. });
    card(
        "words",
        &caller(row.name.as_deref(), row.number.as_deref()),
        Some(&timer(row.seconds, running)),
        &html! {
            div.body.stack {
                div id="captions" role="log" aria-live="off" aria-label="Transcript so far" tabindex="0" {
                    @if turns.is_empty() { p.muted { "Nothing said yet." } } @else { (transcript(turns, false)) }
                }
                @if running { div.now-saying { (speaking(row.id)) } }
                // Off by default: a page that reads two calls aloud at once helps nobody.
                @if running {
                    label.check for="announce" {
                        input type="checkbox" id="announce" data-announce="captions";
                        span { "Announce captions" small { "For screen readers: read new words aloud." } }
                    }
                }
                a.btn href={ "/app/calls/" (row.id) } { "Open the call" }
            }
        },
    )
}
