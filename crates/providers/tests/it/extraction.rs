//! What is read out of each message.

use providers::vapi::{
    CallKind, Channel, Direction, MessageKind, Role, Status, TransferKind, normalise_number, receive,
};
use serde_json::{Value, json};

use crate::support::{FIXTURES, json_of, receive_json, received, report_of_kilobytes};

const CALL: &str = "0199f0aa-1c11-7d52-9a3e-5d1f0c0a0001";

#[test]
fn every_documented_type_has_a_fixture_and_is_recognised() {
    let seen: std::collections::HashSet<MessageKind> =
        FIXTURES.iter().map(|name| received(name).message.kind).collect();
    let missing: Vec<_> = MessageKind::documented().filter(|kind| !seen.contains(kind)).collect();
    assert!(missing.is_empty(), "no fixture for {missing:?}");
    assert_eq!(MessageKind::documented().count(), 29);
}

#[test]
fn a_fixture_is_of_the_type_its_name_says() {
    for name in FIXTURES.iter().filter(|name| **name != "unknown-type") {
        let kind = received(name).message.kind;
        assert!(name.starts_with(kind.as_str()), "{name} was read as {kind}");
        assert_eq!(kind.metric_label(), kind.as_str());
    }
}

#[test]
fn an_unknown_type_is_kept_with_its_call() {
    let seen = received("unknown-type");
    assert_eq!(seen.message.kind, MessageKind::Other("call.mood-changed".into()));
    assert_eq!(seen.message.kind.metric_label(), "other");
    assert_eq!(seen.facts.provider_call_id.as_deref(), Some(CALL));
    assert_eq!(seen.facts.direction, Some(Direction::Inbound));
    let kept: Value = serde_json::from_slice(&seen.redacted).unwrap();
    assert_eq!(kept, json_of("unknown-type"));
}

#[test]
fn a_tool_call_without_a_type_is_still_a_tool_call() {
    let mut body = json_of("tool-calls");
    body["message"].as_object_mut().unwrap().remove("type");
    assert_eq!(receive_json(&body).message.kind, MessageKind::ToolCalls);
}

#[test]
fn the_transcript_filter_written_as_a_type_is_a_transcript() {
    let seen = received("transcript-final-type");
    assert_eq!(seen.message.kind, MessageKind::Transcript);
    assert!(seen.facts.live_turn.unwrap().is_final);
    assert!(!received("transcript-partial").facts.live_turn.unwrap().is_final);
}

#[test]
fn every_message_about_a_call_says_which_one_and_who_takes_part() {
    let seen = received("speech-update");
    let call = &seen.message.call;
    assert_eq!(call.id.as_deref(), Some(CALL));
    assert_eq!(call.kind, Some(CallKind::InboundPhone));
    assert_eq!(call.phone_number_id.as_deref(), Some("0199f0aa-2222-7000-8000-000000000100"));
    assert_eq!(call.assistant_id.as_deref(), Some("0199f0aa-3333-7000-8000-000000000200"));
    assert_eq!(call.leg_id.as_deref(), Some("CA00000000000000000000000000000001"));
    assert_eq!(call.created_at.unwrap().to_string(), "2026-10-31T08:00:00Z");
    assert_eq!(seen.message.timestamp.unwrap().to_string(), "2026-10-31T08:00:08.5Z");
    assert_eq!(seen.facts.from_number.as_deref(), Some("+12025550123"));
    assert_eq!(seen.facts.to_number.as_deref(), Some("+12025550100"));
    assert_eq!(seen.facts.customer_name.as_deref(), Some("Nadia Example"));
    assert_eq!(seen.facts.status, None, "a snapshot in call.status is not a status");
}

#[test]
fn a_chat_or_session_names_its_assistant_and_number_itself() {
    let seen = received("session.created");
    assert_eq!(seen.message.call.id, None);
    assert_eq!(seen.message.call.assistant_id.as_deref(), Some("0199f0aa-3333-7000-8000-000000000200"));
    assert_eq!(seen.message.call.phone_number_id.as_deref(), Some("0199f0aa-2222-7000-8000-000000000100"));
    assert!(received("chat.created").message.call.assistant_id.is_some());
}

