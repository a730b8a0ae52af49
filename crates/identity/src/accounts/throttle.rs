//! When a sign-in must wait. Pure: the counters come from the database.
//!
//! Per account, ten failures are free; from then on every failure doubles the wait, from half a minute to a quarter of an
//! hour, until the right password or an hour without a failure. Somebody else's guesses can therefore hold a person up:
//! the price of a limit that guesses from many addresses cannot get around. A browser that is signed in is not affected.
//!
//! Per client address, a hundred failures within a quarter of an hour close it until that time is over, whatever the
//! accounts.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use platform::crypto::token_digest;

/// How long an account's failures are remembered after the last.
pub(crate) const ACCOUNT_REMEMBERS: SignedDuration = SignedDuration::from_hours(1);
/// How long an address's failures are counted together.
const ADDRESS_WINDOW: SignedDuration = SignedDuration::from_mins(15);
/// Failures on one account before it has to wait.
pub(crate) const FREE_PER_ACCOUNT: i32 = 10;
/// Failures from one address before it has to wait.
pub(crate) const FREE_PER_ADDRESS: i32 = 100;
/// Links by mail that one address may ask for in its window.
pub(crate) const FREE_RESETS: i32 = 10;
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(30);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Account,
    Address,
    /// Requests for a link by mail, of a client address: counted, whatever becomes of them.
    Reset,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Address => "address",
            Self::Reset => "reset",
        }
    }
}

/// A counter's row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failures {
    pub(crate) count: i32,
    pub(crate) window_started_at: Timestamp,
    pub(crate) last_failed_at: Timestamp,
}

impl Failures {
    /// Whether the counter still counts. An account's runs on while failures keep coming; an address's ends with its
    /// window, as many people may share it.
    fn is_stale(&self, kind: Kind, now: Timestamp) -> bool {
        match kind {
            Kind::Account => now.duration_since(self.last_failed_at) >= ACCOUNT_REMEMBERS,
            Kind::Address | Kind::Reset => now.duration_since(self.window_started_at) >= ADDRESS_WINDOW,
        }
    }

    /// The counter after one more failure.
    pub(crate) fn after_another(before: Option<Self>, kind: Kind, now: Timestamp) -> Self {
        match before.filter(|failures| !failures.is_stale(kind, now)) {
            Some(failures) => Self { count: failures.count.saturating_add(1), last_failed_at: now, ..failures },
            None => Self { count: 1, window_started_at: now, last_failed_at: now },
        }
    }

    /// How long to wait before the next try; `None` when it may come now.
    pub(crate) fn wait(&self, kind: Kind, now: Timestamp) -> Option<SignedDuration> {
        if self.is_stale(kind, now) {
            return None;
        }
        let open_at = match kind {
            Kind::Account if self.count >= FREE_PER_ACCOUNT => {
                let doublings = u32::try_from(self.count - FREE_PER_ACCOUNT).unwrap_or(0).min(10);
                self.last_failed_at + FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
            }
            Kind::Address if self.count >= FREE_PER_ADDRESS => self.window_started_at + ADDRESS_WINDOW,
            // The one that is too many is refused itself, as it is counted before it is looked at.
            Kind::Reset if self.count > FREE_RESETS => self.window_started_at + ADDRESS_WINDOW,
            Kind::Account | Kind::Address | Kind::Reset => return None,
        };
        let wait = open_at.duration_since(now);
        wait.is_positive().then_some(wait)
    }
}

/// What stands for an account, whether it exists or not.
pub(crate) fn account_digest(email: &str) -> Vec<u8> {
    token_digest(&format!("account/{}", email.trim().to_ascii_lowercase()))
}

/// What stands for a client address.
pub(crate) fn address_digest(limit_key: IpAddr) -> Vec<u8> {
    token_digest(&format!("address/{limit_key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2026-11-23T09:00:00Z".parse().unwrap()
    }

    fn after(count: i32, kind: Kind) -> Failures {
        let mut failures = Failures::after_another(None, kind, start());
        for _ in 1..count {
            failures = Failures::after_another(Some(failures), kind, start());
        }
        failures
    }

    #[test]
    fn an_account_waits_longer_with_every_failure_after_the_tenth() {
        let waits = |count| after(count, Kind::Account).wait(Kind::Account, start()).map(|wait| wait.as_secs());
        assert_eq!(waits(9), None);
        assert_eq!(waits(10), Some(30));
        assert_eq!(waits(11), Some(60));
        assert_eq!(waits(14), Some(480));
        assert_eq!(waits(15), Some(900));
        assert_eq!(waits(1_000), Some(900));
    }

    #[test]
    fn an_account_opens_when_the_wait_is_over() {
        let failures = after(10, Kind::Account);
        assert!(failures.wait(Kind::Account, start() + SignedDuration::from_secs(29)).is_some());
        assert!(failures.wait(Kind::Account, start() + SignedDuration::from_secs(30)).is_none());
        let next = Failures::after_another(Some(failures), Kind::Account, start() + SignedDuration::from_secs(30));
        assert_eq!(next.count, 11, "the next failure doubles the wait");
        let quiet = Failures::after_another(Some(failures), Kind::Account, start() + ACCOUNT_REMEMBERS);
        assert_eq!(quiet.count, 1, "an hour without failures starts again");
    }

    #[test]
    fn an_address_is_closed_until_its_window_ends() {
        assert!(after(99, Kind::Address).wait(Kind::Address, start()).is_none());
        let failures = after(100, Kind::Address);
        let later = start() + SignedDuration::from_mins(14);
        assert_eq!(failures.wait(Kind::Address, later).unwrap(), SignedDuration::from_mins(1));
        assert!(failures.wait(Kind::Address, start() + ADDRESS_WINDOW).is_none());
        let next = Failures::after_another(Some(failures), Kind::Address, later);
        assert_eq!(next.window_started_at, start(), "more failures do not move the window");
    }

    #[test]
    fn an_account_is_the_same_in_any_case() {
        assert_eq!(account_digest(" Ana@Example.com"), account_digest("ana@example.com"));
        assert_ne!(account_digest("ana@example.com"), account_digest("bob@example.com"));
    }
}
