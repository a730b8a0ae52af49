//! Files of a backup on their way in and out: digested as they lie there, and sealed where there is a key.
//!
//! A file is sealed for its backup and its name, so that none can stand in for another.

use platform::crypto::stream::{Opener, Sealer, StreamKey};
use sha2::{Digest as _, Sha256};

use crate::BackupError;
use crate::contents::FileEntry;
use crate::place::{Reader, Writer};

/// A file that is being written.
pub(crate) struct Sink {
    writer: Writer,
    sealer: Option<Sealer>,
    digest: Sha256,
    bytes: u64,
    ready: Vec<u8>,
    name: String,
}

impl Sink {
    /// Begins. `place` is what the file is sealed for.
    pub(crate) fn new(writer: Writer, name: &str, place: &str, key: Option<&StreamKey>) -> Self {
        let mut ready = Vec::new();
        let sealer = key.map(|key| Sealer::begin(key, place, &mut ready));
        Self { writer, sealer, digest: Sha256::new(), bytes: 0, ready, name: name.to_owned() }
    }

    /// Takes more of the plain bytes.
    pub(crate) async fn push(&mut self, plain: &[u8]) -> Result<(), BackupError> {
        match &mut self.sealer {
            Some(sealer) => {
                sealer.push(plain, &mut self.ready).map_err(|error| BackupError::unopened(&self.name, &error))?;
            }
            None => self.ready.extend_from_slice(plain),
        }
        self.write_ready().await
    }

    /// Makes the file durable.
    pub(crate) async fn finish(mut self) -> Result<FileEntry, BackupError> {
        if let Some(sealer) = self.sealer.take() {
            sealer.finish(&mut self.ready).map_err(|error| BackupError::unopened(&self.name, &error))?;
        }
        self.write_ready().await?;
        self.writer.finish().await?;
        Ok(FileEntry { name: self.name, bytes: self.bytes, sha256: hex::encode(self.digest.finalize()) })
    }

    async fn write_ready(&mut self) -> Result<(), BackupError> {
        self.digest.update(&self.ready);
        self.bytes += self.ready.len() as u64;
        self.writer.push(&self.ready).await?;
        self.ready.clear();
        Ok(())
    }
}

/// A file that is being read. The end comes only after everything was found as it was written.
pub(crate) struct Source {
    reader: Reader,
    opener: Option<Opener>,
    digest: Sha256,
    bytes: u64,
    /// None: the file's digest is not known from the cover, and its opening is the proof.
    expected: Option<FileEntry>,
    name: String,
    over: bool,
}

impl Source {
    pub(crate) fn new(reader: Reader, name: &str, place: &str, key: Option<&StreamKey>) -> Self {
        let opener = key.map(|key| Opener::new(key, place));
        let name = name.to_owned();
        Self { reader, opener, digest: Sha256::new(), bytes: 0, expected: None, name, over: false }
    }

    /// Demands that the file is exactly this one.
    pub(crate) fn expecting(mut self, entry: &FileEntry) -> Self {
        self.expected = Some(entry.clone());
        self
    }

    /// The next plain bytes; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, BackupError> {
        while !self.over {
            let mut plain = Vec::new();
            if let Some(bytes) = self.reader.next().await? {
                self.digest.update(&bytes);
                self.bytes += bytes.len() as u64;
                plain = self.open(bytes)?;
            } else {
                self.over = true;
                self.compare()?;
                if let Some(opener) = self.opener.take() {
                    opener.finish(&mut plain).map_err(|error| BackupError::unopened(&self.name, &error))?;
                }
            }
            if !plain.is_empty() {
                return Ok(Some(plain));
            }
        }
        Ok(None)
    }

    /// Reads to the end and keeps everything.
    pub(crate) async fn read_all(mut self) -> Result<Vec<u8>, BackupError> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    /// Reads to the end and keeps nothing: the proof that everything is there.
    pub(crate) async fn prove(mut self) -> Result<(), BackupError> {
        while self.next().await?.is_some() {}
        Ok(())
    }

    fn open(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, BackupError> {
        let Some(opener) = &mut self.opener else { return Ok(bytes) };
        let mut plain = Vec::new();
        opener.push(&bytes, &mut plain).map_err(|error| BackupError::unopened(&self.name, &error))?;
        Ok(plain)
    }

    fn compare(&mut self) -> Result<(), BackupError> {
        let Some(expected) = &self.expected else { return Ok(()) };
        if self.bytes != expected.bytes {
            let why = format!("it has {} bytes, not {}", self.bytes, expected.bytes);
            return Err(BackupError::damaged(&self.name, why));
        }
        if hex::encode(std::mem::take(&mut self.digest).finalize()) != expected.sha256 {
            return Err(BackupError::damaged(&self.name, "its bytes are not those that were written"));
        }
        Ok(())
    }
}
