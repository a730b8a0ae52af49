//! What was looked up a moment ago.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::model::Principal;

/// More live credentials than a small node sees in two seconds. At about 500 bytes each: 5 MB at most.
const MOST_ENTRIES: usize = 10_000;

/// A look-up's answer.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) principal: Arc<Principal>,
    /// Whether the browser session should get a new token.
    pub(super) rotation_due: bool,
}

impl Known {
    /// A credential that does not rotate.
    pub(super) fn steady(principal: Principal) -> Self {
        Self { principal: Arc::new(principal), rotation_due: false }
    }
}

/// Only valid credentials are remembered: made-up ones must not push them out.
pub(super) struct Cache {
    entries: Mutex<HashMap<Vec<u8>, (Known, Timestamp)>>,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self { entries: Mutex::new(HashMap::new()) }
    }

    pub(super) fn get(&self, key: &[u8], now: Timestamp) -> Option<Known> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|(_, until)| now < *until).map(|(known, _)| known.clone())
    }

    /// Remembers an answer for [`super::CACHE_FOR`], or until the credential itself ends.
    pub(super) fn put(&self, key: Vec<u8>, known: Known, now: Timestamp, ends: Option<Timestamp>) {
        let until = now + super::CACHE_FOR;
        let until = ends.map_or(until, |ends| ends.min(until));
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST_ENTRIES {
            entries.retain(|_, (_, until)| now < *until);
            if entries.len() >= MOST_ENTRIES {
                entries.clear();
            }
        }
        entries.insert(key, (known, until));
    }

    pub(super) fn forget(&self, whose: impl Fn(&Principal) -> bool) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, (known, _)| !whose(&known.principal));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Program, Scopes};
    use jiff::SignedDuration;
    use platform::ids::{ApiKeyId, OrgId};

    fn known() -> Known {
        Known::steady(Principal::Program(Program {
            key: ApiKeyId::new(),
            org: OrgId::new(),
            name: "Desk".into(),
            scopes: Scopes::default(),
        }))
    }

    #[test]
    fn an_answer_is_forgotten_after_its_time() {
        let cache = Cache::new();
        let now: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
        cache.put(vec![1], known(), now, None);
        assert!(cache.get(&[1], now + SignedDuration::from_millis(1_999)).is_some());
        assert!(cache.get(&[1], now + super::super::CACHE_FOR).is_none());
        assert!(cache.get(&[2], now).is_none());
        cache.put(vec![3], known(), now, Some(now + SignedDuration::from_secs(1)));
        assert!(cache.get(&[3], now + SignedDuration::from_secs(1)).is_none(), "the credential has ended");
    }

    #[test]
    fn the_cache_stays_within_its_bound() {
        let cache = Cache::new();
        let now: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
        for number in 0..=u32::try_from(MOST_ENTRIES).unwrap() {
            cache.put(number.to_be_bytes().to_vec(), known(), now, None);
        }
        assert!(cache.entries.lock().unwrap().len() <= MOST_ENTRIES);
    }
}
