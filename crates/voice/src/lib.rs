//! The phone: provider connections, webhook ingress, calls, the live view.
//!
//! - [`connections`]: who may post events for an organization, and how they prove it.
//! - [`numbers`]: phone numbers and the agents that answer them.
//! - [`ingress`]: an event comes in.
//! - [`calls`]: the record, and what people read of it.
//! - [`live`]: calls as they happen.
//! - [`playback`]: listening to it.
//! - [`provider`]: asking the provider about calls.
//! - [`reconcile`]: every call accounted for, and calls that fell silent.
//! - [`recordings`]: the sound of a call, copied into our own storage.
//! - [`retention`]: how long the content of calls is kept.
//! - [`quarantine`]: events that belong to no organization we know of.

pub mod calls;
pub mod connections;
pub mod ingress;
pub mod live;
pub mod numbers;
pub mod playback;
pub mod provider;
pub mod quarantine;
pub mod reconcile;
pub mod recordings;
pub mod retention;

use std::net::IpAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::FromRef;
use identity::Authority;
use jiff::{SignedDuration, Timestamp};
use platform::clock::Clock;
use platform::config::Origin;
use platform::crypto::MasterKey;
use platform::http::problem::Chain;
use platform::http::{Limiter, PublicRouter, TenantRouter};
use platform::ids::{ConnectionId, OrgId};
use platform::jobs::Jobs;
use platform::outbound::Outbound;
use platform::realtime::Hub;
use platform::secret::Secret;
use platform::storage::Storage;
use platform::tasks::Tasks;
use platform::tenancy::{DbError, Tenancy};

use connections::Registry;
use ingress::actions::{Ingress, Parts};
use ingress::api::WebhookState;
use ingress::spool::Spool;
use live::Watchers;
use live::api::LiveParts;
use live::model::LiveEvent;
use live::neighbours::Neighbours;
use numbers::Routing;
use playback::model::Listenings;
use provider::{ProviderClient, ProviderSettings};
use reconcile::Reconciler;
use reconcile::model::SilenceLimits;
use recordings::Copier;
use retention::actions::Told;

/// What the voice domain needs from the process.
pub struct Services {
    /// The way to the database.
    pub tenancy: Tenancy,
    /// The time.
    pub clock: Clock,
    /// Opens the connections' secrets.
    pub master_key: MasterKey,
    /// Owner of background tasks.
    pub tasks: Tasks,
    /// Work that happens later.
    pub jobs: Jobs,
    /// Where recordings are.
    pub storage: Storage,
    /// Largest recording that is copied, in bytes.
    pub max_recording_bytes: u64,
    /// Recordings that this process copies at a time.
    pub copies_at_once: usize,
    /// What is done about files without a row and rows without a file.
    pub orphans: recordings::orphans::Mode,
    /// Who is this and may they.
    pub authority: Authority,
    /// Where the provider finds this installation.
    pub public_origin: Origin,
    /// Origins besides our own whose pages may open a live connection.
    pub other_origins: Vec<String>,
    /// Secrets of the platform-wide connection.
    pub platform_secrets: Vec<Secret>,
    /// Sends requests to others.
    pub outbound: Outbound,
    /// Where the provider is asked.
    pub provider: ProviderSettings,
    /// How long a call may be silent.
    pub silence: SilenceLimits,
    /// Limit of unverified webhook requests per address.
    pub unverified: Option<Limiter<IpAddr>>,
    /// Largest webhook body in bytes.
    pub max_webhook_bytes: usize,
    /// Directory of events that were answered before they were stored; made when it is needed.
    pub spool_dir: PathBuf,
    /// Live connections per user.
    pub live_per_user: usize,
    /// Live connections per organization.
    pub live_per_org: usize,
}

/// The state of the voice routes. Cheap to clone, which every request does several times.
#[derive(Clone)]
pub struct VoiceState(Arc<VoiceParts>);

impl Deref for VoiceState {
    type Target = VoiceParts;

    fn deref(&self) -> &VoiceParts {
        &self.0
    }
}

