//! Encryption of stored files, in pieces, so that any part can be read without the rest.
//!
//! A sealed file is a head of 32 bytes and then pieces of 64 KiB, each with a tag of 16 bytes (the last piece may be
//! shorter, and an empty file is one empty piece). Head: `VXS1`, the size of a piece as a power of two, three bytes zero,
//! four bytes that tell which key, a nonce of 19 bytes, one byte zero. Each piece is sealed with `XChaCha20-Poly1305` under
//! the file's nonce, its number (four bytes) and whether it is the last one (one byte): the STREAM construction of Hoang,
//! Reyhanitabar, Rogaway and Vizár, 2015. Head and key of the file are authenticated with every piece, so pieces cannot be
//! moved, swapped, cut off at the end, or passed off as another file's.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};

use super::StorageError;
use crate::config::MasterKey;
use crate::crypto::random_bytes;

/// Bytes before the first piece.
pub(super) const HEAD: u64 = 32;
const HEAD_BYTES: usize = 32;
const MAGIC: &[u8; 4] = b"VXS1";
const PIECE_LOG2: u8 = 16;
/// Bytes of a piece before it is sealed, and after.
const PIECE_BYTES: usize = 1 << PIECE_LOG2;
const SEALED_PIECE_BYTES: usize = PIECE_BYTES + 16;
const PIECE: u64 = 1 << PIECE_LOG2;
const TAG: u64 = 16;
const SEALED_PIECE: u64 = PIECE + TAG;
const NONCE: usize = 19;

/// The keys of a storage: the first seals, all open.
#[derive(Clone, Default)]
pub(super) struct Keys(Arc<[FileKey]>);

struct FileKey {
    id: [u8; 4],
    cipher: XChaCha20Poly1305,
}

impl Keys {
    pub(super) fn new(keys: &[MasterKey]) -> Self {
        Self(keys.iter().map(FileKey::derive).collect())
    }

    pub(super) fn can_seal(&self) -> bool {
        !self.0.is_empty()
    }

    /// Begins to seal a file that will be found under `key`. Nothing without a key.
    pub(super) fn sealer(&self, key: &str) -> Option<Sealer> {
        let file_key = self.0.first()?;
        let head = Head { key_id: file_key.id, nonce: random_bytes::<NONCE>() };
        Some(Sealer { pieces: Pieces::new(file_key, head, key), waiting: BytesMut::new(), number: 0 })
    }

    /// Prepares to open the file under `key` whose stored bytes begin with `head` and are `size` in all.
    pub(super) fn opener(&self, head: &[u8], key: &str, size: u64) -> Result<Opener, StorageError> {
        let head = Head::read(head).ok_or(StorageError::Tampered)?;
        let file_key = self.0.iter().find(|known| known.id == head.key_id).ok_or(StorageError::NoKey)?;
        let sealed = size.checked_sub(HEAD).filter(|sealed| *sealed >= TAG).ok_or(StorageError::Tampered)?;
        let pieces = sealed.div_ceil(SEALED_PIECE);
        let last = sealed - (pieces - 1) * SEALED_PIECE;
        let plain = (pieces - 1) * PIECE + last.checked_sub(TAG).ok_or(StorageError::Tampered)?;
        let pieces_left = u32::try_from(pieces).map_err(|_| StorageError::Tampered)?;
        Ok(Opener { pieces: Pieces::new(file_key, head, key), count: pieces_left, plain })
    }
}

impl FileKey {
    /// A key of its own from the configured one, so that the same bytes given for something else give nothing away.
    fn derive(key: &MasterKey) -> Self {
        let derive = |what: &[u8]| Sha256::new().chain_update(what).chain_update(key.expose()).finalize();
        let bytes: [u8; 32] = derive(b"voxanne stored files, key, 1").into();
        let [a, b, c, d, ..] = <[u8; 32]>::from(derive(b"voxanne stored files, key id, 1"));
        Self { id: [a, b, c, d], cipher: XChaCha20Poly1305::new(&Key::from(bytes)) }
    }
}

