//! Recordings: the sound of a call, copied from the provider into our own storage.
//!
//! Table: `call_recordings`, a row for each sound that a report names. Rules:
//!
//! - a row is made where changed calls are followed up (`index_queued_calls`), a job for it by the feeder, both again and
//!   again until they are there;
//! - each run writes a file of its own (`<organization>/<call>/<recording>.<run>`); the row names a file once it is whole,
//!   measured and hashed, in the transaction that ends the job. A file that no row names is an orphan and harmless;
//! - what the provider does not have yet is asked for again for hours; what it has given up is `expired`; what is broken
//!   is `failed`, with a reason that a person can act on;
//! - what storage and rows do not agree about is looked for every day ([`orphans`]), reported, and settled where the operator
//!   says so;
//! - the state of the call follows from its recordings ([`model::call_state`]).

pub mod actions;
pub mod copy;
pub mod jobs;
pub mod model;
pub mod orphans;
mod reader;
pub mod sound;
mod store;

pub use copy::Copier;
pub use store::{find, follow, of_call, tell};
