//! SQL of `jobs`, `job_queues`, `schedules` and `nodes`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::model::{
    DeadJob, Enqueued, NewJob, NodeStatus, Queue, QueueStatus, RunningJob, Schedule, ScheduleStatus, Step,
};
use crate::http::Cursor;
use crate::ids::{JobId, OrgId};
use crate::tenancy::{DbError, SystemTx, TenantTx};

/// Rows of a list on the operator's page.
pub(super) const LIST: i64 = 100;

/// A transaction of one organization or across all of them: the statements on `jobs` are the same.
pub(super) trait Work {
    fn conn(&mut self) -> &mut PgConnection;
}

impl Work for TenantTx {
    fn conn(&mut self) -> &mut PgConnection {
        Self::conn(self)
    }
}

impl Work for SystemTx {
    fn conn(&mut self) -> &mut PgConnection {
        Self::conn(self)
    }
}

/// Keeps a job of an organization.
pub(super) async fn insert(tx: &mut impl Work, org: OrgId, job: &NewJob, now: Timestamp) -> Result<Enqueued, DbError> {
    let id = JobId::new();
    // A row that would not change is not written: sweeps ask for the same jobs again and again. Whoever backs off keeps
    // backing off.
    let row: Option<(JobId, String)> = sqlx::query_as(
        "insert into jobs (org_id, job_id, queue, key, payload, created_at, due_at) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (org_id, queue, key) do update
           set payload = excluded.payload,
               again = jobs.state = 'running',
               due_at = case when jobs.state = 'waiting' and jobs.last_words is null
                             then least(jobs.due_at, excluded.due_at) else jobs.due_at end
         where (jobs.state = 'running' and not jobs.again)
            or (jobs.state <> 'dead' and jobs.payload is distinct from excluded.payload)
            or (jobs.state = 'waiting' and jobs.last_words is null and jobs.due_at > excluded.due_at)
         returning job_id, state",
    )
    .bind(org)
    .bind(id)
    .bind(job.queue)
    .bind(&job.key)
    .bind(&job.payload)
    .bind(now.to_sqlx())
    .bind(job.due.unwrap_or(now).to_sqlx())
    .fetch_optional(tx.conn())
    .await?;
    let state = match row {
        Some((known, _)) if known == id => return Ok(Enqueued::Added),
        Some((_, state)) => state,
        // The conflict locked the row, so it is still there.
        None => {
            sqlx::query_scalar("select state from jobs where org_id = $1 and queue = $2 and key = $3")
                .bind(org)
                .bind(job.queue)
                .bind(&job.key)
                .fetch_one(tx.conn())
                .await?
        }
    };
    Ok(match state.as_str() {
        "running" => Enqueued::Running,
        "dead" => Enqueued::Dead,
        _ => Enqueued::Waiting,
    })
}

/// Who holds which job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) org: OrgId,
    pub(super) job: JobId,
    pub(super) lease: Uuid,
}

/// A job that was just taken.
#[derive(sqlx::FromRow)]
pub(super) struct Taken {
    pub(super) org_id: OrgId,
    pub(super) job_id: JobId,
    pub(super) key: String,
    pub(super) payload: Value,
    pub(super) attempts: i32,
    pub(super) last_words: Option<String>,
}

/// Says what a queue is, for those who look at it from elsewhere.
pub(super) async fn declare_queue(tx: &mut SystemTx, queue: &Queue, now: Timestamp) -> Result<(), DbError> {
    sqlx::query(
        "insert into job_queues (queue, attempts, at_once, lease_seconds, declared_at) values ($1, $2, $3, $4, $5)
         on conflict (queue) do update set attempts = excluded.attempts, at_once = excluded.at_once,
                                           lease_seconds = excluded.lease_seconds, declared_at = excluded.declared_at",
    )
    .bind(queue.name)
    .bind(i32::try_from(queue.attempts).unwrap_or(i32::MAX))
    .bind(i32::try_from(queue.at_once).unwrap_or(i32::MAX))
    .bind(whole_seconds(queue.lease))
    .bind(now.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Puts back, or gives up, the jobs of workers that died. Answers each with whether it was given up.
pub(super) async fn recover(
    tx: &mut SystemTx,
    queue: &Queue,
    now: Timestamp,
) -> Result<Vec<(OrgId, JobId, bool)>, DbError> {
    Ok(sqlx::query_as(
        "with left_behind as materialized (
           select org_id, job_id from jobs where queue = $1 and state = 'running' and lease_until <= $2
            order by lease_until for update skip locked)
         update jobs j
            set state = case when j.attempts >= $3 then 'dead' else 'waiting' end,
                died_at = case when j.attempts >= $3 then $2 end,
                due_at = $2, lease_id = null, lease_until = null, again = false,
                last_words = 'the worker died over it, or was silent for too long'
           from left_behind
          where j.org_id = left_behind.org_id and j.job_id = left_behind.job_id
         returning j.org_id, j.job_id, j.state = 'dead'",
    )
    .bind(queue.name)
    .bind(now.to_sqlx())
    .bind(i32::try_from(queue.attempts).unwrap_or(i32::MAX))
    .fetch_all(tx.conn())
    .await?)
}

/// Who claims jobs, and when.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) queue: &'a Queue,
    pub(super) lease: Uuid,
    pub(super) node: &'a str,
    pub(super) now: Timestamp,
}

