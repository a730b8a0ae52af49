//! What is kept and what is deleted: content that is gone stays gone, whatever comes late, and a hold is stronger than all.

use std::collections::BTreeMap;

use futures::future::join_all;
use jiff::SignedDuration;
use platform::audit::Actor;
use platform::clock::Clock;
use platform::config::Config;
use platform::ids::{CallId, OrgId};
use platform::jobs::Jobs;
use platform::storage::{Key, Storage, StorageError};
use proptest::prelude::*;
use proptest::test_runner::{Config as Proptest, TestCaseError, TestRunner};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use voice::calls::jobs::index_all;
use voice::calls::model::CallFilter;
use voice::retention::actions::{self, RetentionError};
use voice::retention::jobs;
use voice::retention::model::{Policy, Refusal, confirmation};

use crate::messages::{self, CALLER, about, report, said, status, tool_call};
use crate::support::Desk;

/// Words, numbers and names of the call below. None may be anywhere once its content is deleted.
const PERSONAL: [&str; 7] = ["check-up", "marsh", "2025550123", "good morning", "limping", "stereo.wav", "find_slots"];

fn queue(desk: &Desk) -> Jobs {
    Jobs::new(desk.tenancy.clone(), desk.db.clock(), desk.tasks.clone())
}

/// Everything that is said in a call, live and afterwards.
fn story(call: &str) -> Vec<Value> {
    let all = [
        status("ringing", 0.0),
        status("in-progress", 3.25),
        said("user", "My dog is limping.", 5.0),
        tool_call("tool-1", "find_slots", 10.0),
        report(),
    ];
    all.iter().map(|message| about(message, call)).collect()
}

/// A call with content everywhere: words, search, a recording that was copied.
async fn whole_call(desk: &Desk, org: OrgId, name: &str) -> CallId {
    let mut id = None;
    for message in story(name) {
        id = desk.take(Some(org), &message).await.call_id.or(id);
    }
    let id = id.unwrap();
    index_all(&desk.tenancy).await.unwrap();
    sqlx::query(
        "insert into call_recordings (org_id, recording_id, call_id, channel, state, storage_key, size_bytes, sha256,
           content_type, copied_at, queued_at)
         values ($1, gen_random_uuid(), $2, 'stereo', 'ready', $3, 5, sha256('sound'), 'audio/wav', now(), now())
         on conflict (org_id, call_id, channel) do update set state = 'ready', storage_key = excluded.storage_key,
           size_bytes = 5, sha256 = excluded.sha256, content_type = 'audio/wav', copied_at = now(), queued_at = now()",
    )
    .bind(org)
    .bind(id)
    .bind(format!("{org}/{id}/sound.1"))
    .execute(&mut desk.db.admin().await)
    .await
    .unwrap();
    sqlx::query("update call_logs set recording_state = 'ready' where id = $1")
        .bind(id)
        .execute(&mut desk.db.admin().await)
        .await
        .unwrap();
    id
}

/// Every row of every table as text, compressed bodies read back.
async fn everything(admin: &mut PgConnection) -> String {
    let tables: Vec<String> = sqlx::query_scalar(
        "select quote_ident(relname) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&mut *admin)
    .await
    .unwrap();
    let mut text = String::new();
    for table in tables {
        let sql = format!("select coalesce(string_agg(t::text, E'\\n'), '') from {table} t");
        let rows: String = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *admin).await.unwrap();
        text.push_str(&rows);
    }
    for table in ["provider_events", "quarantined_events"] {
        let sql = format!("select body from {table} where length(body) > 0");
        let bodies: Vec<Vec<u8>> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut *admin).await.unwrap();
        for body in bodies {
            text.push_str(&String::from_utf8(zstd::decode_all(body.as_slice()).unwrap()).unwrap());
        }
    }
    text.to_lowercase()
}

async fn erase(desk: &Desk, org: OrgId, call: CallId) -> Result<(), RetentionError> {
    let mut tx = desk.tenancy.tenant(org).await?;
    let _told = actions::erase(&mut tx, &queue(desk), Actor::System, call, desk.db.clock().now()).await?;
    Ok(tx.commit().await?)
}

async fn hold(desk: &Desk, org: OrgId, call: CallId) -> Result<(), RetentionError> {
    let mut tx = desk.tenancy.tenant(org).await?;
    let _told = actions::place_hold(&mut tx, Actor::System, call, "A complaint", desk.db.clock().now()).await?;
    Ok(tx.commit().await?)
}

