//! Duties of the installation.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;
use uuid::Uuid;

use super::model::{Report, Schedule, cut, next_run};
use super::store::{self, Collected, Turn};
use super::watch::{Ended, Lease, Watch};
use super::{Jobs, LOOKS_EVERY, jitter};
use crate::http::problem::Chain;
use crate::tenancy::DbError;

/// How long a node may be silent until another takes its duty. Extended while the duty runs.
const LEASE: Duration = Duration::from_mins(1);
/// A duty is looked at this often at least, so that a turn which was brought forward on another node is noticed.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often what came of a duty that every node does all the time is written down.
const COLLECT: Duration = Duration::from_secs(30);
/// How soon that is tried again when it could not be.
const COLLECT_AGAIN: Duration = Duration::from_secs(5);

/// What came of one run: the report, or why it failed.
type Ran = Result<Report, String>;

impl Jobs {
    /// Does a duty now, unless it was done lately, and then again and again until the process stops: on one node at a
    /// time, whose death another notices within a minute. A failed run is tried again sooner than its next turn.
    pub fn schedule<F, Fut, E>(&self, schedule: Schedule, duty: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Report, E>> + Send + 'static,
        E: Error + Send + 'static,
    {
        let (jobs, duty) = (self.clone(), Arc::new(duty));
        self.add_duty(schedule.name);
        self.inner.tasks.spawn(async move {
            let stopping = jobs.inner.tasks.stopping();
            let bell = jobs.bell(schedule.name);
            let mut declared = false;
            while !stopping.is_cancelled() {
                let wait = match jobs.turn(&schedule, &mut declared, &duty).await {
                    Ok(next) => jobs.pause_until(next, LONGEST_PAUSE),
                    Err(error) => {
                        let schedule = schedule.name;
                        tracing::warn!(schedule, error = %Chain(&error), "a schedule could not be kept; it is tried again");
                        LOOKS_EVERY
                    }
                };
                tokio::select! {
                    () = stopping.cancelled() => {}
                    () = bell.notified() => {}
                    () = tokio::time::sleep(wait) => {}
                }
            }
        });
    }

    /// Does a duty on this node every [`Schedule::every`], whatever other nodes do, until the process stops. What came of
    /// it is collected, and written down every half minute and when it begins or ceases to fail.
    pub fn often<F, Fut, E>(&self, schedule: Schedule, duty: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Report, E>> + Send + 'static,
        E: Error + Send + 'static,
    {
        let (jobs, duty) = (self.clone(), Arc::new(duty));
        self.add_duty(schedule.name);
        self.inner.tasks.spawn(async move {
            let stopping = jobs.inner.tasks.stopping();
            let mut tally = Tally::default();
            while !stopping.is_cancelled() {
                let started = jobs.now();
                let work = AbortOnDropHandle::new(jobs.inner.tasks.spawn(once(&schedule, &duty)));
                let ran = tokio::select! {
                    () = stopping.cancelled() => return,
                    ended = tokio::time::timeout(schedule.patience, work) => match ended {
                        Ok(Ok(ran)) => ran,
                        Ok(Err(_)) => Err("it panicked; the log says where".to_owned()),
                        Err(_) => Err(too_long(&schedule)),
                    },
                };
                count(&schedule, &ran);
                tally.take_in(ran, started, jobs.now());
                if tally.is_news() {
                    complain(&schedule, tally.words.as_deref());
                    jobs.write_tally(&schedule, &mut tally).await;
                }
                tokio::select! {
                    () = stopping.cancelled() => {}
                    () = tokio::time::sleep(schedule.every) => {}
                }
            }
        });
    }

    /// Does the duty if it is due and nobody is at it. Answers when to look again.
    async fn turn<F, Fut, E>(
        &self,
        schedule: &Schedule,
        declared: &mut bool,
        duty: &Arc<F>,
    ) -> Result<Timestamp, DbError>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Report, E>> + Send + 'static,
        E: Error + Send + 'static,
    {
        let (started, lease) = (self.now(), Uuid::now_v7());
        let mut tx = self.inner.tenancy.system("a duty of the installation is taken").await?;
        if !*declared {
            store::declare_schedule(&mut tx, schedule, false, started).await?;
        }
        let until = store::after(started, LEASE);
        let turn = store::take_schedule(&mut tx, schedule.name, lease, until, &self.inner.node, started).await?;
        tx.commit().await?;
        *declared = true;
        let failures = match turn {
            Turn::Not(before) => return Ok(before),
            Turn::Ours { failures } => failures,
        };
        let watch = Watch {
            lease: Lease::Schedule(schedule.name, lease),
            length: LEASE,
            patience: Some(schedule.patience),
            lost: CancellationToken::new(),
        };
        let ran = match self.watch(&watch, once(schedule, duty)).await {
            Ended::Itself(ran) => ran,
            Ended::Panicked => Err("it panicked; the log says where".to_owned()),
            Ended::TooLong => Err(too_long(schedule)),
            Ended::Lost => {
                metrics::counter!("voxanne_schedule_runs_total", "schedule" => schedule.name, "outcome" => "lost")
                    .increment(1);
                tracing::warn!(schedule = schedule.name, "the lease on a duty was lost; another node begins anew");
                return Ok(until);
            }
            Ended::Stopped => {
                let mut tx = self.inner.tenancy.system("a duty of the installation is given back").await?;
                store::give_schedule_back(&mut tx, schedule.name, lease).await?;
                tx.commit().await?;
                return Ok(until);
            }
        };
        count(schedule, &ran);
        complain(schedule, ran.as_ref().err().map(String::as_str));
        let now = self.now();
        let failures = if ran.is_ok() { 0 } else { failures.saturating_add(1) };
        let next = next_run(schedule.every, started, now, failures, jitter());
        let ran = ran.map(Report::into_json).map_err(|words| cut(&words));
        let mut tx = self.inner.tenancy.system("what came of a duty of the installation").await?;
        store::end_schedule(&mut tx, schedule.name, lease, &ran, next, now).await?;
        tx.commit().await?;
        Ok(next)
    }

    /// What could not be written is kept for the next time.
    async fn write_tally(&self, schedule: &Schedule, tally: &mut Tally) {
        let now = self.now();
        tally.tried = Some(Instant::now());
        let next = store::after(now, schedule.every.max(COLLECT));
        let written = async {
            let collected = tally.collected(now);
            let mut tx = self.inner.tenancy.system("what came of a duty of every node").await?;
            if tally.written.is_none() {
                store::declare_schedule(&mut tx, schedule, true, now).await?;
            }
            store::collect(&mut tx, schedule.name, &self.inner.node, &collected, next, now).await?;
            tx.commit().await
        };
        match written.await {
            Ok(()) => tally.wrote(),
            Err(error) => {
                let schedule = schedule.name;
                tracing::warn!(schedule, error = %Chain(&error), "what came of a duty could not be written");
            }
        }
    }
}

/// One run, in a span of its own; its error as words.
fn once<F, Fut, E>(schedule: &Schedule, duty: &Arc<F>) -> impl Future<Output = Ran> + Send + 'static
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Report, E>> + Send + 'static,
    E: Error + Send + 'static,
{
    let (duty, name) = (Arc::clone(duty), schedule.name);
    async move { duty().await.map_err(|error| Chain(&error).to_string()) }
        .instrument(tracing::info_span!("schedule", schedule = name))
}

fn too_long(schedule: &Schedule) -> String {
    format!("it took longer than {} seconds and was ended", schedule.patience.as_secs())
}

fn count(schedule: &Schedule, ran: &Ran) {
    let outcome = if ran.is_ok() { "succeeded" } else { "failed" };
    metrics::counter!("voxanne_schedule_runs_total", "schedule" => schedule.name, "outcome" => outcome).increment(1);
}

fn complain(schedule: &Schedule, words: Option<&str>) {
    if let Some(words) = words {
        tracing::warn!(schedule = schedule.name, words, "a duty failed; it is tried again");
    }
}

/// What one node did of a duty since it last wrote it down.
#[derive(Default)]
struct Tally {
    runs: i64,
    failed_runs: i64,
    started: Option<Timestamp>,
    succeeded: Option<Timestamp>,
    /// Since the last success, over all writes.
    failures: i32,
    words: Option<String>,
    report: Report,
    /// When it was last written, and whether the duty failed then.
    written: Option<(Instant, bool)>,
    tried: Option<Instant>,
}

impl Tally {
    fn take_in(&mut self, ran: Ran, started: Timestamp, now: Timestamp) {
        self.runs += 1;
        self.started = Some(started);
        match ran {
            Ok(report) => {
                self.report.absorb(report);
                self.succeeded = Some(now);
                (self.failures, self.words) = (0, None);
            }
            Err(words) => {
                self.failed_runs += 1;
                self.failures = self.failures.saturating_add(1);
                self.words = Some(cut(&words));
            }
        }
    }

    /// Whether it is worth a row.
    fn is_news(&self) -> bool {
        let is_due = self.written.is_none_or(|(at, failing)| failing != (self.failures > 0) || at.elapsed() >= COLLECT);
        is_due && self.tried.is_none_or(|at| at.elapsed() >= COLLECT_AGAIN)
    }

    fn collected(&self, now: Timestamp) -> Collected<'_> {
        Collected {
            runs: self.runs,
            failed_runs: self.failed_runs,
            started: self.started.unwrap_or(now),
            failures: self.failures,
            words: self.words.as_deref(),
            succeeded: self.succeeded,
            report: self.report.clone().into_json(),
        }
    }

    fn wrote(&mut self) {
        (self.written, self.tried) = (Some((Instant::now(), self.failures > 0)), None);
        (self.runs, self.failed_runs, self.report) = (0, 0, Report::default());
    }
}
