//! `/api/v1/operator/alerts`: the alerts of the installation, for programs. Here and not in `alarms`, which knows nobody who could
//! ask.

use alarms::alerts::model::{Alert, AlertError, AlertId};
use alarms::signs::actions::Alarms;
use axum::extract::{FromRef, Path, State};
use axum::http::StatusCode;
use identity::{Authority, Operator, Viewer};
use jiff::Timestamp;
use platform::http::{ApiError, Json, Problem, TenantRouter};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What the routes look at.
#[derive(Clone)]
pub struct AlertsState {
    authority: Authority,
    alarms: Alarms,
}

impl AlertsState {
    /// Looks at these.
    pub fn new(authority: Authority, alarms: Alarms) -> Self {
        Self { authority, alarms }
    }
}

impl FromRef<AlertsState> for Authority {
    fn from_ref(state: &AlertsState) -> Self {
        state.authority.clone()
    }
}

/// The routes, for operators.
pub fn router(state: AlertsState) -> TenantRouter<()> {
    TenantRouter::new()
        .route(__path_list_alerts, list_alerts)
        .route(__path_acknowledge_alert, acknowledge_alert)
        .with_state(state)
}

/// The alerts of the installation.
#[derive(Debug, Serialize, ToSchema)]
struct AlertsView {
    /// Those that are open, the worst first.
    open: Vec<AlertView>,
    /// Those that are over, newest first; the last hundred.
    over: Vec<AlertView>,
}

/// An alert.
#[derive(Debug, Serialize, ToSchema)]
struct AlertView {
    #[schema(value_type = Uuid)]
    id: AlertId,
    /// What it is about, as in metrics and webhooks.
    #[schema(example = "backups")]
    sign: &'static str,
    /// Its name for people.
    title: &'static str,
    /// `critical`, `warning`, or `unknown` when the sign cannot be read; of one that is over, how bad it was at its worst.
    level: &'static str,
    /// What was found, last time it was bad.
    words: String,
    /// What helps.
    advice: &'static str,
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    /// When it was over.
    #[schema(value_type = Option<String>, format = DateTime)]
    resolved_at: Option<Timestamp>,
    /// Who has taken it on.
    acknowledged: Option<AcknowledgedView>,
    /// How often it was told.
    told: u64,
    #[schema(value_type = String, format = DateTime)]
    told_at: Timestamp,
}

/// Who has taken an alert on.
#[derive(Debug, Serialize, ToSchema)]
struct AcknowledgedView {
    user_id: Uuid,
    name: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<Alert> for AlertView {
    fn from(alert: Alert) -> Self {
        Self {
            id: alert.id,
            sign: alert.sign.as_str(),
            title: alert.sign.title(),
            level: alert.level.as_str(),
            words: alert.words,
            advice: alert.sign.advice(),
            opened_at: alert.opened_at,
            resolved_at: alert.resolved_at,
            acknowledged: alert.acknowledged.map(|(by, name, at)| AcknowledgedView { user_id: by.uuid(), name, at }),
            told: alert.told,
            told_at: alert.told_at,
        }
    }
}

/// Lists the alerts of the installation.
#[utoipa::path(
    get, path = "/api/v1/operator/alerts", tag = "operator", security(("bearer" = [])),
    responses(
        (status = 200, body = AlertsView),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an operator.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn list_alerts(_: Operator, State(state): State<AlertsState>) -> Result<Json<AlertsView>, ApiError> {
    let (open, over) = state.alarms.alerts().await.map_err(failure)?;
    let views = |alerts: Vec<Alert>| alerts.into_iter().map(AlertView::from).collect();
    Ok(Json(AlertsView { open: views(open), over: views(over) }))
}

/// Takes an open alert on: it tells again only when it gets worse, and when it is over. Whoever was first stays its owner.
#[utoipa::path(
    post, path = "/api/v1/operator/alerts/{id}/acknowledge", tag = "operator", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The alert.")),
    responses(
        (status = 204, description = "It is taken on."),
        (status = 401, description = "Not signed in.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an operator.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such alert, or it is over.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn acknowledge_alert(
    operator: Operator,
    caller: Viewer,
    State(state): State<AlertsState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id: AlertId = id.parse().map_err(|_| ApiError::not_found())?;
    state.alarms.acknowledge(operator.user, caller.org, id).await.map_err(failure)?;
    Ok(StatusCode::NO_CONTENT)
}

fn failure(error: AlertError) -> ApiError {
    match error {
        AlertError::Database(error) => error.into(),
        AlertError::NotFound => ApiError::not_found(),
        other => ApiError::internal(other),
    }
}
