//! Telling other nodes that there is something new, and hearing it from them.
//!
//! A NOTIFY inside the ingest transaction would serialise every commit of the database; so wake-ups are collected and
//! sent together, outside of it. They are hints: what is lost, the poll of [`super::jobs::keep_awake`] makes good.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use platform::ids::OrgId;
use platform::realtime::Hub;
use platform::tasks::Tasks;
use platform::tenancy::{DbError, Tenancy};
use tokio::sync::Notify;

use super::model::LiveEvent;
use super::store;

/// The channel all nodes of an installation share.
const CHANNEL: &str = "voxanne_live";
/// How long wake-ups are collected.
const COLLECT: Duration = Duration::from_millis(50);
/// Organizations named in one notification; PostgreSQL takes 8,000 bytes, an entry has at most 57.
const PER_MESSAGE: usize = 100;
/// How long to wait before listening again after the connection broke.
const RETRY: Duration = Duration::from_secs(2);

/// Where this process leaves word for the others. Cheap to clone; costs nothing until [`Neighbours::start`].
#[derive(Clone, Default)]
pub struct Neighbours {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    waiting: Mutex<Option<HashMap<OrgId, i64>>>,
    news: Notify,
}

impl Neighbours {
    /// Leaves word that `org` has events up to `seq`.
    pub fn tell(&self, org: OrgId, seq: i64) {
        let mut waiting = self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = waiting.as_mut() {
            let head = waiting.entry(org).or_default();
            *head = (*head).max(seq);
            self.inner.news.notify_one();
        }
    }

    /// Starts telling and hearing, for installations with several nodes.
    pub fn start(&self, tenancy: &Tenancy, hub: Hub<LiveEvent>, tasks: &Tasks) {
        *self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(HashMap::new());
        let (this, stopping, database) = (self.clone(), tasks.stopping(), tenancy.clone());
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = stopping.cancelled() => return,
                    () = this.inner.news.notified() => {}
                }
                tokio::time::sleep(COLLECT).await;
                if let Err(error) = this.send(&database).await {
                    tracing::warn!(%error, "other nodes were not told of live events; they find them by polling");
                }
            }
        });
        let (stopping, database) = (tasks.stopping(), tenancy.clone());
        tasks.spawn(async move {
            loop {
                let heard = tokio::select! {
                    () = stopping.cancelled() => return,
                    heard = hear(&database, &hub) => heard,
                };
                if let Err(error) = heard {
                    tracing::warn!(%error, "other nodes are not heard for a moment; live events are found by polling");
                }
                tokio::time::sleep(RETRY).await;
            }
        });
    }

    async fn send(&self, tenancy: &Tenancy) -> Result<(), DbError> {
        let waiting: Vec<(OrgId, i64)> = {
            let mut waiting = self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.as_mut().map(|waiting| waiting.drain().collect()).unwrap_or_default()
        };
        for part in waiting.chunks(PER_MESSAGE) {
            let message = part.iter().map(|(org, seq)| format!("{org}:{seq}")).collect::<Vec<_>>().join(",");
            let mut tx = tenancy.system("tell other nodes which organizations have live events").await?;
            store::notify(&mut tx, CHANNEL, &message).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

async fn hear(tenancy: &Tenancy, hub: &Hub<LiveEvent>) -> Result<(), DbError> {
    let mut listener = tenancy.listen(CHANNEL).await?;
    loop {
        let notification = listener.recv().await?;
        for entry in notification.payload().split(',') {
            let parts = entry.split_once(':').and_then(|(org, seq)| Some((org.parse().ok()?, seq.parse().ok()?)));
            if let Some((org, seq)) = parts {
                hub.wake(org, seq);
            }
        }
    }
}
