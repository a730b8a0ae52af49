//! SQL of the ingest: one function call, and reading events back.

use platform::ids::{CallId, ConnectionId, OrgId};
use platform::tenancy::{DbError, TenantCall, TenantTx};
use serde_json::Value;
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::QueryAs;
use sqlx::types::Json;

use super::model::Event;

/// What the ingest function answered.
#[derive(Debug, sqlx::FromRow)]
pub struct Ingested {
    /// `applied`, `repeated` or `quarantined`.
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
                        from ingest_event('vapi', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

type IngestQuery<'q> = QueryAs<'q, Postgres, Ingested, PgArguments>;

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
