//! When two deliveries are the same event.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::{FIXTURES, json_of, key_of, receive_json, received};

/// A delivery as a retry makes it: signed addresses anew, live copies changed, key order changed.
fn retried(body: &Value) -> Value {
    let mut again = body.clone();
    let message = again["message"].as_object_mut().unwrap();
    if let Some(artifact) = message.get_mut("artifact").and_then(Value::as_object_mut) {
        for (key, value) in artifact.iter_mut().filter(|(key, _)| key.starts_with("presigned")) {
            *value = if key == "presignedUrlsExpiresAt" {
                json!("2026-10-31T10:30:00.000Z")
            } else {
                json!("https://storage.example.test/other?X-Amz-Signature=fresh")
            };
        }
    }
    if let Some(call) = message.get_mut("call").and_then(Value::as_object_mut) {
        call.insert("updatedAt".into(), json!("2026-10-31T11:00:00.000Z"));
        call.insert("monitor".into(), json!({"listenUrl": "wss://other.example.test"}));
    }
    let reversed: serde_json::Map<String, Value> =
        message.iter().rev().map(|(key, value)| (key.clone(), value.clone())).collect();
    json!({ "message": reversed })
}

#[test]
fn a_retry_has_the_same_key_whatever_was_signed_anew() {
    for name in FIXTURES {
        let body = json_of(name);
        assert_eq!(key_of(&body), key_of(&retried(&body)), "{name}");
    }
}

#[test]
fn different_events_of_one_call_have_different_keys() {
    let mut seen: HashMap<String, &str> = HashMap::new();
    // These are deliberately the same event in other shapes.
    let same = |name: &str| {
        (name.starts_with("tool-calls-") || name.starts_with("end-of-call-report-")) && !name.ends_with("tool-calls")
    };
    for name in FIXTURES.into_iter().filter(|name| !same(name)) {
        if let Some(other) = seen.insert(received(name).dedup_key.as_str().to_owned(), name) {
            panic!("{name} and {other} share a key");
        }
    }
}

#[test]
fn a_status_happens_once_whenever_it_is_said() {
    let body = json_of("status-update");
    let mut later = body.clone();
    later["message"]["timestamp"] = json!(1_793_433_999_000_i64);
    assert_eq!(key_of(&body), key_of(&later));
    let mut ended = body.clone();
    ended["message"]["status"] = json!("ended");
    assert_ne!(key_of(&body), key_of(&ended));
}

#[test]
fn the_same_call_id_alone_does_not_make_two_events_one() {
    assert_ne!(key_of(&json_of("status-update-ended")), key_of(&json_of("end-of-call-report")));
}

#[test]
fn a_tool_call_is_one_event_in_every_shape() {
    let keys: Vec<String> = ["tool-calls", "tool-calls-custom-tools-guide", "tool-calls-events-guide"]
        .iter()
        .map(|name| key_of(&json_of(name)))
        .collect();
    assert!(keys.iter().all(|key| *key == keys[0]));
    let mut other = json_of("tool-calls");
    other["message"]["toolCallList"][0]["id"] = json!("call_move_0002");
    assert_ne!(key_of(&other), keys[0]);
}

#[test]
fn two_equal_answers_a_moment_apart_are_two_turns() {
    let yes = |at: i64| {
        let mut body = json_of("transcript");
        body["message"]["transcript"] = json!("Yes.");
        body["message"]["timestamp"] = json!(at);
        body
    };
    assert_ne!(key_of(&yes(1_793_433_600_100)), key_of(&yes(1_793_433_600_101)));
    let turn = |body: &Value| receive_json(body).facts.live_turn.unwrap().source_key;
    assert_ne!(turn(&yes(1_793_433_600_100)), turn(&yes(1_793_433_600_101)));
    assert_eq!(turn(&yes(1_793_433_600_100)), turn(&retried(&yes(1_793_433_600_100))));
}

#[test]
fn a_caption_and_its_final_form_are_two_events() {
    let mut partial = json_of("transcript");
    partial["message"]["transcriptType"] = json!("partial");
    assert_ne!(key_of(&json_of("transcript")), key_of(&partial));
}

