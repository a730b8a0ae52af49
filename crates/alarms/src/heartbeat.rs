//! The dead man's switch: an address that is asked for as long as the installation works. Whoever runs it calls somebody when that
//! stops, so it works when this machine, its network or its power is gone.
//!
//! It is asked only while the worker looks and works. A process that hangs, a database that is gone and a worker that is stuck all
//! end in silence. It says nothing of signs that are merely bad: those have alerts.

use std::time::Duration;

use jiff::SignedDuration;
use platform::jobs::{Report, Schedule};
use platform::outbound::{Limits, OutboundError, Request};
use platform::tenancy::DbError;

use crate::signs::actions::Alarms;
use crate::signs::model::{Sign, State};

/// How old the worker's last look may be.
const LOOKED_WITHIN: SignedDuration = SignedDuration::from_mins(5);
const LIMITS: Limits = Limits {
    total: Duration::from_secs(20),
    connect: Duration::from_secs(15),
    idle: Duration::from_secs(10),
    hops: 2,
    max_bytes: 64 * 1024,
};

/// Why the switch was not asked for, or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum HeartbeatError {
    /// The worker does not look.
    #[error("nothing has looked at the vital signs for more than five minutes")]
    NobodyLooks,
    /// Background work does not begin.
    #[error("background work is stuck")]
    WorkIsStuck,
    /// The request failed.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// It answered with this status.
    #[error("it answered with status {0}")]
    Status(u16),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Starts it on this node, when it is configured.
pub fn start(alarms: &Alarms) {
    let Some(heartbeat) = &alarms.services().config.heartbeat else { return };
    let schedule = Schedule { name: "alarms.heartbeat", every: heartbeat.every, patience: Duration::from_mins(1) };
    let beating = alarms.clone();
    alarms.services().jobs.schedule(schedule, move || {
        let alarms = beating.clone();
        async move {
            let beaten = alarms.beat().await;
            let outcome = if beaten.is_ok() { "sent" } else { "not_sent" };
            metrics::counter!("voxanne_heartbeats_total", "outcome" => outcome).increment(1);
            beaten
        }
    });
}

impl Alarms {
    /// Asks for the switch's address once, if all is alive.
    pub async fn beat(&self) -> Result<Report, HeartbeatError> {
        let Some(heartbeat) = &self.services().config.heartbeat else { return Ok(Report::new()) };
        let now = self.now();
        let signs = self.signs().await?;
        let looked_at = signs.values().map(|known| known.measured_at).max();
        if looked_at.is_none_or(|at| now.duration_since(at) > LOOKED_WITHIN) {
            return Err(HeartbeatError::NobodyLooks);
        }
        if signs.get(&Sign::Jobs).is_some_and(|known| known.reading.state == State::Critical) {
            return Err(HeartbeatError::WorkIsStuck);
        }
        let answer = self.services().outbound.send(Request::get(heartbeat.url.expose())?, &LIMITS).await?;
        self.note_date(answer.headers.get("date").and_then(|date| date.to_str().ok()), now);
        if answer.status.is_success() { Ok(Report::new()) } else { Err(HeartbeatError::Status(answer.status.as_u16())) }
    }
}
