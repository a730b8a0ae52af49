//! `demo_bookings`: demos that prospects asked for.

use demos::bookings::form::{Details, Field, Typed, Wrong};
use demos::bookings::model::State;

use super::cells::Cells;
use super::{Claims, Content, Read};
use crate::model::{Issue, Reason};

/// A booking.
#[derive(Clone, Debug)]
pub struct BookingWords {
    /// The form.
    pub details: Details,
    /// What has become of it.
    pub state: State,
    /// The prospect's zone.
    pub zone: String,
}

pub(super) fn booking(cells: &mut Cells<'_>) -> Result<Read, Issue> {
    let column = |field| match field {
        Field::Name => "prospect_name",
        Field::Email => "prospect_email",
        Field::Phone => "prospect_phone",
        Field::Clinic => "clinic_name",
        Field::ClinicType => "clinic_type",
        Field::Goal => "goal",
        Field::Notes | Field::Country => "notes",
    };
    let text = |field| cells.words(column(field)).map(Option::unwrap_or_default);
    let mut typed = Typed {
        name: text(Field::Name)?,
        email: text(Field::Email)?,
        clinic: text(Field::Clinic)?,
        phone: text(Field::Phone)?,
        country: String::new(),
        clinic_type: text(Field::ClinicType)?,
        goal: text(Field::Goal)?,
        notes: text(Field::Notes)?,
    };
    if let Some(wish) = cells.words("preferred_time_window")? {
        let gap = if typed.notes.is_empty() { "" } else { "\n" };
        typed.notes = format!("{}{gap}Preferred time: {}", typed.notes, wish.trim());
    }
    let details = typed.check().map_err(|faults| match faults.first() {
        Some(fault) => Issue::of(
            column(fault.field),
            match fault.wrong {
                Wrong::Missing => Reason::Missing,
                Wrong::TooLong(_) => Reason::TooLong,
                Wrong::Unprintable | Wrong::Link => Reason::NotPlain,
                Wrong::SeveralAddresses | Wrong::NotAnAddress | Wrong::NoEnding => Reason::NotAnAddress,
                Wrong::NoCountry | Wrong::NotAPhone => Reason::NotAPhone,
            },
        ),
        None => Issue::of_row(Reason::Missing),
    })?;
    let status = cells.line("status", 40)?.map(|status| status.to_lowercase().replace('-', "_"));
    let state = match status.as_deref() {
        None | Some("pending" | "booked" | "new" | "scheduled") => State::Booked,
        Some("confirmed") => State::Confirmed,
        Some("completed" | "done") => State::Done,
        Some("cancelled" | "canceled") => State::Cancelled,
        Some("no_show") => State::NoShow,
        Some(_) => return Err(Issue::of("status", Reason::UnknownWord)),
    };
    let zone = cells.line("timezone", 64)?.filter(|zone| identity::organizations::actions::is_zone(zone));
    let zone = zone.unwrap_or_else(|| "UTC".to_owned());
    let created = cells.created()?;
    let content = Content::Booking(Box::new(BookingWords { details, state, zone }));
    // Whose it says it is does not matter: the original gave all of them its default organization.
    Ok(Read { org: None, claims: Claims::default(), content, created })
}
