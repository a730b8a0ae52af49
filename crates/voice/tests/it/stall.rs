//! The database stalls while somebody is on the line: the caller hears an answer all the same, and nothing is lost.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::json;
use sqlx::Executor as _;

use crate::messages::{self, CALLER, OURS, OURS_REF, Shows, about, message};
use crate::support::Desk;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_is_answered_from_memory_while_the_database_stalls() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    desk.map(org, OURS, Some(OURS_REF), "Reception", "asst-harbour").await;
    desk.ingress.start(&desk.tenancy).await.unwrap();
    let mut admin = desk.db.admin().await;
    admin.execute("begin; lock table call_tracking in access exclusive mode").await.unwrap();

    let shows = Shows(Shows::KIND | Shows::TIMESTAMP | Shows::NUMBER_REF | Shows::CUSTOMER);
    let asks = about(&message("assistant-request", 0.0, shows, "inboundPhoneCall", &json!({})), "call-1");
    let uses = about(&messages::tool_call("tool-1", "find_slot", 20.0), "call-2");
    let started = Instant::now();
    let ((first, assistant), (second, tools)) =
        tokio::join!(desk.post(asks.to_string().into_bytes()), desk.post(uses.to_string().into_bytes()));
    let took = started.elapsed();
    assert_eq!((first, second), (StatusCode::OK, StatusCode::OK));
    assert_eq!(assistant, json!({ "assistantId": "asst-harbour" }));
    assert_eq!(tools["results"][0]["toolCallId"], "tool-1");
    assert!(tools["results"][0]["error"].is_string(), "{tools}");
    assert!(took > Duration::from_secs(2), "the database did stall");
    assert!(took < Duration::from_millis(3_500), "{took:?}");

    admin.execute("commit").await.unwrap();
    // What was answered before it was stored is stored now.
    assert!(desk.tasks.stop_and_wait(Duration::from_secs(20)).await);
    assert_eq!(desk.count("select count(*) from provider_events").await, 2);
    let from: Vec<String> = sqlx::query_scalar("select from_number from call_logs order by provider_call_id")
        .fetch_all(&mut admin)
        .await
        .unwrap();
    assert_eq!(from, [CALLER, CALLER]);
    assert_eq!(desk.count("select count(*) from call_tool_calls").await, 1);
}

#[tokio::test]
async fn a_number_that_nobody_answers_is_told_so_at_once() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    desk.ingress.start(&desk.tenancy).await.unwrap();
    let asks = about(&messages::inbound("assistant-request", 0.0, &json!({})), "call-1").to_string().into_bytes();
    let (status, answer) = desk.post(asks).await;
    assert_eq!(status, StatusCode::OK);
    assert!(answer["error"].is_string() && answer.get("assistantId").is_none(), "{answer}");
    assert_eq!(desk.count("select count(*) from quarantined_events").await, 1);
    assert_eq!(desk.count("select count(*) from call_logs").await, 0, "{org} was not guessed");
    desk.close().await;
}

#[tokio::test]
async fn an_event_that_cannot_be_stored_is_not_acknowledged() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    desk.map(org, OURS, Some(OURS_REF), "Reception", "asst-harbour").await;
    let mut admin = desk.db.admin().await;
    admin.execute("alter table live_events add constraint planted check (false) not valid").await.unwrap();
    let event = about(&messages::status("ringing", 0.0), "call-1").to_string().into_bytes();
    assert_eq!(desk.post(event.clone()).await.0, StatusCode::SERVICE_UNAVAILABLE);
    for table in
        ["select count(*) from provider_events", "select count(*) from call_logs", "select count(*) from live_heads"]
    {
        assert_eq!(desk.count(table).await, 0, "{table}: half an event");
    }
    admin.execute("alter table live_events drop constraint planted").await.unwrap();
    assert_eq!(desk.post(event).await.0, StatusCode::OK);
    assert_eq!(desk.count("select count(*) from provider_events").await, 1);
    desk.close().await;
}

/// The process that answered is gone before the database is back, and its memory with it.
#[tokio::test]
async fn what_was_answered_survives_the_process_that_answered_it() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    desk.map(org, OURS, Some(OURS_REF), "Reception", "asst-harbour").await;
    desk.ingress.refresh_routing().await.unwrap();
    let mut admin = desk.db.admin().await;
    admin.execute("alter table provider_events rename to gone").await.unwrap();
    let uses = about(&messages::tool_call("tool-1", "find_slot", 20.0), "call-1").to_string().into_bytes();
    let (status, answer) = desk.post(uses).await;
    assert_eq!((status, &answer["results"][0]["toolCallId"]), (StatusCode::OK, &json!("tool-1")));
    assert!(desk.ingress.drain_spool().await.is_err(), "it waits for as long as the database fails");
    admin.execute("alter table gone rename to provider_events").await.unwrap();

    let next = desk.next_process();
    next.drain_spool().await.unwrap();
    assert_eq!(desk.count("select count(*) from provider_events where type = 'tool-calls'").await, 1);
    assert_eq!(desk.count("select count(*) from call_tool_calls").await, 1);
    next.drain_spool().await.unwrap();
    assert_eq!(desk.count("select count(*) from provider_events").await, 1, "and is taken in once");
    let waiting = std::fs::read_dir(desk.db.scratch_dir().join("spool")).unwrap().count();
    assert_eq!(waiting, 0, "nothing of it stays on disk");
    desk.close().await;
}
