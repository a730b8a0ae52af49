//! Audit rows: who did what, written in the transaction of the deed, so that neither exists without the other.

use serde_json::Value;

use crate::ids::Id;
use crate::tenancy::{DbError, SystemTx, TenantTx};

/// Marker for audit row ids.
pub enum AuditRow {}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in member.
    Member(crate::ids::UserId),
    /// A program with an API key.
    ApiKey(crate::ids::ApiKeyId),
    /// A person who runs the installation.
    Operator(crate::ids::UserId),
    /// Voxanne itself, or its command line.
    System,
}

impl Actor {
    /// As it is stored: the kind, and the user or key.
    pub fn columns(self) -> (&'static str, Option<uuid::Uuid>) {
        match self {
            Self::Member(id) => ("member", Some(id.uuid())),
            Self::ApiKey(id) => ("api_key", Some(id.uuid())),
            Self::Operator(id) => ("operator", Some(id.uuid())),
            Self::System => ("system", None),
        }
    }
}

const INSERT: &str = "insert into audit_log (org_id, id, actor_kind, actor_id, action, subject, detail) \
                      values ($1, $2, $3, $4, $5, $6, $7)";

/// Records a deed in the transaction's organization. `action` is a dotted verb; `detail` holds small facts, never
/// secrets or callers' data.
pub async fn record(
    tx: &mut TenantTx,
    actor: Actor,
    action: &'static str,
    subject: Option<&str>,
    detail: Value,
) -> Result<(), DbError> {
    let (kind, id) = actor.columns();
    sqlx::query(INSERT)
        .bind(tx.org())
        .bind(Id::<AuditRow>::new())
        .bind(kind)
        .bind(id)
        .bind(action)
        .bind(subject)
        .bind(detail)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Records a deed of cross-organization work in the organization it touched.
pub async fn record_system(
    tx: &mut SystemTx,
    org: crate::ids::OrgId,
    actor: Actor,
    action: &'static str,
    subject: Option<&str>,
    detail: Value,
) -> Result<(), DbError> {
    let (kind, id) = actor.columns();
    sqlx::query(INSERT)
        .bind(org)
        .bind(Id::<AuditRow>::new())
        .bind(kind)
        .bind(id)
        .bind(action)
        .bind(subject)
        .bind(detail)
        .execute(tx.conn())
        .await?;
    Ok(())
}
