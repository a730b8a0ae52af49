//! Opening rules and the times that follow from them. Pure: the time now and what is taken are arguments.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

/// Minutes of a day; the end of a day is this many after its midnight.
const DAY_MINUTES: u16 = 24 * 60;

/// Why opening rules are not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// No such zone.
    #[error("the time zone must be one like Europe/London")]
    Zone,
    /// A day's hours cannot be read.
    #[error("{0}: write hours like 09:00-12:30, 13:30-17:00, each after the one before")]
    Hours(&'static str),
    /// A number is out of its range.
    #[error("{field} must be from {least} to {most}")]
    Range {
        /// Which number.
        field: &'static str,
        /// The smallest that is taken.
        least: i32,
        /// The largest.
        most: i32,
    },
    /// A day off is no date.
    #[error("write days off like 2026-12-25, one in a line")]
    DayOff,
}

/// Open from one minute of the day to another, by the clock on the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opening {
    from: u16,
    until: u16,
}

impl Opening {
    /// Between two minutes of a day, counted from midnight.
    pub fn new(from: u16, until: u16) -> Option<Self> {
        (from < until && until <= DAY_MINUTES).then_some(Self { from, until })
    }
}

/// The openings of a week, Monday first; in order and apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Vec<(String, String)>>", into = "BTreeMap<String, Vec<(String, String)>>")]
pub struct WeeklyHours([Vec<Opening>; 7]);

/// The names of the days where they are stored, Monday first.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl WeeklyHours {
    /// Monday to Friday, nine to five.
    pub fn office() -> Self {
        let nine_to_five = vec![Opening { from: 9 * 60, until: 17 * 60 }];
        Self(std::array::from_fn(|day| if day < 5 { nine_to_five.clone() } else { Vec::new() }))
    }

    /// From a text for each day, Monday first: `09:00-12:30, 13:30-17:00`, or nothing for a closed day.
    pub fn from_texts(texts: &[&str; 7]) -> Result<Self, RulesError> {
        let mut week = Self::default();
        for (day, text) in texts.iter().enumerate() {
            week.0[day] = openings(text).ok_or(RulesError::Hours(DAYS[day]))?;
        }
        Ok(week)
    }

    /// The text of each day, as [`WeeklyHours::from_texts`] reads it.
    pub fn texts(&self) -> [String; 7] {
        self.0.each_ref().map(|openings| {
            let texts: Vec<_> = openings.iter().map(|o| format!("{}-{}", clock(o.from), clock(o.until))).collect();
            texts.join(", ")
        })
    }

    fn on(&self, day: Weekday) -> &[Opening] {
        let index = usize::try_from(day.to_monday_zero_offset()).unwrap_or_default();
        &self.0[index]
    }
}

impl TryFrom<BTreeMap<String, Vec<(String, String)>>> for WeeklyHours {
    type Error = RulesError;

    fn try_from(days: BTreeMap<String, Vec<(String, String)>>) -> Result<Self, RulesError> {
        let text = |day: &str| {
            let spans = days.get(day).map(Vec::as_slice).unwrap_or_default();
            spans.iter().map(|(from, until)| format!("{from}-{until}")).collect::<Vec<_>>().join(",")
        };
        let texts = DAYS.map(text);
        Self::from_texts(&texts.each_ref().map(String::as_str))
    }
}

impl From<WeeklyHours> for BTreeMap<String, Vec<(String, String)>> {
    fn from(week: WeeklyHours) -> Self {
        let spans = |openings: Vec<Opening>| openings.into_iter().map(|o| (clock(o.from), clock(o.until))).collect();
        let days = DAYS.into_iter().zip(week.0).filter(|(_, openings)| !openings.is_empty());
        days.map(|(day, openings)| (day.to_owned(), spans(openings))).collect()
    }
}

fn openings(text: &str) -> Option<Vec<Opening>> {
    let mut read: Vec<Opening> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (from, until) = part.split_once(['-', '–'])?;
        let opening = Opening::new(minute(from)?, minute(until)?)?;
        if read.last().is_some_and(|last| last.until > opening.from) {
            return None;
        }
        read.push(opening);
    }
    Some(read)
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let fits = (1..=2).contains(&hour.len()) && minute.len() == 2;
    let digits = hour.bytes().chain(minute.bytes()).all(|byte| byte.is_ascii_digit());
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let total = hour * 60 + minute;
    (fits && digits && minute < 60 && total <= DAY_MINUTES).then_some(total)
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// When demos are offered.
#[derive(Clone, Debug, PartialEq)]
pub struct OpeningRules {
    /// By whose clock the hours are told.
    pub zone: TimeZone,
    /// The hours.
    pub hours: WeeklyHours,
    /// How long a demo is, in minutes.
    pub length_minutes: i32,
    /// What is kept free after one, in minutes.
    pub buffer_minutes: i32,
    /// How long beforehand one has to be booked, in minutes.
    pub notice_minutes: i32,
    /// How many days ahead can be booked.
    pub horizon_days: i32,
    /// Days on which nothing is offered, in order.
    pub days_off: Vec<Date>,
}

impl OpeningRules {
    /// What holds until somebody changes it: office hours, 25 minutes and 5 between, two hours' notice, three weeks.
    pub fn default_in(zone: TimeZone) -> Self {
        Self {
            zone,
            hours: WeeklyHours::office(),
            length_minutes: 25,
            buffer_minutes: 5,
            notice_minutes: 120,
            horizon_days: 21,
            days_off: Vec::new(),
        }
    }

