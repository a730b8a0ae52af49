//! The live hub of one process: who watches which organization, and the newest events in memory.
//!
//! The database is the truth: every event has a number without gaps ([`Sequenced::seq`]), and a reader that falls behind
//! the memory here reads the rest from there. The hub only saves work: one read per organization and wake-up, however
//! many sockets are open.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::ids::OrgId;

/// Events kept in memory per watched organization.
const RECENT: usize = 512;

/// Something with a place in its organization's order.
pub trait Sequenced {
    /// 1, 2, 3… per organization, without gaps.
    fn seq(&self) -> i64;
}

/// All feeds of this process. Cheap to clone.
pub struct Hub<E> {
    feeds: Arc<Mutex<HashMap<OrgId, Arc<Feed<E>>>>>,
}

impl<E> Clone for Hub<E> {
    fn clone(&self) -> Self {
        Self { feeds: Arc::clone(&self.feeds) }
    }
}

impl<E> Default for Hub<E> {
    fn default() -> Self {
        Self { feeds: Arc::default() }
    }
}

/// One organization's events, as far as this process knows them.
pub struct Feed<E> {
    head: watch::Sender<i64>,
    /// The newest events, contiguous and in order. The async lock makes one reader fetch for all.
    recent: tokio::sync::Mutex<VecDeque<Arc<E>>>,
}

/// A reader's place in a feed.
pub struct Subscription<E> {
    feed: Arc<Feed<E>>,
    head: watch::Receiver<i64>,
}

impl<E: Sequenced> Hub<E> {
    /// Tells this process that `org` has events up to `seq`. Cheap when nobody watches.
    pub fn wake(&self, org: OrgId, seq: i64) {
        let feed = self.lock().get(&org).cloned();
        if let Some(feed) = feed {
            feed.head.send_if_modified(|head| {
                let newer = seq > *head;
                *head = (*head).max(seq);
                newer
            });
        }
    }

    /// Starts watching `org`.
    pub fn subscribe(&self, org: OrgId) -> Subscription<E> {
        let mut feeds = self.lock();
        let feed = feeds.entry(org).or_insert_with(|| {
            Arc::new(Feed { head: watch::Sender::new(0), recent: tokio::sync::Mutex::default() })
        });
        Subscription { feed: Arc::clone(feed), head: feed.head.subscribe() }
    }

    /// Organizations somebody watches; forgets the others.
    pub fn watched(&self) -> Vec<OrgId> {
        let mut feeds = self.lock();
        feeds.retain(|_, feed| feed.head.receiver_count() > 0);
        feeds.keys().copied().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<OrgId, Arc<Feed<E>>>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: Sequenced> Subscription<E> {
    /// Waits until the feed is known to be past `cursor`.
    pub async fn past(&mut self, cursor: i64) {
        // The sender lives as long as the feed, and the feed as long as this subscription.
        let _closed = self.head.wait_for(|head| *head > cursor).await;
    }

    /// The events after `cursor`, in order; none when there are none yet.
    ///
    /// `fetch` reads events after a number from the database. It runs once for all readers that wait.
    pub async fn after<F, Fut, Err>(&self, cursor: i64, fetch: F) -> Result<Vec<Arc<E>>, Err>
    where
        F: FnOnce(i64) -> Fut,
        Fut: Future<Output = Result<Vec<E>, Err>>,
    {
        let mut recent = self.feed.recent.lock().await;
        let first = recent.front().map(|event| event.seq());
        let last = recent.back().map(|event| event.seq());
        let known_head = *self.head.borrow();
        match (first, last) {
            // Memory reaches back far enough: at most its end is missing.
            (Some(first), Some(last)) if first <= cursor + 1 => {
                if last < known_head || last <= cursor {
                    let fresh = fetch(last.max(cursor)).await?;
                    recent.extend(fresh.into_iter().map(Arc::new));
                }
            }
            // A reader from further back than memory: its gap is its own, memory stays as it is.
            (Some(_), Some(last)) if last > cursor => {
                return Ok(fetch(cursor).await?.into_iter().map(Arc::new).collect());
            }
            _ => {
                recent.clear();
                recent.extend(fetch(cursor).await?.into_iter().map(Arc::new));
            }
        }
        let news = recent.iter().filter(|event| event.seq() > cursor).cloned().collect();
        let surplus = recent.len().saturating_sub(RECENT);
        recent.drain(..surplus);
        Ok(news)
    }
}
