//! Calls as they happen: one append-only list of events per organization, and everybody who watches it.
//!
//! Tables: `live_events`, `live_heads`, `live_tickets`. Rules: an event is an invalidation with an id, captions are the
//! only text; numbers have no gaps and become visible in order (docs/adr/0004), so a reader that saw N has seen all before
//! it; a reader whose place is no longer kept is told so and gets a snapshot; a credential that ends closes its sockets
//! within seconds.

pub mod actions;
pub mod api;
pub mod jobs;
pub mod model;
pub mod neighbours;
mod session;
mod store;

pub use session::Watchers;
