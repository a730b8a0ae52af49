//! Where backups lie: a folder.
//!
//! A backup is written into `.unfinished-NAME` and renamed when every file is on the disk, so a folder with a name of ours is
//! always whole, also after a power cut.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tokio::fs;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

use crate::BackupError;

/// How the names of backups begin.
const PREFIX: &str = "voxanne-";
/// How the names of those begin that are being written.
const UNFINISHED: &str = ".unfinished-";
/// The file that is written last.
pub const COVER: &str = "backup.json";
/// The folder of recordings, beside the backups.
const RECORDINGS: &str = "recordings";
/// Bytes read at a time.
const READ: usize = 256 * 1024;
/// An unfinished backup or recording this old is what a crash left.
const ABANDONED_AFTER: std::time::Duration = std::time::Duration::from_hours(48);

/// Where backups lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    root: PathBuf,
}

/// The name of a backup: when it was taken, in UTC, and some letters of its id. Small letters only, for any storage.
pub fn name_of(taken_at: Timestamp, id: Uuid) -> String {
    let id = id.simple().to_string();
    // The end of an id is its random part.
    format!("{PREFIX}{}-{}", taken_at.strftime("%Y%m%d-%H%M%S"), &id[id.len() - 8..])
}

impl Place {
    /// Reads what an operator names a place by.
    pub fn parse(text: &str) -> Result<Self, BackupError> {
        if text.contains("://") {
            return Err(BackupError::BadPlace(format!(
                "{text:?} is not a folder, and this version writes to no other place"
            )));
        }
        let root = std::path::absolute(text).map_err(BackupError::place("resolve", text))?;
        Ok(Self { root })
    }

    /// As an operator would name it.
    pub fn describe(&self) -> String {
        self.root.display().to_string()
    }

    /// Begins a backup. It is nothing until it is finished, and goes away when it is not.
    pub async fn begin(&self, name: &str) -> Result<Draft, BackupError> {
        make_private(&self.root).await?;
        let path = self.root.join(format!("{UNFINISHED}{name}"));
        make_private(&path).await?;
        Ok(Draft { path: Some(path), root: self.root.clone(), name: name.to_owned() })
    }

