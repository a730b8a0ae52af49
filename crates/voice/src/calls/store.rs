//! SQL that reads calls.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::http::{Cursor, Limit};
use platform::ids::{CallId, OrgId};
use platform::tenancy::{DbError, SystemTx, TenantCall, TenantTx};
use serde::Deserialize;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row as _};

use super::actions::KnownLead;
use super::model::{CallDetail, CallEvent, CallFilter, CallSummary, Cost, RecordingState, ToolUse, TranscriptTurn};
use crate::retention;

/// The SQL type `call_row`: its columns come first and in this order wherever it is read.
struct CallRow {
    id: CallId,
    provider_call_id: String,
    direction: Option<String>,
    status: String,
    from_number: Option<String>,
    to_number: Option<String>,
    caller_name: Option<String>,
    at: jiff_sqlx::Timestamp,
    started_at: Option<jiff_sqlx::Timestamp>,
    ended_at: Option<jiff_sqlx::Timestamp>,
    duration_seconds: Option<i32>,
    ended_reason: Option<String>,
    ended_class: Option<String>,
    outcome: Option<String>,
    cost_micros: Option<i64>,
    currency: Option<String>,
    summary: Option<String>,
    recording_state: String,
    agent_name: Option<String>,
}

/// By position: to look nineteen names up for each of twenty rows costs more than to read what is there.
impl<'r> FromRow<'r, PgRow> for CallRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get(0)?,
            provider_call_id: row.try_get(1)?,
            direction: row.try_get(2)?,
            status: row.try_get(3)?,
            from_number: row.try_get(4)?,
            to_number: row.try_get(5)?,
            caller_name: row.try_get(6)?,
            at: row.try_get(7)?,
            started_at: row.try_get(8)?,
            ended_at: row.try_get(9)?,
            duration_seconds: row.try_get(10)?,
            ended_reason: row.try_get(11)?,
            ended_class: row.try_get(12)?,
            outcome: row.try_get(13)?,
            cost_micros: row.try_get(14)?,
            currency: row.try_get(15)?,
            summary: row.try_get(16)?,
            recording_state: row.try_get(17)?,
            agent_name: row.try_get(18)?,
        })
    }
}

impl From<CallRow> for CallSummary {
    fn from(row: CallRow) -> Self {
        Self {
            id: row.id,
            provider_call_id: row.provider_call_id,
            direction: row.direction,
            status: row.status,
            from_number: row.from_number,
            to_number: row.to_number,
            caller_name: row.caller_name,
            agent: row.agent_name,
            at: row.at.to_jiff(),
            started_at: row.started_at.map(jiff_sqlx::Timestamp::to_jiff),
            ended_at: row.ended_at.map(jiff_sqlx::Timestamp::to_jiff),
            duration_seconds: row.duration_seconds,
            ended_reason: row.ended_reason,
            ended_class: row.ended_class,
            outcome: row.outcome,
            cost: row.cost_micros.zip(row.currency).map(|(amount_micros, currency)| Cost { amount_micros, currency }),
            summary: row.summary,
            recording: RecordingState { state: row.recording_state },
        }
    }
}

