//! Looking at every sign.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mail::Outbox;
use platform::clock::Clock;
use platform::config::{AlertConfig, Origin};
use platform::http::problem::Chain;
use platform::ids::OrgId;
use platform::jobs::Jobs;
use platform::outbound::Outbound;
use platform::recent::Recent;
use platform::storage::{Storage, StorageError};
use platform::tenancy::{DbError, SystemTx, Tenancy};
use url::Url;
use uuid::Uuid;

use super::model::{Certificate, Measurement, Reading, Sign, State, judge};
use super::nodes::{self, Node, Readings};
use super::store::{self, Known, Watched};
use super::{certificate, disk, silence};

/// How long one sign may take to be read.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long what is usual for numbers is remembered: reading it reads six weeks of calls.
const PROFILES_HOLD: SignedDuration = SignedDuration::from_hours(1);
/// How long a certificate's verdict is remembered.
const CERTIFICATE_HOLDS: SignedDuration = SignedDuration::from_mins(30);
/// How long it is remembered that files can be kept: a bucket counts what it is asked.
const STORAGE_HOLDS: SignedDuration = SignedDuration::from_mins(5);
/// How long the storage may take for a small file.
const STORAGE_PATIENCE: Duration = Duration::from_secs(8);
/// How long a look at this node's machine may take. A node that waits for its disk must not be taken for dead.
const MACHINE_PATIENCE: Duration = Duration::from_secs(5);
/// The longest pause of a number that is looked at. Longer ones count as this.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(14 * 24);
/// A clock that was compared over the network cannot be told more exactly than an answer carries: `Date` has whole seconds.
const DATE_IS_EXACT_TO: SignedDuration = SignedDuration::from_secs(2);

/// What signs are measured with.
pub struct Services {
    /// The way to the database.
    pub tenancy: Tenancy,
    /// The time.
    pub clock: Clock,
    /// Mails.
    pub outbox: Outbox,
    /// Background work.
    pub jobs: Jobs,
    /// The way outside.
    pub outbound: Outbound,
    /// Who is told, and from where on something is worrying.
    pub config: AlertConfig,
    /// How large the database may become, in bytes.
    pub database_limit: Option<u64>,
    /// Where browsers find this installation.
    pub public_origin: Origin,
    /// Where this node keeps its files.
    pub data_dir: std::path::PathBuf,
    /// Where recordings are kept.
    pub storage: Storage,
    /// This node's requests to the provider's API.
    pub provider_requests: Recent,
    /// Every how many days a backup is restored on trial; `None`: never.
    pub trial_days: Option<u32>,
}

/// The parts that look at signs and tell of them. Cheap to clone.
#[derive(Clone)]
pub struct Alarms {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) services: Services,
    profiles: Mutex<Option<(Timestamp, Arc<[Watched]>)>>,
    certificate: Mutex<Option<(Timestamp, Measured)>>,
    /// When files could last be kept.
    stored: Mutex<Option<Timestamp>>,
    /// How far our clock was from that of somebody outside who answered us, and when.
    outside: Mutex<Option<(Timestamp, SignedDuration)>>,
}

/// What came of looking at a sign.
#[derive(Clone, Debug)]
pub enum Measured {
    /// This.
    Is(Measurement),
    /// It does not apply here.
    Off(&'static str),
    /// It could not be read, for this reason.
    Unknown(String),
    /// Each node has its own, by the node's name.
    Each(Vec<(String, Measured)>),
}

impl Measured {
    /// The verdict.
    pub fn judge(&self, was: State, alarms: &Alarms, now: Timestamp) -> Reading {
        match self {
            Self::Is(measured) => judge(measured, was, &alarms.services().config.thresholds, now),
            Self::Off(why) => Reading::off(*why),
            Self::Unknown(why) => Reading::unknown(why.clone()),
            Self::Each(nodes) => {
                let judged = nodes.iter().map(|(node, measured)| {
                    let reading = measured.judge(was, alarms, now);
                    let words = format!("On {node}: {}", reading.words);
                    if nodes.len() == 1 { reading } else { Reading { words, ..reading } }
                });
                judged.max_by_key(|reading| reading.state.weight()).unwrap_or_else(|| Reading::off("No node lives."))
            }
        }
    }
}

impl From<Result<Measurement, DbError>> for Measured {
    fn from(read: Result<Measurement, DbError>) -> Self {
        match read {
            Ok(measured) => Self::Is(measured),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "a vital sign could not be read");
                Self::Unknown("The database could not be asked.".to_owned())
            }
        }
    }
}

