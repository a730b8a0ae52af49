//! Replay: the rows of a call are what its events say, and can be made so again.

use platform::ids::{CallId, OrgId};
use serde_json::{Value, json};
use sqlx::Executor as _;
use voice::ingress::replay::{ReplayError, replay_call};

use crate::messages::{self, OURS, OURS_REF, about, clock};
use crate::rows;
use crate::support::Desk;

/// A call with every kind of event, in an order that did not happen.
async fn told(desk: &Desk) -> (OrgId, CallId) {
    let org = desk.db.organization("Harbour").await;
    desk.map(org, OURS, Some(OURS_REF), "Reception", messages::ASSISTANT).await;
    let poor = messages::inbound("end-of-call-report", 65.0, &json!({ "endedAt": clock(62.0) }));
    let mut call = None;
    for event in [
        messages::ended(64.0, "customer-ended-call"),
        messages::said("assistant", "Harbour Dental.", 3.5),
        poor,
        messages::said("user", "A check-up, please.", 7.0),
        messages::status("in-progress", 3.0),
        messages::inbound("language-change-detected", 8.0, &json!({ "language": "de" })),
        messages::inbound(
            "transfer-update",
            50.0,
            &json!({ "destination": { "type": "number", "number": "+442079460199" } }),
        ),
        messages::tool_call("tool-1", "find_slot", 20.0),
        messages::inbound("a-type-of-tomorrow", 21.0, &json!({ "what": "ever" })),
    ] {
        call = desk.take(Some(org), &about(&event, "call-1")).await.call_id;
    }
    (org, call.unwrap())
}

async fn sql(desk: &Desk, statement: &'static str) {
    desk.db.admin().await.execute(statement).await.unwrap();
}

#[tokio::test]
async fn rows_that_nobody_touched_are_what_the_events_say() {
    let desk = Desk::new().await;
    let (org, call) = told(&desk).await;
    let before = rows::of_call(&mut desk.db.admin().await, org, "call-1").await;
    for apply in [false, true] {
        let report = replay_call(&desk.tenancy, org, call, apply).await.unwrap();
        assert_eq!((report.events, report.applied), (9, false));
        assert!(report.differences.is_empty(), "{:?}", report.differences);
    }
    // With a report that replaces the live turns too.
    desk.take(Some(org), &about(&messages::report(), "call-1")).await;
    let report = replay_call(&desk.tenancy, org, call, false).await.unwrap();
    assert!(report.differences.is_empty(), "{:?}", report.differences);
    let after = rows::of_call(&mut desk.db.admin().await, org, "call-1").await;
    assert_eq!(before["audit"], after["audit"], "looking leaves nothing behind");
    assert_eq!(desk.count("select count(*) from call_logs").await, 1);
    assert_eq!(desk.count("select count(*) from provider_events").await, 10);
    assert_eq!(desk.count("select count(*) from provider_events where dedup_key like 'replay:%'").await, 0);
    desk.close().await;
}

#[tokio::test]
async fn planted_changes_are_reported_and_repaired_and_local_fields_stay() {
    let desk = Desk::new().await;
    let (org, call) = told(&desk).await;
    // What people and workers here added; no event says it.
    sql(&desk, "update call_logs set recording_state = 'ready', recording_storage_path = 'calls/1.wav', metadata = '{\"note\": \"call back\"}'").await;
    let good = rows::of_call(&mut desk.db.admin().await, org, "call-1").await;
    sql(&desk, "update call_logs set from_number = '+12025550199', ended_at = ended_at + interval '1 hour', summary = 'Nonsense.', transferred_to = null, status = 'ringing'").await;
    sql(&desk, "update call_tracking set status = 'ringing', status_rank = 2, said_text = 'Nonsense.'").await;
    sql(&desk, "update call_turns set text = 'Nonsense.' where role = 'caller'").await;
    sql(&desk, "delete from call_turns where role = 'agent'").await;
    let bad = rows::of_call(&mut desk.db.admin().await, org, "call-1").await;

    let seen = replay_call(&desk.tenancy, org, call, false).await.unwrap();
    let fields: Vec<&str> = seen.differences.iter().map(|difference| difference.field.as_str()).collect();
    for expected in [
        "call_logs.from_number",
        "call_logs.ended_at",
        "call_logs.summary",
        "call_logs.transferred_to",
        "call_logs.status",
        "call_tracking.status",
        "call_tracking.said_text",
        "call_turns",
    ] {
        assert!(fields.contains(&expected), "{expected} in {fields:?}");
    }
    let status = seen.differences.iter().find(|difference| difference.field == "call_logs.status").unwrap();
    assert_eq!((&status.stored, &status.rebuilt), (&json!("ringing"), &json!("ended")));
    assert!(!seen.applied);
    assert_eq!(rows::of_call(&mut desk.db.admin().await, org, "call-1").await, bad, "looking changes nothing");

    let repaired = replay_call(&desk.tenancy, org, call, true).await.unwrap();
    assert!(repaired.applied);
    assert_eq!(repaired.differences, seen.differences);
    let mut after = rows::of_call(&mut desk.db.admin().await, org, "call-1").await;
    let audit = after["audit"].take();
    assert!(audit.as_array().unwrap().contains(&json!("call.rebuilt")), "{audit}");
    let mut expected = good;
    expected["audit"] = Value::Null;
    assert_eq!(rows::differences(&expected, &after), Vec::<String>::new());
    assert!(replay_call(&desk.tenancy, org, call, true).await.unwrap().differences.is_empty());
    desk.close().await;
}

#[tokio::test]
async fn another_organizations_call_cannot_be_replayed() {
    let desk = Desk::new().await;
    let (_, call) = told(&desk).await;
    let other = desk.db.organization("Hill").await;
    assert!(matches!(replay_call(&desk.tenancy, other, call, true).await, Err(ReplayError::NotFound)));
    desk.close().await;
}
