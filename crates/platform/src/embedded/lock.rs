//! The lock that keeps two servers off one data directory. The system releases it when its holder
//! dies, however it dies.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::thread;
use std::time::Duration;

use nix::fcntl::OFlag;

use super::account;
use super::error::{EmbeddedError, io};
use super::layout::Layout;

/// Somebody who only looks holds the lock for a moment ([`is_held`]); a live server holds it for good.
const ATTEMPTS: u32 = 15;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

/// The lock, held until this is dropped.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Lock {
    /// Takes the lock and leaves this process's id in it for whoever is refused.
    pub(super) fn take(layout: &Layout) -> Result<Self, EmbeddedError> {
        let path = layout.lock_file();
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o644)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(&path)
            .map_err(|error| refused(layout, error))?;
        for attempt in 1.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < ATTEMPTS => thread::sleep(BETWEEN_ATTEMPTS),
                Err(TryLockError::WouldBlock) => {
                    return Err(EmbeddedError::AnotherInstance {
                        data_dir: layout.root().to_owned(),
                        pid: holder(layout),
                    });
                }
                Err(TryLockError::Error(error)) => return Err(io("lock", &path)(error)),
            }
        }
        file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(io("write", &path))?;
        Ok(Self(file))
    }
}

/// A lock that may not be opened says that the directory is somebody else's.
fn refused(layout: &Layout, error: std::io::Error) -> EmbeddedError {
    match fs::metadata(layout.root()) {
        Ok(metadata) if error.kind() == ErrorKind::PermissionDenied => {
            EmbeddedError::ForeignData { path: layout.root().to_owned(), owner: account::name_of(metadata.uid()) }
        }
        _ => io("open", &layout.lock_file())(error),
    }
}

/// Whether a live process holds the lock.
pub(super) fn is_held(layout: &Layout) -> Result<bool, EmbeddedError> {
    let path = layout.lock_file();
    match File::open(&path).map(|file| file.try_lock_shared()) {
        Ok(Ok(())) => Ok(false),
        Ok(Err(TryLockError::WouldBlock)) => Ok(true),
        Ok(Err(TryLockError::Error(error))) => Err(io("lock", &path)(error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io("open", &path)(error)),
    }
}

/// The process that says it holds the lock.
pub(super) fn holder(layout: &Layout) -> Option<i32> {
    fs::read_to_string(layout.lock_file()).ok()?.trim().parse().ok()
}
