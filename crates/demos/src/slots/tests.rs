use proptest::prelude::*;

use super::*;

fn london() -> OpeningRules {
    OpeningRules::default_in(TimeZone::get("Europe/London").unwrap())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn clocks(slots: &[Slot], zone: &TimeZone) -> Vec<String> {
    slots.iter().map(|slot| zone.to_datetime(slot.start).strftime("%a %H:%M").to_string()).collect()
}

#[test]
fn an_office_day_is_cut_into_demos_with_their_buffers() {
    let rules = london();
    let slots = rules.offered(at("2026-11-24T14:00:00Z"), at("2026-11-25T00:00:00Z"), at("2026-11-26T00:00:00Z"));
    let clocks = clocks(&slots, &rules.zone);
    assert_eq!((clocks.len(), clocks[0].as_str(), clocks[15].as_str()), (16, "Wed 09:00", "Wed 16:30"));
    assert_eq!(slots[0].end, at("2026-11-25T09:25:00Z"));
}

#[test]
fn notice_horizon_and_days_off_leave_times_out() {
    let rules = OpeningRules { days_off: vec!["2026-11-25".parse().unwrap()], ..london() };
    let now = at("2026-11-24T12:01:00Z");
    let slots = rules.offered(now, now, rules.end_of_horizon(now));
    assert_eq!(slots[0].start, at("2026-11-24T14:30:00Z"), "14:00 is less than two hours ahead");
    let dates: Vec<_> = slots.iter().map(|slot| rules.zone.to_datetime(slot.start).date().to_string()).collect();
    assert!(!dates.contains(&"2026-11-25".to_owned()));
    assert_eq!(dates.last().unwrap(), "2026-12-15", "three weeks after today");
}

#[test]
fn the_night_when_clocks_go_forward_offers_no_hour_that_is_not_there() {
    let rules = OpeningRules {
        hours: WeeklyHours::from_texts(&["", "", "", "", "", "", "00:30-03:00"]).unwrap(),
        length_minutes: 30,
        buffer_minutes: 0,
        ..london()
    };
    // 28 March 2027: 01:00 becomes 02:00.
    let now = at("2027-03-20T00:00:00Z");
    let slots = rules.offered(now, at("2027-03-28T00:00:00Z"), at("2027-03-29T00:00:00Z"));
    assert_eq!(clocks(&slots, &rules.zone), ["Sun 00:30", "Sun 02:00", "Sun 02:30"]);
}

#[test]
fn the_night_when_clocks_go_back_offers_each_moment_once() {
    let rules = OpeningRules {
        hours: WeeklyHours::from_texts(&["", "", "", "", "", "", "00:30-02:30"]).unwrap(),
        length_minutes: 30,
        buffer_minutes: 0,
        ..london()
    };
    // 25 October 2026: 02:00 becomes 01:00.
    let now = at("2026-10-20T00:00:00Z");
    let slots = rules.offered(now, at("2026-10-24T12:00:00Z"), at("2026-10-26T00:00:00Z"));
    let clocks = clocks(&slots, &rules.zone);
    assert_eq!(clocks, ["Sun 00:30", "Sun 01:00", "Sun 01:30", "Sun 01:00", "Sun 01:30", "Sun 02:00"]);
}

#[test]
fn days_are_the_visitors_across_the_date_line() {
    let rules = london();
    let now = at("2026-11-24T00:00:00Z");
    let offered = rules.offered(now, at("2026-11-25T00:00:00Z"), at("2026-11-26T00:00:00Z"));
    let auckland = by_day(&offered, &[], &TimeZone::get("Pacific/Auckland").unwrap());
    let dates: Vec<_> = auckland.iter().map(|day| (day.date.to_string(), day.free.len())).collect();
    assert_eq!(dates, [("2026-11-25".to_owned(), 4), ("2026-11-26".to_owned(), 12)]);
    let honolulu = by_day(&offered, &[], &TimeZone::get("Pacific/Honolulu").unwrap());
    assert_eq!(honolulu[0].date.to_string(), "2026-11-24");
}

#[test]
fn a_full_day_stays_and_is_empty_and_a_buffer_keeps_its_neighbour_free() {
    let rules = london();
    let now = at("2026-11-24T00:00:00Z");
    let offered = rules.offered(now, at("2026-11-25T00:00:00Z"), at("2026-11-26T00:00:00Z"));
    let whole = [Taken { start: at("2026-11-25T08:00:00Z"), until: at("2026-11-25T18:00:00Z") }];
    let days = by_day(&offered, &whole, &rules.zone);
    assert_eq!((days.len(), days[0].free.len()), (1, 0));
    // Booked under other rules: 09:10 to 09:40 takes two of today's times.
    let odd = [Taken { start: at("2026-11-25T09:10:00Z"), until: at("2026-11-25T09:40:00Z") }];
    assert_eq!(by_day(&offered, &odd, &rules.zone)[0].free[0].start, at("2026-11-25T10:00:00Z"));
}

#[test]
fn the_loser_is_offered_the_nearest_free_times() {
    let rules = london();
    let now = at("2026-11-24T00:00:00Z");
    let offered = rules.offered(now, now, rules.end_of_horizon(now));
    let wanted = at("2026-11-25T16:00:00Z");
    let taken = [Taken { start: wanted, until: at("2026-11-25T17:00:00Z") }];
    let offers = nearest(&offered, &taken, wanted, 3);
    let starts: Vec<_> = offers.iter().map(|slot| slot.start.to_string()).collect();
    assert_eq!(starts, ["2026-11-25T14:30:00Z", "2026-11-25T15:00:00Z", "2026-11-25T15:30:00Z"]);
}

#[test]
fn hours_are_read_as_they_are_written_and_nonsense_is_not() {
    let week = WeeklyHours::from_texts(&["9:00-12:30, 13:30–17:00", "", "00:00-24:00", "", "", "", ""]).unwrap();
    assert_eq!(week.texts()[0], "09:00-12:30, 13:30-17:00");
    assert_eq!(WeeklyHours::from_texts(&week.texts().each_ref().map(String::as_str)).unwrap(), week);
    let json = serde_json::to_string(&week).unwrap();
    assert_eq!(serde_json::from_str::<WeeklyHours>(&json).unwrap(), week);
    for wrong in ["9-17", "09:00", "17:00-09:00", "09:00-24:01", "9:60-10:00", "09:00-12:00,11:00-13:00", "+9:00-10:00"]
    {
        assert!(WeeklyHours::from_texts(&[wrong, "", "", "", "", "", ""]).is_err(), "{wrong}");
    }
}

/// Zones with and without changes of clock, with half hours, on both sides of the date line, and some that moved.
const ZONES: [&str; 20] = [
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Lisbon",
    "Africa/Lagos",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/New_York",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Havana",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Honolulu",
];

/// Slow and plain: asks the clock on the wall at every fifth minute. All changes of clock and all hours tried here are
/// multiples of five minutes.
fn reference(rules: &OpeningRules, now: Timestamp, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let five = SignedDuration::from_mins(5);
    let first_shown = |wanted: DateTime| {
        let mut moment = from - SignedDuration::from_hours(72);
        while rules.zone.to_datetime(moment) < wanted {
            moment += five;
        }
        moment
    };
    let today = rules.zone.to_datetime(now).date();
    let mut starts = Vec::new();
    let mut date = rules.zone.to_datetime(from).date();
    while date <= rules.zone.to_datetime(until).date() {
        let days_ahead = today.until(date).unwrap().get_days();
        for opening in rules.hours.on(date.weekday()) {
            if rules.days_off.contains(&date) || days_ahead < 0 || days_ahead > rules.horizon_days {
                continue;
            }
            let midnight = date.to_datetime(Time::midnight());
            let mut start = first_shown(midnight + i64::from(opening.from).minutes());
            let closes = first_shown(midnight + i64::from(opening.until).minutes());
            while start + rules.length() <= closes {
                let notice = SignedDuration::from_mins(rules.notice_minutes.into());
                if start >= now + notice && start >= from && start < until {
                    starts.push(start);
                }
                start += SignedDuration::from_mins((rules.length_minutes + rules.buffer_minutes).into());
            }
        }
        date = date.tomorrow().unwrap();
    }
    starts
}

prop_compose! {
    fn an_opening()(from in 0u16..280, length in 1u16..200) -> String {
        format!("{}-{}", clock(from * 5), clock((from + length).min(288) * 5))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn times_are_those_of_the_slow_reference(
        zone in 0..ZONES.len(),
        day in 0i64..730,
        near_a_change in any::<bool>(),
        minute in 0i64..1440,
        openings in proptest::collection::vec(an_opening(), 7),
        length in 1i32..13,
        buffer in 0i32..6,
        notice in 0i32..600,
        off in 0i64..4,
    ) {
        let zone = TimeZone::get(ZONES[zone]).unwrap();
        let anywhere = at("2026-01-01T00:00:00Z") + SignedDuration::from_hours(24 * day);
        // Half of the cases look at the days around a change of clock, if the zone has one.
        let change = near_a_change.then(|| zone.following(anywhere).next().map(|change| change.timestamp())).flatten();
        let change = change.filter(|change| *change < at("2028-02-01T00:00:00Z"));
        let from = change.map_or(anywhere, |change| change - SignedDuration::from_hours(24));
        let now = from - SignedDuration::from_mins(minute);
        let texts: [&str; 7] = std::array::from_fn(|day| openings[day].as_str());
        let rules = OpeningRules {
            hours: WeeklyHours::from_texts(&texts).unwrap(),
            length_minutes: length * 5,
            buffer_minutes: buffer * 5,
            notice_minutes: notice,
            horizon_days: 2,
            days_off: vec![zone.to_datetime(from).date() + off.days()],
            zone,
        };
        let until = from + SignedDuration::from_hours(72);
        let mut expected = reference(&rules, now, from, until);
        expected.sort_unstable();
        let mut starts: Vec<_> = rules.offered(now, from, until).iter().map(|slot| slot.start).collect();
        starts.sort_unstable();
        prop_assert_eq!(&starts, &expected);
        for start in starts {
            prop_assert!(rules.offers(now, start));
            prop_assert!(!rules.offers(now, start + SignedDuration::from_secs(1)));
        }
    }
}
