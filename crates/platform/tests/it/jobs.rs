//! Jobs and schedules on a real database, under the restricted logins. Two `Jobs` with tasks of their own are two nodes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use platform::audit::Actor;
use platform::ids::{OrgId, UserId};
use platform::jobs::{
    Enqueued, JobError, Jobs, NewJob, Outcome, Queue, Report, Running, Schedule, ScheduleState, ScheduleStatus,
};
use platform::tasks::Tasks;
use platform::tenancy::DbError;
use serde_json::{Value, json};
use test_support::TestDb;
use tokio::sync::{Notify, mpsc};

/// A lease long enough for the clock of the tests, which stands still.
const COPY: Queue = Queue { name: "recordings.copy", attempts: 3, lease: Duration::from_mins(5), at_once: 2 };
/// A lease whose heartbeat comes several times a second.
const SHORT: Queue = Queue { lease: Duration::from_millis(300), ..COPY };

/// One process of an installation.
struct Node {
    jobs: Jobs,
    tasks: Tasks,
}

impl Node {
    fn new(db: &TestDb) -> Self {
        let tasks = Tasks::new();
        Self { jobs: Jobs::new(db.tenancy(), db.clock(), tasks.clone()), tasks }
    }

    async fn stop(self) {
        assert!(self.tasks.stop_and_wait(Duration::from_secs(20)).await, "a task went on after the test");
    }
}

struct Desk {
    db: TestDb,
    org: OrgId,
    node: Node,
}

impl Desk {
    async fn new() -> Self {
        let db = TestDb::new().await;
        let org = db.organization("Harbour").await;
        let node = Node::new(&db);
        Self { db, org, node }
    }

    async fn enqueue(&self, key: &str) -> Enqueued {
        self.enqueue_in(self.org, key).await
    }

    async fn enqueue_in(&self, org: OrgId, key: &str) -> Enqueued {
        let mut tx = self.db.tenancy().tenant(org).await.unwrap();
        let enqueued = self.node.jobs.enqueue(&mut tx, copy_of(key)).await.unwrap();
        tx.commit().await.unwrap();
        self.node.jobs.wake(COPY.name);
        enqueued
    }

    /// Some seconds, minutes or hours later, of which every worker is told.
    fn later(&self, by: SignedDuration) {
        self.db.clock().advance(by);
        self.node.jobs.wake(COPY.name);
    }

    /// One value from the database, past row security.
    async fn one<T>(&self, sql: &'static str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        sqlx::query_scalar(sql).fetch_one(&mut self.db.admin().await).await.unwrap()
    }

    /// Keys and states of all jobs, in order.
    async fn states(&self) -> Vec<(String, String)> {
        sqlx::query_as("select key, state from jobs order by key").fetch_all(&mut self.db.admin().await).await.unwrap()
    }

    async fn until_states(&self, wanted: &[(&str, &str)]) {
        let wanted: Vec<_> = wanted.iter().map(|(key, state)| ((*key).to_owned(), (*state).to_owned())).collect();
        until(async || self.states().await == wanted).await;
    }

    async fn schedule(&self, name: &str) -> Option<ScheduleStatus> {
        self.node.jobs.overview().await.unwrap().schedules.into_iter().find(|schedule| schedule.name == name)
    }

    async fn until_schedule(&self, name: &str, is_so: impl Fn(&ScheduleStatus) -> bool) -> ScheduleStatus {
        until(async || self.schedule(name).await.is_some_and(|schedule| is_so(&schedule))).await;
        self.schedule(name).await.unwrap()
    }
}

fn copy_of(key: &str) -> NewJob {
    NewJob { queue: COPY.name, key: key.to_owned(), payload: json!({ "call": key }), due: None }
}

/// Waits for a condition, for a generous while.
async fn until<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    for _ in 0..1_200 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("what was waited for did not happen");
}

/// A handler that notes each run and does as it is told.
fn noting(runs: &Arc<Mutex<Vec<(String, i32)>>>, outcome: Outcome) -> impl Fn(Running) -> ReadyOutcome + use<> {
    let runs = Arc::clone(runs);
    move |job| {
        runs.lock().unwrap().push((job.key, job.attempt));
        std::future::ready(outcome.clone())
    }
}

type ReadyOutcome = std::future::Ready<Outcome>;

#[tokio::test]
async fn a_job_runs_when_its_transaction_commits_and_only_then() {
    let desk = Desk::new().await;
    let runs = Arc::default();
    let mut tx = desk.db.tenancy().tenant(desk.org).await.unwrap();
    desk.node.jobs.enqueue(&mut tx, copy_of("given up")).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(desk.enqueue("kept").await, Enqueued::Added);
    desk.node.jobs.work(COPY, noting(&runs, Outcome::Done));
    desk.until_states(&[]).await;
    assert_eq!(*runs.lock().unwrap(), [("kept".to_owned(), 1)]);
    desk.node.stop().await;
}