/// Takes at most `most` jobs that are due: the oldest of each organization that has one, in turns that begin after the
/// organization `last` and come round to it. Each step to the next organization is one look into an index, however many jobs
/// the one before has.
pub(super) async fn take_turns(
    tx: &mut SystemTx,
    claim: Claim<'_>,
    last: OrgId,
    most: usize,
) -> Result<Vec<Taken>, DbError> {
    Ok(sqlx::query_as(
        "with recursive turn (org_id, is_round) as (
           (select f.* from (
              (select org_id, false as is_round from jobs
                where queue = $1 and state = 'waiting' and org_id > $7 order by org_id limit 1)
              union all
              (select org_id, true from jobs where queue = $1 and state = 'waiting' order by org_id limit 1)) f
             order by f.is_round limit 1)
           union all
           select n.org_id, n.is_round from turn t cross join lateral (
             (select org_id, t.is_round from jobs
               where queue = $1 and state = 'waiting' and org_id > t.org_id
                 and org_id <= case when t.is_round then $7 else 'ffffffff-ffff-ffff-ffff-ffffffffffff' end
               order by org_id limit 1)
             union all
             (select org_id, true from jobs
               where not t.is_round and queue = $1 and state = 'waiting' and org_id <= $7 order by org_id limit 1)
             order by 2 limit 1) n),
         next as materialized (
           select j.org_id, j.job_id from turn t cross join lateral (
             select org_id, job_id from jobs
              where queue = $1 and state = 'waiting' and org_id = t.org_id and due_at <= $5
              order by due_at, job_id limit 1 for update skip locked) j
           limit $6)
         update jobs j
            set state = 'running', attempts = j.attempts + 1, again = false, lease_id = $2, lease_until = $3, node = $4,
                started_at = $5
           from next
          where j.org_id = next.org_id and j.job_id = next.job_id
         returning j.org_id, j.job_id, j.key, j.payload, j.attempts, j.last_words",
    )
    .bind(claim.queue.name)
    .bind(claim.lease)
    .bind(after(claim.now, claim.queue.lease).to_sqlx())
    .bind(claim.node)
    .bind(claim.now.to_sqlx())
    .bind(i64::try_from(most).unwrap_or(i64::MAX))
    .bind(last)
    .fetch_all(tx.conn())
    .await?)
}

/// When the next waiting job of a queue is due.
pub(super) async fn next_due(tx: &mut SystemTx, queue: &str) -> Result<Option<Timestamp>, DbError> {
    let due: Option<jiff_sqlx::Timestamp> =
        sqlx::query_scalar("select min(due_at) from jobs where queue = $1 and state = 'waiting'")
            .bind(queue)
            .fetch_one(tx.conn())
            .await?;
    Ok(due.map(jiff_sqlx::Timestamp::to_jiff))
}

