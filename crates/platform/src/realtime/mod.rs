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
        let feed = feeds
            .entry(org)
            .or_insert_with(|| Arc::new(Feed { head: watch::Sender::new(0), recent: tokio::sync::Mutex::default() }));
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
            (Some(first), Some(last)) if first <= cursor + 1 && cursor <= last => {
                if last < known_head || last == cursor {
                    recent.extend(fetch(last).await?.into_iter().map(Arc::new));
                }
            }
            // A reader from further back than memory: its gap is its own, memory stays as it is.
            (Some(_), Some(last)) if last > cursor => {
                return Ok(fetch(cursor).await?.into_iter().map(Arc::new).collect());
            }
            // Memory is empty, or ends before this reader's place (a snapshot took it there): it begins anew. Going on
            // behind the hole would hide what is in it from a slower reader.
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::{Hub, Sequenced, Subscription};
    use crate::ids::OrgId;

    struct Numbered(i64);

    impl Sequenced for Numbered {
        fn seq(&self) -> i64 {
            self.0
        }
    }

    /// Reads after `cursor` from a database that holds 1 to `stored`, as many as it gives at once.
    async fn read(subscription: &Subscription<Numbered>, cursor: i64, stored: i64) -> Vec<i64> {
        const PAGE: i64 = 4;
        let events = subscription
            .after(cursor, |after| async move {
                Ok::<_, Infallible>((after + 1..=stored.min(after + PAGE)).map(Numbered).collect())
            })
            .await;
        match events {
            Ok(events) => events.iter().map(|event| event.seq()).collect(),
            Err(never) => match never {},
        }
    }

    #[tokio::test]
    async fn a_slow_reader_misses_nothing_when_another_one_joins_ahead_of_it() {
        let hub = Hub::default();
        let org = OrgId::new();
        let slow = hub.subscribe(org);
        hub.wake(org, 3);
        assert_eq!(read(&slow, 0, 3).await, [1, 2, 3]);
        let ahead = hub.subscribe(org);
        hub.wake(org, 8);
        assert_eq!(read(&ahead, 7, 8).await, [8]);
        assert_eq!(read(&slow, 3, 8).await, [4, 5, 6, 7]);
        assert_eq!(read(&slow, 7, 8).await, [8]);
    }

    #[tokio::test]
    async fn readers_at_the_same_place_cost_one_read() {
        let hub = Hub::default();
        let org = OrgId::new();
        let (first, second) = (hub.subscribe(org), hub.subscribe(org));
        hub.wake(org, 2);
        assert_eq!(read(&first, 0, 2).await, [1, 2]);
        assert_eq!(read(&second, 0, 0).await, [1, 2], "from memory: the database of this call is empty");
    }

    #[tokio::test]
    async fn a_reader_from_before_memory_reads_its_own_gap() {
        let hub = Hub::default();
        let org = OrgId::new();
        let (new, old) = (hub.subscribe(org), hub.subscribe(org));
        hub.wake(org, 9);
        assert_eq!(read(&new, 8, 9).await, [9]);
        assert_eq!(read(&old, 2, 9).await, [3, 4, 5, 6]);
        assert_eq!(read(&new, 8, 9).await, [9], "memory is as it was");
    }

    #[tokio::test]
    async fn only_organizations_with_readers_are_watched() {
        let hub = Hub::<Numbered>::default();
        let (watched, left) = (OrgId::new(), OrgId::new());
        let _reader = hub.subscribe(watched);
        drop(hub.subscribe(left));
        assert_eq!(hub.watched(), [watched]);
    }
}