/// Whether stored bytes begin like a sealed file.
pub(super) fn is_sealed(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

#[derive(Clone, Copy)]
struct Head {
    key_id: [u8; 4],
    nonce: [u8; NONCE],
}

impl Head {
    fn bytes(&self) -> [u8; HEAD_BYTES] {
        let mut head = [0; HEAD_BYTES];
        head[..4].copy_from_slice(MAGIC);
        head[4] = PIECE_LOG2;
        head[8..12].copy_from_slice(&self.key_id);
        head[12..31].copy_from_slice(&self.nonce);
        head
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<HEAD_BYTES>()?;
        let read = Self { key_id: *head[8..].first_chunk()?, nonce: *head[12..].first_chunk()? };
        // Every other bit has one value only.
        (read.bytes() == *head).then_some(read)
    }
}

/// What sealing and opening a piece have in common.
#[derive(Clone)]
struct Pieces {
    cipher: XChaCha20Poly1305,
    head: Head,
    place: Arc<[u8]>,
}

impl Pieces {
    fn new(key: &FileKey, head: Head, place: &str) -> Self {
        let place = [head.bytes().as_slice(), place.as_bytes()].concat().into();
        Self { cipher: key.cipher.clone(), head, place }
    }

    fn nonce(&self, number: u32, is_last: bool) -> XNonce {
        let mut nonce = [0; 24];
        nonce[..NONCE].copy_from_slice(&self.head.nonce);
        nonce[NONCE..23].copy_from_slice(&number.to_be_bytes());
        nonce[23] = u8::from(is_last);
        XNonce::from(nonce)
    }

    fn seal(&self, number: u32, is_last: bool, plain: &[u8]) -> Result<Vec<u8>, StorageError> {
        self.cipher
            .encrypt(&self.nonce(number, is_last), Payload { msg: plain, aad: &self.place })
            .map_err(|_| StorageError::Tampered)
    }

    fn open(&self, number: u32, is_last: bool, sealed: &[u8]) -> Result<Vec<u8>, StorageError> {
        self.cipher
            .decrypt(&self.nonce(number, is_last), Payload { msg: sealed, aad: &self.place })
            .map_err(|_| StorageError::Tampered)
    }
}

/// Seals a file as its bytes come.
pub(super) struct Sealer {
    pieces: Pieces,
    waiting: BytesMut,
    number: u32,
}

impl Sealer {
    /// What the file begins with.
    pub(super) fn head(&self) -> Bytes {
        Bytes::copy_from_slice(&self.pieces.head.bytes())
    }

    /// Takes bytes in and gives sealed pieces out. The last piece waits until it is known to be the last.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Bytes, StorageError> {
        self.waiting.extend_from_slice(bytes);
        let mut sealed = Vec::new();
        while self.waiting.len() > PIECE_BYTES {
            let piece = self.waiting.split_to(PIECE_BYTES);
            sealed.extend_from_slice(&self.pieces.seal(self.number, false, &piece)?);
            // 2^32 pieces are 256 TiB.
            self.number = self.number.checked_add(1).ok_or(StorageError::TooLarge)?;
        }
        Ok(sealed.into())
    }

    /// The last piece.
    pub(super) fn finish(self) -> Result<Bytes, StorageError> {
        Ok(self.pieces.seal(self.number, true, &self.waiting)?.into())
    }
}

/// Opens parts of a sealed file.
pub(super) struct Opener {
    pieces: Pieces,
    count: u32,
    plain: u64,
}

impl Opener {
    /// How many bytes the file had before it was sealed.
    pub(super) fn size(&self) -> u64 {
        self.plain
    }

    /// Which stored bytes hold the plain bytes of `range`, whole pieces of them, and how to open these.
    pub(super) fn cover(&self, range: &std::ops::Range<u64>) -> (std::ops::Range<u64>, Opening) {
        let (first, last) = (range.start / PIECE, range.end.saturating_sub(1).max(range.start) / PIECE);
        let stored_size = HEAD + self.plain + u64::from(self.count) * TAG;
        let stored = HEAD + first * SEALED_PIECE..(HEAD + (last + 1) * SEALED_PIECE).min(stored_size);
        let opening = Opening {
            pieces: self.pieces.clone(),
            waiting: BytesMut::new(),
            next: u32::try_from(first).unwrap_or(u32::MAX),
            count: self.count,
            skip: usize::try_from(range.start % PIECE).unwrap_or_default(),
            left: range.end - range.start,
        };
        (stored, opening)
    }
}

