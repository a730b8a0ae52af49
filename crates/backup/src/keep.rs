//! Which backups stay when a new one is there. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// A backup that lies at the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Name of its folder.
    pub name: String,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// False once a later look found it damaged.
    pub good: bool,
}

/// How many stay: the last good one of so many days and of so many weeks, days and weeks without one not counted. UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Days, at least 1.
    pub daily: u32,
    /// Weeks from Monday to Sunday.
    pub weekly: u32,
}

/// The names of those that may go.
///
/// A good one goes when a newer good one stands for its day and its week. A damaged one goes when there is a newer good one.
/// So the newest good one stays whatever happens, and where none is good nothing goes.
pub fn superfluous(backups: &[Kept], policy: Policy) -> Vec<String> {
    let mut good: Vec<&Kept> = backups.iter().filter(|backup| backup.good).collect();
    good.sort_by(|a, b| (b.taken_at, &b.name).cmp(&(a.taken_at, &a.name)));
    let Some(newest) = good.first() else { return Vec::new() };
    let mut stay: BTreeSet<&str> = BTreeSet::from([newest.name.as_str()]);
    stay.extend(newest_of_each(&good, policy.daily, day));
    stay.extend(newest_of_each(&good, policy.weekly, week));
    backups
        .iter()
        .filter(|backup| !stay.contains(backup.name.as_str()) && (backup.good || backup.taken_at < newest.taken_at))
        .map(|backup| backup.name.clone())
        .collect()
}

/// The newest of each of the last `most` spans that have one. `good` comes newest first.
fn newest_of_each<'a>(good: &[&'a Kept], most: u32, span: impl Fn(Timestamp) -> Date) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    good.iter()
        .filter(|backup| seen.insert(span(backup.taken_at)))
        .take(usize::try_from(most).unwrap_or(usize::MAX))
        .map(|backup| backup.name.as_str())
        .collect()
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The week's Monday.
fn week(at: Timestamp) -> Date {
    let date = day(at);
    let since = i64::from(date.weekday().to_monday_zero_offset());
    date.checked_sub(jiff::Span::new().days(since)).unwrap_or(date)
}

/// How long after a failure it is tried again.
const AFTER_FAILURE: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// Whether a backup is to be taken now: one of the times of day (UTC) has come since the last success began, and the last
/// attempt is not just behind us. A machine that slept through its time takes it when it wakes.
pub fn is_due(
    times: &[Time],
    last_success: Option<Timestamp>,
    last_attempt: Option<Timestamp>,
    now: Timestamp,
) -> bool {
    let asked = times.iter().filter_map(|time| latest_at(*time, now)).max();
    let waited = last_attempt.is_none_or(|attempt| now.duration_since(attempt) >= AFTER_FAILURE || attempt > now);
    match (asked, last_success) {
        (None, _) => false,
        (Some(_), None) => waited,
        (Some(asked), Some(success)) => success < asked && (waited || last_attempt == last_success),
    }
}

/// The last instant up to `now` at which the clock showed `time`.
fn latest_at(time: Time, now: Timestamp) -> Option<Timestamp> {
    let today = day(now).to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp();
    if today <= now { Some(today) } else { today.checked_sub(jiff::SignedDuration::from_hours(24)).ok() }
}

