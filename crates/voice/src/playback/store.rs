//! SQL that asks how a call's recording stands.

use platform::ids::CallId;
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
