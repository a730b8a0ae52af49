//! Making, listing and revoking keys.

use platform::audit;
use platform::crypto::token_digest;
use platform::ids::ApiKeyId;
use platform::tenancy::DbError;
use serde_json::json;

use super::model::{ApiKeyView, NewApiKey, draw_key};
use super::store::{self, KeyToInsert};
use crate::access::{Authority, Caller, CredentialId, Scope, Scopes};

/// Most usable keys of one organization. A program that makes keys in a loop is a fault.
const MOST_KEYS: usize = 100;

/// Why a key was not made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    /// Unknown, revoked, or another organization's.
    #[error("there is no such key")]
    NotFound,
    /// The name is empty, too long, or has control characters.
    #[error("a key's name has 1 to 100 characters and no control characters")]
    BadName,
    /// A key without scopes could do nothing.
    #[error("choose at least one scope")]
    NoScopes,
    /// There are too many.
    #[error("an organization has at most {MOST_KEYS} keys; revoke one first")]
    TooMany,
    /// API keys do not make keys.
    #[error("only a person may do this")]
    PeopleOnly,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Makes a key. It is in the answer and nowhere else.
pub async fn create_key(
    authority: &Authority,
    caller: &Caller,
    name: &str,
    scopes: Vec<Scope>,
) -> Result<NewApiKey, ApiKeyError> {
    let created_by = caller.user.ok_or(ApiKeyError::PeopleOnly)?;
    let name = name.trim();
    if !(1..=100).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(ApiKeyError::BadName);
    }
    let scopes: Vec<Scope> = Scopes::new(scopes).iter().collect();
    if scopes.is_empty() {
        return Err(ApiKeyError::NoScopes);
    }
    let (prefix, key) = draw_key();
    let id = ApiKeyId::new();
    let now = authority.now();
    let mut tx = caller.begin(authority.tenancy()).await?;
    if store::list_keys(&mut tx).await?.len() >= MOST_KEYS {
        tx.rollback().await?;
        return Err(ApiKeyError::TooMany);
    }
    let digest = token_digest(key.expose());
    let new = KeyToInsert { id, name, prefix: &prefix, digest: &digest, scopes: &scopes, created_by };
    store::insert_key(&mut tx, &new, now).await?;
    let detail = json!({ "prefix": prefix, "scopes": scopes });
    audit::record(&mut tx, caller.actor, "api_key.created", Some(&id.to_string()), detail).await?;
    tx.commit().await?;
    let view =
        ApiKeyView { id, name: name.to_owned(), prefix, scopes, created_by, created_at: now, last_used_at: None };
    Ok(NewApiKey { view, key })
}

/// Usable keys, newest first.
pub async fn list_keys(authority: &Authority, caller: &Caller) -> Result<Vec<ApiKeyView>, ApiKeyError> {
    let mut tx = caller.begin(authority.tenancy()).await?;
    let keys = store::list_keys(&mut tx).await?;
    tx.commit().await?;
    Ok(keys)
}

/// Makes a key worthless: here at once, on other nodes within [`crate::access::CACHE_FOR`].
pub async fn revoke_key(authority: &Authority, caller: &Caller, id: ApiKeyId) -> Result<(), ApiKeyError> {
    let mut tx = caller.begin(authority.tenancy()).await?;
    if !store::revoke_key(&mut tx, id, authority.now()).await? {
        tx.rollback().await?;
        return Err(ApiKeyError::NotFound);
    }
    audit::record(&mut tx, caller.actor, "api_key.revoked", Some(&id.to_string()), json!({})).await?;
    tx.commit().await?;
    authority.forget_credential(CredentialId::ApiKey(id));
    Ok(())
}