#[tokio::test]
async fn asking_twice_is_one_job_and_each_organization_has_its_own() {
    let desk = Desk::new().await;
    let other = desk.db.organization("Northgate").await;
    assert_eq!(desk.enqueue("1").await, Enqueued::Added);
    assert_eq!(desk.enqueue("1").await, Enqueued::Waiting);
    assert_eq!(desk.enqueue_in(other, "1").await, Enqueued::Added);
    assert_eq!(desk.one::<i64>("select count(*) from jobs").await, 2);
    let mut tx = desk.db.tenancy().tenant(other).await.unwrap();
    let seen: Vec<OrgId> = sqlx::query_scalar("select org_id from jobs").fetch_all(tx.conn()).await.unwrap();
    assert_eq!(seen, [other], "an organization sees its own jobs only");
    assert!(!desk.node.jobs.retry(&mut tx, COPY.name, "2").await.unwrap());
    tx.commit().await.unwrap();
    desk.node.stop().await;
}

#[tokio::test]
async fn a_job_that_breaks_a_rule_is_not_kept() {
    let desk = Desk::new().await;
    let mut tx = desk.db.tenancy().tenant(desk.org).await.unwrap();
    let fault = desk.node.jobs.enqueue(&mut tx, NewJob { payload: json!("text"), ..copy_of("1") }).await.unwrap_err();
    assert!(matches!(fault, JobError::Invalid { field: "payload", .. }), "{fault}");
    tx.commit().await.unwrap();
    assert_eq!(desk.states().await, []);
}

#[tokio::test]
async fn two_nodes_share_a_queue_and_no_job_runs_twice() {
    let desk = Desk::new().await;
    let second = Node::new(&desk.db);
    for key in 0..60 {
        desk.enqueue(&format!("{key:02}")).await;
    }
    let runs = Arc::<Mutex<Vec<_>>>::default();
    for node in [&desk.node, &second] {
        node.jobs.work(Queue { at_once: 4, ..COPY }, noting(&runs, Outcome::Done));
    }
    desk.until_states(&[]).await;
    let mut ran = runs.lock().unwrap().clone();
    ran.sort();
    assert_eq!(ran, (0..60).map(|key| (format!("{key:02}"), 1)).collect::<Vec<_>>());
    second.stop().await;
    desk.node.stop().await;
}

#[tokio::test]
async fn ten_thousand_jobs_of_one_organization_do_not_make_another_wait_for_its_one() {
    let desk = Desk::new().await;
    let (small, other) = (desk.db.organization("Northgate").await, desk.db.organization("Southgate").await);
    // They have all been due for longer than the others.
    sqlx::query(
        "insert into jobs (org_id, job_id, queue, key, payload, created_at, due_at)
         select $1, gen_random_uuid(), 'recordings.copy', 'many ' || n, '{}', $2::timestamptz, $2::timestamptz - interval '1 hour'
           from generate_series(1, 10000) n",
    )
    .bind(desk.org)
    .bind(desk.db.clock().now().to_string())
    .execute(&mut desk.db.admin().await)
    .await
    .unwrap();
    desk.enqueue_in(small, "one").await;
    for key in ["first", "second"] {
        desk.enqueue_in(other, key).await;
    }
    let runs = Arc::<Mutex<Vec<(OrgId, String)>>>::default();
    let (noted, stopped) = (Arc::clone(&runs), desk.node.tasks.stopping());
    desk.node.jobs.work(Queue { at_once: 1, ..COPY }, move |job: Running| {
        let mut runs = noted.lock().unwrap();
        runs.push((job.org, job.key));
        if runs.len() == 12 {
            stopped.cancel();
        }
        std::future::ready(Outcome::Done)
    });
    until(async || runs.lock().unwrap().len() >= 12).await;
    let orgs: Vec<OrgId> = runs.lock().unwrap().iter().map(|(org, _)| *org).collect();
    let all: std::collections::BTreeSet<OrgId> = orgs[..3].iter().copied().collect();
    assert_eq!(all.len(), 3, "each of the three has had its turn: {orgs:?}");
    assert!(orgs[3..5].contains(&other), "two have jobs left, and both have a turn: {orgs:?}");
    let first: Vec<String> =
        runs.lock().unwrap().iter().filter(|(org, _)| *org == other).map(|(_, key)| key.clone()).collect();
    assert_eq!(first, ["first", "second"], "the oldest of an organization comes first");
    assert!(orgs[5..].iter().all(|org| *org == desk.org), "who is alone has every turn: {orgs:?}");
}

