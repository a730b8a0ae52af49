//! Bodies nobody should send.

use providers::vapi::{MessageKind, ParseError, receive, redact};
use serde_json::{Value, json};

use crate::support::{bytes, json_of, pointers, receive_json};

#[test]
fn what_is_not_a_message_is_refused_with_its_place() {
    for (body, code, path) in [
        (&b""[..], "body_not_json", "$"),
        (b" ", "body_not_json", "$"),
        (b"{", "body_not_json", "$"),
        (b"{\"message\":{\"type\":\"hang\"}} x", "body_not_json", "$"),
        (b"{\"message\":{\"type\":\"hang\"}}{}", "body_not_json", "$"),
        (b"{\"message\":{\"type\":\"hang\"},}", "body_not_json", "$"),
        (b"{\"message\":{\"type\":\"ha\ng\"}}", "body_not_json", "$"),
        (b"{\"a\":NaN}", "body_not_json", "$"),
        (b"{\"a\":Infinity}", "body_not_json", "$"),
        (b"{\"a\":01}", "body_not_json", "$"),
        (b"{\"a\":\"\\ud8\"}", "body_not_json", "$"),
        (b"{\0\"a\":1}", "body_not_json", "$"),
        (b"\xff\xfe{\0}\0", "body_not_utf8", "$"),
        (b"{\"a\":\"\xc3\"}", "body_not_utf8", "$"),
        (b"{\"a\":\"\xed\xa0\x80\"}", "body_not_utf8", "$"),
        (b"[]", "body_not_object", "$"),
        (b"\"hang\"", "body_not_object", "$"),
        (b"7", "body_not_object", "$"),
        (b"null", "body_not_object", "$"),
        (b"{}", "message_missing", "$.message"),
        (b"{\"message\":[]}", "message_missing", "$.message"),
        (b"{\"message\":null}", "message_missing", "$.message"),
        (b"{\"event\":\"call.started\",\"call\":{}}", "message_missing", "$.message"),
        (b"{\"Message\":{\"type\":\"hang\"}}", "message_missing", "$.message"),
        (b"{\"message\":{}}", "message_type_missing", "$.message.type"),
        (b"{\"message\":{\"type\":\" \"}}", "message_type_missing", "$.message.type"),
        (b"{\"message\":{\"type\":7,\"toolCallList\":[1]}}", "message_type_missing", "$.message.type"),
        (b"{\"message\":{\"toolCallList\":[]}}", "message_type_missing", "$.message.type"),
    ] {
        let error = receive(body).expect_err(&String::from_utf8_lossy(body));
        assert_eq!((error.code(), error.path()), (code, path), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn an_error_never_repeats_the_body() {
    let error = receive(b"{\"patient\":\"Nadia Example\"").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("Nadia"));
    assert!(matches!(error, ParseError::NotJson { line: 1, .. }));
}

#[test]
fn depth_is_an_error_not_a_crash() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [10_000, 1_000_000] {
            let mut body = format!("{{\"message\":{{\"type\":\"hang\",\"deep\":{}1", open.repeat(depth));
            assert!(receive(body.as_bytes()).is_err());
            body.push_str(&close.repeat(depth));
            body.push_str("}}");
            assert!(matches!(receive(body.as_bytes()), Err(ParseError::NotJson { .. })));
        }
        let body = format!("{{\"message\":{{\"type\":\"hang\",\"deep\":{}1{}}}}}", open.repeat(100), close.repeat(100));
        assert!(receive(body.as_bytes()).is_ok());
    }
}

#[test]
fn depth_inside_text_is_left_alone() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let seen = receive_json(&json!({"message": {"type": "hang", "text": deep}}));
    assert_eq!(seen.message.kind, MessageKind::Hang);
    let mut nested = json!({"secret": "innermost"}).to_string();
    for _ in 0..8 {
        nested = json!({ "text": nested }).to_string();
    }
    assert!(redact(nested.as_bytes()).is_ok());
}

/// The fixtures that between them have every field anything is read from.
const RICH: [&str; 8] = [
    "campaign.predial",
    "end-of-call-report-flat",
    "end-of-call-report-transferred",
    "language-change-detected",
    "session.created",
    "status-update-forwarding",
    "tool-calls",
    "transcript",
];