async fn lift(desk: &Desk, org: OrgId, call: CallId) -> Result<(), RetentionError> {
    let mut tx = desk.tenancy.tenant(org).await?;
    let _told = actions::lift_hold(&mut tx, Actor::System, call, desk.db.clock().now()).await?;
    Ok(tx.commit().await?)
}

async fn set(desk: &Desk, org: OrgId, recording_days: Option<i32>, content_days: Option<i32>) {
    let mut tx = desk.tenancy.tenant(org).await.unwrap();
    let policy = Policy { recording_days, content_days };
    let (key, now) = (desk.db.master_key(), desk.db.clock().now());
    let seen = confirmation(&key, org, &policy, now).unwrap();
    actions::set_policy(&mut tx, &key, Actor::System, &policy, Some(&seen), now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn one<T>(desk: &Desk, sql: &'static str, call: CallId) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
{
    sqlx::query_scalar(sql).bind(call).fetch_one(&mut desk.db.admin().await).await.unwrap()
}

async fn state(desk: &Desk, call: CallId) -> String {
    one(desk, "select recording_state::text from call_logs where id = $1", call).await
}

async fn has_words(desk: &Desk, call: CallId) -> bool {
    one(desk, "select transcript is not null from call_logs where id = $1", call).await
}

#[tokio::test]
async fn nothing_of_deleted_content_is_left_in_any_table() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour Dental").await;
    let mut admin = desk.db.admin().await;
    let call = whole_call(&desk, org, "call-1").await;
    // The same call through the platform-wide connection, before anybody could tell whose it is: it waits in quarantine.
    sqlx::query(
        "insert into quarantined_events (id, provider, dedup_key, type, provider_call_id, reason, body, body_bytes)
         values (gen_random_uuid(), 'vapi', 'k', 'transcript', 'call-1', 'unknown', $1, 9)",
    )
    .bind(zstd::encode_all(&b"{\"words\":\"My dog is limping.\"}"[..], 1).unwrap())
    .execute(&mut admin)
    .await
    .unwrap();
    let before = everything(&mut admin).await;
    for word in PERSONAL {
        assert!(before.contains(word), "{word} is there before, or the test proves nothing");
    }

    let storage = storage(&desk);
    let key = Key::new(format!("{org}/{call}/sound.1")).unwrap();
    let sound = futures::stream::iter([Ok::<_, StorageError>("sound".into())]);
    storage.put(&key, sound).await.unwrap();
    erase(&desk, org, call).await.unwrap();
    jobs::start(&desk.tenancy, &Clock::system(), &queue(&desk), &storage);
    let done = "select count(*) from call_erasures where completed_at is not null";
    while desk.count(done).await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(matches!(storage.head(&key).await, Err(StorageError::NotFound)), "the file is gone");

    let left = everything(&mut admin).await;
    for word in PERSONAL {
        let at = left.find(word).map(|at| &left[at.saturating_sub(200)..(at + 50).min(left.len())]);
        assert_eq!(at, None, "{word}");
    }
    let (duration, line): (Option<i32>, Option<String>) =
        sqlx::query_as("select duration_seconds, to_number from call_logs where id = $1")
            .bind(call)
            .fetch_one(&mut admin)
            .await
            .unwrap();
    assert_eq!((duration, line.as_deref()), (Some(60), Some(messages::OURS)), "that our line rang, and how long");
    desk.close().await;
}

fn storage(desk: &Desk) -> Storage {
    Storage::open(&Config::from_env(&BTreeMap::new()).unwrap().storage, &desk.db.scratch_dir()).unwrap()
}

#[tokio::test]
async fn what_comes_late_or_again_brings_nothing_back() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour Dental").await;
    let call = whole_call(&desk, org, "call-1").await;
    erase(&desk, org, call).await.unwrap();
    let mut admin = desk.db.admin().await;
    let left = everything(&mut admin).await;
    let late = [said("user", "And my cat is limping.", 70.0), status("in-progress", 3.25)];
    let late = late.iter().map(|message| about(message, "call-1"));
    for message in story("call-1").into_iter().chain(late) {
        let taken = desk.take(Some(org), &message).await;
        assert_eq!((taken.outcome.as_str(), taken.call_id), ("discarded", Some(call)), "it is acknowledged, not kept");
    }
    // The platform-wide connection finds the same call.
    let taken = desk.take(None, &about(&report(), "call-1")).await;
    assert_eq!(taken.outcome, "quarantined", "another connection's call is not resolved by its id");
    index_all(&desk.tenancy).await.unwrap();
    voice::ingress::replay::replay_call(&desk.tenancy, org, call, true).await.unwrap();
    let after = everything(&mut admin).await;
    assert_eq!(desk.count("select count(*) from provider_events").await, 0);
    assert_eq!(
        desk.count("select count(*) from call_search").await
            + desk.count("select count(*) from call_search_queue").await,
        0
    );
    assert!(!after.contains("my cat"), "{}", after.len() - left.len());
    assert!(!has_words(&desk, call).await);
    let error: Option<String> = sqlx::query_scalar(
        "select error_code from update_call_with_recording_atomically($1, 'call-1', null, null, 'words of another writer')",
    )
    .bind(org)
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(error.as_deref(), Some("INTEGRITY_ERROR"), "nor does another writer");
    desk.close().await;
}

#[tokio::test]
async fn an_indexer_that_read_the_call_before_leaves_no_entry_after() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour Dental").await;
    let call = whole_call(&desk, org, "call-1").await;
    let mut indexer = desk.tenancy.tenant(org).await.unwrap();
    sqlx::query("select queue_for_search($1, $2)").bind(org).bind(call).execute(indexer.conn()).await.unwrap();
    indexer.commit().await.unwrap();
    // It has taken the note and read the words, and is about to commit.
    let mut indexer = desk.tenancy.tenant(org).await.unwrap();
    sqlx::query("select index_queued_calls($1, 10)").bind(org).execute(indexer.conn()).await.unwrap();
    let (erased, ()) = tokio::join!(erase(&desk, org, call), async {
        let waits =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        while desk.count(waits).await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        indexer.commit().await.unwrap();
    });
    erased.unwrap();
    assert_eq!(desk.count("select count(*) from call_search").await, 0);
    let filter = CallFilter { words: Some("check".to_owned()), ..CallFilter::default() };
    let limit = platform::http::Limit::from_parameter(None).unwrap();
    let found = voice::calls::actions::list_calls(&desk.tenancy, org, &filter, None, limit).await.unwrap();
    assert!(found.items.is_empty());
    desk.close().await;
}

