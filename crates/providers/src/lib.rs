//! Other people's services, as they really speak: wire formats, signatures, typed replies.
//!
//! Rules: no database, no clock, no randomness, no I/O in the wire formats; what comes from outside is untrusted and is
//! never allowed to panic. A domain crate decides what a fact means; this crate only says what was sent.

pub mod json;
pub mod mail_events;
pub mod mailgun;
pub mod postmark;
pub mod sendgrid;
pub mod ses;
pub mod vapi;
pub mod webhook;
