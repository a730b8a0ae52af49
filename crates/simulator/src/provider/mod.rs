//! The provider's API on the desk: the calls that were simulated, and their recordings, over real HTTP.
//!
//! Routes and shapes are the real provider's: `GET /call` with its filters, `GET /call/{id}`, and
//! `GET /call/{id}/{mono,stereo,assistant,customer}-recording`, which answers 302 to an address that works for a minute
//! and needs no key. What a call says is how far it has come, whatever became of its messages: that is the point of
//! asking. Faults of the API and of recordings can be asked for, one by one or as rates.

mod api;
mod audio;
mod faults;
mod memory;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use audio::{Channel, SoundFormat};
pub use faults::{ApiFault, ApiRoute, ProviderFaults, RecordingFault};

use crate::scenario::Scenario;
use crate::wire::WireOptions;
use faults::Faulty;
use memory::{Memory, Pace};

/// How a provider is set up.
#[derive(Clone, Debug)]
pub struct ProviderOptions {
    /// Decides which recordings and requests have the faults of [`ProviderOptions::faults`].
    pub seed: u64,
    /// Private keys, each with the organization whose calls it shows ([`crate::Target::org_label`]); none: all calls.
    /// More can be added with [`Provider::add_key`].
    pub keys: Vec<(String, Option<String>)>,
    /// How many calls are remembered; the oldest are forgotten, as the real provider forgets after days.
    pub remembered: usize,
    /// How long the address of a recording works.
    pub link_lifetime: Duration,
    /// How recordings sound.
    pub sound: SoundFormat,
    /// Recordings are filled up with silence to this many bytes.
    pub recording_bytes: Option<u64>,
    /// What goes wrong, as rates.
    pub faults: ProviderFaults,
}

impl Default for ProviderOptions {
    /// No key, no fault, 20,000 calls remembered, links of a minute.
    fn default() -> Self {
        Self {
            seed: 1,
            keys: Vec::new(),
            remembered: 20_000,
            link_lifetime: Duration::from_mins(1),
            sound: SoundFormat::default(),
            recording_bytes: None,
            faults: ProviderFaults::default(),
        }
    }
}

/// The provider's API. Cheap to clone; all clones are one provider.
#[derive(Clone)]
pub struct Provider {
    inner: Arc<Inner>,
}

struct Inner {
    options: ProviderOptions,
    /// Known once it listens.
    address: OnceLock<SocketAddr>,
    /// Signs the addresses of recordings.
    link_key: Uuid,
    keys: Mutex<Vec<(String, Option<String>)>>,
    memory: Mutex<Memory>,
    faulty: Mutex<Faulty>,
    requests: Mutex<Vec<String>>,
    /// One permit for each held request that may go on.
    held: Semaphore,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Provider").field("address", &self.inner.address).finish_non_exhaustive()
    }
}

impl Provider {
    /// How many requests are kept for [`Provider::requests`].
    const REQUESTS_KEPT: usize = 100_000;

    /// A provider that knows no calls and does not listen yet.
    pub fn new(options: ProviderOptions) -> Self {
        let faulty = Faulty::new(options.seed, options.faults);
        Self {
            inner: Arc::new(Inner {
                address: OnceLock::new(),
                link_key: crate::rng::uuid(&mut crate::rng::stream(options.seed, "links of recordings")),
                keys: Mutex::new(options.keys.clone()),
                memory: Mutex::new(Memory::new(options.remembered)),
                faulty: Mutex::new(faulty),
                requests: Mutex::default(),
                held: Semaphore::new(0),
                options,
            }),
        }
    }

    /// Binds an address and answers on it until the token is cancelled. The future that comes back must be polled.
    pub async fn listen(
        &self,
        address: SocketAddr,
        stop: CancellationToken,
    ) -> anyhow::Result<impl Future<Output = anyhow::Result<()>> + Send + use<>> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("the provider's API cannot listen on {address}"))?;
        let bound = listener.local_addr()?;
        self.inner.address.set(bound).ok().context("the provider's API listens already")?;
        let router = api::router(self.clone());
        Ok(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(stop.cancelled_owned())
                .await
                .context("the provider's API ended")
        })
    }

    /// Address of the API without path, such as `http://127.0.0.1:9000`. None before it listens.
    pub fn base_url(&self) -> Option<String> {
        self.inner.address.get().map(|address| format!("http://{address}"))
    }

    /// Host and port of the API, as a guard against private addresses wants to know them.
    pub fn authority(&self) -> Option<String> {
        self.inner.address.get().map(SocketAddr::to_string)
    }

    /// What reports must name as the place of recordings. The addresses exist and answer 403, like the real ones:
    /// recordings are fetched through the API.
    pub fn recordings_base(&self) -> Option<String> {
        self.base_url().map(|base| format!("{base}/recordings"))
    }

    /// Adds a private key that shows the calls of one organization, or all.
    pub fn add_key(&self, key: &str, org_label: Option<&str>) {
        lock(&self.inner.keys).push((key.to_owned(), org_label.map(str::to_owned)));
    }

    /// Makes every key invalid.
    pub fn revoke_keys(&self) {
        lock(&self.inner.keys).clear();
    }

    /// Lets a recording be faulty for so many requests; of every call when none is named.
    pub fn spoil_recording(&self, call_id: Option<Uuid>, fault: RecordingFault, requests: u32) {
        lock(&self.inner.faulty).spoil_recording(call_id, fault, requests);
    }

    /// Lets a route of the API fail for so many requests.
    pub fn spoil_api(&self, route: ApiRoute, fault: ApiFault, requests: u32) {
        lock(&self.inner.faulty).spoil_api(route, fault, requests);
    }

    /// Lets one request go on that is held ([`ApiFault::Held`]), or the next that will be.
    pub fn release(&self) {
        self.inner.held.add_permits(1);
    }

    /// Ends all faults, the rates included.
    pub fn mend(&self) {
        *lock(&self.inner.faulty) = Faulty::new(self.inner.options.seed, ProviderFaults::default());
    }

    /// Method, path and query of every request so far, the oldest first, without keys. At most 100,000.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.inner.requests).clone()
    }

    /// The call object as the API shows it now. None: unknown or forgotten.
    pub fn call(&self, call_id: Uuid) -> Option<Value> {
        lock(&self.inner.memory).get(call_id).map(memory::Known::object)
    }

    /// How many calls are remembered.
    pub fn remembered(&self) -> usize {
        lock(&self.inner.memory).len()
    }

    /// Adds a call object, or replaces it, as the API shall show it, for calls that no script plays. It needs `id`,
    /// `createdAt` and `updatedAt`; its recordings are silent.
    pub fn put(&self, org_label: &str, call: Value) -> anyhow::Result<()> {
        let known = memory::Known::given(org_label, call)?;
        lock(&self.inner.memory).put(known);
        Ok(())
    }

    /// Forgets a call, as if it had been deleted at the provider.
    pub fn forget(&self, call_id: Uuid) {
        lock(&self.inner.memory).forget(call_id);
    }

    pub(crate) fn remember(&self, scenario: &Scenario, options: &WireOptions, pace: Pace) {
        lock(&self.inner.memory).put(memory::Known::played(scenario.clone(), options.clone(), pace));
    }

    fn note(&self, request: String) {
        let mut requests = lock(&self.inner.requests);
        if requests.len() < Self::REQUESTS_KEPT {
            requests.push(request);
        }
    }
}

pub(crate) use memory::Pace as CallPace;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
