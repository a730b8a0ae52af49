//! Dates and times in words, in the languages of the public pages and mails.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use platform::i18n::Locale;

use crate::slots::model::Slot;

/// `Thursday 26 November`.
pub fn date(locale: Locale, date: Date) -> String {
    let day = i64::from(date.day());
    let values =
        [("weekday", weekday(locale, date).into()), ("day", day.into()), ("month", month(locale, date).into())];
    locale.text_with("booking-date", &values)
}

/// `Thursday 26 November 2026`.
pub fn full_date(locale: Locale, day: Date) -> String {
    let year = day.year().to_string();
    locale.text_with("booking-date-with-year", &[("date", date(locale, day).into()), ("year", year.into())])
}

/// `Thu`.
pub fn short_weekday(locale: Locale, date: Date) -> String {
    let number = i64::from(date.weekday().to_monday_one_offset());
    locale.text_with("booking-weekday-short", &[("number", number.into())])
}

/// `26 Nov`.
pub fn short_date(locale: Locale, date: Date) -> String {
    let number = i64::from(date.month());
    let month = locale.text_with("booking-month-short", &[("number", number.into())]);
    let day = i64::from(date.day());
    locale.text_with("booking-date-short", &[("day", day.into()), ("month", month.into())])
}

fn weekday(locale: Locale, date: Date) -> String {
    let number = i64::from(date.weekday().to_monday_one_offset());
    locale.text_with("booking-weekday", &[("number", number.into())])
}

fn month(locale: Locale, date: Date) -> String {
    locale.text_with("booking-month", &[("number", i64::from(date.month()).into())])
}

/// `10:30`.
pub fn clock(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%H:%M").to_string()
}

/// `GMT`, or `UTC+05:30` where the zone has no letters of its own.
pub fn zone_letters(at: Timestamp, zone: &TimeZone) -> String {
    let letters = at.to_zoned(zone.clone()).strftime("%Z").to_string();
    if letters.starts_with(['+', '-']) { format!("UTC{}", offset(at, zone)) } else { letters }
}

/// `+01:00`.
pub fn offset(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%:z").to_string()
}

/// `10:30 to 10:55 GMT`.
pub fn span(locale: Locale, slot: &Slot, zone: &TimeZone) -> String {
    let values = [
        ("from", clock(slot.start, zone).into()),
        ("until", clock(slot.end, zone).into()),
        ("zone", zone_letters(slot.start, zone).into()),
    ];
    locale.text_with("booking-span", &values)
}

/// `Thursday 26 November 2026, 10:30 to 10:55 GMT`.
pub fn moment(locale: Locale, slot: &Slot, zone: &TimeZone) -> String {
    let date = full_date(locale, zone.to_datetime(slot.start).date());
    locale.text_with("booking-moment", &[("date", date.into()), ("span", span(locale, slot, zone).into())])
}

/// Whether two zones show the same time at this moment.
pub fn agree(at: Timestamp, one: &TimeZone, other: &TimeZone) -> bool {
    one.to_offset(at) == other.to_offset(at)
}

/// `2026-11-26T10:30:00+00:00`: RFC 3339 with the offset of the zone.
pub fn with_offset(at: Timestamp, zone: &TimeZone) -> String {
    let zoned: Zoned = at.to_zoned(zone.clone());
    zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// `London` of `Europe/London`.
pub fn city(zone: &str) -> String {
    zone.rsplit('/').next().unwrap_or(zone).replace('_', " ")
}
