//! One cluster: created once, then started as often as needed, for as long as the lock is held.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::account::{self, Account};
use super::command::command;
use super::error::{EmbeddedError, io};
use super::layout::{self, Layout, remove_file};
use super::lock::Lock;
use super::programs::{self, Programs};
use super::supervisor::Control;
use super::{EmbeddedOptions, Exit, PORT, SUPERUSER, orphans, pidfile};
use crate::config::PRIVATE_CLUSTER_CONNECTIONS;

/// How long a server may take to become ready. Usual is a tenth of a second; after a crash it first
/// replays up to 2 GB of its log.
const START_LIMIT: Duration = Duration::from_mins(15);
/// When to say that it takes longer than usual.
const SLOW_START: Duration = Duration::from_secs(10);
/// How long a server that was not ready in time may take to end.
const ABORT_LIMIT: Duration = Duration::from_secs(5);

/// Settings of the server beside the paths. Durability is spelled out, so that no file in the data
/// directory can turn it off. The log says what went wrong but not with which values: details and
/// statements can hold personal data.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "shared_buffers=128MB",
    "max_wal_size=2GB",
    "checkpoint_timeout=15min",
    "jit=off",
    "max_parallel_workers_per_gather=0",
    "idle_in_transaction_session_timeout=30s",
    "logging_collector=off",
    "log_destination=stderr",
    "log_line_prefix=%m [%p] %u ",
    "log_lock_waits=on",
    "log_error_verbosity=terse",
    "log_min_error_statement=panic",
    "log_statement=none",
    "log_timezone=UTC",
    "timezone=UTC",
    "cluster_name=voxanne",
];

/// A cluster that exists and that nobody else may start.
pub(super) struct Cluster {
    layout: Layout,
    account: Account,
    programs: Programs,
    socket_dir: PathBuf,
    // Last, so that it is released last.
    _lock: Lock,
}

/// A running server of the cluster.
pub(super) struct Server {
    child: Child,
    log_start: u64,
}

impl Cluster {
    /// Takes the lock, finds account and programs, and creates the cluster if there is none.
    pub(super) fn prepare(options: &EmbeddedOptions) -> Result<Self, EmbeddedError> {
        let layout = Layout::new(layout::prepare_data_dir(&options.data_dir)?);
        let lock = Lock::take(&layout)?;
        let account = account::for_cluster(&layout.pgdata())?;
        let data_major = layout.data_major()?;
        let programs = programs::find(
            options.pg_bin.as_deref(),
            data_major.map(|major| (major, layout.pgdata())),
            &account,
            layout.root(),
        )?;
        let socket_dir = layout.make_socket_dir(&account)?;
        layout.write_login_rules(&account, &options.roles)?;
        let cluster = Self { layout, account, programs, socket_dir, _lock: lock };
        if data_major.is_none() {
            cluster.create()?;
        }
        Ok(cluster)
    }

    pub(super) fn programs(&self) -> &Programs {
        &self.programs
    }

    pub(super) fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// Creates the cluster beside its place and moves it there when it is complete, so that a crash in
    /// between leaves nothing that looks like a cluster.
    fn create(&self) -> Result<(), EmbeddedError> {
        let (unfinished, pgdata) = (self.layout.unfinished(), self.layout.pgdata());
        let mut output = self.initdb(self.locale("C.UTF-8"))?;
        if !output.status.success() && self.programs.version.major < BUILTIN_LOCALES_SINCE {
            // A minimal system may lack C.UTF-8. With C only ASCII letters change case.
            tracing::warn!("the system has no locale C.UTF-8, or initdb failed; trying locale C");
            output = self.initdb(self.locale("C"))?;
        }
        if !output.status.success() {
            return Err(EmbeddedError::InitFailed {
                output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            });
        }
        fs::rename(&unfinished, &pgdata).map_err(io("put in place", &pgdata))?;
        layout::sync_dir(self.layout.root())
    }

