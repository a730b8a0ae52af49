//! Calls as they happen: whoever reads, and however often the reader loses its place, gets every event of its own
//! organization once and in order.

use std::collections::HashMap;
use std::time::Duration;

use jiff::SignedDuration;
use platform::ids::OrgId;
use platform::realtime::{Hub, Sequenced as _};
use platform::tasks::Tasks;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use sqlx::Executor as _;
use voice::live::actions::{Feed, Follower};
use voice::live::jobs::{keep_awake, keep_short};
use voice::live::model::LiveEvent;

use crate::messages::{self, about};
use crate::support::Desk;

/// Starts following; answers the greetings as JSON too.
async fn follow(desk: &Desk, hub: &Hub<LiveEvent>, org: OrgId, since: Option<i64>) -> (Follower, Vec<Value>) {
    let (follower, greetings) = Follower::start(desk.tenancy.clone(), hub, Feed::All(org), since).await.unwrap();
    (follower, greetings.iter().map(|text| serde_json::from_str(text.as_str()).unwrap()).collect())
}

fn kinds(greetings: &[Value]) -> Vec<&str> {
    greetings.iter().map(|greeting| greeting["t"].as_str().unwrap()).collect()
}

/// Commits `count` events of the organization.
async fn events(desk: &Desk, org: OrgId, call: &str, count: u32) {
    for number in 0..count {
        desk.take(Some(org), &about(&messages::said("user", &format!("word {number}"), f64::from(number)), call)).await;
    }
}

/// Ends when a transaction in the database of this test waits for another one's lock.
async fn until_somebody_waits_for_a_lock(desk: &Desk) {
    let waits = "select exists (select from pg_locks l join pg_stat_activity a on a.pid = l.pid
                                 where not l.granted and a.datname = current_database())";
    let mut admin = desk.db.admin().await;
    let looking = async {
        while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut admin).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looking).await.unwrap();
}

#[tokio::test]
async fn writers_that_commit_out_of_order_hide_nothing_from_a_reader() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    events(&desk, org, "call-1", 1).await;
    let (mut reader, greetings) = follow(&desk, &desk.hub, org, None).await;
    assert_eq!(kinds(&greetings), ["hello", "snapshot"]);
    let place = reader.cursor();

    // The first writer takes its number and does not commit; the second one comes later and is quick.
    let mut slow = desk.tenancy.tenant(org).await.unwrap();
    let append = "select append_live_event($1, 'call.updated', null, 'ringing', null, null, null)";
    let first: i64 = sqlx::query_scalar(append).bind(org).fetch_one(slow.conn()).await.unwrap();
    let quick = {
        let (tenancy, tasks) = (desk.tenancy.clone(), Tasks::new());
        tasks.spawn(async move {
            let mut tx = tenancy.tenant(org).await.unwrap();
            let seq: i64 = sqlx::query_scalar(append).bind(org).fetch_one(tx.conn()).await.unwrap();
            tx.commit().await.unwrap();
            seq
        })
    };
    until_somebody_waits_for_a_lock(&desk).await;
    desk.hub.wake(org, first + 1);
    assert!(reader.take().await.unwrap().is_empty(), "nothing is shown before what comes before it");
    assert!(!quick.is_finished(), "the second writer waits for the first one's number to be settled");
    slow.commit().await.unwrap();
    let second = quick.await.unwrap();
    desk.hub.wake(org, second);
    let seen: Vec<i64> = reader.take().await.unwrap().iter().map(|event| event.seq()).collect();
    assert_eq!(seen, [place + 1, place + 2]);
    assert_eq!((first, second), (place + 1, place + 2));

    // A number that is given up leaves no hole.
    let mut given_up = desk.tenancy.tenant(org).await.unwrap();
    let lost: i64 = sqlx::query_scalar(append).bind(org).fetch_one(given_up.conn()).await.unwrap();
    given_up.rollback().await.unwrap();
    let next = desk.take(Some(org), &about(&messages::said("user", "next", 40.0), "call-1")).await.live_seq;
    assert_eq!(next, Some(lost));
    desk.close().await;
}

