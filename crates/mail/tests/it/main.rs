//! The outbox on real PostgreSQL, and its worker against a real SMTP server.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod budget;
mod doctor;
mod enqueue;
mod faults;
mod sending;
mod support;
mod tls;
mod tracking;
mod workers;
