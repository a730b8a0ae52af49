//! Use cases of the quarantine.

use std::sync::Arc;

use identity::organizations::actions::organization_exists;
use platform::audit::{self, Actor};
use platform::http::{Cursor, Limit, Page};
use platform::ids::{OrgId, QuarantinedId};
use platform::tenancy::{DbError, Tenancy};
use serde_json::json;

use super::model::{QuarantinedEvent, ReplayOutcome};
use super::store;
use crate::connections::model::Verifier;
use crate::ingress::actions::{IngestError, Ingress, decompress};
use crate::ingress::model::Event;

/// Why a replay did not work.
#[derive(Debug, thiserror::Error)]
pub enum QuarantineError {
    /// Unknown, or replayed already.
    #[error("no such event waits")]
    NotFound,
    /// The operator named an organization that does not exist.
    #[error("there is no such organization")]
    NoSuchOrganization,
    /// The stored body cannot be read back.
    #[error("the stored event cannot be read back")]
    Unreadable,
    /// The event could not be taken in.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Waiting events, newest first.
pub async fn list_quarantined(
    tenancy: &Tenancy,
    cursor: Option<Cursor>,
    limit: Limit,
) -> Result<Page<QuarantinedEvent>, DbError> {
    let mut tx = tenancy.system("an operator looks at the quarantine").await?;
    let rows = store::list(&mut tx, cursor, limit).await?;
    tx.commit().await?;
    Ok(Page::of(rows, limit, |event| Cursor { at: event.received_at, id: event.id.uuid() }))
}

/// How many events wait.
pub async fn count_quarantined(tenancy: &Tenancy) -> Result<i64, DbError> {
    let mut tx = tenancy.system("count the quarantine").await?;
    let count = store::count(&mut tx).await?;
    tx.commit().await?;
    Ok(count)
}

/// Takes a waiting event in again: for the organization that is found now, or for the one the operator names.
///
/// The event is marked only after it was applied. Killed in between, it waits still, and replaying it once more finds
/// that it is known.
pub async fn replay_quarantined(
    tenancy: &Tenancy,
    ingress: &Ingress,
    operator: Actor,
    id: QuarantinedId,
    org: Option<OrgId>,
) -> Result<ReplayOutcome, QuarantineError> {
    let mut tx = tenancy.system("an operator replays a quarantined event").await?;
    let found = store::find_waiting(&mut tx, id).await?;
    tx.commit().await?;
    if let Some(org) = org
        && !organization_exists(tenancy, org).await?
    {
        return Err(QuarantineError::NoSuchOrganization);
    }
    let (connection, body) = found.ok_or(QuarantineError::NotFound)?;
    let body = decompress(&body).map_err(|_| QuarantineError::Unreadable)?;
    let event = providers::vapi::receive(&body).map(Event::from_received).map_err(|_| QuarantineError::Unreadable)?;
    let verifier = Verifier { org, id: connection, ..Verifier::default() };
    let ingested = ingress.take(Arc::new(verifier), Arc::new(event)).await?;
    let Some(org) = ingested.org_id else { return Ok(ReplayOutcome::StillQuarantined) };
    let mut tx = tenancy.system("note that a quarantined event found its organization").await?;
    store::mark_replayed(&mut tx, id, org).await?;
    let detail = json!({ "event": id });
    audit::record_system(&mut tx, org, operator, "quarantine.replayed", Some(&id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(ReplayOutcome::Applied)
}
