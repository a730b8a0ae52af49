//! Processes that say that they are there.

use std::future::Future;
use std::sync::PoisonError;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;

use super::model::NodeStatus;
use super::{Jobs, store};
use crate::http::problem::Chain;
use crate::tenancy::DbError;

/// How often a process says that it is there.
const EVERY: Duration = Duration::from_secs(30);
/// A process that was silent for so long is forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);

impl Jobs {
    /// Says that this process is there, whether it does jobs and duties, which ones, and what `look` finds of its machine, until
    /// it stops. `look` must not take long: a process that says nothing is taken for dead.
    pub fn start_presence<F, Fut>(&self, version: &'static str, works: bool, look: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Value> + Send + 'static,
    {
        let jobs = self.clone();
        let started_at = self.now();
        self.inner.tasks.spawn(async move {
            let stopping = jobs.inner.tasks.stopping();
            while !stopping.is_cancelled() {
                let readings = look().await;
                let node = NodeStatus {
                    name: jobs.inner.node.clone(),
                    version: version.to_owned(),
                    works,
                    started_at,
                    seen_at: jobs.now(),
                    duties: jobs.duties(),
                    readings,
                };
                if let Err(error) = jobs.note(&node).await {
                    tracing::warn!(error = %Chain(&error), "this node could not be noted; it is tried again");
                }
                tokio::select! {
                    () = stopping.cancelled() => {}
                    () = jobs.inner.another_duty.notified() => {}
                    () = tokio::time::sleep(EVERY) => {}
                }
            }
            if let Err(error) = jobs.leave().await {
                tracing::warn!(error = %Chain(&error), "this node could not take its name off the list");
            }
        });
    }

    /// Says that this process has a duty.
    pub(super) fn add_duty(&self, name: &'static str) {
        self.inner.duties.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
        self.inner.another_duty.notify_one();
    }

    fn duties(&self) -> Vec<String> {
        let duties = self.inner.duties.lock().unwrap_or_else(PoisonError::into_inner);
        duties.iter().map(|name| (*name).to_owned()).collect()
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
