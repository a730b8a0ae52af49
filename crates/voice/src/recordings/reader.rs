//! A stored file as the decoder wants it: to be read and sought in, on a thread of its own.

use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;
use platform::storage::{Key, Storage};
use tokio::runtime::Handle;

/// Bytes that are fetched at a time.
const BLOCK: u64 = 1 << 20;

/// Reads a stored file. Blocks: only for threads that may.
pub(super) struct StorageReader {
    storage: Storage,
    key: Key,
    size: u64,
    position: u64,
    block: Bytes,
    block_at: u64,
    runtime: Handle,
}

impl StorageReader {
    /// To be called within the runtime.
    pub(super) fn new(storage: Storage, key: Key, size: u64) -> Self {
        Self { storage, key, size, position: 0, block: Bytes::new(), block_at: 0, runtime: Handle::current() }
    }

    fn fetch(&mut self) -> io::Result<()> {
        let range = self.position..(self.position + BLOCK).min(self.size);
        let read = async { self.storage.get(&self.key, Some(range)).await?.bytes().await };
        self.block = self.runtime.block_on(read).map_err(io::Error::other)?;
        self.block_at = self.position;
        Ok(())
    }
}

impl Read for StorageReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size || into.is_empty() {
            return Ok(0);
        }
        let is_here = (self.block_at..self.block_at + self.block.len() as u64).contains(&self.position);
        if !is_here {
            self.fetch()?;
        }
        let from = usize::try_from(self.position - self.block_at).map_err(io::Error::other)?;
        let rest = self.block.get(from..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for StorageReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
