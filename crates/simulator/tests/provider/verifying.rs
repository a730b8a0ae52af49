//! Comparing a receiver's API with the truth: a right receiver has no difference, a planted one is found.

use jiff::Timestamp;
use serde_json::{Value, json};
use simulator::{ApiAccess, Credential, Faults, Report, SimulateOptions, Truth, history, practices, run};
use tokio_util::sync::CancellationToken;

use crate::receiver::{PASSWORD, Receiver, SECRET};

fn start() -> Timestamp {
    "2026-03-11T09:00:00Z".parse().unwrap()
}

fn access(receiver: &Receiver) -> ApiAccess {
    ApiAccess {
        base_url: receiver.base_url.clone(),
        credential: Credential::Token("the-token".into()),
        org_label: None,
    }
}

/// How many calls the comparisons have.
const CALLS: usize = 15;

async fn played(faults: Faults) -> (Receiver, Truth) {
    let receiver = Receiver::start().await;
    let options = SimulateOptions { faults, ..SimulateOptions::flat_out(6, 15, start()) };
    let truth = run(options, receiver.targets(), CancellationToken::new(), |_| {}).await.unwrap();
    (receiver, truth)
}

async fn verify(truth: &Truth, receiver: &Receiver) -> Report {
    simulator::verify(truth, &access(receiver)).await.unwrap()
}

#[tokio::test]
async fn a_receiver_that_knows_everything_has_no_difference() {
    let (receiver, truth) = played(Faults::default()).await;
    let report = verify(&truth, &receiver).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.compared, report.complete, report.unknown), (CALLS, CALLS, 0));
}

#[tokio::test]
async fn losses_are_not_held_against_the_receiver() {
    let faults = Faults { lost: 0.3, doubled: 0.2, tampered: 0.1, ..Faults::default() };
    let (receiver, truth) = played(faults).await;
    let report = verify(&truth, &receiver).await;
    assert!(report.is_clean(), "{report}");
    assert!(report.complete < CALLS, "no report was lost: the test proves nothing");
}

#[tokio::test]
async fn the_truth_survives_a_file() {
    let (receiver, truth) = played(Faults::default()).await;
    let path = std::env::temp_dir().join(format!("truth-{}.json", uuid::Uuid::new_v4()));
    truth.save(&path).unwrap();
    let read = Truth::load(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(read, truth);
    assert!(verify(&read, &receiver).await.is_clean());
}

#[tokio::test]
async fn a_person_can_sign_in_and_a_wrong_password_is_an_error() {
    let (receiver, truth) = played(Faults::default()).await;
    let with = |password: &str| ApiAccess {
        credential: Credential::Password { email: "moira.penhale@example.test".into(), password: password.into() },
        ..access(&receiver)
    };
    assert!(simulator::verify(&truth, &with(PASSWORD)).await.unwrap().is_clean());
    let error = simulator::verify(&truth, &with("hunter-two")).await.unwrap_err();
    assert_eq!(error.to_string(), "signing in was answered 401 Unauthorized");
    assert!(!format!("{error:?}").contains("hunter-two"));
}

type Change = fn(&mut Vec<Value>);

#[tokio::test]
async fn every_planted_difference_is_found() {
    let (receiver, truth) = played(Faults::default()).await;
    let answered = |call: &Value| call["started_at"].is_string() && call["direction"] == "inbound";
    let changes: [(&str, Change); 13] = [
        ("presence", |calls| {
            calls.pop();
        }),
        ("presence", |calls| calls.push(calls[0].clone())),
        ("direction", |calls| calls[0]["direction"] = json!("sideways")),
        ("from_number", |calls| calls[0]["from_number"] = json!("+12025550199")),
        ("to_number", |calls| calls[0]["to_number"] = Value::Null),
        ("status", |calls| calls[0]["status"] = json!("in-progress")),
        ("started_at", |calls| calls[0]["started_at"] = Value::Null),
        ("ended_at", |calls| calls[0]["ended_at"] = json!("2026-03-11T09:00:00Z")),
        ("duration_seconds", |calls| calls[0]["duration_seconds"] = json!(1)),
        ("ended_reason", |calls| calls[0]["ended_reason"] = json!("customer-ended-cal")),
        ("cost", |calls| calls[0]["cost"]["amount_micros"] = json!(1)),
        ("recording.state", |calls| calls[0]["recording"]["state"] = json!("none")),
        ("transcript", |calls| {
            calls[0]["transcript"].as_array_mut().unwrap().pop();
        }),
    ];
    for (field, change) in changes {
        receiver.plant(move |calls| {
            calls.sort_by_key(|call| !answered(call));
            change(calls);
        });
        let report = verify(&truth, &receiver).await;
        let fields: Vec<&str> = report.differences.iter().map(|difference| difference.field.as_str()).collect();
        assert_eq!(fields, [field], "{report}");
        assert!(report.to_string().contains(field));
    }
}

#[tokio::test]
async fn a_call_in_the_list_of_another_organization_is_found() {
    let (receiver, truth) = played(Faults::default()).await;
    let one = ApiAccess { org_label: Some(practices()[0].name.to_owned()), ..access(&receiver) };
    // The receiver of the test shows everybody everything.
    let report = simulator::verify(&truth, &one).await.unwrap();
    let own = truth.calls.iter().filter(|call| call.org_label == practices()[0].name).count();
    assert_eq!(report.compared, own);
    assert_eq!(report.differences.len(), CALLS - own);
    assert!(report.differences.iter().all(|difference| difference.expected.starts_with("only in the list of")));
}

#[tokio::test]
async fn the_past_of_a_practice_arrives_and_is_right() {
    let receiver = Receiver::start().await;
    let practice = &practices()[0];
    let until = start();
    let truth = simulator::replay_history(
        3,
        &simulator::Target::of_practice(practice, &receiver.base_url, None, SECRET),
        practice.zone,
        until,
        2,
        None,
        &CancellationToken::new(),
    )
    .await
    .unwrap();
    let report = verify(&truth, &receiver).await;
    assert!(report.is_clean(), "{report}");
    assert!(report.complete > 30 && report.complete == report.compared, "{report}");
    // What is posted is what the iterator gives.
    let given = history(3, practice, until, 2).unwrap().count();
    assert_eq!(given, receiver.seen().len());
}
