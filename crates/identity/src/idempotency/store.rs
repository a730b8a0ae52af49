//! All SQL of `idempotency_keys`.

use axum::http::StatusCode;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::tenancy::{DbError, SystemTx, TenantTx};

use super::model::{Claim, GIVES_UP_AFTER, KEEPS_FOR, Sealed};

/// Takes the key, or says who has it.
pub(super) async fn claim(tx: &mut TenantTx, key: &str, hash: &[u8], now: Timestamp) -> Result<Claim, DbError> {
    let org = tx.org();
    let taken = sqlx::query(
        "insert into idempotency_keys (org_id, key, request_hash, created_at) values ($1, $2, $3, $4) \
         on conflict (org_id, key) do update set request_hash = excluded.request_hash, created_at = excluded.created_at \
         where idempotency_keys.status is null and idempotency_keys.created_at <= $5",
    )
    .bind(org)
    .bind(key)
    .bind(hash)
    .bind(now.to_sqlx())
    .bind((now - GIVES_UP_AFTER).to_sqlx())
    .execute(tx.conn())
    .await?;
    if taken.rows_affected() == 1 {
        return Ok(Claim::First);
    }
    let row: (Vec<u8>, Option<i32>, Option<Vec<u8>>) =
        sqlx::query_as("select request_hash, status, body from idempotency_keys where org_id = $1 and key = $2")
            .bind(org)
            .bind(key)
            .fetch_one(tx.conn())
            .await?;
    let (known_hash, status, body) = row;
    if known_hash != hash {
        return Ok(Claim::OtherRequest);
    }
    let status = status.and_then(|status| u16::try_from(status).ok()).and_then(|code| StatusCode::from_u16(code).ok());
    Ok(match (status, body) {
        (Some(status), Some(body)) => Claim::Repeat(Sealed { status, body }),
        _ => Claim::InProgress,
    })
}

/// Stores the answer.
pub(super) async fn save(tx: &mut TenantTx, key: &str, status: i32, sealed: &[u8]) -> Result<(), DbError> {
    let org = tx.org();
    let done = sqlx::query(
        "update idempotency_keys set status = $3, body = $4 where org_id = $1 and key = $2 and status is null",
    )
    .bind(org)
    .bind(key)
    .bind(status)
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(DbError::RowMissing) }
}

/// Gives the key back for another try.
pub(super) async fn release(tx: &mut TenantTx, key: &str) -> Result<(), DbError> {
    let org = tx.org();
    sqlx::query("delete from idempotency_keys where org_id = $1 and key = $2 and status is null")
        .bind(org)
        .bind(key)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Forgets old answers. Answers how many.
pub(crate) async fn sweep(tx: &mut SystemTx, now: Timestamp) -> Result<u64, DbError> {
    let done = sqlx::query("delete from idempotency_keys where created_at <= $1")
        .bind((now - KEEPS_FOR).to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected())
}
