//! No secret survives, and nothing else is lost.

use providers::vapi::{REDACTED, receive, redact};
use serde_json::{Value, json};

use crate::support::{FIXTURES, bytes, json_of};

fn redacted(body: &Value) -> Value {
    serde_json::from_slice(&redact(&serde_json::to_vec(body).unwrap()).unwrap()).unwrap()
}

#[test]
fn no_fixture_keeps_a_canary() {
    let mut planted = 0;
    for name in FIXTURES {
        let body = bytes(name);
        planted += String::from_utf8_lossy(&body).matches("canary-").count();
        let seen = receive(&body).unwrap();
        let facts = serde_json::to_string(&seen.facts).unwrap();
        let kept = String::from_utf8(seen.redacted).unwrap();
        assert!(!kept.contains("canary-"), "{name}: {kept}");
        assert!(!facts.contains("canary-"), "{name}: {facts}");
    }
    assert!(planted > 300, "the fixtures must carry secrets for this test to mean anything, found {planted}");
}

#[test]
fn every_documented_secret_is_replaced_wherever_it_stands() {
    for key in [
        "twilioAuthToken",
        "twilioApiKey",
        "twilioApiSecret",
        "TWILIOAUTHTOKEN",
        "twilio_auth_token",
        "credentials",
        "headers",
        "secret",
        "secretKey",
        "apiKey",
        "api_key",
        "X-Api-Key",
        "authPassword",
        "password",
        "authorization",
        "token",
        "accessToken",
        "refreshToken",
        "authToken",
        "callToken",
        "privateKey",
        "clientSecret",
        "hmacSecret",
        "hmacAccessKey",
        "accessKeyId",
        "secretAccessKey",
        "awsAccessKeyId",
        "awsSecretAccessKey",
        "openAIKey",
        "gcpKey",
        "ocpApimSubscriptionKey",
        "authenticationSession",
        "listenUrl",
        "controlUrl",
        "websocketCallUrl",
        "callUrl",
        "callSipUri",
        "webhookUrl",
        "sipHeaders",
        "connectionString",
        "presignedMonoUrl",
        "presignedStereoUrl",
        "presignedVideoUrl",
        "presignedAssistantUrl",
        "presignedCustomerUrl",
        "presignedPcapUrl",
        "presignedLogUrl",
        "presignedTomorrowUrl",
    ] {
        for value in [json!("canary"), json!({"x": "canary"}), json!(["canary"]), json!(7), json!(false)] {
            let body = json!({"a": [{"b": {key: value}}], key: value});
            assert_eq!(redacted(&body), json!({"a": [{"b": {key: REDACTED}}], key: REDACTED}), "{key}");
        }
        for nothing in [json!(null), json!(""), json!(" ")] {
            assert_eq!(redacted(&json!({ key: nothing })), json!({ key: nothing }), "{key}: nothing is nothing");
        }
    }
}

#[test]
fn what_only_sounds_like_a_secret_stays() {
    let body = json!({
        "credentialId": "c-1", "credentialIds": ["c-1"], "maxTokens": 250, "promptTokens": 4, "keypadInputPlan": {"enabled": true},
        "presignedUrlsExpiresAt": "2026-10-31T09:00:00Z", "secretIsBase64": false, "authUsername": "elm", "slot_token": "s-1",
        "key": "topic", "url": "https://voice.example.test/api?page=2", "recordingUrl": "https://storage.example.test/a.wav",
        "signatureHeader": "x-signature", "passengers": 2, "listen": true
    });
    assert_eq!(redacted(&body), body);
}

#[test]
fn signed_addresses_lose_their_signature_in_any_text() {
    for (text, expected) in [
        ("https://s3.example.test/a.wav?X-Amz-Signature=abc", "https://s3.example.test/a.wav"),
        ("https://s3.example.test/a.wav?x=1&x-amz-security-token=abc&y=2", "https://s3.example.test/a.wav"),
        ("https://cdn.example.test/a?Expires=1&Signature=abc&Key-Pair-Id=K", "https://cdn.example.test/a"),
        ("https://blob.example.test/a?sv=2024&sig=abc%3D", "https://blob.example.test/a"),
        ("https://g.example.test/a?X-Goog-Signature=abc", "https://g.example.test/a"),
        ("https://app.example.test/#access_token=abc", "https://app.example.test/"),
        ("wss://live.example.test/x?token=abc", "wss://live.example.test/x"),
        ("HTTPS://S3.EXAMPLE.TEST/A?SIGNATURE=ABC", "HTTPS://S3.EXAMPLE.TEST/A"),
        ("https://elm:hunter2@pbx.example.test/x", "https://pbx.example.test/x"),
        (
            "Listen at https://s3.example.test/a?Signature=abc, or at <https://s3.example.test/b?Signature=abc> now.",
            "Listen at https://s3.example.test/a or at <https://s3.example.test/b> now.",
        ),
        (
            "see (https://a.example.test/x?page=2) and mail ivy@example.test",
            "see (https://a.example.test/x?page=2) and mail ivy@example.test",
        ),
        ("https://a.example.test/x?design=blue&page=2", "https://a.example.test/x?design=blue&page=2"),
        ("://?token=abc", "://"),
        ("://", "://"),
        ("3://?", "3://?"),
    ] {
        assert_eq!(redacted(&json!([text])), json!([expected]), "{text}");
        assert_eq!(redacted(&json!({ text: 1 })), json!({ expected: 1 }), "{text} as a key");
    }
}

