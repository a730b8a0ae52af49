//! Imported rows that wait: nobody could tell whose they are, or something in them cannot be right. The operator gives them
//! to an organization, one by one or all that wait for the same reason, or drops them.

use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use super::quarantine::TABS;
use crate::components::{
    Choice, Column, Icon, Look, Nav, checkbox, empty, error_summary, heading, moment, pager, post_form, select, shell,
    submit, table, tabs,
};
use crate::format::count;
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

/// Rows that wait for the same reason.
#[derive(Clone, Debug)]
pub struct Group {
    /// What stands for them in an address and a form.
    pub mark: String,
    /// The original's table.
    pub table: String,
    /// Why they wait, in plain words.
    pub reason: String,
    /// How many.
    pub rows: u64,
}

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// Why rows wait, the most first.
    pub groups: Vec<Group>,
    /// Only these are listed.
    pub only: Option<Group>,
    /// The rows, oldest first.
    pub rows: Vec<WaitingRow>,
    /// Organizations that a row can be given to: id and name.
    pub organizations: Vec<(String, String)>,
    /// Address of the next page.
    pub next: Option<String>,
    /// Whether this is a later page.
    pub paged: bool,
    /// What went wrong with an action.
    pub problem: Option<String>,
}

impl Imported {
    fn total(&self) -> u64 {
        self.only.as_ref().map_or_else(|| self.groups.iter().map(|group| group.rows).sum(), |only| only.rows)
    }

    /// The page from its beginning.
    fn beginning(&self) -> String {
        self.only.as_ref().map_or_else(|| PATH.to_owned(), |only| of_group(&only.mark))
    }
}

/// The page with the rows of one group.
pub fn of_group(mark: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("alike", mark).finish();
    format!("{PATH}?{query}")
}

const COLUMNS: [Column; 5] = [
    Column { title: "Choose", class: "" },
    Column { title: "Row", class: "" },
    Column { title: "Table", class: "" },
    Column { title: "Why it waits", class: "" },
    Column { title: "Since", class: "" },
];

const REASONS: [Column; 3] = [
    Column { title: "Why they wait", class: "" },
    Column { title: "Table", class: "" },
    Column { title: "Rows", class: "end" },
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
            @if view.only.is_none() && view.groups.len() > 1 { (reasons(view)) }
            section.card aria-label="Waiting rows" {
                @if view.rows.is_empty() {
                    (empty(Icon::Archive, "No row waits", &nothing(view)))
                } @else {
                    (head(view))
                    (post_form(&chrome.frame, "/app/operator/import/assign", "", &html! {
                        (table("Waiting rows", "cards", &COLUMNS, &html! { @for row in &view.rows { (waiting(chrome, row)) } }))
                        (choice(view))
                    }))
                    (pager(view.paged.then(|| view.beginning()).as_deref(), view.next.as_deref()))
                }
            }
        }
    }
}

fn nothing(view: &Imported) -> Markup {
    html! {
        @if view.groups.is_empty() {
            p { "Every imported row found its organization." }
        } @else {
            p { "None waits for this reason any more. " a href=(PATH) { "All waiting rows" } }
        }
    }
}

fn head(view: &Imported) -> Markup {
    let total = view.total();
    html! {
        header {
            h2 { (count(total)) @if total == 1 { " row" } @else { " rows" } @if let Some(only) = &view.only { " of " (only.table) ", " (only.reason) } }
            @if view.only.is_some() { a href=(PATH) { "All waiting rows" } }
        }
    }
}

fn reasons(view: &Imported) -> Markup {
    html! {
        section.card aria-label="Reasons" {
            header { h2 { "Why rows wait" } }
            (table("Reasons", "cards", &REASONS, &html! {
                @for group in &view.groups {
                    tr {
                        td data-label="Why" { a href=(of_group(&group.mark)) { (group.reason) } }
                        td data-label="Table" { code.mono.small { (group.table) } }
                        td.end.num data-label="Rows" { (count(group.rows)) }
                    }
                }
            }))
        }
    }
}

fn choice(view: &Imported) -> Markup {
    let known = view.organizations.iter().map(|(id, name)| Choice { value: id, label: name });
    let choices: Vec<_> = std::iter::once(Choice { value: "", label: "Choose an organization" }).chain(known).collect();
    html! {
        @if let Some(only) = &view.only {
            @let label = format!("All {} rows that wait for this", count(only.rows));
            (checkbox("all", "all", &only.mark, &label, "Whatever is chosen above, and those of later pages too.", false))
        }
        div.acts {
            (select("org_id", "org_id", "Organization", &choices, "", false))
            (submit(Look::Primary, "Give it the chosen rows"))
        }
        p.hint { "A row that contradicts your choice, for example by its agent, goes on waiting." }
        details.confirm {
            summary class=(Look::Quiet.class()) { "Drop the chosen rows" }
            div.row.wrap {
                span.small { "What they say is deleted for good, and the same rows in a later export are refused." }
                button class=(Look::Danger.class()) type="submit" formaction="/app/operator/import/drop" { "Drop the chosen rows" }
            }
        }
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
