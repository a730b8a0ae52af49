//! Runs: the same seed sends the same bytes, faults happen, nothing that happened is missing from the ledger.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use simulator::{Backoff, EventKind, Fault, Faults, Patience, SimulateOptions, Target, Truth, run};
use tokio_util::sync::CancellationToken;

use crate::receiver::{Receiver, SECRET};

fn start() -> Timestamp {
    "2026-03-11T09:00:00Z".parse().unwrap()
}

async fn play(options: SimulateOptions, targets: Vec<Target>) -> Truth {
    run(options, targets, CancellationToken::new(), |_| {}).await.unwrap()
}

/// Digests of everything received, in an order of their own.
fn digests(receiver: &Receiver) -> Vec<String> {
    let mut digests: Vec<String> = receiver.seen().iter().map(|seen| hex::encode(Sha256::digest(&seen.body))).collect();
    digests.sort();
    digests
}

#[tokio::test]
async fn the_same_seed_sends_the_same_bytes_and_another_seed_others() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let receiver = Receiver::start().await;
        let options =
            SimulateOptions { faults: Faults::some_of_everything(), ..SimulateOptions::flat_out(seed, 30, start()) };
        let truth = play(options, receiver.targets()).await;
        assert_eq!(truth.counters.calls, 30);
        runs.push((digests(&receiver), truth.calls.len()));
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0].0, runs[2].0);
}

#[tokio::test]
async fn without_faults_every_call_runs_in_order_from_ringing_to_its_report() {
    let receiver = Receiver::start().await;
    let truth = play(SimulateOptions::flat_out(2, 40, start()), receiver.targets()).await;
    assert_eq!(truth.violations, []);
    assert_eq!(truth.counters.sent, truth.counters.acknowledged);
    assert_eq!(truth.counters.sent, u64::try_from(receiver.seen().len()).unwrap());

    let mut by_call: HashMap<String, Vec<Value>> = HashMap::new();
    for message in receiver.messages() {
        by_call.entry(message["call"]["id"].as_str().unwrap().to_owned()).or_default().push(message);
    }
    assert_eq!(by_call.len(), 40);
    for messages in by_call.values() {
        let times: Vec<i64> = messages.iter().map(|message| message["timestamp"].as_i64().unwrap()).collect();
        assert!(times.is_sorted(), "{times:?}");
        assert_eq!(messages.last().unwrap()["type"], "end-of-call-report");
        let statuses: Vec<&str> = messages
            .iter()
            .filter(|message| message["type"] == "status-update")
            .map(|message| message["status"].as_str().unwrap())
            .collect();
        assert_eq!(statuses.last(), Some(&"ended"), "{statuses:?}");
        let unique: HashSet<_> = statuses.iter().collect();
        assert_eq!(unique.len(), statuses.len(), "{statuses:?}");
        let report = messages.last().unwrap();
        let costs: f64 = report["costs"].as_array().unwrap().iter().map(|cost| cost["cost"].as_f64().unwrap()).sum();
        assert!((costs - report["cost"].as_f64().unwrap()).abs() < 1e-9 || report["startedAt"].is_null());
    }
}

#[tokio::test]
async fn an_organization_gets_its_own_calls_at_its_own_address() {
    let receiver = Receiver::start().await;
    let mut targets = receiver.targets();
    for (index, target) in (1_u128..).zip(&mut targets) {
        target.connection_id = Some(uuid::Uuid::from_u128(index));
    }
    let truth = play(SimulateOptions::flat_out(2, 10, start()), targets.clone()).await;
    let owners: HashMap<String, Option<uuid::Uuid>> =
        truth.calls.iter().map(|call| (call.call_id.to_string(), call.connection_id)).collect();
    for seen in receiver.seen() {
        let owner = owners[seen.message["call"]["id"].as_str().unwrap()].unwrap();
        assert_eq!(seen.path, format!("/api/webhooks/vapi/{owner}"));
    }
}

