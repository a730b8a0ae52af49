//! Secrets at rest and tokens: one master key, sealed values bound to their place, tokens stored only as digests.

pub mod stream;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use rand::RngCore;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::secret::Secret;

const NONCE_BYTES: usize = 24;
/// The name of the master key's file in the data directory.
const KEY_FILE: &str = "master.key";

/// Why a value could not be sealed or opened. Says nothing about the value.
#[derive(Debug, thiserror::Error)]
pub enum CryptoError {
    /// The master key is not 32 bytes of base64.
    #[error("the master key must be 32 bytes in base64")]
    BadMasterKey,
    /// The sealed value was changed, belongs elsewhere, or was sealed with another key.
    #[error("a stored secret could not be opened: it was changed or sealed with another master key")]
    CannotOpen,
    /// The value could not be sealed.
    #[error("a secret could not be sealed")]
    CannotSeal,
    /// The key file could not be read or written.
    #[error("the master key file {path} could not be used")]
    KeyFile {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// The key that seals every secret in the database.
///
/// From `VOXANNE_MASTER_KEY`, else from `master.key` in the data directory, made on first start. Losing it means the
/// stored provider secrets must be entered again; the calls themselves are not sealed with it.
#[derive(Clone)]
pub struct MasterKey(XChaCha20Poly1305);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

impl MasterKey {
    /// Reads a key from base64.
    pub fn from_base64(text: &Secret) -> Result<Self, CryptoError> {
        let bytes = STANDARD.decode(text.expose().trim()).map_err(|_| CryptoError::BadMasterKey)?;
        let key: [u8; 32] = bytes.try_into().map_err(|_| CryptoError::BadMasterKey)?;
        Ok(Self::from_bytes(key))
    }

    /// A key from its 32 bytes.
    pub fn from_bytes(key: [u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(&Key::from(key)))
    }

    /// Reads `master.key` in `data_dir`, or makes it (mode 0600) when this is the first start.
    pub fn load_or_create(data_dir: &Path) -> Result<Self, CryptoError> {
        if let Some(text) = Self::stored(data_dir)? {
            return Self::from_base64(&text);
        }
        let text = Secret::new(STANDARD.encode(random_bytes::<32>()));
        Self::store(data_dir, &text)?;
        Self::from_base64(&text)
    }

    /// The text in `master.key` in `data_dir`, if there is one.
    pub fn stored(data_dir: &Path) -> Result<Option<Secret>, CryptoError> {
        let path = data_dir.join(KEY_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(CryptoError::KeyFile { path: path.display().to_string(), source }),
        }
    }

    /// Writes `master.key` (mode 0600) where there is none.
    pub fn store(data_dir: &Path, text: &Secret) -> Result<(), CryptoError> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = data_dir.join(KEY_FILE);
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(text.expose().as_bytes()).and_then(|()| file.sync_all()));
        written.map_err(|source| CryptoError::KeyFile { path: path.display().to_string(), source })
    }

    /// Seals `plain`. `place` (for example `connection_secrets/<org>/<id>`) must be given again to open it, so that a
    /// sealed value copied to another row is useless.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let nonce = random_bytes::<NONCE_BYTES>();
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: place.as_bytes() })
            .map_err(|_| CryptoError::CannotSeal)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`MasterKey::seal`] made for the same `place`.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let (nonce, body) = sealed.split_at_checked(NONCE_BYTES).ok_or(CryptoError::CannotOpen)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| CryptoError::CannotOpen)?;
        self.0
            .decrypt(&XNonce::from(nonce), Payload { msg: body, aad: place.as_bytes() })
            .map_err(|_| CryptoError::CannotOpen)
    }
}

/// `N` bytes from the operating system's generator.
#[expect(clippy::disallowed_methods, reason = "this is the one place that draws secrets")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// A new bearer token with 256 bits of entropy, safe in URLs and headers.
pub fn new_token() -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(random_bytes::<32>()))
}

/// What is stored of a token. Tokens are long and random, so a plain digest is enough and look-ups stay indexed.
pub fn token_digest(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_in_its_place() {
        let key = MasterKey::from_bytes([7; 32]);
        let sealed = key.seal("a/1", b"hunter2").unwrap();
        assert_eq!(key.open("a/1", &sealed).unwrap(), b"hunter2");
        assert!(key.open("a/2", &sealed).is_err());
        assert!(MasterKey::from_bytes([8; 32]).open("a/1", &sealed).is_err());
        assert!(key.open("a/1", &sealed[..10]).is_err());
    }

    #[test]
    fn the_key_file_is_made_once_and_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = std::env::temp_dir().join(format!("voxanne-key-{}", uuid::Uuid::now_v7()));
        fs::create_dir(&dir).unwrap();
        let sealed = MasterKey::load_or_create(&dir).unwrap().seal("p", b"x").unwrap();
        assert_eq!(MasterKey::load_or_create(&dir).unwrap().open("p", &sealed).unwrap(), b"x");
        assert_eq!(fs::metadata(dir.join("master.key")).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_dir_all(dir).unwrap();
    }
}
