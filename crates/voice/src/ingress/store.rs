//! SQL of the ingest: one function call, and reading events back.

use platform::ids::{CallId, ConnectionId, OrgId};
use platform::tenancy::{DbError, TenantCall, TenantTx};
use providers::vapi::Turn;
use serde_json::{Map, Value, json};
use sqlx::Executor as _;
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo, Postgres};
use sqlx::query::QueryAs;
use sqlx::types::{Json, Type};

use super::imports::Imported;
use super::model::Event;

/// What the ingest function answered.
#[derive(Debug, sqlx::FromRow)]
pub struct Ingested {
    /// `applied`, `repeated`, `quarantined` or `discarded`.
    pub outcome: String,
    /// The organization, unless quarantined.
    pub org_id: Option<OrgId>,
    /// The call, for events about one.
    pub call_id: Option<CallId>,
    /// The number of the live event, when a viewer sees a change.
    pub live_seq: Option<i64>,
    /// For a repeated `tool-calls`: what was answered the first time.
    pub stored: Option<Value>,
}

const INGEST: &str = "select outcome, org_id, call_id, live_seq, stored
                        from ingest_event('vapi', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

type IngestQuery<'q> = QueryAs<'q, Postgres, Ingested, PgArguments>;

/// A conversation as JSON in a parameter of type `text`.
struct JsonText<'q>(&'q [Turn]);

impl Type<Postgres> for JsonText<'_> {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for JsonText<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        serde_json::to_writer(&mut **buffer, self.0)?;
        Ok(IsNull::No)
    }
}

/// Binds an event to [`INGEST`].
fn bind<'q>(
    query: IngestQuery<'q>,
    org: Option<OrgId>,
    connection: Option<ConnectionId>,
    event: &'q Event,
    compressed: &'q [u8],
) -> IngestQuery<'q> {
    query
        .bind(connection)
        .bind(org)
        .bind(&event.type_text)
        .bind(&event.dedup_key)
        .bind(&event.facts_digest)
        .bind(&event.provider_call_id)
        .bind(CallId::new())
        .bind(event.at.map(jiff_sqlx::ToSqlx::to_sqlx))
        .bind(compressed)
        .bind(i32::try_from(event.body.len()).unwrap_or(i32::MAX))
        .bind(Json(&event.facts))
        .bind(event.transcript.as_deref().map(JsonText))
}

/// Takes an event in, in one round trip.
pub(super) async fn ingest(
    call: TenantCall,
    org: Option<OrgId>,
    connection: Option<ConnectionId>,
    event: &Event,
    compressed: &[u8],
) -> Result<Ingested, DbError> {
    let query = bind(sqlx::query_as(INGEST), org, connection, event, compressed);
    call.fetch_one(query).await
}

/// Takes an event in within a transaction of its organization, for replay.
pub(super) async fn ingest_in(
    tx: &mut TenantTx,
    connection: Option<ConnectionId>,
    event: &Event,
    compressed: &[u8],
) -> Result<Ingested, DbError> {
    let org = tx.org();
    Ok(bind(sqlx::query_as(INGEST), Some(org), connection, event, compressed).fetch_one(tx.conn()).await?)
}

/// Takes in, in their order, events that were recorded elsewhere. One round trip for all of them.
pub(super) async fn take_imported(
    tx: &mut TenantTx,
    events: &[&Imported],
    compressed: &[Vec<u8>],
) -> Result<Vec<(String, Option<CallId>)>, DbError> {
    let org = tx.org();
    let column = |of: &dyn Fn(&Imported) -> Option<String>| events.iter().map(|one| of(one)).collect::<Vec<_>>();
    let facts: Result<Vec<_>, _> = events.iter().map(|one| serde_json::to_string(&one.event.facts)).collect();
    let turns: Result<Vec<_>, _> =
        events.iter().map(|one| one.event.transcript.as_ref().map(serde_json::to_string).transpose()).collect();
    let unwritable = |error| DbError::from(sqlx::Error::Encode(Box::new(error)));
    Ok(sqlx::query_as(
        "select i.outcome, i.call_id
           from unnest($2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::bytea[], $8::int[], $9::text[],
                       $10::text[], $11::text[], $12::uuid[], $13::uuid[])
                with ordinality as e (type, dedup_key, provider_call_id, new_id, at, body, body_bytes, facts, transcript,
                                      plain_text, agent_id, lead_id, place)
          cross join lateral import_event($1, e.type, e.dedup_key, e.provider_call_id, e.new_id, e.at::timestamptz, e.body,
                       e.body_bytes, e.facts::jsonb, e.transcript, e.plain_text, e.agent_id, e.lead_id) i
          order by e.place",
    )
    .bind(org)
    .bind(column(&|one| Some(one.event.type_text.clone())))
    .bind(column(&|one| Some(one.event.dedup_key.clone())))
    .bind(column(&|one| one.event.provider_call_id.clone()))
    .bind(events.iter().map(|one| one.new_id).collect::<Vec<_>>())
    .bind(column(&|one| one.event.at.map(|at| at.to_string())))
    .bind(compressed)
    .bind(events.iter().map(|one| i32::try_from(one.event.body.len()).unwrap_or(i32::MAX)).collect::<Vec<_>>())
    .bind(facts.map_err(unwritable)?)
    .bind(turns.map_err(unwritable)?)
    .bind(column(&|one| one.plain_text.clone()))
    .bind(events.iter().map(|one| one.agent).collect::<Vec<_>>())
    .bind(events.iter().map(|one| one.lead).collect::<Vec<_>>())
    .fetch_all(tx.conn())
    .await?)
}

