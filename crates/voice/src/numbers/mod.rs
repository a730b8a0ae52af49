//! Phone numbers and the agents that answer them.
//!
//! Tables: `phone_numbers`, `agents`. Rules: a number belongs to one organization and has at most one agent; who answers
//! is told from memory ([`routing`]), because the provider gives us 7.5 seconds whatever the database does.

pub mod actions;
pub mod routing;
mod store;

pub use routing::Routing;
