//! What a mail looks like from outside, and which list is asked for.

use jiff::Timestamp;
use platform::ids::{MailId, OrgId};
use serde::Deserialize;
use uuid::Uuid;

use crate::outbox::model::{Suppression, Words};
use crate::{Priority, State};

/// Which mails are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailFilter {
    /// Part of the recipient's address, lower case.
    pub to: Option<String>,
    /// A state.
    pub state: Option<State>,
    /// A template.
    pub template: Option<String>,
}

/// A mail in a list.
#[derive(Clone, Debug)]
pub struct MailSummary {
    /// The mail.
    pub id: MailId,
    /// Whom it is for.
    pub to_address: String,
    /// Its subject.
    pub subject: String,
    /// Which text.
    pub template: String,
    /// Its state.
    pub state: State,
    /// When it was written.
    pub created_at: Timestamp,
    /// Not to be tried before.
    pub due_at: Timestamp,
}

/// Somebody's address with the name.
#[derive(Clone, Debug, Deserialize)]
pub struct Person {
    /// Empty for none.
    pub name: String,
    /// One address.
    pub address: String,
}

/// A mail with everything around it.
#[derive(Clone, Debug)]
pub struct MailDetail {
    /// As in the list.
    pub summary: MailSummary,
    /// Whose mail it is.
    pub org: OrgId,
    /// The organization's name.
    pub organization: String,
    /// The recipient's name; empty for none.
    pub to_name: String,
    /// Who got copies.
    pub cc: Vec<Person>,
    /// Its place in the queue.
    pub priority: Priority,
    /// BCP 47 tag.
    pub locale: String,
    /// Without the angle brackets.
    pub message_id: String,
    /// What it is about: a kind and an id.
    pub about: Option<(String, Uuid)>,
    /// The mail that this one repeats.
    pub resend_of: Option<MailId>,
    /// The relay that took it, and its name there.
    pub relay: Option<String>,
    /// The relay's name for it.
    pub relay_queue_id: Option<String>,
    /// What was said last.
    pub last_words: Option<String>,
    /// What happened, oldest first.
    pub steps: Vec<Step>,
    /// What it says; `None` when it is hidden or forgotten.
    pub words: Option<Words>,
    /// It is hidden, not forgotten.
    pub hidden: bool,
}

/// Something that happened to a mail.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happened,
    /// What was said about it.
    pub words: Option<String>,
}

/// What can happen to a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It was put in the queue.
    Written,
    /// It was handed to a relay, with this outcome.
    Tried {
        /// The relay's host.
        relay: String,
        /// As `mail_attempts.outcome`; `None` while it is at work.
        outcome: Option<String>,
    },
    /// The provider told this.
    Told {
        /// As `mail_events.kind`.
        kind: String,
        /// The provider's name of an unknown kind.
        name: Option<String>,
        /// Whose copy, when it is not the recipient's own.
        copy: Option<String>,
    },
    /// It left the queue without being sent.
    Left,
}

/// An address that is not written to.
#[derive(Clone, Debug)]
pub struct SuppressedAddress {
    /// Lower case.
    pub address: String,
    /// Why.
    pub reason: Suppression,
    /// A provider, `relay` or `operator`.
    pub source: String,
    /// What was said.
    pub words: Option<String>,
    /// The mail it came from.
    pub mail: Option<MailId>,
    /// Since when.
    pub created_at: Timestamp,
}

/// An event that was told and names no mail of ours, or could not be read.
#[derive(Clone, Debug)]
pub struct Stray {
    /// Its row.
    pub id: Uuid,
    /// Which provider told it.
    pub source: String,
    /// What it says happened; `None` when it could not be read.
    pub kind: Option<String>,
    /// `no_mail`, or what is wrong with it.
    pub fault: String,
    /// Whose mail it is about.
    pub recipient: Option<String>,
    /// The `Message-ID` it names.
    pub message_id: Option<String>,
    /// When it happened, by the provider's clock.
    pub at: Option<Timestamp>,
    /// When it came.
    pub received_at: Timestamp,
    /// What could not be read.
    pub raw: Option<String>,
}

/// Why the operator's wish was not fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum OverviewError {
    /// There is no such mail or address.
    #[error("there is no such mail or address")]
    NotFound,
    /// Not an address that we take.
    #[error("must be one e-mail address like name@example.com")]
    NotAnAddress,
    /// The words of a mail could not be opened.
    #[error(transparent)]
    Mail(#[from] crate::MailError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] platform::tenancy::DbError),
}

/// Whether the operator may read what a mail says.
pub fn may_be_read(priority: Priority, has_relay: bool) -> bool {
    priority != Priority::Security || !has_relay
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_link_that_goes_to_somebody_is_read_by_nobody_else() {
        assert!(!may_be_read(Priority::Security, true));
        assert!(may_be_read(Priority::Security, false));
        assert!(may_be_read(Priority::Prospect, true));
    }
}
