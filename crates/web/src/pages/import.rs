//! Imported rows that wait: nobody could tell whose they are, or something in them cannot be right. The operator gives them
//! to an organization.

use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use super::quarantine::TABS;
use crate::components::{
    Choice, Column, Icon, Look, Nav, empty, error_summary, heading, moment, pager, post_form, select, shell, submit,
    table, tabs,
};
use crate::frame::Chrome;

/// Where the page is.
pub const PATH: &str = "/app/operator/import";

/// A row that waits.
#[derive(Clone, Debug)]
pub struct WaitingRow {
    /// Its id.
    pub id: Uuid,
    /// The original's table.
    pub table: String,
    /// File and line.
    pub place: String,
    /// Why it waits, in plain words.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The rows, oldest first.
    pub rows: Vec<WaitingRow>,
    /// How many in all.
    pub total: u64,
    /// Organizations that a row can be given to: id and name.
    pub organizations: Vec<(String, String)>,
    /// Address of the next page.
    pub next: Option<String>,
    /// Whether this is a later page.
    pub paged: bool,
    /// What went wrong with an action.
    pub problem: Option<String>,
}

const COLUMNS: [Column; 5] = [
    Column { title: "Choose", class: "" },
    Column { title: "Row", class: "" },
    Column { title: "Table", class: "" },
    Column { title: "Why it waits", class: "" },
    Column { title: "Since", class: "" },
];

/// The whole page.
pub fn page(chrome: &Chrome, view: &Imported) -> Markup {
    shell(chrome, Nav::Quarantine, "Imported rows", &content(chrome, view))
}

fn content(chrome: &Chrome, view: &Imported) -> Markup {
    html! {
        (heading(&html! { "Imported rows" }, &html! { "Rows of the original system that wait for somebody to decide." }, None))
        (tabs("Quarantine", PATH, &TABS))
        div.stack {
            (error_summary(view.problem.as_deref()))
            section.card aria-label="Waiting rows" {
                @if view.rows.is_empty() {
                    (empty(Icon::Archive, "No row waits", &html! { p { "Every imported row found its organization." } }))
                } @else {
                    header { h2 { (view.total) @if view.total == 1 { " row" } @else { " rows" } } }
                    (post_form(&chrome.frame, "/app/operator/import/assign", "", &html! {
                        (table("Waiting rows", "cards", &COLUMNS, &html! { @for row in &view.rows { (waiting(chrome, row)) } }))
                        (choice(view))
                    }))
                    (pager(view.paged.then_some(PATH), view.next.as_deref()))
                }
            }
        }
    }
}

fn choice(view: &Imported) -> Markup {
    let known = view.organizations.iter().map(|(id, name)| Choice { value: id, label: name });
    let choices: Vec<_> = std::iter::once(Choice { value: "", label: "Choose an organization" }).chain(known).collect();
    html! {
        div.acts {
            (select("org_id", "org_id", "Organization", &choices, "", false))
            (submit(Look::Primary, "Give it the chosen rows"))
        }
        p.hint { "A row that contradicts your choice, for example by its agent, goes on waiting." }
    }
}

fn waiting(chrome: &Chrome, row: &WaitingRow) -> Markup {
    html! {
        tr {
            td data-label="Choose" { input type="checkbox" name="row" value=(row.id) aria-label={ "Choose " (row.place) }; }
            td data-label="Row" { code.mono.small { (row.place) } }
            td data-label="Table" { code.mono.small { (row.table) } }
            td data-label="Why" { (row.reason) }
            td.nowrap data-label="Since" { (moment(row.since, chrome.frame.now, &chrome.zone)) }
        }
    }
}
