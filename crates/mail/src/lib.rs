//! Every mail the installation sends: outbox, relay, budget, tracking.
//!
//! A mail is a row that is written in the transaction of what it tells about, so neither exists without the other. A
//! worker hands it to the SMTP relay, within the day's budget, by priority. What became of it is told in honest states:
//! a relay that took a mail has accepted it, and only the relay's own events say that it was delivered.
//!
//! - [`draft`]: a mail as its author hands it over; [`layout`]: the frame and the plain-text twin that all mails share.
//! - [`outbox`]: the mails, their attempts, the budget, the worker.
//! - [`doctor`]: one mail under the eyes of the operator.
//! - [`relay`]: the SMTP dialogue, and the message as it goes over the wire.
//! - [`tracking`]: what the relay's provider tells afterwards.
//! - [`preview`]: every text with invented people. - [`overview`]: what the operator sees of it all.

pub mod doctor;
pub mod draft;
pub mod layout;
pub mod outbox;
pub mod overview;
pub mod preview;
pub mod relay;
pub mod tracking;

pub use draft::{Calendar, CalendarMethod, Draft, Mailbox, Priority};
pub use outbox::actions::{Outbox, Services};
pub use outbox::jobs::{Turn, Worker};
pub use outbox::model::{Health, MailError, RelayHealth, State};
pub use preview::Sample;
