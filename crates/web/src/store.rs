//! The one query of the shell: what every signed-in page shows around its content, in one round trip.

use jiff::Timestamp;
use platform::tenancy::{DbError, TenantTx};

/// An organization as the shell sees it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Surroundings {
    pub(crate) name: String,
    pub(crate) zone: String,
    pub(crate) live_calls: i64,
    /// The last live event that the count includes: both come from one snapshot.
    pub(crate) live_seq: i64,
    pub(crate) connections: i64,
    #[sqlx(rename = "last_event_at")]
    last_event_at: Option<jiff_sqlx::Timestamp>,
    #[sqlx(rename = "simulated_at")]
    simulated_at: Option<jiff_sqlx::Timestamp>,
}

impl Surroundings {
    /// When the last event of any connection came.
    pub(crate) fn last_event_at(&self) -> Option<Timestamp> {
        self.last_event_at.map(jiff_sqlx::Timestamp::to_jiff)
    }

    /// When the last event of a simulator came.
    pub(crate) fn simulated_at(&self) -> Option<Timestamp> {
        self.simulated_at.map(jiff_sqlx::Timestamp::to_jiff)
    }
}

/// What surrounds the pages of the transaction's organization.
pub(crate) async fn surroundings(tx: &mut TenantTx) -> Result<Surroundings, DbError> {
    Ok(sqlx::query_as(
        "select o.name, o.zone,
                (select count(*) from call_tracking t where t.org_id = o.org_id and t.status_rank < 5) as live_calls,
                coalesce((select h.seq from live_heads h where h.org_id = o.org_id), 0) as live_seq,
                c.connections, c.last_event_at, c.simulated_at
           from organizations o
           left join lateral (
             select count(*) as connections, max(p.last_event_at) as last_event_at,
                    max(p.last_event_at) filter (where p.simulated) as simulated_at
               from provider_connections p where p.org_id = o.org_id and p.disabled_at is null) c on true
          where o.org_id = $1",
    )
    .bind(tx.org())
    .fetch_one(tx.conn())
    .await?)
}