#[test]
fn numbers_are_placed_by_direction() {
    let placed = |kind: Value| {
        let mut body = json_of("speech-update");
        body["message"]["call"]["type"] = kind;
        let facts = receive_json(&body).facts;
        (facts.direction, facts.from_number, facts.to_number)
    };
    let (ours, theirs) = (Some("+12025550100".to_owned()), Some("+12025550123".to_owned()));
    assert_eq!(placed(json!("inboundPhoneCall")), (Some(Direction::Inbound), theirs.clone(), ours.clone()));
    assert_eq!(placed(json!("outboundPhoneCall")), (Some(Direction::Outbound), ours, theirs));
    assert_eq!(placed(json!("webCall")), (Some(Direction::Web), None, None));
    assert_eq!(placed(json!("vapi.websocketCall")), (Some(Direction::Web), None, None));
    assert_eq!(placed(json!("carrierPigeon")), (None, None, None));
    assert_eq!(placed(json!(7)), (None, None, None));
}

#[test]
fn an_assistant_request_is_inbound_even_without_a_call_type() {
    let mut body = json_of("assistant-request");
    body["message"]["call"].as_object_mut().unwrap().remove("type");
    let facts = receive_json(&body).facts;
    assert_eq!(facts.direction, Some(Direction::Inbound));
    assert_eq!(facts.from_number.as_deref(), Some("+12025550123"));
}

#[test]
fn each_status_moves_the_call_and_unknown_ones_do_not() {
    let status = |text: &str| {
        let mut body = json_of("status-update");
        body["message"]["status"] = json!(text);
        let facts = receive_json(&body).facts;
        (facts.status, facts.status_at.is_some())
    };
    for (text, expected) in [
        ("scheduled", Status::Queued),
        ("queued", Status::Queued),
        ("ringing", Status::Ringing),
        ("in-progress", Status::InProgress),
        ("forwarding", Status::Forwarding),
        ("ended", Status::Ended),
    ] {
        assert_eq!(status(text), (Some(expected), true), "{text}");
    }
    for text in ["not-found", "deletion-failed", "dreaming", ""] {
        assert_eq!(status(text), (None, false), "{text}");
    }
    assert!(Status::Queued < Status::Ringing && Status::Forwarding < Status::Ended);
}

#[test]
fn a_status_says_when_it_happened_and_the_last_one_why() {
    let started = received("status-update").facts;
    assert_eq!(started.status_at.unwrap().to_string(), "2026-10-31T08:00:02.5Z");
    assert_eq!(started.started_at.unwrap().to_string(), "2026-10-31T08:00:02.5Z");
    assert_eq!(started.ended_reason, None);

    let ended = received("status-update-ended").facts;
    assert_eq!(ended.ended_reason.as_deref(), Some("customer-ended-call"));
    assert_eq!(ended.duration_seconds, Some(31));

    let forwarding = received("status-update-forwarding").facts;
    let transfer = forwarding.transfer.unwrap();
    assert_eq!((transfer.kind, transfer.target.as_str()), (TransferKind::Number, "+12025550177"));
    assert_eq!(forwarding.summary.as_deref(), Some("Wants a person."));
}

#[test]
fn a_report_gives_the_whole_record() {
    let facts = received("end-of-call-report").facts;
    assert_eq!(facts.status, Some(Status::Ended));
    assert_eq!(facts.ended_reason.as_deref(), Some("customer-ended-call"));
    assert_eq!(facts.started_at.unwrap().to_string(), "2026-10-31T08:00:02.5Z");
    assert_eq!(facts.ended_at.unwrap().to_string(), "2026-10-31T08:00:33.8Z");
    assert_eq!(facts.duration_seconds, Some(31));
    assert_eq!(facts.cost_micros, Some(72_200));
    assert_eq!(facts.summary.as_deref(), Some("Nadia Example moved her cleaning to Tuesday 3 November at 09:30."));
    assert_eq!(facts.success_evaluation.as_deref(), Some("true"));
    assert_eq!(facts.structured_data.unwrap()["appointment"]["day"], "2026-11-03");
    let consent = facts.consent.unwrap();
    assert_eq!(consent.kind, "stay-on-line");
    assert!(consent.granted_at.is_some());
    let latency = facts.latency.unwrap();
    assert_eq!((latency.turns, latency.turn_p50_ms, latency.turn_p95_ms), (3, Some(1014), Some(1604)));
    assert_eq!((latency.turn_avg_ms, latency.model_avg_ms), (Some(1192), Some(594)));
    assert_eq!((latency.caller_interrupted, latency.agent_interrupted), (Some(0), Some(1)));
}

