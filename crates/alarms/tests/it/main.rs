//! Signs, alerts and what is told of them, on a real database and over real sockets.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

mod certificates;
mod signs;
mod telling;
