//! States, what a draft must be, and when a mail is tried again.

use jiff::{SignedDuration, Timestamp};
use platform::crypto::CryptoError;
use platform::email::is_address;
use platform::tenancy::DbError;
use serde::{Deserialize, Serialize};

use crate::draft::{CalendarMethod, Draft, Mailbox, Priority};

/// How often a mail is tried before it is given up.
pub const MOST_ATTEMPTS: i32 = 12;
/// How long the words of a mail are kept after it came to its end.
pub const WORDS_KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Most copies of a mail.
pub const MOST_COPIES: usize = 20;

/// Longest plain text and longest HTML, in bytes.
const LONGEST_BODY: usize = 256 * 1024;
/// Longest calendar part, in bytes.
const LONGEST_CALENDAR: usize = 64 * 1024;
/// Longest subject, in characters.
const LONGEST_SUBJECT: usize = 300;
/// Longest shown name, in characters.
const LONGEST_NAME: usize = 200;

/// Why a mail was not kept, sent again or cancelled.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A field of the draft is wrong. Quotes no value.
    #[error("{field} {what}")]
    Invalid {
        /// Which field, as in [`Draft`].
        field: String,
        /// What would be right.
        what: &'static str,
    },
    /// There is no such mail.
    #[error("there is no such mail")]
    NotFound,
    /// Its words were forgotten, so it cannot be sent again.
    #[error("the words of this mail are no longer kept, so it cannot be sent again")]
    Forgotten,
    /// It waits or is being sent, so there is nothing to send again.
    #[error("this mail is still waiting to be sent")]
    StillWaiting,
    /// Its words could not be sealed or opened.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Its words could not be written down or read.
    #[error("the words of a mail could not be packed")]
    Packing(#[from] serde_json::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Waits for its turn.
    Queued,
    /// A worker holds it.
    Sending,
    /// The relay said "later", and it is tried again.
    Deferred,
    /// Given up.
    Failed,
    /// The address is not written to.
    Suppressed,
    /// No longer wanted.
    Cancelled,
    /// The connection broke when the relay may have taken it already.
    Unknown,
    /// The relay took it. That says nothing of the mailbox.
    Accepted,
    /// Refused because of the sender: the mailbox may be fine.
    Rejected,
    /// The receiver's server took it.
    Delivered,
    /// The mailbox does not take mail.
    Bounced,
    /// The recipient called it spam.
    Complained,
}

impl State {
    /// Every state, in the order of a mail's life.
    pub const ALL: [Self; 12] = [
        Self::Queued,
        Self::Sending,
        Self::Deferred,
        Self::Failed,
        Self::Suppressed,
        Self::Cancelled,
        Self::Unknown,
        Self::Accepted,
        Self::Rejected,
        Self::Delivered,
        Self::Bounced,
        Self::Complained,
    ];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Deferred => "deferred",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
        }
    }

    /// Reads what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether it has not left the queue.
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::Queued | Self::Sending | Self::Deferred)
    }

    /// The state after something more was learned. The higher rank stays, so that the same facts end in the same state in
    /// whatever order they come. What is still in the queue, was never sent, or is what a person decided, no event changes:
    /// the event is kept and looked at when the mail leaves the queue.
    #[must_use]
    pub fn learn(self, news: Self) -> Self {
        match (self.rank(), news.rank()) {
            (Some(now), Some(then)) if then > now => news,
            _ => self,
        }
    }

    fn rank(self) -> Option<u8> {
        match self {
            Self::Queued | Self::Sending | Self::Deferred | Self::Suppressed | Self::Cancelled => None,
            Self::Failed => Some(0),
            Self::Unknown => Some(1),
            Self::Accepted => Some(2),
            Self::Rejected => Some(3),
            Self::Delivered => Some(4),
            Self::Bounced => Some(5),
            Self::Complained => Some(6),
        }
    }
}

/// How the relay does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayHealth {
    /// How often in a row it failed.
    pub failures: i32,
    /// Nothing is tried before.
    pub paused_until: Option<Timestamp>,
    /// What failed last, in words.
    pub fault: Option<String>,
    /// Since when.
    pub failing_since: Option<Timestamp>,
}

/// What a look at the outbox shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The relay; `None` when none is configured.
    pub relay: Option<RelayHealth>,
    /// Mails that wait.
    pub waiting: i64,
    /// Since when the oldest mail that could go has been waiting.
    pub oldest_due: Option<Timestamp>,
    /// Recipients spent of the budget in the last 24 hours.
    pub used: u32,
    /// Recipients that the budget allows in 24 hours.
    pub limit: u32,
}

/// Why an address is not written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suppression {
    /// The mailbox does not exist.
    Bounced,
    /// Somebody called a mail spam.
    Complained,
    /// Somebody wants no more of the mails that go to many.
    Unsubscribed,
    /// The operator said so.
    Manual,
}

