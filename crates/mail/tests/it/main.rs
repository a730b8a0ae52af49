//! The outbox on real PostgreSQL, and its worker against a real SMTP server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod enqueue;
mod support;
mod tracking;
