//! The import on a real database: what becomes of every row, whose it is, and that nothing is lost or taken twice whatever
//! happens in between.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod accounted;
mod assigning;
mod resuming;
mod rules;
mod support;
mod values;