#[tokio::test]
async fn as_many_jobs_as_may_run_are_taken_though_they_are_of_one_organization() {
    let desk = Desk::new().await;
    for key in 0..6 {
        desk.enqueue(&key.to_string()).await;
    }
    let (send, mut taken) = mpsc::unbounded_channel();
    desk.node.jobs.work(Queue { at_once: 4, ..COPY }, handing_out(&send));
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(taken.recv().await.unwrap());
    }
    assert_eq!(desk.one::<i64>("select count(*) from jobs where state = 'running'").await, 4);
    for (_, tell) in held {
        tell.send(Outcome::Done).unwrap();
    }
    for _ in 0..2 {
        taken.recv().await.unwrap().1.send(Outcome::Done).unwrap();
    }
    desk.until_states(&[]).await;
    desk.node.stop().await;
}

#[tokio::test]
async fn a_job_with_a_time_waits_for_it() {
    let desk = Desk::new().await;
    let runs = Arc::<Mutex<Vec<_>>>::default();
    let due = desk.db.clock().now() + SignedDuration::from_hours(1);
    let mut tx = desk.db.tenancy().tenant(desk.org).await.unwrap();
    desk.node.jobs.enqueue(&mut tx, NewJob { due: Some(due), ..copy_of("later") }).await.unwrap();
    tx.commit().await.unwrap();
    desk.enqueue("now").await;
    desk.node.jobs.work(COPY, noting(&runs, Outcome::Done));
    desk.until_states(&[("later", "waiting")]).await;
    let queue = desk.node.jobs.overview().await.unwrap().queues.remove(0);
    assert_eq!((queue.waiting, queue.later, queue.oldest_due), (0, 1, None));
    desk.later(SignedDuration::from_hours(1));
    desk.until_states(&[]).await;
    desk.node.stop().await;
}

#[tokio::test]
async fn what_failed_is_tried_again_later_and_then_given_up_until_somebody_retries_it() {
    let desk = Desk::new().await;
    let runs = Arc::<Mutex<Vec<_>>>::default();
    desk.enqueue("1").await;
    desk.node.jobs.work(COPY, noting(&runs, Outcome::failed("the provider says 404")));
    for attempt in 1..=3 {
        until(async || runs.lock().unwrap().len() == attempt).await;
        if attempt < 3 {
            desk.until_states(&[("1", "waiting")]).await;
            assert_eq!(desk.one::<String>("select last_words from jobs").await, "the provider says 404");
            // Asking again does not shorten the pause.
            assert_eq!(desk.enqueue("1").await, Enqueued::Waiting);
            let now = desk.db.clock().now().to_string();
            let is_later: bool = sqlx::query_scalar("select due_at > $1::timestamptz from jobs")
                .bind(now)
                .fetch_one(&mut desk.db.admin().await)
                .await
                .unwrap();
            assert!(is_later);
            desk.later(SignedDuration::from_hours(8));
        }
    }
    desk.until_states(&[("1", "dead")]).await;
    desk.later(SignedDuration::from_hours(24));
    assert_eq!(desk.enqueue("1").await, Enqueued::Dead, "asking for it does not revive it");
    let dead = desk.node.jobs.overview().await.unwrap().dead.remove(0);
    assert_eq!((dead.org, dead.attempts, dead.org_name.as_str()), (desk.org, 3, "Harbour"));
    assert_eq!((dead.payload, dead.last_words.as_deref()), (json!({ "call": "1" }), Some("the provider says 404")));
    let mut tx = desk.db.tenancy().system("a test retries").await.unwrap();
    assert_eq!(desk.node.jobs.retry_for(&mut tx, desk.org, dead.id).await.unwrap().as_deref(), Some(COPY.name));
    assert_eq!(desk.node.jobs.retry_for(&mut tx, desk.org, dead.id).await.unwrap(), None, "once is enough");
    tx.commit().await.unwrap();
    desk.node.jobs.wake(COPY.name);
    until(async || runs.lock().unwrap().len() == 4).await;
    assert_eq!(runs.lock().unwrap()[3], ("1".to_owned(), 1), "it begins to count anew");
    desk.node.stop().await;
}

#[tokio::test]
async fn an_organization_retries_its_own_dead_job_by_its_key() {
    let desk = Desk::new().await;
    let runs = Arc::<Mutex<Vec<_>>>::default();
    desk.enqueue("1").await;
    desk.node.jobs.work(COPY, noting(&runs, Outcome::dead("too large")));
    desk.until_states(&[("1", "dead")]).await;
    let mut tx = desk.db.tenancy().tenant(desk.org).await.unwrap();
    assert!(desk.node.jobs.retry(&mut tx, COPY.name, "1").await.unwrap());
    tx.commit().await.unwrap();
    desk.node.jobs.wake(COPY.name);
    until(async || runs.lock().unwrap().len() == 2).await;
    desk.node.stop().await;
}

