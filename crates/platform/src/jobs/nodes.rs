//! Processes that say that they are there.

use std::time::Duration;

use jiff::SignedDuration;

use super::model::NodeStatus;
use super::{Jobs, store};
use crate::http::problem::Chain;
use crate::tenancy::DbError;

/// How often a process says that it is there.
const EVERY: Duration = Duration::from_secs(30);
/// A process that was silent for so long is forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);

impl Jobs {
    /// Says that this process is there, and whether it does jobs and duties, until it stops.
    pub fn start_presence(&self, version: &'static str, works: bool) {
        let jobs = self.clone();
        let started_at = self.now();
        self.inner.tasks.spawn(async move {
            let stopping = jobs.inner.tasks.stopping();
            while !stopping.is_cancelled() {
                let (name, seen_at) = (jobs.inner.node.clone(), jobs.now());
                let node = NodeStatus { name, version: version.to_owned(), works, started_at, seen_at };
                if let Err(error) = jobs.note(&node).await {
                    tracing::warn!(error = %Chain(&error), "this node could not be noted; it is tried again");
                }
                tokio::select! {
                    () = stopping.cancelled() => {}
                    () = tokio::time::sleep(EVERY) => {}
                }
            }
            if let Err(error) = jobs.leave().await {
                tracing::warn!(error = %Chain(&error), "this node could not take its name off the list");
            }
        });
    }

    /// Takes back what a process before this one held, without waiting for its leases. Only for an installation that has one
    /// process, before it begins to work: the lock on the private database's directory says that there is no other.
    pub async fn take_back(&self) -> Result<(), DbError> {
        let mut tx = self.inner.tenancy.system("what an earlier process held may be of any organization").await?;
        let held = store::end_leases(&mut tx, self.now()).await?;
        tx.commit().await?;
        if held > 0 {
            tracing::warn!(held, "the process before this one died over its work, which is begun anew");
        }
        Ok(())
    }

    async fn note(&self, node: &NodeStatus) -> Result<(), DbError> {
        let forgotten = node.seen_at.saturating_sub(FORGOTTEN).unwrap_or(jiff::Timestamp::MIN);
        let mut tx = self.inner.tenancy.system("a node says that it is there").await?;
        store::note_node(&mut tx, node, forgotten).await?;
        tx.commit().await
    }

    async fn leave(&self) -> Result<(), DbError> {
        let mut tx = self.inner.tenancy.system("a node says that it stops").await?;
        store::remove_node(&mut tx, &self.inner.node).await?;
        tx.commit().await
    }
}
