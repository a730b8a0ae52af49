//! Password hashes: argon2id with OWASP's first recommendation (19 MiB, 2 passes, 1 lane; Password Storage Cheat Sheet).
//!
//! One hash takes tens of milliseconds of a core and 19 MiB, so at most [`AT_ONCE`] run at a time, off the async
//! threads: a flood of sign-ins must not take the machine from the calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use platform::secret::Secret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hashes computed at the same time.
const AT_ONCE: usize = 2;
/// How long a sign-in waits for its turn before it is told to try again.
const PATIENCE: Duration = Duration::from_secs(10);
/// argon2 parameters: KiB of memory, passes, lanes.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// No password's hash, of the same cost: verified when there is no account, so that both cases take as long.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why no hash was computed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many sign-ins wait.
    #[error("too many sign-ins at once")]
    Busy,
    /// The library refused.
    #[error("a password hash could not be computed")]
    Hashing(#[source] argon2::password_hash::Error),
    /// The worker thread was lost.
    #[error("the password worker stopped")]
    Worker(#[from] tokio::task::JoinError),
}

/// Computes and checks password hashes.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    computed: Arc<AtomicU64>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

/// The right to compute a hash. Held from before the throttle is asked until the outcome is counted, so that a thousand
/// guesses sent at once are not all let through before the first has failed.
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
    computed: Arc<AtomicU64>,
}

impl Passwords {
    /// A worker of its own.
    pub fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), computed: Arc::default() }
    }

    /// Hashes computed so far, for metrics.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    pub(crate) async fn turn(&self) -> Result<Turn, PasswordError> {
        self.turn_within(PATIENCE).await
    }

    async fn turn_within(&self, patience: Duration) -> Result<Turn, PasswordError> {
        let turns = Arc::clone(&self.turns);
        match tokio::time::timeout(patience, turns.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Turn { _permit: permit, computed: Arc::clone(&self.computed) }),
            // The semaphore is never closed, so only time can run out.
            Ok(Err(_)) | Err(_) => Err(PasswordError::Busy),
        }
    }
}

impl Turn {
    /// The hash to store for a new password.
    pub(crate) async fn hash(&self, password: Secret) -> Result<String, PasswordError> {
        self.computed.fetch_add(1, Ordering::Relaxed);
        let hashed = tokio::task::spawn_blocking(move || {
            hasher().and_then(|argon2| argon2.hash_password(password.expose().as_bytes()).map(|hash| hash.to_string()))
        });
        hashed.await?.map_err(PasswordError::Hashing)
    }

    /// Whether `password` belongs to `stored`. Without a stored hash the same work is done and the answer is no.
    pub(crate) async fn verify(&self, stored: Option<&str>, password: Secret) -> Result<bool, PasswordError> {
        self.computed.fetch_add(1, Ordering::Relaxed);
        let exists = stored.is_some();
        let stored = stored.unwrap_or(NOBODY).to_owned();
        let verified = tokio::task::spawn_blocking(move || {
            hasher().map(|argon2| argon2.verify_password(password.expose().as_bytes(), stored.as_str()))
        });
        match verified.await?.map_err(PasswordError::Hashing)? {
            Ok(()) => Ok(exists),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(PasswordError::Hashing(error)),
        }
    }
}

fn hasher() -> Result<Argon2<'static>, argon2::password_hash::Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_accepts_its_password_and_no_other() {
        let turn = Passwords::new().turn().await.unwrap();
        let stored = turn.hash(Secret::new("correct horse battery")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(turn.verify(Some(&stored), Secret::new("correct horse battery")).await.unwrap());
        assert!(!turn.verify(Some(&stored), Secret::new("correct horse batterz")).await.unwrap());
        assert!(!turn.verify(Some(&stored), Secret::new("")).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_costs_as_much_as_somebody() {
        let passwords = Passwords::new();
        let turn = passwords.turn().await.unwrap();
        assert!(!turn.verify(None, Secret::new("correct horse battery")).await.unwrap());
        assert_eq!(passwords.computed(), 1);
        let params = NOBODY.split('$').nth(3).unwrap();
        assert_eq!(params, format!("m={MEMORY_KIB},t={PASSES},p={LANES}"));
    }

    #[tokio::test]
    async fn a_queue_that_does_not_move_is_told_to_come_back() {
        let passwords = Passwords::new();
        let _first = passwords.turn().await.unwrap();
        let _second = passwords.turn().await.unwrap();
        assert!(matches!(passwords.turn_within(Duration::from_millis(1)).await, Err(PasswordError::Busy)));
    }
}
