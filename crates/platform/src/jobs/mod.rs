//! Work that happens later, and duties that come again and again.
//!
//! **Jobs** (table `jobs`). A job is a row of an organization, written in the transaction of what it follows from
//! ([`Jobs::enqueue`]). Workers of any node take due jobs of all organizations with `skip locked`, hold them with a lease
//! that is extended while the handler runs ([`Jobs::work`]), and write what came of it. A handler that dies, with its node
//! or alone, loses the lease and another worker begins anew: a job runs *at least* once, and [`Running::finish`] marks it
//! done in the transaction of its effects, so that these are written exactly once. What fails is tried again with growing
//! pauses, and given up after a number of attempts: then it stays as a dead job until somebody retries it.
//!
//! **Schedules** (table `schedules`). A duty of the installation, done by one node at a time ([`Jobs::schedule`]), or by
//! every node all the time with one row that collects what came of it ([`Jobs::often`]). One that no live node knows any
//! more, because it was renamed or is not configured, is retired: shown, and missed by nobody.
//!
//! **Nodes** (table `nodes`). Processes that say that they are there ([`Jobs::start_presence`]), which duties they have, and
//! what they found of their own machine.
//!
//! Rules: a payload and a report hold ids and small facts, as operators see them. Never a transaction across a network
//! call: load, let go, call, write. docs/adr/0012 says why this is not a library.

mod model;
mod nodes;
mod queue;
mod schedules;
mod store;
mod watch;

pub use model::{
    DeadJob, Enqueued, JobError, NewJob, NodeStatus, Outcome, Overview, Queue, QueueStatus, Report, RunningJob,
    Schedule, ScheduleState, ScheduleStatus,
};
pub use queue::Running;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::Notify;

use crate::audit::{self, Actor};
use crate::clock::Clock;
use crate::crypto::random_bytes;
use crate::http::{Cursor, Limit, Page};
use crate::ids::{JobId, OrgId};
use crate::tasks::Tasks;
use crate::tenancy::{DbError, SystemTx, Tenancy, TenantTx};
use store::Which;

/// How often queues are looked at without being told. On one node a commit is followed by [`Jobs::wake`].
const LOOKS_EVERY: Duration = Duration::from_secs(5);
/// How often the metrics of jobs are brought up to date.
const MEASURES_EVERY: Duration = Duration::from_secs(15);

/// Jobs and schedules of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    inner: Arc<Inner>,
}

struct Inner {
    tenancy: Tenancy,
    clock: Clock,
    tasks: Tasks,
    node: String,
    /// What the loop of a queue or a schedule waits for besides its time.
    bells: Mutex<HashMap<String, Arc<Notify>>>,
    /// The duties of this process, and what is told when there is another.
    duties: Mutex<BTreeSet<&'static str>>,
    another_duty: Notify,
}

