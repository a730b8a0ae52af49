//! What every domain stands on and no domain is known to: tenancy, HTTP conventions, jobs and schedules, the live hub,
//! crypto, clock, ids, configuration, the private database cluster.
//!
//! A rule of the business never lives here. A rule that keeps organizations apart, or keeps a secret out of a log,
//! lives nowhere else.

pub mod audit;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod email;
pub mod embedded;
pub mod failpoint;
pub mod http;
pub mod i18n;
pub mod ids;
pub mod jobs;
pub mod outbound;
pub mod realtime;
pub mod recent;
pub mod secret;
pub mod storage;
pub mod tasks;
pub mod telemetry;
pub mod tenancy;
