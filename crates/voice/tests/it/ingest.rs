//! An event comes in: whose it is, what is kept of it, what is not, and what it does the second time.

use axum::http::StatusCode;
use platform::audit::Actor;
use platform::ids::{OrgId, QuarantinedId};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _};
use voice::quarantine::actions::{QuarantineError, list_quarantined, replay_quarantined};
use voice::quarantine::model::ReplayOutcome;

use crate::messages::{self, CALLER, OURS, OURS_REF, Shows, about, at, clock, inbound, message};
use crate::rows;
use crate::support::{Desk, connection_of};

/// A message that names no number and no assistant of its own accord.
fn bare(kind: &str, call: &str, extra: &Value) -> Value {
    let shows = Shows(Shows::KIND | Shows::TIMESTAMP | Shows::CREATED);
    about(&message(kind, 1.0, shows, "inboundPhoneCall", extra), call)
}

async fn waiting(desk: &Desk) -> Vec<(QuarantinedId, String, Option<String>)> {
    let limit = platform::http::Limit::from_parameter(Some(100)).unwrap();
    let page = list_quarantined(&desk.tenancy, None, limit).await.unwrap();
    page.items.into_iter().map(|event| (event.id, event.reason, event.provider_call_id)).collect()
}

// --- whose event it is --------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_platform_wide_connection_tells_the_organization_by_call_then_number_then_assistant() {
    let desk = Desk::new().await;
    let mut orgs = Vec::new();
    for name in ["By number id", "By number", "By assistant", "By call"] {
        orgs.push(desk.db.organization(name).await);
    }
    desk.map(orgs[0], "+442079460101", Some("pn-1"), "A", "asst-a").await;
    desk.map(orgs[1], "+442079460102", None, "B", "asst-b").await;
    desk.agent(orgs[2], "C", "asst-c").await;
    desk.map(orgs[3], "+442079460104", Some("pn-4"), "D", "asst-d").await;
    let event = |call: &str, status: &str, number_ref: Option<&str>, number: Option<&str>, assistant: Option<&str>| {
        let mut event = bare("status-update", call, &json!({ "status": status }));
        event["message"]["call"]["phoneNumberId"] = json!(number_ref);
        event["message"]["call"]["assistantId"] = json!(assistant);
        event["message"]["phoneNumber"] = json!({ "number": number });
        event
    };
    let (two, three) = (Some("+442079460102"), Some("asst-c"));
    for (call, number_ref, number, assistant, expected) in [
        ("call-1", Some("pn-1"), two, three, orgs[0]),
        ("call-2", None, two, three, orgs[1]),
        ("call-3", Some("pn-of-nobody"), two, three, orgs[1]),
        ("call-4", None, None, three, orgs[2]),
        ("call-5", Some("pn-of-nobody"), Some("+442079460199"), three, orgs[2]),
    ] {
        let taken = desk.take(None, &event(call, "ringing", number_ref, number, assistant)).await;
        assert_eq!((taken.outcome.as_str(), taken.org_id), ("applied", Some(expected)), "{call}");
    }
    // Once a call is known it stays where it is, whatever later events name.
    let taken =
        desk.take(None, &event("call-1", "in-progress", Some("pn-4"), Some("+442079460104"), Some("asst-d"))).await;
    assert_eq!((taken.outcome.as_str(), taken.org_id), ("applied", Some(orgs[0])));
    assert!(waiting(&desk).await.is_empty());
    desk.close().await;
}

