//! The private database: a `PostgreSQL` cluster in the data directory, run by this process from the
//! programs that are installed on the machine.
//!
//! - It listens on a unix socket only. Who may log in is decided by the operating system's user, so
//!   there are no passwords. It always syncs to disk.
//! - It never outlives this process: the system stops it when we die, and the next start ends what is
//!   left nevertheless. Two processes never run one data directory.
//! - When it dies it is started again, three times in a row at most.
//! - `PostgreSQL` refuses to run as root. Started as root, we run it as an unprivileged account.
//!
//! Linux only: it relies on the parent-death signal and on `/proc`.

mod account;
mod cluster;
mod command;
mod error;
mod layout;
mod lock;
mod orphans;
mod pidfile;
mod programs;
mod supervisor;

use std::fmt;
use std::future::{Future, pending};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use cluster::Cluster;
use layout::Layout;
use programs::Programs;
use supervisor::{Control, Status};

pub use error::EmbeddedError;
pub use layout::prepare_data_dir;
pub use programs::client_directories;

/// The login of the cluster's superuser.
const SUPERUSER: &str = "postgres";

/// The port. There is no network; it only names the socket file.
const PORT: u16 = 5432;

/// How long [`EmbeddedPostgres::attach`] waits for a server that somebody else is just starting.
const ATTACH_LIMIT: Duration = Duration::from_secs(30);

/// How long each step of a stop may take: the orderly one, the immediate one, the kill.
const STOP_STEPS: [(Duration, Option<Signal>); 3] = [
    (Duration::from_secs(20), Some(Signal::SIGQUIT)),
    (Duration::from_secs(5), Some(Signal::SIGKILL)),
    (Duration::from_secs(5), None),
];

/// What a private database needs to know.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// The data directory; made if it is missing. May be relative.
    pub data_dir: PathBuf,
    /// Directory of the programs; `None`: the newest suitable ones of this machine.
    pub pg_bin: Option<PathBuf>,
    /// Logins beside the superuser that this process may connect as. They need not exist yet.
    pub roles: Vec<String>,
}

/// How a server ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Its exit status or signal, in words.
    pub status: String,
    /// The end of what it wrote into its log.
    pub log_tail: String,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.status)?;
        if self.log_tail.is_empty() { Ok(()) } else { write!(f, "; its log ends with: {}", self.log_tail) }
    }
}

/// How the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It takes connections.
    Ready,
    /// It ended unexpectedly and is being started again.
    Restarting(Exit),
    /// It could not be started again, and nobody tries any more.
    Failed(Exit),
    /// It was stopped.
    Stopped,
}

/// A private database: one that this process runs, or one that it found running.
///
/// Dropping it asks for an orderly stop without waiting for it; [`EmbeddedPostgres::stop`] waits.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    place: Place,
    /// `None`: somebody else runs it.
    own: Option<Own>,
}

/// Where a database is found.
#[derive(Debug)]
struct Place {
    socket_dir: PathBuf,
    programs: Programs,
}

impl Place {
    fn of(cluster: &Cluster) -> Self {
        Self { socket_dir: cluster.socket_dir().to_owned(), programs: cluster.programs().clone() }
    }
}

#[derive(Debug)]
struct Own {
    control: Arc<Control>,
    status: watch::Receiver<Status>,
}