/// One stored event.
#[derive(sqlx::FromRow)]
pub(super) struct StoredEvent {
    pub(super) connection_id: Option<ConnectionId>,
    pub(super) body: Vec<u8>,
}

pub(super) async fn events_of_call(tx: &mut TenantTx, call: CallId) -> Result<Vec<StoredEvent>, DbError> {
    Ok(sqlx::query_as(
        "select connection_id, body from provider_events where org_id = $1 and call_id = $2 order by received_at, dedup_key",
    )
    .bind(tx.org())
    .bind(call)
    .fetch_all(tx.conn())
    .await?)
}

/// Every call of the organization, oldest first.
pub(super) async fn all_calls(tx: &mut TenantTx) -> Result<Vec<CallId>, DbError> {
    Ok(sqlx::query_scalar("select id from call_logs where org_id = $1 order by at, id")
        .bind(tx.org())
        .fetch_all(tx.conn())
        .await?)
}

/// From here on everything can be given up without ending the transaction.
pub(super) async fn begin_scratch(tx: &mut TenantTx) -> Result<(), DbError> {
    tx.conn().execute("savepoint scratch").await?;
    Ok(())
}

/// Gives up everything since [`begin_scratch`].
pub(super) async fn give_scratch_up(tx: &mut TenantTx) -> Result<(), DbError> {
    tx.conn().execute("rollback to savepoint scratch").await?;
    Ok(())
}

/// The rows of a call as far as events decide them.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) log: Map<String, Value>,
    pub(super) tracking: Map<String, Value>,
    pub(super) turns: Vec<Value>,
}

/// The rows of a call; nothing when it is unknown or another organization's. Locks the call: what is written back from a
/// snapshot must not undo what happened since, a deletion of its content least of all.
pub(super) async fn snapshot(tx: &mut TenantTx, call: CallId) -> Result<Option<Snapshot>, DbError> {
    let row: Option<(Value, Value, Value)> = sqlx::query_as(
        "select to_jsonb(l) || jsonb_build_object('transcript', l.transcript::jsonb), to_jsonb(t),
                coalesce((select jsonb_agg(jsonb_build_object('turn_key', u.turn_key, 'role', u.role, 'text', u.text, 'at', u.at)
                                           order by u.turn_key)
                            from call_turns u where u.org_id = l.org_id and u.call_id = l.id), '[]')
           from call_logs l join call_tracking t on t.org_id = l.org_id and t.id = l.id
          where l.org_id = $1 and l.id = $2 for update of t",
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

/// Writes what events decide, and leaves the rest of the rows as it is.
pub(super) async fn write_snapshot(tx: &mut TenantTx, call: CallId, rebuilt: &Snapshot) -> Result<(), DbError> {
    sqlx::query(
        "update call_logs l set
           direction = n.direction, status = n.status, from_number = n.from_number, to_number = n.to_number,
           caller_name = n.caller_name, assistant_ref = n.assistant_ref, number_ref = n.number_ref, leg_id = n.leg_id,
           at = n.at, started_at = n.started_at, ended_at = n.ended_at, duration_seconds = n.duration_seconds,
           started_word = n.started_word, ended_word = n.ended_word, reason_word = n.reason_word,
           claimed_seconds = n.claimed_seconds, ended_reason = n.ended_reason, ended_class = n.ended_class,
           outcome = n.outcome, cost_micros = n.cost_micros, currency = n.currency, summary = n.summary,
           success_evaluation = n.success_evaluation,
           structured_data = n.structured_data, latency = n.latency, transcript = n.transcript, recordings = n.recordings,
           language = n.language, language_at = n.language_at, transferred_to = n.transferred_to, consent = n.consent
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
