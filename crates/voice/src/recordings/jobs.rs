//! Jobs for recordings that nobody copies yet, and the hands that copy.

use std::time::Duration;

use platform::ids::RecordingId;
use platform::jobs::{JobError, Jobs, NewJob, Queue, Report, Schedule};
use serde_json::json;

use super::copy::Copier;
use super::orphans::{Mode, OrphanError, Sweeper};
use super::store;

/// The name of the queue.
pub const QUEUE: &str = "recordings.copy";
/// Runs until the queue gives up: with its pauses, about a day and a half.
const ATTEMPTS: u32 = 12;
/// How long a dead worker keeps a recording from another.
const LEASE: Duration = Duration::from_mins(1);
/// Recordings that get a job in one transaction.
const BATCH: i64 = 200;
/// Looks for recordings without a job.
const FEED: Schedule =
    Schedule { name: "recordings.feed", every: Duration::from_secs(1), patience: Duration::from_secs(30) };

/// Looks for what storage and rows do not agree about.
const SWEEP: Schedule =
    Schedule { name: "recordings.orphans", every: Duration::from_hours(24), patience: Duration::from_hours(6) };

/// Starts the daily look for files without a row and rows without a file.
pub fn start_sweeping(sweeper: &Sweeper, mode: Mode, jobs: &Jobs) {
    let sweeper = sweeper.clone();
    jobs.schedule(SWEEP, move || {
        let sweeper = sweeper.clone();
        async move { Ok::<_, OrphanError>(sweeper.sweep(mode).await?.report()) }
    });
}

/// Copies recordings until the process stops, `at_once` at a time.
pub fn start(copier: &Copier, jobs: &Jobs, at_once: usize) {
    let queue = Queue { name: QUEUE, attempts: ATTEMPTS, lease: LEASE, at_once };
    let working = copier.clone();
    jobs.work(queue, move |job| {
        let copier = working.clone();
        async move { copier.run(job).await }
    });
    let (copier, feeding) = (copier.clone(), jobs.clone());
    jobs.often(FEED, move || {
        let (copier, jobs) = (copier.clone(), feeding.clone());
        async move { feed(&copier, &jobs).await }
    });
}

/// Makes a job for each recording that has none.
pub async fn feed(copier: &Copier, jobs: &Jobs) -> Result<Report, JobError> {
    let mut fed = 0_i64;
    loop {
        let now = copier.clock().now();
        let mut tx = copier.tenancy().system("recordings to be copied may be of any organization").await?;
        let wanted = store::take_unqueued(&mut tx, BATCH, now).await?;
        let count = i64::try_from(wanted.len()).unwrap_or(BATCH);
        for (org, id) in wanted {
            jobs.enqueue_for(&mut tx, org, job(id)).await?;
        }
        tx.commit().await?;
        fed += count;
        if count > 0 {
            jobs.wake(QUEUE);
        }
        if count < BATCH {
            return Ok(Report::new().count("jobs", fed));
        }
    }
}

/// The job that copies a recording.
pub(super) fn job(id: RecordingId) -> NewJob {
    NewJob { queue: QUEUE, key: id.to_string(), payload: json!({}), due: None }
}