/// Opens pieces as their bytes come.
pub(super) struct Opening {
    pieces: Pieces,
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
        while self.waiting.len() >= SEALED_PIECE_BYTES {
            let piece = self.waiting.split_to(SEALED_PIECE_BYTES);
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

    fn sealed(keys: &Keys, place: &str, plain: &[u8], step: usize) -> Vec<u8> {
        let mut sealer = keys.sealer(place).unwrap();
        let mut stored = sealer.head().to_vec();
        for part in plain.chunks(step.max(1)) {
            stored.extend_from_slice(&sealer.push(part).unwrap());
        }
        stored.extend_from_slice(&sealer.finish().unwrap());
        stored
    }

    fn opened(keys: &Keys, place: &str, stored: &[u8], range: std::ops::Range<u64>) -> Result<Vec<u8>, StorageError> {
        let opener = keys.opener(stored.get(..32).unwrap_or_default(), place, stored.len() as u64)?;
        let (part, mut opening) = opener.cover(&(range.start..range.end.min(opener.size())));
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
    fn files_of_every_length_come_back_and_none_is_readable_at_rest() {
        let keys = keys(&[7]);
        for length in [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000] {
            let plain = noise(length);
            let stored = sealed(&keys, "a/b/c", &plain, 7_000);
            assert_eq!(opened(&keys, "a/b/c", &stored, 0..u64::MAX).unwrap(), plain, "{length}");
            assert!(length < 100 || !stored.windows(64).any(|window| window == &plain[..64]));
        }
    }

    #[test]
    fn what_was_changed_cut_moved_or_swapped_does_not_open() {
        let keys = keys(&[7]);
        let plain = noise(200_000);
        let stored = sealed(&keys, "a/b/c", &plain, 1 << 20);
        assert!(opened(&keys, "a/b/d", &stored, 0..9).is_err(), "under another name");
        for at in [0, 4, 5, 9, 12, 31, 32, 70_000, stored.len() - 1] {
            let mut changed = stored.clone();
            changed[at] ^= 1;
            assert!(opened(&keys, "a/b/c", &changed, 0..u64::MAX).is_err(), "a changed byte at {at}");
        }
        for length in [0, 31, 32, 47, 48, 32 + SEALED_PIECE_BYTES, stored.len() - 1] {
            assert!(opened(&keys, "a/b/c", &stored[..length], 0..u64::MAX).is_err(), "cut to {length}");
        }
        let (one, two) = (32, 32 + SEALED_PIECE_BYTES);
        let swapped =
            [&stored[..one], &stored[two..two + two - one], &stored[one..two], &stored[two + two - one..]].concat();
        assert_eq!(swapped.len(), stored.len());
        assert!(opened(&keys, "a/b/c", &swapped, 0..u64::MAX).is_err());
    }

    #[test]
    fn an_old_key_opens_as_long_as_it_is_named() {
        let stored = sealed(&keys(&[7]), "a", b"x", 1);
        assert_eq!(opened(&keys(&[8, 7]), "a", &stored, 0..1).unwrap(), b"x");
        assert!(matches!(opened(&keys(&[8]), "a", &stored, 0..1), Err(StorageError::NoKey)));
        assert!(opened(&keys(&[7]), "a", &sealed(&keys(&[8, 7]), "a", b"x", 1), 0..1).is_err(), "the first one seals");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_part_is_what_it_is_in_the_whole(length in 1..200_000_usize, a: u32, b: u32, step in 1..100_000_usize) {
            let keys = keys(&[3]);
            let plain = noise(length);
            let (a, b) = (a as usize % length, b as usize % length);
            let (from, to) = (a.min(b), a.max(b) + 1);
            let stored = sealed(&keys, "k", &plain, step);
            prop_assert_eq!(opened(&keys, "k", &stored, from as u64..to as u64).unwrap(), &plain[from..to]);
        }
    }
}
