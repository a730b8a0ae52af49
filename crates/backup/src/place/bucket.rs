//! A bucket in S3, or what speaks its protocol.
//!
//! `backups/NAME/FILE` and `recordings/SET/XX/DIGEST`, below the prefix. An object is whole or not there, and the cover is
//! written last, so a backup without it is one that was given up.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use jiff::SignedDuration;
use platform::clock::Clock;
use platform::config::S3Access;
use platform::storage::{Key, Storage, StorageError, Upload};

use super::{ABANDONED_AFTER, COVER, PREFIX, RecordingName};
use crate::BackupError;

/// A bucket.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    storage: Storage,
    url: String,
}

impl Bucket {
    /// Finds the bucket that an address names. Nobody is asked yet.
    pub(super) fn at(text: &str, s3: Option<&S3Access>) -> Result<Self, BackupError> {
        let bad = |why: &str| BackupError::BadPlace(format!("{text:?} {why}"));
        let rest = text.strip_prefix("s3://").ok_or_else(|| bad("is neither a folder nor s3://bucket/prefix"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(bad("names no bucket"));
        }
        let s3 = s3.ok_or_else(|| bad("needs VOXANNE_S3_ACCESS_KEY and VOXANNE_S3_SECRET_KEY"))?;
        let config = s3.bucket(bucket, prefix.trim_matches('/'));
        let storage = Storage::in_bucket(&config).map_err(|error| failed("reach", text, &error))?;
        Ok(Self { storage, url: text.to_owned() })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) async fn names(&self) -> Result<Vec<String>, BackupError> {
        let files = self.files().await?;
        let whole = files.into_iter().filter(|(name, files)| name.starts_with(PREFIX) && files.contains(COVER));
        Ok(whole.map(|(name, _)| name).collect())
    }

    pub(super) async fn write(&self, backup: &str, file: &str) -> Result<BucketWriter, BackupError> {
        self.create(&format!("backups/{backup}/{file}")).await
    }

    pub(super) async fn read(&self, backup: &str, file: &str) -> Result<BucketReader, BackupError> {
        self.open(&format!("backups/{backup}/{file}")).await
    }

    pub(super) async fn remove(&self, backup: &str) -> Result<(), BackupError> {
        self.delete(&format!("backups/{backup}/{COVER}")).await?;
        for file in self.files().await?.remove(backup).unwrap_or_default() {
            self.delete(&format!("backups/{backup}/{file}")).await?;
        }
        Ok(())
    }

    /// Removes what has no cover and is old.
    pub(super) async fn tidy(&self, clock: &Clock) -> Result<(), BackupError> {
        let whole: BTreeSet<String> = self.names().await?.into_iter().collect();
        let mut files = self.storage.list(Some(&key("backups")?));
        while let Some(file) = files.next().await {
            let file = file.map_err(|error| self.failed("list", &error))?;
            let name = file.key.split('/').nth(1).unwrap_or_default();
            if !whole.contains(name) && is_old(file.modified, clock) {
                self.delete(&file.key).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn recording_length(&self, recording: &RecordingName) -> Result<Option<u64>, BackupError> {
        match self.storage.head(&key(&recording_key(recording))?).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(StorageError::NotFound) => Ok(None),
            Err(error) => Err(self.failed("look at", &error)),
        }
    }

    pub(super) async fn write_recording(&self, recording: &RecordingName) -> Result<BucketWriter, BackupError> {
        self.create(&recording_key(recording)).await
    }

    pub(super) async fn read_recording(&self, recording: &RecordingName) -> Result<BucketReader, BackupError> {
        self.open(&recording_key(recording)).await
    }

    pub(super) async fn sweep_recordings(
        &self,
        set: &str,
        is_wanted: impl Fn(&str) -> bool,
        clock: &Clock,
    ) -> Result<u64, BackupError> {
        let mut removed = 0;
        let mut files = self.storage.list(Some(&key(&format!("recordings/{set}"))?));
        while let Some(file) = files.next().await {
            let file = file.map_err(|error| self.failed("list", &error))?;
            let digest = file.key.rsplit('/').next().unwrap_or_default();
            if !is_wanted(digest) && is_old(file.modified, clock) {
                self.delete(&file.key).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// The files of each folder of backups.
    async fn files(&self) -> Result<BTreeMap<String, BTreeSet<String>>, BackupError> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut files = self.storage.list(Some(&key("backups")?));
        while let Some(file) = files.next().await {
            let file = file.map_err(|error| self.failed("list", &error))?;
            let mut parts = file.key.split('/').skip(1);
            if let (Some(name), Some(file)) = (parts.next(), parts.next()) {
                found.entry(name.to_owned()).or_default().insert(file.to_owned());
            }
        }
        Ok(found)
    }

    async fn create(&self, name: &str) -> Result<BucketWriter, BackupError> {
        let upload = self.storage.create(&key(name)?).await.map_err(|error| self.failed("write to", &error))?;
        Ok(BucketWriter { upload, url: self.url.clone() })
    }

    async fn open(&self, name: &str) -> Result<BucketReader, BackupError> {
        let body = self.storage.get(&key(name)?, None).await.map_err(|error| self.failed("read from", &error))?;
        Ok(BucketReader { stream: body.stream, url: self.url.clone() })
    }

    async fn delete(&self, name: &str) -> Result<(), BackupError> {
        self.storage.delete(&key(name)?).await.map_err(|error| self.failed("delete from", &error))
    }

    fn failed(&self, action: &'static str, error: &StorageError) -> BackupError {
        failed(action, &self.url, error)
    }
}

/// An object that is being written.
pub(super) struct BucketWriter {
    upload: Upload,
    url: String,
}

impl BucketWriter {
    pub(super) async fn push(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        let bytes = Bytes::copy_from_slice(bytes);
        self.upload.write(bytes).await.map_err(|error| failed("write to", &self.url, &error))
    }

    pub(super) async fn finish(self) -> Result<(), BackupError> {
        self.upload.finish().await.map_err(|error| failed("write to", &self.url, &error))?;
        Ok(())
    }
}

impl std::fmt::Debug for BucketWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BucketWriter({})", self.url)
    }
}

/// An object that is being read.
pub(super) struct BucketReader {
    stream: BoxStream<'static, Result<Bytes, StorageError>>,
    url: String,
}

impl BucketReader {
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, BackupError> {
        let next = self.stream.next().await.transpose();
        Ok(next.map_err(|error| failed("read from", &self.url, &error))?.map(Vec::from))
    }
}

impl std::fmt::Debug for BucketReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BucketReader({})", self.url)
    }
}

fn key(name: &str) -> Result<Key, BackupError> {
    Key::new(name).map_err(|_| BackupError::BadPlace(format!("{name:?} cannot be the name of an object")))
}

fn recording_key(recording: &RecordingName) -> String {
    let folder = recording.sha256.get(..2).unwrap_or("00");
    format!("recordings/{}/{folder}/{}", recording.set, recording.sha256)
}

fn is_old(modified: jiff::Timestamp, clock: &Clock) -> bool {
    let age = clock.now().duration_since(modified);
    SignedDuration::try_from(ABANDONED_AFTER).is_ok_and(|limit| age > limit)
}

fn failed(action: &'static str, url: &str, error: &StorageError) -> BackupError {
    BackupError::place(action, url)(std::io::Error::other(error.to_string()))
}