impl Alarms {
    /// Puts the parts together. Touches nothing.
    pub fn new(services: Services) -> Self {
        let inner = Inner {
            services,
            profiles: Mutex::default(),
            certificate: Mutex::default(),
            stored: Mutex::default(),
            outside: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn services(&self) -> &Services {
        &self.inner.services
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.services().clock.now()
    }

    /// How every sign stood when it was looked at last, by whichever node.
    pub async fn signs(&self) -> Result<BTreeMap<Sign, Known>, DbError> {
        let mut tx = self.services().tenancy.system("an operator looks at the signs of the whole installation").await?;
        let known = store::known(&mut tx, false).await?;
        tx.commit().await?;
        Ok(known)
    }

    /// Looks at every sign, each on its own: one that fails or hangs says nothing of the others.
    pub async fn measure(&self) -> Vec<(Sign, Measured)> {
        let mut all = Vec::new();
        for sign in Sign::ALL {
            let measured = tokio::time::timeout(PATIENCE, self.measure_one(sign)).await;
            let measured = measured.unwrap_or_else(|_| {
                Measured::Unknown(format!("It could not be read within {} seconds.", PATIENCE.as_secs()))
            });
            all.push((sign, measured));
        }
        all
    }

    async fn measure_one(&self, sign: Sign) -> Measured {
        match sign {
            Sign::Recordings => self.asked(async |tx, now| store::recordings(tx, now - HOUR).await).await,
            Sign::Events => self.of_nodes(nodes::spools).await,
            Sign::Search => self.asked(async |tx, _| store::search(tx).await).await,
            Sign::Quarantine => self.asked(async |tx, _| store::quarantine(tx).await).await,
            Sign::Import => self.asked_if("Nothing was ever imported.", async |tx, _| store::import(tx).await).await,
            Sign::MailBudget | Sign::MailRelay => self.mail(sign).await,
            Sign::DeadMails => self.asked(async |tx, now| store::dead_mails(tx, now - DAY).await).await,
            Sign::Jobs | Sign::DeadJobs => self.jobs(sign).await,
            Sign::Database => self.database().await,
            Sign::Disk => self.of_nodes(nodes::disks).await,
            Sign::Storage => self.storage().await,
            Sign::Certificate => self.certificate().await,
            Sign::Clock => self.clock().await,
            Sign::Provider => self.asked(async |tx, now| store::provider(tx, now - HOUR).await).await,
            Sign::ProviderApi => self.of_nodes(nodes::requests).await,
            Sign::SilentNumbers => self.silent_numbers().await,
            Sign::Backups => self.asked(async |tx, _| store::backups(tx).await).await,
            Sign::Trials => self.trials().await,
        }
    }

    /// A figure of the database.
    async fn asked(
        &self,
        read: impl AsyncFnOnce(&mut SystemTx, Timestamp) -> Result<Measurement, DbError>,
    ) -> Measured {
        self.read(read).await.into()
    }

    /// A figure of the database that may not apply, and why not.
    async fn asked_if(
        &self,
        why_not: &'static str,
        read: impl AsyncFnOnce(&mut SystemTx, Timestamp) -> Result<Option<Measurement>, DbError>,
    ) -> Measured {
        match self.read(read).await {
            Ok(None) => Measured::Off(why_not),
            Ok(Some(measured)) => Measured::Is(measured),
            Err(error) => Err(error).into(),
        }
    }

    async fn read<T>(
        &self,
        read: impl AsyncFnOnce(&mut SystemTx, Timestamp) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let mut tx = self.services().tenancy.system("signs are counted over all organizations").await?;
        let measured = read(&mut tx, self.now()).await?;
        tx.commit().await?;
        Ok(measured)
    }

    /// What this node finds of its own machine at this moment.
    pub async fn look_here(&self) -> Readings {
        let dir = self.services().data_dir.clone();
        let looked = tokio::task::spawn_blocking(move || (disk::room(&dir), disk::spool(&dir.join("spool"))));
        let (disk, spool) = if let Ok(Ok((disk, spool))) = tokio::time::timeout(MACHINE_PATIENCE, looked).await {
            (seen(disk), seen(spool))
        } else {
            tracing::warn!("the data directory could not be looked at: it does not answer");
            (None, None)
        };
        Readings { disk, spool, provider: self.services().provider_requests.tries(self.now()) }
    }

    /// What all nodes that live say of themselves.
    async fn of_nodes(&self, measure: impl FnOnce(&[Node]) -> Measured) -> Measured {
        let found = self.look_here().await;
        let jobs = &self.services().jobs;
        match jobs.nodes().await {
            Ok(known) => measure(&nodes::live(known, jobs.node(), found, self.now())),
            Err(error) => Err(error).into(),
        }
    }

    /// Whether files can be kept. What is wrong is tried again at the next look.
    async fn storage(&self) -> Measured {
        let now = self.now();
        let stored = *self.inner.stored.lock().unwrap_or_else(PoisonError::into_inner);
        if stored.is_some_and(|at| now.duration_since(at) < STORAGE_HOLDS) {
            return Measured::Is(Measurement::Storage(None));
        }
        let fault = match tokio::time::timeout(STORAGE_PATIENCE, self.services().storage.probe(now)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => {
                tracing::warn!(error = %Chain(&error), "a file could not be written, read and deleted");
                Some(match error {
                    StorageError::NotFound => "the folder or the bucket is not there".to_owned(),
                    error => error.to_string(),
                })
            }
            Err(_) => Some(format!("the storage does not answer within {} seconds", STORAGE_PATIENCE.as_secs())),
        };
        *self.inner.stored.lock().unwrap_or_else(PoisonError::into_inner) = fault.is_none().then_some(now);
        Measured::Is(Measurement::Storage(fault))
    }

    async fn trials(&self) -> Measured {
        let Some(days) = self.services().trial_days else {
            return Measured::Off("No backup is restored on trial by itself (VOXANNE_BACKUP_TRIAL_DAYS).");
        };
        self.asked_if("There is no backup that could be tried.", async |tx, _| store::trials(tx, days).await).await
    }

    async fn mail(&self, sign: Sign) -> Measured {
        match self.services().outbox.health().await {
            Ok(health) => match (health.relay, sign) {
                (None, _) => Measured::Off("No mail relay is configured: mails are kept and none is sent."),
                (Some(relay), Sign::MailRelay) => Measured::Is(Measurement::MailRelay(relay.failing_since)),
                (Some(_), _) => Measured::Is(Measurement::MailBudget { used: health.used, limit: health.limit }),
            },
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "a vital sign could not be read");
                Measured::Unknown("The outbox could not be looked at.".to_owned())
            }
        }
    }

