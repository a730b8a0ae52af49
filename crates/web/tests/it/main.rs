//! The web crate from outside: files over HTTP, and pages as text.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod assets;
mod pages;
