//! Sealing what is too large for memory: a file or a stream, in pieces, each of which is proven when it is opened.
//!
//! The construction is STREAM (`aead-stream`) over `XChaCha20-Poly1305`: a piece cannot be changed, left out, moved, or taken
//! from another stream, and a stream that was cut short does not open to its end. Pieces open alone, so that a range can be
//! read from the middle.
//!
//! ```text
//! VXSEAL01 | 8 bytes that name the key | 19 random bytes | pieces of 65,536 bytes and 16 more each, the last one shorter
//! ```

use aead_stream::{NewStream as _, StreamBE32, StreamPrimitive as _};
use chacha20poly1305::aead::{KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305};
use sha2::{Digest as _, Sha256};

use super::random_bytes;

/// How a sealed stream begins.
const MAGIC: &[u8; 8] = b"VXSEAL01";
const KEY_NAME: usize = 8;
const NONCE: usize = 19;
const TAG: usize = 16;

/// Bytes before the first piece.
pub const HEADER: usize = MAGIC.len() + KEY_NAME + NONCE;
/// Plain bytes of a piece; only the last one has fewer.
pub const PIECE: usize = 65_536;
/// Bytes of a sealed piece; only the last one has fewer.
pub const SEALED_PIECE: usize = PIECE + TAG;

/// Why a stream could not be sealed or opened. Says nothing about its content.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// It does not begin like a sealed stream.
    #[error("it is not a sealed file, or damaged at its beginning")]
    NotSealed,
    /// Another key sealed it.
    #[error("it was sealed with another key")]
    OtherKey,
    /// A piece is not as it was sealed here.
    #[error("it is damaged, cut short, or sealed for another place")]
    Damaged,
    /// More than 2^32 pieces.
    #[error("it is too long to be sealed")]
    TooLong,
}

/// A key for streams. `Debug` does not show it.
#[derive(Clone)]
pub struct StreamKey {
    cipher: XChaCha20Poly1305,
    name: [u8; KEY_NAME],
}

impl std::fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamKey(..)")
    }
}

impl StreamKey {
    /// A key from its 32 random bytes.
    pub fn from_bytes(key: &[u8; 32]) -> Self {
        let digest = Sha256::new().chain_update(b"voxanne stream key").chain_update(key).finalize();
        let mut name = [0; KEY_NAME];
        name.copy_from_slice(&digest[..KEY_NAME]);
        Self { cipher: XChaCha20Poly1305::new(&Key::from(*key)), name }
    }

    /// What tells this key from others, and nothing of the key.
    pub fn name(&self) -> String {
        hex::encode(self.name)
    }

    fn stream(&self, nonce: [u8; NONCE]) -> StreamBE32<XChaCha20Poly1305> {
        StreamBE32::from_aead(self.cipher.clone(), &nonce.into())
    }
}

