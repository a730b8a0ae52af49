//! The mails about a booking with an invented prospect, for the operator's previews.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mail::Sample;
use platform::clock::Clock;
use platform::config::MailConfig;
use platform::i18n::Locale;

use super::letters::{Desk, News};
use super::model::{Booking, BookingId, State};
use crate::slots::model::Slot;

/// By whose clock the samples are written.
static UTC: TimeZone = TimeZone::UTC;

/// Every mail about bookings. `name` is the operator's name for the service, `origin` where this installation is found.
pub fn samples(name: &str, origin: &str, config: &MailConfig, clock: &Clock) -> Vec<Sample> {
    let prospect = |template, what, news, timed| {
        let (name, origin, config, clock) = (name.to_owned(), origin.to_owned(), config.clone(), clock.clone());
        Sample::new(template, what, move |locale| {
            let booking = invented(locale, clock.now(), timed);
            desk(&name, &origin, &config, clock.now()).to_prospect(news, &booking, "example-of-a-link")
        })
    };
    let sales = {
        let (name, origin, config, clock) = (name.to_owned(), origin.to_owned(), config.clone(), clock.clone());
        Sample::new("booking.sales", "To the sales team, in English, when a demo is booked.", move |locale| {
            let booking = invented(locale, clock.now(), true);
            desk(&name, &origin, &config, clock.now()).to_sales(News::Booked, &booking)
        })
    };
    vec![
        prospect("booking.booked", "To a prospect who booked a demo.", News::Booked, true),
        prospect("booking.asked", "To a prospect who asked to be contacted.", News::Booked, false),
        prospect("booking.moved", "To a prospect whose demo was moved.", News::Moved, true),
        prospect("booking.cancelled", "To a prospect whose demo was called off.", News::Cancelled, true),
        sales,
    ]
}

fn desk<'a>(name: &'a str, origin: &'a str, config: &'a MailConfig, now: Timestamp) -> Desk<'a> {
    Desk { name, config, origin, zone: &UTC, now }
}

fn invented(locale: Locale, now: Timestamp, timed: bool) -> Booking {
    let start = now + SignedDuration::from_hours(48);
    let end = start + SignedDuration::from_mins(25);
    Booking {
        id: BookingId::from_uuid(uuid::Uuid::nil()),
        state: State::Booked,
        slot: timed.then_some(Slot { start, end, blocked_until: end }),
        name: "Nadia Example".to_owned(),
        email: "nadia@example.com".to_owned(),
        phone: "+12025550123".to_owned(),
        clinic: "Harbour Dental".to_owned(),
        clinic_type: None,
        goal: Some("No call missed at night".to_owned()),
        notes: None,
        zone: TimeZone::UTC,
        locale,
        source: "website".to_owned(),
        sequence: 0,
        owner: None,
        staff_notes: String::new(),
        created_at: now,
        updated_at: now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_is_written_in_each_language_under_its_own_name() {
        let config = platform::config::Config::from_env(&std::collections::BTreeMap::new()).unwrap().mail;
        let clock = Clock::frozen_at("2026-11-24T14:00:00Z".parse().unwrap());
        for sample in samples("Voxanne", "https://voice.example.com", &config, &clock) {
            for locale in Locale::ALL {
                let draft = sample.draft(locale);
                assert_eq!(draft.template, sample.template);
                assert!(draft.html.contains("Harbour Dental"), "{}", sample.template);
            }
        }
    }
}
