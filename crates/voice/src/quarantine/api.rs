//! `GET /api/v1/operator/quarantine` and `POST /api/v1/operator/quarantine/{id}/replay`.

use axum::extract::{Path, State};
use identity::Operator;
use platform::http::{ApiError, Cursor, Json, Limit, Page, Problem, Query, Report, TenantRouter, Validate};
use platform::ids::{OrgId, QuarantinedId};
use platform::tenancy::Tenancy;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::actions::{self, QuarantineError};
use super::model::{QuarantinedEvent, ReplayOutcome};
use crate::VoiceState;
use crate::ingress::actions::Ingress;

/// Routes of the quarantine.
pub fn router() -> TenantRouter<VoiceState> {
    TenantRouter::new()
        .route(__path_list_quarantine, list_quarantine)
        .route(__path_replay_quarantined_event, replay_quarantined_event)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuarantine {
    /// Rows on a page, 1 to 100; 20 by default.
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists events that belong to no organization we know of, newest first.
#[utoipa::path(
    get, path = "/api/v1/operator/quarantine", tag = "operator", params(ListQuarantine), security(("bearer" = [])),
    responses(
        (status = 200, description = "One page.", body = Page<QuarantinedEvent>),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an operator.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list_quarantine(
    _operator: Operator,
    State(tenancy): State<Tenancy>,
    Query(query): Query<ListQuarantine>,
) -> Result<Json<Page<QuarantinedEvent>>, ApiError> {
    let limit = Limit::from_parameter(query.limit)?;
    let cursor = query.cursor.as_deref().map(Cursor::from_parameter).transpose()?;
    Ok(Json(actions::list_quarantined(&tenancy, cursor, limit).await?))
}

#[derive(Debug, Deserialize, ToSchema)]
struct ReplayRequest {
    /// The organization to give the event to. Without it, the event's own numbers and ids decide again.
    org_id: Option<OrgId>,
}

impl Validate for ReplayRequest {
    fn validate(&self, _: &mut Report) {}
}

#[derive(Debug, Serialize, ToSchema)]
struct ReplayAnswer {
    outcome: ReplayOutcome,
}

/// Takes a quarantined event in again.
#[utoipa::path(
    post, path = "/api/v1/operator/quarantine/{id}/replay", tag = "operator", security(("bearer" = [])),
    params(("id" = String, Path, description = "The event.")), request_body = ReplayRequest,
    responses(
        (status = 200, description = "What came of it.", body = ReplayAnswer),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an operator.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such event waits.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn replay_quarantined_event(
    operator: Operator,
    State(tenancy): State<Tenancy>,
    State(ingress): State<Ingress>,
    Path(id): Path<String>,
    Json(request): Json<ReplayRequest>,
) -> Result<Json<ReplayAnswer>, ApiError> {
    let id: QuarantinedId = id.parse().map_err(|_| ApiError::not_found())?;
    let outcome = actions::replay_quarantined(&tenancy, &ingress, operator.actor(), id, request.org_id).await?;
    Ok(Json(ReplayAnswer { outcome }))
}

impl From<QuarantineError> for ApiError {
    fn from(error: QuarantineError) -> Self {
        match error {
            QuarantineError::NotFound => Self::not_found(),
            QuarantineError::Unreadable => Self::internal(error),
            QuarantineError::Ingest(error) => error.into(),
            QuarantineError::NoSuchOrganization => Self::invalid_field("org_id", error.to_string()),
            QuarantineError::Database(error) => error.into(),
        }
    }
}
