//! Use cases that read calls.

use jiff::Timestamp;
use platform::http::{Cursor, Limit, Page};
use platform::ids::{CallId, OrgId};
use platform::tenancy::{DbError, Tenancy, TenantTx};
use uuid::Uuid;

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

/// Somebody a practice knows, under the id that another system gave them.
#[derive(Debug)]
pub struct KnownLead<'a> {
    /// The id there, and here.
    pub id: Uuid,
    /// At most 200 characters.
    pub name: Option<&'a str>,
    /// E.164.
    pub phone: Option<&'a str>,
    /// When they became known.
    pub created_at: Timestamp,
}

/// Keeps somebody under the id that they have elsewhere. Who is there stays as they are.
pub async fn keep_lead(tx: &mut TenantTx, lead: &KnownLead<'_>) -> Result<(), DbError> {
    store::insert_lead(tx, lead).await
}
