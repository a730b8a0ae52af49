//! The duty that puts settings into effect, and the job that takes files away.

use std::time::Duration;

use platform::clock::Clock;
use platform::http::problem::Chain;
use platform::jobs::{Jobs, Outcome, Queue, Report, Running, Schedule};
use platform::storage::Storage;
use platform::tenancy::Tenancy;

use super::actions::{self, RetentionError};

/// Puts the settings of all organizations into effect.
pub const SETTING: Schedule =
    Schedule { name: "retention.run", every: Duration::from_hours(1), patience: Duration::from_hours(6) };
/// Deletes what is left of a call outside the tables of its organization. Tried for days: a storage that is away must not
/// keep what somebody wants gone.
pub const CLEARING: Queue = Queue { name: "retention.clear", attempts: 40, lease: Duration::from_mins(2), at_once: 2 };

/// Starts both, until the process stops.
pub fn start(tenancy: &Tenancy, clock: &Clock, jobs: &Jobs, storage: &Storage) {
    let (duty_tenancy, duty_clock, queue) = (tenancy.clone(), clock.clone(), jobs.clone());
    jobs.schedule(SETTING, move || {
        let (tenancy, clock, queue) = (duty_tenancy.clone(), duty_clock.clone(), queue.clone());
        async move { run_all(&tenancy, &clock, &queue).await }
    });
    let (tenancy, clock, storage) = (tenancy.clone(), clock.clone(), storage.clone());
    jobs.work(CLEARING, move |job| {
        let (tenancy, clock, storage) = (tenancy.clone(), clock.clone(), storage.clone());
        async move { clear(&tenancy, &clock, &storage, job).await }
    });
}

/// Puts every organization's setting into effect.
pub async fn run_all(tenancy: &Tenancy, clock: &Clock, queue: &Jobs) -> Result<Report, RetentionError> {
    let (mut recordings, mut calls) = (0, 0);
    for org in actions::orgs_with_policy(tenancy).await? {
        let done = actions::run(tenancy, queue, org, clock.now()).await?;
        recordings += done.recordings;
        calls += done.calls;
    }
    queue.wake(CLEARING.name);
    Ok(Report::new().count("recordings", recordings).count("calls", calls))
}

async fn clear(tenancy: &Tenancy, clock: &Clock, storage: &Storage, job: Running) -> Outcome {
    let Ok(call) = job.key.parse() else {
        return Outcome::dead("its key names no call");
    };
    match actions::clear(tenancy, storage, &job, call, clock.now()).await {
        Ok(()) => Outcome::Done,
        Err(error) => Outcome::failed(Chain(&error).to_string()),
    }
}
