//! How often something was tried within the last hour, and how often in vain: for rates that no table knows.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Minutes that are remembered.
const MINUTES: i64 = 60;

/// Counts of this process, minute by minute. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    minutes: Arc<Mutex<VecDeque<(i64, Tries)>>>,
}

/// What was tried within an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// All of it.
    pub tried: u64,
    /// What failed of it.
    pub failed: u64,
}

impl std::iter::Sum for Tries {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self { tried: sum.tried + one.tried, failed: sum.failed + one.failed })
    }
}

impl Recent {
    /// Counts a try.
    pub fn note(&self, now: Timestamp, failed: bool) {
        let minute = minute(now);
        let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        forget(&mut minutes, minute);
        // A clock that was set back counts into the minute that it had reached.
        if minutes.back().is_none_or(|(last, _)| *last < minute) {
            minutes.push_back((minute, Tries::default()));
        }
        if let Some((_, tries)) = minutes.back_mut() {
            tries.tried += 1;
            tries.failed += u64::from(failed);
        }
    }

    /// What was tried within the last hour.
    pub fn tries(&self, now: Timestamp) -> Tries {
        let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        forget(&mut minutes, minute(now));
        minutes.iter().map(|(_, tries)| *tries).sum()
    }
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

fn forget(minutes: &mut VecDeque<(i64, Tries)>, now: i64) {
    while minutes.front().is_some_and(|(minute, _)| *minute <= now - MINUTES) {
        minutes.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The counts are those of the last sixty minutes, however the tries lie in time, and the memory stays small.
        #[test]
        fn an_hour_is_counted_and_no_more(steps in prop::collection::vec((0..400_i64, any::<bool>()), 0..200), rest in 0..9_000_i64) {
            let recent = Recent::default();
            let (mut second, mut all) = (1_790_000_000, Vec::new());
            for (step, failed) in steps {
                second += step;
                all.push((second, failed));
                recent.note(Timestamp::from_second(second).unwrap(), failed);
                prop_assert!(recent.minutes.lock().unwrap().len() <= 60);
            }
            let now = second + rest;
            let within: Vec<bool> =
                all.iter().filter(|(at, _)| at / 60 > now / 60 - 60).map(|(_, failed)| *failed).collect();
            let wanted = Tries {
                tried: within.len() as u64,
                failed: within.iter().filter(|failed| **failed).count() as u64,
            };
            prop_assert_eq!(recent.tries(Timestamp::from_second(now).unwrap()), wanted);
        }
    }

    #[test]
    fn a_clock_that_was_set_back_loses_nothing() {
        let recent = Recent::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        recent.note(at(1_790_000_000), true);
        recent.note(at(1_789_990_000), false);
        assert_eq!(recent.tries(at(1_790_000_001)), Tries { tried: 2, failed: 1 });
    }
}
