//! Issuing, renewing and revoking the tokens of a program's sign-in.

use platform::crypto::{new_token, token_digest};
use platform::ids::{OrgId, UserId};
use platform::secret::Secret;
use platform::tenancy::DbError;
use serde_json::json;

use super::keys::KeyError;
use super::model::{Claims, RefreshVerdict, judge_refresh};
use super::store;
use crate::access::{Authority, FamilyId, TOKEN_CHARS};
use crate::accounts::actions::record_everywhere;
use crate::accounts::model::{Membership, SignedInUser};

const SIGN_INS: &str = "programs' sign-ins belong to people, who belong to no organization";

/// Why no token was issued.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Unknown, expired, used before, or revoked; never which.
    #[error("the refresh token is not valid")]
    Refused,
    /// Signing failed.
    #[error("the access token could not be signed")]
    Signing(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<KeyError> for TokenError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Database(error) => Self::Database(error),
            other => Self::Signing(Box::new(other)),
        }
    }
}

/// Tokens for a program. Shown once.
#[derive(Debug)]
pub struct Issued {
    /// For the `Authorization` header.
    pub access_token: Secret,
    /// For the next exchange.
    pub refresh_token: Secret,
    /// The organization that the access token selects.
    pub org: Option<OrgId>,
    /// Everywhere the person belongs.
    pub memberships: Vec<Membership>,
}

/// Begins a program's sign-in.
pub async fn issue_tokens(authority: &Authority, user: &SignedInUser) -> Result<Issued, TokenError> {
    let family = FamilyId::new();
    let refresh_token = new_token();
    let now = authority.now();
    // Signed first: the key may have to be made, which takes a transaction of its own.
    let access_token = access_token(authority, user.user, user.org, family).await?;
    let mut tx = authority.tenancy().system(SIGN_INS).await?;
    store::insert_family(&mut tx, family, user.user, user.org, now).await?;
    store::insert_refresh_token(&mut tx, family, &token_digest(refresh_token.expose()), None, now).await?;
    tx.commit().await?;
    Ok(Issued { access_token, refresh_token, org: user.org, memberships: user.memberships.clone() })
}

/// Exchanges a refresh token for its successor and a new access token.
///
/// Of two exchanges of the same token, even at the same moment, the first succeeds and the second revokes the family,
/// the first one's successor included.
pub async fn refresh(authority: &Authority, token: &Secret) -> Result<Issued, TokenError> {
    if token.expose().len() != TOKEN_CHARS {
        return Err(TokenError::Refused);
    }
    let digest = token_digest(token.expose());
    let now = authority.now();
    let mut tx = authority.tenancy().system(SIGN_INS).await?;
    let Some(found) = store::lock_refresh_token(&mut tx, &digest).await? else {
        tx.rollback().await?;
        return Err(TokenError::Refused);
    };
    match judge_refresh(found.used, found.family_revoked, found.expires_at, now) {
        RefreshVerdict::Exchange => {}
        RefreshVerdict::Refuse => {
            tx.rollback().await?;
            return Err(TokenError::Refused);
        }
        RefreshVerdict::Revoke => {
            store::revoke_family(&mut tx, found.family_id, now).await?;
            record_everywhere(&mut tx, found.user_id, "token.reused", json!({})).await?;
            tx.commit().await?;
            authority.forget_credential(crate::access::CredentialId::Tokens(found.family_id));
            tracing::warn!(user.id = %found.user_id, "a used refresh token came back; its family is revoked");
            return Err(TokenError::Refused);
        }
    }
    let successor = new_token();
    store::use_refresh_token(&mut tx, found.family_id, &digest, now).await?;
    let next = token_digest(successor.expose());
    store::insert_refresh_token(&mut tx, found.family_id, &next, Some(&digest), now).await?;
    let memberships = crate::accounts::store::list_memberships(&mut tx, found.user_id).await?;
    tx.commit().await?;
    let access_token = access_token(authority, found.user_id, found.selected_org, found.family_id).await?;
    Ok(Issued { access_token, refresh_token: successor, org: found.selected_org, memberships })
}

/// An access token of an existing sign-in.
pub(crate) async fn access_token(
    authority: &Authority,
    user: UserId,
    org: Option<OrgId>,
    family: FamilyId,
) -> Result<Secret, TokenError> {
    let claims = Claims::new(authority.origin().as_str(), user, org, family, authority.now());
    Ok(authority.keys().sign(&claims).await?)
}
