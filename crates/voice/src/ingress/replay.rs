//! Rebuilding a call from its events, to see whether the rows are what the events say.
//!
//! The events are taken in again under another call id inside a transaction, the rows that come out are compared with the
//! ones that stand, and the transaction is given up; with `apply` the differences are then written. So a replay goes
//! through exactly the code that the events went through the first time.

use platform::audit::{self, Actor};
use platform::ids::{CallId, OrgId};
use platform::tenancy::{DbError, Tenancy, TenantTx};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sqlx::Executor as _;

use super::actions::decompress;
use super::model::Event;
use super::store;

/// Columns that events decide. Where a recording was copied to, and what people did with the call, they do not.
const LOG_COLUMNS: [&str; 24] = [
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
    let calls = sqlx::query_scalar("select id from call_logs where org_id = $1 order by at, id")
        .bind(org)
        .fetch_all(tx.conn())
        .await
        .map_err(DbError::from)?;
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
    let standing = snapshot(&mut tx, call).await?.ok_or(ReplayError::NotFound)?;
    let events = store::events_of_call(&mut tx, call).await?;
    let scratch = format!("replay:{call}");

    tx.conn().execute("savepoint replay").await.map_err(DbError::from)?;
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
        Some(id) => snapshot(&mut tx, id).await?.ok_or(ReplayError::NotFound)?,
        None => standing.clone(),
    };
    tx.conn().execute("rollback to savepoint replay").await.map_err(DbError::from)?;

    let differences = standing.differences(&rebuilt);
    let applied = apply && !differences.is_empty();
    if applied {
        write(&mut tx, call, &rebuilt).await?;
        let detail = json!({ "fields": differences.iter().map(|difference| &difference.field).collect::<Vec<_>>() });
        audit::record(&mut tx, Actor::System, "call.rebuilt", Some(&call.to_string()), detail).await?;
    }
    tx.commit().await?;
    Ok(ReplayReport { call_id: call, events: events.len(), differences, applied })
}

/// The rows of a call as far as events decide them.
#[derive(Clone)]
struct Snapshot {
    log: Map<String, Value>,
    tracking: Map<String, Value>,
    turns: Vec<Value>,
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

async fn snapshot(tx: &mut TenantTx, call: CallId) -> Result<Option<Snapshot>, DbError> {
    let row: Option<(Value, Value, Value)> = sqlx::query_as(
        "select to_jsonb(l), to_jsonb(t),
                coalesce((select jsonb_agg(jsonb_build_object('turn_key', u.turn_key, 'role', u.role, 'text', u.text, 'at', u.at)
                                           order by u.turn_key)
                            from call_turns u where u.org_id = l.org_id and u.call_id = l.id), '[]')
           from call_logs l join call_tracking t on t.org_id = l.org_id and t.id = l.id
          where l.org_id = $1 and l.id = $2",
    )
    .bind(tx.org())
    .bind(call)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|(log, tracking, turns)| Snapshot { log: object(log), tracking: object(tracking), turns: list(turns) }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

async fn write(tx: &mut TenantTx, call: CallId, rebuilt: &Snapshot) -> Result<(), DbError> {
    sqlx::query(
        "update call_logs l set
           direction = n.direction, status = n.status, from_number = n.from_number, to_number = n.to_number,
           caller_name = n.caller_name, assistant_ref = n.assistant_ref, number_ref = n.number_ref, leg_id = n.leg_id,
           at = n.at, started_at = n.started_at, ended_at = n.ended_at, duration_seconds = n.duration_seconds,
           ended_reason = n.ended_reason, ended_class = n.ended_class, outcome = n.outcome, cost_micros = n.cost_micros,
           currency = n.currency, summary = n.summary, success_evaluation = n.success_evaluation,
           structured_data = n.structured_data, latency = n.latency, transcript = n.transcript, recordings = n.recordings,
           language = n.language
         from jsonb_populate_record(null::call_logs, $3) n where l.org_id = $1 and l.id = $2",
    )
    .bind(tx.org())
    .bind(call)
    .bind(Value::Object(rebuilt.log.clone()))
    .execute(tx.conn())
    .await?;
    sqlx::query(
        "update call_tracking t set
           status = n.status, status_rank = n.status_rank, at = n.at, started_at = n.started_at, ended_at = n.ended_at,
           duration_seconds = n.duration_seconds, reported = n.reported, last_event_at = n.last_event_at,
           said_role = n.said_role, said_text = n.said_text, said_at = n.said_at
         from jsonb_populate_record(null::call_tracking, $3) n where t.org_id = $1 and t.id = $2",
    )
    .bind(tx.org())
    .bind(call)
    .bind(Value::Object(rebuilt.tracking.clone()))
    .execute(tx.conn())
    .await?;
    sqlx::query("delete from call_turns where org_id = $1 and call_id = $2")
        .bind(tx.org())
        .bind(call)
        .execute(tx.conn())
        .await?;
    sqlx::query(
        "insert into call_turns (org_id, call_id, turn_key, role, text, at)
         select $1, $2, n.turn_key, n.role, n.text, n.at from jsonb_populate_recordset(null::call_turns, $3) n",
    )
    .bind(tx.org())
    .bind(call)
    .bind(json!(rebuilt.turns))
    .execute(tx.conn())
    .await?;
    Ok(())
}