#[tokio::test]
async fn what_several_organizations_claim_is_nobodys() {
    let desk = Desk::new().await;
    let (first, second) = (desk.db.organization("First").await, desk.db.organization("Second").await);
    for org in [first, second] {
        desk.map(org, OURS, Some(OURS_REF), "Reception", "asst-shared").await;
    }
    let by_number = about(&messages::status("ringing", 0.0), "call-1");
    let mut by_assistant = bare("status-update", "call-2", &json!({ "status": "ringing" }));
    by_assistant["message"]["call"]["assistantId"] = json!("asst-shared");
    for event in [&by_number, &by_assistant, &bare("status-update", "call-3", &json!({ "status": "ringing" }))] {
        let taken = desk.take(None, event).await;
        assert_eq!((taken.outcome.as_str(), taken.org_id, taken.call_id), ("quarantined", None, None));
    }
    let mut found: Vec<_> = waiting(&desk).await.into_iter().map(|(_, reason, call)| (call.unwrap(), reason)).collect();
    found.sort();
    let expected = [("call-1", "ambiguous"), ("call-2", "ambiguous"), ("call-3", "unknown")];
    assert_eq!(found, expected.map(|(call, reason)| (call.to_owned(), reason.to_owned())));
    assert_eq!(desk.count("select count(*) from provider_events").await, 0);
    assert_eq!(desk.count("select count(*) from call_logs").await, 0);
    desk.close().await;
}

#[tokio::test]
async fn a_deleted_organization_claims_nothing() {
    let desk = Desk::new().await;
    let (gone, heir) = (desk.db.organization("Gone").await, desk.db.organization("Heir").await);
    desk.map(gone, OURS, Some(OURS_REF), "Reception", messages::ASSISTANT).await;
    sqlx::query("update organizations set deleted_at = now() where org_id = $1")
        .bind(gone)
        .execute(&mut desk.db.admin().await)
        .await
        .unwrap();
    assert_eq!(desk.take(None, &about(&messages::status("ringing", 0.0), "call-1")).await.outcome, "quarantined");
    desk.map(heir, OURS, Some(OURS_REF), "Reception", messages::ASSISTANT).await;
    let taken = desk.take(None, &about(&messages::status("ringing", 0.0), "call-2")).await;
    assert_eq!(taken.org_id, Some(heir), "the number's new owner is not shut out by the old one");
    desk.close().await;
}

#[tokio::test]
async fn an_organizations_own_connection_wins_over_everything_in_the_message() {
    let desk = Desk::new().await;
    let (ours, theirs) = (desk.db.organization("Ours").await, desk.db.organization("Theirs").await);
    desk.map(theirs, OURS, Some(OURS_REF), "Reception", messages::ASSISTANT).await;
    let mut event = about(&messages::status("ringing", 0.0), "call-1");
    event["message"]["call"]["orgId"] = json!(theirs);
    event["message"]["call"]["metadata"] = json!({ "org_id": theirs });
    event["message"]["org_id"] = json!(theirs);
    let taken = desk.take(Some(ours), &event).await;
    assert_eq!((taken.outcome.as_str(), taken.org_id), ("applied", Some(ours)));
    let rows = rows::of_call(&mut desk.db.admin().await, ours, "call-1").await;
    assert_eq!(
        (&rows["log"]["agent"], &rows["log"]["number"]),
        (&Value::Null, &Value::Null),
        "their number stays theirs"
    );
    desk.close().await;
}

#[tokio::test]
async fn a_call_of_another_organization_is_quarantined_and_writes_nothing() {
    let desk = Desk::new().await;
    let (ours, theirs) = (desk.db.organization("Ours").await, desk.db.organization("Theirs").await);
    desk.take(Some(theirs), &about(&messages::status("ringing", 0.0), "call-1")).await;
    let before = rows::of_call(&mut desk.db.admin().await, theirs, "call-1").await;
    for event in [messages::status("in-progress", 3.0), messages::report()] {
        let taken = desk.take(Some(ours), &about(&event, "call-1")).await;
        assert_eq!((taken.outcome.as_str(), taken.org_id, taken.live_seq), ("quarantined", None, None));
    }
    assert_eq!(rows::of_call(&mut desk.db.admin().await, theirs, "call-1").await, before);
    assert_eq!(rows::of_call(&mut desk.db.admin().await, ours, "call-1").await, Value::Null);
    assert!(waiting(&desk).await.iter().all(|(_, reason, _)| reason == "collision"));
    let waits: i64 = desk.count("select count(*) from quarantined_events where connection_id is not null").await;
    assert_eq!(waits, 2);
    desk.close().await;
}

