//! Moving in from the original system.
//!
//! - [`reading`]: exports in a folder, one row after the other, whatever their size.
//! - [`rows`]: what a row says, or the one column that cannot be right. - [`mapping`]: what the operator says.
//! - [`model`]: whose a row is, and what becomes of it; pure. - [`events`]: a row of a call in the provider's own words.
//! - [`actions`]: the import, its dry run, and rows that wait. - [`report`]: what became of every row.
//!
//! Tables: `import_runs`, `import_progress`, `import_issues`, `import_quarantine`, and of each organization `import_rows`.
//!
//! Rules: every row that is read is imported, was there, adds to a call, waits or is refused, and the report says how many of
//! each; nothing is given to an organization by default (docs/adr/0013); the same rows twice are the same rows once; calls
//! are written by the functions that write the provider's events and by nothing else; nothing that a row says stands in a
//! report, an issue or a log.

pub mod actions;
pub mod events;
pub mod mapping;
pub mod model;
pub mod reading;
pub mod report;
pub mod rows;
mod store;

pub use store::{Alike, IssueLine, Waiting, WaitingId};
