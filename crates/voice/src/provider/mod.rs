//! Asking the provider: which account a call belongs to, its key and address, and one guarded client for it.
//!
//! An account is a connection with a private key, or the platform-wide one with the key from the configuration. Requests
//! and answers are described in `providers::vapi::rest`; this sends them. Keys are opened when they are needed, and no
//! error holds one.
//!
//! No tables of its own; keys are in `connection_secrets`.

mod client;
pub mod model;

pub use client::{ProviderClient, ProviderSettings};
pub use model::{Account, ProviderError};
