//! `hookload`: measures a Voxanne of its own on a private cluster, beside pgbench on the same cluster.
//!
//! [`stage`] starts and fills the installation, [`bodies`] makes the events, [`http`] sends them, [`pgbench`] runs the
//! same SQL without us, [`machine`] reads what both cost, [`sections`] puts the measurements in order and prints
//! the tables. `bench/README.md` says what the numbers mean.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts far below 2^52 become rates and percentiles"
)]

mod bodies;
mod http;
mod machine;
mod pgbench;
mod recordings;
mod sections;
mod stage;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measures ingest, the list of calls, live connections, the start, backups, and the copying of recordings.
#[derive(Parser, Debug)]
pub struct Options {
    /// The voxanne binary.
    #[arg(long)]
    voxanne: PathBuf,
    /// An empty directory that the database's account can pass through; everything is kept in it.
    #[arg(long)]
    dir: PathBuf,
    /// What to measure; everything by default.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Section::Ingest, Section::List, Section::Live, Section::Start, Section::Backup, Section::Recordings])]
    only: Vec<Section>,
    /// Length of one measurement in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Rounds; odd ones begin with the server, even ones with pgbench. The tables show medians.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Connections, on both sides.
    #[arg(long, default_value_t = 32)]
    clients: u32,
    /// Calls in the table for the list.
    #[arg(long, default_value_t = 500_000)]
    rows: u32,
    /// Calls that are backed up and restored.
    #[arg(long, default_value_t = 100_000)]
    backup_calls: u32,
    /// Recordings of 50 MB that are copied.
    #[arg(long, default_value_t = 12)]
    recordings: u64,
    /// Idle live connections.
    #[arg(long, default_value_t = 8_000)]
    sockets: u32,
    /// SQL files run on the fresh schema before anything is measured, to try a change without building.
    #[arg(long)]
    patch: Vec<PathBuf>,
}

/// A group of measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Section {
    /// Events in.
    Ingest,
    /// The newest calls out.
    List,
    /// Memory of idle live connections.
    Live,
    /// Warm start and idle memory.
    Start,
    /// Backup and restore.
    Backup,
    /// The copying of recordings.
    Recordings,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    // One thread: the generator shares the machine with what it measures.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(sections::run(&options))
}

/// Prints a line of the report.
#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
