//! All SQL of `api_keys`, but for the look-up by digest (`access::store`).

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::ids::{ApiKeyId, UserId};
use platform::tenancy::{DbError, TenantTx};

use super::model::ApiKeyView;
use crate::access::Scope;
use crate::access::store::undecodable;

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: ApiKeyId,
    name: String,
    prefix: String,
    scopes: Vec<String>,
    created_by: UserId,
    #[sqlx(try_from = "jiff_sqlx::Timestamp")]
    created_at: Timestamp,
    last_used_at: Option<jiff_sqlx::Timestamp>,
}

/// A key to be.
pub(super) struct KeyToInsert<'a> {
    pub(super) id: ApiKeyId,
    pub(super) name: &'a str,
    pub(super) prefix: &'a str,
    pub(super) digest: &'a [u8],
    pub(super) scopes: &'a [Scope],
    pub(super) created_by: UserId,
}

pub(super) async fn insert_key(tx: &mut TenantTx, key: &KeyToInsert<'_>, now: Timestamp) -> Result<(), DbError> {
    let org = tx.org();
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    sqlx::query(
        "insert into api_keys (org_id, id, name, prefix, digest, scopes, created_by, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(org)
    .bind(key.id)
    .bind(key.name)
    .bind(key.prefix)
    .bind(key.digest)
    .bind(scopes)
    .bind(key.created_by)
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keys that were not revoked, newest first.
pub(super) async fn list_keys(tx: &mut TenantTx) -> Result<Vec<ApiKeyView>, DbError> {
    let org = tx.org();
    let rows: Vec<KeyRow> = sqlx::query_as(
        "select id, name, prefix, scopes, created_by, created_at, last_used_at from api_keys \
          where org_id = $1 and revoked_at is null order by created_at desc, id desc",
    )
    .bind(org)
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let scopes = row.scopes.iter().map(|scope| scope.parse()).collect::<Result<_, _>>().map_err(undecodable)?;
            Ok(ApiKeyView {
                id: row.id,
                name: row.name,
                prefix: row.prefix,
                scopes,
                created_by: row.created_by,
                created_at: row.created_at,
                last_used_at: row.last_used_at.map(jiff_sqlx::Timestamp::to_jiff),
            })
        })
        .collect()
}

/// False when there is no such key, or it was revoked before.
pub(super) async fn revoke_key(tx: &mut TenantTx, id: ApiKeyId, now: Timestamp) -> Result<bool, DbError> {
    let org = tx.org();
    let done = sqlx::query("update api_keys set revoked_at = $3 where org_id = $1 and id = $2 and revoked_at is null")
        .bind(org)
        .bind(id)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}