/// Keeps a job for longer. False when it is no longer ours.
pub(super) async fn extend(tx: &mut SystemTx, held: &Held, until: Timestamp) -> Result<bool, DbError> {
    let done = sqlx::query("update jobs set lease_until = $4 where org_id = $1 and job_id = $2 and lease_id = $3")
        .bind(held.org)
        .bind(held.job)
        .bind(held.lease)
        .bind(until.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes what came of a run. False when the job is no longer held.
pub(super) async fn settle(tx: &mut impl Work, held: &Held, step: &Step, now: Timestamp) -> Result<bool, DbError> {
    let conn = tx.conn();
    match step {
        Step::Gone => {
            let gone =
                sqlx::query("delete from jobs where org_id = $1 and job_id = $2 and lease_id = $3 and not again")
                    .bind(held.org)
                    .bind(held.job)
                    .bind(held.lease)
                    .execute(&mut *conn)
                    .await?;
            if gone.rows_affected() == 1 {
                return Ok(true);
            }
            // Asked for again meanwhile; in this order, as that may have happened a moment ago.
            release(conn, held, now, 0, None).await
        }
        Step::Waits { due, attempts, words } => release(conn, held, *due, *attempts, words.as_deref()).await,
        Step::Dies { words } => {
            let died = sqlx::query(
                "update jobs set state = 'dead', died_at = $4, last_words = $5, again = false, lease_id = null,
                                 lease_until = null
                  where org_id = $1 and job_id = $2 and lease_id = $3",
            )
            .bind(held.org)
            .bind(held.job)
            .bind(held.lease)
            .bind(now.to_sqlx())
            .bind(words)
            .execute(conn)
            .await?;
            Ok(died.rows_affected() == 1)
        }
    }
}

async fn release(
    conn: &mut PgConnection,
    held: &Held,
    due: Timestamp,
    attempts: i32,
    words: Option<&str>,
) -> Result<bool, DbError> {
    let released = sqlx::query(
        "update jobs set state = 'waiting', due_at = $4, attempts = $5, last_words = $6, again = false, lease_id = null,
                         lease_until = null
          where org_id = $1 and job_id = $2 and lease_id = $3",
    )
    .bind(held.org)
    .bind(held.job)
    .bind(held.lease)
    .bind(due.to_sqlx())
    .bind(attempts)
    .bind(words)
    .execute(conn)
    .await?;
    Ok(released.rows_affected() == 1)
}

/// Which job of an organization.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    Id(JobId),
    Key { queue: &'a str, key: &'a str },
}

/// Lets a job that was given up run again. Answers its queue; `None` when there is no such dead job.
pub(super) async fn revive(
    tx: &mut impl Work,
    org: OrgId,
    which: Which<'_>,
    now: Timestamp,
) -> Result<Option<String>, DbError> {
    let (id, queue, key) = match which {
        Which::Id(id) => (Some(id), None, None),
        Which::Key { queue, key } => (None, Some(queue), Some(key)),
    };
    Ok(sqlx::query_scalar(
        "update jobs set state = 'waiting', attempts = 0, due_at = $5, died_at = null, last_words = null
          where org_id = $1 and state = 'dead' and (job_id = $2 or (queue = $3 and key = $4)) returning queue",
    )
    .bind(org)
    .bind(id)
    .bind(queue)
    .bind(key)
    .bind(now.to_sqlx())
    .fetch_optional(tx.conn())
    .await?)
}

/// Says that a worker does this duty from now on. Its turn comes at once when it was never heard of, and not later than
/// `every` from now in any case.
pub(super) async fn declare_schedule(
    tx: &mut SystemTx,
    schedule: &Schedule,
    on_every_node: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "insert into schedules (name, every_seconds, on_every_node, declared_at, next_at) values ($1, $2, $3, $4, $4)
         on conflict (name) do update
           set every_seconds = excluded.every_seconds, on_every_node = excluded.on_every_node,
               declared_at = excluded.declared_at, next_at = least(schedules.next_at, $5)",
    )
    .bind(schedule.name)
    .bind(whole_seconds(schedule.every))
    .bind(on_every_node)
    .bind(now.to_sqlx())
    .bind(after(now, schedule.every).to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whose turn a schedule is.
pub(super) enum Turn {
    /// Ours, after so many failures in a row.
    Ours { failures: i32 },
    /// Nobody's before then.
    Not(Timestamp),
}

/// Takes a schedule when it is due and nobody is at it.
pub(super) async fn take_schedule(
    tx: &mut SystemTx,
    name: &str,
    lease: Uuid,
    until: Timestamp,
    node: &str,
    now: Timestamp,
) -> Result<Turn, DbError> {
    let (next_at, lease_until): (jiff_sqlx::Timestamp, Option<jiff_sqlx::Timestamp>) =
        sqlx::query_as("select next_at, lease_until from schedules where name = $1")
            .bind(name)
            .fetch_one(tx.conn())
            .await?;
    let free = lease_until.map_or(next_at.to_jiff(), |until| until.to_jiff().max(next_at.to_jiff()));
    if free > now {
        return Ok(Turn::Not(free));
    }
    let failures: Option<i32> = sqlx::query_scalar(
        "update schedules set lease_id = $2, lease_until = $3, node = $4, started_at = $5
          where name = $1 and next_at <= $5 and (lease_until is null or lease_until <= $5) returning failures",
    )
    .bind(name)
    .bind(lease)
    .bind(until.to_sqlx())
    .bind(node)
    .bind(now.to_sqlx())
    .fetch_optional(tx.conn())
    .await?;
    // Another node was faster.
    Ok(failures.map_or(Turn::Not(until), |failures| Turn::Ours { failures }))
}

/// Keeps a schedule for longer. False when it is no longer ours.
pub(super) async fn extend_schedule(
    tx: &mut SystemTx,
    name: &str,
    lease: Uuid,
    until: Timestamp,
) -> Result<bool, DbError> {
    let done = sqlx::query("update schedules set lease_until = $3 where name = $1 and lease_id = $2")
        .bind(name)
        .bind(lease)
        .bind(until.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes what came of a run of a schedule. False when it was no longer ours.
pub(super) async fn end_schedule(
    tx: &mut SystemTx,
    name: &str,
    lease: Uuid,
    outcome: &Result<Value, String>,
    next_at: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let succeeded = outcome.is_ok();
    let done = sqlx::query(
        "update schedules
            set lease_id = null, lease_until = null, ended_at = $3, next_at = $4, runs = runs + 1,
                succeeded_at = case when $5 then $3 else succeeded_at end,
                failures = case when $5 then 0 else failures + 1 end,
                failed_runs = failed_runs + case when $5 then 0 else 1 end,
                last_words = $6,
                report = coalesce($7, report)
          where name = $1 and lease_id = $2",
    )
    .bind(name)
    .bind(lease)
    .bind(now.to_sqlx())
    .bind(next_at.to_sqlx())
    .bind(succeeded)
    .bind(outcome.as_ref().err())
    .bind(outcome.as_ref().ok())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a schedule back that was not done, because the process stops.
pub(super) async fn give_schedule_back(tx: &mut SystemTx, name: &str, lease: Uuid) -> Result<(), DbError> {
    sqlx::query("update schedules set lease_id = null, lease_until = null where name = $1 and lease_id = $2")
        .bind(name)
        .bind(lease)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What one node did of a duty that every node does all the time, since it last said so.
pub(super) struct Collected<'a> {
    pub(super) runs: i64,
    pub(super) failed_runs: i64,
    /// Of the last run.
    pub(super) started: Timestamp,
    pub(super) failures: i32,
    pub(super) words: Option<&'a str>,
    pub(super) succeeded: Option<Timestamp>,
    pub(super) report: Value,
}

/// Adds that to the row.
pub(super) async fn collect(
    tx: &mut SystemTx,
    name: &str,
    node: &str,
    collected: &Collected<'_>,
    next_at: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "update schedules
            set node = $2, started_at = $3, ended_at = $4, next_at = $5, runs = runs + $6, failed_runs = failed_runs + $7,
                failures = $8, last_words = $9, succeeded_at = greatest(succeeded_at, $10), report = $11
          where name = $1",
    )
    .bind(name)
    .bind(node)
    .bind(collected.started.to_sqlx())
    .bind(now.to_sqlx())
    .bind(next_at.to_sqlx())
    .bind(collected.runs)
    .bind(collected.failed_runs)
    .bind(collected.failures)
    .bind(collected.words)
    .bind(collected.succeeded.map(jiff_sqlx::ToSqlx::to_sqlx))
    .bind(&collected.report)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Makes a schedule due. False when there is none of this name.
pub(super) async fn run_now(tx: &mut SystemTx, name: &str, now: Timestamp) -> Result<bool, DbError> {
    let done = sqlx::query("update schedules set next_at = least(next_at, $2) where name = $1 and not on_every_node")
        .bind(name)
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

#[derive(sqlx::FromRow)]
struct ScheduleRow {
    name: String,
    every_seconds: i32,
    on_every_node: bool,
    next_at: jiff_sqlx::Timestamp,
    lease_until: Option<jiff_sqlx::Timestamp>,
    node: Option<String>,
    started_at: Option<jiff_sqlx::Timestamp>,
    ended_at: Option<jiff_sqlx::Timestamp>,
    succeeded_at: Option<jiff_sqlx::Timestamp>,
    declared_at: jiff_sqlx::Timestamp,
    last_words: Option<String>,
    failures: i32,
    runs: i64,
    failed_runs: i64,
    report: Value,
}

/// Every schedule. Whether it is retired is for [`super::model::mark_retired`] to say, which knows the nodes.
pub(super) async fn schedules(tx: &mut SystemTx) -> Result<Vec<ScheduleStatus>, DbError> {
    let rows: Vec<ScheduleRow> = sqlx::query_as(
        "select name, every_seconds, on_every_node, next_at, lease_until, node, started_at, ended_at, succeeded_at, declared_at,
                last_words, failures, runs, failed_runs, report
           from schedules order by name",
    )
    .fetch_all(tx.conn())
    .await?;
    let at = jiff_sqlx::Timestamp::to_jiff;
    Ok(rows
        .into_iter()
        .map(|row| ScheduleStatus {
            name: row.name,
            every: SignedDuration::from_secs(i64::from(row.every_seconds)),
            on_every_node: row.on_every_node,
            next_at: row.next_at.to_jiff(),
            lease_until: row.lease_until.map(at),
            node: row.node,
            started_at: row.started_at.map(at),
            ended_at: row.ended_at.map(at),
            succeeded_at: row.succeeded_at.map(at),
            declared_at: row.declared_at.to_jiff(),
            last_words: row.last_words,
            failures: row.failures,
            runs: row.runs,
            failed_runs: row.failed_runs,
            report: row.report,
            is_retired: false,
        })
        .collect())
}

#[derive(sqlx::FromRow)]
struct QueueRow {
    name: String,
    waiting: i64,
    later: i64,
    running: i64,
    dead: i64,
    oldest_due: Option<jiff_sqlx::Timestamp>,
    attempts: Option<i32>,
    at_once: Option<i32>,
}

/// Every queue that has jobs or a worker.
pub(super) async fn queues(tx: &mut SystemTx, now: Timestamp) -> Result<Vec<QueueStatus>, DbError> {
    let rows: Vec<QueueRow> = sqlx::query_as(
        "select coalesce(q.queue, j.queue) as name, coalesce(waiting, 0) as waiting, coalesce(later, 0) as later,
                coalesce(running, 0) as running, coalesce(dead, 0) as dead, oldest_due, q.attempts, q.at_once
           from job_queues q full join (
                select queue,
                       count(*) filter (where state = 'waiting' and due_at <= $1) as waiting,
                       count(*) filter (where state = 'waiting' and due_at > $1) as later,
                       count(*) filter (where state = 'running') as running,
                       count(*) filter (where state = 'dead') as dead,
                       min(due_at) filter (where state = 'waiting' and due_at <= $1) as oldest_due
                  from jobs group by queue) j on j.queue = q.queue
          order by 1",
    )
    .bind(now.to_sqlx())
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| QueueStatus {
            name: row.name,
            waiting: row.waiting,
            later: row.later,
            running: row.running,
            dead: row.dead,
            oldest_due: row.oldest_due.map(jiff_sqlx::Timestamp::to_jiff),
            limits: row.attempts.zip(row.at_once),
        })
        .collect())
}

#[derive(sqlx::FromRow)]
struct RunningRow {
    org_id: OrgId,
    job_id: JobId,
    queue: String,
    key: String,
    node: Option<String>,
    started_at: Option<jiff_sqlx::Timestamp>,
    lease_until: Option<jiff_sqlx::Timestamp>,
    attempts: i32,
}

/// Jobs at work, longest first.
pub(super) async fn running(tx: &mut SystemTx) -> Result<Vec<RunningJob>, DbError> {
    let rows: Vec<RunningRow> = sqlx::query_as(
        "select org_id, job_id, queue, key, node, started_at, lease_until, attempts from jobs
          where state = 'running' order by started_at, job_id limit $1",
    )
    .bind(LIST)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| RunningJob {
            org: row.org_id,
            id: row.job_id,
            queue: row.queue,
            key: row.key,
            node: row.node,
            started_at: row.started_at.map(jiff_sqlx::Timestamp::to_jiff),
            lease_until: row.lease_until.map(jiff_sqlx::Timestamp::to_jiff),
            attempts: row.attempts,
        })
        .collect())
}

#[derive(sqlx::FromRow)]
struct DeadRow {
    org_id: OrgId,
    org_name: String,
    job_id: JobId,
    queue: String,
    key: String,
    payload: Value,
    attempts: i32,
    last_words: Option<String>,
    created_at: jiff_sqlx::Timestamp,
    died_at: Option<jiff_sqlx::Timestamp>,
}

/// Jobs that were given up, newest first, those after `from`.
pub(super) async fn dead(tx: &mut SystemTx, from: Option<Cursor>, most: i64) -> Result<Vec<DeadJob>, DbError> {
    let rows: Vec<DeadRow> = sqlx::query_as(
        "select j.org_id, o.name as org_name, j.job_id, j.queue, j.key, j.payload, j.attempts, j.last_words, j.created_at,
                j.died_at
           from jobs j join organizations o on o.org_id = j.org_id
          where j.state = 'dead' and ($1::timestamptz is null or (j.died_at, j.job_id) < ($1, $2))
          order by j.died_at desc, j.job_id desc limit $3",
    )
    .bind(from.map(|cursor| cursor.at.to_sqlx()))
    .bind(from.map(|cursor| cursor.id))
    .bind(most)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DeadJob {
            org: row.org_id,
            org_name: row.org_name,
            id: row.job_id,
            queue: row.queue,
            key: row.key,
            payload: row.payload,
            attempts: row.attempts,
            last_words: row.last_words,
            created_at: row.created_at.to_jiff(),
            died_at: row.died_at.map(jiff_sqlx::Timestamp::to_jiff),
        })
        .collect())
}

