//! Bookings as a table for spreadsheets (RFC 4180).

use jiff::tz::TimeZone;

use super::model::Booking;
use crate::words;

const HEAD: [&str; 14] = [
    "id",
    "state",
    "starts_at",
    "ends_at",
    "zone",
    "name",
    "clinic",
    "email",
    "phone",
    "clinic_type",
    "goal",
    "notes",
    "language",
    "created_at",
];

/// The table, with times by the operator's clock.
pub fn csv(bookings: &[Booking], zone: &TimeZone) -> String {
    // Excel takes a file for UTF-8 only when it begins with the mark.
    let mut text = String::from("\u{feff}");
    push_row(&mut text, &HEAD.map(str::to_owned));
    for booking in bookings {
        let time = |at: Option<jiff::Timestamp>| at.map(|at| words::with_offset(at, zone)).unwrap_or_default();
        push_row(
            &mut text,
            &[
                booking.id.to_string(),
                booking.state.to_string(),
                time(booking.slot.map(|slot| slot.start)),
                time(booking.slot.map(|slot| slot.end)),
                zone.iana_name().unwrap_or("UTC").to_owned(),
                booking.name.clone(),
                booking.clinic.clone(),
                booking.email.clone(),
                booking.phone.clone(),
                booking.clinic_type.clone().unwrap_or_default(),
                booking.goal.clone().unwrap_or_default(),
                booking.notes.clone().unwrap_or_default(),
                booking.locale.tag().to_owned(),
                words::with_offset(booking.created_at, zone),
            ],
        );
    }
    text
}

fn push_row(text: &mut String, cells: &[String]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push('"');
        // A spreadsheet runs what begins like this as a formula; an apostrophe makes it text.
        if cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r']) {
            text.push('\'');
        }
        text.push_str(&cell.replace('"', "\"\""));
        text.push('"');
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_and_never_two_cells() {
        let mut text = String::new();
        push_row(&mut text, &["=1+1", " @x", "a\"b,c\nd", "+12025550123", "plain"].map(str::to_owned));
        assert_eq!(text, "\"'=1+1\",\"' @x\",\"a\"\"b,c\nd\",\"'+12025550123\",\"plain\"\r\n");
    }
}
