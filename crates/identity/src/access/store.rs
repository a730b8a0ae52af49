//! The look-ups behind every request. Each is one SQL function in one round trip (`migrations/0002_identity.sql`).

use std::sync::Arc;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::ids::{ApiKeyId, OrgId, SessionId, UserId};
use platform::tenancy::{DbError, Tenancy};
use uuid::Uuid;

use super::model::{CredentialId, CredentialRef, CsrfToken, FamilyId, Person, Program, Scopes};
use crate::accounts::model::SessionAges;

#[derive(sqlx::FromRow)]
struct SessionRow {
    session_id: SessionId,
    is_current: bool,
    successor_seen: bool,
    rotated_at: jiff_sqlx::Timestamp,
    csrf_key: Vec<u8>,
    user_id: UserId,
    email: String,
    name: String,
    is_operator: bool,
    password_changed_at: jiff_sqlx::Timestamp,
    org_id: Option<OrgId>,
    role: Option<String>,
    role_changed_at: Option<jiff_sqlx::Timestamp>,
}

pub(super) async fn find_browser_session(
    tenancy: &Tenancy,
    digest: &[u8],
    now: Timestamp,
    idle_until: Timestamp,
    grace_until: Timestamp,
) -> Result<Option<(Person, SessionAges)>, DbError> {
    let query = sqlx::query_as::<_, SessionRow>("select * from find_browser_session($1, $2, $3, $4)")
        .bind(digest)
        .bind(now.to_sqlx())
        .bind(idle_until.to_sqlx())
        .bind(grace_until.to_sqlx());
    let rows = tenancy.tenant_call().await?.fetch_all(query).await?;
    rows.into_iter().next().map(person_and_ages).transpose()
}

fn person_and_ages(row: SessionRow) -> Result<(Person, SessionAges), DbError> {
    let place = super::place_of(row.org_id, row.role).map_err(undecodable)?;
    let person = Person {
        user: row.user_id,
        email: row.email.into(),
        name: row.name.into(),
        is_operator: row.is_operator,
        credential: CredentialId::Session(row.session_id),
        place,
        csrf: Some(CsrfToken::derive(&row.csrf_key, place.map(|(org, _)| org))),
    };
    let ages = SessionAges {
        is_current: row.is_current,
        successor_seen: row.successor_seen,
        rotated_at: row.rotated_at.to_jiff(),
        password_changed_at: row.password_changed_at.to_jiff(),
        role_changed_at: row.role_changed_at.map(jiff_sqlx::Timestamp::to_jiff),
    };
    Ok((person, ages))
}

#[derive(sqlx::FromRow)]
struct FamilyRow {
    user_id: UserId,
    email: String,
    name: String,
    is_operator: bool,
    org_id: Option<OrgId>,
    role: Option<String>,
}

pub(super) async fn find_token_family(
    tenancy: &Tenancy,
    family: FamilyId,
    user: UserId,
    org: Option<OrgId>,
    now: Timestamp,
) -> Result<Option<Person>, DbError> {
    let query = sqlx::query_as::<_, FamilyRow>("select * from find_token_family($1, $2, $3, $4)")
        .bind(family)
        .bind(user)
        .bind(org)
        .bind(now.to_sqlx());
    let rows = tenancy.tenant_call().await?.fetch_all(query).await?;
    rows.into_iter()
        .next()
        .map(|row| {
            Ok(Person {
                user: row.user_id,
                email: row.email.into(),
                name: row.name.into(),
                is_operator: row.is_operator,
                credential: CredentialId::Tokens(family),
                place: super::place_of(row.org_id, row.role).map_err(undecodable)?,
                csrf: None,
            })
        })
        .transpose()
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    org_id: OrgId,
    key_id: ApiKeyId,
    name: String,
    scopes: Vec<String>,
}

pub(super) async fn find_api_key(tenancy: &Tenancy, digest: &[u8], now: Timestamp) -> Result<Option<Program>, DbError> {
    let query = sqlx::query_as::<_, KeyRow>("select * from find_api_key($1, $2)").bind(digest).bind(now.to_sqlx());
    let rows = tenancy.tenant_call().await?.fetch_all(query).await?;
    rows.into_iter()
        .next()
        .map(|row| {
            let scopes = row.scopes.iter().map(|scope| scope.parse()).collect::<Result<_, _>>().map_err(undecodable)?;
            Ok(Program { key: row.key_id, org: row.org_id, name: Arc::from(row.name), scopes: Scopes::new(scopes) })
        })
        .transpose()
}

pub(super) async fn credentials_that_hold(
    tenancy: &Tenancy,
    credentials: &[CredentialRef],
    now: Timestamp,
) -> Result<Vec<bool>, DbError> {
    let (kinds, ids): (Vec<&'static str>, Vec<Uuid>) = credentials.iter().map(|c| c.credential.columns()).unzip();
    let users: Vec<Option<UserId>> = credentials.iter().map(|c| c.user).collect();
    let orgs: Vec<OrgId> = credentials.iter().map(|c| c.org).collect();
    let query = sqlx::query_as::<_, (i64,)>("select place from credentials_that_hold($1, $2, $3, $4, $5)")
        .bind(kinds)
        .bind(ids)
        .bind(users)
        .bind(orgs)
        .bind(now.to_sqlx());
    let places = tenancy.tenant_call().await?.fetch_all(query).await?;
    let mut holds = vec![false; credentials.len()];
    for (place,) in places {
        let index = usize::try_from(place - 1).ok();
        if let Some(flag) = index.and_then(|index| holds.get_mut(index)) {
            *flag = true;
        }
    }
    Ok(holds)
}

/// A stored name that this binary does not know: the row was written by a newer one, or by hand.
pub(crate) fn undecodable(error: super::UnknownName) -> DbError {
    DbError::Statement(sqlx::Error::Decode(Box::new(error)))
}