// --- quarantine and back --------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_quarantined_event_is_applied_once_after_its_number_is_mapped() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Late").await;
    let events = [messages::status("ringing", 0.0), messages::said("user", "Hello?", 7.0), messages::report()];
    for event in events.iter().chain(&events) {
        assert_eq!(desk.take(None, &about(event, "call-1")).await.outcome, "quarantined");
    }
    let found = waiting(&desk).await;
    assert_eq!(found.len(), 3, "each event waits once");
    let replay = async |id, org| replay_quarantined(&desk.tenancy, &desk.ingress, Actor::System, id, org).await;
    assert_eq!(replay(found[0].0, None).await.unwrap(), ReplayOutcome::StillQuarantined);
    assert_eq!(waiting(&desk).await.len(), 3);

    desk.map(org, OURS, Some(OURS_REF), "Reception", messages::ASSISTANT).await;
    for (id, ..) in &found {
        assert_eq!(replay(*id, None).await.unwrap(), ReplayOutcome::Applied);
        assert!(matches!(replay(*id, None).await, Err(QuarantineError::NotFound)), "an applied event waits no more");
    }
    assert!(waiting(&desk).await.is_empty());
    let mut admin = desk.db.admin().await;
    let rows = rows::of_call(&mut admin, org, "call-1").await;
    assert_eq!(rows["events"].as_array().unwrap().len(), 3);
    assert_eq!(rows["log"]["status"], "ended");
    // The provider sends them once more, now that somebody answers: known, and nothing moves.
    for event in &events {
        assert_eq!(desk.take(None, &about(event, "call-1")).await.outcome, "repeated");
    }
    assert_eq!(rows::of_call(&mut admin, org, "call-1").await, rows);
    assert_eq!(desk.count("select count(*) from audit_log where action = 'quarantine.replayed'").await, 3);
    desk.close().await;
}

#[tokio::test]
async fn an_operator_can_name_the_organization_but_not_invent_one() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Named").await;
    desk.take(None, &bare("status-update", "call-1", &json!({ "status": "ringing" }))).await;
    let id = waiting(&desk).await[0].0;
    let replay = async |org| replay_quarantined(&desk.tenancy, &desk.ingress, Actor::System, id, Some(org)).await;
    assert!(matches!(replay(OrgId::new()).await, Err(QuarantineError::NoSuchOrganization)));
    assert_eq!(replay(org).await.unwrap(), ReplayOutcome::Applied);
    assert_eq!(rows::of_call(&mut desk.db.admin().await, org, "call-1").await["log"]["status"], "ringing");
    desk.close().await;
}

#[tokio::test]
async fn a_richer_report_waits_beside_the_first_one() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Late").await;
    let poor = bare("end-of-call-report", "call-1", &json!({ "endedReason": "customer-ended-call" }));
    let rich = bare(
        "end-of-call-report",
        "call-1",
        &json!({ "endedReason": "customer-ended-call", "cost": 0.5,
        "analysis": { "summary": "Ada asked for a check-up." } }),
    );
    for event in [&poor, &rich, &poor, &rich] {
        assert_eq!(desk.take(None, event).await.outcome, "quarantined");
    }
    let found = waiting(&desk).await;
    assert_eq!(found.len(), 2);
    for (id, ..) in found {
        replay_quarantined(&desk.tenancy, &desk.ingress, Actor::System, id, Some(org)).await.unwrap();
    }
    let rows = rows::of_call(&mut desk.db.admin().await, org, "call-1").await;
    assert_eq!(
        (&rows["log"]["summary"], &rows["log"]["cost_micros"]),
        (&json!("Ada asked for a check-up."), &json!(500_000))
    );
    desk.close().await;
}

