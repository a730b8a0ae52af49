//! Encryption of stored files: a sealed stream ([`crate::crypto::stream`]) for each, bound to the file's key, of which any part
//! is read without the rest.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

use super::StorageError;
use crate::config::MasterKey;
use crate::crypto::stream::{HEADER, PIECE, PieceOpener, SEALED_PIECE, Sealer, StreamError, StreamKey, plain_length};

/// Bytes of a file that tell whether it is sealed, and with which key.
pub(super) const HEAD: u64 = HEADER as u64;

impl From<StreamError> for StorageError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::NotSealed | StreamError::Damaged => Self::Tampered,
            StreamError::OtherKey => Self::NoKey,
            StreamError::TooLong => Self::TooLarge,
        }
    }
}

/// The keys of a storage: the first seals, all open.
#[derive(Clone, Default)]
pub(super) struct Keys(Arc<[StreamKey]>);

impl Keys {
    pub(super) fn new(keys: &[MasterKey]) -> Self {
        Self(keys.iter().map(derive).collect())
    }

    pub(super) fn can_seal(&self) -> bool {
        !self.0.is_empty()
    }

    /// Begins to seal a file that will be found under `key`; its beginning goes to `out`. Nothing without a key.
    pub(super) fn sealer(&self, key: &str, out: &mut Vec<u8>) -> Option<Sealer> {
        Some(Sealer::begin(self.0.first()?, key, out))
    }

    /// Prepares to open the file under `key` whose stored bytes begin with `head` and are `size` in all.
    pub(super) fn opener(&self, head: &[u8], key: &str, size: u64) -> Result<Opener, StorageError> {
        let head = head.first_chunk::<HEADER>().ok_or(StorageError::Tampered)?;
        let plain = plain_length(size).ok_or(StorageError::Tampered)?;
        let count = plain.div_ceil(PIECE as u64).max(1);
        let count = u32::try_from(count).map_err(|_| StorageError::Tampered)?;
        for known in self.0.iter() {
            match PieceOpener::new(known, key, head) {
                Ok(pieces) => return Ok(Opener { pieces, count, plain, stored: size }),
                Err(StreamError::OtherKey) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StorageError::NoKey)
    }
}

/// A key of its own from the configured one, so that the same bytes given for something else give nothing away.
fn derive(key: &MasterKey) -> StreamKey {
    let bytes = Sha256::new().chain_update(b"voxanne stored files, key, 1").chain_update(key.expose()).finalize();
    StreamKey::from_bytes(&bytes.into())
}

/// Opens parts of a sealed file.
pub(super) struct Opener {
    pieces: PieceOpener,
    count: u32,
    plain: u64,
    stored: u64,
}

impl Opener {
    /// How many bytes the file had before it was sealed.
    pub(super) fn size(&self) -> u64 {
        self.plain
    }

    /// Which stored bytes hold the plain bytes of `range`, whole pieces of them, and how to open these.
    pub(super) fn cover(self, range: &Range<u64>) -> (Range<u64>, Opening) {
        const PLAIN: u64 = PIECE as u64;
        const SEALED: u64 = SEALED_PIECE as u64;
        let (first, last) = (range.start / PLAIN, range.end.saturating_sub(1).max(range.start) / PLAIN);
        let stored = HEAD + first * SEALED..(HEAD + (last + 1) * SEALED).min(self.stored);
        let opening = Opening {
            pieces: self.pieces,
            waiting: BytesMut::new(),
            next: u32::try_from(first).unwrap_or(u32::MAX),
            count: self.count,
            skip: usize::try_from(range.start % PLAIN).unwrap_or_default(),
            left: range.end - range.start,
        };
        (stored, opening)
    }
}

/// Opens pieces as their bytes come.
pub(super) struct Opening {
    pieces: PieceOpener,
    waiting: BytesMut,
    next: u32,
    count: u32,
    skip: usize,
    left: u64,
}

impl Opening {
    /// Takes stored bytes in and gives plain ones out.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Bytes, StorageError> {
        self.waiting.extend_from_slice(bytes);
        let mut plain = BytesMut::new();
        while self.waiting.len() >= SEALED_PIECE {
            let piece = self.waiting.split_to(SEALED_PIECE);
            self.open(&piece, &mut plain)?;
        }
        Ok(plain.freeze())
    }

    /// What is left at the end, which is complete or an error.
    pub(super) fn finish(&mut self) -> Result<Bytes, StorageError> {
        let mut plain = BytesMut::new();
        let piece = self.waiting.split();
        if !piece.is_empty() {
            self.open(&piece, &mut plain)?;
        }
        if self.left > 0 { Err(StorageError::Tampered) } else { Ok(plain.freeze()) }
    }

