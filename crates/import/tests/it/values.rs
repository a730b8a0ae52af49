//! What is in a row: what it becomes, and what keeps it waiting.

use import::mapping::Mapping;
use import::model::{Reason, Table};
use serde_json::{Value, json};

use crate::support::{Move, call_log, counts, id, met, org, tally, with};

/// A move with two practices and these call logs of the first.
async fn with_logs(rows: &[Value]) -> Move {
    let moving = Move::new().await;
    moving.practices();
    let rows: Vec<Value> = rows.iter().map(|row| with(row.clone(), json!({ "org_id": org(1) }))).collect();
    moving.lines(Table::CallLogs, &rows);
    moving
}

#[tokio::test]
async fn three_rows_of_one_call_become_one_call_that_knows_what_each_knew() {
    let moving = Move::new().await;
    moving.practices();
    moving.lines(
        Table::Leads,
        &[json!({ "id": id("lead", 1), "org_id": org(1), "contact_name": "Amara Obi", "phone": "+44 7700 900118" })],
    );
    let log = json!({ "id": id("log", 1), "org_id": org(1), "vapi_call_id": "call-1", "status": "in_progress", "to_number": "+12025550123",
                      "agent_id": id("agent", 1), "created_at": "2025-12-01 09:59:55.25+00", "cost": 0.0534,
                      "recording_url": "https://storage.example.com/a.wav?X-Amz-Signature=abc", "caller_name": "Amara Obi" });
    let tracking = json!({ "id": id("tracking", 1), "org_id": org(1), "vapi_call_id": "call-1", "lead_id": id("lead", 1), "phone": "+12025550123",
                           "status": "completed", "call_outcome": "answered_callback_requested", "started_at": "2025-12-01T10:00:00Z",
                           "ended_at": "2025-12-01T10:02:30Z", "duration_seconds": 150, "called_at": "2025-12-01T09:59:50Z" });
    let second = json!({ "id": id("call", 1), "org_id": org(1), "vapi_call_id": "call-1", "phone_number": "+12025550123", "status": "completed",
                         "call_date": "2025-12-01T10:00:00Z", "sentiment_label": "positive", "call_type": "inbound",
                         "transcript": [{ "speaker": "voxanne", "text": "Good morning, how can I help?", "timestamp": "2025-12-01T10:00:01Z" },
                                        { "speaker": "caller", "text": "I would like to come in.", "timestamp": "2025-12-01T10:00:05Z" }] });
    moving.lines(Table::CallLogs, &[log]);
    moving.lines(Table::CallTracking, &[tracking]);
    moving.lines(Table::Calls, &[second]);
    let report = moving.rehearsed(&Mapping::default()).await;
    assert!(report.complete, "{}", report.text());
    assert_eq!(report.total().merged, 2, "{}", report.text());

    let call: Value = moving
        .one("select to_jsonb(l) || jsonb_build_object('transcript', l.transcript::jsonb) from call_logs l")
        .await;
    assert_eq!(call["id"], json!(id("log", 1)), "the original's id stays");
    for (column, value) in [
        ("org_id", json!(org(1))),
        ("agent_id", json!(id("agent", 1))),
        ("lead_id", json!(id("lead", 1))),
        ("provider_call_id", json!("call-1")),
        ("status", json!("ended")),
        ("direction", json!("inbound")),
        ("from_number", json!("+12025550123")),
        ("caller_name", json!("Amara Obi")),
        ("at", json!("2025-12-01T09:59:50+00:00")),
        ("started_at", json!("2025-12-01T10:00:00+00:00")),
        ("ended_at", json!("2025-12-01T10:02:30+00:00")),
        ("duration_seconds", json!(150)),
        ("cost_micros", json!(53400)),
        ("currency", json!("USD")),
        ("outcome", json!("callback")),
        ("recording_url", json!("https://storage.example.com/a.wav")),
        ("recording_state", json!("pending")),
    ] {
        assert_eq!(call[column], value, "{column} of {call}");
    }
    assert_eq!(call["transcript"][1]["text"], "I would like to come in.");
    assert_eq!(call["structured_data"]["sentiment"], "positive");
    let tracked: Value = moving.one("select to_jsonb(t) from call_tracking t").await;
    assert_eq!(
        (&tracked["status"], &tracked["answered"], &tracked["lead_id"]),
        (&json!("ended"), &json!(true), &json!(id("lead", 1)))
    );
    assert_eq!(moving.one::<i64>("select count(*) from call_search_queue").await, 1, "its words will be found");
    assert_eq!(moving.one::<i64>("select count(*) from live_events").await, 0, "nobody is told of old calls");

    // What the events of the import say is what stands: the record can be rebuilt from them.
    let org_id = platform::ids::OrgId::from_uuid(org(1));
    let calls = voice::ingress::replay::calls_with_events(&moving.importer.tenancy, org_id).await.unwrap();
    let replayed =
        voice::ingress::replay::replay_call(&moving.importer.tenancy, org_id, calls[0], false).await.unwrap();
    assert_eq!((replayed.events, replayed.differences), (3, vec![]));
}