// --- what is kept -----------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_usual_call_is_kept_as_the_provider_told_it() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    desk.map(org, OURS, Some(OURS_REF), "Reception", messages::ASSISTANT).await;
    for event in [
        messages::status("ringing", 0.0),
        messages::status("in-progress", 3.0),
        messages::said("assistant", "Harbour Dental.", 3.5),
        messages::tool_call("tool-1", "find_slot", 20.0),
        messages::ended(64.0, "customer-ended-call"),
        messages::report(),
    ] {
        assert_eq!(desk.take(Some(org), &about(&event, "call-1")).await.outcome, "applied");
    }
    let rows = rows::of_call(&mut desk.db.admin().await, org, "call-1").await;
    let log = &rows["log"];
    for (field, expected) in [
        ("direction", json!("inbound")),
        ("status", json!("ended")),
        ("from_number", json!(CALLER)),
        ("to_number", json!(OURS)),
        ("caller_name", json!("Ada Marsh")),
        ("agent", json!("Reception")),
        ("number", json!(OURS)),
        ("at", json!("2026-10-05T08:59:59.5+00:00")),
        ("started_at", json!("2026-10-05T09:00:03.25+00:00")),
        ("ended_at", json!("2026-10-05T09:01:03.25+00:00")),
        ("duration_seconds", json!(60)),
        ("ended_reason", json!("customer-ended-call")),
        ("ended_class", json!("customer_hung_up")),
        ("cost_micros", json!(71_200)),
        ("currency", json!("USD")),
        ("summary", json!("Ada asked for a check-up.")),
        ("success_evaluation", json!("true")),
        ("recording_state", json!("pending")),
        ("recording_url", json!("https://recordings.example.test/1/stereo.wav")),
        ("is_reported", json!(true)),
    ] {
        assert_eq!(log[field], expected, "{field}");
    }
    let transcript: Vec<Value> = serde_json::from_str(log["transcript"].as_str().unwrap()).unwrap();
    assert_eq!(transcript.len(), 2);
    assert_eq!(rows["turns"], Value::Null, "the report's transcript stands for what was heard live");
    assert_eq!(rows["tools"][0]["arguments"], json!({ "day": "Tuesday" }));
    assert_eq!(rows["audit"], json!(["call.completed", "call.created"]));
    for field in ["status", "started_at", "ended_at", "duration_seconds"] {
        assert_eq!(rows["tracking"][field], log[field], "{field}");
    }
    desk.close().await;
}

#[tokio::test]
async fn a_report_stands_above_live_events_and_a_better_report_above_a_poorer_one() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    let report = |extra: &Value| bare("end-of-call-report", "call-1", extra);
    let first = report(&json!({ "endedReason": "customer-ended-call", "artifact": {
        "recordingUrl": "https://recordings.example.test/a.wav" } }));
    let second =
        report(&json!({ "endedReason": "customer-ended-call", "startedAt": clock(4.0), "endedAt": clock(60.0),
        "analysis": { "structuredData": { "outcome": "booked" } } }));
    let mut admin = desk.db.admin().await;
    desk.take(Some(org), &bare("status-update", "call-1", &json!({ "status": "in-progress" }))).await;
    desk.take(Some(org), &first).await;
    let rows = rows::of_call(&mut admin, org, "call-1").await;
    assert_eq!(rows["log"]["outcome"], "answered");
    desk.take(Some(org), &about(&messages::ended(70.0, "silence-timed-out"), "call-1")).await;
    let rows = rows::of_call(&mut admin, org, "call-1").await;
    assert_eq!(rows["log"]["ended_reason"], "customer-ended-call", "the report's word stands");
    assert_eq!(
        rows["log"]["ended_at"], "2026-10-05T09:01:10+00:00",
        "a report without an end knows less than an event with one"
    );
    desk.take(Some(org), &second).await;
    let rows = rows::of_call(&mut admin, org, "call-1").await;
    assert_eq!(rows["log"]["started_at"], "2026-10-05T09:00:04+00:00");
    assert_eq!(
        (&rows["log"]["ended_at"], &rows["log"]["duration_seconds"]),
        (&json!("2026-10-05T09:01:00+00:00"), &json!(56))
    );
    assert_eq!(rows["log"]["outcome"], "booked", "what was agreed is clearer than that somebody answered");
    assert_eq!(rows["log"]["recording_url"], "https://recordings.example.test/a.wav");
    desk.close().await;
}

