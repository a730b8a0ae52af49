//! SQL of `phone_numbers` and `agents`.

use jiff_sqlx::ToSqlx as _;
use platform::ids::{AgentId, NumberId, OrgId};
use platform::tenancy::{DbError, SystemTx, TenantTx};

use super::actions::KnownAgent;

/// Makes the agent, or finds the one that already speaks through this assistant.
pub(super) async fn upsert_agent(tx: &mut TenantTx, name: &str, assistant: &str) -> Result<AgentId, DbError> {
    let known: Option<AgentId> = sqlx::query_scalar(
        "select agent_id from agents where org_id = $1 and provider_assistant_id = $2 and deleted_at is null
          order by created_at limit 1 for update",
    )
    .bind(tx.org())
    .bind(assistant)
    .fetch_optional(tx.conn())
    .await?;
    if let Some(id) = known {
        sqlx::query("update agents set name = $3 where org_id = $1 and agent_id = $2")
            .bind(tx.org())
            .bind(id)
            .bind(name)
            .execute(tx.conn())
            .await?;
        return Ok(id);
    }
    let id = AgentId::new();
    sqlx::query("insert into agents (org_id, agent_id, name, provider_assistant_id) values ($1, $2, $3, $4)")
        .bind(tx.org())
        .bind(id)
        .bind(name)
        .bind(assistant)
        .execute(tx.conn())
        .await?;
    Ok(id)
}

/// Keeps an agent under its own id; one that is there stays as it is.
pub(super) async fn insert_agent(tx: &mut TenantTx, agent: &KnownAgent<'_>) -> Result<(), DbError> {
    sqlx::query(
        "insert into agents (org_id, agent_id, name, provider_assistant_id, created_at) values ($1, $2, $3, $4, $5)
         on conflict do nothing",
    )
    .bind(tx.org())
    .bind(agent.id)
    .bind(agent.name)
    .bind(agent.assistant_id)
    .bind(agent.created_at.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn upsert_number(
    tx: &mut TenantTx,
    e164: &str,
    provider_number: Option<&str>,
    agent: AgentId,
) -> Result<NumberId, DbError> {
    let id: NumberId = sqlx::query_scalar(
        "insert into phone_numbers (org_id, number_id, e164, provider_number_id, agent_id) values ($1, $2, $3, $4, $5)
         on conflict (org_id, e164) do update
           set provider_number_id = coalesce(excluded.provider_number_id, phone_numbers.provider_number_id),
               agent_id = excluded.agent_id
         returning number_id",
    )
    .bind(tx.org())
    .bind(NumberId::new())
    .bind(e164)
    .bind(provider_number)
    .bind(agent)
    .fetch_one(tx.conn())
    .await?;
    Ok(id)
}

/// One number with its agent's assistant.
#[derive(sqlx::FromRow)]
pub(super) struct RouteRow {
    pub(super) org_id: OrgId,
    pub(super) e164: String,
    pub(super) provider_number_id: Option<String>,
    pub(super) provider_assistant_id: Option<String>,
}

pub(super) async fn all_routes(tx: &mut SystemTx) -> Result<Vec<RouteRow>, DbError> {
    Ok(sqlx::query_as(
        "select n.org_id, n.e164, n.provider_number_id, a.provider_assistant_id
           from phone_numbers n
           join organizations o on o.org_id = n.org_id and o.deleted_at is null
           left join agents a on a.org_id = n.org_id and a.agent_id = n.agent_id and a.deleted_at is null",
    )
    .fetch_all(tx.conn())
    .await?)
}
