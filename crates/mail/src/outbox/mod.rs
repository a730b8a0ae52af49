//! The outbox: mails that wait, and what became of those that went.
//!
//! Tables: `mails`, `mail_attempts` (our side of each mail's timeline), `mail_relays` (the relay's own state),
//! `mail_spending` (the budget), `mail_suppressions` (who is not written to).
//!
//! Rules:
//! - A mail is handed to the relay at most once by us. That the words may go out is written down before they do; whoever
//!   dies after that leaves the mail `unknown`, and nobody tries it again but a person.
//! - The budget is counted under a lock of the relay's row, before anything is sent. Only what surely did not count is
//!   given back.
//! - What is wrong with the relay is not held against a mail: the relay pauses and the mails wait.

pub mod actions;
pub mod budget;
pub mod jobs;
pub mod model;
pub(crate) mod store;
