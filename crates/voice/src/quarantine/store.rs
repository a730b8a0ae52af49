//! SQL of `quarantined_events`.

use jiff_sqlx::ToSqlx as _;
use platform::http::{Cursor, Limit};
use platform::ids::{ConnectionId, OrgId, QuarantinedId};
use platform::tenancy::{DbError, SystemTx};

use super::model::QuarantinedEvent;

#[derive(sqlx::FromRow)]
struct Row {
    id: QuarantinedId,
    connection_id: Option<ConnectionId>,
    r#type: String,
    provider_call_id: Option<String>,
    reason: String,
    received_at: jiff_sqlx::Timestamp,
    body_bytes: i32,
    replayed_at: Option<jiff_sqlx::Timestamp>,
    replayed_org_id: Option<OrgId>,
}

impl From<Row> for QuarantinedEvent {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            connection_id: row.connection_id,
            kind: row.r#type,
            provider_call_id: row.provider_call_id,
            reason: row.reason,
            received_at: row.received_at.to_jiff(),
            body_bytes: row.body_bytes,
            replayed_at: row.replayed_at.map(jiff_sqlx::Timestamp::to_jiff),
            replayed_org_id: row.replayed_org_id,
        }
    }
}

/// Waiting events, newest first, plus one to see whether another page follows.
pub(super) async fn list(
    tx: &mut SystemTx,
    cursor: Option<Cursor>,
    limit: Limit,
) -> Result<Vec<QuarantinedEvent>, DbError> {
    let rows: Vec<Row> = sqlx::query_as(
        "select id, connection_id, type, provider_call_id, reason, received_at, body_bytes, replayed_at, replayed_org_id
           from quarantined_events
          where replayed_at is null and ($1::timestamptz is null or (received_at, id) < ($1, $2))
          order by received_at desc, id desc limit $3",
    )
    .bind(cursor.map(|cursor| cursor.at.to_sqlx()))
    .bind(cursor.map(|cursor| cursor.id))
    .bind(limit.fetch())
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(QuarantinedEvent::from).collect())
}

/// How many events wait.
pub(super) async fn count(tx: &mut SystemTx) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar("select count(*) from quarantined_events where replayed_at is null")
        .fetch_one(tx.conn())
        .await?)
}

/// The scrubbed, compressed body of a waiting event and its connection.
pub(super) async fn find_waiting(
    tx: &mut SystemTx,
    id: QuarantinedId,
) -> Result<Option<(Option<ConnectionId>, Vec<u8>)>, DbError> {
    Ok(sqlx::query_as("select connection_id, body from quarantined_events where id = $1 and replayed_at is null")
        .bind(id)
        .fetch_optional(tx.conn())
        .await?)
}

pub(super) async fn mark_replayed(tx: &mut SystemTx, id: QuarantinedId, org: OrgId) -> Result<(), DbError> {
    sqlx::query("update quarantined_events set replayed_at = now(), replayed_org_id = $2 where id = $1")
        .bind(id)
        .bind(org)
        .execute(tx.conn())
        .await?;
    Ok(())
}