/// What the voice routes need.
pub struct VoiceParts {
    /// The way to the database.
    pub tenancy: Tenancy,
    /// Seals and opens the connections' secrets.
    pub master_key: MasterKey,
    /// Who is this and may they.
    pub authority: Authority,
    /// The ingest.
    pub ingress: Ingress,
    /// Asks the provider.
    pub provider: ProviderClient,
    /// Compares with the provider and heals.
    pub reconciler: Reconciler,
    /// How long a call may be silent.
    pub silence: SilenceLimits,
    /// The live view's parts.
    pub live: LiveParts,
    /// Work that happens later.
    pub jobs: Jobs,
    /// Where recordings are.
    pub storage: Storage,
    listenings: Listenings,
    copier: Copier,
    copies_at_once: usize,
    orphans: recordings::orphans::Mode,
    webhooks: Arc<WebhookState>,
    neighbours: Neighbours,
}

impl VoiceState {
    /// Puts the parts together. Does not touch the database.
    pub fn new(services: Services) -> Self {
        let Services { tenancy, clock, master_key, tasks, jobs, storage, authority, public_origin, .. } = services;
        let hub: Hub<LiveEvent> = Hub::default();
        let registry = Registry::new(tenancy.clone(), master_key.clone(), clock.clone(), services.platform_secrets);
        let neighbours = Neighbours::default();
        let ingress = Ingress::new(Parts {
            tenancy: tenancy.clone(),
            clock: clock.clone(),
            tasks: tasks.clone(),
            jobs: jobs.clone(),
            registry,
            routing: Routing::default(),
            hub: hub.clone(),
            neighbours: neighbours.clone(),
            spool: Spool::new(services.spool_dir, master_key.clone()),
        });
        let live = LiveParts {
            tenancy: tenancy.clone(),
            hub,
            watchers: Watchers::new(services.live_per_user, services.live_per_org),
            tasks,
            origins: services.other_origins.into(),
            public_origin: public_origin.as_str().to_owned(),
        };
        let provider = ProviderClient::new(
            tenancy.clone(),
            clock.clone(),
            master_key.clone(),
            services.outbound,
            services.provider,
        );
        let reconciler = Reconciler::new(tenancy.clone(), clock.clone(), provider.clone(), ingress.clone());
        let (watchers, others) = (live.hub.clone(), neighbours.clone());
        let copier = Copier::new(recordings::copy::Parts {
            tenancy: tenancy.clone(),
            clock,
            storage: storage.clone(),
            provider: provider.clone(),
            announce: Arc::new(move |org, seq| {
                watchers.wake(org, seq);
                others.tell(org, seq);
            }),
            max_bytes: services.max_recording_bytes,
            patience: recordings::copy::Patience::default(),
        });
        let webhooks = Arc::new(WebhookState {
            ingress: ingress.clone(),
            unverified: services.unverified,
            public_origin,
            max_bytes: services.max_webhook_bytes,
        });
        Self(Arc::new(VoiceParts {
            tenancy,
            master_key,
            authority,
            ingress,
            provider,
            reconciler,
            silence: services.silence,
            live,
            jobs,
            storage,
            listenings: Listenings::default(),
            copier,
            copies_at_once: services.copies_at_once,
            orphans: services.orphans,
            webhooks,
            neighbours,
        }))
    }

    /// Where the provider must post a connection's events.
    pub fn webhook_url(&self, id: ConnectionId) -> String {
        self.address(&format!("/api/webhooks/vapi/{id}"))
    }