impl Jobs {
    /// Touches nothing. Loops are owned by `tasks` and end with them.
    pub fn new(tenancy: Tenancy, clock: Clock, tasks: Tasks) -> Self {
        let (node, bells, duties) = (node_name(), Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { tenancy, clock, tasks, node, bells, duties, another_duty: Notify::new() }) }
    }

    /// The name under which this process does its work: the machine's, and some letters of its own.
    pub fn node(&self) -> &str {
        &self.inner.node
    }

    /// Keeps a job in the transaction's organization: it runs if and only if the transaction commits. Call [`Jobs::wake`]
    /// after the commit. One that waits already for the same key is the same job; one that runs is run once more.
    pub async fn enqueue(&self, tx: &mut TenantTx, job: NewJob) -> Result<Enqueued, JobError> {
        model::check(&job)?;
        let org = tx.org();
        Ok(store::insert(tx, org, &job, self.now()).await?)
    }

    /// The same for an organization that is known by other means than a caller's membership.
    pub async fn enqueue_for(&self, tx: &mut SystemTx, org: OrgId, job: NewJob) -> Result<Enqueued, JobError> {
        model::check(&job)?;
        Ok(store::insert(tx, org, &job, self.now()).await?)
    }

    /// Tells this process's loop of a queue or a schedule to look now. Loops elsewhere find out by themselves.
    pub fn wake(&self, name: &str) {
        self.bell(name).notify_one();
    }

    /// Lets a dead job of the transaction's organization run again. False when there is none for this key.
    pub async fn retry(&self, tx: &mut TenantTx, queue: &str, key: &str) -> Result<bool, DbError> {
        let org = tx.org();
        Ok(store::revive(tx, org, Which::Key { queue, key }, self.now()).await?.is_some())
    }

    /// The same for an operator, by id. Answers the queue, for [`Jobs::wake`]; `None` when there is no such dead job.
    pub async fn retry_for(&self, tx: &mut SystemTx, org: OrgId, job: JobId) -> Result<Option<String>, DbError> {
        store::revive(tx, org, Which::Id(job), self.now()).await
    }

    /// An operator lets a dead job run again. False when there is no such dead job.
    pub async fn retry_by(&self, actor: Actor, org: OrgId, job: JobId) -> Result<bool, DbError> {
        let mut tx = self.inner.tenancy.system("an operator retries a job of any organization").await?;
        let Some(queue) = self.retry_for(&mut tx, org, job).await? else {
            tx.rollback().await?;
            return Ok(false);
        };
        audit::record_system(&mut tx, org, actor, "job.retried", Some(&job.to_string()), json!({ "queue": queue }))
            .await?;
        tx.commit().await?;
        self.wake(&queue);
        Ok(true)
    }

    /// An operator makes a schedule due at once; `home`, their organization, keeps that they did. False when there is no
    /// such schedule to bring forward.
    pub async fn run_by(&self, actor: Actor, home: OrgId, name: &str) -> Result<bool, DbError> {
        let mut tx = self.inner.tenancy.system("an operator brings a duty of the installation forward").await?;
        if !self.run_now(&mut tx, name).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        audit::record_system(&mut tx, home, actor, "schedule.run", Some(name), json!({})).await?;
        tx.commit().await?;
        self.wake(name);
        Ok(true)
    }

    /// Makes a schedule due at once. False when no worker ever declared one of this name, or every node does it anyway.
    /// Call [`Jobs::wake`] after the commit.
    pub async fn run_now(&self, tx: &mut SystemTx, name: &str) -> Result<bool, DbError> {
        store::run_now(tx, name, self.now()).await
    }

    /// Everything an operator sees.
    pub async fn overview(&self) -> Result<Overview, DbError> {
        let now = self.now();
        let mut tx = self.inner.tenancy.system("jobs of all organizations are looked at as a whole").await?;
        let nodes = store::nodes(&mut tx).await?;
        let overview = Overview {
            schedules: schedules(&mut tx, &nodes, now).await?,
            queues: store::queues(&mut tx, now).await?,
            running: store::running(&mut tx).await?,
            dead: store::dead(&mut tx, None, store::LIST).await?,
            nodes,
        };
        tx.commit().await?;
        Ok(overview)
    }

    /// Jobs that were given up, newest first.
    pub async fn list_dead(&self, from: Option<Cursor>, limit: Limit) -> Result<Page<DeadJob>, DbError> {
        let mut tx = self.inner.tenancy.system("jobs that were given up may be of any organization").await?;
        let rows = store::dead(&mut tx, from, limit.fetch()).await?;
        tx.commit().await?;
        let cursor = |job: &DeadJob| Cursor { at: job.died_at.unwrap_or(job.created_at), id: job.id.uuid() };
        Ok(Page::of(rows, limit, cursor))
    }

    /// Every process that was heard of lately, with what it found of its machine.
    pub async fn nodes(&self) -> Result<Vec<NodeStatus>, DbError> {
        let mut tx = self.inner.tenancy.system("the nodes of the installation are looked at").await?;
        let nodes = store::nodes(&mut tx).await?;
        tx.commit().await?;
        Ok(nodes)
    }

    /// Keeps the metrics of queues and schedules up to date until the process stops.
    pub fn start_measuring(&self) {
        let jobs = self.clone();
        self.inner.tasks.every(MEASURES_EVERY, "jobs could not be measured", move || {
            let jobs = jobs.clone();
            async move { jobs.measure().await }
        });
    }

    async fn measure(&self) -> Result<(), DbError> {
        let now = self.now();
        let mut tx = self.inner.tenancy.system("jobs of all organizations are measured").await?;
        let nodes = store::nodes(&mut tx).await?;
        let (queues, schedules) = (store::queues(&mut tx, now).await?, schedules(&mut tx, &nodes, now).await?);
        tx.commit().await?;
        for queue in queues {
            let states =
                [("waiting", queue.waiting), ("later", queue.later), ("running", queue.running), ("dead", queue.dead)];
            for (state, count) in states {
                metrics::gauge!("voxanne_jobs", "queue" => queue.name.clone(), "state" => state).set(number(count));
            }
            let waited = queue.oldest_due.map_or(SignedDuration::ZERO, |due| now.duration_since(due));
            metrics::gauge!("voxanne_jobs_oldest_waiting_seconds", "queue" => queue.name).set(waited.as_secs_f64());
        }
        for schedule in schedules {
            let name = schedule.name.clone();
            // A gauge that was set once stays: of a schedule that is retired it must not ask for somebody's attention.
            let (since_success, failures) = if schedule.is_retired {
                (SignedDuration::ZERO, 0)
            } else {
                (schedule.since_success(now), schedule.failures)
            };
            metrics::gauge!("voxanne_schedule_seconds_since_success", "schedule" => name.clone())
                .set(since_success.as_secs_f64());
            metrics::gauge!("voxanne_schedule_lag_seconds", "schedule" => name.clone())
                .set(schedule.lag(now).as_secs_f64());
            metrics::gauge!("voxanne_schedule_failures", "schedule" => name).set(f64::from(failures));
        }
        Ok(())
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    fn bell(&self, name: &str) -> Arc<Notify> {
        let mut bells = self.inner.bells.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bells.entry(name.to_owned()).or_default())
    }

    /// Sleeping until a moment by the clock of the domain, but not longer than `most`.
    fn pause_until(&self, at: Timestamp, most: Duration) -> Duration {
        let wait = Duration::try_from(at.duration_since(self.now())).unwrap_or_default();
        wait.clamp(Duration::from_millis(50), most)
    }
}

async fn schedules(tx: &mut SystemTx, nodes: &[NodeStatus], now: Timestamp) -> Result<Vec<ScheduleStatus>, DbError> {
    let mut schedules = store::schedules(tx).await?;
    model::mark_retired(&mut schedules, nodes, now);
    Ok(schedules)
}

/// For gauges, which have no better number than `f64`.
fn number(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap_or(i32::MAX))
}

fn jitter() -> f64 {
    f64::from(u16::from_le_bytes(random_bytes::<2>())) / f64::from(u16::MAX)
}

/// Several processes may run on one machine, and a container's process is always number 1.
fn node_name() -> String {
    let machine = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let machine: String = machine.unwrap_or_else(|| "unnamed".to_owned()).chars().take(100).collect();
    format!("{machine}/{}", hex::encode(random_bytes::<3>()))
}
