//! `GET /api/v1/operator/backups`: the list of the operator's page of backups, for programs. Here and not in `backup`, which knows
//! nobody who could ask.

use axum::extract::{FromRef, State};
use backup::records::{self, Record};
use identity::{Authority, Operator};
use jiff::Timestamp;
use platform::http::{ApiError, Cursor, Json, Limit, Page, Problem, Query, TenantRouter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What the route looks at.
#[derive(Clone)]
pub struct BackupsState(Authority);

impl BackupsState {
    /// Asks this one's database.
    pub fn new(authority: Authority) -> Self {
        Self(authority)
    }
}

impl FromRef<BackupsState> for Authority {
    fn from_ref(state: &BackupsState) -> Self {
        state.0.clone()
    }
}

/// The route, for operators.
pub fn router(state: BackupsState) -> TenantRouter<()> {
    TenantRouter::new().route(__path_list_backups, list_backups).with_state(state)
}

/// A backup that was tried to be made.
#[derive(Debug, Serialize, ToSchema)]
struct BackupView {
    id: Uuid,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// `running`, `done`, `failed`, or `damaged` when a later look found it bad.
    outcome: &'static str,
    /// The folder or bucket.
    place: String,
    /// What it takes there, without the recordings, which backups share.
    bytes: Option<u64>,
    /// When it was last restored on trial and agreed with what was backed up.
    #[schema(value_type = Option<String>, format = DateTime)]
    verified_at: Option<Timestamp>,
    /// When it was removed from its place, as newer ones stand for it.
    #[schema(value_type = Option<String>, format = DateTime)]
    removed_at: Option<Timestamp>,
    /// Why it failed or is damaged.
    error: Option<String>,
}

impl From<Record> for BackupView {
    fn from(record: Record) -> Self {
        Self {
            id: record.id,
            started_at: record.started_at,
            ended_at: record.ended_at,
            outcome: record.outcome.word(),
            place: record.place,
            bytes: record.bytes,
            verified_at: record.verified_at,
            removed_at: record.removed_at,
            error: record.error,
        }
    }
}

/// Which page of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Rows, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// Where the last page ended.
    cursor: Option<String>,
}

/// Lists the backups of the installation, newest first, those that failed and those that were removed as well.
#[utoipa::path(
    get, path = "/api/v1/operator/backups", tag = "operator", security(("bearer" = [])), params(ListQuery),
    responses(
        (status = 200, body = Page<BackupView>),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an operator.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list_backups(
    _: Operator,
    State(state): State<BackupsState>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<BackupView>>, ApiError> {
    let cursor = query.cursor.as_deref().map(Cursor::from_parameter).transpose()?;
    let limit = Limit::from_parameter(query.limit)?;
    let Page { items, next_cursor } = records::list(state.0.tenancy(), cursor, limit).await?;
    Ok(Json(Page { items: items.into_iter().map(BackupView::from).collect(), next_cursor }))
}
