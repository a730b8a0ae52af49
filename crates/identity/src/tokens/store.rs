//! All SQL of `token_families`, `refresh_tokens` and `signing_keys`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::ids::{OrgId, UserId};
use platform::tenancy::{DbError, SystemTx};
use uuid::Uuid;

use super::model::{KEY_VERIFIES_FOR, REFRESH_TOKEN_LIVES};
use crate::access::FamilyId;

/// Serializes nodes that find the signing key too old at the same moment. Any constant will do; it must only never change.
const KEY_LOCK: i64 = 0x766f_786b_6579_0001;

pub(crate) async fn insert_family(
    tx: &mut SystemTx,
    family: FamilyId,
    user: UserId,
    org: Option<OrgId>,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "insert into token_families (id, user_id, selected_org, created_at, expires_at) values ($1, $2, $3, $4, $5)",
    )
    .bind(family)
    .bind(user)
    .bind(org)
    .bind(now.to_sqlx())
    .bind((now + REFRESH_TOKEN_LIVES).to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(crate) async fn insert_refresh_token(
    tx: &mut SystemTx,
    family: FamilyId,
    digest: &[u8],
    parent: Option<&[u8]>,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "insert into refresh_tokens (digest, family_id, parent, created_at, expires_at) values ($1, $2, $3, $4, $5)",
    )
    .bind(digest)
    .bind(family)
    .bind(parent)
    .bind(now.to_sqlx())
    .bind((now + REFRESH_TOKEN_LIVES).to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A presented refresh token and its family.
#[derive(sqlx::FromRow)]
pub(crate) struct Refresh {
    pub(crate) family_id: FamilyId,
    pub(crate) user_id: UserId,
    pub(crate) selected_org: Option<OrgId>,
    pub(crate) used: bool,
    pub(crate) family_revoked: bool,
    #[sqlx(try_from = "jiff_sqlx::Timestamp")]
    pub(crate) expires_at: Timestamp,
}

/// Finds a refresh token and holds its family, so that of two uses at the same time the second sees the first.
pub(crate) async fn lock_refresh_token(tx: &mut SystemTx, digest: &[u8]) -> Result<Option<Refresh>, DbError> {
    // The lock comes first and on its own: a row read in the statement that waits for it would be the one from before.
    sqlx::query(
        "select 1 from token_families where id = (select family_id from refresh_tokens where digest = $1) for update",
    )
    .bind(digest)
    .execute(tx.conn())
    .await?;
    let found = sqlx::query_as(
        "select t.family_id, f.user_id, f.selected_org, t.used_at is not null as used, \
                f.revoked_at is not null as family_revoked, t.expires_at \
           from refresh_tokens t \
           join token_families f on f.id = t.family_id \
           join users u on u.id = f.user_id and u.disabled_at is null \
          where t.digest = $1",
    )
    .bind(digest)
    .fetch_optional(tx.conn())
    .await?;
    Ok(found)
}

/// Marks a token used and extends its family's life to that of the successor.
pub(crate) async fn use_refresh_token(
    tx: &mut SystemTx,
    family: FamilyId,
    digest: &[u8],
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("update refresh_tokens set used_at = $2 where digest = $1")
        .bind(digest)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    sqlx::query("update token_families set expires_at = $2 where id = $1")
        .bind(family)
        .bind((now + REFRESH_TOKEN_LIVES).to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(crate) async fn revoke_family(tx: &mut SystemTx, family: FamilyId, now: Timestamp) -> Result<(), DbError> {
    sqlx::query("update token_families set revoked_at = $2 where id = $1 and revoked_at is null")
        .bind(family)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(crate) async fn revoke_other_families(
    tx: &mut SystemTx,
    user: UserId,
    kept: Option<FamilyId>,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "update token_families set revoked_at = $3 where user_id = $1 and id is distinct from $2 and revoked_at is null",
    )
    .bind(user)
    .bind(kept)
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(crate) async fn select_org(tx: &mut SystemTx, family: FamilyId, org: OrgId) -> Result<(), DbError> {
    let done = sqlx::query("update token_families set selected_org = $2 where id = $1")
        .bind(family)
        .bind(org)
        .execute(tx.conn())
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(DbError::RowMissing) }
}

/// A stored key.
#[derive(sqlx::FromRow)]
pub(crate) struct KeyRow {
    pub(crate) kid: Uuid,
    pub(crate) sealed_private: Vec<u8>,
    pub(crate) public_key: Vec<u8>,
    #[sqlx(try_from = "jiff_sqlx::Timestamp")]
    pub(crate) created_at: Timestamp,
    pub(crate) retired_at: Option<jiff_sqlx::Timestamp>,
}

/// The keys that sign or verify, newest first.
pub(crate) async fn list_keys(tx: &mut SystemTx, now: Timestamp) -> Result<Vec<KeyRow>, DbError> {
    let rows = sqlx::query_as(
        "select kid, sealed_private, public_key, created_at, retired_at from signing_keys \
          where retired_at is null or retired_at > $1 order by created_at desc, kid desc",
    )
    .bind((now - KEY_VERIFIES_FOR).to_sqlx())
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

pub(crate) async fn lock_keys(tx: &mut SystemTx) -> Result<(), DbError> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(KEY_LOCK).execute(tx.conn()).await?;
    Ok(())
}

/// Adds a key and retires the ones before it.
pub(crate) async fn replace_key(
    tx: &mut SystemTx,
    kid: Uuid,
    sealed_private: &[u8],
    public_key: &[u8],
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("update signing_keys set retired_at = $1 where retired_at is null")
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    sqlx::query("insert into signing_keys (kid, sealed_private, public_key, created_at) values ($1, $2, $3, $4)")
        .bind(kid)
        .bind(sealed_private)
        .bind(public_key)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Forgets families that have ended, with their tokens, and keys that verify nothing any more. A revoked family stays
/// as long as its last access token could.
pub(crate) async fn sweep(tx: &mut SystemTx, now: Timestamp) -> Result<u64, DbError> {
    let families = sqlx::query("delete from token_families where expires_at <= $1 or revoked_at <= $2")
        .bind(now.to_sqlx())
        .bind((now - REFRESH_TOKEN_LIVES).to_sqlx())
        .execute(tx.conn())
        .await?;
    let keys = sqlx::query("delete from signing_keys where retired_at <= $1")
        .bind((now - KEY_VERIFIES_FOR).to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(families.rows_affected() + keys.rows_affected())
}
