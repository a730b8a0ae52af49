//! `postmaster.pid`, the file in which a server says who it is and whether it is ready. Its lines:
//! process id, data directory, start time, port, socket directory, address, shared memory, state.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::Pid;

use super::error::{self, EmbeddedError};

/// What a server has written so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: Pid,
    pub(super) socket_dir: PathBuf,
    pub(super) ready: bool,
}

pub(super) fn path(pgdata: &Path) -> PathBuf {
    pgdata.join("postmaster.pid")
}

/// The file's content. `None` where there is none or only its beginning has been written.
pub(super) fn read(pgdata: &Path) -> Result<Option<PidFile>, EmbeddedError> {
    Ok(text(pgdata)?.as_deref().and_then(parse))
}

/// The process id alone, which is there first.
pub(super) fn pid(pgdata: &Path) -> Result<Option<Pid>, EmbeddedError> {
    Ok(text(pgdata)?.as_deref().and_then(first_line_pid))
}

fn text(pgdata: &Path) -> Result<Option<String>, EmbeddedError> {
    let path = path(pgdata);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error::io("read", &path)(error)),
    }
}

fn parse(text: &str) -> Option<PidFile> {
    let lines: Vec<&str> = text.lines().collect();
    Some(PidFile {
        pid: first_line_pid(text)?,
        socket_dir: PathBuf::from(lines.get(4)?),
        ready: lines.get(7).is_some_and(|state| state.trim() == "ready"),
    })
}

/// A single-user server writes its id with a minus sign.
fn first_line_pid(text: &str) -> Option<Pid> {
    let pid: i32 = text.lines().next()?.trim().parse().ok()?;
    pid.checked_abs().map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::{PathBuf, Pid, PidFile, first_line_pid, parse};

    #[test]
    fn a_server_is_ready_only_when_its_last_line_says_so() {
        let starting = "4711\n/data/pgdata\n1700000000\n5432\n/data/run\n\n  123 456\nstarting\n";
        let expected =
            |ready| Some(PidFile { pid: Pid::from_raw(4711), socket_dir: PathBuf::from("/data/run"), ready });
        assert_eq!(parse(starting), expected(false));
        assert_eq!(parse(&starting.replace("starting", "ready   ")), expected(true));
        assert_eq!(parse(&starting.replace("starting", "stopping")), expected(false));
        assert_eq!(parse("4711\n/data/pgdata\n"), None);
        assert_eq!(first_line_pid("-4711\n"), Some(Pid::from_raw(4711)));
        assert_eq!(first_line_pid("\n"), None);
    }
}