/// Whether these bytes begin like a sealed stream.
pub fn is_sealed(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// How many bytes `plain` bytes have when sealed.
pub fn sealed_length(plain: u64) -> u64 {
    let pieces = plain.div_ceil(PIECE as u64).max(1);
    HEADER as u64 + plain + pieces * TAG as u64
}

/// How many bytes a sealed stream of `sealed` bytes holds; none if no stream has this length.
pub fn plain_length(sealed: u64) -> Option<u64> {
    let body = sealed.checked_sub(HEADER as u64)?;
    let pieces = body.div_ceil(SEALED_PIECE as u64).max(1);
    let plain = body.checked_sub(pieces * TAG as u64)?;
    (sealed_length(plain) == sealed).then_some(plain)
}

/// Seals a stream, from its beginning to its end.
pub struct Sealer {
    stream: StreamBE32<XChaCha20Poly1305>,
    place: Vec<u8>,
    next: u32,
    waiting: Vec<u8>,
}

impl Sealer {
    /// Begins a stream and writes its header to `out`. `place` must be given again to open it.
    pub fn begin(key: &StreamKey, place: &str, out: &mut Vec<u8>) -> Self {
        let nonce = random_bytes::<NONCE>();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&key.name);
        out.extend_from_slice(&nonce);
        Self { stream: key.stream(nonce), place: place.into(), next: 0, waiting: Vec::with_capacity(PIECE) }
    }

    /// Seals more bytes; what is complete goes to `out`.
    pub fn push(&mut self, mut plain: &[u8], out: &mut Vec<u8>) -> Result<(), StreamError> {
        while !plain.is_empty() {
            // A full piece waits until more comes: the last one is sealed as such.
            if self.waiting.len() == PIECE {
                self.seal(false, out)?;
            }
            let (now, later) = plain.split_at(plain.len().min(PIECE - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            plain = later;
        }
        Ok(())
    }

    /// Seals the last piece.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), StreamError> {
        self.seal(true, out)
    }

    fn seal(&mut self, last: bool, out: &mut Vec<u8>) -> Result<(), StreamError> {
        let payload = Payload { msg: &self.waiting, aad: &self.place };
        let sealed = self.stream.encrypt(self.next, last, payload).map_err(|_| StreamError::TooLong)?;
        self.next = self.next.checked_add(1).ok_or(StreamError::TooLong)?;
        self.waiting.clear();
        out.extend_from_slice(&sealed);
        Ok(())
    }
}

/// Opens single pieces, in any order.
pub struct PieceOpener {
    stream: StreamBE32<XChaCha20Poly1305>,
    place: Vec<u8>,
}

impl PieceOpener {
    /// For the stream that begins with `header`, sealed for `place`.
    pub fn new(key: &StreamKey, place: &str, header: &[u8; HEADER]) -> Result<Self, StreamError> {
        let (magic, rest) = header.split_at(MAGIC.len());
        let (name, nonce) = rest.split_at(KEY_NAME);
        if magic != MAGIC {
            return Err(StreamError::NotSealed);
        }
        if name != key.name {
            return Err(StreamError::OtherKey);
        }
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| StreamError::NotSealed)?;
        Ok(Self { stream: key.stream(nonce), place: place.into() })
    }

    /// Opens piece number `index`, counted from 0. `last`: whether nothing comes after it.
    pub fn open(&self, index: u32, last: bool, sealed: &[u8]) -> Result<Vec<u8>, StreamError> {
        let payload = Payload { msg: sealed, aad: &self.place };
        self.stream.decrypt(index, last, payload).map_err(|_| StreamError::Damaged)
    }
}

/// Opens a stream, from its beginning to its end.
pub struct Opener {
    key: StreamKey,
    place: String,
    pieces: Option<PieceOpener>,
    next: u32,
    waiting: Vec<u8>,
}

impl Opener {
    /// For a stream that was sealed for `place`.
    pub fn new(key: &StreamKey, place: &str) -> Self {
        Self { key: key.clone(), place: place.to_owned(), pieces: None, next: 0, waiting: Vec::new() }
    }

    /// Takes more sealed bytes; what is proven goes to `out`.
    pub fn push(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), StreamError> {
        self.waiting.extend_from_slice(sealed);
        self.read_header()?;
        let Some(pieces) = &self.pieces else { return Ok(()) };
        let mut done = 0;
        // One byte more than a piece proves that the piece is not the last.
        while self.waiting.len() - done > SEALED_PIECE {
            let piece = &self.waiting[done..done + SEALED_PIECE];
            out.extend_from_slice(&pieces.open(self.next, false, piece)?);
            self.next = self.next.checked_add(1).ok_or(StreamError::Damaged)?;
            done += SEALED_PIECE;
        }
        self.waiting.drain(..done);
        Ok(())
    }

