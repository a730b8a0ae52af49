//! `/health` for uptime monitors, `/ready` for the truth in parts.

use alarms::signs::actions::Alarms;
use alarms::signs::model::State as SignState;
use alarms::status::{Part, Status};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use platform::clock::Clock;
use platform::http::PublicRouter;
use platform::tasks::Tasks;
use serde::Serialize;
use utoipa::ToSchema;

/// What the health routes look at.
#[derive(Clone)]
pub struct HealthState {
    alarms: Alarms,
    clock: Clock,
    tasks: Tasks,
}

impl HealthState {
    /// Looks at these.
    pub fn new(alarms: Alarms, clock: Clock, tasks: Tasks) -> Self {
        Self { alarms, clock, tasks }
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
    /// Copies of recordings. Like every part below it says `ok`, `warning`, `critical`, `unknown` when nobody could look, or `off`
    /// when it does not apply, and makes nobody unready. The operator's page of the status has the words.
    storage: &'static str,
    /// Background work.
    jobs: &'static str,
    /// The voice provider, the numbers, the quarantine.
    provider: &'static str,
    /// Age of the newest backup.
    backups: &'static str,
    /// This node's disk, and what waits on it.
    disk: &'static str,
    /// The certificate of the public address.
    address: &'static str,
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
    let found = state.alarms.status().await;
    let stopping = state.tasks.stopping().is_cancelled();
    let ready = found.database && !stopping;
    let part = |part| word(found.part(part));
    let body = Readiness {
        status: if ready { "ready" } else { "not_ready" },
        parts: Parts {
            database: if found.database { "ok" } else { "does not answer" },
            process: if stopping { "is stopping" } else { "ok" },
            mail: mail_part(&found, state.clock.now()),
            storage: part(Part::Storage),
            jobs: part(Part::Jobs),
            provider: part(Part::Provider),
            backups: part(Part::Backups),
            disk: part(Part::Disk),
            address: part(Part::Address),
        },
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(body)).into_response()
}

const fn word(state: SignState) -> &'static str {
    match state {
        SignState::Fine => "ok",
        other => other.as_str(),
    }
}

fn mail_part(found: &Status, now: Timestamp) -> MailPart {
    match &found.mail {
        Some(health) => MailPart::of(health.clone(), now),
        None => MailPart { relay: "not known", ..MailPart::default() },
    }
}
