//! Taking an event in: compress, one round trip, wake the viewers.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use platform::clock::Clock;
use platform::http::problem::Chain;
use platform::http::request_id;
use platform::ids::{ConnectionId, OrgId};
use platform::jobs::{Jobs, Report, Schedule};
use platform::realtime::Hub;
use platform::secret::Secret;
use platform::tasks::Tasks;
use platform::tenancy::{DbError, Tenancy};
use providers::vapi::signature::{self, SignedRequest};
use serde_json::json;
use tokio::sync::Semaphore;

use super::model::Event;
use super::spool::{Spool, SpoolError, Waiting};
use super::store::{self, Ingested};
use crate::connections::model::Verifier;
use crate::connections::{ConnectionError, Registry};
use crate::live::model::LiveEvent;
use crate::live::neighbours::Neighbours;
use crate::numbers::Routing;

/// Events being stored at once, the waiting ones included. Beyond that the provider is told to come back: a queue that
/// grows without bound loses everything in it when memory runs out.
const MAX_IN_FLIGHT: usize = 512;
/// How long an event waits until the ones before it are stored.
const LANE_PATIENCE: Duration = Duration::from_secs(5);
/// Fast, and on JSON within a tenth of the size of slower levels.
const COMPRESSION_LEVEL: i32 = 1;
/// How often it is written down which connections were heard.
const NOTE_LAST_EVENTS: Duration = Duration::from_secs(2);
/// Events that were answered before they were stored. Each node has a spool of its own.
const DRAIN_SPOOL: Schedule =
    Schedule { name: "voice.drain_spool", every: Duration::from_secs(2), patience: Duration::from_mins(10) };
/// The type of a test event; the provider has none of this name.
const TEST_EVENT: &str = "voxanne.test";

/// Why an event was not stored. The provider must be told to send it again.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// Too many events wait already.
    #[error("too many events wait to be stored")]
    Busy,
    /// The event could not be compressed.
    #[error("the event could not be compressed")]
    Compress(#[source] std::io::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The task that stored it died.
    #[error("the task that stored the event died")]
    Died,
}

/// Why an answered event still waits on disk.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// The database did not take it.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The spool could not be used.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// Why a test event did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum TestEventError {
    /// Unknown or another organization's.
    #[error("there is no such connection")]
    NotFound,
    /// The connection refuses what its own secret signs.
    #[error("the connection's options refuse an event signed with its own secret")]
    Refused,
    /// The connection could not be read.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The event could not be stored.
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

/// What the ingest is made of.
pub struct Parts {
    /// The way to the database.
    pub tenancy: Tenancy,
    /// The time.
    pub clock: Clock,
    /// Owner of background tasks.
    pub tasks: Tasks,
    /// Keeps the duty of taking in what waits on disk.
    pub jobs: Jobs,
    /// The connections this process knows.
    pub registry: Registry,
    /// Who answers which number.
    pub routing: Routing,
    /// The viewers of this process.
    pub hub: Hub<LiveEvent>,
    /// The other nodes.
    pub neighbours: Neighbours,
    /// Where answered events wait for the database.
    pub spool: Spool,
}

/// Takes events in. Cheap to clone, which every event does.
#[derive(Clone)]
pub struct Ingress {
    parts: Arc<Parts>,
    in_flight: Arc<Semaphore>,
    lanes: Arc<Semaphore>,
}

impl Deref for Ingress {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Ingress {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let lanes = lanes(parts.tenancy.pool_size());
        Self {
            parts: Arc::new(parts),
            in_flight: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            lanes: Arc::new(Semaphore::new(lanes)),
        }
    }

    /// The connections this process knows.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Reads who answers which number and keeps that fresh; writes down which connections are heard; takes in what was
    /// answered and not stored, by this process or the one before it.
    pub async fn start(&self, tenancy: &Tenancy) -> Result<(), DbError> {
        self.routing.refresh(tenancy).await?;
        self.routing.keep_fresh(tenancy.clone(), &self.tasks);
        match self.spool.remove_unfinished(self.clock.now()).await {
            Ok(0) => {}
            Ok(files) => tracing::info!(files, "removed what a crash left half written in the spool"),
            // Harmless leftovers; the drain complains of a directory that cannot be read.
            Err(error) => tracing::warn!(error = %Chain(&error), "half written files stay in the spool"),
        }
        let this = self.clone();
        self.jobs.often(DRAIN_SPOOL, move || {
            let this = this.clone();
            async move { Ok::<_, DrainError>(Report::new().count("taken_in", this.drain_spool().await?)) }
        });
        let registry = self.registry.clone();
        self.tasks.every(NOTE_LAST_EVENTS, "the last event of each connection could not be noted", move || {
            let registry = registry.clone();
            async move { registry.flush_last_events().await }
        });
        Ok(())
    }

    /// Reads who answers which number now.
    pub async fn refresh_routing(&self) -> Result<(), DbError> {
        self.routing.refresh(&self.tenancy).await
    }

