//! A mail as its author hands it over.

use platform::i18n::Locale;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is sent first when not everything can be sent today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Sign-in, invitations, passwords: somebody cannot work without it.
    Security,
    /// Somebody outside waits for it: a confirmation.
    Prospect,
    /// The operator's own people.
    Sales,
    /// Everything that can wait a day.
    Bulk,
}

/// An address with the name it is shown under.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Shown instead of the address; empty for none. Control characters are refused when the mail is written.
    pub name: String,
    /// One address, never a list.
    pub address: String,
}

/// A mail that is ready to be kept and sent.
#[derive(Clone)]
pub struct Draft {
    /// Which text it is, dotted: `booking.confirmed`. Names the kind in lists, metrics and previews.
    pub template: &'static str,
    /// Its place in the queue.
    pub priority: Priority,
    /// Whom it is for.
    pub to: Mailbox,
    /// Who gets a copy.
    pub cc: Vec<Mailbox>,
    /// Where an answer goes, when not to the sender.
    pub reply_to: Option<Mailbox>,
    /// The language it is written in.
    pub locale: Locale,
    /// One line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same as HTML, a whole document.
    pub html: String,
    /// An appointment that calendar programs act upon.
    pub calendar: Option<Calendar>,
    /// The same key twice in one organization is one mail: what makes a retried action send nothing twice.
    pub once: Option<String>,
    /// What it is about, for the pages that list it: a kind (`booking`) and its id.
    pub about: Option<(&'static str, Uuid)>,
}

/// What a calendar program should do (RFC 5546, iTIP).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalendarMethod {
    /// Enter it, or change it.
    Request,
    /// Take it out.
    Cancel,
}

/// The calendar part of a mail.
#[derive(Clone)]
pub struct Calendar {
    /// What to do with it.
    pub method: CalendarMethod,
    /// The iCalendar object (RFC 5545).
    pub body: String,
}

/// Names and addresses are personal data, and a `Debug` may end in a log.
impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mailbox(..)")
    }
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("template", &self.template).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Calendar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Calendar(..)")
    }
}

impl From<platform::email::NamedAddress> for Mailbox {
    fn from(named: platform::email::NamedAddress) -> Self {
        Self { name: named.name, address: named.address }
    }
}