#[tokio::test]
async fn a_reason_nobody_knows_yet_is_kept_word_for_word() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    desk.take(Some(org), &about(&messages::ended(64.0, "call.in-progress.moon-phase-wrong"), "call-1")).await;
    let rows = rows::of_call(&mut desk.db.admin().await, org, "call-1").await;
    assert_eq!(rows["log"]["ended_reason"], "call.in-progress.moon-phase-wrong");
    assert_eq!(rows["log"]["status"], "ended");
    desk.close().await;
}

#[tokio::test]
async fn a_call_of_ten_years_has_no_duration() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    let mut report = about(&messages::report(), "call-1");
    report["message"]["startedAt"] = json!("2016-10-05T09:00:03.500Z");
    desk.take(Some(org), &report).await;
    let rows = rows::of_call(&mut desk.db.admin().await, org, "call-1").await;
    assert_eq!(rows["log"]["status"], "ended");
    assert_eq!(rows["log"]["duration_seconds"], Value::Null, "a broken clock must not make nonsense of every total");
    desk.close().await;
}

#[tokio::test]
async fn the_body_is_kept_whole_scrubbed_and_compressed() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    let mut event = about(&messages::report(), "call-1");
    event["message"]["aFieldOfTomorrow"] = json!({ "deep": [1, 2.5, null, "\u{1f600}"] });
    event["message"]["call"]["monitor"] = json!({ "listenUrl": "wss://monitor.example.test/1/listen" });
    let bytes = event.to_string().into_bytes();
    desk.take_bytes(Some(org), &bytes).await.unwrap();
    let (body, size, connection): (Vec<u8>, i32, uuid::Uuid) =
        sqlx::query_as("select body, body_bytes, connection_id from provider_events")
            .fetch_one(&mut desk.db.admin().await)
            .await
            .unwrap();
    let whole = zstd::bulk::decompress(&body, 1 << 20).unwrap();
    assert_eq!(whole, providers::vapi::receive(&bytes).unwrap().redacted);
    assert_eq!(usize::try_from(size).unwrap(), whole.len());
    assert!(body.len() < whole.len());
    assert_eq!(connection, connection_of(org).uuid());
    let kept: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(kept["message"]["aFieldOfTomorrow"], event["message"]["aFieldOfTomorrow"]);
    assert_eq!(kept["message"]["call"]["monitor"]["listenUrl"], providers::vapi::REDACTED);
    desk.close().await;
}

#[tokio::test]
async fn a_transcript_of_two_megabytes_is_kept_searched_and_does_not_hold_up_others() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    // Words that do not repeat, in a script of three bytes a letter, some of them hyphenated: the worst there is for an index.
    let words = |from: u32| {
        (0..40_u32)
            .map(|word| {
                let letter = |place: u32| char::from_u32(0x4e00 + (from * 40 + word + place * 7_919) % 20_000).unwrap();
                String::from_iter([letter(1), letter(2), '-', letter(3), letter(4), ' '])
            })
            .collect::<String>()
    };
    let turns: Vec<Value> = (0..1_400)
        .map(|turn| json!({ "role": "user", "message": words(turn), "time": at(5.0) + i64::from(turn) }))
        .collect();
    let long = bare("end-of-call-report", "call-1", &json!({ "artifact": { "messages": turns } }));
    assert!(long.to_string().len() > 700_000);
    let spoken: Vec<Value> = (0..1_000)
        .map(|turn| json!({ "role": "bot", "message": format!("word{turn} ").repeat(260), "time": at(5.0) + turn }))
        .collect();
    let plain = bare("end-of-call-report", "call-2", &json!({ "artifact": { "messages": spoken } }));
    assert!(plain.to_string().len() > 2_000_000);
    for event in [long, plain, about(&messages::report(), "call-3")] {
        assert_eq!(desk.take(Some(org), &event).await.outcome, "applied");
    }
    voice::calls::jobs::index_all(&desk.tenancy).await.unwrap();
    assert_eq!(desk.count("select count(*) from call_search").await, 3);
    assert_eq!(
        desk.count(
            "select jsonb_array_length(transcript::jsonb)::bigint from call_logs where provider_call_id = 'call-2'"
        )
        .await,
        1_000
    );
    desk.close().await;
}