#[tokio::test]
async fn a_forgery_is_sent_with_a_wrong_secret_and_its_acceptance_is_a_violation() {
    let faults = Faults { tampered: 0.1, ..Faults::default() };
    let receiver = Receiver::start().await;
    let options = SimulateOptions { faults, ..SimulateOptions::flat_out(5, 20, start()) };
    let truth = play(options, vec![receiver.target()]).await;
    let refused = receiver.seen().iter().filter(|seen| !seen.accepted).count();
    assert!(refused > 20, "{refused} forgeries");
    assert_eq!(truth.counters.forged, u64::try_from(refused).unwrap());
    assert_eq!(truth.violations, []);

    let credulous = axum::Router::new().fallback(|| async { axum::Json(json!({"assistantId": "a", "results": []})) });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target { base_url: format!("http://{}", listener.local_addr().unwrap()), ..receiver.target() };
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(async move { axum::serve(listener, credulous).await.unwrap() });
    let options =
        SimulateOptions { faults, only: vec!["wrong-number".into()], ..SimulateOptions::flat_out(5, 20, start()) };
    let truth = play(options, vec![target]).await;
    assert!(truth.counters.forged > 10);
    let accepted = truth.violations.iter().filter(|one| one.problem == "a forgery was answered 200, expected 401");
    assert_eq!(u64::try_from(accepted.count()).unwrap(), truth.counters.forged);
}

#[tokio::test]
async fn a_doubled_message_arrives_twice_and_its_report_has_fresh_links() {
    let receiver = Receiver::start().await;
    let options = SimulateOptions {
        faults: Faults { doubled: 1.0, ..Faults::default() },
        ..SimulateOptions::flat_out(5, 5, start())
    };
    let truth = play(options, vec![receiver.target()]).await;
    let mut deliveries: HashMap<(uuid::Uuid, String), Vec<String>> = HashMap::new();
    for record in truth.events.iter().filter(|record| record.event != EventKind::AssistantRequest) {
        deliveries.entry((record.call_id, record.identity.clone())).or_default().push(record.digest.clone());
    }
    for ((_, identity), digests) in deliveries {
        assert_eq!(digests.len(), 2, "{identity}");
        assert_eq!(digests[0] == digests[1], identity != "report", "{identity}");
    }
}

#[tokio::test]
async fn lost_messages_never_arrive_and_are_in_the_ledger() {
    let receiver = Receiver::start().await;
    let options = SimulateOptions {
        faults: Faults { lost: 0.3, ..Faults::default() },
        ..SimulateOptions::flat_out(5, 20, start())
    };
    let truth = play(options, vec![receiver.target()]).await;
    let lost: Vec<_> = truth.events.iter().filter(|record| record.fault == Some(Fault::Lost)).collect();
    let share = f64::from(u32::try_from(lost.len()).unwrap()) / f64::from(u32::try_from(truth.events.len()).unwrap());
    assert!((0.25..0.35).contains(&share), "{share}");
    assert!(lost.iter().all(|record| record.digest.is_empty() && record.status.is_none()));
    assert_eq!(receiver.seen().len() + lost.len(), truth.events.len());
}

#[tokio::test]
async fn a_big_report_has_sixty_kilobytes_and_a_new_ended_reason_reaches_the_truth() {
    let receiver = Receiver::start().await;
    let options = SimulateOptions {
        faults: Faults { big_report: 1.0, new_ended_reason: 1.0, ..Faults::default() },
        ..SimulateOptions::flat_out(5, 5, start())
    };
    let truth = play(options, vec![receiver.target()]).await;
    for seen in receiver.seen().iter().filter(|seen| seen.message["type"] == "end-of-call-report") {
        assert!((60_000..61_000).contains(&seen.body.len()), "{} bytes", seen.body.len());
    }
    let reasons: HashSet<_> = truth.calls.iter().map(|call| call.ended_reason.clone()).collect();
    assert_eq!(reasons.len(), 1);
    let published: Value = serde_json::from_str(include_str!("../../fixtures/server-messages.schema.json")).unwrap();
    let published = published["endedReasons"].as_array().unwrap();
    assert!(reasons.iter().all(|reason| !published.contains(&json!(reason))));
}