impl EmbeddedPostgres {
    /// Starts the database, after creating it if it does not exist. Returns when it takes connections.
    ///
    /// It is restarted when it dies; [`EmbeddedPostgres::failed`] tells when that was given up.
    pub async fn start(options: EmbeddedOptions) -> Result<Self, EmbeddedError> {
        let control = Arc::new(Control::default());
        let (tell_status, status) = watch::channel(Status::default());
        let (tell_started, started) = oneshot::channel();
        let data_dir = options.data_dir.clone();
        let for_thread = Arc::clone(&control);
        std::thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || supervisor::run(&options, &for_thread, &tell_status, tell_started))
            .map_err(error::io("start a thread for", &data_dir))?;
        let place = started.await.map_err(|_| EmbeddedError::ThreadEnded)??;
        Ok(Self { place, own: Some(Own { control, status }) })
    }

    /// Finds the database that another live process runs in this data directory. Starts nothing.
    ///
    /// It ends with that process, whatever this one is doing.
    pub async fn attach(options: &EmbeddedOptions) -> Result<Self, EmbeddedError> {
        let not_running = || EmbeddedError::NotRunning { data_dir: options.data_dir.clone() };
        let layout = Layout::new(options.data_dir.canonicalize().map_err(|_| not_running())?);
        let start = Instant::now();
        let socket_dir = loop {
            if !lock::is_held(&layout)? {
                return Err(not_running());
            }
            if layout.pgdata().exists() {
                // Told first whose data it is: reading on would only say "permission denied".
                account::for_cluster(&layout.pgdata())?;
                if let Some(file) = pidfile::read(&layout.pgdata())?.filter(|file| file.ready) {
                    break file.socket_dir;
                }
            }
            if start.elapsed() > ATTACH_LIMIT {
                return Err(EmbeddedError::NotReady { data_dir: options.data_dir.clone(), pid: lock::holder(&layout) });
            }
            sleep(Duration::from_millis(10)).await;
        };
        let account = account::for_cluster(&layout.pgdata())?;
        let data = layout.data_major()?.map(|major| (major, layout.pgdata()));
        let programs = programs::find(options.pg_bin.as_deref(), data, &account, layout.root())?;
        Ok(Self { place: Place { socket_dir, programs }, own: None })
    }

    /// Starts the database, or attaches to it where another process runs it already: what a command
    /// needs that may be used beside a live server.
    pub async fn start_or_attach(options: EmbeddedOptions) -> Result<Self, EmbeddedError> {
        loop {
            match Self::start(options.clone()).await {
                Err(EmbeddedError::AnotherInstance { .. }) => {}
                outcome => return outcome,
            }
            match Self::attach(&options).await {
                // The other one stopped in between, so now it is ours to start.
                Err(EmbeddedError::NotRunning { .. }) => {}
                outcome => return outcome,
            }
        }
    }

    /// The directory of the unix socket, which is the `host` of a connection.
    pub fn socket_dir(&self) -> &Path {
        &self.place.socket_dir
    }

    /// The port of a connection.
    pub fn port(&self) -> u16 {
        PORT
    }

    /// The directory of the programs: `psql`, `pg_dump` and the server itself.
    pub fn bin_dir(&self) -> &Path {
        &self.place.programs.bin_dir
    }

    /// The version of the programs, such as `15.18`.
    pub fn version(&self) -> &str {
        &self.place.programs.version.text
    }

    /// The login of the superuser, for migrations and administration.
    pub fn superuser(&self) -> &'static str {
        SUPERUSER
    }

    /// Whether another process runs it, so that stopping is not ours.
    pub fn is_attached(&self) -> bool {
        self.own.is_none()
    }

    /// How the server is now. One that another process runs counts as ready.
    pub fn health(&self) -> Health {
        self.own.as_ref().map_or(Health::Ready, |own| own.status.borrow().health.clone())
    }

    /// Waits for the next unexpected exit of the server, from this call on, even if it is restarted
    /// at once. Never resolves for one that another process runs.
    pub fn exited(&self) -> impl Future<Output = Exit> + Send + 'static {
        let status = self.own.as_ref().map(|own| own.status.clone());
        let seen = status.as_ref().map_or(0, |status| status.borrow().exits);
        async move {
            let Some(mut status) = status else { return pending().await };
            match status.wait_for(|status| status.exits > seen).await.map(|status| status.last_exit.clone()) {
                Ok(Some(exit)) => exit,
                // It was stopped in an orderly way.
                Ok(None) | Err(_) => pending().await,
            }
        }
    }

    /// Waits until the restarts were given up: time to end this process with an error. Never resolves
    /// for one that another process runs.
    pub fn failed(&self) -> impl Future<Output = Exit> + Send + 'static {
        let status = self.own.as_ref().map(|own| own.status.clone());
        async move {
            let Some(mut status) = status else { return pending().await };
            match status.wait_for(|status| is_final(&status.health)).await.map(|status| status.health.clone()) {
                Ok(Health::Failed(exit)) => exit,
                Ok(_) => pending().await,
                Err(_) => Exit { status: EmbeddedError::ThreadEnded.to_string(), log_tail: String::new() },
            }
        }
    }

    /// Stops the server and waits until it is gone: sessions are ended, data is written out. Close the
    /// pools first. Does nothing for one that another process runs.
    pub async fn stop(mut self) -> Result<(), EmbeddedError> {
        let Some(mut own) = self.own.take() else { return Ok(()) };
        own.control.begin_stop();
        for (limit, next) in STOP_STEPS {
            if let Ok(outcome) = timeout(limit, own.status.wait_for(|status| is_final(&status.health))).await {
                return outcome.map(|_| ()).map_err(|_| EmbeddedError::ThreadEnded);
            }
            if let Some(signal) = next {
                tracing::warn!(%signal, "the database server takes too long to stop");
                own.control.signal(signal);
            }
        }
        Err(EmbeddedError::StopTimedOut)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.control.begin_stop();
    }
}

fn is_final(health: &Health) -> bool {
    matches!(health, Health::Failed(_) | Health::Stopped)
}
