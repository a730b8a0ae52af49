//! Files that are kept: recordings, in a folder or in any S3.
//!
//! A key is `<organization>/<call>/<recording>` and holds no name of anybody. What is written is whole or not there: the
//! folder gets a file under another name first, synced and renamed when it is complete; S3 gets a multipart upload. A file
//! can be read from the middle. With `VOXANNE_STORAGE_KEY` everything new is encrypted in pieces ([`seal`]); what was kept
//! before stays readable.

mod seal;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use futures::{Stream, TryStream};
use jiff::{SignedDuration, Timestamp};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt as _,
    PutMultipartOptions, RetryConfig, WriteMultipart,
};

use crate::config::{Place, S3Config, StorageConfig};
use crate::crypto::random_bytes;
use crate::crypto::stream::{self, Sealer};
use seal::{Keys, Opener};

/// Size of the parts that S3 is sent. Its smallest is 5 MiB and it takes 10,000 of them: 80 GiB in all.
const S3_PART: usize = 8 << 20;
/// Size of the pieces that a folder is given.
const FOLDER_PART: usize = 1 << 20;
/// Parts on their way at the same time.
const PARTS_AT_ONCE: usize = 2;
/// Where probes write. No organization's id begins like this.
const PROBES: &str = "probe";
/// A probe of this age was killed.
const PROBE_LINGERS: SignedDuration = SignedDuration::from_hours(1);
/// How long S3 may be silent.
const IDLE: Duration = Duration::from_secs(30);

