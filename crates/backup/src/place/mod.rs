//! Where backups lie: a folder, or a bucket.

mod bucket;
mod folder;

use jiff::Timestamp;
use platform::clock::Clock;
use platform::config::S3Access;
use uuid::Uuid;

use crate::BackupError;
use bucket::{Bucket, BucketReader, BucketWriter};
use folder::{Folder, FolderDraft, FolderReader, FolderWriter};

/// How the names of backups begin.
const PREFIX: &str = "voxanne-";
/// The file that is written last.
pub const COVER: &str = "backup.json";
/// What is unfinished or unwanted for this long goes: nobody writes it any more, and no unfinished backup wants it.
const ABANDONED_AFTER: std::time::Duration = std::time::Duration::from_hours(48);

/// The name of a backup: when it was taken, in UTC, and some letters of its id. Small letters only, for any storage.
pub fn name_of(taken_at: Timestamp, id: Uuid) -> String {
    format!("{PREFIX}{}{}", taken_at.strftime("%Y%m%d-%H%M%S"), ending_of(id))
}

/// The end of an id is its random part.
fn ending_of(id: Uuid) -> String {
    let id = id.simple().to_string();
    format!("-{}", &id[id.len() - 8..])
}

/// Where backups lie.
#[derive(Clone, Debug)]
pub struct Place(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Folder(Folder),
    Bucket(Bucket),
}

impl Place {
    /// Reads what an operator names a place by: a folder, or `s3://bucket/prefix` with the means to reach it.
    pub fn parse(text: &str, s3: Option<&S3Access>) -> Result<Self, BackupError> {
        if !text.contains("://") {
            return Ok(Self(Kind::Folder(Folder::new(text)?)));
        }
        Ok(Self(Kind::Bucket(Bucket::at(text, s3)?)))
    }

    /// As an operator would name it.
    pub fn describe(&self) -> String {
        match &self.0 {
            Kind::Folder(folder) => folder.describe(),
            Kind::Bucket(bucket) => bucket.url().to_owned(),
        }
    }

    /// Whether it is reached over the network, and kept by somebody else.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self.0, Kind::Bucket(_))
    }

    /// Begins a backup. It is nothing until it is finished.
    pub async fn begin(&self, name: &str) -> Result<Draft, BackupError> {
        Ok(Draft(match &self.0 {
            Kind::Folder(folder) => DraftKind::Folder(folder.begin(name).await?),
            Kind::Bucket(bucket) => DraftKind::Bucket(bucket.clone(), name.to_owned()),
        }))
    }

    /// The names of the whole backups here, oldest first.
    pub async fn names(&self) -> Result<Vec<String>, BackupError> {
        match &self.0 {
            Kind::Folder(folder) => folder.names().await,
            Kind::Bucket(bucket) => bucket.names().await,
        }
    }

    /// The backup that is meant: the named one, the newest here, or this folder itself where it is one.
    pub async fn find(&self, wanted: Option<&str>) -> Result<(Self, String), BackupError> {
        if let (Kind::Folder(folder), None) = (&self.0, wanted)
            && let Some((parent, name)) = folder.itself().await?
        {
            return Ok((Self(Kind::Folder(parent)), name));
        }
        let mut names = self.names().await?;
        let found = match wanted {
            Some(wanted) => names.into_iter().find(|name| name == wanted),
            None => names.pop(),
        };
        let found = found.ok_or_else(|| BackupError::NoBackup(self.describe()))?;
        Ok((self.clone(), found))
    }

    /// The name of the backup with this id.
    pub async fn name_with(&self, id: Uuid) -> Result<String, BackupError> {
        let names = self.names().await?;
        let found = names.into_iter().find(|name| name.ends_with(&ending_of(id)));
        found.ok_or_else(|| BackupError::NoBackup(self.describe()))
    }

    /// Reads a file of a backup.
    pub async fn read(&self, backup: &str, file: &str) -> Result<Reader, BackupError> {
        Ok(Reader(match &self.0 {
            Kind::Folder(folder) => ReaderKind::Folder(folder.read(backup, file).await?),
            Kind::Bucket(bucket) => ReaderKind::Bucket(bucket.read(backup, file).await?),
        }))
    }

    /// Removes a backup. Its cover goes first, so that half of it is no backup.
    pub async fn remove(&self, backup: &str) -> Result<(), BackupError> {
        match &self.0 {
            Kind::Folder(folder) => folder.remove(backup).await,
            Kind::Bucket(bucket) => bucket.remove(backup).await,
        }
    }

    /// Removes what crashes left behind.
    pub async fn tidy(&self, clock: &Clock) -> Result<(), BackupError> {
        match &self.0 {
            Kind::Folder(folder) => folder.tidy(clock).await,
            Kind::Bucket(bucket) => bucket.tidy(clock).await,
        }
    }

    /// The length of a recording here; none if it is not.
    pub async fn recording_length(&self, recording: &RecordingName) -> Result<Option<u64>, BackupError> {
        match &self.0 {
            Kind::Folder(folder) => folder.recording_length(recording).await,
            Kind::Bucket(bucket) => bucket.recording_length(recording).await,
        }
    }

    /// Begins to write a recording. It is there once it is finished.
    pub async fn write_recording(&self, recording: &RecordingName) -> Result<Writer, BackupError> {
        Ok(Writer(match &self.0 {
            Kind::Folder(folder) => WriterKind::Folder(folder.write_recording(recording).await?),
            Kind::Bucket(bucket) => WriterKind::Bucket(bucket.write_recording(recording).await?),
        }))
    }

    /// Reads a recording.
    pub async fn read_recording(&self, recording: &RecordingName) -> Result<Reader, BackupError> {
        Ok(Reader(match &self.0 {
            Kind::Folder(folder) => ReaderKind::Folder(folder.read_recording(recording).await?),
            Kind::Bucket(bucket) => ReaderKind::Bucket(bucket.read_recording(recording).await?),
        }))
    }

    /// Removes the recordings of a set that `is_wanted` does not want, by their digests. Those that came lately stay: the
    /// backup that wants them may be unfinished.
    pub async fn sweep_recordings(
        &self,
        set: &str,
        is_wanted: impl Fn(&str) -> bool,
        clock: &Clock,
    ) -> Result<u64, BackupError> {
        match &self.0 {
            Kind::Folder(folder) => folder.sweep_recordings(set, is_wanted, clock).await,
            Kind::Bucket(bucket) => bucket.sweep_recordings(set, is_wanted, clock).await,
        }
    }
}