#[tokio::test]
async fn a_setting_deletes_what_is_old_enough_first_the_sound_and_then_the_rest() {
    let desk = Desk::new().await;
    let (org, other) = (desk.db.organization("Harbour Dental").await, desk.db.organization("Beacon Dental").await);
    let (call, held) = (whole_call(&desk, org, "call-1").await, whole_call(&desk, org, "call-2").await);
    let theirs = whole_call(&desk, other, "call-3").await;
    hold(&desk, org, held).await.unwrap();
    let clock = desk.db.clock();
    // The calls are of 5 October, the clock stands at 24 November: fifty days.
    set(&desk, org, Some(60), Some(90)).await;
    let run = async || jobs::run_all(&desk.tenancy, &clock, &queue(&desk)).await.unwrap();
    run().await;
    assert_eq!((state(&desk, call).await.as_str(), has_words(&desk, call).await), ("ready", true), "not yet");

    let mut tx = desk.tenancy.tenant(org).await.unwrap();
    let policy = Policy { recording_days: Some(40), content_days: Some(45) };
    let seen = actions::preview(&mut tx, &policy, clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((seen.recordings, seen.calls, seen.held, seen.recording_bytes), (1, 1, 1, 5));

    clock.advance(SignedDuration::from_hours(24 * 15));
    run().await;
    assert_eq!((state(&desk, call).await.as_str(), has_words(&desk, call).await), ("expired", true));
    let key: i64 =
        one(&desk, "select count(*) from call_recordings where call_id = $1 and state <> 'expired'", call).await;
    assert_eq!(key, 0);
    clock.advance(SignedDuration::from_hours(24 * 30));
    run().await;
    assert_eq!((state(&desk, call).await.as_str(), has_words(&desk, call).await), ("expired", false));
    assert_eq!((state(&desk, held).await.as_str(), has_words(&desk, held).await), ("ready", true), "on hold");
    assert_eq!(
        (state(&desk, theirs).await.as_str(), has_words(&desk, theirs).await),
        ("ready", true),
        "another practice's"
    );
    lift(&desk, org, held).await.unwrap();
    run().await;
    assert!(!has_words(&desk, held).await, "the setting counts again");
    desk.close().await;
}

#[tokio::test]
async fn a_call_that_goes_on_is_not_deleted() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour Dental").await;
    let call = desk.take(Some(org), &about(&status("in-progress", 3.25), "call-1")).await.call_id.unwrap();
    assert!(matches!(erase(&desk, org, call).await, Err(RetentionError::Refused(Refusal::Live))));
    set(&desk, org, Some(1), Some(1)).await;
    jobs::run_all(&desk.tenancy, &desk.db.clock(), &queue(&desk)).await.unwrap();
    assert_eq!(desk.count("select count(*) from call_erasures").await, 0);
    assert_eq!(
        one::<Option<String>>(&desk, "select from_number from call_logs where id = $1", call).await.as_deref(),
        Some(CALLER)
    );
    let stranger = desk.db.organization("Beacon Dental").await;
    assert!(matches!(erase(&desk, stranger, call).await, Err(RetentionError::Refused(Refusal::NotFound))));
    desk.close().await;
}

