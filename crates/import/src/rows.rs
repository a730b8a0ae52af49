//! From a row of text to what it says, or to the one column that cannot be right.
//!
//! Of each table what its columns mean: [`practices`], [`bookings`], [`calls`], [`turns`]. [`cells`]: of any column whether it can be right.

mod bookings;
mod calls;
mod cells;
mod practices;
mod turns;

use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub use bookings::BookingWords;
pub use calls::{CallWords, Standing};
pub use turns::TurnWords;

use crate::mapping::Mapping;
use crate::model::{Issue, Place, Table};
use crate::reading::Row;
use cells::Cells;

/// Which row this is.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Of which table.
    pub table: Table,
    /// Its own id, or one made from what identifies it.
    pub id: Uuid,
    /// Of the whole row, 16 bytes in hexadecimal.
    pub digest: String,
    /// Where it stands.
    pub place: Place,
    /// All of it.
    pub row: Row,
}

impl Source {
    /// Names a row.
    pub fn of(table: Table, row: Row, place: Place) -> Self {
        let digest = digest_of(table, &row);
        let own = row.get("id").and_then(Value::as_str).and_then(|id| id.trim().parse().ok());
        let id = own.unwrap_or_else(|| made_id(table, &row, &digest));
        Self { table, id, digest, place, row }
    }

    /// What stands for the provider's id of a call that never had one.
    pub fn invented_call_id(&self) -> String {
        format!("original:{}:{}", self.table, self.id)
    }

    /// Where the sealed row belongs, so that it opens nowhere else.
    pub fn seal_place(&self) -> String {
        seal_place(self.table, self.id)
    }
}

/// See [`Source::seal_place`].
pub fn seal_place(table: Table, id: Uuid) -> String {
    format!("import_quarantine/{table}/{id}")
}

/// Independent of the order of the columns.
fn digest_of(table: Table, row: &Row) -> String {
    let mut columns: Vec<_> = row.iter().collect();
    columns.sort_by_key(|(name, _)| name.as_str());
    let mut hasher = Sha256::new();
    hasher.update(table.name());
    for (name, value) in columns {
        let value = value.to_string();
        hasher.update(name.len().to_le_bytes());
        hasher.update(name);
        hasher.update(value.len().to_le_bytes());
        hasher.update(value);
    }
    hex::encode(&hasher.finalize()[..16])
}

/// The same row has the same id in every import.
fn made_id(table: Table, row: &Row, digest: &str) -> Uuid {
    let text = |column: &str| match row.get(column) {
        Some(Value::String(text)) => Some(text.trim().to_owned()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let by_call = || text("vapi_call_id").filter(|_| table.holds_calls()).map(|id| format!("call {id}"));
    let identity = text("id").map(|id| format!("id {id}")).or_else(by_call).unwrap_or_else(|| format!("row {digest}"));
    let hash: [u8; 32] = Sha256::digest(format!("voxanne import {table} {identity}")).into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// What a row says about whose it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims {
    /// Its agent.
    pub agent: Option<Uuid>,
    /// The provider's id of the assistant.
    pub assistant: Option<String>,
    /// Its lead.
    pub lead: Option<Uuid>,
    /// The provider's id of its call.
    pub provider_call_id: Option<String>,
    /// Numbers in it that may be ours, E.164.
    pub numbers: Vec<String>,
    /// The row of a call that it belongs to.
    pub parent: Option<Uuid>,
}

/// What a row is.
#[derive(Clone, Debug)]
pub enum Content {
    /// A practice.
    Organization {
        /// 1 to 200 characters.
        name: String,
        /// IANA zone.
        zone: String,
    },
    /// An AI receptionist.
    Agent {
        /// 1 to 100 characters.
        name: String,
        /// The provider's id of its assistant.
        assistant: Option<String>,
        /// `inbound` or `outbound`.
        role: Option<&'static str>,
    },
    /// Somebody a practice knows.
    Lead {
        /// At most 200 characters.
        name: Option<String>,
        /// E.164.
        phone: Option<String>,
    },
    /// A demo that a prospect asked for.
    Booking(Box<BookingWords>),
    /// A call.
    Call(Box<CallWords>),
    /// An utterance.
    Turn(Box<TurnWords>),
}

/// A row that makes sense by itself.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Which.
    pub source: Source,
    /// The organization that it states, by its id here.
    pub org: Option<Uuid>,
    /// What else it says about whose it is.
    pub claims: Claims,
    /// What it is.
    pub content: Content,
    /// When it was made.
    pub created: Timestamp,
    /// Columns that have no place here yet.
    pub kept: Option<Value>,
    /// What is worth knowing about it.
    pub notes: Vec<Issue>,
}

/// Reads a row. The issue names the first column that cannot be right.
pub fn prepare(source: Source, mapping: &Mapping, now: Timestamp) -> Result<Prepared, (Box<Source>, Issue)> {
    let mut cells = Cells { row: &source.row, mapping, now, notes: Vec::new() };
    match read(source.table, &mut cells) {
        Ok(Read { org, claims, content, created }) => {
            let kept = kept(source.table, &source.row);
            let notes = cells.notes;
            Ok(Prepared { source, org, claims, content, created, kept, notes })
        }
        Err(issue) => Err((Box::new(source), issue)),
    }
}

struct Read {
    org: Option<Uuid>,
    claims: Claims,
    content: Content,
    created: Timestamp,
}

fn read(table: Table, cells: &mut Cells<'_>) -> Result<Read, Issue> {
    match table {
        Table::Organizations => practices::organization(cells),
        Table::Agents => practices::agent(cells),
        Table::Leads => practices::lead(cells),
        Table::DemoBookings => bookings::booking(cells),
        Table::CallLogs | Table::CallTracking | Table::Calls => calls::call(table, cells),
        Table::CallTranscripts => turns::turn(cells),
    }
}

/// Columns of small tables that are not taken over, without what opens something. Of calls the whole row is kept as the body
/// of their event.
fn kept(table: Table, row: &Row) -> Option<Value> {
    let taken: &[&str] = match table {
        Table::Organizations => &["id", "name", "timezone", "created_at"],
        // The role stays with what is kept: it tells which calls an agent takes.
        Table::Agents => &["id", "org_id", "name", "vapi_assistant_id", "created_at"],
        Table::Leads => &["id", "org_id", "name", "contact_name", "phone", "created_at"],
        Table::DemoBookings => &["id", "created_at", "prospect_name", "prospect_email", "prospect_phone"],
        _ => return None,
    };
    let rest: Map<String, Value> = row
        .iter()
        .filter(|(name, _)| !taken.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if rest.is_empty() {
        return None;
    }
    let scrubbed = providers::vapi::redact(Value::Object(rest).to_string().as_bytes()).ok()?;
    serde_json::from_slice(&scrubbed).ok()
}
