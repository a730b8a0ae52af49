//! The thread that owns the server: it starts it, waits for it and starts it again when it dies.
//!
//! It must be one thread that lives as long as the server: the system sends the death signal that
//! keeps the server from outliving us when the *thread* that spawned it ends, and the threads of an
//! async runtime come and go.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::{oneshot, watch};

use super::cluster::Cluster;
use super::error::EmbeddedError;
use super::{EmbeddedOptions, Exit, Health, Place};

/// A server that stayed up this long has earned its attempts back.
const STABLE: Duration = Duration::from_mins(1);

/// How other threads reach the server and its thread.
#[derive(Debug, Default)]
pub(super) struct Control {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopping: bool,
    server: Option<Pid>,
}

impl Control {
    /// Asks for an orderly stop, now or as soon as the server exists. It will not be restarted.
    pub(super) fn begin_stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        state.signal(Signal::SIGINT);
        self.wake.notify_all();
    }

    /// Signals the server if there is one.
    pub(super) fn signal(&self, signal: Signal) {
        self.lock().signal(signal);
    }

    /// A server was spawned.
    pub(super) fn started(&self, pid: Pid) {
        let mut state = self.lock();
        state.server = Some(pid);
        if state.stopping {
            state.signal(Signal::SIGINT);
        }
    }

    /// Collects the ended server with `collect`, which returns nothing while it lives. Nobody can
    /// signal it meanwhile or afterwards.
    pub(super) fn collected<T>(&self, collect: impl FnOnce() -> Option<T>) -> Option<T> {
        let mut state = self.lock();
        let ended = collect();
        if ended.is_some() {
            state.server = None;
        }
        ended
    }

    fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Sleeps for `time` or until a stop is asked for.
    fn pause(&self, time: Duration) {
        let state = self.lock();
        drop(self.wake.wait_timeout_while(state, time, |state| !state.stopping));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.server {
            // It cannot have been collected, so the only possible failure is that it just ended.
            let _ = kill(pid, signal);
        }
    }
}

/// What the thread last said about the server.
#[derive(Debug, Clone)]
pub(super) struct Status {
    pub(super) health: Health,
    /// Unexpected exits so far, with the last one. A counter, because a reader may miss a state.
    pub(super) exits: u64,
    pub(super) last_exit: Option<Exit>,
}

impl Default for Status {
    fn default() -> Self {
        Self { health: Health::Ready, exits: 0, last_exit: None }
    }
}

/// The life of the thread. `started` gets the outcome of the first start.
pub(super) fn run(
    options: &EmbeddedOptions,
    control: &Arc<Control>,
    status: &watch::Sender<Status>,
    started: oneshot::Sender<Result<Place, EmbeddedError>>,
) {
    let first = Cluster::prepare(options).and_then(|cluster| cluster.launch(control).map(|server| (cluster, server)));
    let (cluster, mut server) = match first {
        Ok(first) => first,
        Err(error) => {
            // Nobody to tell: whoever asked for the start has given up on it.
            let _ = started.send(Err(error));
            return;
        }
    };
    if started.send(Ok(Place::of(&cluster))).is_err() {
        control.begin_stop();
    }
    let mut attempts = 0;
    let health = loop {
        let ready = Instant::now();
        let exit = cluster.wait(server, control);
        if control.is_stopping() {
            break Health::Stopped;
        }
        tracing::error!(status = %exit.status, log = %exit.log_tail, "the database server ended unexpectedly");
        status.send_modify(|status| {
            status.health = Health::Restarting(exit.clone());
            status.exits += 1;
            status.last_exit = Some(exit.clone());
        });
        if ready.elapsed() > STABLE {
            attempts = 0;
        }
        match restart(&cluster, control, &mut attempts, exit) {
            Ok(again) => server = again,
            Err(health) => break health,
        }
        tracing::info!(attempts, "the database server is back");
        status.send_modify(|status| status.health = Health::Ready);
    };
    // The lock is free before anybody hears that the server has stopped and may start another.
    drop(cluster);
    status.send_modify(|status| status.health = health);
}

/// Starts the server again, with growing pauses, until it is ready or the attempts are used up.
fn restart(
    cluster: &Cluster,
    control: &Control,
    attempts: &mut usize,
    mut exit: Exit,
) -> Result<super::cluster::Server, Health> {
    while let Some(pause) = pause_before(*attempts) {
        *attempts += 1;
        control.pause(pause);
        if control.is_stopping() {
            return Err(Health::Stopped);
        }
        match cluster.launch(control) {
            Ok(server) => return Ok(server),
            Err(error) => {
                tracing::error!(%error, attempt = *attempts, "the database server did not come back");
                exit = Exit { status: error.to_string(), log_tail: String::new() };
            }
        }
    }
    if control.is_stopping() { Err(Health::Stopped) } else { Err(Health::Failed(exit)) }
}

/// How long to wait before restart number `attempts + 1`. `None`: there is no further one, because a
/// server that dies again and again needs a person.
fn pause_before(attempts: usize) -> Option<Duration> {
    [0, 500, 2000].get(attempts).copied().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::pause_before;

    #[test]
    fn the_first_restart_is_immediate_and_the_fourth_does_not_happen() {
        let pauses: Vec<u128> = (0..10).map_while(pause_before).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [0, 500, 2000]);
    }
}
