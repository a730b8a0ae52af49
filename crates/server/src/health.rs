//! `/health` for uptime monitors, `/ready` for the truth in parts.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use mail::Outbox;
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
    outbox: Outbox,
    tasks: Tasks,
}

impl HealthState {
    /// Looks at these.
    pub fn new(tenancy: Tenancy, outbox: Outbox, tasks: Tasks) -> Self {
        Self { tenancy, outbox, tasks }
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
    /// Sending mail. A relay that fails makes nobody unready: mails wait for it.
    mail: MailPart,
}

/// How mail stands.
#[derive(Default, Serialize, ToSchema)]
struct MailPart {
    /// `ok`; `none` when no relay is configured; `paused` while the relay fails and is left alone; `not known` without the
    /// database.
    relay: &'static str,
    /// Nothing is tried before then.
    #[schema(value_type = Option<String>, format = DateTime)]
    paused_until: Option<Timestamp>,
    /// Since when the relay has been failing.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// Mails that wait to be sent.
    waiting: i64,
    /// Since when the oldest mail that could go has been waiting.
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_due: Option<Timestamp>,
}

impl MailPart {
    fn of(health: mail::Health, now: Timestamp) -> Self {
        let (relay, paused_until, failing_since) = match health.relay {
            None => ("none", None, None),
            Some(relay) => {
                let paused_until = relay.paused_until.filter(|until| *until > now);
                let is_failing = paused_until.is_some() || relay.failing_since.is_some();
                (if is_failing { "paused" } else { "ok" }, paused_until, relay.failing_since)
            }
        };
        Self { relay, paused_until, failing_since, waiting: health.waiting, oldest_due: health.oldest_due }
    }
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
    let mail = mail_part(&state.outbox, database).await;
    let stopping = state.tasks.stopping().is_cancelled();
    let ready = database && !stopping;
    let body = Readiness {
        status: if ready { "ready" } else { "not_ready" },
        parts: Parts {
            database: if database { "ok" } else { "does not answer" },
            process: if stopping { "is stopping" } else { "ok" },
            mail,
        },
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(body)).into_response()
}

/// Asks only a database that answers, and not for long.
async fn mail_part(outbox: &Outbox, database: bool) -> MailPart {
    let unknown = MailPart { relay: "not known", ..MailPart::default() };
    if !database {
        return unknown;
    }
    match tokio::time::timeout(PATIENCE, outbox.health()).await {
        Ok(Ok(health)) => MailPart::of(health, outbox.clock().now()),
        _ => unknown,
    }
}