#[tokio::test]
async fn the_order_of_the_tables_does_not_matter_to_a_call() {
    let rows = [
        (
            Table::CallLogs,
            json!({ "id": id("x", 1), "org_id": org(1), "vapi_call_id": "call-1", "status": "completed", "created_at": "2025-12-01T10:00:00Z", "duration_seconds": 30 }),
        ),
        (
            Table::CallTracking,
            json!({ "id": id("x", 2), "org_id": org(1), "vapi_call_id": "call-1", "status": "ended", "called_at": "2025-12-01T09:00:00Z", "ended_at": "2025-12-01T10:00:30Z" }),
        ),
        (
            Table::Calls,
            json!({ "id": id("x", 3), "org_id": org(1), "vapi_call_id": "call-1", "call_date": "2025-12-01T09:30:00Z", "status": "completed", "transcript": "AI: Hello\nUser: Hello" }),
        ),
    ];
    let facts = "select to_jsonb(l) - 'id' - 'created_at' - 'reported_at' from call_logs l";
    let mut ends = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let moving = Move::new().await;
        moving.practices();
        for place in order {
            let (table, row) = &rows[place];
            moving.lines(*table, std::slice::from_ref(row));
            moving.run().await;
        }
        ends.push(moving.one::<Value>(facts).await);
    }
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:#?}");
}

#[tokio::test]
async fn what_was_said_line_by_line_becomes_the_transcript_of_its_call() {
    let moving = with_logs(&[call_log(1)]).await;
    moving.lines(Table::CallTracking, &[json!({ "id": id("tracking", 1), "org_id": org(1), "vapi_call_id": "call-1", "status": "completed", "called_at": "2025-12-01T10:00:00Z" })]);
    moving.lines(
        Table::CallTranscripts,
        &[
            json!({ "id": id("line", 1), "call_id": id("tracking", 1), "speaker": "agent", "text": "Good morning", "timestamp": "2025-12-01T10:00:01Z" }),
            json!({ "id": id("line", 2), "call_id": id("tracking", 1), "speaker": "client", "text": "Hello <b>there</b>", "timestamp": "2025-12-01T10:00:03Z" }),
            json!({ "id": id("line", 3), "vapi_call_id": "call-1", "speaker": "customer", "text": "Are you open?", "timestamp": "2025-12-01T10:00:04Z" }),
            json!({ "id": id("line", 4), "call_id": id("tracking", 9), "speaker": "customer", "text": "Whose am I?" }),
            json!({ "id": id("line", 5), "call_id": id("tracking", 1), "speaker": "the dog", "text": "Woof" }),
        ],
    );
    let report = moving.rehearsed(&Mapping::default()).await;
    assert_eq!(counts(tally(&report, Table::CallTranscripts)), [5, 0, 0, 3, 2, 0], "{}", report.text());
    let said: Vec<String> = {
        let text: Value = moving.one("select jsonb_agg(role || ': ' || text order by at) from call_turns").await;
        serde_json::from_value(text).unwrap()
    };
    assert_eq!(said, ["agent: Good morning", "caller: Hello <b>there</b>", "caller: Are you open?"]);
}

#[tokio::test]
async fn a_transcript_without_speakers_is_kept_whole() {
    let moving =
        with_logs(&[with(call_log(1), json!({ "transcript": "They wanted to come on Tuesday,\n\"if possible\"." }))])
            .await;
    moving.rehearsed(&Mapping::default()).await;
    assert_eq!(
        moving.one::<String>("select transcript_text from call_logs").await,
        "They wanted to come on Tuesday,\n\"if possible\"."
    );
}