    /// Whether the numbers are in their ranges; the same as the table's.
    pub fn check(&self) -> Result<(), RulesError> {
        let ranges = [
            ("length_minutes", self.length_minutes, 5, 240),
            ("buffer_minutes", self.buffer_minutes, 0, 240),
            ("notice_minutes", self.notice_minutes, 0, 43_200),
            ("horizon_days", self.horizon_days, 1, 365),
        ];
        match ranges.into_iter().find(|(_, value, least, most)| !(*least..=*most).contains(value)) {
            Some((field, _, least, most)) => Err(RulesError::Range { field, least, most }),
            None => Ok(()),
        }
    }

    /// The name of the zone.
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// How long a demo is.
    pub fn length(&self) -> SignedDuration {
        SignedDuration::from_mins(self.length_minutes.into())
    }

    /// The demo that begins at this moment.
    pub fn slot_at(&self, start: Timestamp) -> Slot {
        Slot {
            start,
            end: start.saturating_add(self.length()).unwrap_or(Timestamp::MAX),
            blocked_until: start
                .saturating_add(self.length() + SignedDuration::from_mins(self.buffer_minutes.into()))
                .unwrap_or(Timestamp::MAX),
        }
    }

    /// Every time that can be booked at `now` and begins within `[from, until)`, taken or not, in order.
    pub fn offered(&self, now: Timestamp, from: Timestamp, until: Timestamp) -> Vec<Slot> {
        let earliest =
            now.saturating_add(SignedDuration::from_mins(self.notice_minutes.into())).unwrap_or(Timestamp::MAX);
        let today = self.zone.to_datetime(now).date();
        let last = today.saturating_add(self.horizon_days.days());
        let first = self.zone.to_datetime(from.max(earliest)).date();
        let last = last.min(self.zone.to_datetime(until).date());
        let mut slots = Vec::new();
        let mut date = first;
        while date <= last {
            if self.days_off.binary_search(&date).is_err() {
                for opening in self.hours.on(date.weekday()) {
                    self.fill(date, *opening, &mut slots);
                }
            }
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        slots.retain(|slot| slot.start >= earliest && slot.start >= from && slot.start < until);
        slots
    }

    /// Whether a demo may begin at exactly this moment.
    pub fn offers(&self, now: Timestamp, start: Timestamp) -> bool {
        let after = start.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MAX);
        self.offered(now, start, after).iter().any(|slot| slot.start == start)
    }

    /// The last moment that can be booked, or a little later.
    pub fn end_of_horizon(&self, now: Timestamp) -> Timestamp {
        let ahead = SignedDuration::from_hours(24 * (i64::from(self.horizon_days) + 2));
        now.saturating_add(ahead).unwrap_or(Timestamp::MAX)
    }

    fn fill(&self, date: Date, opening: Opening, slots: &mut Vec<Slot>) {
        let opens = first_moment(&self.zone, at_minute(date, opening.from));
        let closes = first_moment(&self.zone, at_minute(date, opening.until));
        let mut slot = self.slot_at(opens);
        while slot.end <= closes {
            slots.push(slot);
            slot = self.slot_at(slot.blocked_until);
        }
    }
}

/// A time for a demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Begins.
    pub start: Timestamp,
    /// Ends.
    pub end: Timestamp,
    /// The next demo may begin.
    pub blocked_until: Timestamp,
}

/// A time that is taken: until its buffer is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Begins.
    pub start: Timestamp,
    /// Ends, its buffer included.
    pub until: Timestamp,
}

impl Taken {
    fn meets(self, slot: &Slot) -> bool {
        self.start < slot.blocked_until && slot.start < self.until
    }
}

/// A day as the visitor's calendar has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// By the visitor's clock.
    pub date: Date,
    /// What is free; empty when everything is taken.
    pub free: Vec<Slot>,
}

/// The offered times by the visitor's days, without those that are taken. A day with nothing offered is left out; one
/// with nothing free is there, and empty.
pub fn by_day(offered: &[Slot], taken: &[Taken], visitor: &TimeZone) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for slot in offered {
        let date = visitor.to_datetime(slot.start).date();
        if days.last().is_none_or(|day| day.date != date) {
            days.push(Day { date, free: Vec::new() });
        }
        if !taken.iter().any(|taken| taken.meets(slot))
            && let Some(day) = days.last_mut()
        {
            day.free.push(*slot);
        }
    }
    days
}

/// The free times nearest to the one that was wanted, in order of time.
pub fn nearest(offered: &[Slot], taken: &[Taken], wanted: Timestamp, how_many: usize) -> Vec<Slot> {
    let mut free: Vec<Slot> =
        offered.iter().filter(|slot| !taken.iter().any(|taken| taken.meets(slot))).copied().collect();
    free.sort_by_key(|slot| slot.start.duration_since(wanted).abs());
    free.truncate(how_many);
    free.sort_by_key(|slot| slot.start);
    free
}

/// The zone of this name, if it is one that has a clock.
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok().filter(|zone| !zone.is_unknown())
}

/// The first moment of a day by a zone's clock.
pub fn start_of_day(zone: &TimeZone, date: Date) -> Timestamp {
    first_moment(zone, date.to_datetime(Time::midnight()))
}

fn at_minute(date: Date, minute: u16) -> DateTime {
    date.to_datetime(Time::midnight()).saturating_add(i64::from(minute).minutes())
}

/// The first moment at which a zone's clock shows this time or a later one. In a repeated hour that is its first run; in
/// a skipped one, the moment of the change.
fn first_moment(zone: &TimeZone, local: DateTime) -> Timestamp {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let edge = if local.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => ambiguous
            .earlier()
            .ok()
            .and_then(|before| zone.following(before).next().map(|change| change.timestamp()))
            .unwrap_or(edge),
        _ => ambiguous.earlier().unwrap_or(edge),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
