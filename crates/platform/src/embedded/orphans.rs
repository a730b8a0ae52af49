//! Finds and ends servers that an earlier crash of ours left on a cluster.
//!
//! A server is known by its working directory, which is its cluster; a process id from a file proves
//! nothing, as the system may have given it to somebody else since.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::{EmbeddedError, io};

/// How long a server may take for an orderly end.
const ORDERLY: Duration = Duration::from_secs(20);
/// How long its children may take to notice that it is gone.
const CHILDREN: Duration = Duration::from_secs(1);
/// How long an immediate end may take.
const IMMEDIATE: Duration = Duration::from_secs(5);

/// Ends every server process on `cluster`, the orderly way first. `postmaster` is the main process's
/// id according to its pid file. Call it only while holding the data directory's lock.
pub(super) fn end_all(cluster: &Path, postmaster: Option<Pid>) -> Result<(), EmbeddedError> {
    let found = on(cluster)?;
    if found.is_empty() {
        return Ok(());
    }
    tracing::warn!(processes = ?raw(&found), "stopping a database server that an earlier crash left behind");
    let main: Vec<Pid> = found.iter().copied().filter(|pid| Some(*pid) == postmaster).collect();
    signal(&main, Signal::SIGINT);
    if gone_within(cluster, if main.is_empty() { CHILDREN } else { ORDERLY })? {
        return Ok(());
    }
    for last_resort in [Signal::SIGQUIT, Signal::SIGKILL] {
        signal(&on(cluster)?, last_resort);
        if gone_within(cluster, IMMEDIATE)? {
            return Ok(());
        }
    }
    Err(EmbeddedError::OrphanStays { pgdata: cluster.to_owned(), pids: raw(&on(cluster)?) })
}

fn gone_within(cluster: &Path, limit: Duration) -> Result<bool, EmbeddedError> {
    let start = Instant::now();
    while !on(cluster)?.is_empty() {
        if start.elapsed() > limit {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

/// A process that ended between the listing and the signal is what we wanted, so failures are ignored.
fn signal(pids: &[Pid], signal: Signal) {
    for pid in pids {
        let _ = kill(*pid, signal);
    }
}

/// The live server processes whose working directory is `cluster`. A process that only waits to be
/// collected by its parent has no working directory and does not count.
fn on(cluster: &Path) -> Result<Vec<Pid>, EmbeddedError> {
    let Ok(cluster) = fs::metadata(cluster) else {
        return Ok(Vec::new());
    };
    let proc = Path::new("/proc");
    let entries = fs::read_dir(proc).map_err(io("list", proc))?;
    Ok(entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| is_server(*pid))
        .filter(|pid| {
            fs::metadata(format!("/proc/{pid}/cwd"))
                .is_ok_and(|cwd| (cwd.dev(), cwd.ino()) == (cluster.dev(), cluster.ino()))
        })
        .map(Pid::from_raw)
        .collect())
}

fn is_server(pid: i32) -> bool {
    fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim_ascii() == b"postgres")
}

fn raw(pids: &[Pid]) -> Vec<i32> {
    pids.iter().map(|pid| pid.as_raw()).collect()
}
