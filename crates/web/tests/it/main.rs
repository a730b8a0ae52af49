//! The web crate from outside: files over HTTP, pages as text, and the pages on a real database.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod app;
mod assets;
mod bookings;
mod desk;
mod keeping;
mod operator_jobs;
mod operator_mail;
mod operator_status;
mod pages;
mod pressed_twice;
mod settings;
mod site;