#[tokio::test]
async fn a_value_that_cannot_be_right_keeps_its_row_waiting_and_is_named() {
    let wrong = [
        (json!({ "duration_seconds": -1 }), "duration_seconds", Reason::Negative),
        (json!({ "duration_seconds": "long" }), "duration_seconds", Reason::NotANumber),
        (json!({ "duration_seconds": 1e9 }), "duration_seconds", Reason::TooMuch),
        (json!({ "duration_seconds": [1] }), "duration_seconds", Reason::WrongType),
        (json!({ "status": "flummoxed" }), "status", Reason::UnknownWord),
        (json!({ "call_type": "sideways" }), "call_type", Reason::UnknownWord),
        (json!({ "started_at": "2025-12-01T10:00:00" }), "started_at", Reason::TimeWithoutZone),
        (json!({ "started_at": "yesterday" }), "started_at", Reason::NotATime),
        (json!({ "started_at": 1_764_583_200 }), "started_at", Reason::WrongType),
        (json!({ "started_at": "1970-01-01T00:00:00Z" }), "started_at", Reason::TimeOutOfRange),
        (json!({ "ended_at": "2031-01-01T00:00:00Z" }), "ended_at", Reason::TimeOutOfRange),
        (json!({ "cost": -0.5 }), "cost", Reason::Negative),
        (json!({ "cost": "NaN" }), "cost", Reason::NotANumber),
        (json!({ "vapi_call_id": "x".repeat(257) }), "vapi_call_id", Reason::TooLong),
        (json!({ "agent_id": "Paige" }), "agent_id", Reason::NotAnId),
        (json!({ "metadata": "[not json" }), "metadata", Reason::WrongType),
        (json!({ "transcript": "x".repeat(1_000_001) }), "transcript", Reason::TooLong),
        (json!({ "started_at": null, "ended_at": null, "created_at": null }), "created_at", Reason::Missing),
    ];
    let rows: Vec<Value> =
        wrong.iter().zip(0..).map(|((change, ..), number)| with(call_log(number), change.clone())).collect();
    let moving = with_logs(&rows).await;
    let report = moving.rehearsed(&Mapping::default()).await;
    let all = wrong.len() as u64;
    assert_eq!(counts(tally(&report, Table::CallLogs)), [all, 0, 0, 0, all, 0], "{}", report.text());
    let waiting = import::actions::list_waiting(&moving.importer.tenancy, None, None, 100).await.unwrap();
    for (waiting, (line, (_, column, reason))) in waiting.iter().zip(wrong.iter().enumerate()) {
        let place = format!("call_logs.jsonl:{}", line + 1);
        assert_eq!((waiting.place.to_string(), waiting.column.as_str(), waiting.reason), (place, *column, *reason));
    }
}

#[tokio::test]
async fn what_is_odd_and_can_be_kept_is_kept_and_noted() {
    let rows = [
        with(call_log(1), json!({ "from_number": "anonymous", "call_type": null })),
        with(call_log(2), json!({ "recording_storage_path": "calls/x/y.wav" })),
        with(
            call_log(3),
            json!({ "caller_name": "Zoë \u{0}<script>", "cost": 0.123_456_5, "a_new_column": { "x": 1 } }),
        ),
        with(call_log(4), json!({ "status": "missed", "duration_seconds": 0, "ended_at": null })),
    ];
    let moving = with_logs(&rows).await;
    let report = moving.rehearsed(&Mapping::default()).await;
    assert_eq!(counts(tally(&report, Table::CallLogs)), [4, 4, 0, 0, 0, 0], "{}", report.text());
    for reason in [Reason::PhoneLeftOut, Reason::DirectionUnknown, Reason::RecordingOnlyThere] {
        assert_eq!(met(&report, reason), 1, "{reason:?}");
    }
    assert!(report.other_columns[&Table::CallLogs].contains("a_new_column"));
    let name = format!("select caller_name from call_logs where id = '{}'", id("log", 3));
    assert_eq!(moving.one::<String>(&name).await, "Zoë <script>");
    let cost = format!("select cost_micros from call_logs where id = '{}'", id("log", 3));
    assert_eq!(moving.one::<i64>(&cost).await, 123_456, "half to even, from the digits that were written");
    let missed: Value = moving.one(&format!("select to_jsonb(l) from call_logs l where id = '{}'", id("log", 4))).await;
    assert_eq!((&missed["outcome"], &missed["started_at"]), (&json!("not_reached"), &Value::Null), "nobody answered");
}

