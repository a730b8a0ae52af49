//! The phone on a real database: what the SQL functions promise, what the ingest makes of messages in any order, who may
//! see what, and what a stalled database costs a caller. One binary: linking is most of what a test binary costs.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod functions;
mod ingest;
mod live;
mod messages;
mod orders;
mod provider;
mod reaper;
mod reconcile;
mod recordings;
mod replay;
mod retention;
mod rows;
mod search;
mod stall;
mod support;