/// One page of calls, newest first, plus one row to see whether another page follows. One round trip.
pub(super) async fn list(
    call: TenantCall,
    org: OrgId,
    filter: &CallFilter,
    cursor: Option<Cursor>,
    limit: Limit,
) -> Result<Vec<CallSummary>, DbError> {
    let query = sqlx::query_as::<_, CallRow>(
        "select id, provider_call_id, direction, status, from_number, to_number, caller_name, at, started_at, ended_at,
                duration_seconds, ended_reason, ended_class, outcome, cost_micros, currency, summary, recording_state,
                agent_name
           from list_calls($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(org)
    .bind(i32::try_from(limit.fetch()).unwrap_or(i32::MAX))
    .bind(cursor.map(|cursor| cursor.at.to_sqlx()))
    .bind(cursor.map(|cursor| cursor.id))
    .bind(filter.status.map(super::model::Status::as_str))
    .bind(filter.direction.map(super::model::Direction::as_str))
    .bind(filter.from.map(jiff_sqlx::ToSqlx::to_sqlx))
    .bind(filter.to.map(jiff_sqlx::ToSqlx::to_sqlx))
    .bind(filter.words.as_deref());
    Ok(call.fetch_all(query).await?.into_iter().map(CallSummary::from).collect())
}

#[derive(FromRow)]
struct DetailRow {
    #[sqlx(flatten)]
    call: CallRow,
    transcript: Option<Json<Vec<StoredTurn>>>,
    transcript_text: Option<String>,
    success_evaluation: Option<String>,
    structured_data: Option<Value>,
    latency: Option<Value>,
    language: Option<String>,
    transferred_to: Option<String>,
    consent: Option<Value>,
}

/// A turn as the report's transcript keeps it (`providers::vapi::Turn`).
#[derive(Deserialize)]
struct StoredTurn {
    role: String,
    text: String,
    at: Option<Timestamp>,
    start_ms: Option<i64>,
}

/// The call, or nothing when it is unknown or another organization's.
pub(super) async fn find(tx: &mut TenantTx, id: CallId) -> Result<Option<CallDetail>, DbError> {
    let org = tx.org();
    let row: Option<DetailRow> = sqlx::query_as(
        "select l.id, l.provider_call_id, l.direction, l.status, l.from_number, l.to_number, l.caller_name, l.at,
                l.started_at, l.ended_at, l.duration_seconds, l.ended_reason, l.ended_class, l.outcome, l.cost_micros,
                l.currency, l.summary, l.recording_state, a.name as agent_name,
                l.transcript::jsonb as transcript, l.transcript_text, l.success_evaluation, l.structured_data, l.latency, l.language,
                l.transferred_to, l.consent
           from call_logs l left join agents a on a.org_id = l.org_id and a.agent_id = l.agent_id
          where l.org_id = $1 and l.id = $2",
    )
    .bind(org)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let transcript = match row.transcript {
        Some(Json(turns)) => turns.into_iter().map(TranscriptTurn::from).collect(),
        None => live_turns(tx, id, row.transcript_text).await?,
    };
    let keeping = retention::actions::keeping(tx, id).await?;
    Ok(Some(CallDetail {
        legal_hold: keeping.hold,
        content_deleted: keeping.tombstone,
        call: row.call.into(),
        transcript,
        tool_calls: tool_calls(tx, id).await?,
        events: events(tx, id).await?,
        success_evaluation: row.success_evaluation,
        structured_data: row.structured_data,
        latency: row.latency,
        language: row.language,
        transferred_to: row.transferred_to,
        consent: row.consent,
    }))
}

impl From<StoredTurn> for TranscriptTurn {
    fn from(turn: StoredTurn) -> Self {
        Self { role: turn.role, text: turn.text, at: turn.at, start_ms: turn.start_ms }
    }
}

async fn live_turns(tx: &mut TenantTx, id: CallId, bare: Option<String>) -> Result<Vec<TranscriptTurn>, DbError> {
    let rows: Vec<(String, String, Option<jiff_sqlx::Timestamp>)> = sqlx::query_as(
        "select role, text, at from call_turns where org_id = $1 and call_id = $2 order by at nulls last, turn_key",
    )
    .bind(tx.org())
    .bind(id)
    .fetch_all(tx.conn())
    .await?;
    if rows.is_empty() {
        // A transcript without speakers is shown whole rather than attributed to somebody by guess.
        let whole = bare.map(|text| TranscriptTurn { role: "caller".to_owned(), text, at: None, start_ms: None });
        return Ok(whole.into_iter().collect());
    }
    Ok(rows
        .into_iter()
        .map(|(role, text, at)| TranscriptTurn {
            role,
            text,
            at: at.map(jiff_sqlx::Timestamp::to_jiff),
            start_ms: None,
        })
        .collect())
}

async fn tool_calls(tx: &mut TenantTx, id: CallId) -> Result<Vec<ToolUse>, DbError> {
    type Row = (String, Option<Value>, Option<String>, Option<String>, Option<jiff_sqlx::Timestamp>);
    let rows: Vec<Row> = sqlx::query_as(
        "select name, arguments, result, error, at from call_tool_calls
          where org_id = $1 and call_id = $2 order by at nulls last, tool_call_id",
    )
    .bind(tx.org())
    .bind(id)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|(name, arguments, result, error, at)| ToolUse {
            name,
            arguments: arguments.unwrap_or(Value::Null),
            result,
            error,
            at: at.map(jiff_sqlx::Timestamp::to_jiff),
        })
        .collect())
}

