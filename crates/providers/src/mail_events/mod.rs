//! What mail relays tell about a mail, in one vocabulary for all of them.
//!
//! Each relay's module ([`sendgrid`](crate::sendgrid), [`postmark`](crate::postmark), [`mailgun`](crate::mailgun),
//! [`ses`](crate::ses)) verifies its requests on the raw bytes and reads them into a [`Batch`]. What an event does to a mail is not decided here.
//!
//! Rules: a request is refused as a whole only when it is no JSON of the right shape at all; one event that makes no sense
//! is kept as [`Faulty`] beside the others. An unknown kind is kept under its own name. A field of the wrong type counts
//! as missing. Every event has an id that two deliveries of it share.
//!
//! A mail is found again by the id that [`tracking_headers`] puts into it and that the relay sends back, and where a
//! relay does not, by our `Message-ID`.

mod headers;

pub use headers::{MAIL_ID_KEY, tracking_headers};

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::json::{JsonError, Node, clean, node, values};

/// Longest reason or response kept, in characters. Some relays send the whole dialogue.
const MAX_WORDS: usize = 1000;
/// Longest address that is believed (RFC 5321, 4.5.3.1.3).
const MAX_ADDRESS: usize = 254;
/// Longest event id kept as it is; a longer one is kept as its digest.
const MAX_EVENT_ID: usize = 200;
/// Longest name kept of a kind we do not know.
const MAX_KIND: usize = 60;

/// What happened to a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// The relay took it and will deliver it.
    Processed,
    /// The receiving server said "later"; the relay tries on.
    Deferred,
    /// The receiving server took it.
    Delivered,
    /// The receiving server refused it for good because of the address: it must not be written to again.
    Bounced,
    /// The receiving server refused it for good because of the sender or the content. The address is fine.
    Blocked,
    /// The relay does not deliver it, or gave up.
    Dropped,
    /// The recipient called it spam.
    Complained,
    /// Its pictures were fetched.
    Opened {
        /// By a program that fetches all pictures, such as a mail client's proxy: nobody has read it.
        by_machine: bool,
    },
    /// A link in it was followed.
    Clicked,
    /// The recipient wants no more of this kind.
    Unsubscribed,
    /// A kind that this version does not know, under the relay's name.
    Other(String),
}

impl EventKind {
    /// The kind in one word: stored, and fit for a metric label.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::Deferred => "deferred",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Blocked => "blocked",
            Self::Dropped => "dropped",
            Self::Complained => "complained",
            Self::Opened { by_machine: false } => "opened",
            Self::Opened { by_machine: true } => "opened_by_machine",
            Self::Clicked => "clicked",
            Self::Unsubscribed => "unsubscribed",
            Self::Other(_) => "other",
        }
    }

    /// The kind of a stored word; `name` is the relay's name of an unknown kind.
    pub fn from_word(word: &str, name: Option<&str>) -> Self {
        match word {
            "processed" => Self::Processed,
            "deferred" => Self::Deferred,
            "delivered" => Self::Delivered,
            "bounced" => Self::Bounced,
            "blocked" => Self::Blocked,
            "dropped" => Self::Dropped,
            "complained" => Self::Complained,
            "opened" => Self::Opened { by_machine: false },
            "opened_by_machine" => Self::Opened { by_machine: true },
            "clicked" => Self::Clicked,
            "unsubscribed" => Self::Unsubscribed,
            _ => Self::Other(name.unwrap_or(word).to_owned()),
        }
    }

    pub(crate) fn other(name: &str) -> Self {
        Self::Other(name.chars().take(MAX_KIND).collect())
    }
}

/// Why a mail was not delivered, where the relay says so in a way that can be acted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It is not an address.
    Invalid,
    /// The address does not exist, or has bounced before.
    Bounced,
    /// The receiving server could not be reached for too long.
    TimedOut,
    /// The sender's reputation, a policy, or a virus filter.
    Blocked,
    /// The recipient has called an earlier mail spam.
    Spam,
    /// The recipient has unsubscribed.
    Unsubscribed,
}

impl Cause {
    /// The cause in one word, as it is stored.
    pub fn word(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Bounced => "bounced",
            Self::TimedOut => "timed_out",
            Self::Blocked => "blocked",
            Self::Spam => "spam",
            Self::Unsubscribed => "unsubscribed",
        }
    }

    /// The cause of a stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Invalid, Self::Bounced, Self::TimedOut, Self::Blocked, Self::Spam, Self::Unsubscribed]
            .into_iter()
            .find(|cause| cause.word() == word)
    }
}

/// One event of one mail to one recipient.
#[derive(Clone, PartialEq, Eq)]
pub struct MailEvent {
    /// What happened.
    pub kind: EventKind,
    /// Names the event among those of its relay: two deliveries of one event have the same id. The relay's own id, or a
    /// digest where it sends none. Printable, at most 200 bytes.
    pub event_id: String,
    /// When it happened, by the relay's clock.
    pub at: Option<Timestamp>,
    /// Whose mail it is about, in lower case: a mail may have several recipients.
    pub recipient: Option<String>,
    /// The id that [`tracking_headers`] put into the mail.
    pub mail: Option<Uuid>,
    /// Our `Message-ID`, without the angle brackets.
    pub message_id: Option<String>,
    /// The relay's own name of the mail, for its support.
    pub provider_message_id: Option<String>,
    /// The enhanced status code (RFC 3463), such as `5.1.1`, or the three-digit reply code.
    pub status: Option<String>,
    /// What the receiving server or the relay said, at most 1,000 characters.
    pub words: Option<String>,
    /// Why it was not delivered.
    pub cause: Option<Cause>,
}

