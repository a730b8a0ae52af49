//! The simulator against a receiver that listens on the loopback address and remembers everything.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod answering;
mod receiver;
mod running;
mod verifying;