/// Whether the newest backup is to be restored on trial now: none was for so many days. One that is known to be damaged is not
/// tried again; the next one will be, at once.
pub fn is_trial_due(
    every_days: u32,
    newest_is_good: Option<bool>,
    last_agreed: Option<Timestamp>,
    now: Timestamp,
) -> bool {
    let every = jiff::SignedDuration::from_hours(24 * i64::from(every_days));
    newest_is_good == Some(true) && last_agreed.is_none_or(|at| now.duration_since(at) >= every)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn kept(taken: &str, good: bool) -> Kept {
        Kept { name: taken.to_owned(), taken_at: at(taken), good }
    }

    #[test]
    fn the_last_of_each_day_and_of_each_week_stay() {
        let days = ["2026-11-09", "2026-11-15", "2026-11-16", "2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25"];
        let backups: Vec<Kept> = days
            .iter()
            .flat_map(|day| [format!("{day}T02:30:00Z"), format!("{day}T14:30:00Z")])
            .map(|taken| kept(&taken, true))
            .collect();
        let gone = superfluous(&backups, Policy { daily: 2, weekly: 3 });
        let stay: Vec<&str> = backups
            .iter()
            .map(|kept| kept.name.as_str())
            .filter(|name| !gone.iter().any(|gone| gone == name))
            .collect();
        // Two days, and the last of the weeks of 9, 16 and 23 November.
        assert_eq!(
            stay,
            ["2026-11-15T14:30:00Z", "2026-11-22T14:30:00Z", "2026-11-24T14:30:00Z", "2026-11-25T14:30:00Z"]
        );
    }

    #[test]
    fn a_damaged_one_stands_for_nothing_and_nothing_goes_where_none_is_good() {
        let backups = [kept("2026-11-24T02:30:00Z", true), kept("2026-11-25T02:30:00Z", false)];
        assert_eq!(superfluous(&backups, Policy { daily: 1, weekly: 0 }), Vec::<String>::new());
        let backups = [kept("2026-11-24T02:30:00Z", false), kept("2026-11-25T02:30:00Z", true)];
        assert_eq!(superfluous(&backups, Policy { daily: 1, weekly: 0 }), ["2026-11-24T02:30:00Z"]);
        let backups = [kept("2026-11-24T02:30:00Z", false), kept("2026-11-25T02:30:00Z", false)];
        assert_eq!(superfluous(&backups, Policy { daily: 1, weekly: 0 }), Vec::<String>::new());
    }

    #[test]
    fn a_backup_is_due_once_after_each_time_of_day() {
        let times = [Time::constant(2, 30, 0, 0), Time::constant(14, 30, 0, 0)];
        let due = |success: Option<&str>, attempt: Option<&str>, now| {
            is_due(&times, success.map(at), attempt.map(at), at(now))
        };
        assert!(due(None, None, "2026-11-25T01:00:00Z"), "there is none yet");
        let taken = Some("2026-11-25T02:30:10Z");
        assert!(!due(taken, taken, "2026-11-25T14:29:59Z"));
        assert!(due(taken, taken, "2026-11-25T14:30:00Z"));
        assert!(due(taken, taken, "2026-11-28T01:00:00Z"), "the machine slept");
        let failed = Some("2026-11-25T14:30:10Z");
        assert!(!due(taken, failed, "2026-11-25T15:00:00Z"), "it failed just now");
        assert!(due(taken, failed, "2026-11-25T15:30:10Z"));
        assert!(!is_due(&[], None, None, at("2026-11-25T02:30:00Z")));
    }

    #[test]
    fn a_trial_is_due_after_some_days_and_not_of_what_is_known_to_be_damaged() {
        let due = |good, agreed: Option<&str>| is_trial_due(7, good, agreed.map(at), at("2026-11-25T03:00:00Z"));
        assert!(due(Some(true), None), "none was tried yet");
        assert!(!due(Some(true), Some("2026-11-18T03:00:01Z")));
        assert!(due(Some(true), Some("2026-11-18T03:00:00Z")));
        assert!(!due(Some(false), None) && !due(None, None));
    }

    proptest! {
        #[test]
        fn the_newest_good_one_never_goes(
            taken in prop::collection::vec((0_i64..40_000_000, any::<bool>()), 0..60), daily in 0_u32..9, weekly in 0_u32..9,
        ) {
            let backups: Vec<Kept> = taken
                .iter()
                .enumerate()
                .map(|(at, (second, good))| Kept {
                    name: format!("{at}"),
                    taken_at: Timestamp::from_second(1_790_000_000 + second).unwrap(),
                    good: *good,
                })
                .collect();
            let gone = superfluous(&backups, Policy { daily, weekly });
            let stays = |kept: &&Kept| !gone.contains(&kept.name);
            let newest = backups.iter().filter(|kept| kept.good).map(|kept| kept.taken_at).max();
            prop_assert_eq!(backups.iter().filter(stays).filter(|kept| kept.good).map(|kept| kept.taken_at).max(), newest);
            if newest.is_none() {
                prop_assert!(gone.is_empty());
            }
            let good_ones = backups.iter().filter(stays).filter(|kept| kept.good).count();
            prop_assert!(good_ones <= usize::try_from(daily + weekly).unwrap().max(1));
            // What stays is stable: a second look removes nothing more.
            let rest: Vec<Kept> = backups.iter().filter(stays).cloned().collect();
            prop_assert_eq!(superfluous(&rest, Policy { daily, weekly }), Vec::<String>::new());
        }
    }
}
