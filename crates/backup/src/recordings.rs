//! Recordings: copied beside the backups, once each, and brought back.
//!
//! A recording is named by the digest of its sound. What is there already is not copied again, so a nightly backup costs as
//! much as the day's calls. One that cannot be read is left out and counted: the database is not lost for the sake of a sound.

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use platform::crypto::stream::{StreamKey, sealed_length};
use platform::storage::{Key, Storage, StorageError};
use sha2::{Digest as _, Sha256};

use crate::BackupError;
use crate::contents::RecordingEntry;
use crate::place::{Place, RecordingName};
use crate::stored::{Sink, Source};

/// What a recording is sealed for.
fn sealed_for(sha256: &str) -> String {
    format!("recording/{sha256}")
}

/// The set of recordings that one key seals.
pub(crate) fn set_of(key: Option<&StreamKey>) -> String {
    key.map_or_else(|| "plain".to_owned(), StreamKey::name)
}

fn name_of(entry: &RecordingEntry, key: Option<&StreamKey>) -> RecordingName {
    RecordingName { set: set_of(key), sha256: entry.sha256.clone() }
}

/// Copies what is new, and notes of each recording whether the place has it.
pub(crate) async fn copy(
    entries: &mut [RecordingEntry],
    storage: &Storage,
    place: &Place,
    key: Option<&StreamKey>,
) -> Result<(), BackupError> {
    for entry in entries {
        entry.kept = is_there(entry, place, key).await? || copy_one(entry, storage, place, key).await?;
    }
    Ok(())
}

async fn is_there(entry: &RecordingEntry, place: &Place, key: Option<&StreamKey>) -> Result<bool, BackupError> {
    let length = if key.is_some() { sealed_length(entry.bytes) } else { entry.bytes };
    Ok(place.recording_length(&name_of(entry, key)).await? == Some(length))
}

/// False: the storage does not give it, or gives something else.
async fn copy_one(
    entry: &RecordingEntry,
    storage: &Storage,
    place: &Place,
    key: Option<&StreamKey>,
) -> Result<bool, BackupError> {
    let left_out = |error: &StorageError| {
        tracing::warn!(key = entry.key, error = error.class(), "a recording was left out of a backup");
    };
    let mut sound = match open(entry, storage).await {
        Ok(sound) => sound,
        Err(error) => {
            left_out(&error);
            return Ok(false);
        }
    };
    let writer = place.write_recording(&name_of(entry, key)).await?;
    let mut sink = Sink::new(writer, &entry.sha256, &sealed_for(&entry.sha256), key);
    let mut digest = Sha256::new();
    while let Some(part) = sound.next().await {
        match part {
            Ok(bytes) => {
                digest.update(&bytes);
                sink.push(&bytes).await?;
            }
            Err(error) => {
                left_out(&error);
                return Ok(false);
            }
        }
    }
    if hex::encode(digest.finalize()) != entry.sha256 {
        left_out(&StorageError::Tampered);
        return Ok(false);
    }
    sink.finish().await?;
    Ok(true)
}

async fn open(
    entry: &RecordingEntry,
    storage: &Storage,
) -> Result<BoxStream<'static, Result<Bytes, StorageError>>, StorageError> {
    Ok(storage.get(&Key::new(entry.key.clone())?, None).await?.stream)
}

/// Reads a recording of a backup to its end: nothing of it is missing or changed.
pub(crate) async fn prove(entry: &RecordingEntry, place: &Place, key: Option<&StreamKey>) -> Result<(), BackupError> {
    let mut sound = Sound::open(entry, place, key).await?;
    while sound.next().await?.is_some() {}
    Ok(())
}

/// Brings a recording back into the storage, unless it is there.
pub(crate) async fn bring_back(
    entry: &RecordingEntry,
    storage: &Storage,
    place: &Place,
    key: Option<&StreamKey>,
) -> Result<(), BackupError> {
    let failed = |error: StorageError| BackupError::Recording { key: entry.key.clone(), why: error.to_string() };
    let to = Key::new(entry.key.clone()).map_err(failed)?;
    match storage.head(&to).await {
        Ok(there) if there.size == entry.bytes => return Ok(()),
        Ok(_) | Err(StorageError::NotFound) => {}
        Err(error) => return Err(failed(error)),
    }
    let mut sound = Sound::open(entry, place, key).await?;
    let mut upload = storage.create(&to).await.map_err(failed)?;
    loop {
        match sound.next().await {
            Ok(Some(bytes)) => upload.write(bytes.into()).await.map_err(failed)?,
            Ok(None) => break,
            Err(error) => {
                upload.abandon().await;
                return Err(error);
            }
        }
    }
    upload.finish().await.map_err(failed)?;
    Ok(())
}

/// A recording of a backup while it is read. Its end comes only when it is the one it should be.
struct Sound {
    source: Source,
    digest: Sha256,
    sha256: String,
}

impl Sound {
    async fn open(entry: &RecordingEntry, place: &Place, key: Option<&StreamKey>) -> Result<Self, BackupError> {
        let reader = place.read_recording(&name_of(entry, key)).await?;
        let source = Source::new(reader, &entry.sha256, &sealed_for(&entry.sha256), key);
        Ok(Self { source, digest: Sha256::new(), sha256: entry.sha256.clone() })
    }

    async fn next(&mut self) -> Result<Option<Vec<u8>>, BackupError> {
        let bytes = self.source.next().await?;
        match &bytes {
            Some(bytes) => self.digest.update(bytes),
            None if hex::encode(std::mem::take(&mut self.digest).finalize()) != self.sha256 => {
                return Err(BackupError::damaged(&self.sha256, "it is another sound"));
            }
            None => {}
        }
        Ok(bytes)
    }
}
