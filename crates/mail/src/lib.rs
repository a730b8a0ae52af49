//! Every mail the installation sends: outbox, relay, budget, tracking.
//!
//! A mail is a row that is written in the transaction of what it tells about, so neither exists without the other. A
//! worker hands it to the SMTP relay, within the day's budget, by priority. What became of it is told in honest states:
//! a relay that took a mail has accepted it, and only the relay's own events say that it was delivered.

pub mod draft;

pub use draft::{Calendar, CalendarMethod, Draft, Mailbox, Priority};
