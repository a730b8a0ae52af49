//! Does a number ring as it usually does? Pure.
//!
//! The rule: for each hour of the week, by the practice's clock, history says how many calls a number gets on average. Since the
//! last call the averages of the hours that went by are added up. When that sum reaches the limit (ten calls by default), the
//! number is silent: of a number that rings at random, one in twenty thousand such pauses would be chance. Hours in which
//! it never rang add nothing, so a practice that is closed at night and on Sundays alarms nobody then; a number that
//! rings twice a day is missed after five days and one that rings ten times an hour after an hour.
//!
//! A number needs three weeks of history before it can be silent: before that, nobody knows what is usual.

/// Hours of a week.
pub const HOURS: usize = 168;
/// Weeks that history looks back at most.
pub const WEEKS: u32 = 6;
/// Weeks of history that a number needs.
const FEWEST_WEEKS: u32 = 3;

/// What is usual for a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Calls in each hour of the week, over all weeks of history. Hour 0 begins on Monday at midnight.
    pub calls: Vec<u32>,
    /// Full weeks of history.
    pub weeks: u32,
}

impl Profile {
    /// How many calls an hour of the week brings on average.
    fn rate(&self, hour: usize) -> f64 {
        f64::from(self.calls.get(hour).copied().unwrap_or(0)) / f64::from(self.weeks.max(1))
    }

    /// Whether enough is known to miss its calls. A number that hardly ever rings cannot be missed within the days that
    /// are looked at.
    pub fn can_be_silent(&self, limit: f64) -> bool {
        self.weeks >= FEWEST_WEEKS && (0..HOURS).map(|hour| self.rate(hour)).sum::<f64>() >= limit / 2.0
    }

    /// How many calls usually come in the `quiet` hours that end at `hour` of the week: the current hour for the part that is
    /// over (`minute` of 60), then the hours before it. The hour in which the pause began counts by its part as well.
    pub fn expected(&self, hour: usize, minute: u32, quiet_minutes: u64) -> f64 {
        let mut left = quiet_minutes;
        let mut hour = hour % HOURS;
        let mut of_this = u64::from(minute.min(60));
        let mut sum = 0.0;
        // Two weeks are enough to miss anything that can be missed.
        for _ in 0..2 * HOURS {
            let part = of_this.min(left);
            sum += self.rate(hour) * minutes(part) / 60.0;
            left -= part;
            if left == 0 {
                break;
            }
            hour = (hour + HOURS - 1) % HOURS;
            of_this = 60;
        }
        sum
    }
}

fn minutes(count: u64) -> f64 {
    u32::try_from(count).map_or(0.0, f64::from)
}

/// Whether the number should have rung by now.
pub fn is_silent(profile: &Profile, hour: usize, minute: u32, quiet_minutes: u64, limit: f64) -> bool {
    profile.can_be_silent(limit) && profile.expected(hour, minute, quiet_minutes) >= limit
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: f64 = 10.0;

    /// Open on weekdays from nine to five, with so many calls an hour, for so many weeks.
    fn practice(calls: u32, weeks: u32) -> Profile {
        let open = |hour: usize| hour / 24 < 5 && (9..17).contains(&(hour % 24));
        Profile { calls: (0..HOURS).map(|hour| if open(hour) { calls * weeks } else { 0 }).collect(), weeks }
    }

    fn at(day: usize, hour: usize) -> usize {
        day * 24 + hour
    }

    #[test]
    fn a_busy_number_is_missed_within_hours() {
        let busy = practice(5, 6);
        assert!(!is_silent(&busy, at(1, 10), 0, 60, LIMIT), "five calls missing");
        assert!(is_silent(&busy, at(1, 12), 0, 120, LIMIT), "ten calls missing");
    }

    #[test]
    fn a_night_and_a_weekend_alarm_nobody() {
        let busy = practice(5, 6);
        let (evening, monday) = (at(4, 17), at(7, 9));
        for hour in evening..=monday {
            let quiet = u64::try_from(hour - evening).unwrap() * 60;
            assert!(!is_silent(&busy, hour % HOURS, 0, quiet, LIMIT), "hour {hour}");
        }
        assert!(is_silent(&busy, at(0, 11), 0, 60 * 66, LIMIT), "Monday morning without a call is noticed");
    }

    #[test]
    fn a_number_without_history_is_not_missed() {
        assert!(!is_silent(&practice(50, 2), at(1, 16), 0, 60 * 24 * 7, LIMIT));
        assert!(!is_silent(&Profile { calls: vec![0; HOURS], weeks: 6 }, at(1, 16), 0, 60 * 24 * 7, LIMIT));
        assert!(!is_silent(&Profile { calls: Vec::new(), weeks: 6 }, at(1, 16), 0, u64::MAX, LIMIT));
    }

    fn profiles() -> impl Strategy<Value = Profile> {
        (proptest::collection::vec(prop_oneof![3 => Just(0u32), 1 => 0..40u32], HOURS), 0..7u32)
            .prop_map(|(calls, weeks)| Profile { calls, weeks })
    }

    proptest! {
        /// A pause that lies wholly in hours without calls is never an alarm, however long.
        #[test]
        fn hours_that_never_ring_add_nothing(profile in profiles(), hour in 0..HOURS, minute in 0..60u32, hours in 1..160usize) {
            let quiet: Vec<usize> = (0..=hours).map(|back| (hour + HOURS - back) % HOURS).collect();
            let calls = (0..HOURS).map(|h| if quiet.contains(&h) { 0 } else { profile.calls[h] }).collect();
            let profile = Profile { calls, ..profile };
            prop_assert!(!is_silent(&profile, hour, minute, u64::try_from(hours).unwrap() * 60, LIMIT));
        }

        /// A longer pause is never less of one, and a call just now ends it.
        #[test]
        fn a_longer_pause_is_never_less_of_one(
            profile in profiles(), hour in 0..HOURS, minute in 0..60u32, quiet in 0..20_000u64, more in 0..5_000u64
        ) {
            let short = profile.expected(hour, minute, quiet);
            prop_assert!(profile.expected(hour, minute, quiet + more) >= short - 1e-9);
            prop_assert!(!is_silent(&profile, hour, minute, 0, LIMIT));
        }

        /// Over a whole week exactly the week's average is expected, wherever it begins.
        #[test]
        fn a_whole_week_expects_a_whole_week(profile in profiles(), hour in 0..HOURS, minute in 0..60u32) {
            let week: f64 = (0..HOURS).map(|h| profile.rate(h)).sum();
            let expected = profile.expected(hour, minute, 7 * 24 * 60);
            prop_assert!((expected - week).abs() < 1e-6 * (1.0 + week), "{expected} is not {week}");
        }

        /// Fewer than three weeks of history alarm nobody.
        #[test]
        fn short_history_alarms_nobody(profile in profiles(), weeks in 0..3u32, quiet in 0..50_000u64) {
            let short = Profile { weeks, ..profile };
            prop_assert!(!is_silent(&short, 0, 0, quiet, LIMIT));
        }
    }
}
