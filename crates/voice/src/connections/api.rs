//! `/api/v1/connections`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use identity::Can;
use identity::access::permission;
use jiff::Timestamp;
use platform::http::{ApiError, Json, Problem, Report, TenantRouter, Validate};
use platform::ids::ConnectionId;
use platform::secret::Secret;
use providers::vapi::signature::WebhookAuth;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actions::{self, NewConnection};
use super::model::{Connection, ConnectionError};
use crate::VoiceState;

/// Routes of connections.
pub fn router() -> TenantRouter<VoiceState> {
    TenantRouter::new()
        .route(__path_list_connections, list_connections)
        .route(__path_create_connection, create_connection)
        .route(__path_add_connection_secret, add_connection_secret)
        .route(__path_retire_connection_secrets, retire_connection_secrets)
        .route(__path_set_connection_key, set_connection_key)
        .route(__path_remove_connection_key, remove_connection_key)
        .route(__path_disable_connection, disable_connection)
        .route(__path_send_test_event, send_test_event)
}

/// A provider connection, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectionView {
    /// Its id.
    pub id: ConnectionId,
    /// The provider.
    pub provider: String,
    /// Your name for it.
    pub label: String,
    /// Where the provider must post its events.
    pub webhook_url: String,
    /// How events are verified.
    #[schema(value_type = Object)]
    pub auth: WebhookAuth,
    /// True for the built-in simulator.
    pub simulated: bool,
    /// Webhook secrets that are valid now; more than one during a rotation.
    pub active_secrets: i64,
    /// Whether your private key at the provider is kept. The key itself is never shown.
    pub has_api_key: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When the last event came, to within a few seconds.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_event_at: Option<Timestamp>,
    /// The type of that event.
    pub last_event_type: Option<String>,
}

impl ConnectionView {
    /// Adds the webhook address to a connection.
    pub fn of(connection: Connection, state: &VoiceState) -> Self {
        Self {
            webhook_url: state.webhook_url(connection.id),
            id: connection.id,
            provider: connection.provider,
            label: connection.label,
            auth: connection.auth,
            simulated: connection.simulated,
            active_secrets: connection.active_secrets,
            has_api_key: connection.has_api_key,
            created_at: connection.created_at,
            last_event_at: connection.last_event_at,
            last_event_type: connection.last_event_type,
        }
    }
}

