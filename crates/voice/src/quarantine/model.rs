//! What a quarantined event is.

use jiff::Timestamp;
use platform::ids::{ConnectionId, OrgId, QuarantinedId};
use serde::Serialize;
use utoipa::ToSchema;

/// An event that waits for an organization.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QuarantinedEvent {
    /// Its id.
    pub id: QuarantinedId,
    /// The connection that brought it; null for the platform-wide one.
    pub connection_id: Option<ConnectionId>,
    /// The provider's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The provider's id of the call.
    pub provider_call_id: Option<String>,
    /// `unknown`, `ambiguous` or `collision`.
    pub reason: String,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// Size of the scrubbed body in bytes.
    pub body_bytes: i32,
    /// When it was replayed with success.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub replayed_at: Option<Timestamp>,
    /// The organization it went to then.
    pub replayed_org_id: Option<OrgId>,
}

/// What a replay came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayOutcome {
    /// The event found its organization and was applied.
    Applied,
    /// Still nobody's.
    StillQuarantined,
}
