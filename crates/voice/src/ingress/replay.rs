//! Rebuilding a call from its events, to see whether the rows are what the events say.
//!
//! The events are taken in again under another call id inside a transaction, the rows that come out are compared with the
//! ones that stand, and the transaction is given up; with `apply` the differences are then written. So a replay goes
//! through exactly the code that the events went through the first time.

use platform::audit::{self, Actor};
use platform::ids::{CallId, OrgId};
use platform::tenancy::{DbError, Tenancy};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::actions::decompress;
use super::model::Event;
use super::store::{self, Snapshot};

/// Columns that events decide. Where a recording was copied to, and what people did with the call, they do not.
const LOG_COLUMNS: [&str; 31] = [
    "direction",
    "status",
    "from_number",
    "to_number",
    "caller_name",
    "assistant_ref",
    "number_ref",
    "leg_id",
    "at",
    "started_at",
    "ended_at",
    "duration_seconds",
    "started_word",
    "ended_word",
    "reason_word",
    "claimed_seconds",
    "ended_reason",
    "ended_class",
    "outcome",
    "cost_micros",
    "currency",
    "summary",
    "success_evaluation",
    "structured_data",
    "latency",
    "transcript",
    "recordings",
    "language",
    "language_at",
    "transferred_to",
    "consent",
];
const TRACKING_COLUMNS: [&str; 9] = [
    "status",
    "status_rank",
    "at",
    "started_at",
    "ended_at",
    "duration_seconds",
    "reported",
    "last_event_at",
    "said_text",
];

/// Why a replay did not work.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Unknown or another organization's.
    #[error("there is no such call")]
    NotFound,
    /// A stored event cannot be read back.
    #[error("a stored event cannot be read back")]
    Unreadable,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// One column whose value is not what the events say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// `call_logs.status`, `call_turns[…].text`, …
    pub field: String,
    /// What stands.
    pub stored: Value,
    /// What the events say.
    pub rebuilt: Value,
}

/// What a replay found.
#[derive(Debug, Serialize)]
pub struct ReplayReport {
    /// The call.
    pub call_id: CallId,
    /// How many events were taken in again.
    pub events: usize,
    /// Empty when everything stands as the events say.
    pub differences: Vec<Difference>,
    /// Whether the differences were written.
    pub applied: bool,
}

/// Every call of the organization that has events, oldest first.
pub async fn calls_with_events(tenancy: &Tenancy, org: OrgId) -> Result<Vec<CallId>, ReplayError> {
    let mut tx = tenancy.tenant(org).await?;
    let calls = store::all_calls(&mut tx).await?;
    tx.commit().await?;
    Ok(calls)
}

/// Replays one call.
pub async fn replay_call(
    tenancy: &Tenancy,
    org: OrgId,
    call: CallId,
    apply: bool,
) -> Result<ReplayReport, ReplayError> {
    let mut tx = tenancy.tenant(org).await?;
    let standing = store::snapshot(&mut tx, call).await?.ok_or(ReplayError::NotFound)?;
    let events = store::events_of_call(&mut tx, call).await?;
    let scratch = format!("replay:{call}");

    store::begin_scratch(&mut tx).await?;
    let mut scratch_id = None;
    for stored in &events {
        let body = decompress(&stored.body).map_err(|_| ReplayError::Unreadable)?;
        let received = providers::vapi::receive(&body).map_err(|_| ReplayError::Unreadable)?;
        let mut event = Event::from_received(received);
        event.dedup_key = format!("replay:{}", event.dedup_key);
        event.provider_call_id = Some(scratch.clone());
        let ingested = store::ingest_in(&mut tx, stored.connection_id, &event, &stored.body).await?;
        scratch_id = scratch_id.or(ingested.call_id);
    }
    let rebuilt = match scratch_id {
        Some(id) => store::snapshot(&mut tx, id).await?.ok_or(ReplayError::NotFound)?,
        None => standing.clone(),
    };
    store::give_scratch_up(&mut tx).await?;

    let differences = standing.differences(&rebuilt);
    let applied = apply && !differences.is_empty();
    if applied {
        store::write_snapshot(&mut tx, call, &rebuilt).await?;
        let detail = json!({ "fields": differences.iter().map(|difference| &difference.field).collect::<Vec<_>>() });
        audit::record(&mut tx, Actor::System, "call.rebuilt", Some(&call.to_string()), detail).await?;
    }
    tx.commit().await?;
    Ok(ReplayReport { call_id: call, events: events.len(), differences, applied })
}

impl Snapshot {
    fn differences(&self, rebuilt: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        let tables = [
            ("call_logs", &LOG_COLUMNS[..], &self.log, &rebuilt.log),
            ("call_tracking", &TRACKING_COLUMNS[..], &self.tracking, &rebuilt.tracking),
        ];
        for (table, columns, stored, rebuilt) in tables {
            for column in columns {
                let (stored, rebuilt) = (value(stored, column), value(rebuilt, column));
                if stored != rebuilt {
                    found.push(Difference { field: format!("{table}.{column}"), stored, rebuilt });
                }
            }
        }
        if self.turns != rebuilt.turns {
            found.push(Difference {
                field: "call_turns".to_owned(),
                stored: json!(self.turns),
                rebuilt: json!(rebuilt.turns),
            });
        }
        found
    }
}

fn value(row: &Map<String, Value>, column: &str) -> Value {
    row.get(column).cloned().unwrap_or(Value::Null)
}
