//! Identity through its own routers, on a real database under the restricted logins.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod api_keys;
mod app;
mod idempotency;
mod invitations;
mod isolation;
mod members;
mod organizations;
mod resets;
mod sessions;
mod sign_in;
mod tokens;