/// Two processes' worth of readers (one shares the writers' hub, one hears only by polling), three organizations, writers
/// that hold their transactions open for random times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_reconnect_at_random_miss_nothing_and_see_nothing_foreign() {
    let desk = Desk::new().await;
    let mut orgs = Vec::new();
    for name in ["Harbour", "Hill", "Valley"] {
        orgs.push(desk.db.organization(name).await);
    }
    let elsewhere: Hub<LiveEvent> = Hub::default();
    let tasks = Tasks::new();
    keep_awake(desk.tenancy.clone(), elsewhere.clone(), &tasks);

    let mut writers = Vec::new();
    for number in 0..4_u64 {
        let (tenancy, orgs, hub) = (desk.tenancy.clone(), orgs.clone(), desk.hub.clone());
        writers.push(tasks.spawn(async move {
            let mut rng = ChaCha8Rng::seed_from_u64(number);
            for _ in 0..40 {
                let org = orgs[rng.random_range(0..orgs.len())];
                let mut tx = tenancy.tenant(org).await.unwrap();
                // The text names the organization, to know it again.
                let mut last = 0;
                for _ in 0..rng.random_range(1..4) {
                    last = sqlx::query_scalar(
                        "select append_live_event($1, 'call.caption', null, 'in-progress', 'caller', $1::text, true)",
                    )
                    .bind(org)
                    .fetch_one(tx.conn())
                    .await
                    .unwrap();
                    tokio::time::sleep(Duration::from_millis(rng.random_range(0..6))).await;
                }
                if rng.random_bool(0.15) {
                    tx.rollback().await.unwrap();
                } else {
                    tx.commit().await.unwrap();
                    hub.wake(org, last);
                }
            }
        }));
    }

    let mut readers = Vec::new();
    for (number, org) in orgs.iter().copied().enumerate() {
        for (side, hub) in [desk.hub.clone(), elsewhere.clone()].into_iter().enumerate() {
            let (tenancy, stop) = (desk.tenancy.clone(), tasks.stopping());
            let mut rng = ChaCha8Rng::seed_from_u64(u64::try_from(100 + number * 2 + side).unwrap());
            readers.push(tasks.spawn(async move {
                let mut seen: Vec<i64> = Vec::new();
                let mut foreign = 0;
                loop {
                    let since = seen.last().copied().unwrap_or(0);
                    let (mut follower, greetings) =
                        Follower::start(tenancy.clone(), &hub, Feed::All(org), Some(since)).await.unwrap();
                    assert!(greetings[0].as_str().contains("\"resumed\":true"), "{:?}", greetings[0]);
                    for _ in 0..rng.random_range(1..8) {
                        tokio::select! {
                            () = follower.news() => {}
                            () = tokio::time::sleep(Duration::from_millis(rng.random_range(1..60))) => {}
                        }
                        let last = stop.is_cancelled();
                        for event in follower.take().await.unwrap() {
                            seen.push(event.seq());
                            foreign += i32::from(!event.json().as_str().contains(&org.to_string()));
                        }
                        if last {
                            return (org, seen, foreign);
                        }
                    }
                }
            }));
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    tasks.stop();
    let stored: HashMap<OrgId, i64> = sqlx::query_as("select org_id, seq from live_heads")
        .fetch_all(&mut desk.db.admin().await)
        .await
        .unwrap()
        .into_iter()
        .collect();
    for reader in readers {
        let (org, seen, foreign) = reader.await.unwrap();
        assert_eq!(foreign, 0);
        assert_eq!(seen, (1..=stored[&org]).collect::<Vec<_>>());
    }
    desk.close().await;
}

#[tokio::test]
async fn a_place_that_is_not_kept_any_more_begins_anew_with_a_snapshot() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    events(&desk, org, "call-1", 10).await;
    let head = desk.count("select max(seq) from live_events").await;
    let expect = async |since: i64, resumed: bool| {
        let (follower, greetings) = follow(&desk, &Hub::default(), org, Some(since)).await;
        let expected: &[&str] = if resumed { &["hello"] } else { &["hello", "reset", "snapshot"] };
        assert_eq!(kinds(&greetings), expected, "since {since}");
        assert_eq!(greetings[0]["resumed"], resumed, "since {since}");
        assert_eq!(follower.cursor(), if resumed { since } else { head }, "since {since}");
        if !resumed {
            assert_eq!(greetings[2]["calls"].as_array().unwrap().len(), 1);
            assert_eq!(greetings[2]["seq"], head);
        }
    };
    expect(0, true).await;
    expect(head, true).await;
    for beyond in [head + 1, i64::MAX, -1, i64::MIN] {
        expect(beyond, false).await;
    }
    desk.db.admin().await.execute("delete from live_events where seq <= 5").await.unwrap();
    expect(5, true).await;
    expect(6, true).await;
    expect(4, false).await;
    expect(0, false).await;
    // After a quiet day nothing is kept at all, and what was missed is still missed.
    desk.db.admin().await.execute("delete from live_events").await.unwrap();
    expect(head, true).await;
    expect(head - 1, false).await;
    expect(0, false).await;
    let (_, greetings) = follow(&desk, &Hub::default(), desk.db.organization("New").await, Some(0)).await;
    assert_eq!(kinds(&greetings), ["hello"], "nothing has happened yet, so nothing was missed");
    desk.close().await;
}

#[tokio::test]
async fn events_of_yesterday_are_forgotten_and_numbers_go_on() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    events(&desk, org, "call-1", 4).await;
    // The frozen clock does not know the database's time: the events are dated by it.
    let start = desk.db.clock().now();
    let old = start.checked_sub(SignedDuration::from_hours(25)).unwrap().to_string();
    let new = start.checked_sub(SignedDuration::from_hours(23)).unwrap().to_string();
    sqlx::query("update live_events set at = (case when seq <= 3 then $1 else $2 end)::timestamptz")
        .bind(&old)
        .bind(&new)
        .execute(&mut desk.db.admin().await)
        .await
        .unwrap();
    let kept = desk.count("select count(*) from live_events where seq > 3").await;
    assert!(kept > 0);
    keep_short(desk.tenancy.clone(), desk.db.clock(), &desk.jobs());
    let mut rows = -1;
    for _ in 0..200 {
        rows = desk.count("select count(*) from live_events").await;
        if rows == kept {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(rows, kept);
    let head = desk.count("select max(seq) from live_events").await;
    let next = desk.take(Some(org), &about(&messages::said("user", "next", 60.0), "call-1")).await;
    assert_eq!(next.live_seq, Some(head + 1));
    desk.close().await;
}

#[tokio::test]
async fn a_repeated_event_is_not_shown_twice() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    let event = about(&messages::said("user", "Hello?", 7.0), "call-1");
    let first = desk.take(Some(org), &event).await;
    assert_eq!(first.live_seq, Some(1));
    let again = desk.take(Some(org), &event).await;
    assert_eq!((again.outcome.as_str(), again.live_seq), ("repeated", None));
    assert_eq!(desk.count("select count(*) from live_events").await, 1);
    desk.close().await;
}
