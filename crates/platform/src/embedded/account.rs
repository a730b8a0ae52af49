//! Which account runs the database. It refuses to run as root, so root drops to an unprivileged one.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::unistd::{Gid, Uid, User, geteuid};

use super::error::{EmbeddedError, io};

/// An account of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: Uid,
    pub(super) gid: Gid,
}

impl Account {
    /// The account of this process.
    pub(super) fn own() -> Result<Self, EmbeddedError> {
        let uid = geteuid();
        Self::find(uid)?.ok_or(EmbeddedError::NamelessUser { uid: uid.as_raw() })
    }

    /// Whether a process must give up root to become this account.
    pub(super) fn is_other(&self) -> bool {
        self.uid != geteuid()
    }

    fn find(uid: Uid) -> Result<Option<Self>, EmbeddedError> {
        let user = User::from_uid(uid).map_err(|error| io("read", Path::new("/etc/passwd"))(error.into()))?;
        Ok(user.map(Self::from))
    }

    fn named(name: &str) -> Result<Option<Self>, EmbeddedError> {
        let user = User::from_name(name).map_err(|error| io("read", Path::new("/etc/passwd"))(error.into()))?;
        Ok(user.map(Self::from))
    }
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self { name: user.name, uid: user.uid, gid: user.gid }
    }
}

/// The account to run the database as: this one; for root the owner of the existing data files,
/// else `postgres`, else `nobody`.
pub(super) fn for_cluster(pgdata: &Path) -> Result<Account, EmbeddedError> {
    let own = Account::own()?;
    let owner = match fs::metadata(pgdata) {
        Ok(metadata) => Some(Uid::from_raw(metadata.uid())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(io("look at", pgdata)(error)),
    };
    match owner {
        Some(uid) if uid == own.uid && !own.uid.is_root() => Ok(own),
        Some(uid) if own.uid.is_root() && !uid.is_root() => {
            Account::find(uid)?.ok_or(EmbeddedError::NamelessUser { uid: uid.as_raw() })
        }
        Some(uid) => Err(EmbeddedError::ForeignData { path: pgdata.to_owned(), owner: name_of(uid.as_raw()) }),
        None if own.uid.is_root() => unprivileged(),
        None => Ok(own),
    }
}

/// The name of a user for a message; its number where it has none.
pub(super) fn name_of(uid: u32) -> String {
    let account = Account::find(Uid::from_raw(uid)).ok().flatten();
    account.map_or_else(|| uid.to_string(), |account| account.name)
}

fn unprivileged() -> Result<Account, EmbeddedError> {
    for name in ["postgres", "nobody"] {
        if let Some(account) = Account::named(name)? {
            return Ok(account);
        }
    }
    Err(EmbeddedError::NoUnprivilegedAccount)
}
