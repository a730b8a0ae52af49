//! The mails about a booking: to the prospect in their language and by their clock, to the sales team by the operator's.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mail::layout::Letter;
use mail::{Calendar, CalendarMethod, Draft, Mailbox, Priority};
use platform::config::MailConfig;
use platform::i18n::Locale;

use super::calendar::{self, Entry};
use super::model::{Booking, State};
use super::phone;
use crate::words;

/// What mails of a booking say they are about.
pub(super) const ABOUT: &str = "booking";
/// The text that tells the sales team.
pub(super) const TO_SALES: &str = "booking.sales";

/// Who writes and where things are.
pub(super) struct Desk<'a> {
    /// The operator's name for the service.
    pub(super) name: &'a str,
    /// The settings of mail.
    pub(super) config: &'a MailConfig,
    /// `https://voice.example.com`.
    pub(super) origin: &'a str,
    /// By whose clock the operator reads.
    pub(super) zone: &'a TimeZone,
    /// The time.
    pub(super) now: Timestamp,
}

/// What a mail tells.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Booked.
    Booked,
    /// Its time is another.
    Moved,
    /// Called off.
    Cancelled,
}

impl Desk<'_> {
    /// The mail to the prospect. `token` is that of their link.
    pub(super) fn to_prospect(&self, news: News, booking: &Booking, token: &str) -> Draft {
        let locale = booking.locale;
        let say = |key: &str| locale.text_with(key, &[("name", self.name.into())]);
        let link = self.link(locale, token);
        let (heading, opening) = match (news, booking.slot.is_some()) {
            (News::Booked, true) => (say("booking-mail-booked"), say("booking-mail-booked-line")),
            (News::Booked, false) => (say("booking-mail-asked"), say("booking-mail-asked-line")),
            (News::Moved, _) => (say("booking-mail-moved"), say("booking-mail-moved-line")),
            (News::Cancelled, _) => (say("booking-mail-cancelled"), say("booking-mail-cancelled-line")),
        };
        let time = booking.slot.map(|slot| words::moment(locale, &slot, &booking.zone)).unwrap_or_default();
        let greeting = locale.text_with("mail-greeting", &[("name", booking.name.as_str().into())]);
        let mut letter =
            Letter::new(locale, self.name, heading.clone()).paragraph(greeting).paragraph(opening).facts([
                (say("booking-time"), time.clone()),
                (say("booking-clinic"), booking.clinic.clone()),
                (say("booking-phone"), phone::shown(&booking.phone)),
            ]);
        letter = match news {
            News::Cancelled => letter.button(say("booking-mail-again"), self.page(locale)),
            News::Booked | News::Moved => letter.button(say("booking-mail-change"), link.clone()),
        };
        let letter = letter.note(say("booking-mail-why")).write();
        let subject = match booking.slot {
            Some(slot) => {
                let when = words::moment(locale, &slot, &booking.zone);
                locale.text_with("booking-mail-subject", &[("what", heading.into()), ("when", when.into())])
            }
            None => heading,
        };
        let method = if news == News::Cancelled { CalendarMethod::Cancel } else { CalendarMethod::Request };
        Draft {
            template: match (news, booking.slot.is_some()) {
                (News::Booked, true) => "booking.booked",
                (News::Booked, false) => "booking.asked",
                (News::Moved, _) => "booking.moved",
                (News::Cancelled, _) => "booking.cancelled",
            },
            priority: Priority::Prospect,
            to: Mailbox { name: booking.name.clone(), address: booking.email.clone() },
            cc: Vec::new(),
            reply_to: self.config.sales_to.first().map(mailbox_of),
            locale,
            subject: one_line(&subject),
            text: letter.text,
            html: letter.html,
            calendar: self.entry(booking, &link, Some(method)).map(|body| Calendar { method, body }),
            once: Some(format!("{}/{}/{}", once(news), booking.id, booking.sequence)),
            about: Some((ABOUT, booking.id.uuid())),
        }
    }

    /// The mail to the sales team, in the language of the installation.
    pub(super) fn to_sales(&self, news: News, booking: &Booking) -> Draft {
        let locale = Locale::En;
        let clinic = [("clinic", booking.clinic.as_str().into())];
        let heading = match (news, booking.slot.is_some()) {
            (News::Booked, true) => locale.text_with("booking-sales-booked", &clinic),
            (News::Booked, false) => locale.text_with("booking-sales-asked", &clinic),
            (News::Moved, _) => locale.text_with("booking-sales-moved", &clinic),
            (News::Cancelled, _) => locale.text_with("booking-sales-cancelled", &clinic),
        };
        let say = |key: &str| locale.text(key);
        let time = booking.slot.map(|slot| words::moment(locale, &slot, self.zone));
        let theirs = booking.slot.filter(|slot| !words::agree(slot.start, self.zone, &booking.zone));
        let theirs = theirs.map(|slot| words::moment(locale, &slot, &booking.zone)).unwrap_or_default();
        let letter = Letter::new(locale, self.name, heading.clone())
            .facts([
                (say("booking-time"), time.clone().unwrap_or_else(|| say("booking-no-time"))),
                (say("booking-their-time"), theirs),
                (say("booking-name"), booking.name.clone()),
                (say("booking-clinic"), booking.clinic.clone()),
                (say("booking-clinic-type"), booking.clinic_type.clone().unwrap_or_default()),
                (say("booking-phone"), phone::shown(&booking.phone)),
                (say("booking-email"), booking.email.clone()),
                (say("booking-goal"), booking.goal.clone().unwrap_or_default()),
                (say("booking-notes"), booking.notes.clone().unwrap_or_default()),
                (say("booking-language"), booking.locale.native_name().to_owned()),
            ])
            .button(say("booking-sales-open"), format!("{}/app/operator/bookings/{}", self.origin, booking.id))
            .write();
        let mut people = self.config.sales_to.iter().map(mailbox_of);
        let to = people.next().unwrap_or_else(|| self.fallback());
        let subject = match time {
            Some(when) => locale.text_with("booking-mail-subject", &[("what", heading.into()), ("when", when.into())]),
            None => heading,
        };
        Draft {
            template: TO_SALES,
            priority: Priority::Sales,
            to,
            cc: people.chain(self.config.sales_cc.iter().map(mailbox_of)).collect(),
            reply_to: Some(Mailbox { name: booking.name.clone(), address: booking.email.clone() }),
            locale,
            subject: one_line(&subject),
            text: letter.text,
            html: letter.html,
            calendar: None,
            once: Some(format!("sales-{}/{}/{}", once(news), booking.id, booking.sequence)),
            about: Some((ABOUT, booking.id.uuid())),
        }
    }

    /// The booking as a calendar entry; none without a time.
    pub(super) fn entry(&self, booking: &Booking, link: &str, method: Option<CalendarMethod>) -> Option<String> {
        let slot = booking.slot?;
        let locale = booking.locale;
        let organizer = self.config.from.as_ref().map_or_else(|| self.fallback(), mailbox_of);
        let summary = locale.text_with("booking-calendar-title", &[("name", self.name.into())]);
        let description = locale.text_with("booking-calendar-text", &[("link", link.into())]);
        let host = self.origin.split("://").last().unwrap_or("voxanne.invalid");
        Some(calendar::object(&Entry {
            uid: &format!("{}@{host}", booking.id),
            sequence: booking.sequence,
            is_cancelled: booking.state == State::Cancelled,
            start: slot.start,
            end: slot.end,
            stamp: self.now,
            summary: &summary,
            description: &description,
            url: link,
            organizer: (self.name, &organizer.address),
            attendee: (&booking.name, &booking.email),
            method: method.map(CalendarMethod::as_str),
        }))
    }

    /// The prospect's page of a booking.
    pub(super) fn link(&self, locale: Locale, token: &str) -> String {
        format!("{}/{token}", self.page(locale))
    }

    fn page(&self, locale: Locale) -> String {
        match locale {
            Locale::En => format!("{}/book", self.origin),
            other => format!("{}/{}/book", self.origin, other.tag()),
        }
    }

    /// When nobody is configured: the sender, who is there whenever mail leaves the machine. Without a relay a mail is
    /// only kept and shown, under an address that exists nowhere.
    fn fallback(&self) -> Mailbox {
        let nobody = || Mailbox { name: self.name.to_owned(), address: "sales@voxanne.invalid".to_owned() };
        self.config.from.as_ref().or(self.config.sales_to.first()).map_or_else(nobody, mailbox_of)
    }
}

fn once(news: News) -> &'static str {
    match news {
        News::Booked => "booked",
        News::Moved => "moved",
        News::Cancelled => "cancelled",
    }
}

fn mailbox_of(address: &platform::email::NamedAddress) -> Mailbox {
    Mailbox { name: address.name.clone(), address: address.address.clone() }
}

/// A subject is one line of limited length whatever a clinic is called.
fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(250).collect()
}
