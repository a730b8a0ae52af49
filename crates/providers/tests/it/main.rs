//! The provider formats, tested from the outside: fixtures of every message, vectors of every signature, and bad input.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod bad_input;
mod ended_reasons;
mod extraction;
mod identity;
mod mail_events;
mod mail_signatures;
mod properties;
mod redaction;
mod replies;
mod signatures;
mod sns;
mod support;
