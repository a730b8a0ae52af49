//! Backups of a running installation: taken, proven, kept, and restored.
//!
//! A backup is a folder at a *place* ([`place`]):
//!
//! ```text
//! voxanne-20261126-023000-0192f0c1/
//!   backup.json        what this is: the files with lengths and digests. Written last, and never sealed
//!   contents.json      schema version, every table's rows and digest, settings without secrets
//!   database.dump      pg_dump's custom format
//!   recordings.jsonl   every recording: key, length, digest
//!   master.key         the key that opens the sealed secrets in the database
//! recordings/          the recordings themselves, once each, named by their digest; shared by all backups of the place
//! ```
//!
//! Rules:
//!
//! - A backup is written beside its place and moved there when it is complete and has been read back: half of one is never
//!   taken for a whole ([`place`]).
//! - Dump, counts and digests are of one snapshot ([`take`]), so a restored database either agrees to the row or is refused
//!   ([`restore`]).
//! - With a key every file but `backup.json` is sealed for its backup and its name ([`stored`]).
//! - One that was never restored is a hope: the newest is restored on trial every few days ([`trial`]).
//! - What is removed by age is decided by one pure function that never gives up the last good one ([`keep`]).
//!
//! The table is `backups` (`migrations/0011_backups.sql`): what was tried, and what came of it.

pub mod contents;
mod error;
pub mod jobs;
pub mod keep;
pub mod place;
mod recordings;
pub mod records;
pub mod restore;
mod store;
mod stored;
pub mod take;
pub mod tools;
pub mod trial;

pub use error::BackupError;
