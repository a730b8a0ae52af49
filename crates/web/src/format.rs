//! Numbers, times and phone numbers as people read them. Pure.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// `m:ss`, or `h:mm:ss` from an hour on.
pub fn clock(seconds: u32) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{rest:02}") } else { format!("{minutes}:{rest:02}") }
}

/// When something was, as short as it stays clear: `14:31`, `Yesterday 14:31`, `24 Nov 14:31`, `24 Nov 2025 14:31`.
pub fn when(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let pattern = if at.date() == now.date() {
        "%H:%M"
    } else if now.date().yesterday().is_ok_and(|y| y == at.date()) {
        "Yesterday %H:%M"
    } else if at.year() == now.year() {
        "%-d %b %H:%M"
    } else {
        "%-d %b %Y %H:%M"
    };
    at.strftime(pattern).to_string()
}

/// In full, with the zone's abbreviation: `Tuesday 25 November 2025, 14:52 GMT`.
pub fn in_full(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%A %-d %B %Y, %H:%M %Z").to_string()
}

/// The day and time a page opens with: `Tuesday 25 November, 14:52 GMT`.
pub fn today(now: Timestamp, zone: &TimeZone) -> String {
    now.to_zoned(zone.clone()).strftime("%A %-d %B, %H:%M %Z").to_string()
}

/// Hours, minutes and seconds on the organization's clock.
pub fn second(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// An E.164 number in groups, `+44 7700 900118`. Anything else comes back as it is.
///
/// Grouping helps reading only, so a number whose country is not treated here is cut into threes.
pub fn phone(number: &str) -> String {
    let Some(digits) =
        number.strip_prefix('+').filter(|d| (7..=15).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit()))
    else {
        return number.to_owned();
    };
    let (country, national) = digits.split_at(country_code_length(digits));
    let groups: &[usize] = match (country, national.len(), national.as_bytes()) {
        ("44", 10, [b'2', ..]) => &[2, 4, 4],
        ("1", 10, _) | ("44", 10, [b'1', b'1', ..] | [b'1', _, b'1', ..]) => &[3, 3, 4],
        ("44", 10, _) => &[4, 6],
        ("61", 9, [b'4', ..]) => &[3, 3, 3],
        ("61", 9, _) => &[1, 4, 4],
        ("33", 9, _) => &[1, 2, 2, 2, 2],
        _ => &[],
    };
    let mut parts = vec![format!("+{country}")];
    let mut rest = national;
    for &length in groups {
        let (head, tail) = rest.split_at(length.min(rest.len()));
        parts.push(head.to_owned());
        rest = tail;
    }
    while !rest.is_empty() {
        // The last group takes four, so that no digit stands alone.
        let length = if rest.len() <= 4 { rest.len() } else { 3 };
        let (head, tail) = rest.split_at(length);
        parts.push(head.to_owned());
        rest = tail;
    }
    parts.join(" ")
}

/// Length of the country code at the start of an E.164 number (ITU-T E.164, list of assigned codes).
fn country_code_length(digits: &str) -> usize {
    match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    }
}

/// Money from micro-units: `$0.07`, `£1.20`, `CHF 0.45`. Below one cent it says so rather than "0.00".
pub fn money(micros: i64, currency: &str) -> String {
    let sign = match currency {
        "USD" => "$".to_owned(),
        "GBP" => "£".to_owned(),
        "EUR" => "€".to_owned(),
        other => format!("{other} "),
    };
    if (1..5_000).contains(&micros) {
        return format!("under {sign}0.01");
    }
    let cents = (micros + 5_000).div_euclid(10_000);
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

/// A size in decimal units, as providers of disks and databases write it: `512 B`, `1.2 GB`.
pub fn bytes(size: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let Some((unit, name)) = UNITS.into_iter().find(|(unit, _)| size >= *unit) else {
        return format!("{size} B");
    };
    let tenths = size / (unit / 10);
    if tenths.is_multiple_of(10) {
        format!("{} {name}", tenths / 10)
    } else {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    }
}

/// A count with its thousands apart: `1,204`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = digits.as_str();
    while rest.len() > 3 {
        let (head, tail) = rest.split_at(rest.len() - 3);
        parts.push(tail);
        rest = head;
    }
    parts.push(rest);
    parts.reverse();
    parts.join(",")
}