    /// The names of the whole backups here, oldest first.
    pub async fn names(&self) -> Result<Vec<String>, BackupError> {
        let mut names = Vec::new();
        for name in entries(&self.root).await? {
            if name.starts_with(PREFIX) && exists(&self.root.join(&name).join(COVER)).await? {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// The backup that is meant: the named one, the newest here, or this folder itself where it is one.
    pub async fn find(&self, wanted: Option<&str>) -> Result<(Self, String), BackupError> {
        let none = || BackupError::NoBackup(self.describe());
        if let Some(name) = wanted {
            let found = self.names().await?.into_iter().find(|found| found == name);
            return Ok((self.clone(), found.ok_or_else(none)?));
        }
        if exists(&self.root.join(COVER)).await? {
            let name = self.root.file_name().and_then(|name| name.to_str()).ok_or_else(none)?.to_owned();
            let parent = self.root.parent().ok_or_else(none)?.to_owned();
            return Ok((Self { root: parent }, name));
        }
        let newest = self.names().await?.pop().ok_or_else(none)?;
        Ok((self.clone(), newest))
    }

    /// Reads a file of a backup.
    pub async fn read(&self, backup: &str, file: &str) -> Result<Reader, BackupError> {
        Reader::open(self.root.join(backup).join(file)).await
    }

    /// Removes a backup. Its cover goes first, so that half of it is no backup.
    pub async fn remove(&self, backup: &str) -> Result<(), BackupError> {
        let path = self.root.join(backup);
        remove_file(&path.join(COVER)).await?;
        sync_folder(&path).await?;
        fs::remove_dir_all(&path).await.map_err(BackupError::place("remove", path.display()))
    }

    /// Removes what crashes left behind.
    pub async fn tidy(&self, clock: &platform::clock::Clock) -> Result<(), BackupError> {
        for name in entries(&self.root).await? {
            let path = self.root.join(&name);
            if name.starts_with(UNFINISHED) && is_abandoned(&path, clock).await? {
                fs::remove_dir_all(&path).await.map_err(BackupError::place("remove", path.display()))?;
            }
        }
        Ok(())
    }

    /// The length of a recording here; none if it is not.
    pub async fn recording_length(&self, recording: &RecordingName) -> Result<Option<u64>, BackupError> {
        let path = self.recording_path(recording);
        match fs::metadata(&path).await {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BackupError::place("look at", path.display())(error)),
        }
    }

    /// Begins to write a recording. It is there once it is finished.
    pub async fn write_recording(&self, recording: &RecordingName) -> Result<Writer, BackupError> {
        let path = self.recording_path(recording);
        for folder in [self.root.join(RECORDINGS), self.recording_set(&recording.set), parent(&path)] {
            make_private(&folder).await?;
        }
        Writer::create(path).await
    }

    /// Reads a recording.
    pub async fn read_recording(&self, recording: &RecordingName) -> Result<Reader, BackupError> {
        Reader::open(self.recording_path(recording)).await
    }

    /// Removes the recordings of a set that `is_wanted` does not want, by their digests. Those that came lately stay: the
    /// backup that wants them may be unfinished.
    pub async fn sweep_recordings(
        &self,
        set: &str,
        is_wanted: impl Fn(&str) -> bool,
        clock: &platform::clock::Clock,
    ) -> Result<u64, BackupError> {
        let mut removed = 0;
        let root = self.recording_set(set);
        for folder in entries(&root).await? {
            for file in entries(&root.join(&folder)).await? {
                let path = root.join(&folder).join(&file);
                if !is_wanted(&file) && is_abandoned(&path, clock).await? {
                    remove_file(&path).await?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    fn recording_set(&self, set: &str) -> PathBuf {
        self.root.join(RECORDINGS).join(set)
    }

    fn recording_path(&self, recording: &RecordingName) -> PathBuf {
        let folder = recording.sha256.get(..2).unwrap_or("00");
        self.recording_set(&recording.set).join(folder).join(&recording.sha256)
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
pub struct Draft {
    /// None once it is finished.
    path: Option<PathBuf>,
    root: PathBuf,
    name: String,
}

impl Draft {
    /// Begins a file.
    pub async fn write(&self, file: &str) -> Result<Writer, BackupError> {
        Writer::create(self.file(file)).await
    }

    /// Reads a file that was finished.
    pub async fn read(&self, file: &str) -> Result<Reader, BackupError> {
        Reader::open(self.file(file)).await
    }

    /// Makes it a backup.
    pub async fn finish(mut self) -> Result<(), BackupError> {
        let Some(path) = self.path.clone() else { return Ok(()) };
        sync_folder(&path).await?;
        let whole = self.root.join(&self.name);
        fs::rename(&path, &whole).await.map_err(BackupError::place("put in place", whole.display()))?;
        self.path = None;
        sync_folder(&self.root).await
    }

    fn file(&self, file: &str) -> PathBuf {
        self.path.as_deref().unwrap_or(&self.root).join(file)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = std::fs::remove_dir_all(path)
        {
            tracing::warn!(%error, "an unfinished backup could not be removed; a later one removes it");
        }
    }
}

/// A file that is being written. It has its name only when it is finished.
#[derive(Debug)]
pub struct Writer {
    file: fs::File,
    part: PathBuf,
    path: PathBuf,
}

impl Writer {
    async fn create(path: PathBuf) -> Result<Self, BackupError> {
        let part = path.with_file_name(format!(".part-{}", Uuid::now_v7().simple()));
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&part).await;
        Ok(Self { file: file.map_err(BackupError::place("create", path.display()))?, part, path })
    }

    /// Writes more.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.file.write_all(bytes).await.map_err(BackupError::place("write", self.path.display()))
    }

    /// Makes it durable and gives it its name.
    pub async fn finish(mut self) -> Result<(), BackupError> {
        let written = async {
            self.file.flush().await?;
            self.file.sync_all().await?;
            fs::rename(&self.part, &self.path).await
        };
        written.await.map_err(BackupError::place("write", self.path.display()))?;
        sync_folder(&parent(&self.path)).await
    }
}

/// A file that is being read.
#[derive(Debug)]
pub struct Reader {
    file: fs::File,
    path: PathBuf,
}

impl Reader {
    async fn open(path: PathBuf) -> Result<Self, BackupError> {
        let file = fs::File::open(&path).await.map_err(BackupError::place("open", path.display()))?;
        Ok(Self { file, path })
    }

    /// The next bytes; none at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, BackupError> {
        let mut bytes = vec![0; READ];
        let read = self.file.read(&mut bytes).await.map_err(BackupError::place("read", self.path.display()))?;
        bytes.truncate(read);
        Ok((read > 0).then_some(bytes))
    }
}

async fn make_private(path: &Path) -> Result<(), BackupError> {
    let mut builder = fs::DirBuilder::new();
    match builder.recursive(true).mode(0o700).create(path).await {
        Ok(()) => Ok(()),
        Err(error) => Err(BackupError::place("create", path.display())(error)),
    }
}

/// The names in a folder; none where there is no folder.
async fn entries(path: &Path) -> Result<Vec<String>, BackupError> {
    let failed = || BackupError::place("list", path.display());
    let mut reader = match fs::read_dir(path).await {
        Ok(reader) => reader,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed()(error)),
    };
    let mut names = Vec::new();
    while let Some(entry) = reader.next_entry().await.map_err(failed())? {
        // A name that is not text is none of ours.
        names.extend(entry.file_name().into_string());
    }
    Ok(names)
}

async fn exists(path: &Path) -> Result<bool, BackupError> {
    fs::try_exists(path).await.map_err(BackupError::place("look at", path.display()))
}

async fn is_abandoned(path: &Path, clock: &platform::clock::Clock) -> Result<bool, BackupError> {
    let changed = match fs::metadata(path).await.and_then(|metadata| metadata.modified()) {
        Ok(changed) => changed,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(BackupError::place("look at", path.display())(error)),
    };
    let age = std::time::SystemTime::from(clock.now()).duration_since(changed);
    // One from the future is not old.
    Ok(age.is_ok_and(|age| age > ABANDONED_AFTER))
}

async fn remove_file(path: &Path) -> Result<(), BackupError> {
    match fs::remove_file(path).await {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(BackupError::place("remove", path.display())(error)),
        _ => Ok(()),
    }
}

async fn sync_folder(path: &Path) -> Result<(), BackupError> {
    let synced: io::Result<()> = async { fs::File::open(path).await?.sync_all().await }.await;
    synced.map_err(BackupError::place("write", path.display()))
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}