impl Suppression {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Unsubscribed => "unsubscribed",
            Self::Manual => "manual",
        }
    }

    /// Reads what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Bounced, Self::Complained, Self::Unsubscribed, Self::Manual].into_iter().find(|one| one.as_str() == text)
    }

    /// Whether it stops a mail of this priority. Who called a confirmation spam must still be able to sign in.
    pub fn stops(self, priority: Priority) -> bool {
        match self {
            Self::Bounced | Self::Manual => true,
            Self::Complained => priority != Priority::Security,
            Self::Unsubscribed => priority == Priority::Bulk,
        }
    }
}

impl Priority {
    /// As it is stored, first to last.
    pub fn number(self) -> i16 {
        match self {
            Self::Security => 0,
            Self::Prospect => 1,
            Self::Sales => 2,
            Self::Bulk => 3,
        }
    }

    /// Reads what is stored.
    pub fn from_number(number: i16) -> Option<Self> {
        [Self::Security, Self::Prospect, Self::Sales, Self::Bulk].into_iter().find(|one| one.number() == number)
    }

    /// The word for lists and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Prospect => "prospect",
            Self::Sales => "sales",
            Self::Bulk => "bulk",
        }
    }
}

/// The part of a mail that is sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Words {
    /// Plain text.
    pub text: String,
    /// A whole HTML document.
    pub html: String,
    /// The calendar part.
    pub calendar: Option<CalendarWords>,
}

/// The calendar part of [`Words`].
#[derive(Clone, Serialize, Deserialize)]
pub struct CalendarWords {
    /// `REQUEST` or `CANCEL`.
    pub method: String,
    /// The iCalendar object.
    pub body: String,
}

/// Neither shows what is written.
impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Words(..)")
    }
}

impl std::fmt::Debug for CalendarWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CalendarWords(..)")
    }
}

impl CalendarMethod {
    /// As iTIP writes it (RFC 5546).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "REQUEST",
            Self::Cancel => "CANCEL",
        }
    }
}

/// What is wrong with a draft, the first fault only: drafts are written by code, and what people typed was checked where
/// they typed it.
pub(crate) fn check(draft: &Draft) -> Result<(), MailError> {
    check_mailbox("to", &draft.to)?;
    for (at, copy) in draft.cc.iter().enumerate() {
        check_mailbox(&format!("cc[{at}]"), copy)?;
    }
    if let Some(reply_to) = &draft.reply_to {
        check_mailbox("reply_to", reply_to)?;
    }
    require(draft.cc.len() <= MOST_COPIES, "cc", "must name at most 20 addresses")?;
    let subject = draft.subject.trim();
    require(!subject.is_empty(), "subject", "must not be empty")?;
    require(subject.chars().count() <= LONGEST_SUBJECT, "subject", "must be at most 300 characters")?;
    require(is_one_line(subject), "subject", "must be one line without control characters")?;
    require(!draft.text.trim().is_empty(), "text", "must not be empty")?;
    require(draft.text.len() <= LONGEST_BODY, "text", "must be at most 256 KiB")?;
    require(!draft.html.trim().is_empty(), "html", "must not be empty")?;
    require(draft.html.len() <= LONGEST_BODY, "html", "must be at most 256 KiB")?;
    if let Some(calendar) = &draft.calendar {
        require(calendar.body.len() <= LONGEST_CALENDAR, "calendar", "must be at most 64 KiB")?;
    }
    if let Some(once) = &draft.once {
        require((1..=200).contains(&once.chars().count()), "once", "must be between 1 and 200 characters")?;
    }
    Ok(())
}

fn check_mailbox(field: &str, mailbox: &Mailbox) -> Result<(), MailError> {
    require(
        is_address(&mailbox.address),
        &format!("{field}.address"),
        "must be one e-mail address like name@example.com, in ASCII",
    )?;
    require(
        mailbox.name.chars().count() <= LONGEST_NAME && is_one_line(&mailbox.name),
        &format!("{field}.name"),
        "must be at most 200 characters, without line breaks and control characters",
    )
}

/// Line and paragraph separators are no control characters to Unicode, and yet break lines in some programs.
fn is_one_line(text: &str) -> bool {
    !text.chars().any(|letter| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}'))
}

fn require(fine: bool, field: &str, what: &'static str) -> Result<(), MailError> {
    if fine { Ok(()) } else { Err(MailError::Invalid { field: field.to_owned(), what }) }
}

/// How long to wait before the next attempt, after so many. `jitter` between 0 and 1 moves it by a fifth either way, so
/// that what failed together does not come back together. The first waits outlast greylisting (usually five minutes).
pub fn retry_after(attempts: i32, jitter: f64) -> SignedDuration {
    const MINUTES: [i32; 8] = [2, 6, 15, 30, 60, 120, 240, 360];
    let at = usize::try_from(attempts.max(1) - 1).unwrap_or(0).min(MINUTES.len() - 1);
    jittered(SignedDuration::from_mins(i64::from(MINUTES[at])), jitter)
}

