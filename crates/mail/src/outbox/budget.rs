//! How much may be handed to a relay, and who may use how much of it. Pure.
//!
//! The unit is one recipient. The limit holds in every span of 24 hours; a UTC day is such a span, so it holds there too,
//! and what the provider counts from midnight never exceeds it.

use jiff::{SignedDuration, Timestamp};

use crate::draft::Priority;

/// The span in which the limit holds.
pub const SPAN: SignedDuration = SignedDuration::from_hours(24);

/// Recipients handed to the relay at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// When.
    pub at: Timestamp,
    /// How many.
    pub recipients: u32,
}

/// Whether a mail may go now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Fits,
    /// Not yet.
    Waits,
    /// It has more recipients than mails of its kind may have in a whole day.
    NeverFits,
}

/// How many recipients mails of this priority may use up to: the rest is kept for those before them. Security may use
/// everything, prospects nine tenths, sales three quarters, bulk half. A limit too small to divide is kept whole.
pub fn allowance(priority: Priority, limit: u32) -> u32 {
    let share = match priority {
        Priority::Security => 100,
        Priority::Prospect => 90,
        Priority::Sales => 75,
        Priority::Bulk => 50,
    };
    let part = u64::from(limit) * share / 100;
    u32::try_from(part).unwrap_or(limit).max(limit.min(1))
}

/// Whether a mail with so many recipients may go when `used` were spent in every span that contains now.
pub fn verdict(priority: Priority, recipients: u32, used: u32, limit: u32) -> Verdict {
    let allowed = allowance(priority, limit);
    if recipients > allowed {
        Verdict::NeverFits
    } else if used.saturating_add(recipients) <= allowed {
        Verdict::Fits
    } else {
        Verdict::Waits
    }
}

/// What counts against a mail sent at `now`: everything less than a span away, before or after. After happens when a
/// clock was wrong; counting both sides keeps every span within the limit whatever the clock did.
pub fn used(spent: &[Spent], now: Timestamp) -> u32 {
    spent
        .iter()
        .filter(|one| one.at.duration_since(now).abs() < SPAN)
        .fold(0, |sum, one| sum.saturating_add(one.recipients))
}

