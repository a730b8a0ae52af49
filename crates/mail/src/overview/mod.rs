//! What the operator sees of mails: the list across organizations, one mail with its timeline, the suppressions.
//!
//! Reads `mails`, `mail_attempts`, `mail_events`, `mail_events_unmatched`, `mail_suppressions`; of these it writes only `mail_suppressions`, with an
//! audit row in the organization of the operator who decided.
//!
//! Rules: nothing here is reachable without operator rights. The words of a mail that opens an account (security) are
//! shown only while no relay is configured: then nobody else gets them, and the first run must work.

pub mod actions;
pub mod model;
mod store;