/// Lists the provider connections, oldest first.
#[utoipa::path(
    get, path = "/api/v1/connections", tag = "connections", security(("bearer" = [])),
    responses(
        (status = 200, description = "All connections.", body = Vec<ConnectionView>),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Role or scope does not allow it.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list_connections(
    caller: Can<permission::ConnectionsRead>,
    State(state): State<VoiceState>,
) -> Result<Json<Vec<ConnectionView>>, ApiError> {
    let mut tx = caller.begin(&state.tenancy).await?;
    let connections = actions::list_connections(&mut tx).await?;
    tx.commit().await?;
    Ok(Json(connections.into_iter().map(|connection| ConnectionView::of(connection, &state)).collect()))
}

#[derive(Deserialize, ToSchema)]
struct CreateConnection {
    /// Your name for it, at most 100 characters.
    #[schema(example = "Front desk line")]
    label: String,
    /// How events will be verified; by default the secret itself in `X-Vapi-Secret` or as bearer token.
    #[schema(value_type = Option<Object>)]
    auth: Option<WebhookAuth>,
    /// The secret that the provider will present or sign with.
    webhook_secret: String,
    /// Your private key at the provider.
    api_key: Option<String>,
}

impl Validate for CreateConnection {
    fn validate(&self, report: &mut Report) {
        report.text("label", &self.label, 100);
    }
}

/// Creates a provider connection.
#[utoipa::path(
    post, path = "/api/v1/connections", tag = "connections", security(("bearer" = [])), request_body = CreateConnection,
    responses(
        (status = 201, description = "Created.", body = ConnectionView),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Role or scope does not allow it.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn create_connection(
    caller: Can<permission::ConnectionsWrite>,
    State(state): State<VoiceState>,
    Json(request): Json<CreateConnection>,
) -> Result<Response, ApiError> {
    let new = NewConnection {
        label: request.label.trim().to_owned(),
        auth: request.auth.unwrap_or_default(),
        webhook_secret: Secret::new(request.webhook_secret),
        api_key: request.api_key.map(Secret::new),
        simulated: false,
    };
    let mut tx = caller.begin(&state.tenancy).await?;
    let id = actions::create_connection(&mut tx, &state.master_key, caller.actor, &new).await?;
    let connections = actions::list_connections(&mut tx).await?;
    tx.commit().await?;
    let created = connections.into_iter().find(|connection| connection.id == id).ok_or_else(ApiError::not_found)?;
    Ok((StatusCode::CREATED, Json(ConnectionView::of(created, &state))).into_response())
}

#[derive(Deserialize, ToSchema)]
struct AddSecret {
    /// The new secret. The old ones stay valid until they are retired.
    webhook_secret: String,
}

impl Validate for AddSecret {
    fn validate(&self, _: &mut Report) {}
}

/// Adds a webhook secret beside the ones in use: the first half of a rotation.
#[utoipa::path(
    post, path = "/api/v1/connections/{id}/secrets", tag = "connections", security(("bearer" = [])),
    params(("id" = String, Path, description = "The connection.")), request_body = AddSecret,
    responses(
        (status = 204, description = "Added."),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Role or scope does not allow it.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such connection here.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn add_connection_secret(
    caller: Can<permission::ConnectionsWrite>,
    State(state): State<VoiceState>,
    Path(id): Path<String>,
    Json(request): Json<AddSecret>,
) -> Result<StatusCode, ApiError> {
    let id = connection_id(&id)?;
    let secret = Secret::new(request.webhook_secret);
    let mut tx = caller.begin(&state.tenancy).await?;
    actions::add_webhook_secret(&mut tx, &state.master_key, caller.actor, id, &secret).await?;
    tx.commit().await?;
    state.ingress.registry().forget(id);
    Ok(StatusCode::NO_CONTENT)
}

/// Retires all webhook secrets but the newest: the second half of a rotation.
#[utoipa::path(
    post, path = "/api/v1/connections/{id}/secrets/retire-older", tag = "connections", security(("bearer" = [])),
    params(("id" = String, Path, description = "The connection.")),
    responses(
        (status = 204, description = "Only the newest secret is valid now."),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Role or scope does not allow it.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such connection here.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn retire_connection_secrets(
    caller: Can<permission::ConnectionsWrite>,
    State(state): State<VoiceState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = connection_id(&id)?;
    let mut tx = caller.begin(&state.tenancy).await?;
    actions::retire_older_secrets(&mut tx, caller.actor, id).await?;
    tx.commit().await?;
    state.ingress.registry().forget(id);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
struct SetKey {
    /// Your private key at the provider, 8 to 500 characters. It is kept sealed and never shown.
    api_key: String,
}

impl Validate for SetKey {
    fn validate(&self, _: &mut Report) {}
}

/// Keeps your private key at the provider, in the place of one that was there: with it recordings are copied, and calls
/// that were missed are asked for.
#[utoipa::path(
    put, path = "/api/v1/connections/{id}/api-key", tag = "connections", security(("bearer" = [])),
    params(("id" = String, Path, description = "The connection.")), request_body = SetKey,
    responses(
        (status = 204, description = "Kept."),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Role or scope does not allow it.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such connection here.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn set_connection_key(
    caller: Can<permission::ConnectionsWrite>,
    State(state): State<VoiceState>,
    Path(id): Path<String>,
    Json(request): Json<SetKey>,
) -> Result<StatusCode, ApiError> {
    let id = connection_id(&id)?;
    // Copied from somewhere, it may have brought a line break along; a key has none.
    let api_key = Secret::new(request.api_key.trim());
    let mut tx = caller.begin(&state.tenancy).await?;
    actions::set_api_key(&mut tx, &state.master_key, caller.actor, id, &api_key).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets your private key at the provider. Without one this changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/connections/{id}/api-key", tag = "connections", security(("bearer" = [])),
    params(("id" = String, Path, description = "The connection.")),
    responses(
        (status = 204, description = "Forgotten."),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Role or scope does not allow it.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such connection here.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn remove_connection_key(
    caller: Can<permission::ConnectionsWrite>,
    State(state): State<VoiceState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = connection_id(&id)?;
    let mut tx = caller.begin(&state.tenancy).await?;
    actions::remove_api_key(&mut tx, caller.actor, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Switches a connection off: its events are refused from then on.
#[utoipa::path(
    delete, path = "/api/v1/connections/{id}", tag = "connections", security(("bearer" = [])),
    params(("id" = String, Path, description = "The connection.")),
    responses(
        (status = 204, description = "Switched off."),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Role or scope does not allow it.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such connection here.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn disable_connection(
    caller: Can<permission::ConnectionsWrite>,
    State(state): State<VoiceState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = connection_id(&id)?;
    let mut tx = caller.begin(&state.tenancy).await?;
    actions::disable_connection(&mut tx, caller.actor, id).await?;
    tx.commit().await?;
    state.ingress.registry().forget(id);
    Ok(StatusCode::NO_CONTENT)
}

/// What a test event came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestEvent {
    /// Milliseconds from sending to the stored answer.
    pub milliseconds: u64,
}

/// Sends a test event through the connection's own verification and storage.
#[utoipa::path(
    post, path = "/api/v1/connections/{id}/test-event", tag = "connections", security(("bearer" = [])),
    params(("id" = String, Path, description = "The connection.")),
    responses(
        (status = 200, description = "Verified and stored.", body = TestEvent),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Role or scope does not allow it.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such connection here.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The connection would refuse its own events.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn send_test_event(
    caller: Can<permission::ConnectionsWrite>,
    State(state): State<VoiceState>,
    Path(id): Path<String>,
) -> Result<Json<TestEvent>, ApiError> {
    let id = connection_id(&id)?;
    let milliseconds = state.ingress.send_test_event(caller.org, id, &state.webhook_url(id)).await?;
    Ok(Json(TestEvent { milliseconds }))
}

fn connection_id(text: &str) -> Result<ConnectionId, ApiError> {
    text.parse().map_err(|_| ApiError::not_found())
}

impl From<ConnectionError> for ApiError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::NotFound => Self::not_found(),
            ConnectionError::BadSecret => Self::invalid_field("webhook_secret", error.to_string()),
            ConnectionError::BadKey => Self::invalid_field("api_key", error.to_string()),
            ConnectionError::BadScheme(_) => Self::invalid_field("auth", error.to_string()),
            ConnectionError::Crypto(_) => Self::internal(error),
            ConnectionError::Database(error) => error.into(),
        }
    }
}
