//! SQL of `provider_connections` and `connection_secrets`.

use jiff::Timestamp;
use platform::ids::{ConnectionId, Id, OrgId};
use platform::tenancy::{DbError, SystemTx, TenantTx};
use providers::vapi::signature::WebhookAuth;
use sqlx::types::Json;

use super::model::Connection;

/// Marker for secret ids.
pub(crate) enum ConnectionSecret {}
/// A secret of a connection.
pub(crate) type SecretId = Id<ConnectionSecret>;

#[derive(sqlx::FromRow)]
struct ConnectionRow {
    connection_id: ConnectionId,
    provider: String,
    label: String,
    auth: Json<WebhookAuth>,
    simulated: bool,
    created_at: jiff_sqlx::Timestamp,
    last_event_at: Option<jiff_sqlx::Timestamp>,
    last_event_type: Option<String>,
    active_secrets: i64,
    has_api_key: bool,
}

impl From<ConnectionRow> for Connection {
    fn from(row: ConnectionRow) -> Self {
        Self {
            id: row.connection_id,
            provider: row.provider,
            label: row.label,
            auth: row.auth.0,
            simulated: row.simulated,
            created_at: row.created_at.to_jiff(),
            last_event_at: row.last_event_at.map(jiff_sqlx::Timestamp::to_jiff),
            last_event_type: row.last_event_type,
            active_secrets: row.active_secrets,
            has_api_key: row.has_api_key,
        }
    }
}

pub(super) async fn list(tx: &mut TenantTx) -> Result<Vec<Connection>, DbError> {
    let rows: Vec<ConnectionRow> = sqlx::query_as(
        "select c.connection_id, c.provider, c.label, c.auth, c.simulated, c.created_at, c.last_event_at, c.last_event_type,
                (select count(*) from connection_secrets s
                  where s.org_id = c.org_id and s.connection_id = c.connection_id
                    and s.purpose = 'webhook' and s.retired_at is null) as active_secrets,
                exists (select from connection_secrets s
                         where s.org_id = c.org_id and s.connection_id = c.connection_id
                           and s.purpose = 'api' and s.retired_at is null) as has_api_key
           from provider_connections c where c.org_id = $1 and c.disabled_at is null order by c.created_at",
    )
    .bind(tx.org())
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(Connection::from).collect())
}

pub(super) async fn insert(
    tx: &mut TenantTx,
    id: ConnectionId,
    label: &str,
    auth: &WebhookAuth,
    simulated: bool,
) -> Result<(), DbError> {
    sqlx::query(
        "insert into provider_connections (org_id, connection_id, provider, label, auth, simulated)
         values ($1, $2, 'vapi', $3, $4, $5)",
    )
    .bind(tx.org())
    .bind(id)
    .bind(label)
    .bind(Json(auth))
    .bind(simulated)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn lock(tx: &mut TenantTx, id: ConnectionId) -> Result<bool, DbError> {
    let found: Option<bool> = sqlx::query_scalar(
        "select true from provider_connections
          where org_id = $1 and connection_id = $2 and disabled_at is null for update",
    )
    .bind(tx.org())
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.is_some())
}

