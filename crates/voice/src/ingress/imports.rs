//! Events that another system recorded and that move in here.
//!
//! They are written in the provider's own words, read by the same code as a webhook's body, stored beside the provider's
//! events and applied by the same SQL: so a call that was imported can be replayed, and a report that comes late adds to it.

use platform::ids::{AgentId, CallId};
use platform::tenancy::{DbError, TenantTx};
use uuid::Uuid;

use super::actions::{IngestError, compress};
use super::model::Event;
use super::store;

/// An event of a call of the transaction's organization.
pub struct Imported {
    /// What it says. Its `dedup_key` and `type_text` are the importer's: they name the row it was.
    pub event: Event,
    /// The id of the call, if it is not there yet.
    pub new_id: CallId,
    /// Who answered.
    pub agent: Option<AgentId>,
    /// Whom the call was with.
    pub lead: Option<Uuid>,
    /// A transcript without speakers.
    pub plain_text: Option<String>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It made the call.
    Created(CallId),
    /// The call was there.
    Merged(CallId),
    /// It was known.
    Known(CallId),
    /// The call belongs to another organization; nothing was written.
    Collision,
}

/// Takes events in, in their order, with one statement. Nobody is told live.
pub async fn take_imported(tx: &mut TenantTx, events: &[&Imported]) -> Result<Vec<Taken>, IngestError> {
    let bodies: Result<Vec<_>, _> = events.iter().map(|imported| compress(&imported.event.body)).collect();
    let rows = store::take_imported(tx, events, &bodies.map_err(IngestError::Compress)?).await?;
    rows.into_iter().map(|(outcome, call)| taken(&outcome, call).ok_or(DbError::RowMissing.into())).collect()
}

fn taken(outcome: &str, call: Option<CallId>) -> Option<Taken> {
    match outcome {
        "created" => call.map(Taken::Created),
        "merged" => call.map(Taken::Merged),
        "known" => call.map(Taken::Known),
        "collision" => Some(Taken::Collision),
        _ => None,
    }
}
