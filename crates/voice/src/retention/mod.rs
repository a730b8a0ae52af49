//! How long the content of calls is kept: settings of a practice, legal holds, and what deletes it.
//!
//! Tables: `retention_settings`, `call_holds`, `call_erasures`. Rules ([`model`]): nothing is deleted unless a practice says
//! so, for one call or by its setting; a call on hold is deleted by nobody; a call that goes on is not deleted. Whoever
//! decides holds the call's lock (`call_tracking`), so that a hold, a deletion and an event are one after the other.
//!
//! Content is what was said, shown or recorded, and numbers and names. Deleting it takes the rows and the search entry in
//! one transaction and leaves a tombstone: who, when. `call_tracking.erased` makes the ingest discard whatever comes later.
//! Files and bodies in the quarantine are outside that transaction: a job deletes them, and notes when nothing is left.

pub mod actions;
pub mod api;
pub mod jobs;
pub mod model;
mod store;
