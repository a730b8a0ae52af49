//! Words and pure decisions of jobs and schedules.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::ids::{JobId, OrgId};
use crate::tenancy::DbError;

/// Longest payload, as JSON text in bytes: ids and small facts.
const LONGEST_PAYLOAD: usize = 4_000;
/// Characters kept of a reason.
const LONGEST_WORDS: usize = 500;
/// A failed schedule is tried again after at most this long, however rarely it is due.
const LONGEST_SCHEDULE_PAUSE: SignedDuration = SignedDuration::from_mins(30);

/// Why a job could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It breaks a rule of jobs.
    #[error("{field}: {what}")]
    Invalid {
        /// Which part of the job.
        field: &'static str,
        /// What it must be.
        what: &'static str,
    },
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A kind of job and how it is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Dotted and stable, for example `recordings.copy`.
    pub name: &'static str,
    /// Runs until a job is given up, at least 1.
    pub attempts: u32,
    /// How long a worker may be silent until another takes its job. Extended while the handler runs.
    pub lease: Duration,
    /// How many of them one node runs at a time, at least 1.
    pub at_once: usize,
}

/// A job that is to be kept.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Name of the [`Queue`].
    pub queue: &'static str,
    /// What it is about, 1 to 200 characters: one organization has at most one job for a key.
    pub key: String,
    /// A JSON object of ids and small facts, at most 4,000 bytes. Operators see it: never personal data.
    pub payload: Value,
    /// Not before; `None`: now.
    pub due: Option<Timestamp>,
}

/// What became of a request for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It is new.
    Added,
    /// It waits already, and does so still. Its payload is the newer one.
    Waiting,
    /// It runs at this moment, and will run once more afterwards.
    Running,
    /// It was given up before, and stays so until somebody retries it.
    Dead,
}

/// What came of a run of a job. Reasons are for operators: class and words, never personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its row goes, or is gone already by [`super::Running::finish`].
    Done,
    /// The other side asked for a pause. Counts no attempt.
    Later {
        /// How long.
        after: Duration,
        /// Why.
        reason: String,
    },
    /// It is tried again with growing pauses, and given up after [`Queue::attempts`].
    Failed {
        /// Why.
        reason: String,
    },
    /// Trying again cannot help.
    Dead {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// A failure with its reason.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into() }
    }

    /// Given up for a reason.
    pub fn dead(reason: impl Into<String>) -> Self {
        Self::Dead { reason: reason.into() }
    }

    /// The word for logs and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Later { .. } => "later",
            Self::Failed { .. } => "failed",
            Self::Dead { .. } => "dead",
        }
    }
}

/// A duty of the installation that comes again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Dotted and stable, for example `identity.sweep`.
    pub name: &'static str,
    /// From one start to the next.
    pub every: Duration,
    /// A run that takes longer is ended and counts as failed.
    pub patience: Duration,
}

/// What a run of a duty did, in small numbers and words. Operators see it: never personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report(Map<String, Value>);

impl Report {
    /// Nothing to tell.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a number, for example `forgotten`. Reports that are collected into one add theirs up.
    #[must_use]
    pub fn count(mut self, name: &str, number: impl TryInto<i64>) -> Self {
        let number = number.try_into().unwrap_or(i64::MAX);
        self.0.insert(name.to_owned(), Value::from(number));
        self
    }

    /// Adds words, for example the window that was looked at.
    #[must_use]
    pub fn note(mut self, name: &str, words: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), Value::from(words.into()));
        self
    }

    /// Takes a later report in: numbers add up, words replace.
    pub(super) fn absorb(&mut self, later: Self) {
        for (name, value) in later.0 {
            let sum = match (self.0.get(&name).and_then(Value::as_i64), value.as_i64()) {
                (Some(known), Some(more)) => Value::from(known.saturating_add(more)),
                _ => value,
            };
            self.0.insert(name, sum);
        }
    }

    /// As it is stored.
    pub(super) fn into_json(self) -> Value {
        Value::Object(self.0)
    }
}

/// What a run leaves of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is done.
    Gone,
    /// It waits. `words`: why it was not done, if somebody has said so.
    Waits { due: Timestamp, attempts: i32, words: Option<String> },
    /// It is given up.
    Dies { words: String },
}