#[test]
fn escapes_do_not_hide_an_address() {
    let out = |body: &str| String::from_utf8(redact(body.as_bytes()).unwrap()).unwrap();
    assert_eq!(
        out(r#"["https:\/\/s3.example.test\/a?x=1\u0026X-Amz-Signature=abc"]"#),
        r#"["https://s3.example.test/a"]"#
    );
    assert_eq!(
        out(r#"["\u0068ttps\u003a//s3.example.test/a?Si\u0067nature=abc"]"#),
        r#"["https://s3.example.test/a"]"#
    );
    assert_eq!(out(r#"{"twilio\u0041uthToken":"abc"}"#), r#"{"twilioAuthToken":"[redacted]"}"#);
    assert_eq!(out(r#"{"to\u0000ken":"abc"}"#), r#"{"token":"[redacted]"}"#);
}

#[test]
fn json_inside_text_is_scrubbed_too_and_stays_json() {
    let inner = r#"{"user":"elm","password":"hunter2","link":"https://s3.example.test/a?x=1\u0026Signature=abc"}"#;
    let out = redacted(&json!({ "result": inner }));
    let result: Value = serde_json::from_str(out["result"].as_str().unwrap()).unwrap();
    assert_eq!(result, json!({"user": "elm", "password": REDACTED, "link": "https://s3.example.test/a"}));
    let untouched = r#"{ "user" : "elm" }"#;
    assert_eq!(redacted(&json!({ "result": untouched }))["result"], untouched, "no change means not one byte changed");
    let twice = json!({"result": json!({"inner": json!({"secret": "hunter2"}).to_string()}).to_string()});
    assert!(!redacted(&twice).to_string().contains("hunter2"));
}

#[test]
fn a_broken_piece_of_json_text_still_loses_its_signed_address() {
    let text = r#"{"link":"https://s3.example.test/a?x=1\u0026Signature=abc\",\"more"#;
    let out = redacted(&json!([text]));
    assert_eq!(out, json!([r#"{"link":"https://s3.example.test/a\",\"more"#]));
}

#[test]
fn the_result_is_what_the_database_can_hold() {
    let out = |body: &[u8]| String::from_utf8(redact(body).unwrap()).unwrap();
    assert_eq!(out(br#"{"a":"x\u0000y"}"#), r#"{"a":"xy"}"#);
    assert_eq!(out(b"{\"a\":\"x\0y\"}"), r#"{"a":"xy"}"#);
    assert_eq!(out(br#"{"a":"\ud83d\ude00"}"#), "{\"a\":\"\u{1f600}\"}");
    assert_eq!(out(br#"{"a":"\ud800x\udc00"}"#), "{\"a\":\"\u{fffd}x\u{fffd}\"}");
    assert_eq!(out(br#"{"a":"\udc00\ud800"}"#), "{\"a\":\"\u{fffd}\u{fffd}\"}");
    assert_eq!(out(br#"{"a":"\udc00\udc01"}"#), "{\"a\":\"\u{fffd}\u{fffd}\"}");
    assert_eq!(out(br#"{"a":"\ud83d\ud83d\ude00"}"#), "{\"a\":\"\u{fffd}\u{1f600}\"}");
    assert_eq!(out(br#"{"a":"\ud83d\u0000\ude00"}"#), "{\"a\":\"\u{fffd}\u{fffd}\"}");
    assert_eq!(
        out(br#"{"a":"\\u0000 \\ud800"}"#),
        r#"{"a":"\\u0000 \\ud800"}"#,
        "an escaped backslash is not an escape"
    );
    assert_eq!(
        out(br#"{"a":1e400,"b":-1e999999,"c":"1e400","d":[1.5e3]}"#),
        r#"{"a":null,"b":null,"c":"1e400","d":[1500.0]}"#
    );
    assert_eq!(out(b"\xef\xbb\xbf {\"a\" : 1}\r\n"), r#"{"a":1}"#);
}

#[test]
fn redacting_twice_changes_nothing() {
    for name in FIXTURES {
        let once = redact(&bytes(name)).unwrap();
        assert_eq!(redact(&once).unwrap(), once, "{name}");
        assert_eq!(receive(&bytes(name)).unwrap().redacted, once, "{name}");
    }
}

#[test]
fn replay_from_the_kept_body_gives_the_same_facts() {
    for name in FIXTURES {
        let first = receive(&bytes(name)).unwrap();
        let again = receive(&first.redacted).unwrap();
        assert_eq!(again.facts, first.facts, "{name}");
        assert_eq!(
            (again.message, again.dedup_key, again.facts_digest),
            (first.message, first.dedup_key, first.facts_digest)
        );
    }
}

#[test]
fn everything_that_is_no_secret_is_kept() {
    let before = json_of("end-of-call-report");
    let after: Value = serde_json::from_slice(&redact(&bytes("end-of-call-report")).unwrap()).unwrap();
    for pointer in [
        "/message/artifact/messages",
        "/message/artifact/transcript",
        "/message/analysis",
        "/message/costs",
        "/message/call/costBreakdown",
        "/message/artifact/recording",
        "/message/artifact/presignedUrlsExpiresAt",
        "/message/customer",
        "/message/phoneNumber/twilioAccountSid",
        "/message/phoneNumber/server/url",
    ] {
        assert_eq!(after.pointer(pointer).unwrap(), before.pointer(pointer).unwrap(), "{pointer}");
    }
}