#[tokio::test]
async fn what_the_other_side_put_off_never_kills_a_job() {
    let desk = Desk::new().await;
    let runs = Arc::<Mutex<Vec<_>>>::default();
    desk.enqueue("1").await;
    let later = Outcome::Later { after: Duration::from_mins(1), reason: "429".to_owned() };
    desk.node.jobs.work(COPY, noting(&runs, later));
    for run in 1..=5 {
        until(async || runs.lock().unwrap().len() == run).await;
        desk.until_states(&[("1", "waiting")]).await;
        desk.later(SignedDuration::from_mins(1));
    }
    assert!(runs.lock().unwrap().iter().all(|(_, attempt)| *attempt == 1));
    desk.node.stop().await;
}

#[tokio::test]
async fn a_handler_that_panics_has_failed() {
    let desk = Desk::new().await;
    desk.enqueue("1").await;
    desk.node.jobs.work(Queue { attempts: 1, ..COPY }, |_: Running| async { panic!("of the test") });
    desk.until_states(&[("1", "dead")]).await;
    assert!(desk.one::<String>("select last_words from jobs").await.contains("panicked"));
    desk.node.stop().await;
}

#[tokio::test]
async fn what_is_asked_for_while_it_runs_runs_once_more() {
    let desk = Desk::new().await;
    let (started, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let runs = Arc::new(AtomicUsize::new(0));
    let handler = {
        let (started, go_on, runs) = (Arc::clone(&started), Arc::clone(&go_on), Arc::clone(&runs));
        move |_: Running| {
            let (started, go_on, runs) = (Arc::clone(&started), Arc::clone(&go_on), Arc::clone(&runs));
            async move {
                runs.fetch_add(1, Ordering::SeqCst);
                started.notify_one();
                go_on.notified().await;
                Outcome::Done
            }
        }
    };
    desk.enqueue("1").await;
    desk.node.jobs.work(COPY, handler);
    started.notified().await;
    assert_eq!(desk.enqueue("1").await, Enqueued::Running);
    assert_eq!(desk.enqueue("1").await, Enqueued::Running);
    go_on.notify_one();
    until(async || {
        desk.node.jobs.wake(COPY.name);
        runs.load(Ordering::SeqCst) == 2
    })
    .await;
    go_on.notify_one();
    desk.until_states(&[]).await;
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    desk.node.stop().await;
}

/// Hands the job out of its handler, which waits until it is told what came of it.
fn handing_out(
    jobs: &mpsc::UnboundedSender<(Running, tokio::sync::oneshot::Sender<Outcome>)>,
) -> impl Fn(Running) -> BoxedOutcome + use<> {
    let jobs = jobs.clone();
    move |job| {
        let (tell, told) = tokio::sync::oneshot::channel();
        jobs.send((job, tell)).unwrap();
        Box::pin(async move { told.await.unwrap_or(Outcome::failed("nobody told")) })
    }
}

type BoxedOutcome = std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>>;

#[tokio::test]
async fn after_its_lease_a_job_is_another_workers_and_the_first_one_cannot_finish_it() {
    let desk = Desk::new().await;
    let second = Node::new(&desk.db);
    let (send, mut taken) = mpsc::unbounded_channel();
    desk.enqueue("1").await;
    desk.node.jobs.work(COPY, handing_out(&send));
    let (first, tell_first) = taken.recv().await.unwrap();
    assert_eq!(first.attempt, 1);

    second.jobs.work(COPY, handing_out(&send));
    desk.db.clock().advance(SignedDuration::from_mins(6));
    second.jobs.wake(COPY.name);
    let (again, tell_again) = taken.recv().await.unwrap();
    assert_eq!((again.attempt, again.id), (2, first.id));

    let mut tx = desk.db.tenancy().tenant(desk.org).await.unwrap();
    assert!(!first.finish(&mut tx).await.unwrap(), "the lease is gone");
    tx.rollback().await.unwrap();
    tell_first.send(Outcome::Done).unwrap();
    let mut tx = desk.db.tenancy().tenant(desk.org).await.unwrap();
    assert!(again.finish(&mut tx).await.unwrap());
    assert_eq!(desk.states().await.len(), 1, "done with the transaction, not before");
    tx.commit().await.unwrap();
    assert_eq!(desk.states().await, []);
    tell_again.send(Outcome::Done).unwrap();
    second.stop().await;
    desk.node.stop().await;
}

#[tokio::test]
async fn a_job_finished_in_a_transaction_that_is_given_up_runs_again() {
    let desk = Desk::new().await;
    let (send, mut taken) = mpsc::unbounded_channel();
    desk.enqueue("1").await;
    desk.node.jobs.work(COPY, handing_out(&send));
    let (job, tell) = taken.recv().await.unwrap();
    let mut tx = desk.db.tenancy().tenant(desk.org).await.unwrap();
    assert!(job.finish(&mut tx).await.unwrap());
    tx.rollback().await.unwrap();
    tell.send(Outcome::failed("the commit failed")).unwrap();
    desk.until_states(&[("1", "waiting")]).await;
    desk.later(SignedDuration::from_hours(1));
    let (job, tell) = taken.recv().await.unwrap();
    assert_eq!(job.attempt, 2);
    let mut tx = desk.db.tenancy().tenant(desk.org).await.unwrap();
    assert!(job.give_up(&mut tx, "the recording is gone").await.unwrap());
    tx.commit().await.unwrap();
    tell.send(Outcome::dead("the recording is gone")).unwrap();
    desk.until_states(&[("1", "dead")]).await;
    desk.node.stop().await;
}

#[tokio::test]
async fn a_heartbeat_keeps_a_long_job() {
    let desk = Desk::new().await;
    let second = Node::new(&desk.db);
    let (send, mut taken) = mpsc::unbounded_channel();
    desk.enqueue("1").await;
    desk.node.jobs.work(SHORT, handing_out(&send));
    let (job, tell) = taken.recv().await.unwrap();
    let runs = Arc::<Mutex<Vec<_>>>::default();
    second.jobs.work(SHORT, noting(&runs, Outcome::Done));
    // Far longer than a lease, step by step: each time the heartbeat follows the clock.
    for _ in 0..5 {
        desk.db.clock().advance(SignedDuration::from_millis(200));
        let wanted = (desk.db.clock().now() + SignedDuration::from_millis(300)).to_string();
        until(async || {
            let kept: bool = sqlx::query_scalar("select lease_until = $1::timestamptz from jobs")
                .bind(&wanted)
                .fetch_one(&mut desk.db.admin().await)
                .await
                .unwrap();
            kept
        })
        .await;
        second.jobs.wake(COPY.name);
    }
    assert!(!job.lost().is_cancelled());
    let mut tx = desk.db.tenancy().tenant(desk.org).await.unwrap();
    assert!(job.finish(&mut tx).await.unwrap());
    tx.commit().await.unwrap();
    tell.send(Outcome::Done).unwrap();
    assert_eq!(*runs.lock().unwrap(), []);
    second.stop().await;
    desk.node.stop().await;
}

#[tokio::test]
async fn a_handler_is_told_that_it_lost_its_job() {
    let desk = Desk::new().await;
    let (send, mut taken) = mpsc::unbounded_channel();
    desk.enqueue("1").await;
    desk.node.jobs.work(SHORT, handing_out(&send));
    let (job, tell) = taken.recv().await.unwrap();
    sqlx::query("update jobs set lease_id = gen_random_uuid()").execute(&mut desk.db.admin().await).await.unwrap();
    job.lost().cancelled().await;
    let mut tx = desk.db.tenancy().tenant(desk.org).await.unwrap();
    assert!(!job.finish(&mut tx).await.unwrap());
    tx.rollback().await.unwrap();
    drop(tell);
    desk.node.stop().await;
}

#[tokio::test]
async fn a_job_whose_worker_dies_each_time_is_given_up() {
    let desk = Desk::new().await;
    desk.enqueue("1").await;
    // A process that is killed leaves nothing but its lease.
    let died = "update jobs set state = 'running', attempts = attempts + 1, lease_id = gen_random_uuid(), \
                lease_until = $1::timestamptz";
    let runs = Arc::<Mutex<Vec<_>>>::default();
    for _ in 0..3 {
        let now = desk.db.clock().now().to_string();
        sqlx::query(died).bind(now).execute(&mut desk.db.admin().await).await.unwrap();
    }
    desk.node.jobs.work(COPY, noting(&runs, Outcome::Done));
    desk.until_states(&[("1", "dead")]).await;
    assert!(desk.one::<String>("select last_words from jobs").await.contains("died"));
    assert_eq!(*runs.lock().unwrap(), [], "the fourth attempt is one too many");
    desk.node.stop().await;
}

#[tokio::test]
async fn a_process_that_stops_gives_its_jobs_back() {
    let desk = Desk::new().await;
    let stopped = Node::new(&desk.db);
    let started = Arc::new(Notify::new());
    let telling = Arc::clone(&started);
    stopped.jobs.work(COPY, move |job: Running| {
        telling.notify_one();
        async move {
            job.lost().cancelled().await;
            std::future::pending().await
        }
    });
    desk.enqueue("1").await;
    stopped.jobs.wake(COPY.name);
    started.notified().await;
    stopped.stop().await;
    assert_eq!(desk.states().await, [("1".to_owned(), "waiting".to_owned())]);
    assert_eq!(desk.one::<Option<String>>("select last_words from jobs").await, None, "nothing was wrong with it");
    let runs = Arc::<Mutex<Vec<_>>>::default();
    desk.node.jobs.work(COPY, noting(&runs, Outcome::Done));
    desk.until_states(&[]).await;
    assert_eq!(*runs.lock().unwrap(), [("1".to_owned(), 1)], "what was given back counts no attempt");
    desk.node.stop().await;
}

const HOURLY: Schedule =
    Schedule { name: "test.sweep", every: Duration::from_hours(1), patience: Duration::from_mins(10) };

/// A duty that counts its runs.
fn counting(runs: &Arc<AtomicUsize>) -> impl Fn() -> std::future::Ready<Result<Report, DbError>> + use<> {
    let runs = Arc::clone(runs);
    move || {
        let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
        std::future::ready(Ok(Report::new().count("run", run)))
    }
}

#[tokio::test]
async fn a_duty_is_done_once_for_all_nodes_and_again_when_its_time_comes() {
    let desk = Desk::new().await;
    let nodes = [Node::new(&desk.db), Node::new(&desk.db), Node::new(&desk.db)];
    let runs = Arc::new(AtomicUsize::new(0));
    for node in &nodes {
        node.jobs.schedule(HOURLY, counting(&runs));
    }
    let first = desk.until_schedule(HOURLY.name, |schedule| schedule.runs == 1).await;
    let now = desk.db.clock().now();
    assert_eq!((first.state(now), first.report), (ScheduleState::Fine, json!({ "run": 1 })));
    assert_eq!(first.next_at, now + SignedDuration::from_hours(1));
    assert!(nodes.iter().any(|node| first.node.as_deref() == Some(node.jobs.node())));
    for node in &nodes {
        node.jobs.wake(HOURLY.name);
    }
    desk.db.clock().advance(SignedDuration::from_hours(1));
    for node in &nodes {
        node.jobs.wake(HOURLY.name);
    }
    desk.until_schedule(HOURLY.name, |schedule| schedule.runs == 2).await;
    assert_eq!(runs.load(Ordering::SeqCst), 2);

    let mut tx = desk.db.tenancy().system("a test runs a duty").await.unwrap();
    assert!(desk.node.jobs.run_now(&mut tx, HOURLY.name).await.unwrap());
    assert!(!desk.node.jobs.run_now(&mut tx, "test.unknown").await.unwrap());
    tx.commit().await.unwrap();
    nodes[1].jobs.wake(HOURLY.name);
    desk.until_schedule(HOURLY.name, |schedule| schedule.runs == 3).await;
    for node in nodes {
        node.stop().await;
    }
    assert_eq!(runs.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_duty_that_fails_says_why_and_is_tried_again_before_its_turn() {
    let desk = Desk::new().await;
    let is_broken = Arc::new(Mutex::new(true));
    let seen = Arc::clone(&is_broken);
    desk.node.jobs.schedule(HOURLY, move || {
        let is_broken = *seen.lock().unwrap();
        async move { if is_broken { Err(DbError::Busy) } else { Ok(Report::new()) } }
    });
    let failed = desk.until_schedule(HOURLY.name, |schedule| schedule.failures == 1).await;
    let now = desk.db.clock().now();
    assert_eq!((failed.state(now), failed.succeeded_at), (ScheduleState::Failing, None));
    assert_eq!(failed.last_words.as_deref(), Some("the database is busy"));
    assert!(failed.next_at < now + SignedDuration::from_mins(1));
    *is_broken.lock().unwrap() = false;
    desk.db.clock().advance(SignedDuration::from_mins(1));
    desk.node.jobs.wake(HOURLY.name);
    let fine = desk.until_schedule(HOURLY.name, |schedule| schedule.runs == 2).await;
    assert_eq!((fine.failures, fine.failed_runs, fine.last_words.clone()), (0, 1, None));
    assert_eq!(fine.state(desk.db.clock().now()), ScheduleState::Fine);
    desk.node.stop().await;
}

#[tokio::test]
async fn a_duty_that_panics_or_takes_too_long_has_failed() {
    let desk = Desk::new().await;
    desk.node.jobs.schedule(Schedule { name: "test.panics", ..HOURLY }, || async {
        let report: Result<Report, DbError> = Err(DbError::Busy);
        report.map_err(|_| panic!("of the test"))
    });
    let slow = Schedule { name: "test.hangs", patience: Duration::from_millis(50), ..HOURLY };
    desk.node.jobs.schedule(slow, std::future::pending::<Result<Report, DbError>>);
    let panicked = desk.until_schedule("test.panics", |schedule| schedule.failures == 1).await;
    assert!(panicked.last_words.unwrap().contains("panicked"));
    let hung = desk.until_schedule("test.hangs", |schedule| schedule.failures == 1).await;
    assert!(hung.last_words.unwrap().contains("took longer"));
    desk.node.stop().await;
}

#[tokio::test]
async fn a_node_that_dies_over_a_duty_is_replaced() {
    let desk = Desk::new().await;
    let runs = Arc::new(AtomicUsize::new(0));
    desk.node.jobs.schedule(HOURLY, counting(&runs));
    desk.until_schedule(HOURLY.name, |schedule| schedule.runs == 1).await;
    // Another node took it when it was due, and was killed.
    desk.db.clock().advance(SignedDuration::from_hours(1));
    let now = desk.db.clock().now();
    sqlx::query(
        "update schedules set lease_id = gen_random_uuid(), lease_until = $1::timestamptz + interval '1 minute', node = 'dead'",
    )
    .bind(now.to_string())
    .execute(&mut desk.db.admin().await)
    .await
    .unwrap();
    assert_eq!(desk.schedule(HOURLY.name).await.unwrap().state(now), ScheduleState::Running);
    desk.db.clock().advance(SignedDuration::from_mins(1));
    desk.node.jobs.wake(HOURLY.name);
    desk.until_schedule(HOURLY.name, |schedule| schedule.runs == 2).await;
    desk.node.stop().await;
}

#[tokio::test]
async fn a_duty_of_every_node_is_collected_into_one_row_that_is_seldom_written() {
    let desk = Desk::new().await;
    let often = Schedule { name: "test.often", every: Duration::from_millis(1), patience: Duration::from_mins(1) };
    let (runs, is_broken) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(false)));
    let (counted, seen) = (Arc::clone(&runs), Arc::clone(&is_broken));
    desk.node.jobs.often(often, move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let is_broken = *seen.lock().unwrap();
        async move { if is_broken { Err(DbError::Busy) } else { Ok(Report::new().count("done", 1)) } }
    });
    let first = desk.until_schedule(often.name, |schedule| schedule.runs == 1).await;
    assert!(first.on_every_node);
    until(async || runs.load(Ordering::SeqCst) > 50).await;
    assert_eq!(desk.schedule(often.name).await.unwrap().runs, 1, "nothing changed that is worth a row");
    *is_broken.lock().unwrap() = true;
    let failing = desk.until_schedule(often.name, |schedule| schedule.failures > 0).await;
    assert!(failing.runs > 50, "what was collected is written with it");
    assert_eq!(failing.report.get("done").and_then(Value::as_i64), Some(failing.runs - 2));
    *is_broken.lock().unwrap() = false;
    desk.until_schedule(often.name, |schedule| schedule.failures == 0).await;
    desk.node.stop().await;
}

