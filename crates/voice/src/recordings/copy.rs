//! One run of copying a recording: from asking the provider to the row that names the file.
//!
//! Between two effects the process may die, or another worker may take over; `failpoint` marks each such place, and a test
//! stops at every one of them. No transaction is held while the provider or the storage is waited for.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use jiff::SignedDuration;
use platform::clock::Clock;
use platform::failpoint;
use platform::http::problem::Chain;
use platform::ids::{OrgId, RecordingId};
use platform::jobs::{Outcome, Running};
use platform::outbound::{Limits, OutboundError, Request, Response};
use platform::storage::{Key, Storage, StorageError};
use platform::tenancy::{DbError, Tenancy, TenantTx};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::model::{File, Media, Next, Reason, State, next, reason_of_status};
use super::reader::StorageReader;
use super::sound::{self, MeasureError, Measured};
use super::store::{self, Begun};
use crate::provider::ProviderClient;

/// How patient a run is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the whole of it.
    pub total: Duration,
    /// For the head of an answer.
    pub answer: Duration,
    /// For the next piece.
    pub idle: Duration,
    /// After this long the bytes must have come at a rate of [`SLOWEST`] at least.
    pub slow_after: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            total: Duration::from_hours(2),
            answer: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            slow_after: Duration::from_mins(2),
        }
    }
}

/// Bytes in a second that are not too slow: a quarter of what a telephone call takes.
const SLOWEST: u64 = 4_000;
/// Redirects from the provider's route to the sound.
const HOPS: u8 = 5;

/// Tells watchers that a live event was committed.
pub type Announce = Arc<dyn Fn(OrgId, i64) + Send + Sync>;

/// What copying needs.
pub struct Parts {
    /// The way to the database.
    pub tenancy: Tenancy,
    /// The time.
    pub clock: Clock,
    /// Where files go.
    pub storage: Storage,
    /// Asks the provider.
    pub provider: ProviderClient,
    /// Tells watchers.
    pub announce: Announce,
    /// Largest recording in bytes.
    pub max_bytes: u64,
    /// How patient a run is.
    pub patience: Patience,
}

/// Copies recordings. Cheap to clone.
#[derive(Clone)]
pub struct Copier {
    parts: Arc<Parts>,
}

/// Why there is no file.
#[derive(Debug)]
struct Failure {
    reason: Reason,
    /// For operators. No personal data, no address beyond its host.
    detail: String,
    /// The pause that the other side asked for.
    asked: Option<Duration>,
}

impl Failure {
    fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), asked: None }
    }
}

impl From<OutboundError> for Failure {
    fn from(error: OutboundError) -> Self {
        Self::new(Reason::from(&error), error.to_string())
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        tracing::warn!(error = %Chain(&error), "the storage did not take a recording");
        Self::new(Reason::from(&error), error.to_string())
    }
}

