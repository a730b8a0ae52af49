//! A booking as a calendar entry (RFC 5545, RFC 5546): one UID for its life, SEQUENCE up at each change.

use icalendar::{Calendar, Component as _, Event, Property};
use jiff::Timestamp;

/// What an entry is made of.
pub(super) struct Entry<'a> {
    /// Never changes; other entries have others.
    pub(super) uid: &'a str,
    /// Up at each change.
    pub(super) sequence: i32,
    /// Whether it is called off.
    pub(super) is_cancelled: bool,
    /// Begins.
    pub(super) start: Timestamp,
    /// Ends.
    pub(super) end: Timestamp,
    /// When this form of it was made.
    pub(super) stamp: Timestamp,
    /// One line.
    pub(super) summary: &'a str,
    /// Some lines.
    pub(super) description: &'a str,
    /// Where it can be changed.
    pub(super) url: &'a str,
    /// Who invites: name and address.
    pub(super) organizer: (&'a str, &'a str),
    /// Who is invited: name and address.
    pub(super) attendee: (&'a str, &'a str),
    /// For a mail that calendar programs act upon. A file to open has no method: some programs then refuse to keep it.
    pub(super) method: Option<&'static str>,
}

/// The iCalendar object.
pub(super) fn object(entry: &Entry<'_>) -> String {
    let mut event = Event::new();
    event
        .uid(entry.uid)
        .sequence(u32::try_from(entry.sequence).unwrap_or_default())
        .summary(entry.summary)
        .description(entry.description)
        .add_property("DTSTAMP", utc(entry.stamp))
        .add_property("DTSTART", utc(entry.start))
        .add_property("DTEND", utc(entry.end))
        .add_property("URL", entry.url)
        .add_property("STATUS", if entry.is_cancelled { "CANCELLED" } else { "CONFIRMED" })
        .add_property("TRANSP", "OPAQUE")
        .append_property(person("ORGANIZER", entry.organizer))
        .append_property(
            person("ATTENDEE", entry.attendee)
                .add_parameter("ROLE", "REQ-PARTICIPANT")
                .add_parameter("PARTSTAT", "NEEDS-ACTION")
                .add_parameter("RSVP", "TRUE")
                .done(),
        );
    let mut calendar = Calendar::empty();
    calendar
        .append_property(Property::new("VERSION", "2.0"))
        .append_property(Property::new("PRODID", "-//Voxanne//Demos//EN"))
        .append_property(Property::new("CALSCALE", "GREGORIAN"));
    if let Some(method) = entry.method {
        calendar.append_property(Property::new("METHOD", method));
    }
    calendar.push(event.done());
    calendar.to_string()
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A person's name is a parameter, which knows no escape: what would end or split it is left out (RFC 5545, 3.2).
fn person(kind: &str, (name, address): (&str, &str)) -> Property {
    let name: String = name.chars().filter(|c| !c.is_control() && *c != '"').collect();
    let mut property = Property::new(kind, format!("mailto:{address}"));
    if !name.trim().is_empty() {
        property.add_parameter("CN", name.trim());
    }
    property.done()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry<'static> {
        Entry {
            uid: "0198c0de@voxanne.example.com",
            sequence: 1,
            is_cancelled: false,
            start: "2026-11-27T10:30:00Z".parse().unwrap(),
            end: "2026-11-27T10:55:00Z".parse().unwrap(),
            stamp: "2026-11-24T14:00:00Z".parse().unwrap(),
            summary: "Demo: Bright, Dental; \\ care",
            description: "First line\nSecond",
            url: "https://voice.example.com/book/abc",
            organizer: ("Voxanne", "sales@example.com"),
            attendee: ("Obi, \"Amara\": x;y\r\nATTENDEE:mailto:z@example.org", "amara@example.com"),
            method: Some("REQUEST"),
        }
    }

    fn unfolded(text: &str) -> Vec<String> {
        assert!(text.ends_with("\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']), "{text:?}");
        assert!(text.split("\r\n").all(|line| line.len() <= 75));
        text.replace("\r\n ", "").trim_end().split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn an_entry_is_told_in_utc_with_its_people_and_its_turn() {
        let text = object(&entry());
        let lines = unfolded(&text);
        for line in [
            "BEGIN:VCALENDAR",
            "METHOD:REQUEST",
            "UID:0198c0de@voxanne.example.com",
            "SEQUENCE:1",
            "DTSTART:20261127T103000Z",
            "DTEND:20261127T105500Z",
            "DTSTAMP:20261124T140000Z",
            "SUMMARY:Demo: Bright\\, Dental\\; \\\\ care",
            "DESCRIPTION:First line\\nSecond",
            "STATUS:CONFIRMED",
            "ORGANIZER;CN=Voxanne:mailto:sales@example.com",
            "END:VCALENDAR",
        ] {
            assert!(lines.iter().any(|l| l == line), "{line}\n{text}");
        }
        let attendees: Vec<_> = lines.iter().filter(|line| line.starts_with("ATTENDEE")).collect();
        assert_eq!(attendees.len(), 1, "a name makes no second line");
        assert!(attendees[0].ends_with(":mailto:amara@example.com"));
        assert_eq!(lines.iter().filter(|line| line.starts_with("DTSTAMP")).count(), 1);
        assert_eq!(lines.iter().filter(|line| line.starts_with("UID")).count(), 1);
    }

    #[test]
    fn what_is_called_off_says_so() {
        let text = object(&Entry { is_cancelled: true, method: Some("CANCEL"), ..entry() });
        assert!(text.contains("METHOD:CANCEL\r\n") && text.contains("STATUS:CANCELLED\r\n"));
    }
}
