//! Work under a lease: watched while it runs, ended when it lost its lease, took too long, or the process stops.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::Jobs;
use super::store::{self, Held};
use crate::http::problem::Chain;
use crate::tenancy::DbError;

/// How long work may go on after the process was asked to stop, or after its lease was lost, before it is cut off. Well
/// within what the server gives its tasks.
const GRACE: Duration = Duration::from_secs(5);

/// What the work holds.
pub(super) enum Lease {
    /// A job.
    Job(Held),
    /// A schedule, by name and lease.
    Schedule(&'static str, Uuid),
}

/// How watched work ended.
pub(super) enum Ended<T> {
    /// By itself.
    Itself(T),
    /// It panicked.
    Panicked,
    /// It was cut off for taking longer than it may.
    TooLong,
    /// It no longer held its lease.
    Lost,
    /// The process stops.
    Stopped,
}

/// How work is watched.
pub(super) struct Watch {
    /// Extended while it runs.
    pub(super) lease: Lease,
    /// For how long, each time.
    pub(super) length: Duration,
    /// Longest time for the work.
    pub(super) patience: Option<Duration>,
    /// Cancelled when the work should end.
    pub(super) lost: CancellationToken,
}

impl Jobs {
    /// Runs `work` as a task of its own, so that its panic is seen, and watches it. Dropped, it takes the work with it.
    pub(super) async fn watch<F, T>(&self, watch: &Watch, work: F) -> Ended<T>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let mut work = AbortOnDropHandle::new(self.inner.tasks.spawn(work));
        let ended = tokio::select! {
            ended = &mut work => return itself(ended),
            () = too_long(watch.patience) => return Ended::TooLong,
            () = self.hold(watch) => Ended::Lost,
            () = self.stopped() => Ended::Stopped,
        };
        watch.lost.cancel();
        match tokio::time::timeout(GRACE, &mut work).await {
            Ok(done) if matches!(ended, Ended::Stopped) => itself(done),
            _ => ended,
        }
    }

    /// Extends the lease again and again; ends when it is lost.
    async fn hold(&self, watch: &Watch) {
        let mut until = store::after(self.now(), watch.length);
        loop {
            tokio::time::sleep(watch.length / 3).await;
            let wanted = store::after(self.now(), watch.length);
            match self.extend(&watch.lease, wanted).await {
                Ok(true) => until = wanted,
                Ok(false) => return,
                // Others may take it when it is over; until then it is ours.
                Err(error) if self.now() < until => {
                    tracing::warn!(error = %Chain(&error), "a lease could not be extended; it is tried again");
                }
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "a lease could not be extended and is over");
                    return;
                }
            }
        }
    }

    async fn extend(&self, lease: &Lease, until: jiff::Timestamp) -> Result<bool, DbError> {
        let mut tx = self.inner.tenancy.system("a lease on work of any organization is extended").await?;
        let ours = match lease {
            Lease::Job(held) => store::extend(&mut tx, held, until).await?,
            Lease::Schedule(name, lease) => store::extend_schedule(&mut tx, name, *lease, until).await?,
        };
        tx.commit().await?;
        Ok(ours)
    }

    /// Ends when the process stops.
    async fn stopped(&self) {
        self.inner.tasks.stopping().cancelled().await;
    }
}

fn itself<T>(ended: Result<T, tokio::task::JoinError>) -> Ended<T> {
    match ended {
        Ok(done) => Ended::Itself(done),
        Err(error) if error.is_panic() => Ended::Panicked,
        // Only a runtime that shuts down cancels a task that we hold.
        Err(_) => Ended::Stopped,
    }
}

async fn too_long(patience: Option<Duration>) {
    match patience {
        Some(patience) => tokio::time::sleep(patience).await,
        None => std::future::pending().await,
    }
}
