//! Workers: take due jobs, run their handler under a lease, write what came of it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use super::model::{Outcome, Queue, Step, last_in_turn, returned, step};
use super::store::{self, Claim, Held, Taken};
use super::watch::{Ended, Lease, Watch};
use super::{Jobs, LOOKS_EVERY, jitter};
use crate::http::problem::Chain;
use crate::ids::{JobId, OrgId};
use crate::tenancy::{DbError, SystemTx, TenantTx};

/// A job that a handler works on.
pub struct Running {
    /// Whose it is.
    pub org: OrgId,
    /// Its id.
    pub id: JobId,
    /// What it is about, as it was enqueued.
    pub key: String,
    /// Ids and small facts, as they were enqueued.
    pub payload: Value,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    /// Whether a failure of this attempt gives the job up.
    pub is_last: bool,
    held: Held,
    lost: CancellationToken,
    jobs: Jobs,
}

impl Running {
    /// Cancelled when the handler should end: the lease is gone and another worker may be at the job, or the process
    /// stops. A handler that goes on is cut off some seconds later.
    pub fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// Marks the job done in the transaction of its effects. False: the lease is gone and somebody else may have done
    /// it; roll back. Return [`Outcome::Done`] after the commit.
    pub async fn finish(&self, tx: &mut TenantTx) -> Result<bool, DbError> {
        store::settle(tx, &self.held, &Step::Gone, self.jobs.now()).await
    }

    /// Gives the job up in the transaction that says so elsewhere. Answers like [`Running::finish`]; return
    /// [`Outcome::Dead`] after the commit.
    pub async fn give_up(&self, tx: &mut TenantTx, reason: &str) -> Result<bool, DbError> {
        let step = Step::Dies { words: super::model::cut(reason) };
        store::settle(tx, &self.held, &step, self.jobs.now()).await
    }

    /// The payload as a type.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.payload)
    }
}

impl Jobs {
    /// Works on a queue until the process stops: as many jobs at a time as it says. Organizations take turns, so that one with
    /// ten thousand jobs does not make another wait for its one; of each its oldest comes first.
    pub fn work<F, Fut>(&self, queue: Queue, handler: F)
    where
        F: Fn(Running) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        let room = Arc::new(Semaphore::new(queue.at_once.max(1)));
        let worker = Worker { jobs: self.clone(), queue, handler: Arc::new(handler), room };
        self.inner.tasks.spawn(async move { worker.run().await });
    }
}

/// What a worker's loop remembers from one look to the next.
struct Seen {
    /// It has said what the queue is.
    declared: bool,
    /// Whose turn was the last.
    last: OrgId,
}

/// Turn after turn until enough is taken or nothing more is due. Answers whose turn was the last, too.
async fn take(
    tx: &mut SystemTx,
    claim: Claim<'_>,
    mut last: OrgId,
    most: usize,
) -> Result<(Vec<Taken>, OrgId), DbError> {
    let mut taken: Vec<Taken> = Vec::new();
    while taken.len() < most {
        let more = store::take_turns(tx, claim, last, most - taken.len()).await?;
        if more.is_empty() {
            break;
        }
        last = last_in_turn(last, more.iter().map(|job| job.org_id));
        taken.extend(more);
    }
    Ok((taken, last))
}

/// The hands of one node for one queue.
struct Worker<F> {
    jobs: Jobs,
    queue: Queue,
    handler: Arc<F>,
    room: Arc<Semaphore>,
}

impl<F> Clone for Worker<F> {
    fn clone(&self) -> Self {
        Self {
            jobs: self.jobs.clone(),
            queue: self.queue,
            handler: Arc::clone(&self.handler),
            room: Arc::clone(&self.room),
        }
    }
}