/// Replaces each field of each rich fixture in turn; only the message itself and its type may matter.
fn replace_every_field(replacement: &str) {
    for name in RICH {
        let original = json_of(name);
        for pointer in pointers(&original) {
            let mut changed = original.clone();
            *changed.pointer_mut(&pointer).unwrap() = json!("@@");
            let body = changed.to_string().replace("\"@@\"", replacement);
            let result = receive(body.as_bytes());
            match pointer.as_str() {
                "/message" => assert!(matches!(result, Err(ParseError::NoMessage | ParseError::NoType)), "{name}"),
                "/message/type" => assert!(matches!(result, Ok(_) | Err(ParseError::NoType)), "{name}"),
                _ => {
                    let seen = result.unwrap_or_else(|error| panic!("{name}{pointer} = {replacement}: {error}"));
                    assert!(seen.facts.duration_seconds.is_none_or(|seconds| (0..=604_800).contains(&seconds)));
                    assert!(seen.facts.cost_micros.is_none_or(|micros| micros >= 0));
                    serde_json::from_slice::<Value>(&seen.redacted).unwrap();
                }
            }
        }
    }
}

#[test]
fn null_in_any_field_is_survived() {
    replace_every_field("null");
}

#[test]
fn a_list_in_any_field_is_survived() {
    replace_every_field("[[],{},null,\"x\"]");
}

#[test]
fn an_object_in_any_field_is_survived() {
    replace_every_field("{\"id\":[],\"number\":{},\"messages\":1}");
}

#[test]
fn a_number_no_machine_can_hold_in_any_field_is_survived() {
    replace_every_field("1e400");
    replace_every_field(&format!("-{}", "9".repeat(400)));
}

#[test]
fn numbers_beyond_exactness_in_any_field_are_survived() {
    replace_every_field("9007199254740993");
    replace_every_field("-0.0");
    replace_every_field("18446744073709551615");
}

#[test]
fn odd_text_in_any_field_is_survived() {
    replace_every_field(r#""\u0000\ud800\ufeff=cmd|' /C calc'!A0 <script>alert(1)</script>""#);
}

#[test]
fn integers_keep_every_digit_that_fits_in_64_bits() {
    let kept = redact(br#"{"a":9007199254740993,"b":-9223372036854775808,"c":18446744073709551615}"#).unwrap();
    assert_eq!(
        String::from_utf8(kept).unwrap(),
        r#"{"a":9007199254740993,"b":-9223372036854775808,"c":18446744073709551615}"#
    );
}

#[test]
fn of_a_repeated_key_the_last_one_counts() {
    let body = br#"{"message":{"type":"hang","type":"status-update","status":"ringing","status":"ended","call":{"id":"a"},"call":{"id":"b"}}}"#;
    let seen = receive(body).unwrap();
    assert_eq!(seen.message.kind, MessageKind::StatusUpdate);
    assert_eq!(seen.facts.provider_call_id.as_deref(), Some("b"));
    let kept: Value = serde_json::from_slice(&seen.redacted).unwrap();
    assert_eq!(kept["message"]["call"]["id"], "b", "the stored body means the same");
    let twice = redact(br#"{"token":"one","token":"two","TOKEN":"three"}"#).unwrap();
    assert!(!String::from_utf8(twice).unwrap().contains(['w', 'h']), "no copy of a secret is overlooked");
}

#[test]
fn a_byte_order_mark_is_no_reason_to_lose_a_call() {
    let mut body = b"\xef\xbb\xbf".to_vec();
    body.extend(bytes("hang"));
    assert_eq!(receive(&body).unwrap().message.kind, MessageKind::Hang);
}

#[test]
fn a_type_of_a_megabyte_is_cut() {
    let seen = receive_json(&json!({"message": {"type": "x".repeat(1 << 20)}}));
    assert_eq!(seen.message.type_text.len(), 100);
    assert!(seen.dedup_key.as_str().len() < 300);
}

#[test]
fn width_is_survived() {
    let body = json!({"message": {"type": "hang", "call": {"id": "a"}, "wide": vec![0; 1_000_000]}});
    assert_eq!(receive_json(&body).facts.provider_call_id.as_deref(), Some("a"));
    let mut many = json_of("end-of-call-report");
    for number in 0..500 {
        many["message"][format!("extra{number}")] = json!(number);
    }
    assert_eq!(receive_json(&many).facts.turns.len(), 6);
}

#[test]
fn a_long_word_and_a_long_transcript_are_kept_whole() {
    let mut body = json_of("end-of-call-report");
    body["message"]["artifact"]["messages"][1]["message"] = json!("x".repeat(2_000_000));
    assert_eq!(receive_json(&body).facts.turns[0].text.len(), 2_000_000);
}

#[test]
fn a_body_of_escapes_only_is_read_in_time() {
    for unit in [r"\ud800", r"\u0000", r"\\", r"https://", r"://@", r#"{\""#] {
        let body = format!("{{\"message\":{{\"type\":\"hang\",\"text\":\"{}\"}}}}", unit.repeat(200_000));
        let _ = receive(body.as_bytes());
    }
}