/// What happens to one of three calls, or to all.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Hold(usize),
    Lift(usize),
    Erase(usize),
    Report(usize),
    Set(Option<i32>, Option<i32>),
    Run,
    Days(i64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => (0..3_usize).prop_map(Deed::Hold),
        2 => (0..3_usize).prop_map(Deed::Lift),
        2 => (0..3_usize).prop_map(Deed::Erase),
        2 => (0..3_usize).prop_map(Deed::Report),
        2 => (prop::option::of(20..70_i32), prop::option::of(0..40_i32))
            .prop_map(|(days, more)| Deed::Set(days, days.zip(more).map(|(days, more)| days + more))),
        4 => Just(Deed::Run),
        1 => (1..20_i64).prop_map(Deed::Days),
    ]
}

/// How a call stands for somebody who wants it kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    held: bool,
    sounds: bool,
    speaks: bool,
}

async fn kept(desk: &Desk, call: CallId) -> Kept {
    let (held, sounds, speaks) = sqlx::query_as(
        "select exists (select 1 from call_holds h where h.call_id = l.id and h.lifted_at is null),
                l.recording_state = 'ready', l.transcript is not null and l.summary is not null
           from call_logs l where l.id = $1",
    )
    .bind(call)
    .fetch_one(&mut desk.db.admin().await)
    .await
    .unwrap();
    Kept { held, sounds, speaks }
}

/// Runs the steps, the deeds of a step at once, and looks after each.
async fn live_through(steps: Vec<Vec<Deed>>) -> Result<(), TestCaseError> {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour Dental").await;
    let names = ["call-1", "call-2", "call-3"];
    let mut calls = Vec::new();
    for name in names {
        calls.push(whole_call(&desk, org, name).await);
    }
    let clock = desk.db.clock();
    for step in steps {
        let mut before = Vec::new();
        for call in &calls {
            before.push(kept(&desk, *call).await);
        }
        let deeds = step.iter().map(async |deed| match *deed {
            Deed::Hold(n) => refusal(&hold(&desk, org, calls[n]).await),
            Deed::Lift(n) => refusal(&lift(&desk, org, calls[n]).await),
            Deed::Erase(n) => refusal(&erase(&desk, org, calls[n]).await),
            Deed::Report(n) => drop(desk.take(Some(org), &about(&report(), names[n])).await),
            Deed::Set(recording, content) => set(&desk, org, recording, content).await,
            Deed::Run => drop(jobs::run_all(&desk.tenancy, &clock, &queue(&desk)).await.unwrap()),
            Deed::Days(days) => clock.advance(SignedDuration::from_hours(days * 24)),
        });
        join_all(deeds).await;
        for (n, call) in calls.iter().enumerate() {
            let (was, is) = (before[n], kept(&desk, *call).await);
            let lifted = step.iter().any(|deed| matches!(deed, Deed::Lift(lifted) if *lifted == n));
            if was.held && !lifted {
                prop_assert_eq!(is, was, "on hold: {:?}", step);
            }
            prop_assert!(!is.held || is.speaks, "a hold on nothing: {:?}", step);
            prop_assert!(was.speaks || !is.speaks, "words came back: {:?}", step);
            prop_assert!(was.sounds || !is.sounds, "sound came back: {:?}", step);
        }
    }
    desk.close().await;
    Ok(())
}

/// A rule may forbid a deed; anything else is a fault.
fn refusal(done: &Result<(), RetentionError>) {
    assert!(matches!(done, Ok(()) | Err(RetentionError::Refused(_))), "{done:?}");
}

#[test]
fn whatever_happens_at_once_a_call_on_hold_keeps_its_content_and_deleted_content_stays_gone() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let steps = prop::collection::vec(prop::collection::vec(deed(), 1..4), 1..16);
    let config = Proptest { cases: 10, max_shrink_iters: 20, failure_persistence: None, ..Proptest::default() };
    TestRunner::new(config).run(&steps, |steps| runtime.block_on(live_through(steps))).unwrap();
}
