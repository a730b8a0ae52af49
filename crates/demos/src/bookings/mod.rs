//! Who holds a time for a demo and who booked one.
//!
//! Tables: `demo_bookings`, `demo_booking_events`; `live_events` is told. Rules: a time is one booking's, by a constraint
//! and not by looking first; whoever finds it taken keeps what they typed and is offered the nearest free times; a
//! booking is stored with its mails in one transaction, so none is lost and none is sent twice; the same idempotency key
//! is one booking; the link in the mail is the prospect's only key, stored as a digest and, for later mails, sealed.

pub mod actions;
pub mod api;
mod calendar;
pub mod export;
pub mod form;
pub mod jobs;
mod letters;
pub mod mark;
pub mod model;
pub mod phone;
pub mod samples;
pub(crate) mod store;