    async fn jobs(&self, sign: Sign) -> Measured {
        let overview = match self.services().jobs.overview().await {
            Ok(overview) => overview,
            Err(error) => return Err(error).into(),
        };
        if sign == Sign::DeadJobs {
            let dead = overview.queues.iter().map(|queue| u64::try_from(queue.dead).unwrap_or(0)).sum();
            return Measured::Is(Measurement::DeadJobs(dead));
        }
        let now = self.now();
        // What no node knows any more is missed by nobody.
        let kept = overview.schedules.iter().filter(|schedule| !schedule.is_retired);
        let overdue = kept.filter_map(|schedule| {
            let late = (schedule.lag(now) > SignedDuration::ZERO).then_some(schedule.next_at);
            // A duty that runs and fails does not do its work either.
            let failing = (schedule.failures > 0).then(|| {
                schedule.succeeded_at.unwrap_or(schedule.declared_at).saturating_add(schedule.every).unwrap_or(now)
            });
            late.into_iter().chain(failing).min()
        });
        let waiting = overview.queues.iter().filter_map(|queue| queue.oldest_due);
        Measured::Is(Measurement::Jobs(overdue.chain(waiting).filter(|since| *since < now).min()))
    }

    async fn database(&self) -> Measured {
        let Some(limit) = self.services().database_limit else {
            return Measured::Off("No budget is set (VOXANNE_LIMIT_DATABASE_BYTES).");
        };
        self.asked(async |tx, _| Ok(Measurement::Database { bytes: store::database_bytes(tx).await?, limit })).await
    }

    /// Our clock against the database's, and against that of whoever outside answered us within the last hour.
    async fn clock(&self) -> Measured {
        let read = self
            .read(async |tx, _| {
                let before = self.now();
                let theirs = store::database_now(tx).await?;
                let after = self.now();
                // It said so at some moment between the two.
                let ours = before.saturating_add(after.duration_since(before) / 2).unwrap_or(before);
                Ok(ours.duration_since(theirs))
            })
            .await;
        let database = match read {
            Ok(skew) => skew,
            Err(error) => return Err(error).into(),
        };
        let outside = *self.inner.outside.lock().unwrap_or_else(PoisonError::into_inner);
        let outside = outside.filter(|(at, _)| self.now().duration_since(*at) < HOUR).map(|(_, skew)| skew);
        Measured::Is(match outside {
            Some(skew) if skew.abs() > database.abs() && skew.abs() > DATE_IS_EXACT_TO => {
                Measurement::Clock { skew, with: "that of a server outside" }
            }
            _ => Measurement::Clock { skew: database, with: "the database's" },
        })
    }

