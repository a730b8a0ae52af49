//! Starts the database's programs under the right account, so that none outlives this process.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{getpid, getppid};

use super::account::Account;

/// A command with an empty environment, in a process group of its own (so that Ctrl-C in a terminal
/// reaches only us), run as `account` without its other groups, in `directory`.
///
/// When the *thread* that spawns it ends, it gets `on_our_death`.
#[expect(unsafe_code, reason = "the death signal and the umask can only be set between fork and exec")]
pub(super) fn command(program: &Path, account: &Account, directory: &Path, on_our_death: Signal) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .current_dir(directory)
        .process_group(0)
        .stdin(Stdio::null());
    if account.is_other() {
        // As root this also clears the supplementary groups.
        command.gid(account.gid.as_raw()).uid(account.uid.as_raw());
    }
    let parent = getpid();
    let before_exec = move || {
        // Dropping root clears the death signal, so it is set here: this runs after the drop.
        set_pdeathsig(on_our_death)?;
        if getppid() != parent {
            // We died before the signal was set, so it will never come.
            return Err(Errno::ESRCH.into());
        }
        umask(Mode::from_bits_truncate(0o077));
        Ok(())
    };
    // SAFETY: the closure makes four system calls and neither allocates nor takes a lock, which is
    // what a child of a threaded process may do between fork and exec.
    unsafe { command.pre_exec(before_exec) };
    command
}
