//! The duties: compare every few minutes, settle silent calls every minute, forget old comparisons.

use std::time::Duration;

use jiff::SignedDuration;
use platform::jobs::{Jobs, Report, Schedule};

use super::actions::{ReconcileError, Reconciler};
use super::model::{AskedBy, SilenceLimits};

/// Comparing with every provider account.
pub const RECONCILE: Schedule =
    Schedule { name: "voice.reconcile", every: Duration::from_mins(5), patience: Duration::from_mins(30) };
/// Settling calls that fell silent.
pub const REAP: Schedule =
    Schedule { name: "voice.reap", every: Duration::from_mins(1), patience: Duration::from_mins(10) };
/// Forgetting old comparisons.
const FORGET: Schedule =
    Schedule { name: "voice.reconcile_forget", every: Duration::from_hours(24), patience: Duration::from_mins(10) };
/// How long comparisons are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Starts the duties.
pub fn start(reconciler: &Reconciler, limits: SilenceLimits, jobs: &Jobs) {
    let this = reconciler.clone();
    jobs.schedule(RECONCILE, move || {
        let this = this.clone();
        async move { compare(&this).await }
    });
    let this = reconciler.clone();
    jobs.schedule(REAP, move || {
        let this = this.clone();
        async move {
            let reaped = this.reap(limits).await?;
            Ok::<_, ReconcileError>(
                Report::new()
                    .count("asked", reaped.asked)
                    .count("going_on", reaped.going_on)
                    .count("learnt", reaped.learnt)
                    .count("closed", reaped.closed)
                    .count("unanswered", reaped.unanswered),
            )
        }
    });
    let this = reconciler.clone();
    jobs.schedule(FORGET, move || {
        let this = this.clone();
        async move {
            let before = this.clock.now().checked_sub(KEPT).unwrap_or_default();
            let forgotten = this.forget(before).await?;
            Ok::<_, ReconcileError>(Report::new().count("forgotten", forgotten))
        }
    });
}

async fn compare(reconciler: &Reconciler) -> Result<Report, ReconcileError> {
    let reports = reconciler.run(AskedBy::Schedule, None).await?;
    let sum = |of: fn(&super::model::AccountReport) -> i64| reports.iter().map(of).sum::<i64>();
    let unfinished = reports.iter().filter(|report| !report.complete).count();
    let report = Report::new()
        .count("accounts", reports.len())
        .count("calls", sum(|report| report.calls))
        .count("accounted", sum(super::model::AccountReport::accounted))
        .count("healed", sum(|report| report.healed))
        .count("unfinished", unfinished);
    // The reasons of all are on the page; one of them here is a beginning.
    Ok(match reports.iter().find_map(|report| report.problem.clone()) {
        Some(problem) => report.note("problem", problem),
        None => report,
    })
}