/// Why a run ends without a file.
enum Stop {
    Failed(Failure),
    /// Another run has begun, or nobody wants it any more.
    Superseded,
    Database(DbError),
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Copier {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    pub(super) fn tenancy(&self) -> &Tenancy {
        &self.parts.tenancy
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.parts.clock
    }

    /// Does the job. What it leaves behind when it is cut off is a file that no row names.
    pub async fn run(&self, job: Running) -> Outcome {
        let lost = job.lost();
        tokio::select! {
            () = lost.cancelled() => Outcome::Later { after: Duration::ZERO, reason: "the server stopped".to_owned() },
            done = Box::pin(self.attempt(&job)) => done.unwrap_or_else(|error| Outcome::failed(Chain(&error).to_string())),
        }
    }

    async fn attempt(&self, job: &Running) -> Result<Outcome, DbError> {
        let Ok(id) = job.key.parse::<RecordingId>() else {
            return Ok(Outcome::dead("its key is not the id of a recording"));
        };
        let mut tx = self.parts.tenancy.tenant(job.org).await?;
        let begun = store::begin(&mut tx, id, self.parts.clock.now()).await?;
        tx.commit().await?;
        failpoint::here("recordings.begun").await;
        let Some(begun) = begun else { return Ok(Outcome::Done) };
        let started = Instant::now();
        match self.copy(job, &begun).await {
            Ok(file) => {
                metrics::histogram!("voxanne_recording_copy_seconds").record(started.elapsed().as_secs_f64());
                self.settle_ready(job, &begun, file).await
            }
            Err(Stop::Failed(failure)) => self.settle_failure(job, &begun, failure).await,
            Err(Stop::Superseded) => Ok(Outcome::Done),
            Err(Stop::Database(error)) => Err(error),
        }
    }

    /// From the provider into the storage.
    async fn copy(&self, job: &Running, begun: &Begun) -> Result<File, Stop> {
        let (request, with_key) = self.request(job.org, begun).await?;
        let patience = self.parts.patience;
        let limits = Limits {
            total: patience.total,
            connect: patience.answer,
            idle: patience.idle,
            hops: HOPS,
            max_bytes: self.parts.max_bytes,
        };
        let mut response = self.parts.provider.outbound().send(request, &limits).await?;
        judge_head(&response, with_key)?;
        let mut coming = Coming::new(patience.slow_after);
        let head = coming.head(&mut response).await?;
        let media = sound::sniff(&head).map_err(|reason| Failure::new(reason, reason.words()))?;
        self.mark_copying(job, begun).await?;
        failpoint::here("recordings.copying").await;

        let key = Key::new(format!("{}/{}/{}.{}", job.org, begun.call, begun.id, begun.run))?;
        let sha256 = self.store(&key, media, head, &mut response, &mut coming).await?;
        failpoint::here("recordings.stored").await;
        let measured = self.measure(&key, coming.read, media, &job.lost()).await;
        let measured = match measured {
            Ok(measured) => measured,
            Err(stop) => {
                // This run's own file, which nothing names.
                self.forget(&key).await;
                return Err(stop);
            }
        };
        failpoint::here("recordings.measured").await;
        Ok(File {
            key: key.to_string(),
            size: coming.read,
            sha256,
            media,
            duration: measured.duration,
            channels: measured.channels,
            peaks: measured.peaks,
            copied_at: self.parts.clock.now(),
        })
    }

    /// Asks the provider's route with our key, or the address alone where we have no key.
    async fn request(&self, org: OrgId, begun: &Begun) -> Result<(Request, bool), Failure> {
        let provider = &self.parts.provider;
        let account = provider.account_of(org, begun.connection).await.map_err(|error| {
            tracing::warn!(error = %Chain(&error), "the private key of a connection could not be read");
            Failure::new(Reason::Internal, "the private key of the connection could not be read")
        })?;
        if let Some(account) = account {
            let request = provider.recording(&account, &begun.provider_call_id, begun.channel.at_provider());
            let request = request.map_err(|error| Failure::new(Reason::Provider, error.to_string()))?;
            return Ok((request, true));
        }
        match &begun.source_url {
            Some(url) => Ok((Request::get(url)?, false)),
            None => Err(Failure::new(Reason::NoKey, Reason::NoKey.words())),
        }
    }

    /// The bytes into the storage, hashed on their way.
    async fn store(
        &self,
        key: &Key,
        media: Media,
        head: Bytes,
        response: &mut Response,
        coming: &mut Coming,
    ) -> Result<Vec<u8>, Failure> {
        let mut upload = self.parts.storage.create(key).await?;
        let mut hasher = Sha256::new();
        let mut next = Some(head);
        while let Some(bytes) = next {
            hasher.update(&bytes);
            if let Err(error) = upload.write(bytes).await {
                upload.abandon().await;
                return Err(error.into());
            }
            next = match coming.next(response).await {
                Ok(next) => next,
                Err(failure) => {
                    upload.abandon().await;
                    return Err(failure);
                }
            };
        }
        if let Err(announced) = sound::whole(media, &coming.beginning, coming.read) {
            upload.abandon().await;
            return Err(Failure::new(Reason::WrongLength, format!("{} of {announced} bytes came", coming.read)));
        }
        failpoint::here("recordings.received").await;
        upload.finish().await?;
        Ok(hasher.finalize().to_vec())
    }

    /// Decodes what was stored: so it is known that it can be read and played.
    async fn measure(&self, key: &Key, size: u64, media: Media, lost: &CancellationToken) -> Result<Measured, Stop> {
        let stop = lost.child_token();
        let _guard = stop.clone().drop_guard();
        let reader = StorageReader::new(self.parts.storage.clone(), key.clone(), size);
        let measured = tokio::task::spawn_blocking(move || sound::measure(media, reader, size, &stop)).await;
        let failure = match measured {
            Ok(Ok(measured)) => return Ok(measured),
            Ok(Err(MeasureError::Stopped)) => return Err(Stop::Superseded),
            Ok(Err(MeasureError::Silent)) => Failure::new(Reason::Empty, "it has no length"),
            Ok(Err(MeasureError::NotAudio(why))) => Failure::new(Reason::NotAudio, why),
            Ok(Err(MeasureError::Unreadable(why))) => Failure::new(Reason::Storage, why),
            // A decoder that panics over foreign bytes takes nothing with it.
            Err(_) => Failure::new(Reason::NotAudio, "decoding it failed"),
        };
        Err(failure.into())
    }

    async fn mark_copying(&self, job: &Running, begun: &Begun) -> Result<(), Stop> {
        let seq = async {
            let mut tx = self.parts.tenancy.tenant(job.org).await?;
            if !store::lock_run(&mut tx, begun.id, begun.run).await? {
                tx.rollback().await?;
                return Ok(None);
            }
            store::set_state(&mut tx, begun.id, State::Copying, None).await?;
            let seq = self.show(&mut tx, begun, "call.updated").await?;
            tx.commit().await?;
            Ok(Some(seq))
        };
        let seq = seq.await.map_err(Stop::Database)?.ok_or(Stop::Superseded)?;
        self.announce(job.org, seq);
        Ok(())
    }

    async fn settle_ready(&self, job: &Running, begun: &Begun, file: File) -> Result<Outcome, DbError> {
        let key = Key::new(file.key.clone());
        let mut tx = self.parts.tenancy.tenant(job.org).await?;
        let is_wanted = store::lock_run(&mut tx, begun.id, begun.run).await?;
        if !job.finish(&mut tx).await? {
            tx.rollback().await?;
            // Nothing has named this run's file, and nothing will.
            if let Ok(key) = key {
                self.forget(&key).await;
            }
            return Ok(Outcome::Done);
        }
        let mut seq = None;
        if is_wanted {
            store::set_ready(&mut tx, begun.id, &file).await?;
            seq = Some(self.show(&mut tx, begun, "recording.ready").await?);
        }
        failpoint::here("recordings.written").await;
        // Whether this has happened is not known when it fails: the file stays, and the orphan cleanup will tell.
        tx.commit().await?;
        failpoint::here("recordings.committed").await;
        match (seq, key) {
            (Some(seq), _) => {
                self.announce(job.org, seq);
                metrics::counter!("voxanne_recordings_copied_total").increment(1);
                metrics::counter!("voxanne_recording_bytes_total").increment(file.size);
            }
            (None, Ok(key)) => self.forget(&key).await,
            (None, Err(_)) => {}
        }
        Ok(Outcome::Done)
    }

    async fn settle_failure(&self, job: &Running, begun: &Begun, failure: Failure) -> Result<Outcome, DbError> {
        let Failure { reason, detail, asked } = failure;
        let waited = self.parts.clock.now().duration_since(begun.since).max(SignedDuration::ZERO);
        let decided = next(reason, asked, u32::try_from(job.attempt).unwrap_or(1), job.is_last, waited);
        let words = format!("{}: {detail}", reason.as_str());
        let (state, kind) = match decided {
            Next::Again | Next::Wait(_) => (State::Pending, "call.updated"),
            Next::GiveUp => (State::Failed, "recording.failed"),
            Next::Expire => (State::Expired, "call.updated"),
        };
        let is_final = matches!(decided, Next::GiveUp | Next::Expire);
        metrics::counter!("voxanne_recordings_failed_total", "reason" => reason.as_str(), "final" => is_final.to_string())
            .increment(1);
        failpoint::here("recordings.failed").await;
        let mut tx = self.parts.tenancy.tenant(job.org).await?;
        let is_ours = store::lock_run(&mut tx, begun.id, begun.run).await?
            && match decided {
                Next::Again | Next::Wait(_) => true,
                Next::GiveUp => job.give_up(&mut tx, &words).await?,
                Next::Expire => job.finish(&mut tx).await?,
            };
        if is_ours {
            store::set_state(&mut tx, begun.id, state, Some((reason, &detail))).await?;
            let seq = self.show(&mut tx, begun, kind).await?;
            tx.commit().await?;
            self.announce(job.org, seq);
        } else {
            tx.rollback().await?;
        }
        Ok(match decided {
            Next::Again => Outcome::failed(words),
            Next::Wait(after) => Outcome::Later { after, reason: words },
            Next::GiveUp => Outcome::dead(words),
            Next::Expire => Outcome::Done,
        })
    }

    /// Lets the call follow, and tells of it what a viewer can see.
    async fn show(&self, tx: &mut TenantTx, begun: &Begun, kind: &str) -> Result<Option<i64>, DbError> {
        let has_changed = store::follow(tx, begun.call).await?;
        if has_changed || kind != "call.updated" { store::tell(tx, kind, begun.call).await.map(Some) } else { Ok(None) }
    }

    fn announce(&self, org: OrgId, seq: Option<i64>) {
        if let Some(seq) = seq {
            (self.parts.announce)(org, seq);
        }
    }

    /// Deletes a file that nothing names. One that stays is an orphan, which is no harm.
    async fn forget(&self, key: &Key) {
        if let Err(error) = self.parts.storage.delete(key).await {
            tracing::debug!(error = %Chain(&error), "a file that nothing names could not be deleted");
        }
    }
}

/// Judges an answer by its head.
fn judge_head(response: &Response, with_key: bool) -> Result<(), Failure> {
    let status = response.status.as_u16();
    if status != 200 {
        let mut failure = Failure::new(
            reason_of_status(status, with_key),
            format!("{} answered with status {status}", response.host),
        );
        failure.asked = response.retry_after().filter(|_| matches!(status, 429 | 503));
        return Err(failure);
    }
    match response.media_type().as_deref() {
        Some("text/html" | "application/xhtml+xml") => {
            Err(Failure::new(Reason::WebPage, format!("{} sent a web page", response.host)))
        }
        _ => Ok(()),
    }
}

/// What has come of a body so far.
struct Coming {
    read: u64,
    since: Instant,
    slow_after: Duration,
    beginning: Bytes,
}

impl Coming {
    fn new(slow_after: Duration) -> Self {
        Self { read: 0, since: Instant::now(), slow_after, beginning: Bytes::new() }
    }