#[test]
fn without_a_time_the_content_decides() {
    for name in FIXTURES.into_iter().filter(|name| !name.starts_with("end-of-call-report")) {
        let mut body = json_of(name);
        body["message"].as_object_mut().unwrap().remove("timestamp");
        assert_eq!(key_of(&body), key_of(&retried(&body)), "{name}");
    }
    let language = |language: &str| {
        let mut body = json_of("language-change-detected");
        body["message"].as_object_mut().unwrap().remove("timestamp");
        body["message"]["language"] = json!(language);
        key_of(&body)
    };
    assert_ne!(language("es"), language("fr"));
}

#[test]
fn events_without_a_call_are_not_mistaken_for_each_other() {
    let orphan = |name: &str, at: i64| {
        let mut body = json_of(name);
        body["message"].as_object_mut().unwrap().remove("call");
        body["message"]["timestamp"] = json!(at);
        key_of(&body)
    };
    for name in ["status-update", "end-of-call-report", "assistant-request", "tool-calls", "hang"] {
        assert_ne!(orphan(name, 1_793_433_600_100), orphan(name, 1_793_433_600_200), "{name}");
        assert_eq!(orphan(name, 1_793_433_600_100), orphan(name, 1_793_433_600_100), "{name}");
    }
}

#[test]
fn the_order_of_keys_says_nothing() {
    let key = |extra: &str| {
        let body = format!(r#"{{"message":{{"type":"new","extra":{extra}}}}}"#);
        providers::vapi::receive(body.as_bytes()).unwrap().dedup_key
    };
    assert_eq!(key(r#"{"a":1,"b":{"c":[1,2],"d":null}}"#), key(r#"{"b":{"d":null,"c":[1,2]},"a":1}"#));
    assert_ne!(key(r#"{"a":[1,2]}"#), key(r#"{"a":[2,1]}"#));
    assert_ne!(key(r#"{"a":"1"}"#), key(r#"{"a":1}"#));
    assert_ne!(key(r#"["ab","c"]"#), key(r#"["a","bc"]"#));
    assert_ne!(key(r"[[1],2]"), key(r"[[1,2]]"));
    assert_ne!(key(r"[true]"), key(r"[false]"));
}

#[test]
fn two_unknown_events_of_one_instant_are_kept_apart() {
    let mut other = json_of("unknown-type");
    other["message"]["mood"] = json!("gloomy");
    assert_ne!(key_of(&json_of("unknown-type")), key_of(&other));
}

#[test]
fn a_key_is_short_printable_and_says_nothing_that_was_said() {
    let mut body = json_of("transcript");
    body["message"]["call"]["id"] = json!("../\u{1f4de}/".repeat(40));
    let key = key_of(&body);
    assert!(key.len() <= 300 && key.bytes().all(|b| b.is_ascii_graphic()), "{key}");
    assert!(!key.contains("Nadia"));
    body["message"]["call"]["id"] = json!("x".repeat(256));
    assert!(key_of(&body).len() <= 300);
    let mut tools = json_of("tool-calls");
    tools["message"]["call"]["id"] = json!("x".repeat(256));
    tools["message"]["toolCallList"][0]["id"] = json!("y".repeat(256));
    assert!(key_of(&tools).len() <= 300);
    for name in FIXTURES {
        assert!(key_of(&json_of(name)).len() <= 300);
    }
}

#[test]
fn ids_cannot_be_chosen_to_collide_with_the_separator() {
    let key = |call: &str, status: &str| {
        key_of(&json!({"message": {"type": "status-update", "status": status, "call": {"id": call}}}))
    };
    assert_ne!(key("a/status-update", "x"), key("a", "status-update/x"));
}

#[test]
fn a_richer_report_has_the_same_key_and_another_digest() {
    let plain = json_of("end-of-call-report");
    let mut poorer = plain.clone();
    poorer["message"]["analysis"] = json!({});
    assert_eq!(key_of(&plain), key_of(&poorer));
    let digest = |body: &Value| receive_json(body).facts_digest.unwrap();
    assert_ne!(digest(&plain), digest(&poorer));
    assert_eq!(digest(&plain), digest(&retried(&plain)), "signed addresses are not facts");
    let mut later = plain.clone();
    later["message"]["timestamp"] = json!(1_793_433_999_000_i64);
    assert_eq!(digest(&plain), digest(&later), "neither is the time of delivery");
    assert_eq!(received("hang").facts_digest, None);
}