/// Secrets that a message may carry, each in the place where the provider puts one.
fn with_secrets(mut event: Value) -> Value {
    let message = &mut event["message"];
    message["phoneNumber"]["twilioAuthToken"] = json!("canary-auth-token");
    message["phoneNumber"]["credentials"] = json!([{ "apiKey": "canary-api-key" }]);
    message["call"]["monitor"] = json!({ "listenUrl": "wss://m.example.test/canary-listen", "controlUrl": "https://m.example.test/canary-control" });
    message["call"]["transport"] = json!({ "callToken": "canary-call-token" });
    message["assistant"] = json!({ "server": { "secret": "canary-server-secret", "headers": { "authorization": "Bearer canary-bearer" } } });
    message["artifact"]["recordingUrl"] =
        json!("https://recordings.example.test/1.wav?X-Amz-Signature=canary-signature");
    message["artifact"]["presignedPcapUrl"] = json!("https://recordings.example.test/canary-presigned");
    message["destination"] = json!({ "type": "sip", "sipUri": "sip:canary-user@pbx.example.test", "sipHeaders": { "x-key": "canary-sip-header" } });
    message["toolCallList"] = json!([{ "id": "tool-1", "function": { "name": "pay", "arguments": "{\"password\":\"canary-argument\",\"day\":\"Monday\"}" } }]);
    message["unknown"] = json!([{ "deep": { "clientSecret": "canary-unknown", "url": "https://canary-login:canary-pass@example.test/" } }]);
    event
}

#[tokio::test]
async fn no_secret_of_a_message_reaches_any_table() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    for kind in [
        "status-update",
        "end-of-call-report",
        "tool-calls",
        "transcript",
        "transfer-update",
        "assistant-request",
        "a-type-of-tomorrow",
    ] {
        let extra = json!({ "status": "ended", "transcriptType": "final", "role": "user", "transcript": "Hello.", "artifact": {} });
        let mut event = with_secrets(about(&inbound(kind, 9.0, &extra), "call-1"));
        // A SIP address is where a call went, not a secret; its user name is not one of these.
        event["message"]["destination"]["sipUri"] = json!("sip:front-desk@pbx.example.test");
        assert!(event.to_string().matches("canary").count() > 10);
        desk.take(Some(org), &event).await;
        desk.take(None, &event).await;
    }
    voice::calls::jobs::index_all(&desk.tenancy).await.unwrap();
    let mut admin = desk.db.admin().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    for table in tables {
        let sql = format!("select count(*) from {table} t where t::text ilike '%canary%'");
        let found: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut admin).await.unwrap();
        assert_eq!(found, 0, "{table}");
    }
    let bodies: Vec<Vec<u8>> =
        sqlx::query_scalar("select body from provider_events union all select body from quarantined_events")
            .fetch_all(&mut admin)
            .await
            .unwrap();
    assert!(bodies.len() >= 7);
    for body in bodies {
        let text = String::from_utf8(zstd::bulk::decompress(&body, 1 << 20).unwrap()).unwrap();
        assert!(!text.contains("canary"), "{text}");
    }
    desk.close().await;
}

