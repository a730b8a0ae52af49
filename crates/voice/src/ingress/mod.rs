//! Provider events come in.
//!
//! Tables: `provider_events`, and through one SQL function everything an event touches. The way of an event:
//! raw bytes, verified with the connection's own scheme, read and scrubbed ([`providers::vapi::receive`]), turned into
//! facts ([`model`]), then one round trip to `ingest_event` which records it once, applies it and appends the live event.
//! The provider gets its 2xx only after that commit.
//!
//! Rules: an organization comes from trusted data only; an event that cannot be stored is answered 503; a verified event
//! is never refused by a limiter; what the provider waits for (`assistant-request`, `tool-calls`) is answered in time
//! even when the database is slow, and is on disk ([`spool`]) before an answer leaves that the database does not know of.

pub mod actions;
pub mod api;
pub mod imports;
pub mod model;
pub mod replay;
pub mod spool;
mod store;

pub use store::Ingested;
