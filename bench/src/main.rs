//! `hookload`: measures a Voxanne of its own on a private cluster, beside pgbench on the same cluster.
//!
//! [`stage`] starts and fills the installation, [`bodies`] makes the events, [`http`] sends them, [`pgbench`] runs the
//! same SQL without us, [`machine`] reads what both cost, [`sections`] puts the measurements in order and prints
//! the tables. [`reconcile`] and [`imports`] are sections of their own. `bench/README.md` says what the numbers mean.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts far below 2^52 become rates and percentiles"
)]

mod bodies;
mod http;
mod imports;
mod machine;
mod pgbench;
mod reconcile;
mod recordings;
mod sections;
mod stage;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measures ingest, the list of calls, live connections, comparing with the provider, the start, backups, copying
/// recordings, and imports.
#[derive(Parser, Debug)]
pub struct Options {
    /// The voxanne binary.
    #[arg(long)]
    voxanne: PathBuf,
    /// An empty directory that the database's account can pass through; everything is kept in it.
    #[arg(long)]
    dir: PathBuf,
    /// What to measure; by default everything but the import, which takes minutes.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Section::USUAL)]
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
    /// Calls at the provider that are compared with ours.
    #[arg(long, default_value_t = 10_000)]
    reconcile_calls: u32,
    /// Of these, calls that nobody told us of.
    #[arg(long, default_value_t = 300)]
    reconcile_unknown: u32,
    /// Rows of the original system that are imported.
    #[arg(long, default_value_t = 1_000_000)]
    import_rows: u32,
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
    /// Comparing with the provider.
    Reconcile,
    /// Warm start and idle memory.
    Start,
    /// Backup and restore.
    Backup,
    /// The copying of recordings.
    Recordings,
    /// Moving in from the original system.
    Import,
}

impl Section {
    /// What is measured when nothing is said. The start comes after what needs a server without background duties.
    const USUAL: [Self; 7] =
        [Self::Ingest, Self::List, Self::Live, Self::Reconcile, Self::Start, Self::Backup, Self::Recordings];
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