#[tokio::test]
async fn a_node_is_seen_while_it_runs_and_silent_when_it_was_killed() {
    let desk = Desk::new().await;
    let other = Node::new(&desk.db);
    desk.node.jobs.schedule(HOURLY, counting(&Arc::default()));
    desk.node.jobs.start_presence("1.2.3", true, || async { json!({ "free": 7 }) });
    other.jobs.start_presence("1.2.4", false, || async { json!({}) });
    let nodes = async || desk.node.jobs.overview().await.unwrap().nodes;
    until(async || nodes().await.len() == 2).await;
    let now = desk.db.clock().now();
    let seen = nodes().await;
    let mine = seen.iter().find(|node| node.name == desk.node.jobs.node()).unwrap();
    assert_eq!((mine.version.as_str(), mine.works, mine.is_silent(now)), ("1.2.3", true, false));
    assert!(mine.is_silent(now + SignedDuration::from_mins(2)));
    assert_eq!((mine.duties.as_slice(), &mine.readings), (&[HOURLY.name.to_owned()][..], &json!({ "free": 7 })));
    // A duty that begins later is said soon, not with the next sign of life.
    let often = Schedule { name: "test.often", every: Duration::from_mins(1), patience: Duration::from_mins(1) };
    other.jobs.often(often, counting(&Arc::default()));
    until(async || nodes().await.iter().any(|node| node.duties == [often.name])).await;
    other.stop().await;
    assert_eq!(nodes().await.len(), 1, "a process that stops takes its name off the list");
    desk.node.stop().await;
}

