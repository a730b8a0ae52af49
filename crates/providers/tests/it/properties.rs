//! Properties that hold for any input at all.

use proptest::prelude::*;
use providers::vapi::{classify, normalise_number, receive, redact};
use serde_json::{Map, Value, json};

use crate::support::{FIXTURES, bytes};

const CANARY: &str = "kanarienvogel";

/// Keys that make interesting trees: known ones, secret ones, anything.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "message",
            "type",
            "call",
            "id",
            "timestamp",
            "artifact",
            "messages",
            "role",
            "time",
            "secondsFromStart",
            "toolCallList",
            "function",
            "arguments",
            "status",
            "cost",
            "recording",
            "mono",
            "combinedUrl",
            "analysis",
            "summary",
            "structuredData",
            "performanceMetrics",
            "turnLatencies",
            "turnLatency",
            "customer",
            "number",
            "phoneNumber",
            "destination",
            "compliance",
            "recordingConsent",
            "startedAt",
            "endedAt",
            "transcript",
        ])
        .prop_map(str::to_owned),
        ".{0,8}",
    ]
}

/// Any JSON, with text that likes to be an address, a time or JSON again.
fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "https?://[a-z@:?&=#/]{0,30}".prop_map(Value::from),
        "[{\\[\"\\\\u0d8:,}\\]]{0,20}".prop_map(Value::from),
        prop::sample::select(vec![
            "end-of-call-report",
            "status-update",
            "transcript",
            "tool-calls",
            "bot",
            "user",
            "ended"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A message whose fields are any JSON.
fn message() -> impl Strategy<Value = Value> {
    let kinds = prop::sample::select(vec![
        "assistant-request",
        "status-update",
        "end-of-call-report",
        "transcript",
        "tool-calls",
        "transfer-update",
        "new",
    ]);
    (kinds, prop::collection::vec((key(), tree()), 0..8)).prop_map(|(kind, fields)| {
        let mut message: Map<String, Value> = fields.into_iter().collect();
        message.insert("type".into(), json!(kind));
        json!({ "message": message })
    })
}

/// Plants a canary under a secret key at some depth of a tree, or as a signature in some text.
fn plant(tree: &mut Value, secret: &str, as_query: bool, turns: &mut std::vec::IntoIter<usize>) {
    let turn = turns.next();
    match (tree, turn) {
        (Value::Object(members), Some(turn)) if !members.is_empty() => {
            let index = turn % members.len();
            if let Some((_, member)) = members.iter_mut().nth(index) {
                plant(member, secret, as_query, turns);
            }
        }
        (Value::Array(items), Some(turn)) if !items.is_empty() => {
            let index = turn % items.len();
            plant(&mut items[index], secret, as_query, turns);
        }
        (slot, _) => {
            *slot = if as_query {
                json!(format!("said https://s3.example.test/a?x=1&{secret}={CANARY} again"))
            } else {
                json!({ secret: [CANARY, {"deeper": CANARY}], "other": "kept" })
            };
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = receive(&body);
        let _ = redact(&body);
    }

    #[test]
    fn any_text_of_json_letters_is_read_or_refused(body in "[\\[\\]{}\":,\\\\u0d8e19.+\\-trueflasn \u{0}]{0,80}") {
        if let Ok(kept) = redact(body.as_bytes()) {
            prop_assert!(serde_json::from_slice::<Value>(&kept).is_ok());
        }
    }

    #[test]
    fn a_damaged_message_is_read_or_refused(
        name in prop::sample::select(FIXTURES.to_vec()), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()
    ) {
        let mut body = bytes(name);
        let at = at.index(body.len());
        if cut { body.truncate(at); } else { body[at] = byte; }
        let _ = receive(&body);
    }

    #[test]
    fn what_serde_reads_is_kept_unchanged_when_it_holds_no_secret(tree in tree()) {
        let text = tree.to_string();
        prop_assume!(!text.contains("://") && !text.contains('\u{0}') && !text.contains("\\u0000"));
        let kept: Value = serde_json::from_slice(&redact(text.as_bytes()).unwrap()).unwrap();
        let secretless = !["token", "secret", "headers", "cookie"].iter().any(|word| text.to_lowercase().contains(word));
        if secretless { prop_assert_eq!(kept, tree); }
    }

    #[test]
    fn any_message_is_accepted_and_replays_to_the_same_facts(message in message()) {
        let first = receive(message.to_string().as_bytes()).unwrap();
        let again = receive(&first.redacted).unwrap();
        prop_assert_eq!(&again.redacted, &first.redacted);
        prop_assert!(again.facts == first.facts, "facts differ");
        prop_assert_eq!(&again.dedup_key, &first.dedup_key);
        prop_assert!(first.dedup_key.as_str().len() <= 300);
        let stored = serde_json::to_string(&first.facts).unwrap();
        prop_assert!(!stored.contains("\\u0000"), "PostgreSQL would refuse the facts");
        prop_assert!(!String::from_utf8(first.redacted).unwrap().replace("\\\\", "").contains("\\u0000"));
    }

    #[test]
    fn no_planted_secret_survives(
        mut tree in tree(),
        secret in prop::sample::select(vec![
            "twilioAuthToken", "apiKey", "credentials", "headers", "Secret", "auth_password", "presignedMonoUrl", "listenUrl",
            "controlUrl", "websocketCallUrl", "token", "Authorization",
        ]),
        turns in prop::collection::vec(any::<usize>(), 0..6),
        in_text in any::<bool>(),
    ) {
        plant(&mut tree, secret, false, &mut turns.into_iter());
        let body = if in_text { json!({"arguments": tree.to_string()}) } else { tree };
        let kept = String::from_utf8(redact(body.to_string().as_bytes()).unwrap()).unwrap();
        prop_assert!(!kept.contains(CANARY), "{}", kept);
    }

    #[test]
    fn no_signature_in_a_text_survives(
        mut tree in tree(),
        parameter in prop::sample::select(vec!["X-Amz-Signature", "Signature", "sig", "token", "access_token", "X-Goog-Signature"]),
        turns in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        plant(&mut tree, parameter, true, &mut turns.into_iter());
        let kept = String::from_utf8(redact(tree.to_string().as_bytes()).unwrap()).unwrap();
        prop_assert!(!kept.contains(CANARY), "{}", kept);
    }

    #[test]
    fn any_reason_has_a_class_and_any_text_is_a_number_or_not(text in ".{0,60}") {
        let _ = classify(&text);
        if let Some(number) = normalise_number(&text) {
            prop_assert!(number.starts_with('+') && (8..=16).contains(&number.len()));
        }
    }
}
