//! Alerts: when they open, whom they tell, when they are over.
//!
//! [`model::step`] has the rules. [`actions::evaluate`] takes a look at every sign and writes down, in one transaction, how it
//! stands, what became of its alert, and the notices: mails in the outbox, and a job for each webhook.
//!
//! Tables: `alerts`, `alert_notices`.

pub mod actions;
pub mod jobs;
mod letters;
pub mod model;
pub(crate) mod store;
pub mod webhook;

pub use letters::samples;