/// What is to become of a job after its `attempts`th run, of at most `most`.
pub(super) fn step(outcome: &Outcome, attempts: i32, most: u32, now: Timestamp, jitter: f64) -> Step {
    match outcome {
        Outcome::Done => Step::Gone,
        Outcome::Later { after, reason } => {
            let after = SignedDuration::try_from(*after).unwrap_or(SignedDuration::MAX);
            Step::Waits { due: later(now, after), attempts: (attempts - 1).max(0), words: Some(cut(reason)) }
        }
        Outcome::Failed { reason } if i64::from(attempts) >= i64::from(most) => Step::Dies { words: cut(reason) },
        Outcome::Failed { reason } => {
            Step::Waits { due: later(now, retry_after(attempts, jitter)), attempts, words: Some(cut(reason)) }
        }
        Outcome::Dead { reason } => Step::Dies { words: cut(reason) },
    }
}

/// How long to wait before the next run, after so many. `jitter` between 0 and 1 moves it by a fifth either way, so that
/// what failed together does not come back together.
pub(super) fn retry_after(attempts: i32, jitter: f64) -> SignedDuration {
    const SECONDS: [i64; 8] = [10, 60, 5 * 60, 15 * 60, 3_600, 2 * 3_600, 4 * 3_600, 6 * 3_600];
    let at = usize::try_from(attempts.max(1) - 1).unwrap_or(0).min(SECONDS.len() - 1);
    jittered(SignedDuration::from_secs(SECONDS[at]), jitter)
}

/// When a schedule that began at `started` is next due. After so many `failures` in a row it is tried again sooner than
/// its turn would be, with growing pauses.
pub(super) fn next_run(every: Duration, started: Timestamp, now: Timestamp, failures: i32, jitter: f64) -> Timestamp {
    let every = SignedDuration::try_from(every).unwrap_or(SignedDuration::MAX);
    let turn = later(started, every).max(now);
    if failures == 0 {
        return turn;
    }
    let doublings = u32::try_from(failures.clamp(1, 16) - 1).unwrap_or(0);
    let pause = SignedDuration::from_secs(30).saturating_mul(1 << doublings).min(LONGEST_SCHEDULE_PAUSE);
    later(now, jittered(pause.min(every), jitter))
}

/// What becomes of a job that was not done because the process stops: it waits as it did before.
pub(super) fn returned(attempts: i32, words: Option<String>, now: Timestamp) -> Step {
    Step::Waits { due: now, attempts: (attempts - 1).max(0), words }
}

/// Whose turn was the last: of the organizations that were `served` in turns which began after `last` and came round to it.
pub(super) fn last_in_turn(last: OrgId, served: impl Iterator<Item = OrgId>) -> OrgId {
    served.max_by_key(|org| (*org <= last, *org)).unwrap_or(last)
}

/// The first characters of a reason, on one line.
pub(super) fn cut(words: &str) -> String {
    words.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(LONGEST_WORDS).collect()
}

