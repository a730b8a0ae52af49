//! What a booking is and what may become of it.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use platform::i18n::Locale;
use platform::ids::{Id, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::slots::model::Slot;

/// Marker for booking ids.
pub enum DemoBooking {}
/// A booking of a demo.
pub type BookingId = Id<DemoBooking>;

/// How long a time is kept for somebody who fills in the form.
pub const HOLD_LASTS: SignedDuration = SignedDuration::from_mins(10);
/// How many times one client may hold at once; the oldest is let go.
pub const MOST_HOLDS: i64 = 3;
/// How many bookings one mailbox may make in a day. Each sends it a mail, wanted or not.
pub const MOST_OF_MAILBOX: i64 = 5;
/// How many times the loser of a race is offered.
pub const ALTERNATIVES: usize = 3;

/// What has become of a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A time is kept for somebody who fills in the form.
    Held,
    /// Booked.
    Booked,
    /// The operator has seen it and will be there.
    Confirmed,
    /// Its time was changed, and is to be confirmed.
    Moved,
    /// It took place.
    Done,
    /// Nobody came.
    NoShow,
    /// Called off.
    Cancelled,
}

impl State {
    /// Every state in the order of its life.
    pub const ALL: [Self; 7] =
        [Self::Held, Self::Booked, Self::Confirmed, Self::Moved, Self::Done, Self::NoShow, Self::Cancelled];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Booked => "booked",
            Self::Confirmed => "confirmed",
            Self::Moved => "moved",
            Self::Done => "done",
            Self::NoShow => "no_show",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it is still to come.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Booked | Self::Confirmed | Self::Moved)
    }

    /// Whether the operator may say that it became `to`. One slip of the hand can be taken back; a cancelled booking
    /// stays so, as its prospect was told and its time is free for others.
    pub fn may_become(self, to: Self) -> bool {
        match to {
            Self::Confirmed => matches!(self, Self::Booked | Self::Moved | Self::Done | Self::NoShow),
            Self::Done => self.is_open() || self == Self::NoShow,
            Self::NoShow => self.is_open() || self == Self::Done,
            Self::Cancelled => self.is_open(),
            Self::Held | Self::Booked | Self::Moved => false,
        }
    }
}

impl FromStr for State {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownWord)
    }
}

impl TryFrom<String> for State {
    type Error = UnknownWord;

    fn try_from(text: String) -> Result<Self, UnknownWord> {
        text.parse()
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A stored word that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("a stored word is unknown")]
pub struct UnknownWord;

/// Where a booking came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Our own page.
    Page,
    /// `/api/v1/demo-bookings`.
    Api,
    /// `/api/book-demo`, the path of the original system.
    BookDemo,
}

impl Source {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Api => "api",
            Self::BookDemo => "book-demo",
        }
    }
}

/// A booking, whole.
#[derive(Clone, Debug)]
pub struct Booking {
    /// Which.
    pub id: BookingId,
    /// What has become of it.
    pub state: State,
    /// Its time; none: "contact me".
    pub slot: Option<Slot>,
    /// Who.
    pub name: String,
    /// Where mails go.
    pub email: String,
    /// E.164.
    pub phone: String,
    /// Whose phone is to be answered.
    pub clinic: String,
    /// What kind of clinic.
    pub clinic_type: Option<String>,
    /// What they hope for.
    pub goal: Option<String>,
    /// What else they said.
    pub notes: Option<String>,
    /// By whose clock the prospect reads.
    pub zone: TimeZone,
    /// The language of the prospect's mails.
    pub locale: Locale,
    /// Where it came from.
    pub source: String,
    /// SEQUENCE of its calendar entry.
    pub sequence: i32,
    /// Who gives the demo.
    pub owner: Option<UserId>,
    /// What the operator wrote down.
    pub staff_notes: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
}

impl Booking {
    /// Whether its holder may still move it or call it off: it is to come, and has not begun.
    pub fn is_changeable(&self, now: Timestamp) -> bool {
        self.state.is_open() && self.slot.is_none_or(|slot| slot.start > now)
    }
}

/// Whether somebody else gives the demo now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OwnerChange {
    /// As it was.
    #[default]
    Keep,
    /// This person, or nobody.
    To(Option<UserId>),
}

/// Only a field that was sent is read, null included.
impl<'de> Deserialize<'de> for OwnerChange {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::<UserId>::deserialize(from).map(Self::To)
    }
}

/// Something that happened to a booking.
#[derive(Clone, Debug)]
pub struct BookingEvent {
    /// When.
    pub at: Timestamp,
    /// `booked`, `moved`, `confirmed`, `done`, `no_show`, `cancelled`, `reopened`.
    pub what: String,
    /// Whether the prospect did it.
    pub by_prospect: bool,
    /// The operator's person who did it.
    pub user: Option<UserId>,
    /// Its time before.
    pub was_at: Option<Timestamp>,
}

/// A time that is kept for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which time.
    pub slot: Slot,
    /// Until when.
    pub until: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_trip() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse::<State>().unwrap(), state);
        }
    }

    #[test]
    fn nothing_becomes_of_what_is_cancelled_or_only_held() {
        for to in State::ALL {
            assert!(!State::Cancelled.may_become(to) && !State::Held.may_become(to));
        }
        assert!(State::Booked.may_become(State::Confirmed) && State::Done.may_become(State::NoShow));
        assert!(!State::Done.may_become(State::Cancelled));
    }
}
