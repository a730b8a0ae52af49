//! All SQL of `organizations`, `memberships`, `invitations`, and the list of `audit_log`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::http::{Cursor, Limit};
use platform::ids::{InvitationId, OrgId, UserId};
use platform::tenancy::{DbError, SystemTx, TenantTx};
use serde_json::Value;
use uuid::Uuid;

use super::model::{AuditEntry, InvitationView, MemberView, NewOrganization};
use crate::access::Role;
use crate::access::store::undecodable;

/// Serializes the making of organizations, so that only one person is the first. Any constant will do.
const FIRST_USER_LOCK: i64 = 0x766f_786f_7267_0001;

pub(crate) async fn lock_first_user(tx: &mut SystemTx) -> Result<(), DbError> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(FIRST_USER_LOCK).execute(tx.conn()).await?;
    Ok(())
}

pub(crate) async fn insert_organization(
    tx: &mut SystemTx,
    org: OrgId,
    new: &NewOrganization,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("insert into organizations (org_id, name, zone, is_demo, created_at) values ($1, $2, $3, $4, $5)")
        .bind(org)
        .bind(new.name.trim())
        .bind(&new.zone)
        .bind(new.is_demo)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Keeps an organization under its own id. False when it is there.
pub(super) async fn keep_organization(
    tx: &mut SystemTx,
    org: OrgId,
    name: &str,
    zone: &str,
    created_at: Timestamp,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "insert into organizations (org_id, name, zone, created_at) values ($1, $2, $3, $4) on conflict do nothing",
    )
    .bind(org)
    .bind(name)
    .bind(zone)
    .bind(created_at.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The operator's own organization and whether somebody owns it; `None` before the first was made.
pub(super) async fn find_installation(tx: &mut SystemTx) -> Result<Option<(OrgId, bool)>, DbError> {
    Ok(sqlx::query_as("select operator_org_id, is_claimed from installation").fetch_optional(tx.conn()).await?)
}

/// Makes an organization the operator's own.
pub(super) async fn set_installation(tx: &mut SystemTx, org: OrgId, is_claimed: bool) -> Result<(), DbError> {
    sqlx::query(
        "insert into installation (operator_org_id, is_claimed) values ($1, $2) \
         on conflict (is_the_one) do update set operator_org_id = excluded.operator_org_id, \
                                                is_claimed = excluded.is_claimed",
    )
    .bind(org)
    .bind(is_claimed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The organization that was made first, apart from invented ones.
pub(super) async fn find_first_organization(tx: &mut SystemTx) -> Result<Option<OrgId>, DbError> {
    let first = sqlx::query_scalar(
        "select org_id from organizations where not is_demo and deleted_at is null order by created_at, org_id limit 1",
    );
    Ok(first.fetch_optional(tx.conn()).await?)
}

/// Makes an organization that has nobody in it yet.
pub(super) async fn insert_placeholder(
    tx: &mut SystemTx,
    org: OrgId,
    name: &str,
    is_demo: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("insert into organizations (org_id, name, is_demo, created_at) values ($1, $2, $3, $4)")
        .bind(org)
        .bind(name)
        .bind(is_demo)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Gives an organization that nobody owns its real name, zone and kind.
pub(super) async fn take_over(tx: &mut SystemTx, org: OrgId, new: &NewOrganization) -> Result<(), DbError> {
    let done = sqlx::query("update organizations set name = $2, zone = $3, is_demo = $4 where org_id = $1")
        .bind(org)
        .bind(new.name.trim())
        .bind(&new.zone)
        .bind(new.is_demo)
        .execute(tx.conn())
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(DbError::RowMissing) }
}

/// False when the person is a member already; their role stays.
pub(crate) async fn insert_membership(
    tx: &mut SystemTx,
    org: OrgId,
    user: UserId,
    role: Role,
    now: Timestamp,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "insert into memberships (org_id, user_id, role, role_changed_at, created_at) values ($1, $2, $3, $4, $4) \
         on conflict do nothing",
    )
    .bind(org)
    .bind(user)
    .bind(role.as_str())
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

#[derive(sqlx::FromRow)]
struct MemberRow {
    user_id: UserId,
    email: String,
    name: String,
    #[sqlx(try_from = "String")]
    role: Role,
    #[sqlx(try_from = "jiff_sqlx::Timestamp")]
    joined_at: Timestamp,
    last_seen_at: Option<jiff_sqlx::Timestamp>,
}

pub(crate) async fn list_members(tx: &mut TenantTx) -> Result<Vec<MemberView>, DbError> {
    let rows: Vec<MemberRow> = sqlx::query_as(
        "select user_id, email, name, role, joined_at, last_seen_at from org_members() order by joined_at, user_id",
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| MemberView {
            user_id: row.user_id,
            email: row.email,
            name: row.name,
            role: row.role,
            joined_at: row.joined_at,
            last_seen_at: row.last_seen_at.map(jiff_sqlx::Timestamp::to_jiff),
        })
        .collect())
}

/// The roles of the owners and of `user`, held until the transaction ends: two owners who step down at the same moment
/// must not both find another owner there.
pub(crate) async fn lock_roles(tx: &mut TenantTx, user: UserId) -> Result<Vec<(UserId, Role)>, DbError> {
    let org = tx.org();
    let rows: Vec<(UserId, String)> = sqlx::query_as(
        "select user_id, role from memberships where org_id = $1 and (role = 'owner' or user_id = $2) \
          order by user_id for update",
    )
    .bind(org)
    .bind(user)
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(|(user, role)| Ok((user, role.parse().map_err(undecodable)?))).collect()
}

pub(crate) async fn update_role(tx: &mut TenantTx, user: UserId, role: Role, now: Timestamp) -> Result<(), DbError> {
    let org = tx.org();
    let done = sqlx::query("update memberships set role = $3, role_changed_at = $4 where org_id = $1 and user_id = $2")
        .bind(org)
        .bind(user)
        .bind(role.as_str())
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(DbError::RowMissing) }
}

pub(crate) async fn delete_membership(tx: &mut TenantTx, user: UserId) -> Result<(), DbError> {
    let org = tx.org();
    let done = sqlx::query("delete from memberships where org_id = $1 and user_id = $2")
        .bind(org)
        .bind(user)
        .execute(tx.conn())
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(DbError::RowMissing) }
}

pub(crate) async fn is_member_address(tx: &mut TenantTx, email: &str) -> Result<bool, DbError> {
    let found = sqlx::query_scalar("select exists (select 1 from org_members() where lower(email) = lower($1))")
        .bind(email)
        .fetch_one(tx.conn())
        .await?;
    Ok(found)
}

#[derive(sqlx::FromRow)]
struct InvitationRow {
    id: InvitationId,
    email: String,
    #[sqlx(try_from = "String")]
    role: Role,
    invited_by: UserId,
    #[sqlx(try_from = "jiff_sqlx::Timestamp")]
    created_at: Timestamp,
    #[sqlx(try_from = "jiff_sqlx::Timestamp")]
    expires_at: Timestamp,
}

impl InvitationRow {
    fn view(self, now: Timestamp) -> InvitationView {
        InvitationView {
            id: self.id,
            email: self.email,
            role: self.role,
            invited_by: self.invited_by,
            created_at: self.created_at,
            expires_at: self.expires_at,
            is_expired: self.expires_at <= now,
        }
    }
}

/// An invitation to be.
pub(crate) struct InvitationToInsert<'a> {
    pub(crate) email: &'a str,
    pub(crate) role: Role,
    pub(crate) digest: &'a [u8],
    pub(crate) invited_by: UserId,
    pub(crate) expires_at: Timestamp,
}