    fn open(&mut self, piece: &[u8], plain: &mut BytesMut) -> Result<(), StorageError> {
        let opened = self.pieces.open(self.next, self.next + 1 == self.count, piece)?;
        self.next += 1;
        let wanted = opened.get(self.skip..).unwrap_or_default();
        let wanted = &wanted[..wanted.len().min(usize::try_from(self.left).unwrap_or(usize::MAX))];
        plain.extend_from_slice(wanted);
        // Only the first piece is not wanted from its beginning.
        self.skip = 0;
        self.left -= wanted.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(bytes: &[u8]) -> Keys {
        let key = |byte: u8| {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode([byte; 32]).parse().unwrap()
        };
        Keys::new(&bytes.iter().copied().map(key).collect::<Vec<_>>())
    }

    fn sealed(keys: &Keys, place: &str, plain: &[u8]) -> Vec<u8> {
        let mut stored = Vec::new();
        let mut sealer = keys.sealer(place, &mut stored).unwrap();
        sealer.push(plain, &mut stored).unwrap();
        sealer.finish(&mut stored).unwrap();
        stored
    }

    fn opened(keys: &Keys, place: &str, stored: &[u8], range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        let opener = keys.opener(&stored[..stored.len().min(HEADER)], place, stored.len() as u64)?;
        let range = range.start..range.end.min(opener.size());
        let (part, mut opening) = opener.cover(&range);
        assert!(part.end - part.start <= range.end - range.start + 3 * SEALED_PIECE as u64, "no more than is needed");
        let mut plain = Vec::new();
        for bytes in stored[at(part.start)..at(part.end)].chunks(1000) {
            plain.extend_from_slice(&opening.push(bytes)?);
        }
        plain.extend_from_slice(&opening.finish()?);
        Ok(plain)
    }

    fn at(place: u64) -> usize {
        usize::try_from(place).unwrap()
    }

    fn noise(length: usize) -> Vec<u8> {
        (0..251_u8).cycle().step_by(31).take(length).collect()
    }

    #[test]
    fn files_of_every_length_come_back() {
        let keys = keys(&[7]);
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 200_000] {
            let plain = noise(length);
            let stored = sealed(&keys, "a/b/c", &plain);
            assert_eq!(opened(&keys, "a/b/c", &stored, 0..u64::MAX).unwrap(), plain, "{length}");
        }
    }

    #[test]
    fn what_was_changed_cut_moved_or_swapped_does_not_open() {
        let keys = keys(&[7]);
        let plain = noise(3 * PIECE + 7);
        let stored = sealed(&keys, "a/b/c", &plain);
        assert!(opened(&keys, "a/b/d", &stored, 0..9).is_err(), "under another name");
        for at in [0, 8, 16, HEADER - 1, HEADER, 70_000, stored.len() - 1] {
            let mut changed = stored.clone();
            changed[at] ^= 1;
            assert!(opened(&keys, "a/b/c", &changed, 0..u64::MAX).is_err(), "a changed byte at {at}");
        }
        for length in [0, HEADER, HEADER + 16, HEADER + SEALED_PIECE, HEADER + 3 * SEALED_PIECE, stored.len() - 1] {
            assert!(opened(&keys, "a/b/c", &stored[..length], 0..u64::MAX).is_err(), "cut to {length}");
        }
        let mut swapped = stored.clone();
        let (one, two) = swapped[HEADER..].split_at_mut(SEALED_PIECE);
        one.swap_with_slice(&mut two[..SEALED_PIECE]);
        assert!(opened(&keys, "a/b/c", &swapped, 0..u64::MAX).is_err());
    }

    #[test]
    fn an_old_key_opens_as_long_as_it_is_named() {
        let stored = sealed(&keys(&[7]), "a", b"x");
        assert_eq!(opened(&keys(&[8, 7]), "a", &stored, 0..1).unwrap(), b"x");
        assert!(matches!(opened(&keys(&[8]), "a", &stored, 0..1), Err(StorageError::NoKey)));
        assert!(opened(&keys(&[7]), "a", &sealed(&keys(&[8, 7]), "a", b"x"), 0..1).is_err(), "the first one seals");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_part_is_what_it_is_in_the_whole(length in 1..200_000_usize, a: u32, b: u32) {
            let keys = keys(&[3]);
            let plain = noise(length);
            let (a, b) = (a as usize % length, b as usize % length);
            let (from, to) = (a.min(b), a.max(b) + 1);
            let stored = sealed(&keys, "k", &plain);
            prop_assert_eq!(opened(&keys, "k", &stored, from as u64..to as u64).unwrap(), &plain[from..to]);
        }
    }
}
