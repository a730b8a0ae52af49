//! When demos are offered.
//!
//! Table: `demo_rules`, one row for the operator's organization, or none for the default. Rules: hours are told by the
//! clock of one zone; a day's opening runs from the first moment at which that clock shows the opening time to the first
//! at which it shows the closing time; inside it, demos follow one another by elapsed time. So a skipped hour offers
//! nothing and a repeated hour offers nothing twice. What is taken is not decided here: a constraint in the database
//! decides it.

pub mod actions;
pub mod api;
pub mod model;
pub(crate) mod store;