#[tokio::test]
async fn a_time_without_an_offset_is_read_by_the_zone_that_the_mapping_names() {
    let moving = with_logs(&[with(
        call_log(1),
        json!({ "started_at": "2025-07-01 10:00:00", "created_at": "2025-07-01 09:59:59",
                                                        "ended_at": "2025-07-01 10:01:00" }),
    )])
    .await;
    let mapping = Mapping::parse("zone = 'Europe/London'").unwrap();
    let report = moving.rehearsed(&mapping).await;
    assert_eq!(met(&report, Reason::ZoneAssumed), 3, "each is told");
    let at: String = moving.one("select started_at::text from call_logs").await;
    assert!(at.starts_with("2025-07-01 09:00:00") || at.starts_with("2025-07-01 10:00:00+01"), "{at}");
}

#[tokio::test]
async fn every_way_of_writing_csv_and_json_says_the_same() {
    let header = "id,org_id,vapi_call_id,status,started_at,duration_seconds,caller_name,transcript,metadata";
    let row = format!(
        "{},{},call-1,completed,2025-12-01 10:00:00+00,30,\"Obi, Amara\",\"AI: Hello\n\nUser: \"\"Hi\"\"\",\"{{\"\"a\"\": 1}}\"",
        id("log", 1),
        org(1)
    );
    let plain = format!("{header}\n{row}\n");
    let object = json!({ "id": id("log", 1), "org_id": org(1), "vapi_call_id": "call-1", "status": "completed", "metadata": { "a": 1 },
                         "started_at": "2025-12-01T10:00:00Z", "duration_seconds": 30, "caller_name": "Obi, Amara", "transcript": "AI: Hello\n\nUser: \"Hi\"" });
    let files = [
        ("call_logs.csv", plain.clone()),
        ("public.call_logs.csv", format!("\u{feff}{plain}")),
        ("call_logs_rows.csv", plain.replace('\n', "\r\n")),
        ("call_logs-1.csv", plain.trim_end().to_owned()),
        ("call_logs.json", format!("[{object}]")),
        ("call_logs (1).json", format!("\u{feff}[\n  {object:#}\n]\n")),
        ("call_logs.ndjson", format!("{object}\r\n\r\n")),
        ("call_logs.jsonl", object.to_string()),
    ];
    let facts = "select (to_jsonb(l) - 'created_at' - 'reported_at' - 'at')::text from call_logs l";
    let mut ends = Vec::new();
    for (name, content) in files {
        let moving = Move::new().await;
        moving.practices();
        moving.file(name, content);
        let report = moving.run().await;
        assert!(report.complete, "{name}: {}", report.text());
        assert_eq!(counts(tally(&report, Table::CallLogs)), [1, 1, 0, 0, 0, 0], "{name}: {}", report.text());
        ends.push((name, moving.one::<String>(facts).await));
    }
    for (name, end) in &ends {
        let same = |text: &str| text.replace("\\r\\n", "\\n");
        assert_eq!(same(end), same(&ends[0].1), "{name}");
    }
}

