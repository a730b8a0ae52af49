//! The whole application, as its users, its provider and its attackers meet it: real sockets, a real PostgreSQL under the
//! restricted logins, and for the last few tests the real binary.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod access;
mod backup;
mod bad_input;
mod booking;
mod cli;
mod copying;
mod crash;
mod day;
mod limits;
mod live;
mod logs;
mod mail;
mod moving;
mod openapi;
mod operating;
mod playback;
mod reconcile;
mod simulated;
mod support;
mod upgrade;
mod watched;
mod webhooks;
