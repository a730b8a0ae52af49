//! Where the private database keeps its things inside the data directory, and who may enter them.
//!
//! ```text
//! <data directory>/voxanne.lock        held by the one live server
//! <data directory>/pgdata/             the cluster; owned by the account that runs it
//! <data directory>/pgdata.init/        a cluster that is being created
//! <data directory>/run/                the socket; owned by the account that runs it
//! <data directory>/conf/               who may log in; owned by this process
//! <data directory>/postgres.log        the server's log; owned by this process
//! ```
//!
//! The configuration and the log lie outside the cluster on purpose: as root this process must never
//! write inside a directory that the database account owns, where it could plant symbolic links.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self as stdio, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::unistd::geteuid;
use sha2::{Digest as _, Sha256};

use super::account::Account;
use super::error::{EmbeddedError, io};
use super::{PORT, SUPERUSER};

/// The longest path of a unix socket in bytes, without the terminating zero (`sun_path` holds 108).
const LONGEST_SOCKET_PATH: usize = 107;

/// A log larger than this, in bytes, is put aside at the next start; one old log is kept.
const LARGEST_LOG: u64 = 8 * 1024 * 1024;

/// How much of the log's end is shown with an unexpected exit, in bytes.
const LOG_TAIL: u64 = 2048;

/// The paths in one data directory.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// `root` is absolute and free of symbolic links, as [`prepare_data_dir`] returns it.
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn pgdata(&self) -> PathBuf {
        self.root.join("pgdata")
    }

    pub(super) fn unfinished(&self) -> PathBuf {
        self.root.join("pgdata.init")
    }

    pub(super) fn hba_file(&self) -> PathBuf {
        self.root.join("conf/pg_hba.conf")
    }

    pub(super) fn ident_file(&self) -> PathBuf {
        self.root.join("conf/pg_ident.conf")
    }

    pub(super) fn lock_file(&self) -> PathBuf {
        self.root.join("voxanne.lock")
    }

    fn log_file(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    /// The major version that made the data files; `None` where there are none yet.
    pub(super) fn data_major(&self) -> Result<Option<u32>, EmbeddedError> {
        let path = self.pgdata().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map(Some).map_err(|_| {
                io("understand", &path)(stdio::Error::new(stdio::ErrorKind::InvalidData, "not a version number"))
            }),
            Err(error) if error.kind() == stdio::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io("read", &path)(error)),
        }
    }

    /// The socket's directory: `run`, or a short one under `/tmp` where the path would be too long
    /// for a socket.
    pub(super) fn socket_dir(&self, account: &Account) -> PathBuf {
        let usual = self.root.join("run");
        if fits_a_socket(&usual) {
            return usual;
        }
        let digest = hex::encode(Sha256::digest(self.root.as_os_str().as_encoded_bytes()));
        PathBuf::from(format!("/tmp/voxanne-{}-{}", account.uid, digest.get(..12).unwrap_or(&digest)))
    }

    /// Makes the socket's directory, closed to everybody but `account`.
    pub(super) fn make_socket_dir(&self, account: &Account) -> Result<PathBuf, EmbeddedError> {
        let path = self.socket_dir(account);
        let ours = |metadata: &fs::Metadata| {
            metadata.is_dir() && metadata.uid() == account.uid.as_raw() && metadata.mode().trailing_zeros() >= 6
        };
        match fs::symlink_metadata(&path) {
            Ok(metadata) if ours(&metadata) => return Ok(path),
            // Inside the data directory only an earlier run under another account can have made it.
            Ok(_) if path.starts_with(&self.root) => {
                fs::remove_dir_all(&path).map_err(io("remove", &path))?;
            }
            Ok(_) => return Err(EmbeddedError::SocketDirectory { path, account: account.name.clone() }),
            Err(error) if error.kind() == stdio::ErrorKind::NotFound => {}
            Err(error) => return Err(io("look at", &path)(error)),
        }
        make_private_dir(&path, account)?;
        Ok(path)
    }

    /// Writes who may log in as whom: the operating system's users of this process, of the database
    /// and root, which can become either anyway, under each of our logins. No passwords, no network.
    pub(super) fn write_login_rules(&self, account: &Account, roles: &[String]) -> Result<(), EmbeddedError> {
        let directory = self.root.join("conf");
        // Not a link, which could lead root into somebody else's directory.
        if !fs::symlink_metadata(&directory).is_ok_and(|metadata| metadata.is_dir()) {
            DirBuilder::new().create(&directory).map_err(io("create", &directory))?;
        }
        // The umask may have closed it to the database's account.
        set_mode(&directory, 0o755)?;
        let own = Account::own()?;
        let mut users = vec![own.name.as_str(), account.name.as_str(), "root"];
        users.sort_unstable();
        users.dedup();
        let logins = || std::iter::once(SUPERUSER).chain(roles.iter().map(String::as_str));
        let map: String = users
            .iter()
            .flat_map(|user| logins().map(move |login| format!("voxanne \"{user}\" \"{login}\"\n")))
            .collect();
        replace_file(&self.hba_file(), "local all all peer map=voxanne\n")?;
        replace_file(&self.ident_file(), &map)
    }

    /// Opens the server's log for appending. The second value is where new lines will begin.
    pub(super) fn open_log(&self) -> Result<(File, u64), EmbeddedError> {
        let path = self.log_file();
        if fs::metadata(&path).is_ok_and(|metadata| metadata.len() > LARGEST_LOG) {
            fs::rename(&path, path.with_extension("log.1")).map_err(io("put aside", &path))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(&path)
            .map_err(io("open", &path))?;
        let length = file.metadata().map_err(io("look at", &path))?.len();
        Ok((file, length))
    }

    /// The end of what the server wrote into its log since `start`.
    pub(super) fn log_tail(&self, start: u64) -> String {
        match tail(&self.log_file(), start) {
            Ok(text) => text,
            Err(error) => format!("(its log {} cannot be read: {error})", self.log_file().display()),
        }
    }
}

