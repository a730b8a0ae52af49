//! The one query of the shell: what every signed-in page shows around its content, in one round trip. And what the page of
//! limits adds up over all organizations.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::tenancy::{DbError, SystemTx, TenantTx};

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

/// Bytes of the whole database, indexes and what was deleted lately included.
pub(crate) async fn database_bytes(tx: &mut SystemTx) -> Result<u64, DbError> {
    let bytes: i64 = sqlx::query_scalar("select pg_database_size(current_database())").fetch_one(tx.conn()).await?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// What calls used of the voice provider.
#[derive(Debug, Default)]
pub(crate) struct ProviderUse {
    /// Seconds of all calls.
    pub(crate) seconds: u64,
    /// Currency and micro-units, each currency once.
    pub(crate) costs: Vec<(String, u64)>,
}

/// What the calls of all organizations used since a moment. Organization by organization, because that is how the index
/// is ordered: the calls of earlier months are not looked at.
pub(crate) async fn provider_use(tx: &mut SystemTx, since: Timestamp) -> Result<ProviderUse, DbError> {
    let rows: Vec<(Option<String>, i64, i64)> = sqlx::query_as(
        "select c.currency, coalesce(sum(c.seconds), 0)::bigint, coalesce(sum(c.micros), 0)::bigint
           from organizations o
          cross join lateral (
            select l.currency, sum(l.duration_seconds)::bigint as seconds, sum(l.cost_micros)::bigint as micros
              from call_logs l where l.org_id = o.org_id and l.at >= $1 group by l.currency) c
          group by c.currency order by c.currency",
    )
    .bind(since.to_sqlx())
    .fetch_all(tx.conn())
    .await?;
    let mut used = ProviderUse::default();
    for (currency, seconds, micros) in rows {
        used.seconds += u64::try_from(seconds).unwrap_or(0);
        if let (Some(currency), 1..) = (currency, micros) {
            used.costs.push((currency, u64::try_from(micros).unwrap_or(0)));
        }
    }
    Ok(used)
}
