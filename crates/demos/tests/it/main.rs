//! Demos on a real database, through the routes as they are served.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod bad_input;
mod booking;
mod changes;
mod desk;
mod races;
mod support;
