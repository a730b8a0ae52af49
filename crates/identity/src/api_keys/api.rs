//! `/api/v1/api-keys`.

use axum::extract::{Path, State as Extract};
use axum::http::header;
use axum::response::IntoResponse;
use http::StatusCode;
use platform::http::{ApiError, Json, Problem, Report, TenantRouter, Validate};
use platform::ids::ApiKeyId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actions::{self, ApiKeyError};
use super::model::{ApiKeyView, NewApiKey};
use crate::State;
use crate::access::{Admin, Scope};
use crate::organizations::api::id;

impl From<ApiKeyError> for ApiError {
    fn from(error: ApiKeyError) -> Self {
        match error {
            ApiKeyError::NotFound => Self::not_found(),
            ApiKeyError::BadName => Self::invalid_field("name", ApiKeyError::BadName.to_string()),
            ApiKeyError::NoScopes => Self::invalid_field("scopes", ApiKeyError::NoScopes.to_string()),
            ApiKeyError::TooMany => Self::conflict("too_many_keys", ApiKeyError::TooMany.to_string()),
            ApiKeyError::PeopleOnly => Self::forbidden(ApiKeyError::PeopleOnly.to_string()),
            ApiKeyError::Database(error) => error.into(),
        }
    }
}

pub(crate) fn tenant_router() -> TenantRouter<State> {
    TenantRouter::new()
        .route(__path_list_api_keys, list_api_keys)
        .route(__path_create_api_key, create_api_key)
        .route(__path_revoke_api_key, revoke_api_key)
}

/// A whole list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeyList {
    /// The keys, newest first.
    pub items: Vec<ApiKeyView>,
}

/// Lists the organization's keys.
#[utoipa::path(get, path = "/api/v1/api-keys", operation_id = "list_api_keys", tag = "api-keys", security(("bearer" = [])), responses(
    (status = 200, body = ApiKeyList),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list_api_keys(caller: Admin, Extract(state): Extract<State>) -> Result<Json<ApiKeyList>, ApiError> {
    let items = actions::list_keys(&state.authority, &caller).await?;
    Ok(Json(ApiKeyList { items }))
}

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateApiKey {
    /// What it is for.
    #[schema(example = "Practice software", max_length = 100)]
    pub name: String,
    /// What it may do; at least one.
    pub scopes: Vec<Scope>,
}

impl Validate for CreateApiKey {
    fn validate(&self, report: &mut Report) {
        report.text("name", &self.name, 100);
        report.require(!self.scopes.is_empty(), "scopes", "must name at least one scope");
    }
}

/// A new key. It is not shown again.
#[derive(Serialize, ToSchema)]
pub struct ApiKeyAnswer {
    /// The key's description.
    #[serde(flatten)]
    pub api_key: ApiKeyView,
    /// The key itself, for `Authorization: Bearer …`.
    #[schema(example = "vx_Jk3_9sQa_…")]
    pub key: String,
}

impl From<NewApiKey> for ApiKeyAnswer {
    fn from(new: NewApiKey) -> Self {
        Self { api_key: new.view, key: new.key.expose().to_owned() }
    }
}

/// Makes a key for a program. The answer is the only place that shows it.
#[utoipa::path(post, path = "/api/v1/api-keys", operation_id = "create_api_key", tag = "api-keys", security(("bearer" = [])),
    request_body = CreateApiKey, responses(
    (status = 201, body = ApiKeyAnswer),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "Too many keys", body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn create_api_key(
    caller: Admin,
    Extract(state): Extract<State>,
    Json(body): Json<CreateApiKey>,
) -> Result<impl IntoResponse, ApiError> {
    let new = actions::create_key(&state.authority, &caller, &body.name, body.scopes).await?;
    let uncached = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, uncached, Json(ApiKeyAnswer::from(new))))
}

/// Makes a key worthless.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", operation_id = "revoke_api_key", tag = "api-keys", security(("bearer" = [])),
    params(("id" = ApiKeyId, Path, description = "The key")), responses(
    (status = 204, description = "Revoked"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn revoke_api_key(
    caller: Admin,
    Extract(state): Extract<State>,
    Path(key): Path<String>,
) -> Result<StatusCode, ApiError> {
    actions::revoke_key(&state.authority, &caller, id(&key)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