async fn events(tx: &mut TenantTx, id: CallId) -> Result<Vec<CallEvent>, DbError> {
    let rows: Vec<(String, Option<jiff_sqlx::Timestamp>, jiff_sqlx::Timestamp)> = sqlx::query_as(
        "select type, at, received_at from provider_events where org_id = $1 and call_id = $2
          order by received_at, dedup_key limit 1000",
    )
    .bind(tx.org())
    .bind(id)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|(kind, at, received_at)| CallEvent {
            kind,
            at: at.map(jiff_sqlx::Timestamp::to_jiff),
            received_at: received_at.to_jiff(),
        })
        .collect())
}

/// A call that is going on, for the live list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LiveCallRow {
    /// The call.
    pub id: CallId,
    /// Where it stands.
    pub status: String,
    /// Who reached whom.
    pub direction: Option<String>,
    /// E.164.
    pub from_number: Option<String>,
    /// E.164.
    pub to_number: Option<String>,
    /// When known.
    pub caller_name: Option<String>,
    /// The agent on the line.
    pub agent_name: Option<String>,
    /// The earliest time known.
    pub at: jiff_sqlx::Timestamp,
    /// When two sides were connected.
    pub started_at: Option<jiff_sqlx::Timestamp>,
    /// `agent` or `caller`.
    pub said_role: Option<String>,
    /// What was said last.
    pub said_text: Option<String>,
}

/// The calls that are going on, newest last, and the number of the last live event they include.
///
/// Both in one statement and so from one snapshot: an event after that number is not yet in the rows.
pub async fn live_calls(tx: &mut TenantTx) -> Result<(i64, Vec<LiveCallRow>), DbError> {
    let rows: Vec<LiveRowWithHead> = sqlx::query_as(
        "select coalesce(h.seq, 0) as seq, c.*
           from (select $1::uuid as org_id) o
           left join live_heads h on h.org_id = o.org_id
           left join lateral (
             select t.id, t.status, l.direction, l.from_number, l.to_number, l.caller_name, a.name as agent_name, t.at,
                    t.started_at, t.said_role, t.said_text
               from call_tracking t
               join call_logs l on l.org_id = t.org_id and l.id = t.id
               left join agents a on a.org_id = t.org_id and a.agent_id = t.agent_id
              where t.org_id = o.org_id and t.status_rank < 5
              order by t.at, t.id limit 500) c on true",
    )
    .bind(tx.org())
    .fetch_all(tx.conn())
    .await?;
    let seq = rows.first().map_or(0, |row| row.seq);
    Ok((seq, rows.into_iter().filter_map(LiveRowWithHead::call).collect()))
}

/// The left join's row: without calls only the number is there.
#[derive(sqlx::FromRow)]
struct LiveRowWithHead {
    seq: i64,
    id: Option<CallId>,
    status: Option<String>,
    direction: Option<String>,
    from_number: Option<String>,
    to_number: Option<String>,
    caller_name: Option<String>,
    agent_name: Option<String>,
    at: Option<jiff_sqlx::Timestamp>,
    started_at: Option<jiff_sqlx::Timestamp>,
    said_role: Option<String>,
    said_text: Option<String>,
}

