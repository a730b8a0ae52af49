//! Today: what is going on, what came in, how the day runs.

use maud::{Markup, html};

use super::calls::{CallRow, call_table};
use crate::components::{
    HourBar, Icon, LiveRow, Nav, Stat, calls_by_hour, card, empty, heading, live_list, live_region, shell, stat_row,
};
use crate::format;
use crate::frame::Chrome;

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Today {
    /// Calls in progress, and those that ended a moment ago.
    pub live: Vec<LiveRow>,
    /// The newest calls.
    pub latest: Vec<CallRow>,
    /// Figures of the day.
    pub stats: Vec<Stat>,
    /// Calls by hour of the organization's day.
    pub hours: Vec<HourBar>,
    /// The name of the day compared with, for example "last Tuesday".
    pub before: String,
}

/// The whole page.
pub fn page(chrome: &Chrome, view: &Today) -> Markup {
    shell(chrome, Nav::Today, "Today", &content(chrome, view))
}

/// The page without the shell.
pub fn content(chrome: &Chrome, view: &Today) -> Markup {
    live_region(&chrome.frame.nonce, "today", "/app", None, &body(chrome, view))
}

/// What stands in the region.
pub fn body(chrome: &Chrome, view: &Today) -> Markup {
    html! {
        (heading(&html! { "Today" }, &html! {
            (format::today(chrome.frame.now, &chrome.zone)) ". " (format::calls_are(chrome.live_calls)) " live."
        }, None))
        div.cols {
            (live_now(chrome, view))
            (card("by-hour", &html! { "Calls by hour" }, None, &html! { div.body { (calls_by_hour(&view.hours, &view.before)) } }))
        }
        div.sec { (stat_row(&view.stats)) }
        div.sec {
            (card("latest", &html! { "Latest calls" }, Some(&html! { a.small href="/app/calls" { "All calls" } }), &html! {
                @if view.latest.is_empty() {
                    (empty(Icon::Phone, "No calls yet", &html! { p { "Calls stay here with transcript and summary." } }))
                } @else {
                    (call_table(chrome, "Latest calls", &view.latest))
                }
            }))
        }
    }
}

fn live_now(chrome: &Chrome, view: &Today) -> Markup {
    let title = html! { span.inline { @if chrome.live_calls > 0 { span.dot.live aria-hidden="true" {} } "Live now" } };
    card(
        "live-now",
        &title,
        Some(&html! { a.small href="/app/live" { "Open live calls" } }),
        &html! {
            @if view.live.is_empty() {
                (empty(Icon::Phone, "No calls right now", &html! {
                    p { @if let Some(last) = view.latest.first() {
                        "The last call came at " (format::when(last.started_at, chrome.frame.now, &chrome.zone)) "."
                    } @else { "The next call appears here by itself." } }
                }))
            } @else {
                (live_list(&view.live, None, |id| format!("/app/live?call={id}")))
            }
        },
    )
}
