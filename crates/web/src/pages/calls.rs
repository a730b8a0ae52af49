//! Calls: filters, rows, paging by position.

use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;
use voice::calls::model::Direction;

use crate::components::{
    Choice, Column, Icon, Nav, Tone, caller, direction_icon, empty, error_summary, filter_bar, heading, live_region,
    moment, pager, row_link, select, shell, table, tag,
};
use crate::format;
use crate::frame::Chrome;

/// What came of a call, as a tag.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// One or two words.
    pub label: String,
    /// Its colour.
    pub tone: Tone,
}

/// A call in a list.
#[derive(Clone, Debug)]
pub struct CallRow {
    /// The call.
    pub id: Uuid,
    /// When it began.
    pub started_at: Timestamp,
    /// Name of the person on the line, when known.
    pub name: Option<String>,
    /// Their number, E.164, when known.
    pub number: Option<String>,
    /// Which way, when known.
    pub direction: Option<Direction>,
    /// What came of it.
    pub outcome: Outcome,
    /// One or two sentences.
    pub summary: Option<String>,
    /// Length in seconds; none while it runs.
    pub seconds: Option<u32>,
}

/// What the filters hold, as typed.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// Words or a number.
    pub q: String,
    /// A status of a call; empty for any.
    pub status: String,
    /// `inbound`, `outbound` or `web`; empty for any.
    pub direction: String,
    /// First day, `YYYY-MM-DD`.
    pub from: String,
    /// Last day, `YYYY-MM-DD`.
    pub to: String,
}

impl Filters {
    fn any(&self) -> bool {
        [&self.q, &self.status, &self.direction, &self.from, &self.to].iter().any(|v| !v.is_empty())
    }
}

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    /// The filters.
    pub filters: Filters,
    /// What is wrong with them.
    pub problem: Option<String>,
    /// The rows of this page.
    pub rows: Vec<CallRow>,
    /// Address of this list with its filters, from the newest on.
    pub newest: String,
    /// Whether this is a later page, so that the newest is worth a link.
    pub paged: bool,
    /// Address of the page of older calls.
    pub older: Option<String>,
    /// Address of this very page, to fetch it again.
    pub here: String,
}

/// The whole page.
pub fn page(chrome: &Chrome, view: &Calls) -> Markup {
    shell(chrome, Nav::Calls, "Calls", &content(chrome, view))
}

/// The page without the shell.
pub fn content(chrome: &Chrome, view: &Calls) -> Markup {
    let filters = &view.filters;
    html! {
        (heading(&html! { "Calls" }, &html! { "Every call, newest first." }, None))
        section.card aria-label="Calls" {
            (filter_bar("/app/calls", filters.any().then_some("/app/calls"), &html! {
                div.field {
                    label for="q" { "Number or words" }
                    input.in id="q" name="q" type="search" value=(filters.q) data-filters;
                }
                (select("status", "status", "State", &[
                    Choice { value: "", label: "Any" }, Choice { value: "ringing", label: "Ringing" },
                    Choice { value: "in-progress", label: "In progress" }, Choice { value: "forwarding", label: "Passing on" },
                    Choice { value: "ended", label: "Ended" },
                ], &filters.status, false))
                (select("direction", "direction", "Direction", &[
                    Choice { value: "", label: "Any" }, Choice { value: "inbound", label: "Incoming" },
                    Choice { value: "outbound", label: "Outgoing" }, Choice { value: "web", label: "From the browser" },
                ], &filters.direction, false))
                div.field { label for="from" { "From" } input.in id="from" name="from" type="date" value=(filters.from); }
                div.field { label for="to" { "To" } input.in id="to" name="to" type="date" value=(filters.to); }
            }))
            (error_summary(view.problem.as_deref()))
            (live_region(&chrome.frame.nonce, "calls", &view.here, None, &rows(chrome, view)))
        }
    }
}

/// The rows with the paging.
pub fn rows(chrome: &Chrome, view: &Calls) -> Markup {
    html! {
        @if view.rows.is_empty() && view.filters.any() {
            (empty(Icon::Search, "No call matches", &html! {
                p { "Change a filter, or look at all of them." }
                div.acts { a.btn href="/app/calls" { "Clear the filters" } }
            }))
        } @else if view.rows.is_empty() {
            (empty(Icon::Phone, "No calls yet", &html! {
                p { "When somebody rings, the call appears here by itself, with transcript and summary." }
                @if chrome.manages { div.acts { a.btn href="/app/settings/connections" { "Check the connection" } } }
            }))
        } @else {
            (call_table(chrome, "Calls", &view.rows))
            (pager(view.paged.then_some(view.newest.as_str()), view.older.as_deref()))
        }
    }
}

const COLUMNS: [Column; 5] = [
    Column { title: "When", class: "" },
    Column { title: "Caller", class: "" },
    Column { title: "Outcome", class: "" },
    Column { title: "Summary", class: "hide-s" },
    Column { title: "Length", class: "end" },
];

/// Calls as a table, here and on Today.
pub(crate) fn call_table(chrome: &Chrome, caption: &str, rows: &[CallRow]) -> Markup {
    table(
        caption,
        "",
        &COLUMNS,
        &html! {
            @for row in rows {
                tr id={ "call-" (row.id) } {
                    td.nowrap { (moment(row.started_at, chrome.frame.now, &chrome.zone)) }
                    td {
                        span.inline {
                            @if let Some(direction @ (Direction::Outbound | Direction::Web)) = row.direction { (direction_icon(direction)) }
                            (row_link(&format!("/app/calls/{}", row.id), &caller(row.name.as_deref(), row.number.as_deref())))
                        }
                    }
                    td { (tag(row.outcome.tone, &row.outcome.label)) }
                    td.summary.hide-s { span { (row.summary.as_deref().unwrap_or("")) } }
                    td.end.num { @if let Some(seconds) = row.seconds { (format::clock(seconds)) } @else { span.muted { "now" } } }
                }
            }
        },
    )
}