#[tokio::test]
async fn an_unknown_type_is_sent_and_must_be_accepted() {
    let is_unknown = |message: &Value| message["type"] == "assistant.mood-changed";
    let receiver =
        Receiver::answering(move |message| is_unknown(message).then(|| (StatusCode::BAD_REQUEST, json!({})))).await;
    let options = SimulateOptions {
        faults: Faults { unknown_type: 0.2, ..Faults::default() },
        ..SimulateOptions::flat_out(5, 5, start())
    };
    let truth = play(options, vec![receiver.target()]).await;
    let sent = receiver.messages().iter().filter(|message| is_unknown(message)).count();
    assert!(sent > 5);
    assert_eq!(truth.violations.len(), sent);
    assert!(truth.violations.iter().all(|one| one.problem == "a genuine message was refused with 400"));
}

#[tokio::test]
async fn a_wrong_answer_to_a_tool_call_is_reported() {
    let receiver = Receiver::answering(|message| {
        (message["type"] == "tool-calls").then(|| (StatusCode::OK, json!({"results": [{"toolCallId": "another"}]})))
    })
    .await;
    let options =
        SimulateOptions { only: vec!["dental-move-hygienist".into()], ..SimulateOptions::flat_out(5, 2, start()) };
    let truth = play(options, vec![receiver.target()]).await;
    // Three tool calls in each of the two calls.
    let problems: Vec<&str> = truth.violations.iter().map(|one| one.problem.as_str()).collect();
    assert_eq!(problems.len(), 6, "{problems:?}");
    assert!(problems.contains(&"tool-calls: no result for move_appointment"), "{problems:?}");
}

