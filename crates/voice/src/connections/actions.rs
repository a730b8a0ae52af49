//! Use cases of connections.

use platform::audit::{self, Actor};
use platform::crypto::MasterKey;
use platform::ids::{ConnectionId, OrgId};
use platform::secret::Secret;
use platform::tenancy::TenantTx;
use providers::vapi::signature::WebhookAuth;
use serde_json::json;

use super::model::{Connection, ConnectionError, check_api_key, check_secret};
use super::store::{self, SecretId};

/// What a new connection is made of.
#[derive(Debug)]
pub struct NewConnection {
    /// The organization's own name for it.
    pub label: String,
    /// How events will be verified.
    pub auth: WebhookAuth,
    /// The secret that the provider will present or sign with.
    pub webhook_secret: Secret,
    /// Our private key at the provider, where we have one.
    pub api_key: Option<Secret>,
    /// True for the built-in simulator.
    pub simulated: bool,
}

/// The connections of the organization, oldest first.
pub async fn list_connections(tx: &mut TenantTx) -> Result<Vec<Connection>, ConnectionError> {
    Ok(store::list(tx).await?)
}

/// Makes a connection in the caller's transaction.
pub async fn create_connection(
    tx: &mut TenantTx,
    key: &MasterKey,
    actor: Actor,
    new: &NewConnection,
) -> Result<ConnectionId, ConnectionError> {
    new.auth.check()?;
    check_secret(&new.webhook_secret)?;
    let id = ConnectionId::new();
    store::insert(tx, id, &new.label, &new.auth, new.simulated).await?;
    add_secret(tx, key, id, "webhook", &new.webhook_secret).await?;
    if let Some(api_key) = &new.api_key {
        check_api_key(api_key)?;
        add_secret(tx, key, id, "api", api_key).await?;
    }
    audit::record(tx, actor, "connection.created", Some(&id.to_string()), json!({ "label": new.label })).await?;
    Ok(id)
}

/// Adds a webhook secret beside the ones in use, so that the provider can be switched without losing an event.
pub async fn add_webhook_secret(
    tx: &mut TenantTx,
    key: &MasterKey,
    actor: Actor,
    id: ConnectionId,
    secret: &Secret,
) -> Result<(), ConnectionError> {
    check_secret(secret)?;
    if !store::lock(tx, id).await? {
        return Err(ConnectionError::NotFound);
    }
    add_secret(tx, key, id, "webhook", secret).await?;
    audit::record(tx, actor, "connection.secret_added", Some(&id.to_string()), json!({})).await?;
    Ok(())
}

/// Ends a rotation: only the newest webhook secret stays valid.
pub async fn retire_older_secrets(tx: &mut TenantTx, actor: Actor, id: ConnectionId) -> Result<u64, ConnectionError> {
    if !store::lock(tx, id).await? {
        return Err(ConnectionError::NotFound);
    }
    let retired = store::retire_older_secrets(tx, id).await?;
    audit::record(tx, actor, "connection.secrets_retired", Some(&id.to_string()), json!({ "count": retired })).await?;
    Ok(retired)
}

/// Puts our private key at the provider in the place of the one before it.
pub async fn set_api_key(
    tx: &mut TenantTx,
    key: &MasterKey,
    actor: Actor,
    id: ConnectionId,
    api_key: &Secret,
) -> Result<(), ConnectionError> {
    check_api_key(api_key)?;
    if !store::lock(tx, id).await? {
        return Err(ConnectionError::NotFound);
    }
    let before = store::retire_api_keys(tx, id).await?;
    add_secret(tx, key, id, "api", api_key).await?;
    let detail = json!({ "replaced": before > 0 });
    audit::record(tx, actor, "connection.key_set", Some(&id.to_string()), detail).await?;
    Ok(())
}

/// Forgets our private key at the provider: its calls and recordings are asked for no more. Nothing happens without one.
pub async fn remove_api_key(tx: &mut TenantTx, actor: Actor, id: ConnectionId) -> Result<(), ConnectionError> {
    if !store::lock(tx, id).await? {
        return Err(ConnectionError::NotFound);
    }
    if store::retire_api_keys(tx, id).await? > 0 {
        audit::record(tx, actor, "connection.key_removed", Some(&id.to_string()), json!({})).await?;
    }
    Ok(())
}

/// Switches a connection off: its events are refused from then on, its calls stay.
pub async fn disable_connection(tx: &mut TenantTx, actor: Actor, id: ConnectionId) -> Result<(), ConnectionError> {
    if !store::lock(tx, id).await? {
        return Err(ConnectionError::NotFound);
    }
    store::disable(tx, id).await?;
    audit::record(tx, actor, "connection.disabled", Some(&id.to_string()), json!({})).await?;
    Ok(())
}

async fn add_secret(
    tx: &mut TenantTx,
    key: &MasterKey,
    connection: ConnectionId,
    purpose: &str,
    secret: &Secret,
) -> Result<(), ConnectionError> {
    let id = SecretId::new();
    let sealed = key.seal(&secret_place(tx.org(), connection, id), secret.expose().as_bytes())?;
    store::insert_secret(tx, connection, id, purpose, &sealed).await?;
    Ok(())
}

/// Where a secret is sealed to: copied to another row it does not open.
pub(crate) fn secret_place(org: OrgId, connection: ConnectionId, secret: SecretId) -> String {
    format!("connection_secrets/{org}/{connection}/{secret}")
}

/// Switches every connection of the built-in simulator off, before a new run makes its own.
pub async fn disable_simulated(tx: &mut TenantTx) -> Result<(), ConnectionError> {
    Ok(store::disable_simulated(tx).await?)
}
