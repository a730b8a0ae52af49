//! The signing keys: made on first use, replaced every thirty days, shared by all nodes through the database.

use std::sync::{Arc, Mutex, PoisonError};

use ed25519_dalek::{SigningKey, VerifyingKey};
use jiff::{SignedDuration, Timestamp};
use platform::clock::Clock;
use platform::config::Origin;
use platform::crypto::{CryptoError, MasterKey, random_bytes};
use platform::secret::Secret;
use platform::tenancy::{DbError, SystemTx, Tenancy};
use uuid::Uuid;

use super::model::{Claims, KEY_SIGNS_FOR, KEY_VERIFIES_FOR, TokenFault, Unverified};
use super::store;

/// How often tokens with unknown key ids may make us look into the database.
const LOOKS_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// Why a token was not signed or verified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// The token is not believed.
    #[error("the access token is refused: {0}")]
    Refused(#[from] TokenFault),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A key could not be sealed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// A stored key is not a key.
    #[error("a stored signing key is damaged")]
    Damaged,
    /// The claims could not be written.
    #[error("the claims could not be written")]
    Claims(#[from] serde_json::Error),
}

/// A public key with its times.
#[derive(Clone)]
pub(crate) struct PublicKey {
    pub(crate) kid: String,
    pub(crate) key: VerifyingKey,
    retired_at: Option<Timestamp>,
}

struct ActiveKey {
    kid: String,
    key: SigningKey,
    created_at: Timestamp,
}

#[derive(Clone, Default)]
struct Ring {
    active: Option<Arc<ActiveKey>>,
    public: Arc<[PublicKey]>,
    loaded_at: Option<Timestamp>,
}

/// The keys as this node knows them.
pub(crate) struct Keys {
    tenancy: Tenancy,
    clock: Clock,
    master_key: MasterKey,
    ring: Mutex<Ring>,
}

impl Keys {
    pub(crate) fn new(tenancy: Tenancy, clock: Clock, master_key: MasterKey) -> Self {
        Self { tenancy, clock, master_key, ring: Mutex::default() }
    }

    /// Signs claims with the newest key, making one when there is none or it is too old.
    pub(crate) async fn sign(&self, claims: &Claims) -> Result<Secret, KeyError> {
        let now = self.clock.now();
        let known = self.ring().active.filter(|key| signs(key.created_at, now));
        let active = if let Some(active) = known { active } else { self.active_from_database(now).await? };
        Ok(claims.sign(&active.kid, &active.key)?)
    }

    /// Believes a token, or says why not.
    pub(crate) async fn verify(&self, token: &str, issuer: &Origin) -> Result<Claims, KeyError> {
        let unverified = Unverified::parse(token)?;
        let now = self.clock.now();
        let key = match self.known_key(&unverified.kid, now) {
            Some(key) => key,
            None => self.key_from_database(&unverified.kid, now).await?,
        };
        Ok(unverified.verify(&key, issuer.as_str(), now)?)
    }

    /// The keys that others may verify our tokens with.
    pub(crate) async fn public(&self) -> Result<Vec<PublicKey>, KeyError> {
        let now = self.clock.now();
        if self.ring().active.is_none_or(|key| !signs(key.created_at, now)) {
            self.active_from_database(now).await?;
        }
        Ok(self.ring().public.iter().filter(|key| key.verifies(now)).cloned().collect())
    }

    fn ring(&self) -> Ring {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn known_key(&self, kid: &str, now: Timestamp) -> Option<VerifyingKey> {
        self.ring().public.iter().find(|key| key.kid == kid && key.verifies(now)).map(|key| key.key)
    }

    /// Another node may have made a key that this one has not seen. Made-up ids must not become database load.
    async fn key_from_database(&self, kid: &str, now: Timestamp) -> Result<VerifyingKey, KeyError> {
        let looked = self.ring().loaded_at.is_some_and(|at| now.duration_since(at) < LOOKS_AGAIN_AFTER);
        if !looked {
            let mut tx = self.tenancy.system("signing keys belong to no organization").await?;
            self.load(&mut tx, now).await?;
            tx.commit().await?;
        }
        self.known_key(kid, now).ok_or(KeyError::Refused(TokenFault::UnknownKey))
    }

    async fn active_from_database(&self, now: Timestamp) -> Result<Arc<ActiveKey>, KeyError> {
        let mut tx = self.tenancy.system("signing keys belong to no organization").await?;
        store::lock_keys(&mut tx).await?;
        let loaded = self.load(&mut tx, now).await?.filter(|key| signs(key.created_at, now));
        let active = if let Some(active) = loaded {
            active
        } else {
            self.make_key(&mut tx, now).await?;
            self.load(&mut tx, now).await?.ok_or(KeyError::Damaged)?
        };
        tx.commit().await?;
        Ok(active)
    }

    async fn make_key(&self, tx: &mut SystemTx, now: Timestamp) -> Result<(), KeyError> {
        let kid = Uuid::now_v7();
        let key = SigningKey::from_bytes(&random_bytes::<32>());
        let sealed = self.master_key.seal(&place(kid), key.as_bytes())?;
        store::replace_key(tx, kid, &sealed, key.verifying_key().as_bytes(), now).await?;
        tracing::info!(key.id = %kid, "made a new signing key for access tokens");
        Ok(())
    }

    /// Reads the ring and answers the key that signs, if there is one that we can open.
    async fn load(&self, tx: &mut SystemTx, now: Timestamp) -> Result<Option<Arc<ActiveKey>>, KeyError> {
        let rows = store::list_keys(tx, now).await?;
        let active = rows.iter().find(|row| row.retired_at.is_none()).and_then(|row| self.open(row)).map(Arc::new);
        let public = rows.iter().map(public_key).collect::<Result<Arc<[_]>, _>>()?;
        let ring = Ring { active: active.clone(), public, loaded_at: Some(now) };
        *self.ring.lock().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(active)
    }

    /// A key sealed with a lost master key is of no use; the next sign-in makes another, and tokens signed with the old
    /// one still verify.
    fn open(&self, row: &store::KeyRow) -> Option<ActiveKey> {
        let opened = self.master_key.open(&place(row.kid), &row.sealed_private).ok();
        let Some(bytes) = opened.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok()) else {
            tracing::error!(key.id = %row.kid, "a signing key does not open with this master key; another is made");
            return None;
        };
        let key = SigningKey::from_bytes(&bytes);
        Some(ActiveKey { kid: row.kid.to_string(), key, created_at: row.created_at })
    }
}

impl PublicKey {
    fn verifies(&self, now: Timestamp) -> bool {
        self.retired_at.is_none_or(|at| now.duration_since(at) < KEY_VERIFIES_FOR)
    }
}

fn public_key(row: &store::KeyRow) -> Result<PublicKey, KeyError> {
    let bytes = <[u8; 32]>::try_from(row.public_key.as_slice()).map_err(|_| KeyError::Damaged)?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Damaged)?;
    Ok(PublicKey { kid: row.kid.to_string(), key, retired_at: row.retired_at.map(jiff_sqlx::Timestamp::to_jiff) })
}

fn signs(created_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(created_at) < KEY_SIGNS_FOR
}

fn place(kid: Uuid) -> String {
    format!("signing_keys/{kid}")
}
