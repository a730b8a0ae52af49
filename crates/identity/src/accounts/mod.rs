//! People: their passwords, how they sign in and out, and their browsers' sessions.
//!
//! Tables: `users`, `sessions`, `login_failures`, `password_resets`.
//!
//! Rules:
//! - An unknown address and a wrong password get the same words after the same work.
//! - Failed sign-ins are counted in the database, per account and per client address, so that several nodes count
//!   together. While an account waits, even the right password is refused: an answer would tell a guesser to stop.
//! - A password change ends every other session and every program's sign-in of that person, who is told by
//!   mail.

pub mod actions;
pub(crate) mod api;
pub(crate) mod mails;
pub mod model;
pub mod passwords;
pub mod resets;
pub(crate) mod store;
pub(crate) mod throttle;
