//! Connections in memory: verifying an event must not wait for the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use platform::clock::Clock;
use platform::crypto::MasterKey;
use platform::ids::ConnectionId;
use platform::secret::Secret;
use platform::tenancy::Tenancy;
use providers::vapi::signature::WebhookAuth;

use super::actions::secret_place;
use super::model::{ConnectionError, Verifier};
use super::store;

/// How long a connection is trusted before it is read again: the longest that a retired secret stays valid.
const FRESH: SignedDuration = SignedDuration::from_secs(5);
/// Unknown ids remembered, so that a scanner does not become a load on the database.
const MAX_ENTRIES: usize = 20_000;

/// Every connection that has sent something lately.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    tenancy: Tenancy,
    key: MasterKey,
    clock: Clock,
    platform_wide: Arc<Verifier>,
    known: Mutex<HashMap<ConnectionId, Entry>>,
    last_events: Mutex<HashMap<ConnectionId, (Timestamp, String)>>,
}

#[derive(Clone)]
struct Entry {
    /// None: there is no such connection.
    verifier: Option<Arc<Verifier>>,
    read_at: Timestamp,
}

impl Registry {
    /// A registry; `platform_secrets` are those of the platform-wide connection, from configuration.
    pub fn new(tenancy: Tenancy, key: MasterKey, clock: Clock, platform_secrets: Vec<Secret>) -> Self {
        let platform_wide =
            Arc::new(Verifier { org: None, id: None, auth: WebhookAuth::default(), secrets: platform_secrets });
        Self {
            inner: Arc::new(Inner {
                tenancy,
                key,
                clock,
                platform_wide,
                known: Mutex::default(),
                last_events: Mutex::default(),
            }),
        }
    }

    /// The platform-wide connection. Without secrets in the configuration it verifies nothing.
    pub fn platform_wide(&self) -> Arc<Verifier> {
        Arc::clone(&self.inner.platform_wide)
    }

    /// The connection `id`, from memory when it was read lately, from the database otherwise. When the database does not
    /// answer, the last known state serves: an event must not be refused because a disk is slow.
    pub async fn find(&self, id: ConnectionId) -> Result<Option<Arc<Verifier>>, ConnectionError> {
        let known = self.lock().get(&id).cloned();
        let now = self.inner.clock.now();
        if let Some(entry) = &known
            && now.duration_since(entry.read_at) < FRESH
        {
            return Ok(entry.verifier.clone());
        }
        match self.read(id).await {
            Ok(verifier) => {
                let mut all = self.lock();
                if all.len() >= MAX_ENTRIES {
                    all.retain(|_, entry| entry.verifier.is_some());
                }
                all.insert(id, Entry { verifier: verifier.clone(), read_at: now });
                Ok(verifier)
            }
            Err(error) => match known.and_then(|entry| entry.verifier) {
                Some(verifier) => {
                    tracing::warn!(connection.id = %id, "verifying with the last known secrets: the database does not answer");
                    Ok(Some(verifier))
                }
                None => Err(error),
            },
        }
    }

    /// Forgets what is known of `id`, after this process changed it.
    pub fn forget(&self, id: ConnectionId) {
        self.lock().remove(&id);
    }

    /// Remembers that an event came in; [`Registry::flush_last_events`] writes it down.
    pub fn note_event(&self, id: ConnectionId, kind: &str) {
        let now = self.inner.clock.now();
        let mut seen = self.inner.last_events.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(id, (now, kind.chars().take(100).collect()));
    }

    /// Writes down which connections have been heard.
    pub async fn flush_last_events(&self) -> Result<(), ConnectionError> {
        let seen: Vec<_> = {
            let mut seen = self.inner.last_events.lock().unwrap_or_else(PoisonError::into_inner);
            seen.drain().map(|(id, (at, kind))| (id, at, kind)).collect()
        };
        if !seen.is_empty() {
            let mut tx = self.inner.tenancy.system("note the last event of each connection").await?;
            store::note_last_events(&mut tx, &seen).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn read(&self, id: ConnectionId) -> Result<Option<Arc<Verifier>>, ConnectionError> {
        let mut tx = self.inner.tenancy.system("find the connection that an event claims to come from").await?;
        let sealed = store::find_for_verification(&mut tx, id).await?;
        tx.commit().await?;
        let Some(sealed) = sealed else { return Ok(None) };
        let secrets = sealed
            .secrets
            .into_iter()
            .map(|(secret, bytes)| {
                let plain = self.inner.key.open(&secret_place(sealed.org, id, secret), &bytes)?;
                String::from_utf8(plain).map(Secret::new).map_err(|_| platform::crypto::CryptoError::CannotOpen)
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Some(Arc::new(Verifier { org: Some(sealed.org), id: Some(id), auth: sealed.auth, secrets })))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ConnectionId, Entry>> {
        self.inner.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