#[test]
fn the_turns_of_a_report_are_speech_only_in_order_with_their_times() {
    let turns = received("end-of-call-report").facts.turns;
    let roles: Vec<Role> = turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::Agent, Role::Caller, Role::Agent, Role::Caller, Role::Agent, Role::Caller]);
    assert_eq!(turns[1].text, "Hi, it's Nadia Example. I would like to move my cleaning to next week, please.");
    assert_eq!(turns[1].at.unwrap().to_string(), "2026-10-31T08:00:08.5Z");
    assert_eq!((turns[1].start_ms, turns[1].end_ms), (Some(6_000), Some(10_400)));
    assert!(turns.iter().all(|turn| turn.is_final && turn.source_key.starts_with("r:")));
}

#[test]
fn a_turn_that_ends_before_it_begins_has_no_end() {
    let mut body = json_of("end-of-call-report");
    let messages = &mut body["message"]["artifact"]["messages"];
    messages[1]["endTime"] = json!(1_793_433_600_000_i64);
    messages[2].as_object_mut().unwrap().remove("endTime");
    messages[3].as_object_mut().unwrap().retain(|key, _| !key.starts_with("endTime") && key != "duration");
    let turns = receive_json(&body).facts.turns;
    assert_eq!((turns[0].start_ms, turns[0].end_ms), (Some(1_200), None));
    assert_eq!(turns[1].end_ms, Some(10_400), "without an end the stated duration counts");
    assert_eq!(turns[2].end_ms, None);
}

#[test]
fn a_turn_keeps_its_key_when_a_richer_report_comes() {
    let first = received("end-of-call-report").facts.turns;
    let mut richer = json_of("end-of-call-report");
    let messages = richer["message"]["artifact"]["messages"].as_array_mut().unwrap();
    messages.insert(
        1,
        json!({"role": "user", "message": "Hello?", "time": 1_793_433_603_000_i64, "endTime": 1_793_433_603_400_i64, "secondsFromStart": 0.5}),
    );
    let second = receive_json(&richer).facts.turns;
    assert_eq!(second.len(), first.len() + 1);
    assert!(
        first
            .iter()
            .all(|turn| second.iter().any(|other| other.source_key == turn.source_key && other.text == turn.text))
    );
}

#[test]
fn turns_at_the_same_instant_have_different_keys() {
    let mut body = json_of("end-of-call-report");
    let same = json!({"role": "user", "message": "Yes.", "time": 1_793_433_603_000_i64, "endTime": 0, "secondsFromStart": 0.5});
    let timeless = json!({"role": "user", "message": "Yes."});
    body["message"]["artifact"]["messages"] = json!([same, same, timeless, timeless, same]);
    let turns = receive_json(&body).facts.turns;
    let keys: std::collections::HashSet<_> = turns.iter().map(|turn| turn.source_key.as_str()).collect();
    assert_eq!((turns.len(), keys.len()), (5, 5));
}

#[test]
fn without_messages_the_flat_transcript_gives_the_turns() {
    let turns = received("end-of-call-report-flat").facts.turns;
    let said: Vec<_> = turns.iter().map(|turn| (turn.role, turn.text.as_str())).collect();
    assert_eq!(
        said,
        [
            (Role::Agent, "Elm Street Dental."),
            (Role::Caller, "When do you open?"),
            (Role::Agent, "At eight.\nAnd at nine on Saturdays."),
        ]
    );
    assert_eq!(received("end-of-call-report-recording-text").facts.turns.len(), 6);
}

#[test]
fn an_older_flat_report_is_understood() {
    let facts = received("end-of-call-report-flat").facts;
    assert_eq!(facts.duration_seconds, Some(31));
    assert_eq!(facts.cost_micros, Some(50_000));
    assert_eq!(facts.summary.as_deref(), Some("Asked for the opening hours."));
    assert_eq!(facts.from_number, None, "anonymous is nobody's number");
    assert_eq!(facts.to_number.as_deref(), Some("+12025550100"));
    assert_eq!(facts.recordings.len(), 1);
}

