//! Quarantine: events whose organization could not be told. Nothing in it is lost; the operator finds the cause and
//! plays them again.

use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use crate::components::{
    Column, Icon, Look, Nav, empty, error_summary, heading, moment, pager, post_form, shell, submit, table, tabs,
};
use crate::frame::Chrome;

/// A held event.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its id.
    pub id: Uuid,
    /// When it came.
    pub received_at: Timestamp,
    /// Its type as the provider calls it.
    pub kind: String,
    /// Why it is here, in plain words.
    pub reason: String,
    /// What is known of it: name and value.
    pub clues: Vec<(String, String)>,
}

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Quarantine {
    /// The held events, newest first.
    pub held: Vec<Held>,
    /// How many in all.
    pub total: u64,
    /// Address of the page of older ones.
    pub older: Option<String>,
    /// Whether this is a later page.
    pub paged: bool,
    /// What went wrong with an action.
    pub problem: Option<String>,
}

/// What is held without an organization: the provider's events, and rows of an import.
pub const TABS: [(&str, &str); 2] = [("/app/operator/quarantine", "Events"), ("/app/operator/import", "Imported rows")];

const COLUMNS: [Column; 5] = [
    Column { title: "Received", class: "" },
    Column { title: "Event", class: "" },
    Column { title: "Why it is held", class: "" },
    Column { title: "Known of it", class: "" },
    Column { title: "Actions", class: "end" },
];

/// The whole page.
pub fn page(chrome: &Chrome, view: &Quarantine) -> Markup {
    shell(chrome, Nav::Quarantine, "Quarantine", &content(chrome, view))
}

fn content(chrome: &Chrome, view: &Quarantine) -> Markup {
    html! {
        (heading(&html! { "Quarantine" }, &html! { "Events of this installation whose organization could not be told." }, None))
        (tabs("Quarantine", "/app/operator/quarantine", &TABS))
        div.stack {
            (error_summary(view.problem.as_deref()))
            section.card aria-label="Held events" {
                @if view.held.is_empty() {
                    (empty(Icon::Archive, "Nothing is held", &html! { p { "Every event so far found its organization." } }))
                } @else {
                    header { h2 { (view.total) @if view.total == 1 { " event" } @else { " events" } } }
                    (table("Held events", "cards", &COLUMNS, &html! { @for held in &view.held { (row(chrome, held)) } }))
                    (pager(view.paged.then_some("/app/operator/quarantine"), view.older.as_deref()))
                }
            }
        }
    }
}

fn row(chrome: &Chrome, held: &Held) -> Markup {
    html! {
        tr {
            td.nowrap data-label="Received" { (moment(held.received_at, chrome.frame.now, &chrome.zone)) }
            td data-label="Event" { code.mono.small { (held.kind) } }
            td data-label="Why" { (held.reason) }
            td data-label="Known" { @for (name, value) in &held.clues { div.small { span.muted { (name) " " } code.mono { (value) } } } }
            td.end {
                (post_form(&chrome.frame, "/app/operator/quarantine/replay", "", &html! {
                    input type="hidden" name="event_id" value=(held.id);
                    (submit(Look::Default, "Play again"))
                }))
            }
        }
    }
}