/// What is wrong with a job.
pub(super) fn check(job: &NewJob) -> Result<(), JobError> {
    let require = |fine: bool, field, what| if fine { Ok(()) } else { Err(JobError::Invalid { field, what }) };
    require((1..=80).contains(&job.queue.chars().count()), "queue", "must be between 1 and 80 characters")?;
    require((1..=200).contains(&job.key.chars().count()), "key", "must be between 1 and 200 characters")?;
    require(job.payload.is_object(), "payload", "must be a JSON object")?;
    require(job.payload.to_string().len() <= LONGEST_PAYLOAD, "payload", "must be at most 4,000 bytes of JSON")
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

fn jittered(wait: SignedDuration, jitter: f64) -> SignedDuration {
    SignedDuration::try_from_secs_f64(wait.as_secs_f64() * (0.8 + 0.4 * jitter.clamp(0.0, 1.0))).unwrap_or(wait)
}

/// Everything an operator sees of jobs and schedules, at one moment.
#[derive(Clone, Debug)]
pub struct Overview {
    /// By name.
    pub schedules: Vec<ScheduleStatus>,
    /// By name.
    pub queues: Vec<QueueStatus>,
    /// Jobs that run, longest first; the first hundred.
    pub running: Vec<RunningJob>,
    /// Jobs that were given up, newest first; the first hundred. [`super::Jobs::list_dead`] has the rest.
    pub dead: Vec<DeadJob>,
    /// Processes, by name.
    pub nodes: Vec<NodeStatus>,
}

/// A process of the installation.
#[derive(Clone, Debug)]
pub struct NodeStatus {
    /// The machine's name, and some letters of its own.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Whether it does jobs and duties.
    pub works: bool,
    /// Since when it has been running.
    pub started_at: Timestamp,
    /// When it last said so.
    pub seen_at: Timestamp,
    /// The duties that it does, or would do if it were its turn.
    pub duties: Vec<String>,
    /// What it found of its own machine. Whoever starts its presence knows what that is.
    pub readings: Value,
}

/// How long a process may be silent: three of its signs of life.
const NODE_SILENCE: SignedDuration = SignedDuration::from_secs(90);

impl NodeStatus {
    /// Whether it has been silent for so long that it was probably killed.
    pub fn is_silent(&self, now: Timestamp) -> bool {
        now.duration_since(self.seen_at) > NODE_SILENCE
    }
}

/// How a schedule stands.
#[derive(Clone, Debug)]
pub struct ScheduleStatus {
    /// Its name.
    pub name: String,
    /// From one start to the next.
    pub every: SignedDuration,
    /// Whether each node does it all the time.
    pub on_every_node: bool,
    /// When it is next due.
    pub next_at: Timestamp,
    /// A run at work: when another node may take its worker for dead.
    pub lease_until: Option<Timestamp>,
    /// Who does it, or did it last.
    pub node: Option<String>,
    /// When the last run began.
    pub started_at: Option<Timestamp>,
    /// When the last run ended.
    pub ended_at: Option<Timestamp>,
    /// When a run last succeeded.
    pub succeeded_at: Option<Timestamp>,
    /// When a worker last said that it does this.
    pub declared_at: Timestamp,
    /// Why the last run failed.
    pub last_words: Option<String>,
    /// Failures since the last success.
    pub failures: i32,
    /// Runs that ended.
    pub runs: i64,
    /// Runs that failed.
    pub failed_runs: i64,
    /// What the last success did.
    pub report: Value,
    /// No node that lives knows it: it is of another version, or is not configured any more.
    pub is_retired: bool,
}

/// Says of each schedule whether it is retired. While no worker lives, nobody can say what workers do, and none is.
pub(super) fn mark_retired(schedules: &mut [ScheduleStatus], nodes: &[NodeStatus], now: Timestamp) {
    let live: Vec<&NodeStatus> = nodes.iter().filter(|node| !node.is_silent(now)).collect();
    let is_worked = live.iter().any(|node| node.works);
    for schedule in schedules {
        let is_known = live.iter().any(|node| node.duties.contains(&schedule.name));
        schedule.is_retired = is_worked && !is_known && !schedule.is_running(now);
    }
}

/// The state of a schedule in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleState {
    /// It runs at this moment.
    Running,
    /// The last run succeeded and the next is not overdue.
    Fine,
    /// It has not run yet, and is not overdue.
    New,
    /// The last run failed.
    Failing,
    /// Its turn passed and nobody did it.
    Late,
    /// No node that lives knows it. It is kept for what it last did, and nobody misses it.
    Retired,
}

impl ScheduleState {
    /// The word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Fine => "fine",
            Self::New => "new",
            Self::Failing => "failing",
            Self::Late => "late",
            Self::Retired => "retired",
        }
    }
}

/// How long a schedule may be overdue before it is called late: nodes look at least this often.
const SLACK: SignedDuration = SignedDuration::from_mins(2);

impl ScheduleStatus {
    /// The state in one word.
    pub fn state(&self, now: Timestamp) -> ScheduleState {
        if self.is_running(now) {
            ScheduleState::Running
        } else if self.is_retired {
            ScheduleState::Retired
        } else if self.failures > 0 {
            ScheduleState::Failing
        } else if self.lag(now) > SLACK {
            ScheduleState::Late
        } else if self.succeeded_at.is_none() {
            ScheduleState::New
        } else {
            ScheduleState::Fine
        }
    }

    fn is_running(&self, now: Timestamp) -> bool {
        self.lease_until.is_some_and(|until| until > now)
    }

    /// How long its turn has been over without anybody beginning; zero while it runs, and when it is retired.
    pub fn lag(&self, now: Timestamp) -> SignedDuration {
        if self.is_running(now) || self.is_retired {
            return SignedDuration::ZERO;
        }
        now.duration_since(self.next_at).max(SignedDuration::ZERO)
    }

    /// How long ago it last succeeded, or was first heard of when it never did.
    pub fn since_success(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.succeeded_at.unwrap_or(self.declared_at)).max(SignedDuration::ZERO)
    }
}

/// How a queue stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueStatus {
    /// Its name.
    pub name: String,
    /// Jobs that could run now.
    pub waiting: i64,
    /// Jobs that wait for their time.
    pub later: i64,
    /// Jobs that run.
    pub running: i64,
    /// Jobs that were given up.
    pub dead: i64,
    /// Since when the oldest that could run has been waiting.
    pub oldest_due: Option<Timestamp>,
    /// Runs until a job is given up, and how many one node runs at a time; `None` when no worker has said so yet.
    pub limits: Option<(i32, i32)>,
}

