//! SQL that asks how a call's recording stands, and lets a failed one begin anew.

use platform::ids::{CallId, RecordingId};
use platform::tenancy::{DbError, TenantTx};

/// `none`, `pending`, `copying`, `ready`, `failed` or `expired`; nothing when the call is unknown or another
/// organization's.
pub(super) async fn recording_state(tx: &mut TenantTx, call: CallId) -> Result<Option<String>, DbError> {
    Ok(sqlx::query_scalar("select recording_state from call_logs where org_id = $1 and id = $2")
        .bind(tx.org())
        .bind(call)
        .fetch_optional(tx.conn())
        .await?)
}

/// Lets the failed recordings of a call wait for their copy again; answers which.
pub(super) async fn revive_failed(tx: &mut TenantTx, call: CallId) -> Result<Vec<RecordingId>, DbError> {
    let org = tx.org();
    let revived: Vec<RecordingId> = sqlx::query_scalar(
        "update call_recordings set state = 'pending', reason = null, detail = null, queued_at = null
          where org_id = $1 and call_id = $2 and state = 'failed' returning recording_id",
    )
    .bind(org)
    .bind(call)
    .fetch_all(tx.conn())
    .await?;
    if !revived.is_empty() {
        sqlx::query(
            "update call_logs set recording_state = 'pending' where org_id = $1 and id = $2 and recording_state = 'failed'",
        )
        .bind(org)
        .bind(call)
        .execute(tx.conn())
        .await?;
    }
    Ok(revived)
}

/// Tells watchers that the call has changed; answers the event's number.
pub(super) async fn tell(tx: &mut TenantTx, call: CallId) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar("select append_live_event($1, 'call.updated', $2, null, null, null, null)")
        .bind(tx.org())
        .bind(call)
        .fetch_one(tx.conn())
        .await?)
}