/// Why a file could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// The key is none that is used.
    #[error("this is not a key of a stored file")]
    BadKey,
    /// Not a part of the file.
    #[error("the file has {size} bytes, and the part that was asked for is not among them")]
    Range {
        /// Bytes of the file.
        size: u64,
    },
    /// The storage does not let us.
    #[error("the storage does not allow it")]
    Denied(#[source] object_store::Error),
    /// No room is left.
    #[error("the storage is full")]
    Full(#[source] object_store::Error),
    /// The storage cannot be reached, or failed.
    #[error("the storage failed")]
    Failed(#[source] object_store::Error),
    /// The folder cannot be used.
    #[error("the folder {path} cannot be used")]
    Folder {
        /// The folder.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is encrypted and its key is not configured.
    #[error("the file is encrypted with a key that is not configured (VOXANNE_STORAGE_KEY)")]
    NoKey,
    /// The file is not what was stored.
    #[error("the file is damaged")]
    Tampered,
    /// The file is larger than any may be.
    #[error("the file is too large to be kept")]
    TooLarge,
}

impl StorageError {
    /// One word for metrics.
    pub fn class(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::BadKey => "bad_key",
            Self::Range { .. } => "range",
            Self::Denied(_) => "denied",
            Self::Full(_) => "full",
            Self::Failed(_) | Self::Folder { .. } => "failed",
            Self::NoKey => "no_key",
            Self::Tampered => "damaged",
            Self::TooLarge => "too_large",
        }
    }
}

impl From<object_store::Error> for StorageError {
    fn from(error: object_store::Error) -> Self {
        use object_store::Error;
        match &error {
            Error::NotFound { .. } => return Self::NotFound,
            Error::InvalidPath { .. } => return Self::BadKey,
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => return Self::Denied(error),
            _ => {}
        }
        match system_error(&error) {
            Some(io) if is_full(io) => Self::Full(error),
            Some(io)
                if matches!(
                    io.kind(),
                    std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                Self::Denied(error)
            }
            _ => Self::Failed(error),
        }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

fn system_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a std::io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref() {
            return Some(io);
        }
        next = error.source();
    }
    None
}

/// The name of a file: parts of small letters, digits, `-`, `_` and single dots, with `/` between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// Checks a key.
    pub fn new(text: impl Into<String>) -> Result<Self, StorageError> {
        let text = text.into();
        let is_letter = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"-_.".contains(&letter);
        let is_part = |part: &str| {
            !part.is_empty() && !part.starts_with('.') && !part.contains("..") && part.bytes().all(is_letter)
        };
        let is_key = (1..=512).contains(&text.len()) && text.split('/').all(is_part);
        if is_key { Ok(Self(text)) } else { Err(StorageError::BadKey) }
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn path(&self) -> Path {
        Path::from(self.0.as_str())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known of a file without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Its size in bytes, as it was before any encryption.
    pub size: u64,
    /// When it was written.
    pub modified: Timestamp,
}

/// A file of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key; may be one that [`Key::new`] would refuse, when somebody else put the file there.
    pub key: String,
    /// Bytes that it takes, encrypted or not.
    pub stored_size: u64,
    /// When it was written.
    pub modified: Timestamp,
}

impl Entry {
    fn is_probe(&self) -> bool {
        self.key.strip_prefix(PROBES).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// A file, or a part of it, as it is read.
pub struct Body {
    /// Bytes of the whole file.
    pub size: u64,
    /// Which of them follow.
    pub range: Range<u64>,
    /// These bytes.
    pub stream: BoxStream<'static, Result<Bytes, StorageError>>,
}

impl Body {
    /// All of them at once: for what is known to be small.
    pub async fn bytes(self) -> Result<Bytes, StorageError> {
        let parts: Vec<Bytes> = self.stream.try_collect().await?;
        Ok(parts.concat().into())
    }
}

/// Where files are kept. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    /// A folder is made and opened when it is first used.
    store: Arc<OnceLock<Arc<dyn ObjectStore>>>,
    /// `None`: files are given as they are, though they may look as if we had encrypted them.
    keys: Option<Keys>,
    /// The folder, where it is one.
    folder: Option<PathBuf>,
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Storage({})", self.place())
    }
}

impl Storage {
    /// Describes the place and touches nothing: [`Storage::prepare`] makes the folder, [`Storage::probe`] asks S3.
    pub fn open(config: &StorageConfig, data_dir: &FilePath) -> Result<Self, StorageError> {
        let keys = Some(Keys::new(&config.keys));
        let (store, folder) = match &config.place {
            Place::DataDirectory => (OnceLock::new(), Some(data_dir.join("recordings"))),
            Place::Folder(folder) => (OnceLock::new(), Some(folder.clone())),
            Place::S3(s3) => (OnceLock::from(below_prefix(s3)?), None),
        };
        Ok(Self { store: Arc::new(store), keys, folder })
    }

    /// A bucket whose files are encrypted by whoever writes them, or not at all. It is not asked yet.
    pub fn in_bucket(s3: &S3Config) -> Result<Self, StorageError> {
        let store = OnceLock::from(below_prefix(s3)?);
        Ok(Self { store: Arc::new(store), keys: None, folder: None })
    }

    /// Makes the folder, where it is one, so that a start with a wrong one says so.
    pub fn prepare(&self) -> Result<(), StorageError> {
        self.store().map(drop)
    }

    fn part(&self) -> usize {
        if self.folder.is_some() { FOLDER_PART } else { S3_PART }
    }

    fn store(&self) -> Result<&Arc<dyn ObjectStore>, StorageError> {
        use std::os::unix::fs::DirBuilderExt as _;
        if let (None, Some(folder)) = (self.store.get(), &self.folder) {
            let failed = |source| StorageError::Folder { path: folder.display().to_string(), source };
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
            let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true).with_automatic_cleanup(true);
            // Somebody else may have opened the same folder in the meantime.
            let _ours = self.store.set(Arc::new(store));
        }
        self.store.get().ok_or(StorageError::NotFound)
    }

    /// Where it is, for people: a folder or `S3`.
    pub fn place(&self) -> String {
        self.folder.as_ref().map_or_else(|| "S3".to_owned(), |folder| folder.display().to_string())
    }

    /// The folder, where it is one: to ask how much room is left.
    pub fn folder(&self) -> Option<&FilePath> {
        self.folder.as_deref()
    }

    /// Whether new files are encrypted.
    pub fn is_sealed(&self) -> bool {
        self.keys.as_ref().is_some_and(Keys::can_seal)
    }

    /// Whether files can be kept: writes a small one, reads it back and deletes it. What a probe left that was killed goes after
    /// an hour.
    pub async fn probe(&self, now: Timestamp) -> Result<(), StorageError> {
        let wanted = Bytes::copy_from_slice(&random_bytes::<32>());
        let key = Key::new(format!("{PROBES}/{}", hex::encode(random_bytes::<8>())))?;
        let mut upload = self.create(&key).await?;
        upload.write(wanted.clone()).await?;
        upload.finish().await?;
        let found = self.get(&key, None).await?.bytes().await?;
        self.delete(&key).await?;
        self.forget_probes(now).await?;
        if found == wanted { Ok(()) } else { Err(StorageError::Tampered) }
    }

    async fn forget_probes(&self, now: Timestamp) -> Result<(), StorageError> {
        let mut found = self.listed(Some(&Key::new(PROBES)?));
        while let Some(probe) = found.try_next().await? {
            if now.duration_since(probe.modified) > PROBE_LINGERS {
                self.delete(&Key::new(probe.key)?).await?;
            }
        }
        Ok(())
    }

    /// Begins a file. It is there when [`Upload::finish`] returns, and never in part. A file of that key is replaced.
    pub async fn create(&self, key: &Key) -> Result<Upload, StorageError> {
        let upload = self.store()?.put_multipart_opts(&key.path(), PutMultipartOptions::default()).await?;
        let mut beginning = Vec::new();
        let sealer = self.keys.as_ref().and_then(|keys| keys.sealer(key.as_str(), &mut beginning));
        let mut parts = Parts::new(upload, self.part());
        parts.put(beginning.into()).await?;
        Ok(Upload { parts, sealer, size: 0 })
    }

    /// Keeps what a stream gives. Answers how many bytes that were. Nothing is kept when the stream ends with an error.
    pub async fn put<S, E>(&self, key: &Key, stream: S) -> Result<u64, E>
    where
        S: Stream<Item = Result<Bytes, E>> + TryStream<Ok = Bytes, Error = E>,
        E: From<StorageError>,
    {
        let mut stream = std::pin::pin!(stream);
        let mut upload = self.create(key).await?;
        loop {
            match stream.next().await {
                Some(Ok(bytes)) => upload.write(bytes).await?,
                Some(Err(error)) => {
                    upload.abandon().await;
                    return Err(error);
                }
                None => return Ok(upload.finish().await?),
            }
        }
    }

    /// What is known of a file.
    pub async fn head(&self, key: &Key) -> Result<Meta, StorageError> {
        let found = self.look(key).await?;
        Ok(Meta { size: found.size(), modified: found.modified })
    }

    /// Reads a file, or the bytes of `range`, which may end beyond it.
    pub async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Body, StorageError> {
        let found = self.look(key).await?;
        let size = found.size();
        let range = match range {
            None => 0..size,
            Some(range) if range.start < range.end && range.start < size => range.start..range.end.min(size),
            Some(_) => return Err(StorageError::Range { size }),
        };
        let stream = match found.opener {
            None if range.is_empty() => futures::stream::empty().boxed(),
            None => self.stored(key, range.clone()).await?,
            Some(opener) => {
                let (stored, opening) = opener.cover(&range);
                opened(self.stored(key, stored).await?, opening).boxed()
            }
        };
        Ok(Body { size, range, stream })
    }

    /// Deletes a file; that it is not there is not an error.
    pub async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        match self.store()?.delete(&key.path()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// All files whose keys begin with these parts, in no order. Files that are being written are not among them, and the
    /// probes' neither.
    pub fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<Entry, StorageError>> {
        let is_file = |found: &Result<Entry, StorageError>| !found.as_ref().is_ok_and(Entry::is_probe);
        self.listed(prefix).filter(move |found| std::future::ready(is_file(found))).boxed()
    }

    fn listed(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<Entry, StorageError>> {
        let store = match self.store() {
            Ok(store) => store,
            Err(error) => return futures::stream::once(std::future::ready(Err(error))).boxed(),
        };
        let prefix = prefix.map(Key::path);
        store
            .list(prefix.as_ref())
            .map(|found| {
                let found = found?;
                Ok(Entry {
                    key: found.location.to_string(),
                    stored_size: found.size,
                    modified: timestamp(found.last_modified.timestamp_millis())?,
                })
            })
            .boxed()
    }

    /// Removes what a process that was killed has left half-written in a folder, if it was last written before `before` and
    /// would have become a file whose key is one of ours. Answers how many files that were. In S3 a rule of the bucket does this
    /// (docs/operations.md).
    pub async fn remove_unfinished(&self, before: Timestamp, is_ours: fn(&str) -> bool) -> Result<u64, StorageError> {
        let Some(folder) = self.folder.clone() else { return Ok(0) };
        self.prepare()?;
        let path = folder.display().to_string();
        tokio::task::spawn_blocking(move || remove_unfinished(&folder, &folder, before.into(), is_ours))
            .await
            .map_err(std::io::Error::other)
            .flatten()
            .map_err(|source| StorageError::Folder { path, source })
    }

    /// Size, time, and whether it is encrypted: from its first bytes.
    async fn look(&self, key: &Key) -> Result<Found, StorageError> {
        let options = GetOptions { range: Some(GetRange::Bounded(0..seal::HEAD)), ..GetOptions::default() };
        let found = match self.store()?.get_opts(&key.path(), options).await {
            Ok(found) => found,
            // A part of an empty file is none.
            Err(error) => {
                let meta = self.store()?.head(&key.path()).await.map_err(|_| error)?;
                let modified = timestamp(meta.last_modified.timestamp_millis())?;
                return if meta.size == 0 {
                    Ok(Found { stored_size: 0, modified, opener: None })
                } else {
                    Err(StorageError::Tampered)
                };
            }
        };
        let (stored_size, modified) = (found.meta.size, timestamp(found.meta.last_modified.timestamp_millis())?);
        let head = found.bytes().await?;
        let opener = match &self.keys {
            Some(keys) if stream::is_sealed(&head) => Some(keys.opener(&head, key.as_str(), stored_size)?),
            _ => None,
        };
        Ok(Found { stored_size, modified, opener })
    }

    async fn stored(
        &self,
        key: &Key,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, StorageError>>, StorageError> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.store()?.get_opts(&key.path(), options).await?;
        Ok(found.into_stream().map_err(StorageError::from).boxed())
    }
}

struct Found {
    stored_size: u64,
    modified: Timestamp,
    opener: Option<Opener>,
}

impl Found {
    fn size(&self) -> u64 {
        self.opener.as_ref().map_or(self.stored_size, Opener::size)
    }
}

/// A file that is being written. Dropped without [`Upload::finish`], there is no file.
pub struct Upload {
    parts: Parts,
    sealer: Option<Sealer>,
    size: u64,
}

impl Upload {
    /// Adds bytes; waits when the storage does not keep up.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        self.size += bytes.len() as u64;
        let bytes = match &mut self.sealer {
            None => bytes,
            Some(sealer) => {
                let mut pieces = Vec::new();
                sealer.push(&bytes, &mut pieces)?;
                pieces.into()
            }
        };
        self.parts.put(bytes).await
    }

    /// Makes the file be there. Answers its size in bytes, before any encryption.
    pub async fn finish(mut self) -> Result<u64, StorageError> {
        if let Some(sealer) = self.sealer.take() {
            let mut last = Vec::new();
            sealer.finish(&mut last)?;
            self.parts.put(last.into()).await?;
        }
        self.parts.writer.finish().await?;
        Ok(self.size)
    }

    /// Gives the file up and removes what was written of it. What cannot be removed is not worth an error: it is not a file.
    pub async fn abandon(self) {
        if let Err(error) = self.parts.writer.abort().await {
            tracing::debug!(%error, "what was written of a file could not be removed");
        }
    }
}

/// Bytes on their way in parts.
struct Parts {
    writer: WriteMultipart,
}

impl Parts {
    fn new(upload: Box<dyn MultipartUpload>, size: usize) -> Self {
        Self { writer: WriteMultipart::new_with_chunk_size(upload, size) }
    }

    async fn put(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        // One that failed is told here, not at the end of two gigabytes.
        self.writer.wait_for_capacity(PARTS_AT_ONCE).await?;
        self.writer.put(bytes);
        Ok(())
    }
}

fn opened(
    stored: BoxStream<'static, Result<Bytes, StorageError>>,
    opening: seal::Opening,
) -> impl Stream<Item = Result<Bytes, StorageError>> {
    futures::stream::try_unfold((stored, Some(opening)), |(mut stored, opening)| async move {
        let Some(mut opening) = opening else { return Ok(None) };
        loop {
            let (plain, rest) = match stored.try_next().await? {
                Some(bytes) => (opening.push(&bytes)?, Some(opening)),
                None => (opening.finish()?, None),
            };
            match (plain.is_empty(), rest) {
                (true, Some(more)) => opening = more,
                (true, None) => return Ok(None),
                (false, rest) => return Ok(Some((plain, (stored, rest)))),
            }
        }
    })
}

fn below_prefix(config: &S3Config) -> Result<Arc<dyn ObjectStore>, StorageError> {
    Ok(Arc::new(PrefixStore::new(bucket(config)?, config.prefix.as_str())))
}

fn bucket(config: &S3Config) -> Result<impl ObjectStore, StorageError> {
    // The client takes the process's own implementation of TLS; somebody may have set one already.
    let _known = rustls::crypto::ring::default_provider().install_default();
    let options = ClientOptions::new()
        .with_connect_timeout(Duration::from_secs(10))
        // A whole recording may take long; a silence may not.
        .with_timeout_disabled()
        .with_read_timeout(IDLE);
    let retry =
        RetryConfig { backoff: BackoffConfig::default(), max_retries: 4, retry_timeout: Duration::from_mins(1) };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&config.bucket)
        .with_region(&config.region)
        .with_access_key_id(config.access_key.expose())
        .with_secret_access_key(config.secret_key.expose())
        .with_client_options(options)
        .with_retry(retry);
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint.as_str()).with_allow_http(endpoint.as_str().starts_with("http://"));
    }
    Ok(builder.build()?)
}

fn timestamp(milliseconds: i64) -> Result<Timestamp, StorageError> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| StorageError::Tampered)
}

/// Files that the local store writes before it renames them end with `#` and a number, which no key does.
fn remove_unfinished(
    root: &FilePath,
    folder: &FilePath,
    before: SystemTime,
    is_ours: fn(&str) -> bool,
) -> std::io::Result<u64> {
    let mut removed = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            removed += remove_unfinished(root, &entry.path(), before, is_ours)?;
            continue;
        }
        let path = entry.path();
        let name = path.strip_prefix(root).ok().and_then(FilePath::to_str).and_then(|name| name.rsplit_once('#'));
        let is_unfinished = name.is_some_and(|(key, number)| {
            !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()) && is_ours(key)
        });
        if is_unfinished && entry.metadata()?.modified()? < before {
            std::fs::remove_file(path)?;
            removed += 1;
        }
    }
    Ok(removed)
}