/// When each mail of the queue will fit, if they go in this order and nothing else is written meanwhile. `None`: never.
/// The time it takes to send is not counted.
pub fn forecast(spent: &[Spent], queue: &[(Priority, u32)], limit: u32, now: Timestamp) -> Vec<Option<Timestamp>> {
    let mut spent = spent.to_vec();
    spent.sort_by_key(|one| one.at);
    let mut at = now;
    let mut times = Vec::with_capacity(queue.len());
    for &(priority, recipients) in queue {
        let time = loop {
            match verdict(priority, recipients, used(&spent, at), limit) {
                Verdict::NeverFits => break None,
                Verdict::Fits => break Some(at),
                // It fits when enough of what counts has grown old; the oldest does so first.
                Verdict::Waits => match spent.iter().find(|one| one.at.duration_since(at).abs() < SPAN) {
                    Some(oldest) => at = oldest.at + SPAN,
                    None => break None,
                },
            }
        };
        if let Some(at) = time {
            spent.push(Spent { at, recipients });
        }
        times.push(time);
    }
    times
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noon() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn spent(hours: i64, recipients: u32) -> Spent {
        Spent { at: noon() + SignedDuration::from_hours(hours), recipients }
    }

    #[test]
    fn the_last_part_is_kept_for_those_before() {
        let allowed = |limit| {
            [Priority::Security, Priority::Prospect, Priority::Sales, Priority::Bulk].map(|p| allowance(p, limit))
        };
        assert_eq!(allowed(100), [100, 90, 75, 50]);
        assert_eq!(allowed(10), [10, 9, 7, 5]);
        assert_eq!(allowed(1), [1, 1, 1, 1]);
        assert_eq!(allowed(1_000_000), [1_000_000, 900_000, 750_000, 500_000]);
    }

    #[test]
    fn a_flood_of_forms_leaves_room_for_sign_in_mails() {
        assert_eq!(verdict(Priority::Prospect, 1, 90, 100), Verdict::Waits);
        assert_eq!(verdict(Priority::Security, 1, 90, 100), Verdict::Fits);
        assert_eq!(verdict(Priority::Security, 1, 100, 100), Verdict::Waits);
        assert_eq!(verdict(Priority::Sales, 3, 0, 3), Verdict::NeverFits);
    }

    #[test]
    fn midnight_frees_nothing_that_was_spent_within_a_day() {
        let late = [Spent { at: "2026-11-23T23:59:00Z".parse().unwrap(), recipients: 100 }];
        assert_eq!(used(&late, "2026-11-24T00:01:00Z".parse().unwrap()), 100);
        assert_eq!(used(&late, "2026-11-24T23:59:00Z".parse().unwrap()), 0);
    }

    #[test]
    fn what_a_wrong_clock_spent_ahead_counts_too() {
        assert_eq!(used(&[spent(20, 7)], noon()), 7);
        assert_eq!(used(&[spent(24, 7)], noon()), 0);
    }

    #[test]
    fn a_queue_is_told_when_each_of_it_fits() {
        let spent = [spent(-23, 2), spent(-1, 1)];
        let queue =
            [(Priority::Security, 1), (Priority::Security, 1), (Priority::Security, 1), (Priority::Security, 5)];
        let hours = |hours| Some(noon() + SignedDuration::from_hours(hours));
        assert_eq!(forecast(&spent, &queue, 4, noon()), [hours(0), hours(1), hours(1), None]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_forecast_never_goes_back_and_is_kept_by_the_verdict(
            past in proptest::collection::vec((0_i64..24 * 60, 1_u32..4), 0..20),
            queue in proptest::collection::vec(1_u32..4, 0..30),
            limit in 1_u32..12,
        ) {
            let mut ledger: Vec<Spent> = past
                .iter()
                .map(|&(minutes, recipients)| Spent { at: noon() - SignedDuration::from_mins(minutes), recipients })
                .collect();
            let queue: Vec<_> = queue.into_iter().map(|recipients| (Priority::Security, recipients)).collect();
            let mut last = noon();
            for (at, (priority, recipients)) in forecast(&ledger, &queue, limit, noon()).into_iter().zip(queue) {
                let Some(at) = at else {
                    prop_assert!(recipients > allowance(priority, limit));
                    continue;
                };
                prop_assert!(at >= last);
                prop_assert_eq!(verdict(priority, recipients, used(&ledger, at), limit), Verdict::Fits);
                ledger.push(Spent { at, recipients });
                last = at;
            }
        }
    }

    /// One step of a random life: the clock moves (back and days ahead too), a mail wants to go, and perhaps it did not
    /// count after all. A restart is no step of its own: between two steps nothing is remembered but what was written down.
    fn any_step() -> impl Strategy<Value = (i64, Priority, u32, bool)> {
        let priorities = vec![Priority::Security, Priority::Prospect, Priority::Sales, Priority::Bulk];
        let minutes = prop_oneof![8 => 0_i64..120, 1 => -3_000_i64..0, 1 => 120_i64..4_000];
        (minutes, proptest::sample::select(priorities), 1_u32..4, proptest::bool::weighted(0.1))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_day_and_no_span_of_24_hours_ever_exceeds_the_limit(
            steps in proptest::collection::vec(any_step(), 1..60), limit in 1_u32..25,
        ) {
            let mut ledger: Vec<Spent> = Vec::new();
            let mut now = noon();
            for (minutes, priority, recipients, given_back) in steps {
                now += SignedDuration::from_mins(minutes);
                if verdict(priority, recipients, used(&ledger, now), limit) == Verdict::Fits && !given_back {
                    ledger.push(Spent { at: now, recipients });
                }
            }
            for first in &ledger {
                let within = |one: &&Spent| (0..SPAN.as_secs()).contains(&one.at.duration_since(first.at).as_secs());
                let span: u32 = ledger.iter().filter(within).map(|one| one.recipients).sum();
                prop_assert!(span <= limit, "{} in a span that begins at {}", span, first.at);
                let day = |at: Timestamp| at.as_second().div_euclid(86_400);
                let same_day = |one: &&Spent| day(one.at) == day(first.at);
                let that_day: u32 = ledger.iter().filter(same_day).map(|one| one.recipients).sum();
                prop_assert!(that_day <= limit, "{} on the day of {}", that_day, first.at);
            }
        }
    }
}