    /// Enough bytes to tell what they are, or all there are.
    async fn head(&mut self, response: &mut Response) -> Result<Bytes, Failure> {
        let mut head = BytesMut::new();
        while head.len() < sound::SNIFF
            && let Some(bytes) = self.next(response).await?
        {
            head.extend_from_slice(&bytes);
        }
        let head = head.freeze();
        self.beginning = head.slice(..head.len().min(sound::SNIFF));
        Ok(head)
    }

    async fn next(&mut self, response: &mut Response) -> Result<Option<Bytes>, Failure> {
        let chunk = match response.chunk().await {
            Ok(chunk) => chunk,
            // The connection ended before what was announced had come.
            Err(OutboundError::Broken { .. }) if response.length().is_some() => {
                let announced = response.length().unwrap_or_default();
                return Err(Failure::new(Reason::WrongLength, format!("{} of {announced} bytes came", self.read)));
            }
            Err(error) => return Err(error.into()),
        };
        self.read += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        let took = self.since.elapsed();
        if chunk.is_some() && took > self.slow_after && self.read / took.as_secs().max(1) < SLOWEST {
            return Err(Failure::new(
                Reason::TooSlow,
                format!("{} bytes came in {} seconds", self.read, took.as_secs()),
            ));
        }
        Ok(chunk)
    }
}
