//! Who watches in this process: caps, and the end of a connection whose credential ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use identity::access::CredentialRef;
use platform::ids::{OrgId, UserId};
use tokio_util::sync::CancellationToken;

/// Every open live connection of this process. Cheap to clone.
#[derive(Clone)]
pub struct Watchers {
    inner: Arc<Mutex<Inner>>,
    per_user: usize,
    per_org: usize,
}

#[derive(Default)]
struct Inner {
    next: u64,
    open: HashMap<u64, (CredentialRef, CancellationToken)>,
    by_org: HashMap<OrgId, usize>,
    by_user: HashMap<UserId, usize>,
}

/// A connection's place among the watchers; leaving it is dropping it.
pub struct Watching {
    watchers: Watchers,
    key: u64,
    holder: CredentialRef,
    ended: CancellationToken,
}

impl Watching {
    /// Completes when the credential has ended.
    pub fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}

impl Watchers {
    /// Allows so many connections per user and per organization.
    pub fn new(per_user: usize, per_org: usize) -> Self {
        Self { inner: Arc::default(), per_user, per_org }
    }

    /// Takes a place, unless there are too many already.
    pub fn enter(&self, holder: CredentialRef) -> Option<Watching> {
        let mut inner = self.lock();
        let of_org = inner.by_org.get(&holder.org).copied().unwrap_or_default();
        let of_user = holder.user.and_then(|user| inner.by_user.get(&user).copied()).unwrap_or_default();
        if of_org >= self.per_org || of_user >= self.per_user {
            return None;
        }
        *inner.by_org.entry(holder.org).or_default() += 1;
        if let Some(user) = holder.user {
            *inner.by_user.entry(user).or_default() += 1;
        }
        let key = inner.next;
        inner.next += 1;
        let ended = CancellationToken::new();
        inner.open.insert(key, (holder, ended.clone()));
        Some(Watching { watchers: self.clone(), key, holder, ended })
    }

    /// The credentials of every open connection.
    pub(super) fn open(&self) -> Vec<(u64, CredentialRef)> {
        self.lock().open.iter().map(|(key, (holder, _))| (*key, *holder)).collect()
    }

    /// Ends connections.
    pub(super) fn end(&self, keys: impl IntoIterator<Item = u64>) {
        let inner = self.lock();
        for key in keys {
            if let Some((_, ended)) = inner.open.get(&key) {
                ended.cancel();
            }
        }
    }

    /// Open connections, for metrics.
    pub fn count(&self) -> usize {
        self.lock().open.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut inner = self.watchers.lock();
        inner.open.remove(&self.key);
        leave(&mut inner.by_org, self.holder.org);
        if let Some(user) = self.holder.user {
            leave(&mut inner.by_user, user);
        }
    }
}

fn leave<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let std::collections::hash_map::Entry::Occupied(mut entry) = counts.entry(key) {
        *entry.get_mut() -= 1;
        if *entry.get() == 0 {
            entry.remove();
        }
    }
}