    /// Sends a made-up event of no call through the connection's own verification, reading and storage, as the provider
    /// would. Answers how many milliseconds that took.
    pub async fn send_test_event(&self, org: OrgId, id: ConnectionId, url: &str) -> Result<u64, TestEventError> {
        let verifier = self.registry.find(id).await?.filter(|verifier| verifier.org == Some(org));
        let verifier = verifier.ok_or(TestEventError::NotFound)?;
        let started = std::time::Instant::now();
        let now = self.clock.now();
        let message = json!({ "message": { "type": TEST_EVENT, "timestamp": now.as_millisecond() } });
        let body = message.to_string().into_bytes();
        let secret = verifier.secrets.first().map(Secret::expose).unwrap_or_default();
        let message_id = uuid::Uuid::now_v7().to_string();
        let headers = signature::headers_for(&verifier.auth, secret, ("POST", url, &body), &message_id, now)
            .ok_or(TestEventError::Refused)?;
        let secrets: Vec<&str> = verifier.secrets.iter().map(Secret::expose).collect();
        let request = SignedRequest { method: "POST", url, headers: &headers, body: &body };
        signature::verify(&verifier.auth, &secrets, &request, now).map_err(|_| TestEventError::Refused)?;
        let event = providers::vapi::receive(&body).map(Event::from_received).map_err(|_| TestEventError::Refused)?;
        self.take(verifier, Arc::new(event)).await?;
        Ok(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Records and applies an event that `verifier` has verified. Returns after the commit.
    ///
    /// Runs in a task of its own: when the provider hangs up early the work is still finished, and the connection to the
    /// database is not lost with it.
    pub async fn take(&self, verifier: Arc<Verifier>, event: Arc<Event>) -> Result<Ingested, IngestError> {
        let permit = Arc::clone(&self.in_flight).try_acquire_owned().map_err(|_| IngestError::Busy)?;
        let this = self.clone();
        let work = self.tasks.spawn(async move {
            let _permit = permit;
            this.store(&verifier, &event).await
        });
        work.await.map_err(|_| IngestError::Died)?
    }

    /// Keeps an event on disk that is answered before the database has it.
    pub(super) async fn keep_for_later(&self, verifier: &Verifier, event: &Event) -> Result<(), DrainError> {
        let body = compress(&event.body).map_err(IngestError::Compress)?;
        Ok(self.spool.keep(Waiting { org: verifier.org, connection: verifier.id, body }).await?)
    }

    /// Takes in what waits on disk, the oldest first; answers how many. Ends at the first that the database does not take.
    pub async fn drain_spool(&self) -> Result<usize, DrainError> {
        let mut taken_in = 0;
        for name in self.spool.waiting().await? {
            let waiting = self.spool.read(name.clone()).await?;
            let Some((verifier, event)) = waiting.as_ref().and_then(event_of) else {
                tracing::error!(file = name, "an answered event cannot be read back and was put aside");
                self.spool.put_aside(name).await?;
                continue;
            };
            self.take(Arc::new(verifier), Arc::new(event)).await?;
            self.spool.remove(name).await?;
            taken_in += 1;
        }
        Ok(taken_in)
    }

    async fn store(&self, verifier: &Verifier, event: &Event) -> Result<Ingested, IngestError> {
        let compressed = compress(&event.body).map_err(IngestError::Compress)?;
        let mut result = self.call(verifier, event, &compressed).await;
        // A connection that died with its server fails at its first use; a deadlock is solved by one side trying again.
        // The event has an identity, so trying again cannot do anything twice.
        if result.as_ref().is_err_and(DbError::is_transient) {
            result = self.call(verifier, event, &compressed).await;
        }
        let ingested = result?;
        ingested.org_id.into_iter().for_each(request_id::note_org);
        ingested.call_id.into_iter().for_each(request_id::note_call);
        if let (Some(org), Some(seq)) = (ingested.org_id, ingested.live_seq) {
            self.hub.wake(org, seq);
            self.neighbours.tell(org, seq);
        }
        // What we say to ourselves is no sign of life of the provider's webhooks.
        if let Some(id) = verifier.id.filter(|_| !event.kind.is_ours()) {
            self.registry.note_event(id, &event.type_text);
        }
        metrics::counter!(
            "voxanne_events_total", "type" => event.kind.metric_label(), "outcome" => ingested.outcome.clone()
        )
        .increment(1);
        Ok(ingested)
    }

    async fn call(&self, verifier: &Verifier, event: &Event, compressed: &[u8]) -> Result<Ingested, DbError> {
        // The lanes are never closed, so the only failure is that none became free.
        let Ok(Ok(_lane)) = tokio::time::timeout(LANE_PATIENCE, self.lanes.acquire()).await else {
            return Err(DbError::Busy);
        };
        let call = self.tenancy.tenant_call().await?;
        store::ingest(call, verifier.org, verifier.id, event, compressed).await
    }
}

/// How many events the database is given at once, of so many connections: three in eight. More of them cost the server's
/// processes their caches and bring nothing (bench/README.md), and pages and duties keep the others in the worst rush.
fn lanes(connections: usize) -> usize {
    (connections * 3 / 8).max(2)
}

/// An event from the spool with whom it came from. It was verified before it was kept.
fn event_of(waiting: &Waiting) -> Option<(Verifier, Event)> {
    let body = decompress(&waiting.body).ok()?;
    let event = providers::vapi::receive(&body).map(Event::from_received).ok()?;
    Some((Verifier { org: waiting.org, id: waiting.connection, ..Verifier::default() }, event))
}

pub(super) fn compress(body: &[u8]) -> Result<Vec<u8>, std::io::Error> {
    thread_local! {
        // Making a context costs more than compressing an event with it.
        static COMPRESSOR: std::cell::RefCell<Option<zstd::bulk::Compressor<'static>>> = const { std::cell::RefCell::new(None) };
    }
    COMPRESSOR.with_borrow_mut(|slot| {
        let compressor = match slot {
            Some(compressor) => compressor,
            None => slot.insert(zstd::bulk::Compressor::new(COMPRESSION_LEVEL)?),
        };
        compressor.compress(body)
    })
}

/// Largest body a stored event may unfold to: what the ingress accepts, with room for re-encoding.
const MAX_BODY: usize = 64 << 20;

/// Unfolds a stored body.
pub(crate) fn decompress(body: &[u8]) -> Result<Vec<u8>, std::io::Error> {
    zstd::bulk::decompress(body, MAX_BODY)
}
