//! Limits typed by what they protect. A limiter knows its name, so that a refusal can be counted under it.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::ApiError;

/// So many of something per key and period.
///
/// Counts live in this process: with several nodes each allows the rate. That is enough for what these limits protect
/// (floods); what must hold exactly (logins per account, mails per day) is counted in the database.
#[derive(Clone)]
pub struct Limiter<K: Hash + Eq + Clone> {
    name: &'static str,
    clock: DefaultClock,
    keyed: Arc<RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock>>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// Allows `limit` at once and `limit` per `period` after that. `None` when either is zero.
    pub fn new(name: &'static str, limit: u32, period: Duration) -> Option<Self> {
        let burst = NonZeroU32::new(limit)?;
        let quota = Quota::with_period(period / limit)?.allow_burst(burst);
        Some(Self { name, clock: DefaultClock::default(), keyed: Arc::new(RateLimiter::keyed(quota)) })
    }

    /// Counts one, or says how long to wait.
    pub fn check(&self, key: &K) -> Result<(), ApiError> {
        self.keyed.check_key(key).map_err(|refusal| {
            metrics::counter!("voxanne_limited_total", "limit" => self.name).increment(1);
            let wait = refusal.wait_time_from(self.clock.now());
            ApiError::too_many_requests(wait.as_secs().max(1))
        })
    }

    /// Forgets keys that have been quiet for a whole period, so that a flood of addresses does not stay in memory.
    pub fn forget_idle(&self) {
        self.keyed.retain_recent();
    }
}
