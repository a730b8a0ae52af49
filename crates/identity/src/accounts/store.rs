//! All SQL of `users`, `sessions` and `login_failures`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::ids::{OrgId, SessionId, UserId};
use platform::tenancy::{DbError, SystemTx};

use super::model::Membership;
use super::throttle::{Failures, Kind};
use crate::access::store::undecodable;

/// What sign-in needs of a person.
#[derive(sqlx::FromRow)]
pub(crate) struct Login {
    pub(crate) id: UserId,
    pub(crate) password_hash: String,
}

pub(crate) async fn find_login(tx: &mut SystemTx, email: &str) -> Result<Option<Login>, DbError> {
    let login =
        sqlx::query_as("select id, password_hash from users where email_lower = lower($1) and disabled_at is null")
            .bind(email)
            .fetch_optional(tx.conn())
            .await?;
    Ok(login)
}

pub(crate) async fn get_password_hash(tx: &mut SystemTx, user: UserId) -> Result<String, DbError> {
    let hash =
        sqlx::query_scalar("select password_hash from users where id = $1").bind(user).fetch_one(tx.conn()).await?;
    Ok(hash)
}

/// A person to be.
pub(crate) struct NewUser<'a> {
    pub(crate) id: UserId,
    pub(crate) email: &'a str,
    pub(crate) name: &'a str,
    pub(crate) password_hash: &'a str,
    pub(crate) is_operator: bool,
}

/// False when somebody has the address already.
pub(crate) async fn insert_user(tx: &mut SystemTx, user: &NewUser<'_>, now: Timestamp) -> Result<bool, DbError> {
    let done = sqlx::query(
        "insert into users (id, email, name, password_hash, password_changed_at, is_operator, created_at) \
         values ($1, $2, $3, $4, $5, $6, $5) on conflict (email_lower) do nothing",
    )
    .bind(user.id)
    .bind(user.email)
    .bind(user.name)
    .bind(user.password_hash)
    .bind(now.to_sqlx())
    .bind(user.is_operator)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn any_user_exists(tx: &mut SystemTx) -> Result<bool, DbError> {
    let exists = sqlx::query_scalar("select exists (select 1 from users)").fetch_one(tx.conn()).await?;
    Ok(exists)
}

pub(crate) async fn update_password(
    tx: &mut SystemTx,
    user: UserId,
    hash: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let done = sqlx::query("update users set password_hash = $2, password_changed_at = $3 where id = $1")
        .bind(user)
        .bind(hash)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(DbError::RowMissing) }
}

pub(crate) async fn grant_operator(tx: &mut SystemTx, email: &str) -> Result<Option<UserId>, DbError> {
    let user = sqlx::query_scalar(
        "update users set is_operator = true where email_lower = lower($1) and disabled_at is null returning id",
    )
    .bind(email)
    .fetch_optional(tx.conn())
    .await?;
    Ok(user)
}

/// A person as mails are addressed to them.
pub(crate) struct PersonRow {
    pub(crate) id: UserId,
    pub(crate) email: String,
    pub(crate) name: String,
}

/// Locks the person with an address, unless they may not sign in: requests of one person are dealt with one by one.
pub(crate) async fn lock_person(tx: &mut SystemTx, email: &str) -> Result<Option<PersonRow>, DbError> {
    let row: Option<(UserId, String, String)> = sqlx::query_as(
        "select id, email, name from users where email_lower = lower($1) and disabled_at is null for update",
    )
    .bind(email)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|(id, email, name)| PersonRow { id, email, name }))
}

pub(crate) async fn get_person(tx: &mut SystemTx, user: UserId) -> Result<PersonRow, DbError> {
    let (id, email, name) =
        sqlx::query_as("select id, email, name from users where id = $1").bind(user).fetch_one(tx.conn()).await?;
    Ok(PersonRow { id, email, name })
}

/// Links of a person that still work.
pub(crate) async fn count_open_resets(tx: &mut SystemTx, user: UserId, now: Timestamp) -> Result<i64, DbError> {
    let open = sqlx::query_scalar(
        "select count(*) from password_resets where user_id = $1 and used_at is null and expires_at > $2",
    )
    .bind(user)
    .bind(now.to_sqlx())
    .fetch_one(tx.conn())
    .await?;
    Ok(open)
}