#[tokio::test]
async fn the_receiver_decides_who_answers_a_number_without_an_assistant() {
    for (answer, assistant, reason) in [
        ((StatusCode::OK, json!({"assistantId": "assistant-7"})), Some("assistant-7"), None),
        ((StatusCode::OK, json!({"error": "We are closed."})), None, Some("assistant-request-returned-error")),
        ((StatusCode::INTERNAL_SERVER_ERROR, json!({})), None, Some("assistant-request-failed")),
    ] {
        let asked = answer.clone();
        let receiver =
            Receiver::answering(move |message| (message["type"] == "assistant-request").then(|| asked.clone())).await;
        let mut target = receiver.target();
        target.numbers.retain(|number| number.assistant_id.is_none());
        let options = SimulateOptions { only: vec!["wrong-number".into()], ..SimulateOptions::flat_out(5, 1, start()) };
        let truth = play(options, vec![target]).await;
        let messages = receiver.messages();
        assert_eq!(messages[0]["type"], "assistant-request");
        assert!(messages[0]["call"]["assistantId"].is_null());
        let report = messages.last().unwrap();
        assert_eq!(report["type"], "end-of-call-report");
        assert_eq!(report["call"]["assistantId"].as_str(), assistant);
        assert_eq!(truth.calls[0].ended_reason, reason.unwrap_or("customer-ended-call"));
        assert_eq!(truth.calls[0].turns.is_empty(), reason.is_some());
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_reported() {
    let slow = axum::Router::new().fallback(|body: String| async move {
        if body.contains(r#""type":"assistant-request""#) {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        axum::Json(json!({"assistantId": "assistant-7"}))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let receiver = Receiver::start().await;
    let mut target = Target { base_url: format!("http://{}", listener.local_addr().unwrap()), ..receiver.target() };
    target.numbers.retain(|number| number.assistant_id.is_none());
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(async move { axum::serve(listener, slow).await.unwrap() });
    let options = SimulateOptions {
        only: vec!["wrong-number".into()],
        patience: Patience { assistant_request: Duration::from_millis(50), ..Patience::default() },
        ..SimulateOptions::flat_out(5, 1, start())
    };
    let truth = play(options, vec![target]).await;
    assert_eq!(truth.violations.len(), 1);
    assert_eq!(truth.violations[0].problem, "assistant-request: no answer in time");
    assert_eq!(truth.calls[0].ended_reason, "assistant-request-failed");
}

#[tokio::test]
async fn a_ledger_that_cannot_be_written_ends_the_run_with_its_error() {
    let receiver = Receiver::start().await;
    let path = std::path::PathBuf::from("/dev/full");
    let options = SimulateOptions { ledger: Some(path), calls: None, ..SimulateOptions::flat_out(5, 1, start()) };
    let error = run(options, vec![receiver.target()], CancellationToken::new(), |_| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot write the ledger /dev/full");
}

#[tokio::test]
async fn the_ledger_is_complete_when_the_receiver_dies_in_the_middle() {
    let folder = tempfile();
    let path = folder.join("ledger.jsonl");
    let count = Arc::new(AtomicUsize::new(0));
    let receiver = Arc::new(Receiver::start().await);
    let options = SimulateOptions { ledger: Some(path.clone()), ..SimulateOptions::flat_out(9, 20, start()) };
    let dying = Arc::clone(&receiver);
    let truth = run(options, receiver.targets(), CancellationToken::new(), move |_| {
        if count.fetch_add(1, Ordering::Relaxed) == 300 {
            dying.kill();
        }
    })
    .await
    .unwrap();

    assert_eq!(Truth::from_ledger(&path).unwrap(), truth, "the file and the memory differ");
    assert_eq!(truth.counters.calls, 20);
    assert!(truth.counters.unanswered > 100, "{:?}", truth.counters);
    // Every attempt is either acknowledged or not, and what was acknowledged did arrive.
    assert_eq!(truth.counters.sent, truth.counters.acknowledged + truth.counters.unanswered);
    let arrived: HashSet<String> = receiver.seen().iter().map(|seen| hex::encode(Sha256::digest(&seen.body))).collect();
    for record in truth.events.iter().filter(|record| record.acknowledged()) {
        assert!(arrived.contains(&record.digest), "{} was acknowledged and did not arrive", record.identity);
    }
    for record in truth.events.iter().filter(|record| record.status.is_none()) {
        assert!(record.uncertain() && record.error.is_some());
    }
    // A line cut short by a crash of the simulator itself does not spoil the rest.
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 20]).unwrap();
    let cut = Truth::from_ledger(&path).unwrap();
    assert_eq!(cut.events.len() + cut.violations.len() + cut.calls.len() + 2, text.lines().count());
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_refused_message_is_tried_again_only_when_told() {
    for (backoff, attempts) in
        [(None, 1), (Some(Backoff { exponential: true, max_retries: 3, base_delay: Duration::from_millis(5) }), 3)]
    {
        let refused = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&refused);
        // The report is refused twice, then accepted.
        let receiver = Receiver::answering(move |message| {
            let refuse = message["type"] == "end-of-call-report" && counter.fetch_add(1, Ordering::SeqCst) < 2;
            refuse.then(|| (StatusCode::SERVICE_UNAVAILABLE, json!({})))
        })
        .await;
        let options =
            SimulateOptions { backoff, only: vec!["opening-hours".into()], ..SimulateOptions::flat_out(5, 1, start()) };
        let truth = play(options, vec![receiver.target()]).await;
        let reports: Vec<_> = truth.events.iter().filter(|record| record.event == EventKind::Report).collect();
        assert_eq!(reports.len(), attempts);
        assert_eq!(reports.iter().any(|record| record.acknowledged()), backoff.is_some());
        assert_eq!(truth.expected()[0].complete, backoff.is_some());
        // Every attempt is a delivery of its own, with links of its own.
        let digests: HashSet<_> = reports.iter().map(|record| &record.digest).collect();
        assert_eq!(digests.len(), attempts);
    }
}

#[tokio::test]
async fn stopping_abandons_calls_and_returns_the_truth_so_far() {
    let receiver = Receiver::start().await;
    let stop = CancellationToken::new();
    let options = SimulateOptions { speed: 20.0, keep: true, ..SimulateOptions::demo(4) };
    let (running, stopping) = (stop.clone(), stop);
    let target = receiver.target();
    let (truth, ()) = tokio::join!(run(options, vec![target], running, |_| {}), async {
        while receiver.seen().len() < 20 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stopping.cancel();
    });
    let truth = truth.unwrap();
    assert!(truth.counters.sent >= 20);
    // What was on its way when the run stopped may or may not have arrived.
    let arrived = u64::try_from(receiver.seen().len()).unwrap();
    assert!((truth.counters.acknowledged..=truth.counters.sent).contains(&arrived), "{arrived} {:?}", truth.counters);
    assert!(truth.expected().iter().any(|expected| !expected.complete));
}

#[tokio::test]
async fn a_fast_run_without_a_start_dates_nothing_in_the_future() {
    let receiver = Receiver::start().await;
    let options = SimulateOptions { start: None, ..SimulateOptions::flat_out(4, 5, start()) };
    play(options, vec![receiver.target()]).await;
    #[expect(clippy::disallowed_methods, reason = "the test compares with the machine's clock")]
    let now = Timestamp::now().as_millisecond();
    for message in receiver.messages() {
        let at = message["timestamp"].as_i64().unwrap();
        assert!((now - 900_000..=now).contains(&at), "{at} and {now}");
        // To the millisecond, as the provider writes dates: a receiver that keeps less than nanoseconds loses nothing.
        assert_eq!(message["call"]["createdAt"].as_str().unwrap().len(), "2026-03-11T09:00:00.000Z".len());
    }
}

#[tokio::test]
async fn a_run_without_a_start_repeats_no_call_of_an_earlier_run() {
    let receiver = Receiver::start().await;
    let options = SimulateOptions { start: None, ..SimulateOptions::flat_out(4, 5, start()) };
    let mut ids = HashSet::new();
    for _ in 0..2 {
        let truth = play(options.clone(), vec![receiver.target()]).await;
        ids.extend(truth.calls.iter().map(|call| call.call_id));
    }
    assert_eq!(ids.len(), 10);
}

#[tokio::test]
async fn a_run_that_keeps_nothing_still_counts() {
    let receiver = Receiver::start().await;
    let options = SimulateOptions { keep: false, ..SimulateOptions::flat_out(4, 5, start()) };
    let truth = play(options, vec![receiver.target()]).await;
    assert!(truth.calls.is_empty() && truth.events.is_empty());
    assert_eq!(truth.counters.calls, 5);
    assert_eq!(truth.counters.acknowledged, u64::try_from(receiver.seen().len()).unwrap());
}

#[tokio::test]
async fn a_bearer_and_an_hmac_connection_get_their_headers() {
    let receiver = Receiver::start().await;
    let target = receiver.target();
    let options = SimulateOptions { only: vec!["aufgelegt".into()], ..SimulateOptions::flat_out(4, 1, start()) };
    for scheme in [simulator::Scheme::Bearer, simulator::Scheme::Hmac(simulator::HmacPlan::default())] {
        play(options.clone(), vec![Target { scheme, ..target.clone() }]).await;
    }
    let seen = receiver.seen();
    let bearer = format!("Bearer {SECRET}");
    assert!(seen.iter().any(|one| one.headers.get("authorization").is_some_and(|value| value == &bearer)));
    let signed = seen.iter().find(|one| one.headers.contains_key("x-signature")).unwrap();
    assert_eq!(signed.headers["x-signature"].len(), 64);
    assert!(signed.headers.contains_key("x-timestamp"));
    assert!(!signed.headers.values().any(|value| value.to_str().unwrap().contains(SECRET)));
}

fn tempfile() -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("simulator-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    folder
}
