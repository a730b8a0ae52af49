//! The operator's page of jobs, with a duty that fails and a job that was given up.

#![expect(clippy::panic, reason = "tests fail by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use http::StatusCode;
use platform::clock::Clock;
use platform::ids::{CallId, JobId, RecordingId};
use platform::jobs::{Jobs, NewJob, Outcome, Overview, Queue, Report, Schedule};
use platform::storage::{Key, StorageError};
use platform::tasks::Tasks;
use platform::tenancy::DbError;
use serde_json::json;
use voice::recordings::jobs::start_sweeping;
use voice::recordings::orphans::{Mode, Sweeper};

use crate::desk::{Desk, Practice};

const PAGE: &str = "/app/operator/jobs";
const COPY: Queue = Queue { name: "test.copy", attempts: 3, lease: Duration::from_mins(5), at_once: 1 };
const SWEEP: Schedule =
    Schedule { name: "test.sweep", every: Duration::from_hours(1), patience: Duration::from_mins(1) };

/// A node that works, beside the one that answers.
fn node(desk: &Desk) -> Jobs {
    Jobs::new(desk.db.tenancy(), desk.clock.clone(), Tasks::new())
}

/// Waits until the jobs stand like that.
async fn until(jobs: &Jobs, is_so: impl Fn(&Overview) -> bool) {
    for _ in 0..1_200 {
        if is_so(&jobs.overview().await.unwrap()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("what was waited for did not happen");
}

/// A job of this practice that was given up.
async fn dead_job(desk: &Desk, practice: &Practice) -> JobId {
    let jobs = node(desk);
    let mut tx = desk.db.tenancy().tenant(practice.org).await.unwrap();
    let job =
        NewJob { queue: COPY.name, key: "call-1".into(), payload: json!({ "call_id": "call-1<script>" }), due: None };
    jobs.enqueue(&mut tx, job).await.unwrap();
    tx.commit().await.unwrap();
    jobs.work(COPY, |_| async { Outcome::dead("the provider says <b>404</b>") });
    until(&jobs, |seen| seen.dead.len() == 1).await;
    jobs.overview().await.unwrap().dead[0].id
}

#[tokio::test]
async fn a_failing_duty_says_why_and_is_run_at_once() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let jobs = node(&desk);
    let mut operator = desk.signed_in(&practice.owner).await;
    assert!(operator.get(PAGE).await.body.contains("No node does any duty yet"));

    let (runs, broken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
    let (counted, seen) = (Arc::clone(&runs), Arc::clone(&broken));
    jobs.schedule(SWEEP, move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let broken = seen.load(Ordering::SeqCst);
        async move { if broken { Err(DbError::Busy) } else { Ok(Report::new().count("forgotten", 12)) } }
    });
    until(&jobs, |seen| seen.schedules.first().is_some_and(|schedule| schedule.failures == 1)).await;
    let page = operator.get(PAGE).await.body;
    for part in ["1 duty is failing.", "test.sweep", "every 1 h", "the database is busy", "never"] {
        assert!(page.contains(part), "{part} in {page}");
    }

    broken.store(false, Ordering::SeqCst);
    let run = operator.submit(PAGE, "/app/operator/jobs/run", &[("name", SWEEP.name)]).await;
    assert_eq!(run.location(), format!("{PAGE}?done=started"), "{}", run.body);
    jobs.wake(SWEEP.name);
    until(&jobs, |seen| seen.schedules[0].runs == 2).await;
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    let page = operator.get(PAGE).await.body;
    assert!(page.contains("Every duty is done in its time.") && page.contains("forgotten </span>12"), "{page}");

    let unknown = operator.submit(PAGE, "/app/operator/jobs/run", &[("name", "test.unknown")]).await;
    assert_eq!(unknown.status, StatusCode::CONFLICT);
    assert!(unknown.body.contains("no duty of this name"));
}

#[tokio::test]
async fn a_job_that_was_given_up_is_seen_with_its_reason_and_retried_once() {
    let desk = Desk::new().await;
    let first = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let other = desk.practice("Harbour <i>Physio</i>", "jonas@harbour.example").await;
    let job = dead_job(&desk, &other).await.to_string();
    let org = other.org.to_string();
    let mut operator = desk.signed_in(&first.owner).await;
    let page = operator.get(PAGE).await.body;
    for part in [
        "1 job given up.",
        "Harbour &lt;i&gt;Physio",
        "call id </span>call-1&lt;script&gt;",
        "the provider says &lt;b&gt;404",
        "given up after 3 runs, 1 at a time on a node",
        "E-mail",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let fields = [("org_id", org.as_str()), ("job_id", job.as_str())];
    let foreign = [("org_id", first.org.to_string()), ("job_id", job.clone())];
    let foreign: Vec<(&str, &str)> = foreign.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let missed = operator.submit(PAGE, "/app/operator/jobs/retry", &foreign).await;
    assert_eq!(missed.status, StatusCode::CONFLICT);
    let retried = operator.submit(PAGE, "/app/operator/jobs/retry", &fields).await;
    assert_eq!(retried.location(), format!("{PAGE}?done=retried"), "{}", retried.body);
    let kept: Vec<String> =
        sqlx::query_scalar("select subject from audit_log where org_id = $1 and action = 'job.retried'")
            .bind(other.org)
            .fetch_all(&mut desk.db.admin().await)
            .await
            .unwrap();
    assert_eq!(kept, [job]);
}

#[tokio::test]
async fn the_operator_reads_which_files_and_recordings_lack_each_other() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let key = format!("{}/{}/{}.1", practice.org, CallId::new(), RecordingId::new());
    let sound = futures::stream::iter([Ok::<_, StorageError>(Bytes::from_static(b"RIFF"))]);
    desk.storage.put(&Key::new(key).unwrap(), sound).await.unwrap();
    let jobs = node(&desk);
    let sweeper = Sweeper {
        tenancy: desk.db.tenancy(),
        // To it, what was written a moment ago is old.
        clock: Clock::frozen_at("2099-01-01T00:00:00Z".parse().unwrap()),
        storage: desk.storage.clone(),
        jobs: jobs.clone(),
    };
    start_sweeping(&sweeper, Mode::Report, &jobs);
    until(&jobs, |seen| seen.schedules.iter().any(|schedule| schedule.succeeded_at.is_some())).await;
    let page = desk.signed_in(&practice.owner).await.get(PAGE).await.body;
    for part in ["recordings.orphans", "files without recording </span>1", "recordings without file </span>0"] {
        assert!(page.contains(part), "{part} in {page}");
    }
}

#[tokio::test]
async fn more_dead_jobs_than_a_page_holds_are_turned_over() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    sqlx::query(
        "insert into jobs (org_id, job_id, queue, key, payload, state, created_at, due_at, died_at)
         select $1, gen_random_uuid(), 'test.copy', n, jsonb_build_object('call_id', 'call-' || n), 'dead', now(), now(),
                '2026-11-24T12:00:00Z'::timestamptz - (n / 10) * interval '1 second'
           from generate_series(1, 130) n",
    )
    .bind(practice.org)
    .execute(&mut desk.db.admin().await)
    .await
    .unwrap();
    let mut operator = desk.signed_in(&practice.owner).await;
    let (mut seen, mut path) = (Vec::new(), Some(PAGE.to_owned()));
    while let Some(next) = path {
        let answer = operator.get(&next).await;
        let calls = answer.body.split("call id </span>").skip(1).map(|rest| rest.split_once('<').unwrap().0.to_owned());
        seen.push(calls.collect::<Vec<String>>());
        path = answer
            .body
            .split_once("?cursor=")
            .map(|(_, rest)| format!("{PAGE}?cursor={}", rest.split_once('#').unwrap().0));
    }
    assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 30]);
    let all: std::collections::BTreeSet<String> = seen.into_iter().flatten().collect();
    assert_eq!(all.len(), 130, "each once, also where many died in one moment");
}