#[test]
fn the_least_possible_report_still_ends_its_call() {
    let facts = received("end-of-call-report-minimal").facts;
    assert_eq!(facts.status, Some(Status::Ended));
    assert_eq!(facts.direction, Some(Direction::Outbound));
    assert_eq!(facts.ended_reason.as_deref(), Some("customer-did-not-answer"));
    assert_eq!((facts.duration_seconds, facts.cost_micros, facts.latency), (None, None, None));
    assert!(facts.turns.is_empty() && facts.recordings.is_empty());
}

#[test]
fn recordings_are_found_as_object_and_as_text_and_never_signed() {
    let channels = |name: &str| {
        let recordings = received(name).facts.recordings;
        assert!(
            recordings.iter().all(|recording| recording.url.starts_with("https://") && !recording.url.contains('?'))
        );
        recordings.into_iter().map(|recording| recording.channel).collect::<Vec<_>>()
    };
    assert_eq!(channels("end-of-call-report"), [Channel::Stereo, Channel::Mono, Channel::Assistant, Channel::Customer]);
    assert_eq!(channels("end-of-call-report-recording-text"), [Channel::Mono, Channel::Stereo]);
}

#[test]
fn signed_addresses_alone_say_that_the_route_has_a_recording() {
    let mut body = json_of("end-of-call-report");
    let artifact = body["message"]["artifact"].as_object_mut().unwrap();
    for key in ["recording", "recordingUrl", "stereoRecordingUrl", "presignedAssistantUrl"] {
        artifact.remove(key);
    }
    artifact.insert("presignedCustomerUrl".to_owned(), json!(""));
    artifact.insert("presignedVideoUrl".to_owned(), json!(null));
    body["message"]["call"]["id"] = json!("call/1");
    let found: Vec<_> =
        receive_json(&body).facts.recordings.into_iter().map(|recording| (recording.channel, recording.url)).collect();
    let route = |channel: &str| format!("https://api.vapi.ai/call/call%2F1/{channel}-recording");
    assert_eq!(found, [(Channel::Stereo, route("stereo")), (Channel::Mono, route("mono"))]);

    let artifact = body["message"]["artifact"].as_object_mut().unwrap();
    for key in ["presignedStereoUrl", "presignedMonoUrl"] {
        artifact.remove(key);
    }
    assert!(receive_json(&body).facts.recordings.is_empty(), "addresses of logs are no recordings");
}

#[test]
fn the_last_transfer_is_the_one_that_counts() {
    let transfer = received("end-of-call-report-transferred").facts.transfer.unwrap();
    assert_eq!(
        (transfer.kind, transfer.target.as_str(), transfer.status.as_deref()),
        (TransferKind::Sip, "sip:desk@pbx.example.test", Some("connected"))
    );
}

#[test]
fn consent_without_a_time_was_not_given() {
    let mut body = json_of("end-of-call-report");
    body["message"]["compliance"]["recordingConsent"].as_object_mut().unwrap().remove("grantedAt");
    let consent = receive_json(&body).facts.consent.unwrap();
    assert_eq!((consent.kind.as_str(), consent.granted_at), ("stay-on-line", None));
}

#[test]
fn tool_calls_are_read_in_all_documented_shapes() {
    for name in ["tool-calls", "tool-calls-custom-tools-guide", "tool-calls-events-guide"] {
        let calls = received(name).facts.tool_calls;
        assert_eq!(calls.len(), 1, "{name}: the same id is one call, however often it is listed");
        assert_eq!((calls[0].id.as_str(), calls[0].name.as_str()), ("call_move_0001", "move_appointment"), "{name}");
        assert_eq!(calls[0].arguments, json!({"day": "2026-11-03", "time": "09:30"}), "{name}");
    }
    assert_eq!(received("end-of-call-report").facts.tool_calls.len(), 1, "a report lists the calls that were made");
}

#[test]
fn a_tool_call_listed_only_with_its_tool_is_found() {
    let mut body = json_of("tool-calls-events-guide");
    body["message"].as_object_mut().unwrap().remove("toolCallList");
    let calls = receive_json(&body).facts.tool_calls;
    assert_eq!(calls[0].name, "move_appointment");
    assert_eq!(calls[0].arguments["time"], "09:30");
}

