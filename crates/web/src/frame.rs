//! What a page needs to know about the request and the viewer, besides its own data.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use platform::i18n::Locale;
use uuid::Uuid;

use crate::security::Nonce;

/// Light or dark; from the cookie `theme`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the device says.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// Reads the cookie; anything unknown is the device's choice.
    pub fn from_cookie(value: &str) -> Self {
        match value {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }

    /// The word in the cookie and in the form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// `data-theme`, absent when the device decides.
    pub(crate) const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light | Self::Dark => Some(self.as_str()),
        }
    }
}

/// What every page has, signed in or not.
#[derive(Clone, Debug)]
pub struct Frame {
    /// BCP 47 tag of the page's language.
    pub lang: &'static str,
    /// `ltr` or `rtl`.
    pub dir: &'static str,
    /// Chosen look.
    pub theme: Theme,
    /// Fresh for this response.
    pub nonce: Nonce,
    /// Token of the forms on this page; empty before signing in.
    pub csrf: String,
    /// Idempotency key of the forms on this page; fresh for this response.
    pub form_key: String,
    /// When the page was made.
    pub now: Timestamp,
    /// A simulator is sending the calls: every page says so.
    pub simulated: bool,
}

impl Frame {
    /// The language of the page's words.
    pub fn locale(&self) -> Locale {
        Locale::from_tag(self.lang).unwrap_or(Locale::En)
    }
}

/// An organization as the shell shows it.
#[derive(Clone, Debug)]
pub struct OrganizationLink {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// Whether the practice's line is covered, as far as we can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Events arrive.
    Answering,
    /// A connection exists; nothing has arrived on it yet.
    Waiting,
    /// No connection to a provider.
    NotConnected,
}

/// A short word after an action, for example "Invitation sent".
#[derive(Clone, Debug)]
pub struct Toast {
    /// One sentence.
    pub text: String,
}

/// What every signed-in page has.
#[derive(Clone, Debug)]
pub struct Chrome {
    /// The part shared with public pages.
    pub frame: Frame,
    /// Name of the person looking.
    pub person_name: String,
    /// Their address.
    pub person_email: String,
    /// The organization being looked at.
    pub organization: OrganizationLink,
    /// The person's other organizations.
    pub others: Vec<OrganizationLink>,
    /// The organization's time zone.
    pub zone: TimeZone,
    /// May see and change team, keys and connections.
    pub manages: bool,
    /// Runs the installation.
    pub operates: bool,
    /// Single-letter shortcuts are on (WCAG 2.1.4 asks for a way to turn them off).
    pub shortcuts: bool,
    /// State of the line.
    pub line: Line,
    /// Calls in progress.
    pub live_calls: u32,
    /// Position in the organization's live events that this page shows.
    pub live_seq: i64,
    /// Said once, after an action.
    pub toast: Option<Toast>,
}