/// How long something takes or took, in its largest unit: `40 s`, `5 min`, `3 h`, `2 days`.
pub fn span(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        86_400..172_800 => "1 day".to_owned(),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A bare phrase as a sentence: a capital at its start and a full stop.
pub fn sentence(phrase: &str) -> String {
    let mut letters = phrase.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}

/// Up to two letters for a person's picture.
pub fn initials(name: &str) -> String {
    let mut words = name
        .split(|c: char| c.is_whitespace() || c == '@' || c == '.')
        .filter_map(|w| w.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

/// A count with its noun: "No calls are", "One call is", "12 calls are".
pub fn calls_are(count: u32) -> String {
    const WORDS: [&str; 10] = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"];
    let word =
        usize::try_from(count).ok().and_then(|n| WORDS.get(n)).map_or_else(|| count.to_string(), |w| (*w).to_owned());
    if count == 1 { format!("{word} call is") } else { format!("{word} calls are") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_span_is_told_in_its_largest_unit() {
        let told = |seconds| span(SignedDuration::from_secs(seconds));
        assert_eq!([told(-3), told(59), told(60), told(7_199)], ["0 s", "59 s", "1 min", "1 h"]);
        assert_eq!([told(86_399), told(86_400), told(200_000)], ["23 h", "1 day", "2 days"]);
    }

    #[test]
    fn a_length_is_read_as_minutes_until_it_needs_hours() {
        assert_eq!(
            ["0:09", "3:02", "1:02:03"],
            [clock(9), clock(182), clock(3723)].map(|s| s).each_ref().map(String::as_str)
        );
    }

    #[test]
    fn a_moment_is_told_on_the_clock_of_the_organization() {
        let zone = TimeZone::get("Australia/Sydney").unwrap();
        let now = at("2025-11-25T14:30:00Z"); // 26 November, 01:30 in Sydney
        assert_eq!(when(at("2025-11-25T13:10:00Z"), now, &zone), "00:10");
        assert_eq!(when(at("2025-11-25T12:10:00Z"), now, &zone), "Yesterday 23:10");
        assert_eq!(when(at("2025-11-20T12:10:00Z"), now, &zone), "20 Nov 23:10");
        assert_eq!(when(at("2024-11-20T12:10:00Z"), now, &zone), "20 Nov 2024 23:10");
        assert_eq!(today(now, &zone), "Wednesday 26 November, 01:30 AEDT");
    }

    #[test]
    fn a_phone_number_is_cut_into_groups_and_loses_no_digit() {
        for (number, shown) in [
            ("+447700900118", "+44 7700 900118"),
            ("+442079460812", "+44 20 7946 0812"),
            ("+441134960031", "+44 113 496 0031"),
            ("+12025550123", "+1 202 555 0123"),
            ("+61491570006", "+61 491 570 006"),
            ("+33199001234", "+33 1 99 00 12 34"),
            ("+4930231250123", "+49 302 312 501 23"),
            ("+353209001234", "+353 209 001 234"),
            ("anonymous", "anonymous"),
            ("+44", "+44"),
            ("", ""),
        ] {
            assert_eq!(phone(number), shown);
            assert_eq!(phone(number).replace(' ', ""), number);
        }
    }

    #[test]
    fn a_cost_below_a_cent_is_not_called_nothing() {
        assert_eq!(money(70_000, "GBP"), "£0.07");
        assert_eq!(money(1_204_999, "USD"), "$1.20");
        assert_eq!(money(0, "USD"), "$0.00");
        assert_eq!(money(1_200, "EUR"), "under €0.01");
        assert_eq!(money(450_000, "CHF"), "CHF 0.45");
    }

    #[test]
    fn sizes_and_counts_are_read_at_a_glance() {
        let sizes = [0, 999, 1_000, 1_250, 500_000_000, 1_299_999_999, 3_000_000_000_000].map(bytes);
        assert_eq!(sizes, ["0 B", "999 B", "1 kB", "1.2 kB", "500 MB", "1.2 GB", "3 TB"]);
        assert_eq!([0, 999, 1_204, 1_000_000].map(count), ["0", "999", "1,204", "1,000,000"]);
    }

    #[test]
    fn a_person_without_a_name_still_gets_a_picture() {
        assert_eq!(initials("Amara Osei"), "AO");
        assert_eq!(initials("Dr. Hannah van der Berg"), "DB");
        assert_eq!(initials("amara@bright-dental.example"), "AE");
        assert_eq!(initials(""), "");
    }
}
