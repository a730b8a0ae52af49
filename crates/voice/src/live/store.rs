//! SQL of the live view.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::ids::{CallId, OrgId};
use platform::tenancy::{DbError, SystemTx, TenantTx};
use serde_json::Value;

use super::model::{EventBody, LiveEvent};

/// Events read at once. Below what the hub keeps in memory.
const PAGE: i64 = 256;

/// The events after `cursor`, oldest first.
pub(super) async fn events_after(tx: &mut TenantTx, cursor: i64) -> Result<Vec<LiveEvent>, DbError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        kind: String,
        call_id: Option<CallId>,
        seq: i64,
        status: Option<String>,
        role: Option<String>,
        text: Option<String>,
        r#final: Option<bool>,
        at: jiff_sqlx::Timestamp,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "select kind, call_id, seq, status, role, text, final, at from live_events
          where org_id = $1 and seq > $2 order by seq limit $3",
    )
    .bind(tx.org())
    .bind(cursor)
    .bind(PAGE)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            LiveEvent::from(EventBody {
                kind: row.kind,
                id: row.call_id,
                seq: row.seq,
                status: row.status,
                role: row.role,
                text: row.text,
                is_final: row.r#final,
                at: row.at.to_jiff(),
            })
        })
        .collect())
}

/// The oldest event that is kept (when none is, the next one) and the newest there ever was: 1 and 0 before the first.
pub(super) async fn bounds(tx: &mut TenantTx) -> Result<(i64, i64), DbError> {
    let row: (i64, i64) = sqlx::query_as(
        "select coalesce((select min(e.seq) from live_events e where e.org_id = $1), coalesce(h.seq, 0) + 1), coalesce(h.seq, 0)
           from (select $1::uuid as org_id) o left join live_heads h on h.org_id = o.org_id",
    )
    .bind(tx.org())
    .fetch_one(tx.conn())
    .await?;
    Ok(row)
}

/// The newest event of each of these organizations.
pub(super) async fn heads(tx: &mut SystemTx, orgs: &[OrgId]) -> Result<Vec<(OrgId, i64)>, DbError> {
    Ok(sqlx::query_as("select org_id, seq from live_heads where org_id = any($1)")
        .bind(orgs)
        .fetch_all(tx.conn())
        .await?)
}

/// Forgets events older than `before`, at most `limit`; answers how many.
pub(super) async fn forget_before(tx: &mut SystemTx, before: Timestamp, limit: i64) -> Result<u64, DbError> {
    let done = sqlx::query(
        "delete from live_events e using (
           select org_id, seq from live_events where at < $1 order by org_id, seq limit $2) old
          where e.org_id = old.org_id and e.seq = old.seq",
    )
    .bind(before.to_sqlx())
    .bind(limit)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// Keeps a ticket until it is used or expires.
pub(super) async fn insert_ticket(
    tx: &mut TenantTx,
    digest: &[u8],
    holder: &Value,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("insert into live_tickets (org_id, digest, holder, expires_at) values ($1, $2, $3, $4)")
        .bind(tx.org())
        .bind(digest)
        .bind(holder)
        .bind(expires_at.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Takes a ticket: it works once.
pub(super) async fn take_ticket(
    tx: &mut SystemTx,
    digest: &[u8],
    now: Timestamp,
) -> Result<Option<(OrgId, Value)>, DbError> {
    Ok(sqlx::query_as("delete from live_tickets where digest = $1 and expires_at > $2 returning org_id, holder")
        .bind(digest)
        .bind(now.to_sqlx())
        .fetch_optional(tx.conn())
        .await?)
}

/// Forgets tickets that were never used.
pub(super) async fn forget_tickets(tx: &mut SystemTx, now: Timestamp) -> Result<(), DbError> {
    sqlx::query("delete from live_tickets where expires_at <= $1").bind(now.to_sqlx()).execute(tx.conn()).await?;
    Ok(())
}

/// Sends a notification when the transaction commits.
pub(super) async fn notify(tx: &mut SystemTx, channel: &str, message: &str) -> Result<(), DbError> {
    sqlx::query("select pg_notify($1, $2)").bind(channel).bind(message).execute(tx.conn()).await?;
    Ok(())
}
