//! A voice provider on the desk.
//!
//! It plays invented conversations of invented practices in the provider's documented wire format over real HTTP to
//! a real webhook, in real time or faster, with faults on request. It remembers what it sent and what was
//! acknowledged, so it can tell afterwards whether the receiver knows exactly that ([`verify`]).
//!
//! It also answers the provider's API ([`Provider`]): the list of calls, single calls, and recordings, which sound.
//!
//! It knows nothing of the receiver's code or database: it depends on no other crate of the workspace.

mod deliver;
mod faults;
mod history;
mod ledger;
mod people;
mod practice;
mod provider;
mod rng;
mod run;
mod scenario;
mod script;
mod target;
mod verify;
mod wire;

pub use deliver::{Backoff, Patience};
pub use faults::{Fault, Faults};
pub use history::{history, replay_history};
pub use ledger::{CallTruth, Counters, EventRecord, Expected, Truth, Violation};
pub use practice::{Country, Kind, Practice, PracticeNumber, Staff, practices};
pub use provider::{
    ApiFault, ApiRoute, Channel, Provider, ProviderFaults, ProviderOptions, RecordingFault, SoundFormat,
};
pub use run::{Pacing, Progress, SimulateOptions, run};
pub use script::script_names;
pub use target::{Algorithm, HmacPlan, Scheme, Target, TargetNumber};
pub use verify::{ApiAccess, Credential, Difference, Report, verify};
pub use wire::{CANARIES, Event, EventKind, ToolShape, Turn, WireOptions};