impl<F, Fut> Worker<F>
where
    F: Fn(Running) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    async fn run(self) {
        let stopping = self.jobs.inner.tasks.stopping();
        let bell = self.jobs.bell(self.queue.name);
        let mut seen = Seen { declared: false, last: OrgId::from_uuid(Uuid::nil()) };
        while !stopping.is_cancelled() {
            if !self.has_room(&stopping).await {
                return;
            }
            let wait = match self.look(&mut seen).await {
                Ok(wait) => wait,
                Err(error) => {
                    let queue = self.queue.name;
                    tracing::warn!(queue, error = %Chain(&error), "a queue could not be worked on; it is tried again");
                    LOOKS_EVERY
                }
            };
            tokio::select! {
                () = stopping.cancelled() => {}
                () = bell.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Waits until another job may run; false when the process stops first.
    async fn has_room(&self, stopping: &CancellationToken) -> bool {
        tokio::select! {
            () = stopping.cancelled() => false,
            permit = self.room.acquire() => permit.is_ok(),
        }
    }

    /// Takes what is due and begins with it. Answers how long to wait until the next look.
    async fn look(&self, seen: &mut Seen) -> Result<Duration, DbError> {
        let now = self.jobs.now();
        let permits = self.permits();
        let lease = Uuid::now_v7();
        let mut tx = self.jobs.inner.tenancy.system("due jobs may be of any organization").await?;
        if !seen.declared {
            store::declare_queue(&mut tx, &self.queue, now).await?;
        }
        let left_behind = store::recover(&mut tx, &self.queue, now).await?;
        let mut next = store::next_due(&mut tx, self.queue.name).await?;
        let (mut taken, mut last) = (Vec::new(), seen.last);
        if next.is_some_and(|due| due <= now) {
            let claim = Claim { queue: &self.queue, lease, node: &self.jobs.inner.node, now };
            (taken, last) = take(&mut tx, claim, last, permits.len()).await?;
            let is_more = taken.len() == permits.len();
            next = if is_more { Some(now) } else { store::next_due(&mut tx, self.queue.name).await? };
        }
        tx.commit().await?;
        *seen = Seen { declared: true, last };
        for (_, job, is_dead) in left_behind {
            let outcome = if is_dead { "dead" } else { "lost" };
            self.count(outcome);
            tracing::warn!(queue = self.queue.name, job = %job, outcome, "a worker died over a job");
        }
        for (taken, permit) in taken.into_iter().zip(permits) {
            self.begin(taken, lease, permit);
        }
        Ok(next.map_or(LOOKS_EVERY, |due| self.jobs.pause_until(due, LOOKS_EVERY)))
    }

    /// Only this loop takes them, so those that are free stay free until it does.
    fn permits(&self) -> Vec<OwnedSemaphorePermit> {
        std::iter::from_fn(|| Arc::clone(&self.room).try_acquire_owned().ok()).collect()
    }

    fn begin(&self, taken: Taken, lease: Uuid, permit: OwnedSemaphorePermit) {
        let span = tracing::info_span!("job", queue = self.queue.name, job = %taken.job_id, org = %taken.org_id);
        let worker = self.clone();
        let attended = async move {
            worker.attend(taken, lease).await;
            drop(permit);
        };
        self.jobs.inner.tasks.spawn(attended.instrument(span));
    }

    /// From taking to writing what came of it.
    async fn attend(&self, taken: Taken, lease: Uuid) {
        let held = Held { org: taken.org_id, job: taken.job_id, lease };
        let (attempts, words) = (taken.attempts, taken.last_words);
        let lost = CancellationToken::new();
        let watch = Watch { lease: Lease::Job(held), length: self.queue.lease, patience: None, lost: lost.clone() };
        let job = Running {
            org: held.org,
            id: held.job,
            key: taken.key,
            payload: taken.payload,
            attempt: attempts,
            is_last: i64::from(attempts) >= i64::from(self.queue.attempts),
            held,
            lost,
            jobs: self.jobs.clone(),
        };
        let handler = Arc::clone(&self.handler);
        let work = async move { handler(job).await };
        let outcome = match self.jobs.watch(&watch, work.in_current_span()).await {
            Ended::Itself(outcome) => outcome,
            Ended::Panicked | Ended::TooLong => Outcome::failed("it panicked; the log says where"),
            Ended::Lost => {
                self.count("lost");
                tracing::warn!("the lease on a job was lost; another worker begins anew");
                return;
            }
            Ended::Stopped => return self.write(&held, &returned(attempts, words, self.jobs.now())).await,
        };
        self.count(outcome.as_str());
        if let Outcome::Failed { reason } | Outcome::Dead { reason } = &outcome {
            tracing::warn!(attempts, reason, outcome = outcome.as_str(), "a job failed");
        }
        self.write(&held, &step(&outcome, attempts, self.queue.attempts, self.jobs.now(), jitter())).await;
    }

    /// A job that finished itself is gone already, and one whose lease is lost is not touched. What cannot be written ends with
    /// its lease, and is run again.
    async fn write(&self, held: &Held, step: &Step) {
        let written = async {
            let mut tx = self.jobs.inner.tenancy.system("what came of a job of any organization").await?;
            store::settle(&mut tx, held, step, self.jobs.now()).await?;
            tx.commit().await
        };
        if let Err(error) = written.await {
            tracing::warn!(error = %Chain(&error), "what came of a job could not be written; its lease ends by itself");
        }
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!("voxanne_job_runs_total", "queue" => self.queue.name, "outcome" => outcome).increment(1);
    }
}