/// Shows which event, not whose.
impl fmt::Debug for MailEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MailEvent")
            .field("kind", &self.kind)
            .field("event_id", &self.event_id)
            .field("mail", &self.mail)
            .finish_non_exhaustive()
    }
}

/// An event that could not be read.
#[derive(Clone, PartialEq, Eq)]
pub struct Faulty {
    /// Its place in the request, from 0.
    pub index: usize,
    /// What is wrong with it: a stable code.
    pub fault: &'static str,
    /// What was sent, cleaned of what cannot be stored.
    pub raw: String,
}

/// Shows what is wrong, not with whose event.
impl fmt::Debug for Faulty {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Faulty").field("index", &self.index).field("fault", &self.fault).finish_non_exhaustive()
    }
}

impl Faulty {
    /// Names what was sent, so that a repeated delivery is recognised.
    pub fn digest(&self) -> String {
        digest(&[&self.raw])
    }
}

/// Everything of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// The events in the order in which they came, which says nothing about when they happened.
    pub events: Vec<MailEvent>,
    /// Those that could not be read.
    pub faulty: Vec<Faulty>,
}

/// Why a request holds no events at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// JSON of another shape.
    #[error("the body is not {0}")]
    Shape(&'static str),
}

impl Unreadable {
    /// A stable code for answers and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::Shape(_) => "body_wrong_shape",
        }
    }
}

/// Reads a body that is one event.
pub(crate) fn one(
    body: &[u8],
    shape: &'static str,
    read: impl FnOnce(&Node<'_>) -> Result<MailEvent, &'static str>,
) -> Result<Batch, Unreadable> {
    let text = clean::text(body)?;
    let mut retry = None;
    let root = node::parse(&text, &mut retry)?;
    if !root.is_object() {
        return Err(Unreadable::Shape(shape));
    }
    Ok(match read(&root) {
        Ok(event) => Batch { events: vec![event], faulty: Vec::new() },
        Err(fault) => Batch { events: Vec::new(), faulty: vec![Faulty { index: 0, fault, raw: text.into_owned() }] },
    })
}

/// Reads a body that is a list of events. Each is read for itself, so that one of absurd depth or with an impossible
/// number does not lose the others.
pub(crate) fn list(
    body: &[u8],
    shape: &'static str,
    read: impl Fn(&Node<'_>) -> Result<MailEvent, &'static str>,
) -> Result<Batch, Unreadable> {
    let text = clean::text(body)?;
    let items: Vec<&serde_json::value::RawValue> = serde_json::from_str(&text)
        .map_err(|error| if error.is_data() { Unreadable::Shape(shape) } else { JsonError::not_json(&error).into() })?;
    let mut batch = Batch::default();
    for (index, item) in items.into_iter().enumerate() {
        let mut retry = None;
        let event = node::parse(item.get(), &mut retry)
            .map_err(|_| "not_readable")
            .and_then(|node| if node.is_object() { read(&node) } else { Err("not_an_object") });
        match event {
            Ok(event) => batch.events.push(event),
            Err(fault) => batch.faulty.push(Faulty { index, fault, raw: item.get().to_owned() }),
        }
    }
    Ok(batch)
}

/// The relay's id of an event, or what stands in for it.
pub(crate) fn event_id(sent: Option<String>, instead: &[&str]) -> String {
    match sent {
        Some(id) if id.len() <= MAX_EVENT_ID && id.bytes().all(|b| b.is_ascii_graphic()) => id,
        Some(id) => format!("#{}", digest(&[&id])),
        None => format!("#{}", digest(instead)),
    }
}

/// The first 128 bits of SHA-256 over the parts, each with its length, in hexadecimal.
fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part);
    }
    hex::encode(&hasher.finalize()[..16])
}

/// A time as text, for a digest.
pub(crate) fn time_text(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| at.as_millisecond().to_string())
}

/// An address, in lower case: relays do not agree about case, and no mailbox that people use depends on it.
pub(crate) fn address(node: &Node<'_>) -> Option<String> {
    let text = node.text()?.trim();
    let fits = !text.is_empty() && text.len() <= MAX_ADDRESS && !text.chars().any(|c| c.is_control() || c == ' ');
    fits.then(|| text.to_ascii_lowercase())
}

/// A `Message-ID` without its angle brackets.
pub(crate) fn message_id(node: &Node<'_>) -> Option<String> {
    let id = values::id(node)?;
    let bare = id.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(&id);
    (!bare.is_empty()).then(|| bare.to_owned())
}

/// Our own id of the mail.
pub(crate) fn mail_id(node: &Node<'_>) -> Option<Uuid> {
    node.text().and_then(|text| Uuid::try_parse(text.trim()).ok())
}

/// What somebody said, as one line.
pub(crate) fn words(node: &Node<'_>) -> Option<String> {
    let said = values::text(node)?;
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(line.chars().take(MAX_WORDS).collect())
}

/// A status code: digits with points, or three digits.
pub(crate) fn status(node: &Node<'_>) -> Option<String> {
    let text = values::label(node, 12).or_else(|| values::id(node))?;
    let is_code =
        text.len() <= 12 && text.starts_with(['2', '4', '5']) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    is_code.then_some(text)
}