#[tokio::test]
async fn a_schedule_that_was_renamed_is_retired_and_comes_back_when_somebody_knows_it() {
    let desk = Desk::new().await;
    desk.node.jobs.schedule(HOURLY, counting(&Arc::default()));
    desk.until_schedule(HOURLY.name, |schedule| schedule.runs == 1).await;
    desk.node.tasks.stop_and_wait(Duration::from_secs(20)).await;
    // The next version of the program.
    let newer = Node::new(&desk.db);
    newer.jobs.schedule(Schedule { name: "test.tidy", ..HOURLY }, counting(&Arc::default()));
    newer.jobs.start_presence("2", true, || async { json!({}) });
    let state = async |name: &str| {
        let now = desk.db.clock().now();
        desk.schedule(name).await.map(|schedule| (schedule.state(now), schedule.lag(now) > SignedDuration::ZERO))
    };
    until(async || state(HOURLY.name).await == Some((ScheduleState::Retired, false))).await;
    until(async || state("test.tidy").await == Some((ScheduleState::Fine, false))).await;
    let older = Node::new(&desk.db);
    older.jobs.schedule(HOURLY, counting(&Arc::default()));
    older.jobs.start_presence("1", true, || async { json!({}) });
    until(async || state(HOURLY.name).await == Some((ScheduleState::Fine, false))).await;
    older.stop().await;
    newer.stop().await;
}