/// Makes an invitation, or gives the open one for the same address a new token, role and time.
pub(crate) async fn upsert_invitation(
    tx: &mut TenantTx,
    new: &InvitationToInsert<'_>,
    now: Timestamp,
) -> Result<InvitationView, DbError> {
    let org = tx.org();
    let row: InvitationRow = sqlx::query_as(
        "insert into invitations (org_id, id, email, role, digest, invited_by, created_at, expires_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) \
         on conflict (org_id, email_lower) where accepted_at is null and revoked_at is null \
         do update set email = excluded.email, role = excluded.role, digest = excluded.digest, \
                       invited_by = excluded.invited_by, created_at = excluded.created_at, \
                       expires_at = excluded.expires_at \
         returning id, email, role, invited_by, created_at, expires_at",
    )
    .bind(org)
    .bind(InvitationId::new())
    .bind(new.email)
    .bind(new.role.as_str())
    .bind(new.digest)
    .bind(new.invited_by)
    .bind(now.to_sqlx())
    .bind(new.expires_at.to_sqlx())
    .fetch_one(tx.conn())
    .await?;
    Ok(row.view(now))
}

/// Invitations that were neither accepted nor revoked, newest first.
pub(crate) async fn list_invitations(tx: &mut TenantTx, now: Timestamp) -> Result<Vec<InvitationView>, DbError> {
    let org = tx.org();
    let rows: Vec<InvitationRow> = sqlx::query_as(
        "select id, email, role, invited_by, created_at, expires_at from invitations \
          where org_id = $1 and accepted_at is null and revoked_at is null order by created_at desc, id desc",
    )
    .bind(org)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| row.view(now)).collect())
}

/// Who an open invitation is for; holds the row.
pub(crate) async fn lock_open_invitation(
    tx: &mut TenantTx,
    id: InvitationId,
) -> Result<Option<(String, Role)>, DbError> {
    let org = tx.org();
    let row: Option<(String, String)> = sqlx::query_as(
        "select email, role from invitations \
          where org_id = $1 and id = $2 and accepted_at is null and revoked_at is null for update",
    )
    .bind(org)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|(email, role)| Ok((email, role.parse().map_err(undecodable)?))).transpose()
}

pub(crate) async fn revoke_invitation(tx: &mut TenantTx, id: InvitationId, now: Timestamp) -> Result<(), DbError> {
    let org = tx.org();
    let done = sqlx::query("update invitations set revoked_at = $3 where org_id = $1 and id = $2")
        .bind(org)
        .bind(id)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(DbError::RowMissing) }
}

