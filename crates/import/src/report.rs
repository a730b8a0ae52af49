//! What became of every row.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::{Fate, Place, Reason, Table};

/// How many columns that nobody asked about are remembered.
const MOST_COLUMNS: usize = 200;

/// Rows by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows in the file.
    pub read: u64,
    /// Made something here.
    pub imported: u64,
    /// Were here before.
    pub already_there: u64,
    /// Added to a call that another row or event had made.
    pub merged: u64,
    /// Wait for somebody to decide.
    pub quarantined: u64,
    /// Are no rows that could be kept.
    pub refused: u64,
}

impl Tally {
    /// Whether every row that was read became something.
    pub fn is_accounted(&self) -> bool {
        self.read == self.imported + self.already_there + self.merged + self.quarantined + self.refused
    }

    fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.imported += other.imported;
        self.already_there += other.already_there;
        self.merged += other.merged;
        self.quarantined += other.quarantined;
        self.refused += other.refused;
    }
}

/// What one reading of one file has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegTally {
    /// Its rows.
    pub rows: Tally,
    /// Calls that do not say whose they are and were left for another reading.
    pub unstated: u64,
    /// The file was read to its end.
    pub is_over: bool,
    /// Something in it could not be read at all.
    pub is_broken: bool,
    /// Columns that it has.
    pub columns: BTreeSet<String>,
}

impl LegTally {
    /// Remembers a column. Its name is the file's: PostgreSQL keeps no NUL.
    pub fn note_column(&mut self, name: &str) {
        if self.columns.len() < MOST_COLUMNS && !self.columns.contains(name) {
            self.columns.insert(name.replace('\0', "\u{fffd}"));
        }
    }
}

/// One reason and how often it was met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReasonCount {
    /// In which table.
    pub table: Table,
    /// In which column; empty for the whole row.
    pub column: String,
    /// What.
    pub reason: Reason,
    /// What became of the rows.
    pub fate: Fate,
    /// How many.
    pub rows: i64,
    /// The first of them.
    pub first: Place,
}

/// What an import came to. The same for a dry run, but for `run` and `dry_run`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The run; none for a dry run.
    pub run: Option<Uuid>,
    /// Nothing was written.
    pub dry_run: bool,
    /// Every row is accounted for, and every file was read to its end.
    pub complete: bool,
    /// By table.
    pub tables: BTreeMap<Table, Tally>,
    /// Why rows wait, were refused, or deserve a look.
    pub reasons: Vec<ReasonCount>,
    /// Files that could not be read to their end.
    pub broken_files: Vec<String>,
    /// Files in the folder that are not imported.
    pub other_files: Vec<String>,
    /// Columns that have no place of their own here: kept with their rows.
    pub other_columns: BTreeMap<Table, BTreeSet<String>>,
}

impl Report {
    /// Adds what one reading of a file came to.
    pub fn add(&mut self, table: Table, file: &str, leg: &LegTally) {
        self.tables.entry(table).or_default().add(&leg.rows);
        if leg.is_broken && !self.broken_files.iter().any(|name| name == file) {
            self.broken_files.push(file.to_owned());
        }
        let others = leg.columns.iter().filter(|name| !known_columns(table).contains(&name.as_str()));
        for name in others {
            self.other_columns.entry(table).or_default().insert(name.clone());
        }
    }

    /// Draws the sum.
    pub fn settle(&mut self) {
        self.complete = self.broken_files.is_empty() && self.tables.values().all(Tally::is_accounted);
    }

    /// All tables together.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.tables.values().for_each(|tally| total.add(tally));
        total
    }

    /// For a person.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let title = if self.dry_run { "Dry run: nothing was written." } else { "Import." };
        let _ = writeln!(out, "{title}");
        let _ = writeln!(
            out,
            "{:<17}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "", "read", "imported", "already", "merged", "waiting", "refused"
        );
        let total = self.total();
        for (name, tally) in self.tables.iter().map(|(table, tally)| (table.name(), tally)).chain([("total", &total)]) {
            let Tally { read, imported, already_there, merged, quarantined, refused } = tally;
            let gap = if tally.is_accounted() { "" } else { "  not accounted for" };
            let _ = writeln!(
                out,
                "{name:<17}{read:>10}{imported:>10}{already_there:>10}{merged:>10}{quarantined:>10}{refused:>10}{gap}"
            );
        }
        for ReasonCount { table, column, reason, fate, rows, first } in &self.reasons {
            let subject = if column.is_empty() { String::new() } else { format!("{column} ") };
            let fate = match fate {
                Fate::Quarantined => "waiting",
                Fate::Refused => "refused",
                Fate::Noted => "noted",
            };
            let _ =
                writeln!(out, "{fate}: {table}: {subject}{} ({rows} rows, the first at {first})", reason.sentence());
        }
        for (table, columns) in &self.other_columns {
            let names: Vec<_> = columns.iter().map(String::as_str).collect();
            let _ = writeln!(out, "{table}: kept with their rows, without a place of their own: {}", names.join(", "));
        }
        if !self.other_files.is_empty() {
            let _ = writeln!(out, "Not imported: {}.", self.other_files.join(", "));
        }
        for file in &self.broken_files {
            let _ = writeln!(out, "{file} could not be read to its end.");
        }
        let verdict = if self.complete { "Every row is accounted for." } else { "Not every row is accounted for." };
        let _ =
            writeln!(out, "Users and their passwords are not imported: make owners with `voxanne admin add-owner`.");
        let _ = writeln!(out, "{verdict}");
        out
    }
}

/// The columns of a table that become something here.
fn known_columns(table: Table) -> &'static [&'static str] {
    match table {
        Table::Organizations => &["id", "name", "clinic_name", "timezone", "created_at"],
        Table::Agents => &["id", "org_id", "name", "role", "vapi_assistant_id", "created_at"],
        Table::Leads => &["id", "org_id", "name", "contact_name", "clinic_name", "company_name", "phone", "created_at"],
        Table::DemoBookings => &[
            "id",
            "org_id",
            "prospect_name",
            "prospect_email",
            "prospect_phone",
            "clinic_name",
            "clinic_type",
            "goal",
            "notes",
            "timezone",
            "preferred_time_window",
            "status",
            "created_at",
        ],
        Table::CallLogs | Table::CallTracking | Table::Calls => &[
            "id",
            "org_id",
            "agent_id",
            "lead_id",
            "vapi_call_id",
            "call_sid",
            "call_type",
            "call_direction",
            "direction",
            "from_number",
            "to_number",
            "phone_number",
            "phone",
            "caller_name",
            "status",
            "outcome",
            "call_outcome",
            "ended_reason",
            "created_at",
            "called_at",
            "call_date",
            "started_at",
            "ended_at",
            "end_time",
            "duration_seconds",
            "cost",
            "cost_cents",
            "transcript",
            "transcript_only_fallback",
            "recording_url",
            "summary",
            "outcome_summary",
            "sentiment_summary",
            "sentiment",
            "sentiment_label",
            "sentiment_score",
            "call_notes",
            "notes",
            "action_items",
            "meeting_booked",
            "metadata",
        ],
        Table::CallTranscripts => {
            &["id", "org_id", "call_id", "vapi_call_id", "speaker", "text", "timestamp", "created_at"]
        }
    }
}
