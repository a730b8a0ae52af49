//! A folder.
//!
//! A backup is written into `.unfinished-NAME` and renamed when every file is on the disk, so a folder with a name of ours is
//! always whole, also after a power cut.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

use super::{ABANDONED_AFTER, COVER, PREFIX, RecordingName};
use crate::BackupError;

/// How the names of those begin that are being written.
const UNFINISHED: &str = ".unfinished-";
/// The folder of recordings, beside the backups.
const RECORDINGS: &str = "recordings";
/// Bytes read at a time.
const READ: usize = 256 * 1024;
/// A folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn new(text: &str) -> Result<Self, BackupError> {
        Ok(Self { root: std::path::absolute(text).map_err(BackupError::place("resolve", text))? })
    }

    pub(super) fn describe(&self) -> String {
        self.root.display().to_string()
    }

    /// Begins a backup. It is nothing until it is finished, and goes away when it is not.
    pub(super) async fn begin(&self, name: &str) -> Result<FolderDraft, BackupError> {
        make_private(&self.root).await?;
        let path = self.root.join(format!("{UNFINISHED}{name}"));
        make_private(&path).await?;
        Ok(FolderDraft { path: Some(path), root: self.root.clone(), name: name.to_owned() })
    }

    /// The names of the whole backups here, oldest first.
    pub(super) async fn names(&self) -> Result<Vec<String>, BackupError> {
        let mut names = Vec::new();
        for name in entries(&self.root).await? {
            if name.starts_with(PREFIX) && exists(&self.root.join(&name).join(COVER)).await? {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// The name of this folder where it is itself a backup, and the folder that it is in.
    pub(super) async fn itself(&self) -> Result<Option<(Self, String)>, BackupError> {
        if !exists(&self.root.join(COVER)).await? {
            return Ok(None);
        }
        let parts = (self.root.parent(), self.root.file_name().and_then(|name| name.to_str()));
        let (Some(parent), Some(name)) = parts else { return Ok(None) };
        Ok(Some((Self { root: parent.to_owned() }, name.to_owned())))
    }

    /// Reads a file of a backup.
    pub(super) async fn read(&self, backup: &str, file: &str) -> Result<FolderReader, BackupError> {
        FolderReader::open(self.root.join(backup).join(file)).await
    }

    /// Removes a backup. Its cover goes first, so that half of it is no backup.
    pub(super) async fn remove(&self, backup: &str) -> Result<(), BackupError> {
        let path = self.root.join(backup);
        remove_file(&path.join(COVER)).await?;
        sync_folder(&path).await?;
        fs::remove_dir_all(&path).await.map_err(BackupError::place("remove", path.display()))
    }

    /// Removes what crashes left behind.
    pub(super) async fn tidy(&self, clock: &platform::clock::Clock) -> Result<(), BackupError> {
        for name in entries(&self.root).await? {
            let path = self.root.join(&name);
            if name.starts_with(UNFINISHED) && is_abandoned(&path, clock).await? {
                fs::remove_dir_all(&path).await.map_err(BackupError::place("remove", path.display()))?;
            }
        }
        Ok(())
    }

    /// The length of a recording here; none if it is not.
    pub(super) async fn recording_length(&self, recording: &RecordingName) -> Result<Option<u64>, BackupError> {
        let path = self.recording_path(recording);
        match fs::metadata(&path).await {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BackupError::place("look at", path.display())(error)),
        }
    }

    /// Begins to write a recording. It is there once it is finished.
    pub(super) async fn write_recording(&self, recording: &RecordingName) -> Result<FolderWriter, BackupError> {
        let path = self.recording_path(recording);
        for folder in [self.root.join(RECORDINGS), self.recording_set(&recording.set), parent(&path)] {
            make_private(&folder).await?;
        }
        FolderWriter::create(path).await
    }

    /// Reads a recording.
    pub(super) async fn read_recording(&self, recording: &RecordingName) -> Result<FolderReader, BackupError> {
        FolderReader::open(self.recording_path(recording)).await
    }

    /// Removes the recordings of a set that `is_wanted` does not want, by their digests. Those that came lately stay: the
    /// backup that wants them may be unfinished.
    pub(super) async fn sweep_recordings(
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

/// A backup that is being written.
#[derive(Debug)]
pub(super) struct FolderDraft {
    /// None once it is finished.
    path: Option<PathBuf>,
    root: PathBuf,
    name: String,
}

impl FolderDraft {
    /// Begins a file.
    pub(super) async fn write(&self, file: &str) -> Result<FolderWriter, BackupError> {
        FolderWriter::create(self.file(file)).await
    }

    /// Reads a file that was finished.
    pub(super) async fn read(&self, file: &str) -> Result<FolderReader, BackupError> {
        FolderReader::open(self.file(file)).await
    }

    /// Makes it a backup.
    pub(super) async fn finish(mut self) -> Result<(), BackupError> {
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

impl Drop for FolderDraft {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = std::fs::remove_dir_all(path)
        {
            tracing::warn!(%error, "an unfinished backup could not be removed; a later one removes it");
        }
    }
}

/// A file that is being written. It has its name only when it is finished, and goes away when it is not.
#[derive(Debug)]
pub(super) struct FolderWriter {
    file: fs::File,
    part: PathBuf,
    path: PathBuf,
}

impl Drop for FolderWriter {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.part) {
            // Finished: it has its name.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "a part of a backup could not be removed; a later one removes it"),
            Ok(()) => {}
        }
    }
}

impl FolderWriter {
    async fn create(path: PathBuf) -> Result<Self, BackupError> {
        let part = path.with_file_name(format!(".part-{}", Uuid::now_v7().simple()));
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&part).await;
        Ok(Self { file: file.map_err(BackupError::place("create", path.display()))?, part, path })
    }

    /// Writes more.
    pub(super) async fn push(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.file.write_all(bytes).await.map_err(BackupError::place("write", self.path.display()))
    }

    /// Makes it durable and gives it its name.
    pub(super) async fn finish(mut self) -> Result<(), BackupError> {
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
pub(super) struct FolderReader {
    file: fs::File,
    path: PathBuf,
}

impl FolderReader {
    async fn open(path: PathBuf) -> Result<Self, BackupError> {
        let file = fs::File::open(&path).await.map_err(BackupError::place("open", path.display()))?;
        Ok(Self { file, path })
    }

    /// The next bytes; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, BackupError> {
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
