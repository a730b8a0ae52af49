//! Events that were answered before the database had them, kept on disk until it has.
//!
//! Somebody on the line waits for `assistant-request` and `tool-calls`, so they are answered even while the database
//! fails, and the provider does not send again what was answered. From memory alone such an event would be lost with the
//! process. Here it is a file, synced before the answer leaves, sealed like every other secret, and taken in by the next
//! drain, of this process or of the one that starts after it. Taking it in twice is harmless: an event has an identity.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use platform::crypto::{CryptoError, MasterKey};
use platform::ids::{ConnectionId, OrgId};
use uuid::Uuid;

/// Ending of a file that waits to be taken in.
const WAITING: &str = "event";
/// Ending of a file that is being written.
const UNFINISHED: &str = "part";
/// How old a file that is being written may be: writing one takes milliseconds, and its event is answered or dropped
/// within seconds.
const WRITING: SignedDuration = SignedDuration::from_mins(1);
/// Ending of a file that cannot be read: sealed with another master key, or damaged. Kept for the operator.
const UNREADABLE: &str = "unreadable";
/// Stands in a file's name where there is no organization or connection.
const NONE: &str = "-";

/// Why an event could not be kept or read back. Says nothing about its content.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The directory or a file in it could not be used.
    #[error("the spool directory could not be used")]
    Files(#[from] io::Error),
    /// The content could not be sealed or opened.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The file's name is none of ours.
    #[error("a file in the spool has a name that the spool did not give")]
    Name,
    /// The task that wrote it died.
    #[error("the task that wrote to the spool died")]
    Died,
}

/// An event that waits.
pub struct Waiting {
    /// The organization of the connection that verified it; none for the platform-wide connection.
    pub org: Option<OrgId>,
    /// That connection.
    pub connection: Option<ConnectionId>,
    /// The scrubbed body, compressed.
    pub body: Vec<u8>,
}

/// The directory. Cheap to clone; made when the first event is kept.
#[derive(Clone)]
pub struct Spool {
    inner: Arc<Inner>,
}

struct Inner {
    directory: PathBuf,
    key: MasterKey,
}

impl Spool {
    /// Touches nothing.
    pub fn new(directory: PathBuf, key: MasterKey) -> Self {
        Self { inner: Arc::new(Inner { directory, key }) }
    }

    /// Keeps an event. When this returns it survives the process and the power.
    pub async fn keep(&self, event: Waiting) -> Result<(), SpoolError> {
        self.off_the_runtime(move |inner| inner.keep(&event)).await
    }

    /// The files that wait, the oldest first.
    pub async fn waiting(&self) -> Result<Vec<String>, SpoolError> {
        self.off_the_runtime(|inner| Ok(inner.waiting()?)).await
    }

    /// Reads an event back; `None` when it was sealed with another key, damaged, or renamed.
    pub async fn read(&self, name: String) -> Result<Option<Waiting>, SpoolError> {
        self.off_the_runtime(move |inner| match inner.read(&name) {
            Ok(event) => Ok(Some(event)),
            Err(SpoolError::Crypto(_) | SpoolError::Name) => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Gives a file that cannot be read another ending: it is complained of once, and kept for the operator.
    pub async fn put_aside(&self, name: String) -> Result<(), SpoolError> {
        self.off_the_runtime(move |inner| {
            let path = inner.path(&name);
            Ok(fs::rename(&path, path.with_extension(UNREADABLE))?)
        })
        .await
    }

    /// Forgets an event that the database has.
    pub async fn remove(&self, name: String) -> Result<(), SpoolError> {
        self.off_the_runtime(move |inner| Ok(fs::remove_file(inner.path(&name))?)).await
    }

    /// Removes what a process left half written when it died. Its event was not answered from here: only a whole file is.
    /// Answers how many there were.
    pub async fn remove_unfinished(&self, now: Timestamp) -> Result<usize, SpoolError> {
        self.off_the_runtime(move |inner| inner.remove_unfinished(now)).await
    }

    async fn off_the_runtime<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, SpoolError> + Send + 'static,
    ) -> Result<T, SpoolError> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner)).await.map_err(|_| SpoolError::Died)?
    }
}