impl LiveRowWithHead {
    fn call(self) -> Option<LiveCallRow> {
        Some(LiveCallRow {
            id: self.id?,
            status: self.status?,
            direction: self.direction,
            from_number: self.from_number,
            to_number: self.to_number,
            caller_name: self.caller_name,
            agent_name: self.agent_name,
            at: self.at?,
            started_at: self.started_at,
            said_role: self.said_role,
            said_text: self.said_text,
        })
    }
}

/// Calls of a span of time, by the hour they began in the organization's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct HourCount {
    /// 0 to 23.
    pub hour: i32,
    /// Calls that were answered.
    pub answered: i64,
    /// Calls that nobody answered or that failed.
    pub missed: i64,
}

/// Numbers of a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Totals {
    /// All calls.
    pub calls: i64,
    /// Those with a connection.
    pub answered: i64,
    /// Those that ended in a booking.
    pub booked: i64,
    /// Those handed to a person, or with a call-back asked for.
    pub passed_on: i64,
    /// Median of the agent's median reply delays, in milliseconds.
    pub reply_p50_ms: Option<i64>,
    /// Talk time in seconds.
    pub seconds: i64,
}

/// Calls by hour between two instants, in `zone`.
pub async fn by_hour(tx: &mut TenantTx, from: Timestamp, to: Timestamp, zone: &str) -> Result<Vec<HourCount>, DbError> {
    Ok(sqlx::query_as(
        "select extract(hour from at at time zone $4)::int as hour,
                count(*) filter (where started_at is not null or status <> 'ended') as answered,
                count(*) filter (where started_at is null and status = 'ended') as missed
           from call_logs where org_id = $1 and at >= $2 and at < $3 group by 1 order by 1",
    )
    .bind(tx.org())
    .bind(from.to_sqlx())
    .bind(to.to_sqlx())
    .bind(zone)
    .fetch_all(tx.conn())
    .await?)
}

/// Numbers between two instants.
pub async fn totals(tx: &mut TenantTx, from: Timestamp, to: Timestamp) -> Result<Totals, DbError> {
    Ok(sqlx::query_as(
        "select count(*) as calls, count(*) filter (where started_at is not null) as answered,
                count(*) filter (where outcome = 'booked') as booked,
                count(*) filter (where outcome in ('transferred', 'callback')) as passed_on,
                (percentile_disc(0.5) within group (order by (latency ->> 'turn_p50_ms')::bigint)) as reply_p50_ms,
                coalesce(sum(duration_seconds), 0)::bigint as seconds
           from call_logs where org_id = $1 and at >= $2 and at < $3",
    )
    .bind(tx.org())
    .bind(from.to_sqlx())
    .bind(to.to_sqlx())
    .fetch_one(tx.conn())
    .await?)
}

/// Organizations with calls to index.
pub(super) async fn orgs_with_queued_calls(tx: &mut SystemTx) -> Result<Vec<OrgId>, DbError> {
    Ok(sqlx::query_scalar("select distinct org_id from call_search_queue limit 1000").fetch_all(tx.conn()).await?)
}

/// Indexes up to `limit` calls; answers how many.
pub(super) async fn index_queued(call: TenantCall, org: OrgId, limit: i32) -> Result<i32, DbError> {
    let query = sqlx::query_as::<_, (i32,)>("select index_queued_calls($1, $2)").bind(org).bind(limit);
    Ok(call.fetch_one(query).await?.0)
}

/// Keeps somebody under their own id; who is there stays as they are.
pub(super) async fn insert_lead(tx: &mut TenantTx, lead: &KnownLead<'_>) -> Result<(), DbError> {
    sqlx::query(
        "insert into leads (org_id, lead_id, name, phone, created_at) values ($1, $2, $3, $4, $5) on conflict do nothing",
    )
    .bind(tx.org())
    .bind(lead.id)
    .bind(lead.name)
    .bind(lead.phone)
    .bind(lead.created_at.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}