/// Which recording: its digest, in the set of those that were sealed with one key (or with none).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingName {
    /// `plain`, or the name of the key.
    pub set: String,
    /// SHA-256 of the plain bytes, in hexadecimal.
    pub sha256: String,
}

/// A backup that is being written.
#[derive(Debug)]
pub struct Draft(DraftKind);

#[derive(Debug)]
enum DraftKind {
    Folder(FolderDraft),
    Bucket(Bucket, String),
}

impl Draft {
    /// Begins a file.
    pub async fn write(&self, file: &str) -> Result<Writer, BackupError> {
        Ok(Writer(match &self.0 {
            DraftKind::Folder(draft) => WriterKind::Folder(draft.write(file).await?),
            DraftKind::Bucket(bucket, name) => WriterKind::Bucket(bucket.write(name, file).await?),
        }))
    }

    /// Reads a file that was finished.
    pub async fn read(&self, file: &str) -> Result<Reader, BackupError> {
        Ok(Reader(match &self.0 {
            DraftKind::Folder(draft) => ReaderKind::Folder(draft.read(file).await?),
            DraftKind::Bucket(bucket, name) => ReaderKind::Bucket(bucket.read(name, file).await?),
        }))
    }

    /// Makes it a backup. In a bucket its cover, written last, has done so.
    pub async fn finish(self) -> Result<(), BackupError> {
        match self.0 {
            DraftKind::Folder(draft) => draft.finish().await,
            DraftKind::Bucket(..) => Ok(()),
        }
    }
}

/// A file that is being written. It has its name only when it is finished.
#[derive(Debug)]
pub struct Writer(WriterKind);

#[derive(Debug)]
enum WriterKind {
    Folder(FolderWriter),
    Bucket(BucketWriter),
}

impl Writer {
    /// Writes more.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        match &mut self.0 {
            WriterKind::Folder(writer) => writer.push(bytes).await,
            WriterKind::Bucket(writer) => writer.push(bytes).await,
        }
    }

    /// Makes it durable and gives it its name.
    pub async fn finish(self) -> Result<(), BackupError> {
        match self.0 {
            WriterKind::Folder(writer) => writer.finish().await,
            WriterKind::Bucket(writer) => writer.finish().await,
        }
    }
}

/// A file that is being read.
#[derive(Debug)]
pub struct Reader(ReaderKind);

#[derive(Debug)]
enum ReaderKind {
    Folder(FolderReader),
    Bucket(BucketReader),
}

impl Reader {
    /// The next bytes; none at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, BackupError> {
        match &mut self.0 {
            ReaderKind::Folder(reader) => reader.next().await,
            ReaderKind::Bucket(reader) => reader.next().await,
        }
    }
}
