//! Listening to a recording: serving its bytes, links for players that cannot sign in, and who listened.
//!
//! Tables: `call_recordings` is only read here; `voice::recordings` fills it. Rules ([`model`]): of several recordings of a
//! call the one with both sides apart is *the* recording. A link opens one recording of one organization for five minutes,
//! for as long as whoever asked for it may still sign in. Every listening is one audit row, however many requests a browser
//! makes of it: requests of the same person, from the same address, for the same call, less than ten minutes apart, are one
//! listening. The row is committed before the first byte leaves.

pub mod actions;
pub mod api;
pub mod model;
mod store;