pub(super) async fn disable(tx: &mut TenantTx, id: ConnectionId) -> Result<(), DbError> {
    sqlx::query("update provider_connections set disabled_at = now() where org_id = $1 and connection_id = $2")
        .bind(tx.org())
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(super) async fn insert_secret(
    tx: &mut TenantTx,
    connection: ConnectionId,
    id: SecretId,
    purpose: &str,
    sealed: &[u8],
) -> Result<(), DbError> {
    sqlx::query(
        "insert into connection_secrets (org_id, connection_id, secret_id, purpose, sealed) values ($1, $2, $3, $4, $5)",
    )
    .bind(tx.org())
    .bind(connection)
    .bind(id)
    .bind(purpose)
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Retires every webhook secret but the newest; answers how many.
pub(super) async fn retire_older_secrets(tx: &mut TenantTx, connection: ConnectionId) -> Result<u64, DbError> {
    let done = sqlx::query(
        "update connection_secrets s set retired_at = now()
          where s.org_id = $1 and s.connection_id = $2 and s.purpose = 'webhook' and s.retired_at is null
            and s.secret_id <> (select n.secret_id from connection_secrets n
                                 where n.org_id = $1 and n.connection_id = $2 and n.purpose = 'webhook'
                                   and n.retired_at is null
                                 order by n.created_at desc, n.secret_id desc limit 1)",
    )
    .bind(tx.org())
    .bind(connection)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// Retires every private key; answers how many.
pub(super) async fn retire_api_keys(tx: &mut TenantTx, connection: ConnectionId) -> Result<u64, DbError> {
    let done = sqlx::query(
        "update connection_secrets set retired_at = now()
          where org_id = $1 and connection_id = $2 and purpose = 'api' and retired_at is null",
    )
    .bind(tx.org())
    .bind(connection)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// A connection for verification: organization, scheme, sealed webhook secrets with their ids.
pub(super) struct Sealed {
    pub(super) org: OrgId,
    pub(super) auth: WebhookAuth,
    pub(super) secrets: Vec<(SecretId, Vec<u8>)>,
}

/// The newest private key of a connection in use, sealed.
#[derive(sqlx::FromRow)]
pub(crate) struct ApiKey {
    pub(crate) org: OrgId,
    pub(crate) connection: ConnectionId,
    pub(crate) label: String,
    pub(crate) simulated: bool,
    pub(crate) created_at: jiff_sqlx::Timestamp,
    pub(crate) secret: SecretId,
    pub(crate) sealed: Vec<u8>,
}

/// The key of one connection; none when it has none or is switched off.
pub(crate) async fn api_key(tx: &mut TenantTx, connection: ConnectionId) -> Result<Option<ApiKey>, DbError> {
    Ok(sqlx::query_as(
        "select c.org_id as org, c.connection_id as connection, c.label, c.simulated, c.created_at,
                s.secret_id as secret, s.sealed
           from provider_connections c
           join connection_secrets s on s.org_id = c.org_id and s.connection_id = c.connection_id
                and s.purpose = 'api' and s.retired_at is null
          where c.org_id = $1 and c.connection_id = $2 and c.disabled_at is null
          order by s.created_at desc, s.secret_id desc limit 1",
    )
    .bind(tx.org())
    .bind(connection)
    .fetch_optional(tx.conn())
    .await?)
}

/// The key of every connection in use that has one, the oldest connection first.
pub(crate) async fn all_api_keys(tx: &mut SystemTx) -> Result<Vec<ApiKey>, DbError> {
    Ok(sqlx::query_as(
        "select k.* from (
           select distinct on (c.connection_id) c.org_id as org, c.connection_id as connection, c.label, c.simulated,
                  s.secret_id as secret, s.sealed, c.created_at
             from provider_connections c
             join organizations o on o.org_id = c.org_id and o.deleted_at is null
             join connection_secrets s on s.org_id = c.org_id and s.connection_id = c.connection_id
                  and s.purpose = 'api' and s.retired_at is null
            where c.disabled_at is null
            order by c.connection_id, s.created_at desc, s.secret_id desc) k
          order by k.created_at, k.connection",
    )
    .fetch_all(tx.conn())
    .await?)
}

pub(super) async fn find_for_verification(tx: &mut SystemTx, id: ConnectionId) -> Result<Option<Sealed>, DbError> {
    type Row = (OrgId, Json<WebhookAuth>, Option<SecretId>, Option<Vec<u8>>);
    let rows: Vec<Row> = sqlx::query_as(
        "select c.org_id, c.auth, s.secret_id, s.sealed
           from provider_connections c
           join organizations o on o.org_id = c.org_id and o.deleted_at is null
           left join connection_secrets s on s.org_id = c.org_id and s.connection_id = c.connection_id
                 and s.purpose = 'webhook' and s.retired_at is null
          where c.connection_id = $1 and c.disabled_at is null
          order by s.created_at desc limit 16",
    )
    .bind(id)
    .fetch_all(tx.conn())
    .await?;
    let mut found: Option<Sealed> = None;
    for (org, auth, secret, sealed) in rows {
        let entry = found.get_or_insert_with(|| Sealed { org, auth: auth.0, secrets: Vec::new() });
        entry.secrets.extend(secret.zip(sealed));
    }
    Ok(found)
}

/// Notes the newest event of each connection. Called every few seconds, not per event: the row would be the hottest of all.
pub(super) async fn note_last_events(
    tx: &mut SystemTx,
    seen: &[(ConnectionId, Timestamp, String)],
) -> Result<(), DbError> {
    let ids: Vec<ConnectionId> = seen.iter().map(|(id, _, _)| *id).collect();
    let times: Vec<String> = seen.iter().map(|(_, at, _)| at.to_string()).collect();
    let kinds: Vec<&str> = seen.iter().map(|(_, _, kind)| kind.as_str()).collect();
    sqlx::query(
        "update provider_connections c set last_event_at = n.at, last_event_type = n.kind
           from (select unnest($1::uuid[]) as id, unnest($2::text[])::timestamptz as at, unnest($3::text[]) as kind) n
          where c.connection_id = n.id and (c.last_event_at is null or c.last_event_at < n.at)",
    )
    .bind(ids)
    .bind(times)
    .bind(kinds)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn disable_simulated(tx: &mut TenantTx) -> Result<(), DbError> {
    sqlx::query(
        "update provider_connections set disabled_at = now() where org_id = $1 and simulated and disabled_at is null",
    )
    .bind(tx.org())
    .execute(tx.conn())
    .await?;
    Ok(())
}