/// How long a relay is left alone after so many failures in a row.
pub fn pause_after(failures: i32, first: SignedDuration, jitter: f64) -> SignedDuration {
    let doublings = u32::try_from(failures.clamp(1, 16) - 1).unwrap_or(0);
    jittered(first.saturating_mul(1 << doublings).min(LONGEST_PAUSE), jitter)
}

/// A relay is tried again after this long, however often it failed.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(15);

fn jittered(wait: SignedDuration, jitter: f64) -> SignedDuration {
    SignedDuration::try_from_secs_f64(wait.as_secs_f64() * (0.8 + 0.4 * jitter.clamp(0.0, 1.0))).unwrap_or(wait)
}

#[cfg(test)]
mod tests {
    use platform::i18n::Locale;
    use proptest::prelude::*;

    use super::*;

    fn draft() -> Draft {
        Draft {
            template: "test",
            priority: Priority::Prospect,
            to: Mailbox { name: "Ana Lima".into(), address: "ana@example.com".into() },
            cc: vec![],
            reply_to: None,
            locale: Locale::En,
            subject: "Hello".into(),
            text: "Hello".into(),
            html: "<p>Hello</p>".into(),
            calendar: None,
            once: None,
            about: None,
        }
    }

    fn field(draft: &Draft) -> String {
        match check(draft) {
            Err(MailError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_header_cannot_be_smuggled_in() {
        check(&draft()).unwrap();
        let evil = "x\r\nBcc: all@example.org";
        let with = |change: fn(&mut Draft, String)| {
            let mut draft = draft();
            change(&mut draft, evil.to_owned());
            field(&draft)
        };
        assert_eq!(with(|draft, evil| draft.to.name = evil), "to.name");
        assert_eq!(with(|draft, evil| draft.to.address = evil), "to.address");
        assert_eq!(with(|draft, evil| draft.subject = evil), "subject");
        let reply = |evil| Mailbox { name: evil, address: "a@example.com".into() };
        assert_eq!(
            with(|draft, evil| draft.reply_to = Some(Mailbox { name: evil, ..draft.to.clone() })),
            "reply_to.name"
        );
        let mut copied = draft();
        copied.cc = vec![copied.to.clone(), reply(evil.to_owned())];
        assert_eq!(field(&copied), "cc[1].name");
    }

    #[test]
    fn twenty_recipients_in_one_field_are_none() {
        let mut many = draft();
        many.to.address = (0..20).map(|n| format!("a{n}@example.com")).collect::<Vec<_>>().join(",");
        assert_eq!(field(&many), "to.address");
        many.to.address = "a@example.com b@example.com".into();
        assert_eq!(field(&many), "to.address");
    }

    #[test]
    fn who_complained_can_still_sign_in() {
        assert!(!Suppression::Complained.stops(Priority::Security));
        assert!(Suppression::Complained.stops(Priority::Prospect));
        assert!(Suppression::Bounced.stops(Priority::Security));
        assert!(!Suppression::Unsubscribed.stops(Priority::Sales));
        assert!(Suppression::Unsubscribed.stops(Priority::Bulk));
    }

    #[test]
    fn waits_grow_and_stay_within_a_fifth() {
        let minutes = |attempts, jitter| retry_after(attempts, jitter).as_secs_f64() / 60.0;
        assert!((1.5..2.5).contains(&minutes(1, 0.0)) && (1.5..2.5).contains(&minutes(1, 1.0)));
        assert!(minutes(3, 0.0) > minutes(2, 1.0));
        assert!((minutes(100, 0.5) - 360.0).abs() < 0.01);
        let first = SignedDuration::from_secs(15);
        assert_eq!(pause_after(1, first, 0.5), first);
        assert_eq!(pause_after(99, first, 0.5), LONGEST_PAUSE);
    }

    fn any_state() -> impl Strategy<Value = State> {
        proptest::sample::select(&State::ALL[..])
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_same_news_in_any_order_end_in_the_same_state(
            mut news in proptest::collection::vec(any_state(), 0..6), seed in any::<u64>(), first in any_state(),
        ) {
            let end = |news: &[State]| news.iter().fold(first, |state, one| state.learn(*one));
            let in_order = end(&news);
            let mut seed = seed;
            for at in (1..news.len()).rev() {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                news.swap(at, usize::try_from(seed >> 33).unwrap() % (at + 1));
            }
            prop_assert_eq!(end(&news), in_order);
        }
    }

    #[test]
    fn every_state_is_read_as_it_is_stored() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }
}