    fn initdb(&self, locale: Vec<String>) -> Result<Output, EmbeddedError> {
        let unfinished = self.layout.unfinished();
        orphans::end_all(&unfinished, None)?;
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io("remove", &unfinished)(error)),
            _ => {}
        }
        layout::make_private_dir(&unfinished, &self.account)?;
        let program = self.programs.bin_dir.join("initdb");
        command(&program, &self.account, self.layout.root(), Signal::SIGKILL)
            .args([OsStr::new("-D"), unfinished.as_os_str()])
            .args(["-U", SUPERUSER, "-E", "UTF8", "--data-checksums", "--no-instructions"])
            .args(["--auth-local=peer", "--auth-host=scram-sha-256"])
            .args(locale)
            .output()
            .map_err(io("run", &program))
    }

    /// Sorting by code point, letters by Unicode. The system's own collations are avoided: they change
    /// with its upgrades and would silently corrupt indexes.
    fn locale(&self, name: &str) -> Vec<String> {
        if self.programs.version.major >= BUILTIN_LOCALES_SINCE {
            return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"].map(str::to_owned).to_vec();
        }
        vec![format!("--locale={name}")]
    }

    /// Starts the server and waits until it is ready. `control` can stop it from then on.
    pub(super) fn launch(&self, control: &Control) -> Result<Server, EmbeddedError> {
        self.clear_leftovers()?;
        let mut server = self.spawn()?;
        control.started(server.pid());
        match self.await_ready(&mut server, control) {
            Ok(()) => Ok(server),
            Err(error) => {
                self.abort(server, control);
                Err(error)
            }
        }
    }

    fn await_ready(&self, server: &mut Server, control: &Control) -> Result<(), EmbeddedError> {
        let start = Instant::now();
        let mut said_slow = false;
        loop {
            if let Some(exit) = self.collect(server, control) {
                return Err(EmbeddedError::StartFailed(exit));
            }
            if pidfile::read(&self.layout.pgdata())?.is_some_and(|file| file.pid == server.pid() && file.ready) {
                return Ok(());
            }
            if start.elapsed() > SLOW_START && !said_slow {
                tracing::warn!("the database server is still starting; after a crash it replays its log first");
                said_slow = true;
            }
            if start.elapsed() > START_LIMIT {
                let log_tail = self.layout.log_tail(server.log_start);
                return Err(EmbeddedError::StartTimedOut { seconds: START_LIMIT.as_secs(), log_tail });
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until the server ends.
    pub(super) fn wait(&self, mut server: Server, control: &Control) -> Exit {
        loop {
            // Only waits, and leaves the collecting to `collect`. A failure shows there as well.
            let _ = waitid(Id::Pid(server.pid()), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
            if let Some(exit) = self.collect(&mut server, control) {
                return exit;
            }
        }
    }

    /// Collects the server if it has ended. Until then its process id cannot be given to anybody else;
    /// it is collected under the control's lock, so that no stop from another thread hits a stranger.
    fn collect(&self, server: &mut Server, control: &Control) -> Option<Exit> {
        let status = control.collected(|| server.child.try_wait().transpose())?;
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        Some(Exit { status, log_tail: self.layout.log_tail(server.log_start) })
    }

    /// Ends what a crash left and removes the files in which it claims the cluster and the socket: the
    /// process ids in them may belong to anybody by now, and the server would refuse to start.
    fn clear_leftovers(&self) -> Result<(), EmbeddedError> {
        let pgdata = self.layout.pgdata();
        orphans::end_all(&pgdata, pidfile::pid(&pgdata)?)?;
        let socket = self.socket_dir.join(format!(".s.PGSQL.{PORT}"));
        let mut socket_lock = socket.clone().into_os_string();
        socket_lock.push(".lock");
        remove_file(&socket)?;
        remove_file(Path::new(&socket_lock))?;
        remove_file(&pidfile::path(&pgdata))
    }

    fn spawn(&self) -> Result<Server, EmbeddedError> {
        let pgdata = self.layout.pgdata();
        let program = self.programs.bin_dir.join("postgres");
        let (log, log_start) = self.layout.open_log()?;
        let log_too = log.try_clone().map_err(io("open", &pgdata))?;
        let mut command = command(&program, &self.account, &pgdata, Signal::SIGINT);
        command.args([OsStr::new("-D"), pgdata.as_os_str()]);
        let computed = [
            setting("unix_socket_directories", &quoted(&self.socket_dir)),
            setting("hba_file", self.layout.hba_file().as_os_str()),
            setting("ident_file", self.layout.ident_file().as_os_str()),
            setting("port", OsStr::new(&PORT.to_string())),
            setting("max_connections", OsStr::new(&PRIVATE_CLUSTER_CONNECTIONS.to_string())),
        ];
        for setting in computed.into_iter().chain(SETTINGS.iter().map(OsString::from)) {
            command.arg("-c").arg(setting);
        }
        let child =
            command.stdout(Stdio::from(log)).stderr(Stdio::from(log_too)).spawn().map_err(io("run", &program))?;
        Ok(Server { child, log_start })
    }

    fn abort(&self, mut server: Server, control: &Control) {
        control.signal(Signal::SIGQUIT);
        let start = Instant::now();
        while self.collect(&mut server, control).is_none() {
            if start.elapsed() > ABORT_LIMIT {
                control.signal(Signal::SIGKILL);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// From this major version on the programs bring their own locale.
const BUILTIN_LOCALES_SINCE: u32 = 17;

impl Server {
    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

fn setting(name: &str, value: &OsStr) -> OsString {
    let mut setting = OsString::from(name);
    setting.push("=");
    setting.push(value);
    setting
}

/// A path as an item of a list setting, where a comma would separate.
fn quoted(path: &Path) -> OsString {
    let mut quoted = OsString::from("\"");
    quoted.push(path);
    quoted.push("\"");
    quoted
}
