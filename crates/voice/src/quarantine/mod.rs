//! Events that belong to no organization we know of.
//!
//! Table: `quarantined_events`, seen by operators only. Rules: nothing is thrown away and nothing is assigned by default;
//! after a number or agent has been mapped an event is replayed through the same ingest, or an operator names the
//! organization.

pub mod actions;
pub mod api;
pub mod model;
mod store;
