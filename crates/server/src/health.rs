//! `/health` for uptime monitors, `/ready` for the truth in parts.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use platform::http::PublicRouter;
use platform::tasks::Tasks;
use platform::tenancy::Tenancy;
use serde::Serialize;
use utoipa::ToSchema;

/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the health routes look at.
#[derive(Clone)]
pub struct HealthState {
    tenancy: Tenancy,
    tasks: Tasks,
}

impl HealthState {
    /// Looks at these.
    pub fn new(tenancy: Tenancy, tasks: Tasks) -> Self {
        Self { tenancy, tasks }
    }
}

/// The health routes.
pub fn router(state: HealthState) -> PublicRouter<()> {
    PublicRouter::new().route(__path_get_health, get_health).route(__path_get_ready, get_ready).with_state(state)
}

/// The process is there.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`.
    status: &'static str,
    /// Version of the program.
    version: &'static str,
}

/// Answers that the process runs. Touches nothing else, so that a monitor may ask every second.
#[utoipa::path(
    get, path = "/health", tag = "health",
    responses((status = 200, description = "The process runs.", body = Health))
)]
async fn get_health() -> axum::Json<Health> {
    axum::Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// Whether the parts that requests need are there.
#[derive(Serialize, ToSchema)]
struct Readiness {
    /// `ready` or `not_ready`.
    status: &'static str,
    /// Each part: `ok`, or what is wrong.
    parts: Parts,
}

#[derive(Serialize, ToSchema)]
struct Parts {
    /// PostgreSQL answers under both restricted logins.
    database: &'static str,
    /// The process takes new work.
    process: &'static str,
}

/// Answers whether this node can do its work, part by part.
#[utoipa::path(
    get, path = "/ready", tag = "health",
    responses(
        (status = 200, description = "Every part works.", body = Readiness),
        (status = 503, description = "A part does not.", body = Readiness),
    )
)]
async fn get_ready(State(state): State<HealthState>) -> Response {
    let database = state.tenancy.is_reachable(PATIENCE).await;
    let stopping = state.tasks.stopping().is_cancelled();
    let ready = database && !stopping;
    let body = Readiness {
        status: if ready { "ready" } else { "not_ready" },
        parts: Parts {
            database: if database { "ok" } else { "does not answer" },
            process: if stopping { "is stopping" } else { "ok" },
        },
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(body)).into_response()
}