/// Ends every lease, and forgets every process.
pub(super) async fn end_leases(tx: &mut SystemTx, now: Timestamp) -> Result<u64, DbError> {
    let jobs = sqlx::query("update jobs set lease_until = $1 where state = 'running' and lease_until > $1")
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    let schedules = sqlx::query("update schedules set lease_until = $1 where lease_until > $1")
        .bind(now.to_sqlx())
        .execute(tx.conn())
        .await?;
    sqlx::query("delete from nodes").execute(tx.conn()).await?;
    Ok(jobs.rows_affected() + schedules.rows_affected())
}

/// Says that a process is there, and forgets those that were silent since `forgotten`.
pub(super) async fn note_node(tx: &mut SystemTx, node: &NodeStatus, forgotten: Timestamp) -> Result<(), DbError> {
    sqlx::query(
        "insert into nodes (node, version, works, started_at, seen_at, duties, readings)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (node) do update
           set seen_at = excluded.seen_at, duties = excluded.duties, readings = excluded.readings",
    )
    .bind(&node.name)
    .bind(&node.version)
    .bind(node.works)
    .bind(node.started_at.to_sqlx())
    .bind(node.seen_at.to_sqlx())
    .bind(&node.duties)
    .bind(&node.readings)
    .execute(tx.conn())
    .await?;
    sqlx::query("delete from nodes where seen_at < $1").bind(forgotten.to_sqlx()).execute(tx.conn()).await?;
    Ok(())
}

/// Forgets a process that stops.
pub(super) async fn remove_node(tx: &mut SystemTx, node: &str) -> Result<(), DbError> {
    sqlx::query("delete from nodes where node = $1").bind(node).execute(tx.conn()).await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct NodeRow {
    node: String,
    version: String,
    works: bool,
    started_at: jiff_sqlx::Timestamp,
    seen_at: jiff_sqlx::Timestamp,
    duties: Vec<String>,
    readings: Value,
}

/// Every process that was heard of lately.
pub(super) async fn nodes(tx: &mut SystemTx) -> Result<Vec<NodeStatus>, DbError> {
    let rows: Vec<NodeRow> =
        sqlx::query_as("select node, version, works, started_at, seen_at, duties, readings from nodes order by node")
            .fetch_all(tx.conn())
            .await?;
    Ok(rows
        .into_iter()
        .map(|row| NodeStatus {
            name: row.node,
            version: row.version,
            works: row.works,
            started_at: row.started_at.to_jiff(),
            seen_at: row.seen_at.to_jiff(),
            duties: row.duties,
            readings: row.readings,
        })
        .collect())
}

/// The moment so long after another.
pub(super) fn after(now: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}
