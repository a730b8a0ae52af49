//! Keys for programs of one organization.
//!
//! Table: `api_keys`.
//!
//! Rules:
//! - A key is shown once. Only its digest is stored; its first characters stay, to tell keys apart.
//! - A key does what its scopes say and nothing else, whoever made it, until it is revoked.

pub mod actions;
pub(crate) mod api;
pub mod model;
pub(crate) mod store;