// --- over HTTP ----------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_tool_call_asked_again_gets_the_first_answer() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    desk.map(org, OURS, Some(OURS_REF), "Reception", messages::ASSISTANT).await;
    let ask = about(&messages::tool_call("tool-1", "find_slot", 20.0), "call-1").to_string().into_bytes();
    let (status, first) = desk.post(ask.clone()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(first["results"][0]["toolCallId"], "tool-1");
    assert!(first["results"][0]["error"].is_string() && first["results"][0].get("result").is_none(), "{first}");
    // As if a tool of tomorrow had answered: what is stored is what is repeated.
    desk.db
        .admin()
        .await
        .execute("update call_tool_calls set result = 'Tuesday at ten is free.', error = null")
        .await
        .unwrap();
    let (status, again) = desk.post(ask).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        again["results"],
        json!([{ "toolCallId": "tool-1", "name": "find_slot", "result": "Tuesday at ten is free." }])
    );
    assert_eq!(desk.count("select count(*) from call_tool_calls").await, 1);
    desk.close().await;
}

#[tokio::test]
async fn hostile_texts_are_never_a_fault_of_ours() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    desk.map(org, OURS, Some(OURS_REF), "Reception", messages::ASSISTANT).await;
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let texts = [
        r#""a\u0000b""#.to_owned(),
        r#""\ud800""#.to_owned(),
        r#""\udc00 tail \ud83d""#.to_owned(),
        r#""'; drop table call_logs; --""#.to_owned(),
        r#""%s %n \\ {{x}}""#.to_owned(),
        format!("\"{}\"", "y".repeat(300_000)),
        "1e400".to_owned(),
        "-1".to_owned(),
        "99999999999999999999999999".to_owned(),
        "null".to_owned(),
        "{}".to_owned(),
        deep,
        r#""2026-13-45T99:99:99Z""#.to_owned(),
        r#""9999-12-31T23:59:59Z""#.to_owned(),
    ];
    let fields = [
        ("status-update", "status"),
        ("status-update", "endedReason"),
        ("transcript", "transcript"),
        ("transcript", "role"),
        ("end-of-call-report", "startedAt"),
        ("end-of-call-report", "endedAt"),
        ("end-of-call-report", "cost"),
        ("end-of-call-report", "durationSeconds"),
        ("end-of-call-report", "analysis"),
        ("end-of-call-report", "artifact"),
        ("end-of-call-report", "summary"),
        ("tool-calls", "toolCallList"),
        ("language-change-detected", "language"),
        ("transfer-update", "destination"),
        ("status-update", "timestamp"),
        ("status-update", "customer"),
        ("status-update", "phoneNumber"),
    ];
    let mut number = 0;
    for (kind, field) in fields {
        for text in &texts {
            number += 1;
            let base = about(
                &inbound(kind, 9.0, &json!({ "status": "in-progress", "role": "user", "transcriptType": "final" })),
                &format!("call-{number}"),
            );
            // Planted as text: these are things a JSON library would not write.
            let mut base = base;
            base["message"][field] = json!("@planted@");
            let body = base.to_string().replace("\"@planted@\"", text);
            let (status, answer) = desk.post(body.into_bytes()).await;
            assert_eq!(status, StatusCode::OK, "{kind}.{field} = {text:.60}: {answer}");
        }
    }
    for (call, expected) in [
        (format!("\"{}\"", "i".repeat(5_000)), StatusCode::OK),
        (r#""a\u0000b""#.to_owned(), StatusCode::OK),
        ("17".to_owned(), StatusCode::OK),
        ("{}".to_owned(), StatusCode::OK),
    ] {
        let body = messages::status("ringing", 0.0).to_string().replace("\"@call@\"", &call);
        assert_eq!(desk.post(body.into_bytes()).await.0, expected, "{call:.40}");
    }
    for body in ["", "{", "[]", "null", "{\"message\":1}", "{\"message\":{}}", "\u{feff}"] {
        assert_eq!(desk.post(body.as_bytes().to_vec()).await.0, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(desk.post(vec![0xff, 0xfe, 0x00]).await.0, StatusCode::BAD_REQUEST);
    desk.close().await;
}