#[tokio::test]
async fn a_duty_that_no_node_knows_any_more_is_retired_and_nobody_misses_it() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let jobs = node(&desk);
    jobs.schedule(SWEEP, || async { Ok::<_, DbError>(Report::new()) });
    sqlx::query(
        "insert into schedules (name, every_seconds, declared_at, next_at, failures)
         values ('test.old_name', 60, '2026-11-01T00:00:00Z', '2026-11-01T00:00:00Z', 7)",
    )
    .execute(&mut desk.db.admin().await)
    .await
    .unwrap();
    let mut operator = desk.signed_in(&practice.owner).await;
    assert!(operator.get(PAGE).await.body.contains("1 duty is failing"), "nobody has said yet that it is gone");
    jobs.start_presence("1.2.3", true, || async { json!({}) });
    until(&jobs, |seen| !seen.nodes.is_empty() && seen.schedules.iter().any(|schedule| schedule.runs == 1)).await;
    let page = operator.get(PAGE).await.body;
    assert!(page.contains("Retired") && page.contains("Every duty is done in its time."), "{page}");
    assert!(
        page.contains("Run now<span class=\"vh\"> test.sweep")
            && !page.contains("Run now<span class=\"vh\"> test.old_name")
    );
    let run = operator.submit(PAGE, "/app/operator/jobs/run", &[("name", "test.old_name")]).await;
    assert_eq!(run.location(), format!("{PAGE}?done=started"), "a node of the old version may come back and take it");
}