impl Inner {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn keep(&self, event: &Waiting) -> Result<(), SpoolError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let name = name(event);
        let sealed = self.key.seal(&place(&name), &event.body)?;
        // Written under another name first: a drain must never meet half a file.
        let unfinished = self.path(&name).with_extension(UNFINISHED);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(&sealed)?;
        file.sync_all()?;
        fs::rename(&unfinished, self.path(&name))?;
        // The name itself must survive too.
        File::open(&self.directory)?.sync_all()?;
        Ok(())
    }

    /// The names with that ending.
    fn files(&self, ending: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let is_meant = Path::new(&name).extension().is_some_and(|found| found == ending);
            names.extend(name.to_str().filter(|_| is_meant).map(str::to_owned));
        }
        Ok(names)
    }

    fn waiting(&self) -> io::Result<Vec<String>> {
        let mut names = self.files(WAITING)?;
        // The names begin with an id that grows with time.
        names.sort_unstable();
        Ok(names)
    }

    fn remove_unfinished(&self, now: Timestamp) -> Result<usize, SpoolError> {
        let mut removed = 0;
        for name in self.files(UNFINISHED)? {
            let written = Timestamp::try_from(fs::metadata(self.path(&name))?.modified()?).map_err(io::Error::other)?;
            if now.duration_since(written) > WRITING {
                fs::remove_file(self.path(&name))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn read(&self, name: &str) -> Result<Waiting, SpoolError> {
        let (org, connection) = origin(name).ok_or(SpoolError::Name)?;
        let sealed = fs::read(self.path(name))?;
        Ok(Waiting { org, connection, body: self.key.open(&place(name), &sealed)? })
    }
}

/// Binds the content to its name, so that a file renamed to another organization's does not open.
fn place(name: &str) -> String {
    format!("spool/{name}")
}

/// `<time-ordered id>.<organization>.<connection>.event`.
fn name(event: &Waiting) -> String {
    let part = |id: Option<Uuid>| id.map_or_else(|| NONE.to_owned(), |id| id.simple().to_string());
    let (org, connection) = (part(event.org.map(OrgId::uuid)), part(event.connection.map(ConnectionId::uuid)));
    format!("{}.{org}.{connection}.{WAITING}", Uuid::now_v7().simple())
}

/// Whose event a file holds.
fn origin(name: &str) -> Option<(Option<OrgId>, Option<ConnectionId>)> {
    let mut parts = name.split('.').skip(1);
    let mut part = || match parts.next()? {
        NONE => Some(None),
        id => Uuid::try_parse(id).ok().map(Some),
    };
    Some((part()?.map(OrgId::from_uuid), part()?.map(ConnectionId::from_uuid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool() -> Spool {
        let directory = std::env::temp_dir().join(format!("voxanne-spool-{}", Uuid::now_v7()));
        Spool::new(directory, MasterKey::from_bytes([3; 32]))
    }

    fn event(org: Option<OrgId>, body: &[u8]) -> Waiting {
        Waiting { org, connection: org.map(|org| ConnectionId::from_uuid(org.uuid())), body: body.to_vec() }
    }

    #[tokio::test]
    async fn what_is_kept_comes_back_in_order_until_it_is_removed() {
        let spool = spool();
        let org = OrgId::new();
        assert!(spool.waiting().await.unwrap().is_empty(), "a spool without a directory is empty");
        spool.keep(event(Some(org), b"first")).await.unwrap();
        spool.keep(event(None, b"second")).await.unwrap();
        let names = spool.waiting().await.unwrap();
        let first = spool.read(names[0].clone()).await.unwrap().unwrap();
        assert_eq!((first.org, first.body.as_slice()), (Some(org), b"first".as_slice()));
        let second = spool.read(names[1].clone()).await.unwrap().unwrap();
        assert_eq!((second.org, second.connection, second.body.as_slice()), (None, None, b"second".as_slice()));
        spool.remove(names[0].clone()).await.unwrap();
        assert_eq!(spool.waiting().await.unwrap(), names[1..]);
        fs::remove_dir_all(&spool.inner.directory).unwrap();
    }

    #[tokio::test]
    async fn nothing_readable_is_on_the_disk() {
        use std::os::unix::fs::PermissionsExt as _;
        let spool = spool();
        spool.keep(event(None, b"my tooth hurts")).await.unwrap();
        let names = spool.waiting().await.unwrap();
        let path = spool.inner.path(&names[0]);
        assert!(!fs::read(&path).unwrap().windows(5).any(|window| window == b"tooth"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_dir_all(&spool.inner.directory).unwrap();
    }

    #[tokio::test]
    async fn what_a_crash_left_half_written_goes_and_what_is_being_written_stays() {
        let spool = spool();
        spool.keep(event(None, b"whole")).await.unwrap();
        let half = spool.inner.path("half.-.-.part");
        fs::write(&half, b"ha").unwrap();
        let written = Timestamp::try_from(fs::metadata(&half).unwrap().modified().unwrap()).unwrap();
        assert_eq!(spool.remove_unfinished(written + WRITING).await.unwrap(), 0);
        assert_eq!(spool.remove_unfinished(written + WRITING * 2).await.unwrap(), 1);
        assert!(!half.exists());
        assert_eq!(spool.waiting().await.unwrap().len(), 1, "a whole event is never removed");
        fs::remove_dir_all(&spool.inner.directory).unwrap();
    }

    #[tokio::test]
    async fn a_file_renamed_to_another_organization_does_not_open_and_is_kept() {
        let spool = spool();
        spool.keep(event(Some(OrgId::new()), b"x")).await.unwrap();
        let old = spool.waiting().await.unwrap().remove(0);
        let forged = name(&event(Some(OrgId::new()), b""));
        fs::rename(spool.inner.path(&old), spool.inner.path(&forged)).unwrap();
        assert!(spool.read(forged.clone()).await.unwrap().is_none());
        spool.put_aside(forged.clone()).await.unwrap();
        assert!(spool.waiting().await.unwrap().is_empty(), "it is not tried for ever");
        assert!(spool.inner.path(&forged).with_extension(UNREADABLE).exists());
        fs::remove_dir_all(&spool.inner.directory).unwrap();
    }
}