#[tokio::test]
async fn what_an_operator_retries_or_runs_is_in_the_audit_list() {
    let desk = Desk::new().await;
    let home = desk.db.organization("Operator").await;
    let actor = Actor::Operator(UserId::new());
    let runs = Arc::<Mutex<Vec<_>>>::default();
    desk.enqueue("1").await;
    desk.node.jobs.work(COPY, noting(&runs, Outcome::dead("too large")));
    desk.until_states(&[("1", "dead")]).await;
    let dead = desk.node.jobs.overview().await.unwrap().dead.remove(0).id;
    assert!(!desk.node.jobs.retry_by(actor, home, dead).await.unwrap(), "it is another organization's");
    assert!(desk.node.jobs.retry_by(actor, desk.org, dead).await.unwrap());
    until(async || runs.lock().unwrap().len() == 2).await;
    assert!(!desk.node.jobs.run_by(actor, home, "test.unknown").await.unwrap());
    let duties = Arc::new(AtomicUsize::new(0));
    desk.node.jobs.schedule(HOURLY, counting(&duties));
    desk.until_schedule(HOURLY.name, |schedule| schedule.runs == 1).await;
    assert!(desk.node.jobs.run_by(actor, home, HOURLY.name).await.unwrap());
    desk.until_schedule(HOURLY.name, |schedule| schedule.runs == 2).await;
    let kept: Vec<(OrgId, String)> = sqlx::query_as("select org_id, action from audit_log order by at, id")
        .fetch_all(&mut desk.db.admin().await)
        .await
        .unwrap();
    assert_eq!(kept, [(desk.org, "job.retried".to_owned()), (home, "schedule.run".to_owned())]);
    desk.node.stop().await;
}

