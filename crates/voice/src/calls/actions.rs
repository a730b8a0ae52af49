//! Use cases that read calls.

use platform::http::{Cursor, Limit, Page};
use platform::ids::{CallId, OrgId};
use platform::tenancy::{DbError, Tenancy, TenantTx};

use super::model::{CallDetail, CallFilter, CallSummary};
use super::store;

/// One page of calls, newest first.
pub async fn list_calls(
    tenancy: &Tenancy,
    org: OrgId,
    filter: &CallFilter,
    cursor: Option<Cursor>,
    limit: Limit,
) -> Result<Page<CallSummary>, DbError> {
    let rows = store::list(tenancy.tenant_call().await?, org, filter, cursor, limit).await?;
    Ok(Page::of(rows, limit, |call| Cursor { at: call.at, id: call.id.uuid() }))
}

/// The call with everything known of it, or nothing when it is unknown or another organization's.
pub async fn find_call(tx: &mut TenantTx, id: CallId) -> Result<Option<CallDetail>, DbError> {
    store::find(tx, id).await
}
