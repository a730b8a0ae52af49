//! Calls: the lasting record, and what people read of it.
//!
//! Tables: `call_logs`, `call_tracking`, `call_turns`, `call_tool_calls`, `call_search`. Written by the ingest function
//! only (`migrations/0003_voice.sql`); everything here reads, except the search index.

pub mod actions;
pub mod api;
pub mod jobs;
pub mod model;
pub mod store;
