//! platform

pub mod secret;