/// An invitation found by its link.
#[derive(sqlx::FromRow)]
pub(crate) struct FoundInvitation {
    pub(crate) org_id: OrgId,
    pub(crate) id: InvitationId,
    pub(crate) org_name: String,
    pub(crate) email: String,
    #[sqlx(try_from = "String")]
    pub(crate) role: Role,
    pub(crate) has_account: bool,
}

/// Finds the open, unexpired invitation that a token belongs to and holds its row.
pub(crate) async fn find_invitation(
    tx: &mut SystemTx,
    digest: &[u8],
    now: Timestamp,
) -> Result<Option<FoundInvitation>, DbError> {
    let found = sqlx::query_as(
        "select i.org_id, i.id, o.name as org_name, i.email, i.role, \
                exists (select 1 from users u where u.email_lower = i.email_lower) as has_account \
           from invitations i \
           join organizations o on o.org_id = i.org_id and o.deleted_at is null \
          where i.digest = $1 and i.accepted_at is null and i.revoked_at is null and i.expires_at > $2 \
            for update of i",
    )
    .bind(digest)
    .bind(now.to_sqlx())
    .fetch_optional(tx.conn())
    .await?;
    Ok(found)
}

/// Where a link let somebody join since a time, and under which address.
pub(crate) async fn find_accepted_invitation(
    tx: &mut SystemTx,
    digest: &[u8],
    since: Timestamp,
) -> Result<Option<(OrgId, String)>, DbError> {
    let found = sqlx::query_as(
        "select i.org_id, i.email from invitations i \
           join organizations o on o.org_id = i.org_id and o.deleted_at is null \
          where i.digest = $1 and i.accepted_at >= $2",
    )
    .bind(digest)
    .bind(since.to_sqlx())
    .fetch_optional(tx.conn())
    .await?;
    Ok(found)
}

pub(crate) async fn accept_invitation(
    tx: &mut SystemTx,
    org: OrgId,
    id: InvitationId,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("update invitations set accepted_at = $3 where org_id = $1 and id = $2")
        .bind(org)
        .bind(id)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct AuditRow {
    id: Uuid,
    #[sqlx(try_from = "jiff_sqlx::Timestamp")]
    at: Timestamp,
    actor_kind: String,
    actor_id: Option<Uuid>,
    actor_name: Option<String>,
    action: String,
    subject: Option<String>,
    detail: Value,
}

/// Deeds of the organization, newest first.
pub(crate) async fn list_audit(
    tx: &mut TenantTx,
    limit: Limit,
    after: Option<Cursor>,
) -> Result<Vec<AuditEntry>, DbError> {
    let org = tx.org();
    let (at, id) = after.map(|cursor| (cursor.at.to_sqlx(), cursor.id)).unzip();
    let rows: Vec<AuditRow> = sqlx::query_as(
        "select a.id, a.at, a.actor_kind, a.actor_id, coalesce(m.name, k.name) as actor_name, a.action, a.subject, \
                a.detail \
           from audit_log a \
           left join org_members() m on m.user_id = a.actor_id \
           left join api_keys k on k.org_id = a.org_id and k.id = a.actor_id \
          where a.org_id = $1 and ($2::timestamptz is null or (a.at, a.id) < ($2, $3)) \
          order by a.at desc, a.id desc limit $4",
    )
    .bind(org)
    .bind(at)
    .bind(id)
    .bind(limit.fetch())
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AuditEntry {
            id: row.id,
            at: row.at,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            action: row.action,
            subject: row.subject,
            detail: row.detail,
        })
        .collect())
}

/// Whether the organization exists and is not deleted.
pub(super) async fn organization_exists(tx: &mut SystemTx, org: OrgId) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar("select exists (select 1 from organizations where org_id = $1 and deleted_at is null)")
        .bind(org)
        .fetch_one(tx.conn())
        .await?)
}

/// How many organizations this transaction sees. Names none: it is row security alone that is looked at.
pub(super) async fn count_seen(tx: &mut TenantTx) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar("select count(*) from organizations").fetch_one(tx.conn()).await?)
}

/// Open organizations by name.
pub(super) async fn list_organizations(tx: &mut SystemTx) -> Result<Vec<(OrgId, String)>, DbError> {
    Ok(sqlx::query_as(
        "select org_id, name from organizations where deleted_at is null order by name, org_id limit 500",
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The invented practice of this name.
pub(super) async fn find_demonstration(tx: &mut SystemTx, name: &str) -> Result<Option<OrgId>, DbError> {
    Ok(sqlx::query_scalar("select org_id from organizations where name = $1 and is_demo and deleted_at is null")
        .bind(name)
        .fetch_optional(tx.conn())
        .await?)
}

/// The name of the transaction's organization.
pub(super) async fn get_name(tx: &mut TenantTx) -> Result<String, DbError> {
    let name = sqlx::query_scalar("select name from organizations where org_id = $1")
        .bind(tx.org())
        .fetch_one(tx.conn())
        .await?;
    Ok(name)
}
