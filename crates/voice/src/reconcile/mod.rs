//! Every call accounted for: what the provider says of its calls against what we know, and calls that fell silent.
//!
//! Tables: `reconcile_windows`, `reconcile_differences`, `silent_calls`. Rules:
//!
//! - webhooks are not sent again by themselves, so each account at the provider is asked, every few minutes, for the calls
//!   that changed since the last complete window, with an overlap; what was read is noted page by page, and a run that is
//!   cut off goes on there;
//! - what lacks something is healed through the one ingest function, as an event of ours with the provider's call object
//!   as its body ([`providers::vapi::rest`]). It has an identity of its own: a report that comes after all is kept beside
//!   it, and neither doubles nor erases anything;
//! - a call belongs to the organization that it is known by, then to the one that has its number or assistant. An account
//!   may be shared by several organizations: a call that nobody's number explains is healed only into the organization
//!   whose connection alone has the key;
//! - a call that is silent for longer than its limit is asked for. What the provider says still goes on is left alone; of
//!   what nobody knows the end, the end is recorded as just that ([`reaper`]).

pub mod actions;
pub mod jobs;
pub mod model;
pub mod reaper;
pub(crate) mod store;

pub use actions::Reconciler;
pub use model::{AccountReport, AskedBy, Kind};
pub use store::{DifferenceRow, SilentRow, WindowRow};
