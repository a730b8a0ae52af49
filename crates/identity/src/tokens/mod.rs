//! Sign-ins of programs: short access tokens (JWT) and the refresh tokens that renew them.
//!
//! Tables: `token_families`, `refresh_tokens`, `signing_keys`.
//!
//! Rules:
//! - An access token lives a quarter of an hour, is signed with Ed25519 and verified with that algorithm only. It proves
//!   a person and a family; whether the family still stands and the person is still a member is looked up at each use.
//! - A refresh token is good for one use. When a used one comes back, two parties hold it: the family is revoked and the
//!   person's organizations are told.
//! - Private keys are sealed with the master key. A key signs for thirty days and verifies until its tokens have expired.

pub mod actions;
pub(crate) mod api;
pub(crate) mod keys;
pub mod model;
pub(crate) mod store;