pub(crate) async fn insert_reset(
    tx: &mut SystemTx,
    user: UserId,
    digest: &[u8],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("insert into password_resets (digest, user_id, created_at, expires_at) values ($1, $2, $3, $4)")
        .bind(digest)
        .bind(user)
        .bind(now.to_sqlx())
        .bind(expires_at.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Locks a link that works and answers whose it is.
pub(crate) async fn lock_reset(tx: &mut SystemTx, digest: &[u8], now: Timestamp) -> Result<Option<UserId>, DbError> {
    let user = sqlx::query_scalar(
        "select r.user_id from password_resets r join users u on u.id = r.user_id and u.disabled_at is null
          where r.digest = $1 and r.used_at is null and r.expires_at > $2 for update of r",
    )
    .bind(digest)
    .bind(now.to_sqlx())
    .fetch_optional(tx.conn())
    .await?;
    Ok(user)
}

/// The address of the person whose link was used since a time, for whoever has the link.
pub(crate) async fn find_used_reset(
    tx: &mut SystemTx,
    digest: &[u8],
    since: Timestamp,
) -> Result<Option<String>, DbError> {
    let email = sqlx::query_scalar(
        "select u.email from password_resets r join users u on u.id = r.user_id and u.disabled_at is null
          where r.digest = $1 and r.used_at >= $2",
    )
    .bind(digest)
    .bind(since.to_sqlx())
    .fetch_optional(tx.conn())
    .await?;
    Ok(email)
}

/// Makes every link of a person worthless.
pub(crate) async fn use_resets(tx: &mut SystemTx, user: UserId, now: Timestamp) -> Result<(), DbError> {
    sqlx::query("update password_resets set used_at = $2 where user_id = $1 and used_at is null")
        .bind(user)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(crate) async fn delete_resets(tx: &mut SystemTx, expired_before: Timestamp) -> Result<u64, DbError> {
    let gone = sqlx::query("delete from password_resets where expires_at < $1")
        .bind(expired_before.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(gone.rows_affected())
}

/// Everybody who runs the installation, by name.
pub(crate) async fn list_operators(tx: &mut SystemTx) -> Result<Vec<(UserId, String)>, DbError> {
    Ok(sqlx::query_as("select id, name from users where is_operator and disabled_at is null order by name, id")
        .fetch_all(tx.conn())
        .await?)
}

/// Where a person belongs, the last used first.
pub(crate) async fn list_memberships(tx: &mut SystemTx, user: UserId) -> Result<Vec<Membership>, DbError> {
    let rows: Vec<(OrgId, String, String)> = sqlx::query_as(
        "select o.org_id, o.name, m.role from memberships m \
           join organizations o on o.org_id = m.org_id and o.deleted_at is null \
          where m.user_id = $1 order by m.last_seen_at desc nulls last, m.created_at, o.org_id",
    )
    .bind(user)
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|(org_id, org_name, role)| Ok(Membership { org_id, org_name, role: role.parse().map_err(undecodable)? }))
        .collect()
}

/// A session to be.
pub(crate) struct NewSession<'a> {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) digest: &'a [u8],
    pub(crate) csrf_key: &'a [u8],
    pub(crate) org: Option<OrgId>,
}

pub(crate) async fn insert_session(tx: &mut SystemTx, new: &NewSession<'_>, now: Timestamp) -> Result<(), DbError> {
    sqlx::query(
        "insert into sessions (id, user_id, digest, csrf_key, selected_org, created_at, rotated_at, idle_expires_at, \
                               expires_at) \
         values ($1, $2, $3, $4, $5, $6, $6, $7, $8)",
    )
    .bind(new.id)
    .bind(new.user)
    .bind(new.digest)
    .bind(new.csrf_key)
    .bind(new.org)
    .bind(now.to_sqlx())
    .bind((now + super::model::IDLE_FOR).to_sqlx())
    .bind((now + super::model::LIVES_FOR).to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Makes `fresh` the session's token if `used` is still its newest, or the one before and the newest was never used.
/// False when another request was quicker.
pub(crate) async fn rotate_session(
    tx: &mut SystemTx,
    session: SessionId,
    used: &[u8],
    fresh: &[u8],
    now: Timestamp,
) -> Result<bool, DbError> {
    // A lost successor that was made a moment ago may still be on its way to the browser: the age is compared again
    // under the row lock, so that two requests with the old token do not overtake each other.
    let done = sqlx::query(
        "update sessions set previous_digest = $2, previous_valid_until = null, digest = $3, rotated_at = $4 \
          where id = $1 and (digest = $2 or \
                (previous_digest = $2 and previous_valid_until is null and rotated_at <= $5))",
    )
    .bind(session)
    .bind(used)
    .bind(fresh)
    .bind(now.to_sqlx())
    .bind((now - super::model::PREVIOUS_SERVES_FOR).to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn delete_session(tx: &mut SystemTx, session: SessionId) -> Result<(), DbError> {
    sqlx::query("delete from sessions where id = $1").bind(session).execute(tx.conn()).await?;
    Ok(())
}

/// Ends the session that a cookie belongs to, whoever signs in over it.
pub(crate) async fn delete_session_by_digest(tx: &mut SystemTx, digest: &[u8]) -> Result<(), DbError> {
    sqlx::query("delete from sessions where digest = $1").bind(digest).execute(tx.conn()).await?;
    Ok(())
}

pub(crate) async fn delete_other_sessions(
    tx: &mut SystemTx,
    user: UserId,
    kept: Option<SessionId>,
) -> Result<(), DbError> {
    sqlx::query("delete from sessions where user_id = $1 and id is distinct from $2")
        .bind(user)
        .bind(kept)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Selects an organization and has the session's token renewed at its next request.
pub(crate) async fn select_org(tx: &mut SystemTx, session: SessionId, org: OrgId) -> Result<(), DbError> {
    let done = sqlx::query("update sessions set selected_org = $2, rotated_at = to_timestamp(0) where id = $1")
        .bind(session)
        .bind(org)
        .execute(tx.conn())
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(DbError::RowMissing) }
}

pub(crate) async fn find_failures(
    tx: &mut SystemTx,
    kind: Kind,
    digest: &[u8],
    for_update: bool,
) -> Result<Option<Failures>, DbError> {
    const READ: &str = "select failures, window_started_at, last_failed_at from login_failures \
                        where kind = $1 and digest = $2";
    const LOCK: &str = "select failures, window_started_at, last_failed_at from login_failures \
                        where kind = $1 and digest = $2 for update";
    let row: Option<(i32, jiff_sqlx::Timestamp, jiff_sqlx::Timestamp)> =
        sqlx::query_as(if for_update { LOCK } else { READ })
            .bind(kind.as_str())
            .bind(digest)
            .fetch_optional(tx.conn())
            .await?;
    Ok(row.map(|(count, started, last)| Failures {
        count,
        window_started_at: started.to_jiff(),
        last_failed_at: last.to_jiff(),
    }))
}

/// Counts one failure and answers the counter after it.
pub(crate) async fn count_failure(
    tx: &mut SystemTx,
    kind: Kind,
    digest: &[u8],
    now: Timestamp,
) -> Result<Failures, DbError> {
    // The row must exist to be locked: two first failures at once would otherwise both count as the first.
    sqlx::query(
        "insert into login_failures (kind, digest, failures, window_started_at, last_failed_at) \
         values ($1, $2, 0, $3, $3) on conflict do nothing",
    )
    .bind(kind.as_str())
    .bind(digest)
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    let before = find_failures(tx, kind, digest, true).await?;
    let after = Failures::after_another(before, kind, now);
    sqlx::query(
        "update login_failures set failures = $3, window_started_at = $4, last_failed_at = $5 \
          where kind = $1 and digest = $2",
    )
    .bind(kind.as_str())
    .bind(digest)
    .bind(after.count)
    .bind(after.window_started_at.to_sqlx())
    .bind(after.last_failed_at.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(after)
}

pub(crate) async fn clear_account_failures(tx: &mut SystemTx, digest: &[u8]) -> Result<(), DbError> {
    sqlx::query("delete from login_failures where kind = 'account' and digest = $1")
        .bind(digest)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Forgets sessions that have ended and counters that no longer count. Answers how many rows went.
pub(crate) async fn sweep(tx: &mut SystemTx, now: Timestamp) -> Result<u64, DbError> {
    let sessions = sqlx::query("delete from sessions where expires_at <= $1 or idle_expires_at <= $1")
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    let failures = sqlx::query("delete from login_failures where last_failed_at <= $1")
        .bind((now - super::throttle::ACCOUNT_REMEMBERS).to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(sessions.rows_affected() + failures.rows_affected())
}