/// A job at work.
#[derive(Clone, Debug)]
pub struct RunningJob {
    /// Whose.
    pub org: OrgId,
    /// Which.
    pub id: JobId,
    /// Its queue.
    pub queue: String,
    /// What it is about.
    pub key: String,
    /// Who runs it.
    pub node: Option<String>,
    /// Since when.
    pub started_at: Option<Timestamp>,
    /// When another may take that one for dead.
    pub lease_until: Option<Timestamp>,
    /// Runs so far, this one included.
    pub attempts: i32,
}

/// A job that was given up.
#[derive(Clone, Debug)]
pub struct DeadJob {
    /// Whose.
    pub org: OrgId,
    /// The name of whose it is.
    pub org_name: String,
    /// Which.
    pub id: JobId,
    /// Its queue.
    pub queue: String,
    /// What it is about.
    pub key: String,
    /// Ids and small facts.
    pub payload: Value,
    /// Runs.
    pub attempts: i32,
    /// Why.
    pub last_words: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was given up.
    pub died_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn noon() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn job() -> NewJob {
        NewJob { queue: "recordings.copy", key: "1".into(), payload: json!({}), due: None }
    }

    #[test]
    fn a_job_that_breaks_a_rule_is_told_which() {
        check(&job()).unwrap();
        let field = |job: &NewJob| match check(job) {
            Err(JobError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(&NewJob { key: String::new(), ..job() }), "key");
        assert_eq!(field(&NewJob { key: "x".repeat(201), ..job() }), "key");
        assert_eq!(field(&NewJob { payload: json!([1]), ..job() }), "payload");
        assert_eq!(field(&NewJob { payload: json!({ "x": "y".repeat(4_000) }), ..job() }), "payload");
        assert_eq!(field(&NewJob { queue: "", ..job() }), "queue");
    }

    #[test]
    fn what_the_other_side_put_off_counts_no_attempt() {
        let outcome = Outcome::Later { after: Duration::from_mins(7), reason: "asked to wait".into() };
        let due = noon() + SignedDuration::from_mins(7);
        let words = Some("asked to wait".into());
        assert_eq!(step(&outcome, 1, 3, noon(), 0.5), Step::Waits { due, attempts: 0, words });
    }

    #[test]
    fn a_wait_without_end_is_no_overflow() {
        let outcome = Outcome::Later { after: Duration::MAX, reason: String::new() };
        let Step::Waits { due, .. } = step(&outcome, 1, 3, noon(), 0.5) else { panic!("it waits") };
        assert_eq!(due, Timestamp::MAX);
    }

    #[test]
    fn the_last_attempt_is_the_last() {
        let failed = Outcome::failed("no");
        assert!(matches!(step(&failed, 2, 3, noon(), 0.5), Step::Waits { attempts: 2, .. }));
        assert_eq!(step(&failed, 3, 3, noon(), 0.5), Step::Dies { words: "no".into() });
        assert_eq!(step(&Outcome::dead("no"), 1, 3, noon(), 0.5), Step::Dies { words: "no".into() });
    }

    #[test]
    fn a_failing_schedule_is_tried_before_its_turn_and_a_frequent_one_not_more_often() {
        let next = |every, failures| {
            let next =
                next_run(Duration::from_secs(every), noon(), noon() + SignedDuration::from_secs(5), failures, 0.5);
            next.duration_since(noon()).as_secs()
        };
        assert_eq!(next(3_600, 0), 3_600);
        assert_eq!(next(3_600, 1), 35);
        assert_eq!(next(3_600, 3), 125);
        assert_eq!(next(24 * 3_600, 60), 5 + 30 * 60);
        assert_eq!(next(10, 9), 15);
        assert_eq!(next(1, 0), 5);
    }

    #[test]
    fn collected_reports_add_up() {
        let mut sum = Report::new().count("calls", 3).note("last", "a");
        sum.absorb(Report::new().count("calls", 4).count("more", 1).note("last", "b"));
        assert_eq!(sum.into_json(), json!({ "calls": 7, "last": "b", "more": 1 }));
    }

    fn status() -> ScheduleStatus {
        ScheduleStatus {
            name: "x".into(),
            every: SignedDuration::from_hours(1),
            on_every_node: false,
            next_at: noon(),
            lease_until: None,
            node: None,
            started_at: None,
            ended_at: None,
            succeeded_at: None,
            declared_at: noon(),
            last_words: None,
            failures: 0,
            runs: 0,
            failed_runs: 0,
            report: json!({}),
            is_retired: false,
        }
    }

    fn node(works: bool, seen_at: Timestamp, duties: &[&str]) -> NodeStatus {
        NodeStatus {
            name: "a".into(),
            version: "1".into(),
            works,
            started_at: noon(),
            seen_at,
            duties: duties.iter().map(|duty| (*duty).to_owned()).collect(),
            readings: json!({}),
        }
    }

    #[test]
    fn a_schedule_that_no_live_node_knows_is_retired_and_never_late() {
        let later = noon() + SignedDuration::from_hours(9);
        let state = |nodes: &[NodeStatus], schedule: ScheduleStatus| {
            let mut schedules = [schedule];
            mark_retired(&mut schedules, nodes, later);
            let [schedule] = schedules;
            (schedule.state(later), schedule.lag(later) > SignedDuration::ZERO)
        };
        let failing = || ScheduleStatus { failures: 3, ..status() };
        let retired = (ScheduleState::Retired, false);
        assert_eq!(state(&[node(true, later, &["renamed"])], status()), retired);
        assert_eq!(state(&[node(true, later, &["renamed"])], failing()), retired);
        assert_eq!(state(&[node(true, later, &["x"])], status()), (ScheduleState::Late, true));
        let both = [node(true, later, &["renamed"]), node(true, later, &["x"])];
        assert_eq!(state(&both, status()), (ScheduleState::Late, true), "an older version still does it");
        let dead = [node(true, later, &["renamed"]), node(true, noon(), &["x"])];
        assert_eq!(state(&dead, status()), retired, "the older version is gone");
        assert_eq!(state(&[], status()), (ScheduleState::Late, true), "nobody is there to know");
        assert_eq!(state(&[node(false, later, &[])], status()), (ScheduleState::Late, true), "nobody works");
        let running = ScheduleStatus { lease_until: Some(later + SignedDuration::from_mins(1)), ..status() };
        assert_eq!(state(&[node(true, later, &[])], running).0, ScheduleState::Running);
    }

    #[test]
    fn a_schedule_is_late_when_nobody_came_and_not_while_it_runs() {
        let at = |minutes| noon() + SignedDuration::from_mins(minutes);
        assert_eq!(status().state(noon()), ScheduleState::New);
        assert_eq!(status().state(at(3)), ScheduleState::Late);
        assert_eq!(status().lag(at(3)), SignedDuration::from_mins(3));
        let running = ScheduleStatus { lease_until: Some(at(5)), ..status() };
        assert_eq!((running.state(at(3)), running.lag(at(3))), (ScheduleState::Running, SignedDuration::ZERO));
        assert_eq!(running.state(at(6)), ScheduleState::Late);
        let failing = ScheduleStatus { failures: 1, succeeded_at: Some(noon()), ..status() };
        assert_eq!(failing.state(noon()), ScheduleState::Failing);
        let fine = ScheduleStatus { succeeded_at: Some(noon()), ..status() };
        assert_eq!(fine.state(noon()), ScheduleState::Fine);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn pauses_grow_and_stay_within_a_fifth(attempts in 1_i32..30, jitter in 0.0_f64..1.0) {
            let (this, next) = (retry_after(attempts, jitter), retry_after(attempts + 1, jitter));
            prop_assert!(this <= next);
            let middle = retry_after(attempts, 0.5).as_secs_f64();
            prop_assert!((middle * 0.79..middle * 1.21).contains(&this.as_secs_f64()));
        }

        /// Whoever was served is not before those who were not, seen from the last turn.
        #[test]
        fn turns_go_on_where_they_ended(last in any::<u128>(), orgs in prop::collection::btree_set(any::<u128>(), 1..20), most in 1..20_usize) {
            let org = |id: u128| OrgId::from_uuid(uuid::Uuid::from_u128(id));
            let mut round: Vec<OrgId> = orgs.into_iter().map(org).collect();
            round.sort_by_key(|id| (*id <= org(last), *id));
            let served = &round[..most.min(round.len())];
            prop_assert_eq!(Some(&last_in_turn(org(last), served.iter().copied())), served.last());
            prop_assert_eq!(last_in_turn(org(last), std::iter::empty()), org(last));
        }

        #[test]
        fn a_reason_always_fits_its_column(words in "\\PC*") {
            prop_assert!(cut(&words.repeat(20)).chars().count() <= LONGEST_WORDS);
        }
    }
}