    /// A path of this installation as the world finds it.
    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.webhooks.public_origin.as_str())
    }

    fn now(&self) -> Timestamp {
        self.authority.clock().now()
    }

    /// Reads who answers which number, and keeps doing so. Needed wherever webhooks are received.
    pub async fn start_receiving(&self) -> Result<(), DbError> {
        self.ingress.start(&self.tenancy).await
    }

    /// Reads who answers which number now, after this process mapped some.
    pub async fn refresh_routing(&self) -> Result<(), DbError> {
        self.ingress.refresh_routing().await
    }

    /// Keeps live connections fed and honest. Needed wherever they are served.
    pub fn start_live(&self) {
        live::jobs::keep_awake(self.tenancy.clone(), self.live.hub.clone(), &self.live.tasks);
        live::jobs::watch_revocations(self.authority.clone(), self.live.watchers.clone(), &self.live.tasks);
    }

    /// Tells whoever watches an organization, here and on other nodes, of a live event that another domain committed.
    pub fn announce(&self, org: OrgId, seq: i64) {
        self.live.hub.wake(org, seq);
        self.neighbours.tell(org, seq);
    }

    /// Tells whoever watches, and the job that deletes files, of what was just committed.
    pub fn told(&self, org: OrgId, told: Told) {
        self.announce(org, told.seq);
        self.jobs.wake(retention::jobs::CLEARING.name);
    }

    /// Tells whoever watches, and the copying, that a recording is to be tried again, which was just committed.
    pub fn retried(&self, org: OrgId, seq: i64) {
        self.announce(org, seq);
        self.jobs.wake(recordings::jobs::QUEUE);
    }

    /// Tells other nodes of live events and hears of theirs. For installations on a database that several nodes share.
    pub fn start_neighbours(&self) {
        self.neighbours.start(&self.tenancy, self.live.hub.clone(), &self.live.tasks);
    }

    /// Removes what a process before this one left half-written in the folder of recordings. Only for an installation that has
    /// one process, before it begins to work.
    pub fn start_clearing(&self) {
        // Times of files are a tick of the kernel behind.
        let before = self.now().saturating_sub(SignedDuration::from_millis(10)).unwrap_or(Timestamp::MIN);
        let storage = self.storage.clone();
        self.live.tasks.spawn(async move {
            match recordings::orphans::clear_unfinished(&storage, before).await {
                Ok(removed) => tracing::debug!(removed, "half-written recordings of an earlier process are removed"),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "half-written recordings stay until the daily look");
                }
            }
        });
    }

    /// Starts the duties that one node of an installation must do.
    pub fn start_worker(&self) {
        calls::jobs::keep_indexed(self.tenancy.clone(), &self.jobs);
        live::jobs::keep_short(self.tenancy.clone(), self.authority.clock().clone(), &self.jobs);
        reconcile::jobs::start(&self.reconciler, self.silence, &self.jobs);
        recordings::jobs::start(&self.copier, &self.jobs, self.copies_at_once);
        retention::jobs::start(&self.tenancy, self.authority.clock(), &self.jobs, &self.storage);
        let sweeper = recordings::orphans::Sweeper {
            tenancy: self.tenancy.clone(),
            clock: self.authority.clock().clone(),
            storage: self.storage.clone(),
            jobs: self.jobs.clone(),
        };
        recordings::jobs::start_sweeping(&sweeper, self.orphans, &self.jobs);
    }
}

/// Routes for signed-in callers.
pub fn tenant_router(state: VoiceState) -> TenantRouter<()> {
    calls::api::router()
        .merge(connections::api::router())
        .merge(live::api::router())
        .merge(playback::api::router())
        .merge(quarantine::api::router())
        .merge(retention::api::router())
        .with_state(state)
}

/// Routes that anybody may call and that verify each request themselves.
pub fn public_router(state: &VoiceState) -> PublicRouter<()> {
    ingress::api::router(Arc::clone(&state.webhooks)).merge(playback::api::public_router().with_state(state.clone()))
}

impl FromRef<VoiceState> for Tenancy {
    fn from_ref(state: &VoiceState) -> Self {
        state.tenancy.clone()
    }
}

impl FromRef<VoiceState> for Authority {
    fn from_ref(state: &VoiceState) -> Self {
        state.authority.clone()
    }
}

impl FromRef<VoiceState> for Ingress {
    fn from_ref(state: &VoiceState) -> Self {
        state.ingress.clone()
    }
}

impl FromRef<VoiceState> for LiveParts {
    fn from_ref(state: &VoiceState) -> Self {
        state.live.clone()
    }
}