#[test]
fn tool_arguments_that_are_not_json_stay_text() {
    let arguments = |text: &str| {
        let mut body = json_of("tool-calls");
        body["message"]["toolCallList"][0]["function"]["arguments"] = json!(text);
        receive_json(&body).facts.tool_calls[0].arguments.clone()
    };
    assert_eq!(arguments("{day: monday"), json!("{day: monday"));
    assert_eq!(arguments(""), Value::Null);
    assert_eq!(arguments(r#"{"note":"a\u0000b\ud800c"}"#), json!({"note": "ab\u{fffd}c"}));
    assert_eq!(arguments(r#"{"amount":1e400}"#), json!({"amount": null}));
}

#[test]
fn money_is_the_decimal_that_was_sent_rounded_half_to_even() {
    let micros = |cost: Value| {
        let mut body = json_of("end-of-call-report");
        body["message"]["call"] = json!({"id": CALL});
        body["message"]["cost"] = cost;
        receive_json(&body).facts.cost_micros
    };
    assert_eq!(micros(json!(0)), Some(0));
    assert_eq!(micros(json!(0.1)), Some(100_000));
    assert_eq!(micros(json!(0.000_000_5)), Some(0));
    assert_eq!(micros(json!(0.000_001_5)), Some(2));
    assert_eq!(micros(json!(0.000_002_5)), Some(2));
    assert_eq!(micros(json!(0.000_002_500_1)), Some(3));
    assert_eq!(micros(json!(1.234_567_5)), Some(1_234_568));
    assert_eq!(micros(json!(1.234_566_5)), Some(1_234_566));
    assert_eq!(micros(json!(12)), Some(12_000_000));
    assert_eq!(micros(json!("0.25")), Some(250_000));
    assert_eq!(micros(json!(-0.0)), Some(0));
    for refused in [json!(-0.01), json!(1e30), json!("NaN"), json!("inf"), json!(true), json!([1]), json!("1,5")] {
        assert_eq!(micros(refused.clone()), None, "{refused}");
    }
}

#[test]
fn a_duration_is_never_negative_and_never_absurd() {
    let seconds = |start: &str, end: &str| {
        let mut body = json_of("end-of-call-report");
        body["message"]["startedAt"] = json!(start);
        body["message"]["endedAt"] = json!(end);
        receive_json(&body).facts.duration_seconds
    };
    assert_eq!(seconds("2026-10-31T08:00:00Z", "2026-10-31T08:00:00Z"), Some(0));
    assert_eq!(seconds("2026-10-31T08:00:00Z", "2026-10-31T08:01:00.499Z"), Some(60));
    assert_eq!(seconds("2026-10-31T08:00:00Z", "2026-10-31T08:01:00.500Z"), Some(61));
    assert_eq!(seconds("2026-10-31T08:00:00Z", "2026-10-31T10:00:00+02:00"), Some(0));
    assert_eq!(seconds("2026-10-31T08:00:00Z", "2026-10-31T07:59:59.999Z"), None);
    assert_eq!(seconds("2026-10-31T08:00:00Z", "2026-11-07T08:00:00Z"), Some(604_800));
    assert_eq!(seconds("2026-10-31T08:00:00Z", "2036-10-31T08:00:00Z"), None);
    assert_eq!(seconds("0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"), Some(31), "then the call's own times count");
}

#[test]
fn stated_durations_are_used_only_when_times_are_missing() {
    let seconds = |fields: Value| {
        let mut body = json!({"message": {"type": "end-of-call-report", "endedReason": "x", "call": {"id": CALL}}});
        body["message"].as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        receive_json(&body).facts.duration_seconds
    };
    assert_eq!(seconds(json!({"durationSeconds": 12.6})), Some(13));
    assert_eq!(seconds(json!({"durationMs": 12_400})), Some(12));
    assert_eq!(seconds(json!({"durationSeconds": "30"})), Some(30));
    for absurd in [json!(-1), json!(604_801), json!("NaN"), json!(null)] {
        assert_eq!(seconds(json!({"durationSeconds": absurd})), None);
    }
}

#[test]
fn times_are_read_as_text_milliseconds_or_seconds() {
    let timestamp = |value: Value| {
        let mut body = json_of("hang");
        body["message"]["timestamp"] = value;
        receive_json(&body).message.timestamp.map(|time| time.to_string())
    };
    let eight = Some("2026-10-31T08:00:00Z".to_owned());
    for same in [
        json!(1_793_433_600_000_i64),
        json!(1_793_433_600),
        json!(1_793_433_600.0),
        json!("1793433600000"),
        json!("2026-10-31T08:00:00Z"),
        json!("2026-10-31T09:00:00+01:00"),
    ] {
        assert_eq!(timestamp(same.clone()), eight, "{same}");
    }
    for nonsense in [
        json!(0),
        json!(-1_793_433_600_000_i64),
        json!(9_007_199_254_740_993_i64),
        json!(1e300),
        json!("yesterday"),
        json!("2026-02-29T00:00:00Z"),
        json!("0000-00-00T00:00:00Z"),
        json!({}),
        Value::Null,
    ] {
        assert_eq!(timestamp(nonsense.clone()), None, "{nonsense}");
    }
}

#[test]
fn only_numbers_that_already_are_e164_are_believed() {
    for (text, expected) in [
        ("+12025550123", "+12025550123"),
        (" +1 (202) 555-0123 ", "+12025550123"),
        ("+44 7700 900123", "+447700900123"),
        ("0044.7700.900123", "+447700900123"),
        ("sip:+447700900123@pbx.example.test;transport=tls", "+447700900123"),
        ("tel:+447700900123", "+447700900123"),
    ] {
        assert_eq!(normalise_number(text).as_deref(), Some(expected), "{text}");
    }
    for text in [
        "",
        "+",
        "anonymous",
        "Restricted",
        "+266696687",
        "2025550123",
        "112",
        "+0123456789",
        "+1202555012345678",
        "+1202555O123",
        "+1 202 555 0123 ext 4",
        "sip:desk@pbx.example.test",
        "++12025550123",
        "\u{202e}+12025550123",
    ] {
        let read = normalise_number(text);
        // The digits of "anonymous" on a keypad are a well-formed number of a country that does not exist: form is all we judge.
        assert_eq!(read.as_deref(), (text == "+266696687").then_some("+266696687"), "{text}");
    }
}

#[test]
fn identifiers_are_opaque_but_bounded() {
    let id = |value: Value| {
        let mut body = json_of("hang");
        body["message"]["call"]["id"] = value;
        receive_json(&body).facts.provider_call_id
    };
    for kept in ["a", "../../etc", "%00", "\u{1f4de}", "A", "caf\u{e9}", "cafe\u{301}", "\u{202e}abc"] {
        assert_eq!(id(json!(kept)).as_deref(), Some(kept));
    }
    assert_eq!(id(json!("  padded ")).as_deref(), Some("padded"));
    assert_eq!(id(json!(42)).as_deref(), Some("42"));
    assert_eq!(id(json!("x".repeat(256))).map(|id| id.len()), Some(256));
    for refused in
        [json!(""), json!("   "), json!("x".repeat(257)), json!("a\u{7}b"), json!({}), json!(1.5), Value::Null]
    {
        assert_eq!(id(refused.clone()), None, "{refused}");
    }
}

#[test]
fn a_long_report_is_read_in_full() {
    let body = report_of_kilobytes(60);
    assert!(body.len() > 60 * 1024);
    let seen = receive(&body).unwrap();
    assert!(seen.facts.turns.len() > 150);
    assert_eq!(seen.facts.turns[100].start_ms, Some(40_500 + 94 * 4_000));
}

#[test]
fn facts_are_json_with_the_words_of_the_contract() {
    let facts = serde_json::to_value(received("end-of-call-report").facts).unwrap();
    assert_eq!(facts["direction"], "inbound");
    assert_eq!(facts["status"], "ended");
    assert_eq!(facts["started_at"], "2026-10-31T08:00:02.5Z");
    assert_eq!(facts["turns"][0]["role"], "agent");
    assert_eq!(facts["turns"][1]["role"], "caller");
    assert_eq!(facts["recordings"][0]["channel"], "stereo");
    let live = serde_json::to_value(received("status-update").facts).unwrap();
    assert_eq!(live["status"], "in-progress");
}

#[test]
fn printing_for_a_log_shows_nobodys_data() {
    let seen = received("end-of-call-report");
    let live = received("transcript");
    let printed = format!("{:?} {:?} {:?} {:?}", seen.message, seen.facts, live.facts, live.facts.live_turn);
    for personal in ["Nadia", "202555", "cleaning", "Tuesday", "2026-11-03"] {
        assert!(!printed.contains(personal), "{personal} was printed");
    }
}
