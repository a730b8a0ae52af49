//! The vital signs.
//!
//! A duty looks at all of them every minute ([`actions::Alarms::measure`]), one node at a time. What belongs to one machine, its disk and
//! its spool, each node finds itself and writes into its row of `nodes` ([`nodes`]); the sign is as the worst of them. Each sign is
//! measured on its own, so that one that fails says nothing of the others.
//!
//! Tables: `vital_signs`, the column `readings` of `nodes`, and it reads the figures of many others under the system login.

pub mod actions;
pub mod certificate;
pub mod disk;
pub mod model;
pub mod nodes;
pub mod silence;
pub(crate) mod store;
