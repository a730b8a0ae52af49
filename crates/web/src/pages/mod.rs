//! The pages. Each module holds what its page shows (plain structs) and the function that draws it.

pub mod accounting;
pub mod api_keys;
pub mod backups;
pub mod bookings;
pub mod call;
pub mod calls;
pub mod connections;
pub mod entry;
pub mod import;
pub mod jobs;
pub mod limits;
pub mod live;
pub mod mail;
pub mod organization;
pub mod problem;
pub mod profile;
pub mod quarantine;
pub mod retention;
pub mod status;
pub mod team;
pub mod today;