/// Makes the data directory if it is missing and returns its real path.
///
/// As root it is made so that the database's account can pass through to its own directory in it,
/// but cannot list it; otherwise it is closed to everybody else.
pub fn prepare_data_dir(path: &Path) -> Result<PathBuf, EmbeddedError> {
    let path = std::path::absolute(path).map_err(io("resolve", path))?;
    let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
    let missing: Vec<&Path> = path.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    for directory in missing.into_iter().rev() {
        match DirBuilder::new().mode(mode).create(directory) {
            // The mode is set again because the umask may have narrowed it.
            Ok(()) => set_mode(directory, mode)?,
            Err(error) if error.kind() == stdio::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io("create", directory)(error)),
        }
    }
    path.canonicalize().map_err(io("resolve", &path))
}

/// The first directory on the way to `target` that `account` may not pass, judged by permission bits.
pub(super) fn closed_directory(target: &Path, account: &Account) -> Option<PathBuf> {
    let mut on_the_way: Vec<&Path> = target.ancestors().collect();
    on_the_way.reverse();
    on_the_way
        .into_iter()
        .find(|path| fs::metadata(path).is_ok_and(|metadata| metadata.is_dir() && !may_pass(&metadata, account)))
        .map(Path::to_owned)
}

fn may_pass(metadata: &fs::Metadata, account: &Account) -> bool {
    let bit = if metadata.uid() == account.uid.as_raw() {
        0o100
    } else if metadata.gid() == account.gid.as_raw() {
        0o010
    } else {
        0o001
    };
    metadata.mode() & bit != 0
}

/// Makes a directory that only `account` may enter.
pub(super) fn make_private_dir(path: &Path, account: &Account) -> Result<(), EmbeddedError> {
    DirBuilder::new().mode(0o700).create(path).map_err(io("create", path))?;
    if account.is_other() {
        lchown(path, Some(account.uid.as_raw()), Some(account.gid.as_raw())).map_err(io("hand over", path))?;
    }
    Ok(())
}

/// Makes a rename or a new entry in a directory survive a power cut.
pub(super) fn sync_dir(path: &Path) -> Result<(), EmbeddedError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(io("write", path))
}

fn fits_a_socket(directory: &Path) -> bool {
    directory.as_os_str().len() + format!("/.s.PGSQL.{PORT}").len() <= LONGEST_SOCKET_PATH
}

fn replace_file(path: &Path, text: &str) -> Result<(), EmbeddedError> {
    let draft = path.with_extension("new");
    remove_file(&draft)?;
    // A new file, never one that a link leads to.
    let mut file = OpenOptions::new().write(true).create_new(true).open(&draft).map_err(io("create", &draft))?;
    file.write_all(text.as_bytes()).map_err(io("write", &draft))?;
    file.set_permissions(Permissions::from_mode(0o644)).map_err(io("open up", &draft))?;
    fs::rename(&draft, path).map_err(io("replace", path))
}

/// Removes a file if it is there.
pub(super) fn remove_file(path: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != stdio::ErrorKind::NotFound => Err(io("remove", path)(error)),
        _ => Ok(()),
    }
}

fn set_mode(path: &Path, mode: u32) -> Result<(), EmbeddedError> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(io("open up", path))
}

fn tail(path: &Path, start: u64) -> stdio::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(start.max(length.saturating_sub(LOG_TAIL)).min(length)))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Account, Layout, PathBuf};
    use std::path::Path;

    #[test]
    fn a_long_data_directory_gets_a_short_socket_directory_of_its_own() {
        let account = Account { name: "postgres".into(), uid: 101.into(), gid: 104.into() };
        let of = |root: &str| Layout::new(PathBuf::from(root)).socket_dir(&account);
        assert_eq!(of("/srv/voxanne"), Path::new("/srv/voxanne/run"));
        // 89 + "/run" + "/.s.PGSQL.5432" = 107 bytes: the longest that fits.
        let fits = format!("/{}", "x".repeat(88));
        assert_eq!(of(&fits), Path::new(&fits).join("run"));
        let long = format!("/{}", "x".repeat(89));
        let short = of(&long);
        assert!(short.starts_with("/tmp") && short.as_os_str().len() < 60, "{short:?}");
        assert_ne!(short, of(&format!("/{}", "y".repeat(89))));
    }
}
