//! The setting, holds, and deleting a call's content.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use identity::Admin;
use jiff::Timestamp;
use platform::http::{ApiError, Json, Problem, Query, Report, TenantRouter, Validate};
use platform::ids::CallId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::actions::{self, RetentionError};
use super::model::{Hold, MAX_REASON, Policy, Preview, Refusal, confirmation};
use crate::VoiceState;

/// Routes of retention.
pub fn router() -> TenantRouter<VoiceState> {
    TenantRouter::new()
        .route(__path_get_retention, get_retention)
        .route(__path_preview_retention, preview_retention)
        .route(__path_set_retention, set_retention)
        .route(__path_place_hold, place_hold)
        .route(__path_lift_hold, lift_hold)
        .route(__path_delete_call_content, delete_call_content)
}

/// Says how long the content of calls is kept.
#[utoipa::path(
    get, path = "/api/v1/retention", tag = "retention", security(("bearer" = [])),
    responses(
        (status = 200, description = "The setting.", body = Policy),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an admin.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get_retention(caller: Admin, State(state): State<VoiceState>) -> Result<Json<Policy>, ApiError> {
    let mut tx = caller.begin(&state.tenancy).await?;
    let policy = actions::policy(&mut tx).await?;
    tx.commit().await?;
    Ok(Json(policy))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wished {
    /// Days after a call until its recording is deleted; left out: for ever.
    recording_days: Option<i32>,
    /// Days after a call until all its content is deleted; left out: for ever.
    content_days: Option<i32>,
}

/// What a setting would delete, and what its seeing is confirmed with.
#[derive(Debug, Serialize, ToSchema)]
struct Seen {
    #[serde(flatten)]
    preview: Preview,
    /// Goes with the same setting within the hour, if it would delete anything.
    confirmation: String,
}

/// Counts what a setting would delete now. Deletes nothing.
#[utoipa::path(
    get, path = "/api/v1/retention/preview", tag = "retention", params(Wished), security(("bearer" = [])),
    responses(
        (status = 200, description = "What it would delete.", body = Seen),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an admin.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The days make no sense together.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn preview_retention(
    caller: Admin,
    State(state): State<VoiceState>,
    Query(wished): Query<Wished>,
) -> Result<Json<Seen>, ApiError> {
    let policy = Policy { recording_days: wished.recording_days, content_days: wished.content_days };
    let mut report = Report::default();
    policy.validate(&mut report);
    report.finish()?;
    let mut tx = caller.begin(&state.tenancy).await?;
    let preview = actions::preview(&mut tx, &policy, state.now()).await?;
    tx.commit().await?;
    let confirmation = confirmation(&state.master_key, caller.org, &policy, state.now()).map_err(ApiError::internal)?;
    Ok(Json(Seen { preview, confirmation }))
}

/// A setting to be put in force.
#[derive(Debug, Deserialize, ToSchema)]
struct SetRetention {
    /// Days after a call until its recording is deleted; null: for ever.
    #[schema(example = 90)]
    recording_days: Option<i32>,
    /// Days after a call until everything that was said, shown or recorded of it is deleted; null: for ever. Not less
    /// than `recording_days`.
    #[schema(example = 365)]
    content_days: Option<i32>,
    /// What the preview of this setting came with. Only a setting that deletes nothing now goes without.
    confirmation: Option<String>,
}

impl SetRetention {
    fn policy(&self) -> Policy {
        Policy { recording_days: self.recording_days, content_days: self.content_days }
    }
}

impl Validate for SetRetention {
    fn validate(&self, report: &mut Report) {
        self.policy().validate(report);
    }
}

/// Sets how long the content of calls is kept. What is older is deleted within the hour, so a setting that would delete
/// something needs the confirmation that its preview came with.
#[utoipa::path(
    put, path = "/api/v1/retention", tag = "retention", security(("bearer" = [])), request_body = SetRetention,
    responses(
        (status = 200, description = "In force.", body = Policy),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an admin.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It would delete something, and its preview was not looked at.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn set_retention(
    caller: Admin,
    State(state): State<VoiceState>,
    Json(wished): Json<SetRetention>,
) -> Result<Json<Policy>, ApiError> {
    let (key, policy, confirmation) = (&state.master_key, wished.policy(), wished.confirmation.as_deref());
    let mut tx = caller.begin(&state.tenancy).await?;
    actions::set_policy(&mut tx, key, caller.actor, &policy, confirmation, state.now()).await?;
    tx.commit().await?;
    Ok(Json(policy))
}

#[derive(Debug, Deserialize, ToSchema)]
struct HoldRequest {
    /// Why the call must be kept, in a few words.
    #[schema(example = "Complaint of 12 November")]
    reason: String,
}

impl Validate for HoldRequest {
    fn validate(&self, report: &mut Report) {
        report.text("reason", &self.reason, MAX_REASON);
    }
}

/// Puts a call on legal hold: nobody and no setting deletes its content until the hold is lifted.
#[utoipa::path(
    put, path = "/api/v1/calls/{id}/hold", tag = "retention", security(("bearer" = [])),
    params(("id" = String, Path, description = "The call.")), request_body = HoldRequest,
    responses(
        (status = 200, description = "On hold.", body = Hold),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an admin.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such call here.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is on hold, or its content was deleted.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn place_hold(
    caller: Admin,
    State(state): State<VoiceState>,
    Path(id): Path<String>,
    Json(request): Json<HoldRequest>,
) -> Result<Json<Hold>, ApiError> {
    let id: CallId = id.parse().map_err(|_| ApiError::not_found())?;
    let (now, reason) = (state.now(), request.reason.trim());
    let mut tx = caller.begin(&state.tenancy).await?;
    let told = actions::place_hold(&mut tx, caller.actor, id, reason, now).await?;
    tx.commit().await?;
    state.told(caller.org, told);
    Ok(Json(Hold { reason: reason.to_owned(), placed_at: now }))
}

/// Lifts a legal hold.
#[utoipa::path(
    delete, path = "/api/v1/calls/{id}/hold", tag = "retention", security(("bearer" = [])),
    params(("id" = String, Path, description = "The call.")),
    responses(
        (status = 204, description = "Lifted."),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an admin.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such call here.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is not on hold.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn lift_hold(
    caller: Admin,
    State(state): State<VoiceState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id: CallId = id.parse().map_err(|_| ApiError::not_found())?;
    let mut tx = caller.begin(&state.tenancy).await?;
    let told = actions::lift_hold(&mut tx, caller.actor, id, state.now()).await?;
    tx.commit().await?;
    state.told(caller.org, told);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Serialize, ToSchema)]
struct Deleted {
    /// When the content was deleted. Files follow within moments.
    #[schema(value_type = String, format = DateTime)]
    erased_at: Timestamp,
}

/// Deletes a call's content for good: recording, words, summary, what was noted, numbers and names. That there was a call
/// stays.
#[utoipa::path(
    delete, path = "/api/v1/calls/{id}/content", tag = "retention", security(("bearer" = [])),
    params(("id" = String, Path, description = "The call.")),
    responses(
        (status = 200, description = "Deleted.", body = Deleted),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an admin.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such call here.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is on hold, goes on, or was deleted before.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn delete_call_content(
    caller: Admin,
    State(state): State<VoiceState>,
    Path(id): Path<String>,
) -> Result<Json<Deleted>, ApiError> {
    let id: CallId = id.parse().map_err(|_| ApiError::not_found())?;
    let now = state.now();
    let mut tx = caller.begin(&state.tenancy).await?;
    let told = actions::erase(&mut tx, &state.jobs, caller.actor, id, now).await?;
    tx.commit().await?;
    state.told(caller.org, told);
    Ok(Json(Deleted { erased_at: now }))
}

impl From<RetentionError> for ApiError {
    fn from(error: RetentionError) -> Self {
        match error {
            RetentionError::Refused(Refusal::NotFound) => Self::not_found(),
            RetentionError::Refused(refusal) => Self::conflict(code(refusal), format!("{refusal}.")),
            RetentionError::Unseen(would) => Self::conflict(
                "preview_first",
                format!(
                    "This setting would delete content now (recordings: {}, calls: {}). Ask for its preview, and send the \
                     preview's confirmation with it.",
                    would.recordings, would.calls
                ),
            ),
            RetentionError::Queue(error) => Self::internal(error),
            RetentionError::Database(error) => error.into(),
        }
    }
}

fn code(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotFound => "not_found",
        Refusal::Live => "call_is_live",
        Refusal::OnHold => "on_hold",
        Refusal::Erased => "content_deleted",
        Refusal::NotOnHold => "not_on_hold",
    }
}