    /// Remembers the `Date` of an answer from outside that was asked for at `asked`.
    pub(crate) fn note_date(&self, date: Option<&str>, asked: Timestamp) {
        let Some(theirs) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else { return };
        let now = self.now();
        let ours = asked.saturating_add(now.duration_since(asked) / 2).unwrap_or(now);
        let skew = ours.duration_since(theirs.timestamp());
        *self.inner.outside.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, skew));
    }

    async fn certificate(&self) -> Measured {
        let now = self.now();
        let remembered = self.inner.certificate.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, measured)) = remembered
            && now.duration_since(at) < CERTIFICATE_HOLDS
        {
            return measured;
        }
        let measured = self.look_at_certificate(now).await;
        // What is wrong is looked at again soon, so that the alert ends soon after it was put right.
        if matches!(measured, Measured::Is(Measurement::Certificate(Certificate::Trusted(_)))) {
            *self.inner.certificate.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, measured.clone()));
        }
        measured
    }

    async fn look_at_certificate(&self, now: Timestamp) -> Measured {
        let origin = &self.services().public_origin;
        if !origin.is_https() {
            return Measured::Off("The public address has no certificate (VOXANNE_PUBLIC_URL is not https).");
        }
        let url = Url::parse(origin.as_str()).ok();
        let Some((host, port)) =
            url.as_ref().and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default()?)))
        else {
            return Measured::Unknown("The public address names no host.".to_owned());
        };
        let stream = match self.services().outbound.connect(&host, port).await {
            Ok(stream) => stream,
            Err(error) => return Measured::Unknown(format!("The public address could not be reached: {error}.")),
        };
        match certificate::look(stream, &host, certificate::system_roots(), now, PATIENCE / 2).await {
            Ok(found) => Measured::Is(Measurement::Certificate(found)),
            Err(error) => Measured::Unknown(format!("The certificate could not be looked at: {error}.")),
        }
    }

    async fn silent_numbers(&self) -> Measured {
        let read = async {
            let profiles = self.profiles().await?;
            let since = self.now().saturating_sub(LONGEST_PAUSE).unwrap_or(Timestamp::MIN);
            let last = self.read(async |tx, _| store::last_calls(tx, since).await).await?;
            Ok::<_, DbError>((profiles, last))
        };
        match read.await {
            Ok::<_, DbError>((profiles, last)) => Measured::Is(self.count_silent(&profiles, &last)),
            Err(error) => Err(error).into(),
        }
    }

    async fn profiles(&self) -> Result<Arc<[Watched]>, DbError> {
        let now = self.now();
        let remembered = self.inner.profiles.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, profiles)) = remembered
            && now.duration_since(at) < PROFILES_HOLD
        {
            return Ok(profiles);
        }
        let profiles: Arc<[Watched]> = self.read(store::profiles).await?.into();
        *self.inner.profiles.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&profiles)));
        Ok(profiles)
    }

    fn count_silent(&self, profiles: &[Watched], last: &BTreeMap<(OrgId, Uuid), Timestamp>) -> Measurement {
        let now = self.now();
        let limit = f64::from(self.services().config.thresholds.silence_calls);
        let mut counted = (0, 0);
        for one in profiles.iter().filter(|one| one.profile.can_be_silent(limit)) {
            counted.1 += 1;
            let pause = last.get(&(one.org, one.number)).map_or(LONGEST_PAUSE, |at| now.duration_since(*at));
            let quiet = u64::try_from(pause.as_mins()).unwrap_or(0);
            let local = now.to_zoned(TimeZone::get(&one.zone).unwrap_or(TimeZone::UTC));
            let day = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or(0);
            let hour = day * 24 + usize::try_from(local.hour()).unwrap_or(0);
            let minute = u32::try_from(local.minute()).unwrap_or(0);
            counted.0 += u64::from(silence::is_silent(&one.profile, hour, minute, quiet, limit));
        }
        Measurement::SilentNumbers { silent: counted.0, watched: counted.1 }
    }
}

/// What a look found. What went wrong is in the log, and names a kind of fault.
fn seen<T>(looked: io::Result<T>) -> Option<T> {
    let failed = |error: &io::Error| tracing::warn!(kind = %error.kind(), "the data directory could not be looked at");
    looked.inspect_err(failed).ok()
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