    /// Opens the last piece. An error means that the stream was cut short or changed.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), StreamError> {
        let pieces = self.pieces.ok_or(StreamError::NotSealed)?;
        out.extend_from_slice(&pieces.open(self.next, true, &self.waiting)?);
        Ok(())
    }

    fn read_header(&mut self) -> Result<(), StreamError> {
        if self.pieces.is_none()
            && let Some((header, _)) = self.waiting.split_first_chunk::<HEADER>()
        {
            self.pieces = Some(PieceOpener::new(&self.key, &self.place, header)?);
            self.waiting.drain(..HEADER);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(byte: u8) -> StreamKey {
        StreamKey::from_bytes(&[byte; 32])
    }

    fn seal(key: &StreamKey, place: &str, plain: &[u8], step: usize) -> Vec<u8> {
        let mut sealed = Vec::new();
        let mut stream = Sealer::begin(key, place, &mut sealed);
        for part in plain.chunks(step) {
            stream.push(part, &mut sealed).unwrap();
        }
        stream.finish(&mut sealed).unwrap();
        sealed
    }

    fn open(key: &StreamKey, place: &str, sealed: &[u8], step: usize) -> Result<Vec<u8>, StreamError> {
        let mut plain = Vec::new();
        let mut opener = Opener::new(key, place);
        for part in sealed.chunks(step) {
            opener.push(part, &mut plain)?;
        }
        opener.finish(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn what_is_sealed_opens_whatever_its_length_and_its_steps() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7] {
            let plain: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            for step in [1000, PIECE, 10 * PIECE] {
                let sealed = seal(&key(1), "a", &plain, step);
                assert_eq!(sealed.len() as u64, sealed_length(length as u64));
                assert_eq!(plain_length(sealed.len() as u64), Some(length as u64));
                assert_eq!(open(&key(1), "a", &sealed, step + 1).unwrap(), plain);
            }
        }
    }

    #[test]
    fn a_piece_from_the_middle_opens_alone() {
        let plain: Vec<u8> = (0..3 * PIECE).map(|at| u8::try_from(at % 253).unwrap()).collect();
        let sealed = seal(&key(1), "a", &plain, PIECE);
        let (header, body) = sealed.split_first_chunk::<HEADER>().unwrap();
        let pieces = PieceOpener::new(&key(1), "a", header).unwrap();
        let middle = &body[SEALED_PIECE..2 * SEALED_PIECE];
        assert_eq!(pieces.open(1, false, middle).unwrap(), &plain[PIECE..2 * PIECE]);
        assert!(pieces.open(2, false, middle).is_err());
        assert!(pieces.open(1, true, middle).is_err());
    }

    #[test]
    fn another_key_and_another_place_are_told_apart() {
        let sealed = seal(&key(1), "a", b"hello", 100);
        assert!(matches!(open(&key(2), "a", &sealed, 100), Err(StreamError::OtherKey)));
        assert!(matches!(open(&key(1), "b", &sealed, 100), Err(StreamError::Damaged)));
        assert!(matches!(
            open(&key(1), "a", b"hello, I am a plain file, and longer", 100),
            Err(StreamError::NotSealed)
        ));
        assert!(matches!(open(&key(1), "a", b"", 100), Err(StreamError::NotSealed)));
    }

    #[test]
    fn a_stream_that_ends_early_or_late_does_not_open() {
        let sealed = seal(&key(1), "a", &vec![7; 2 * PIECE], PIECE);
        let cuts = [HEADER, HEADER + SEALED_PIECE, sealed.len() - 1];
        assert!(cuts.iter().all(|cut| open(&key(1), "a", &sealed[..*cut], PIECE).is_err()));
        let longer = [sealed.as_slice(), &sealed[HEADER..HEADER + SEALED_PIECE]].concat();
        assert!(open(&key(1), "a", &longer, PIECE).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn any_changed_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let mut sealed = seal(&key(1), "a", &vec![3; PIECE + 100], PIECE);
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert!(open(&key(1), "a", &sealed, PIECE).is_err());
        }
    }
}
