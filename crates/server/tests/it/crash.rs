//! Power cuts in the middle of a rush: what was acknowledged is there, once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use simulator::{
    ApiAccess, Backoff, Credential, EventKind, Fault, Kind, Progress, SimulateOptions, Target, Truth, run, verify,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::binary::Installation;
use crate::support::{PASSWORD, eventually};

const KILLS: u64 = 20;
const NAME: &str = "Elm Street Dental";
const EMAIL: &str = "owner@elmstreet.example";

#[tokio::test]
async fn twenty_power_cuts_and_a_dead_database_lose_and_repeat_nothing() {
    let place = Installation::new();
    let org = place.create_org(NAME, EMAIL).await;
    let connection = place.connect(org, "webhook-secret-of-elm-street").await;
    let played =
        Target::of_kind(Kind::Dental, &place.base(), Some(connection), "webhook-secret-of-elm-street").unwrap();
    let target = Target { org_label: NAME.to_owned(), ..played };

    let acknowledged = Arc::new(AtomicU64::new(0));
    let stop = CancellationToken::new();
    let options = SimulateOptions {
        calls: None,
        ledger: Some(place.file("ledger.jsonl")),
        backoff: Some(Backoff { exponential: false, max_retries: 600, base_delay: Duration::from_millis(50) }),
        start: None,
        ..SimulateOptions::flat_out(5, 0, "2026-03-11T09:00:00Z".parse().unwrap())
    };
    let counter = Arc::clone(&acknowledged);
    let rush = run(options, vec![target], stop.clone(), move |progress| {
        if matches!(progress, Progress::Sent { status: Some(200), .. }) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    let cuts = async {
        for round in 0..KILLS {
            let server = place.serve(&[], &[]).await;
            if round == KILLS / 2 {
                let postmaster = place.postmaster().unwrap();
                kill(postmaster, Signal::SIGKILL).unwrap();
                eventually("another database serves", || async { place.postmaster().filter(|now| *now != postmaster) })
                    .await;
            }
            // Each cut comes somewhere else in the work.
            let wanted = acknowledged.load(Ordering::Relaxed) + 5 + 7 * (round % 6);
            eventually("events are acknowledged", || async {
                (acknowledged.load(Ordering::Relaxed) >= wanted).then_some(())
            })
            .await;
            server.kill().await;
        }
        stop.cancel();
    };
    let (truth, ()) = tokio::join!(rush, cuts);
    let truth = truth.unwrap();
    assert_eq!(Truth::from_ledger(&place.file("ledger.jsonl")).unwrap(), truth);
    assert!(truth.counters.unanswered > KILLS, "the cuts hit requests: {:?}", truth.counters);
    assert_eq!(truth.violations, []);

    let server = place.serve(&[], &[]).await;
    let access = ApiAccess {
        base_url: place.base(),
        credential: Credential::Password { email: EMAIL.to_owned(), password: PASSWORD.to_owned() },
        org_label: Some(NAME.to_owned()),
    };
    let report = verify(&truth, &access).await.unwrap();
    assert!(report.is_clean() && report.unknown == 0, "{report}");
    assert!(report.compared > 8, "{report}");
    // What was answered while the database was dead waits on disk, and is taken in now.
    eventually("the spool is empty", || async { place.spooled().is_empty().then_some(()) }).await;
    compare_events(&truth, &stored(&place).await);
    let org = org.to_string();
    place.succeed(&["replay", "--org", &org], "").await;
    assert!(server.stop().await.success());
}

/// A call and a type of event.
type Slot = (Uuid, String);

/// How many events of each type are stored of each call.
async fn stored(place: &Installation) -> HashMap<Slot, usize> {
    let sql = "select r.provider_call_id, e.type, count(*) from provider_events e join call_logs r \
               on r.org_id = e.org_id and r.id = e.call_id group by 1, 2";
    let rows = place.succeed(&["psql", "--", "-AtXc", sql], "").await;
    let row = |line: &str| {
        let mut parts = line.split('|');
        let mut next = || parts.next().unwrap();
        ((next().parse().unwrap(), next().to_owned()), next().parse().unwrap())
    };
    rows.lines().map(row).collect()
}

fn type_of(event: &EventKind) -> &str {
    match event {
        EventKind::AssistantRequest => "assistant-request",
        EventKind::Status { .. } => "status-update",
        EventKind::Turn { .. } => "transcript",
        EventKind::ToolCalls { .. } => "tool-calls",
        EventKind::Report => "end-of-call-report",
        EventKind::Other { name } => name,
    }
}

/// Everything acknowledged is stored, nothing is stored twice, nothing that was not sent is there.
fn compare_events(truth: &Truth, stored: &HashMap<Slot, usize>) {
    let mut sent: HashMap<Slot, HashSet<&str>> = HashMap::new();
    let mut acknowledged: HashMap<Slot, HashSet<&str>> = HashMap::new();
    for record in truth.events.iter().filter(|record| record.fault != Some(Fault::Tampered)) {
        let slot = (record.call_id, type_of(&record.event).to_owned());
        sent.entry(slot.clone()).or_default().insert(&record.identity);
        if record.acknowledged() {
            acknowledged.entry(slot).or_default().insert(&record.identity);
        }
    }
    for (slot, identities) in &acknowledged {
        let count = stored.get(slot).copied().unwrap_or_default();
        let most = sent[slot].len();
        assert!((identities.len()..=most).contains(&count), "{slot:?}: {count} stored of {identities:?}, {most} sent");
    }
    assert!(stored.keys().all(|slot| sent.contains_key(slot)), "events that nobody sent");
}