#[tokio::test]
async fn the_only_process_of_an_installation_takes_back_at_once_what_the_one_before_held() {
    let desk = Desk::new().await;
    desk.enqueue("1").await;
    let runs = Arc::<Mutex<Vec<_>>>::default();
    let duties = Arc::new(AtomicUsize::new(0));
    let held =
        "update jobs set state = 'running', attempts = 1, lease_id = gen_random_uuid(), lease_until = 'infinity'";
    sqlx::query(held).execute(&mut desk.db.admin().await).await.unwrap();
    let now = desk.db.clock().now().to_string();
    sqlx::query(
        "insert into schedules (name, every_seconds, declared_at, next_at, lease_id, lease_until)
         values ('test.sweep', 3600, $1::timestamptz, $1::timestamptz, gen_random_uuid(), $1::timestamptz + interval '1 day')",
    )
    .bind(now)
    .execute(&mut desk.db.admin().await)
    .await
    .unwrap();
    desk.node.jobs.take_back().await.unwrap();
    desk.node.jobs.work(COPY, noting(&runs, Outcome::Done));
    desk.node.jobs.schedule(HOURLY, counting(&duties));
    desk.until_states(&[]).await;
    desk.until_schedule(HOURLY.name, |schedule| schedule.runs == 1).await;
    assert_eq!(*runs.lock().unwrap(), [("1".to_owned(), 2)], "the run that was cut off counts");
    desk.node.stop().await;
}
