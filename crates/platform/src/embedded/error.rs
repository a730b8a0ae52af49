//! What can go wrong with the private database server, each as one sentence that says what to do.

use std::io;
use std::path::{Path, PathBuf};

use super::Exit;

/// Why the private database server did not start, stop or answer.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No programs on this machine.
    #[error("PostgreSQL 15 or newer is not installed; on Debian or Ubuntu run: apt-get install -y postgresql")]
    NotInstalled,

    /// Only programs that lack what the schema uses.
    #[error(
        "PostgreSQL {found} in {} is too old: 15 or newer is needed; on Debian or Ubuntu run: apt-get install -y postgresql",
        .bin_dir.display()
    )]
    TooOld {
        /// The version that was found.
        found: String,
        /// Where.
        bin_dir: PathBuf,
    },

    /// The configured directory is not one of database programs.
    #[error("VOXANNE_PG_BIN is {}, which has no working program {program}", .dir.display())]
    BadProgramDirectory {
        /// The configured directory.
        dir: PathBuf,
        /// What is missing in it.
        program: &'static str,
    },

    /// Data files open only with programs of the major version that made them.
    #[error(
        "the data in {} belongs to PostgreSQL {data}, but only PostgreSQL {found} is here; \
         install version {data}, or name its directory in VOXANNE_PG_BIN",
        .pgdata.display()
    )]
    WrongMajor {
        /// The data files.
        pgdata: PathBuf,
        /// Their major version.
        data: u32,
        /// The versions of the programs that were found.
        found: String,
    },

    /// The account that runs the database may not pass a directory.
    #[error(
        "the account {account} may not enter {}, so PostgreSQL cannot reach {}; \
         choose another place, or run: chmod o+x {}",
        .directory.display(), .target.display(), .directory.display()
    )]
    Unreachable {
        /// The account that runs the database.
        account: String,
        /// The first closed directory.
        directory: PathBuf,
        /// What lies behind it.
        target: PathBuf,
    },

    /// The database programs refuse to run without a user name.
    #[error(
        "user id {uid} has no name on this machine and PostgreSQL refuses to run without one; use an account of /etc/passwd"
    )]
    NamelessUser {
        /// The nameless user.
        uid: u32,
    },

    /// Started as root with nobody to drop to.
    #[error("PostgreSQL refuses to run as root, and there is no account postgres or nobody to run it as")]
    NoUnprivilegedAccount,

    /// The data files belong to another account.
    #[error("{} belongs to the account {owner}; run the server as {owner}, or choose another VOXANNE_DATA_DIR", .path.display())]
    ForeignData {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        owner: String,
    },

    /// Two servers on one data directory would destroy it.
    #[error("another Voxanne{} is using {}; stop it first", holder(*.pid), .data_dir.display())]
    AnotherInstance {
        /// The contested directory.
        data_dir: PathBuf,
        /// The process that holds it, where it said so.
        pid: Option<i32>,
    },

    /// There is nothing to attach to.
    #[error("no Voxanne is running on {}", .data_dir.display())]
    NotRunning {
        /// The idle directory.
        data_dir: PathBuf,
    },

    /// Its owner is still starting it, or in trouble.
    #[error("the database of the Voxanne{} that uses {} did not become ready", holder(*.pid), .data_dir.display())]
    NotReady {
        /// The directory.
        data_dir: PathBuf,
        /// The process that holds it, where it said so.
        pid: Option<i32>,
    },

    /// `initdb` failed.
    #[error("the database could not be created: {output}")]
    InitFailed {
        /// What initdb printed.
        output: String,
    },

    /// The server ended before it was ready.
    #[error("PostgreSQL did not start: {0}")]
    StartFailed(Exit),

    /// The server was not ready in time.
    #[error("PostgreSQL was not ready after {seconds} s: {log_tail}")]
    StartTimedOut {
        /// How long it was given.
        seconds: u64,
        /// The end of its log.
        log_tail: String,
    },

    /// The server survived every signal.
    #[error("PostgreSQL did not stop, not even when it was killed")]
    StopTimedOut,

    /// A server that an earlier crash left behind survived every signal.
    #[error("processes {pids:?} still use {} and do not end", .pgdata.display())]
    OrphanStays {
        /// The data files.
        pgdata: PathBuf,
        /// The processes.
        pids: Vec<i32>,
    },

    /// The directory for the socket is not safe to use.
    #[error("{} is not a private directory of {account}; remove it", .path.display())]
    SocketDirectory {
        /// The directory.
        path: PathBuf,
        /// Whose it should be.
        account: String,
    },

    /// The system refused something.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },

    /// The thread that looks after the server ended without an answer, which is a defect.
    #[error("the thread that runs PostgreSQL ended unexpectedly")]
    ThreadEnded,
}

/// Makes the closure for `map_err` that says what was tried on which path.
pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EmbeddedError {
    move |source| EmbeddedError::Io { action, path: path.to_owned(), source }
}

fn holder(pid: Option<i32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}
