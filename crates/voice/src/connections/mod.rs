//! Provider connections: who may post events for an organization, and how they prove it.
//!
//! Tables: `provider_connections`, `connection_secrets`. Rules: a connection belongs to one organization and its events
//! belong to that organization, whatever they say; secrets are sealed at rest and shown never again; several webhook
//! secrets are valid at once, so that a rotation loses nothing.

pub mod actions;
pub mod api;
pub mod model;
pub mod registry;
pub(crate) mod store;

pub use model::{Connection, ConnectionError};
pub use registry::Registry;
