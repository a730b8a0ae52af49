//! The backups of the installation: what was tried, where it is, and whether it was ever restored on trial.

use jiff::Timestamp;
use maud::{Markup, html};

use super::status::{BACKUPS, PartCard, Word, part_card, sections};
use crate::components::{Column, Icon, Nav, card, empty, heading, moment, pager, shell, table, tag};
use crate::format;
use crate::frame::Chrome;

/// A backup.
#[derive(Clone, Debug)]
pub struct BackupRow {
    /// When it began.
    pub started_at: Timestamp,
    /// What came of it.
    pub word: Word,
    /// Why it failed or is damaged.
    pub error: Option<String>,
    /// Bytes that it takes, without the recordings.
    pub bytes: Option<u64>,
    /// The folder or bucket.
    pub place: String,
    /// When it was restored on trial and agreed.
    pub verified_at: Option<Timestamp>,
    /// When it was removed, as newer ones stand for it.
    pub removed_at: Option<Timestamp>,
}

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Backups {
    /// How backups stand.
    pub part: PartCard,
    /// What was tried, newest first.
    pub rows: Vec<BackupRow>,
    /// Address of the page of older ones.
    pub older: Option<String>,
    /// Whether this is a later page.
    pub paged: bool,
}

const COLUMNS: [Column; 5] = [
    Column { title: "Taken", class: "" },
    Column { title: "State", class: "" },
    Column { title: "Restored on trial", class: "" },
    Column { title: "Size", class: "end" },
    Column { title: "Where", class: "" },
];

/// The whole page.
pub fn page(chrome: &Chrome, view: &Backups) -> Markup {
    let below = html! { "The database, the recordings and what else another machine needs to go on from here." };
    shell(
        chrome,
        Nav::Status,
        "Backups",
        &html! {
            (heading(&html! { "Backups" }, &below, None))
            (sections(BACKUPS))
            div.stack {
                div.tiles { (part_card(&view.part)) }
                (rows(chrome, view))
                p.small.muted {
                    code { "voxanne backup" } " takes one now, " code { "voxanne backup verify" } " restores the newest on trial, and "
                    code { "voxanne restore" } " brings one back into an empty installation."
                }
            }
        },
    )
}

fn rows(chrome: &Chrome, view: &Backups) -> Markup {
    let body = html! {
        @if view.rows.is_empty() {
            (empty(Icon::Archive, "No backup was taken yet", &html! {
                p { "With " code { "VOXANNE_BACKUP_TO" } " set, one is taken every day." }
            }))
        } @else {
            (table("Backups", "cards", &COLUMNS, &html! { @for one in &view.rows { (row(chrome, one)) } }))
            (pager(view.paged.then_some(BACKUPS), view.older.as_deref()))
        }
    };
    card("taken", &html! { "Taken" }, None, &body)
}

fn row(chrome: &Chrome, one: &BackupRow) -> Markup {
    let at = |at: Timestamp| moment(at, chrome.frame.now, &chrome.zone);
    html! {
        tr {
            td.nowrap data-label="Taken" { (at(one.started_at)) }
            td data-label="State" {
                (tag(one.word.1, one.word.0))
                @if let Some(error) = &one.error { div.small { (error) } }
                @if let Some(removed) = one.removed_at { div.small.muted { "Removed " (at(removed)) ", as newer ones stand for it" } }
            }
            td data-label="Restored on trial" {
                @match one.verified_at { Some(verified) => (at(verified)), None => span.muted { "Never" } }
            }
            td.end.num data-label="Size" { @if let Some(bytes) = one.bytes { (format::bytes(bytes)) } @else { "–" } }
            td data-label="Where" { code.mono.small { (one.place) } }
        }
    }
}
