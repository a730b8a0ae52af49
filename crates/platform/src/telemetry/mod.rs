//! Logs, metrics and reported faults of the process.
//!
//! Every log line stands alone and carries fields for search. Personal data and secrets are never fields: what may be
//! logged are ids, counts, durations and codes.
//!
//! - [`metrics`]: every metric with its meaning. - [`faults`]: faults of the program, reported to an error collector.

pub mod faults;
pub mod metrics;

use std::io::IsTerminal as _;

use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry};

use crate::config::{LogConfig, LogFormat};
use faults::FaultLayer;

/// Sends logs to standard error in the configured format, and faults to `faults` where they are reported. Fails when called twice
/// or with a filter that does not parse.
pub fn start_logging(config: &LogConfig, faults: Option<FaultLayer>) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.filter)?;
    let lines = match config.format {
        LogFormat::Json => {
            tracing_subscriber::fmt::layer::<Registry>().json().flatten_event(true).with_writer(std::io::stderr).boxed()
        }
        LogFormat::Text => tracing_subscriber::fmt::layer::<Registry>()
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .boxed(),
    };
    // The filter is of the lines alone: a fault is reported however little is logged.
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(faults).try_init()?;
    Ok(())
}