#[tokio::test]
async fn a_line_that_is_no_row_is_refused_and_the_others_are_taken() {
    let moving = Move::new().await;
    moving.practices();
    let good = |number: u128| with(call_log(number), json!({ "org_id": org(1) })).to_string();
    moving.file(
        "call_logs.jsonl",
        [good(1).as_bytes(), b"{\"id\": ", b"[1]", b"{\"a\": \"\xff\"}", b"{\"id\": \"x\\ud800\"}", good(2).as_bytes()]
            .join(&b'\n'),
    );
    moving.file(
        "calls.csv",
        format!("id,org_id,call_date\n{},{},2025-12-01T10:00:00Z\n1,2\n1,2,3,4\n", id("call", 1), org(1)),
    );
    moving.file("leads.csv", "id,org_id,id\n1,2,3\n");
    moving.file("call_tracking.json", format!("[{}, {{\"id\": \"unfinished", good(3).replace("call-3", "call-4")));
    moving.file("users.csv", "id,email\n1,owner@example.com\n");
    let report = moving.rehearsed(&Mapping::default()).await;
    assert_eq!(counts(tally(&report, Table::CallLogs)), [6, 2, 0, 0, 1, 3], "{}", report.text());
    assert_eq!(counts(tally(&report, Table::Calls)), [3, 1, 0, 0, 0, 2], "{}", report.text());
    assert_eq!(counts(tally(&report, Table::Leads)), [1, 0, 0, 0, 0, 1], "{}", report.text());
    assert_eq!(counts(tally(&report, Table::CallTracking)), [2, 1, 0, 0, 0, 1], "{}", report.text());
    assert!(!report.complete, "what follows a broken array is not accounted for");
    assert_eq!(report.broken_files, ["call_tracking.json"]);
    assert_eq!(report.other_files, ["users.csv"]);
    for reason in [Reason::NotJson, Reason::NotAnObject, Reason::NotUtf8, Reason::BrokenJson, Reason::UnusableHeader] {
        assert_eq!(met(&report, reason), 1, "{reason:?} in {}", report.text());
    }
    assert_eq!(met(&report, Reason::WrongNumberOfColumns), 2);
}

#[tokio::test]
async fn practices_agents_leads_and_bookings_come_with_their_ids() {
    let moving = Move::new().await;
    let operator = moving.db.organization("Operator").await;
    sqlx::query("insert into installation (operator_org_id, is_claimed) values ($1, true)")
        .bind(operator)
        .execute(&mut moving.db.admin().await)
        .await
        .unwrap();
    moving.practices();
    moving.lines(
        Table::Leads,
        &[
            json!({ "id": id("lead", 1), "org_id": org(1), "contact_name": "Amara Obi", "phone": "+44 7700 900118", "email": "amara@example.com", "status": "new" }),
            json!({ "id": id("lead", 2), "org_id": org(1), "name": "Jo", "phone": "07700 900118" }),
            json!({ "id": id("lead", 3), "name": "Nobody's" }),
        ],
    );
    moving.lines(
        Table::DemoBookings,
        &[
            json!({ "id": id("booking", 1), "org_id": import::model::ORIGINAL_DEFAULT, "prospect_name": "Amara Obi", "prospect_email": "amara@example.com",
                    "prospect_phone": "+44 7700 900118", "clinic_name": "Elm Street Dental", "timezone": "Europe/London", "status": "confirmed",
                    "preferred_time_window": "mornings", "created_at": "2025-12-01T10:00:00Z" }),
            json!({ "id": id("booking", 2), "prospect_name": "Jo", "prospect_email": "jo@example.com", "prospect_phone": "12", "clinic_name": "X" }),
            json!({ "id": id("booking", 3), "prospect_name": "Jo", "prospect_email": "jo", "prospect_phone": "+44 7700 900118", "clinic_name": "X" }),
        ],
    );
    let report = moving.rehearsed(&Mapping::default()).await;
    assert_eq!(counts(tally(&report, Table::Organizations)), [2, 2, 0, 0, 0, 0]);
    assert_eq!(counts(tally(&report, Table::Agents)), [2, 2, 0, 0, 0, 0]);
    assert_eq!(counts(tally(&report, Table::Leads)), [3, 1, 0, 0, 2, 0], "{}", report.text());
    assert_eq!(counts(tally(&report, Table::DemoBookings)), [3, 1, 0, 0, 2, 0], "{}", report.text());
    let lead: Value = moving.one("select to_jsonb(l) from leads l").await;
    assert_eq!((&lead["lead_id"], &lead["phone"]), (&json!(id("lead", 1)), &json!("+447700900118")));
    let booking: Value = moving.one("select to_jsonb(b) from demo_bookings b").await;
    assert_eq!(
        (&booking["booking_id"], &booking["org_id"], &booking["state"]),
        (&json!(id("booking", 1)), &json!(operator), &json!("confirmed"))
    );
    assert_eq!(booking["notes"], "Preferred time: mornings");
    assert_eq!(moving.one::<i64>("select count(*) from mails").await, 0, "nobody gets a mail for it");
    let kept: Value =
        moving.one("select kept from import_rows where source_table = 'agents' and kept ? 'system_prompt'").await;
    assert_eq!(kept["system_prompt"], "Be kind.", "what has no place yet is kept");
}
