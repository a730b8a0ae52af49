//! Verification against vectors computed with another implementation (Python's `hmac`), and everything an attacker tries.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use providers::vapi::signature::{
    Algorithm, Encoding, HmacScheme, Refused, SchemeError, SharedSecret, SignedRequest, Verified, WebhookAuth,
    headers_for, verify,
};
use serde_json::json;

const SECRET: &str = "fixture-secret";
const BODY: &[u8] = br#"{"message":{"type":"hang"}}"#;
const SENT: &str = "1793433600";
const SHA256: &str = "cf56087545591be559ff71d4c79501ac4ddbb7c6d04d20e62419140a7bdb0f80";
const SHA512: &str = "9821d7ff8ebdf274a275a7cb7f7571c0a2abe91ffc8462536be05acf1b3c726b2d5e25bc8371bef5741573e2de33ea50e2135cac458b2054cc4f739b419be3c1";
const SHA1: &str = "e8d4adf0f463f15ccb9466413f9a27e10fd2cd2a";
const SHA256_MS: &str = "ffa3296b3d7b35f5a3408d56e5fe3e84db10bab9e68893ae02d558f8613e1e48";
const SHA256_BODY_ONLY: &str = "cfef32d99e1f3c7ce4c8446d7e4b56983617f598cdc8f1cb55db25e777579b42";
const SHA256_METHOD_URL: &str = "af26103c008b26e5297d4f9bca331c53365cd5269ce064b48e201ec2c24bedb2";
const SHA256_SECOND_SECRET: &str = "6c67e502bf450d7654101992b610a19cdaceafe55b259a9961e1eadb2ed44753";
const SHA256_EMPTY_KEY: &str = "2097e27234ab3d2b9999fa9e523ff2a41edd25541ab519f0a9508ae7d412fd35";
const STANDARD_KEY: &str = "Zml4dHVyZS1rZXktYnl0ZXMtMzItbG9uZy1hYmNkZWY=";
const STANDARD: &str = "v1,DPWlwBPx9Pmh0rLSB3IpCiDU21+1SN531qQwSwUSBD0=";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn now() -> Timestamp {
    at(1_793_433_600)
}

/// Verifies `body` under `auth` with the given headers at the moment it was sent.
fn check(auth: &WebhookAuth, secrets: &[&str], pairs: &[(&str, &str)], body: &[u8]) -> Result<Verified, Refused> {
    check_at(auth, secrets, pairs, body, now())
}

fn check_at(
    auth: &WebhookAuth,
    secrets: &[&str],
    pairs: &[(&str, &str)],
    body: &[u8],
    now: Timestamp,
) -> Result<Verified, Refused> {
    let headers = headers(pairs);
    let request =
        SignedRequest { method: "POST", url: "https://voice.example.test/api/webhooks/vapi", headers: &headers, body };
    verify(auth, secrets, &request, now)
}

fn hmac(change: impl FnOnce(&mut HmacScheme)) -> WebhookAuth {
    let mut scheme = HmacScheme::default();
    change(&mut scheme);
    WebhookAuth::Hmac(scheme)
}

fn standard() -> WebhookAuth {
    hmac(|scheme| {
        scheme.payload_format = Some("{svix-id}.{timestamp}.{body}".into());
        scheme.signature_prefix = Some("v1,".into());
        scheme.encoding = Encoding::Base64;
        scheme.secret_is_base64 = true;
        scheme.signature_header = "webhook-signature".into();
        scheme.timestamp_header = "webhook-timestamp".into();
        scheme.message_id_header = Some("webhook-id".into());
    })
}

fn signed(signature: &str) -> [(&'static str, &str); 2] {
    [("x-signature", signature), ("x-timestamp", SENT)]
}

// --- shared secret -----------------------------------------------------------------------------------------------------

#[test]
fn the_default_scheme_takes_the_secret_in_either_documented_header() {
    let auth = WebhookAuth::default();
    for (name, value) in [
        ("X-Vapi-Secret", "fixture-secret"),
        ("x-vapi-secret", " fixture-secret "),
        ("Authorization", "Bearer fixture-secret"),
        ("authorization", "bearer  fixture-secret"),
    ] {
        let verified = check(&auth, &[SECRET], &[(name, value)], BODY).unwrap();
        assert_eq!(verified, Verified { message_id: None, secret_index: 0 });
    }
}

#[test]
fn a_wrong_or_missing_secret_is_refused() {
    let auth = WebhookAuth::default();
    let refused = |pairs: &[(&str, &str)]| check(&auth, &[SECRET], pairs, BODY).unwrap_err();
    assert_eq!(refused(&[]), Refused::NoCredential);
    assert_eq!(refused(&[("x-vapi-secret", "")]), Refused::NoCredential);
    assert_eq!(refused(&[("authorization", "Basic Zml4dHVyZQ==")]), Refused::NoCredential);
    assert_eq!(refused(&[("authorization", "fixture-secret")]), Refused::NoCredential);
    assert_eq!(refused(&[("authorization", "Bearer ")]), Refused::NoCredential);
    assert_eq!(refused(&[("x-vapi-secret", "fixture-secreT")]), Refused::Mismatch);
    assert_eq!(refused(&[("x-vapi-secret", "fixture-secre")]), Refused::Mismatch);
    assert_eq!(refused(&[("x-vapi-secret", "fixture-secret2")]), Refused::Mismatch);
    assert_eq!(refused(&[("x-vapi-secret", "Bearer fixture-secret")]), Refused::Mismatch);
    assert_eq!(refused(&[("x-vapi-secret", "a"), ("x-vapi-secret", SECRET)]), Refused::RepeatedHeader);
    assert_eq!(refused(&[("x-vapi-secret", &"a".repeat(10_240))]), Refused::OversizedHeader);
}

#[test]
fn a_right_secret_beside_a_wrong_one_in_the_other_header_is_enough() {
    let pairs = [("x-vapi-secret", "stale"), ("authorization", "Bearer fixture-secret")];
    assert!(check(&WebhookAuth::default(), &[SECRET], &pairs, BODY).is_ok());
}

#[test]
fn an_empty_secret_matches_nothing() {
    let auth = WebhookAuth::default();
    let pairs = [("x-vapi-secret", "anything")];
    for secrets in [&[][..], &[""], &["", "  "]] {
        assert_eq!(check(&auth, secrets, &pairs, BODY), Err(Refused::NoSecret));
    }
    assert_eq!(check(&auth, &["", SECRET], &[("x-vapi-secret", "")], BODY), Err(Refused::NoCredential));
    assert_eq!(check(&auth, &["", SECRET], &[("x-vapi-secret", SECRET)], BODY).unwrap().secret_index, 1);
    assert_eq!(check(&hmac(|_| {}), &[""], &signed(SHA256_EMPTY_KEY), BODY), Err(Refused::NoSecret));
    assert_eq!(check(&hmac(|_| {}), &["", SECRET], &signed(SHA256_EMPTY_KEY), BODY), Err(Refused::Mismatch));
}

#[test]
fn a_configured_header_is_the_only_one_that_counts() {
    let prefixed = WebhookAuth::SharedSecret(SharedSecret { header: Some("X-Line".into()), bearer_prefix: true });
    let bare = WebhookAuth::SharedSecret(SharedSecret { header: Some("X-Line".into()), bearer_prefix: false });
    assert!(check(&prefixed, &[SECRET], &[("x-line", "Bearer fixture-secret")], BODY).is_ok());
    assert!(check(&prefixed, &[SECRET], &[("x-line", SECRET)], BODY).is_err());
    assert!(check(&bare, &[SECRET], &[("x-line", SECRET)], BODY).is_ok());
    assert!(check(&bare, &[SECRET], &[("x-vapi-secret", SECRET)], BODY).is_err());
}

#[test]
fn during_a_rotation_both_secrets_work_and_it_shows_which() {
    let auth = WebhookAuth::default();
    let index = |secret: &str| {
        check(&auth, &["new", "old"], &[("x-vapi-secret", secret)], BODY).map(|found| found.secret_index)
    };
    assert_eq!((index("new"), index("old")), (Ok(0), Ok(1)));
    let signed_index = |signature| {
        check(&hmac(|_| {}), &["second-secret", SECRET], &signed(signature), BODY).map(|found| found.secret_index)
    };
    assert_eq!((signed_index(SHA256_SECOND_SECRET), signed_index(SHA256)), (Ok(0), Ok(1)));
}

// --- HMAC --------------------------------------------------------------------------------------------------------------

#[test]
fn each_algorithm_matches_its_vector_and_no_other() {
    for (algorithm, signature) in [(Algorithm::Sha256, SHA256), (Algorithm::Sha512, SHA512), (Algorithm::Sha1, SHA1)] {
        let auth = hmac(|scheme| scheme.algorithm = algorithm);
        assert!(check(&auth, &[SECRET], &signed(signature), BODY).is_ok(), "{algorithm:?}");
        assert!(check(&auth, &[SECRET], &signed(&signature.to_uppercase()), BODY).is_ok(), "hex has no case");
        for other in [SHA256, SHA512, SHA1].into_iter().filter(|other| *other != signature) {
            assert_eq!(check(&auth, &[SECRET], &signed(other), BODY), Err(Refused::MalformedSignature));
        }
    }
}

#[test]
fn the_raw_bytes_are_signed() {
    let auth = hmac(|_| {});
    for changed in [
        &br#"{"message":{"type":"hang"} }"#[..],
        br#"{"message": {"type":"hang"}}"#,
        br#"{"message":{"type":"hank"}}"#,
        b"",
    ] {
        assert_eq!(check(&auth, &[SECRET], &signed(SHA256), changed), Err(Refused::Mismatch));
    }
}

#[test]
fn the_secret_of_another_organization_does_not_open_this_one() {
    assert_eq!(check(&hmac(|_| {}), &["second-secret"], &signed(SHA256), BODY), Err(Refused::Mismatch));
}

#[test]
fn method_and_address_can_be_part_of_the_signature() {
    let auth = hmac(|scheme| scheme.payload_format = Some("{method} {url} {timestamp} {body}".into()));
    assert!(check(&auth, &[SECRET], &signed(SHA256_METHOD_URL), BODY).is_ok());
    let headers = headers(&signed(SHA256_METHOD_URL));
    let elsewhere = SignedRequest {
        method: "POST",
        url: "https://voice.example.test/api/webhooks/vapi/",
        headers: &headers,
        body: BODY,
    };
    assert_eq!(verify(&auth, &[SECRET], &elsewhere, now()), Err(Refused::Mismatch));
}

#[test]
fn text_around_the_tokens_is_literal() {
    let auth = hmac(|scheme| {
        scheme.include_timestamp = false;
        scheme.payload_format = Some("{body}{unknown}\u{e9}{".into());
    });
    assert_eq!(check(&auth, &[SECRET], &[("x-signature", SHA256_BODY_ONLY)], BODY), Err(Refused::Mismatch));
}

#[test]
fn without_a_time_the_body_alone_is_signed() {
    let auth = hmac(|scheme| scheme.include_timestamp = false);
    assert!(check(&auth, &[SECRET], &[("x-signature", SHA256_BODY_ONLY)], BODY).is_ok());
    assert_eq!(check(&auth, &[SECRET], &[("x-signature", SHA256)], BODY), Err(Refused::Mismatch));
}

#[test]
fn a_prefix_must_be_there_when_it_is_configured_and_not_otherwise() {
    let prefixed = hmac(|scheme| scheme.signature_prefix = Some("sha256=".into()));
    let with_prefix = format!("sha256={SHA256}");
    assert!(check(&prefixed, &[SECRET], &signed(&with_prefix), BODY).is_ok());
    assert_eq!(check(&prefixed, &[SECRET], &signed(SHA256), BODY), Err(Refused::MalformedSignature));
    assert_eq!(check(&hmac(|_| {}), &[SECRET], &signed(&with_prefix), BODY), Err(Refused::MalformedSignature));
}

#[test]
fn standard_webhooks_verify_and_give_the_message_id() {
    let pairs = [("webhook-id", "msg_2fixture"), ("webhook-timestamp", SENT), ("webhook-signature", STANDARD)];
    for key in [STANDARD_KEY.to_owned(), format!("whsec_{STANDARD_KEY}"), STANDARD_KEY.trim_end_matches('=').to_owned()]
    {
        let verified = check(&standard(), &[&key], &pairs, BODY).unwrap();
        assert_eq!(verified.message_id.as_deref(), Some("msg_2fixture"));
    }
    let other_id = [("webhook-id", "msg_other"), pairs[1], pairs[2]];
    assert_eq!(check(&standard(), &[STANDARD_KEY], &other_id, BODY), Err(Refused::Mismatch));
    assert_eq!(check(&standard(), &[STANDARD_KEY], &pairs[1..], BODY), Err(Refused::MessageId));
    let long = "m".repeat(257);
    for bad in ["has space", "caf\u{e9}", &long] {
        let pairs = [("webhook-id", bad), pairs[1], pairs[2]];
        assert_eq!(check(&standard(), &[STANDARD_KEY], &pairs, BODY), Err(Refused::MessageId));
    }
    assert_eq!(check(&standard(), &["not base64!"], &pairs, BODY), Err(Refused::Mismatch));
    assert_eq!(check(&standard(), &["whsec_"], &pairs, BODY), Err(Refused::Mismatch));
}

#[test]
fn a_message_id_that_is_not_signed_is_not_believed() {
    let auth = hmac(|scheme| scheme.message_id_header = Some("x-id".into()));
    let [signature, time] = signed(SHA256);
    assert_eq!(check(&auth, &[SECRET], &[signature, time, ("x-id", "msg_1")], BODY).unwrap().message_id, None);
}

#[test]
fn one_right_signature_among_sixteen_is_found_and_the_seventeenth_is_not_read() {
    let list = |wrong: usize| {
        let mut entries = vec!["v1,AAAA"; wrong];
        entries.push(STANDARD);
        entries.join(" ")
    };
    let check_list = |list: &str| {
        let pairs = [("webhook-id", "msg_2fixture"), ("webhook-timestamp", SENT), ("webhook-signature", list)];
        check(&standard(), &[STANDARD_KEY], &pairs, BODY)
    };
    for wrong in 0..16 {
        assert!(check_list(&list(wrong)).is_ok(), "{wrong}");
    }
    for wrong in 16..50 {
        assert!(check_list(&list(wrong)).is_err(), "{wrong}");
    }
    assert!(check_list(&format!("v1a,ed25519-of-another-version {STANDARD}")).is_ok());
}

#[test]
fn unreadable_signatures_are_refused() {
    let auth = hmac(|_| {});
    let refused = |signature: &str| check(&auth, &[SECRET], &signed(signature), BODY).unwrap_err();
    assert_eq!(refused(""), Refused::NoCredential);
    assert_eq!(refused("   "), Refused::NoCredential);
    assert_eq!(refused(&SHA256[1..]), Refused::MalformedSignature);
    assert_eq!(refused(&SHA256[2..]), Refused::MalformedSignature);
    assert_eq!(refused(&SHA256.replace('c', "g")), Refused::MalformedSignature);
    assert_eq!(refused(&"0".repeat(64)), Refused::Mismatch);
    assert_eq!(refused(&"a".repeat(10_240)), Refused::OversizedHeader);
    assert_eq!(check(&auth, &[SECRET], &[("x-timestamp", SENT)], BODY), Err(Refused::NoCredential));
    let twice = [("x-signature", SHA256), ("x-signature", SHA256), ("x-timestamp", SENT)];
    assert_eq!(check(&auth, &[SECRET], &twice, BODY), Err(Refused::RepeatedHeader));
    let two_times = [("x-signature", SHA256), ("x-timestamp", SENT), ("x-timestamp", "1")];
    assert_eq!(check(&auth, &[SECRET], &two_times, BODY), Err(Refused::RepeatedHeader));
}

#[test]
fn the_time_must_be_a_plain_number() {
    let auth = hmac(|_| {});
    let refused =
        |time: &str| check(&auth, &[SECRET], &[("x-signature", SHA256), ("x-timestamp", time)], BODY).unwrap_err();
    for time in [
        "+1793433600",
        "-1793433600",
        "01793433600",
        "1793433600.0",
        "1e20",
        "NaN",
        "Infinity",
        "0x6ae4",
        "1793433600 1",
        "0",
        "\u{0661}\u{0667}",
        "17934336000000",
        "100000000000000000000",
        "2026-10-31T08:00:00Z",
    ] {
        assert_eq!(refused(time), Refused::MalformedTimestamp, "{time}");
    }
    assert_eq!(refused(""), Refused::NoTimestamp);
    assert_eq!(check(&auth, &[SECRET], &[("x-signature", SHA256)], BODY), Err(Refused::NoTimestamp));
    assert_eq!(refused("1"), Refused::OutsideWindow);
    assert_eq!(refused("9999999999999"), Refused::OutsideWindow);
}

#[test]
fn five_minutes_either_way_and_not_a_second_more() {
    let auth = hmac(|_| {});
    let seconds = |offset: i64| check_at(&auth, &[SECRET], &signed(SHA256), BODY, at(1_793_433_600 + offset));
    for offset in [-300, -299, -1, 0, 1, 240, 299, 300] {
        assert!(seconds(offset).is_ok(), "{offset}");
    }
    for offset in [-86_400, -301, 301, 360, 86_400] {
        assert_eq!(seconds(offset), Err(Refused::OutsideWindow), "{offset}");
    }
    let millis = |now_ms: i64| {
        let pairs = [("x-signature", SHA256_MS), ("x-timestamp", "1793433600123")];
        check_at(&auth, &[SECRET], &pairs, BODY, Timestamp::from_millisecond(now_ms).unwrap())
    };
    assert!(millis(1_793_433_600_123 + 300_000).is_ok());
    assert!(millis(1_793_433_600_123 - 300_000).is_ok());
    assert_eq!(millis(1_793_433_600_123 + 300_001), Err(Refused::OutsideWindow));
    assert_eq!(millis(1_793_433_600_123 - 300_001), Err(Refused::OutsideWindow));
}

#[test]
fn a_time_that_was_changed_breaks_the_signature() {
    let pairs = [("x-signature", SHA256), ("x-timestamp", "1793433601")];
    assert_eq!(check(&hmac(|_| {}), &[SECRET], &pairs, BODY), Err(Refused::Mismatch));
}

// --- sending -----------------------------------------------------------------------------------------------------------

#[test]
fn what_is_signed_here_verifies_here_and_nowhere_else() {
    let url = "https://voice.example.test/api/webhooks/vapi";
    let line = |bearer_prefix| WebhookAuth::SharedSecret(SharedSecret { header: Some("X-Line".into()), bearer_prefix });
    let address = hmac(|scheme| {
        scheme.algorithm = Algorithm::Sha512;
        scheme.payload_format = Some("{method} {url} {timestamp} {body}".into());
        scheme.signature_prefix = Some("sha512=".into());
    });
    let timeless = hmac(|scheme| scheme.include_timestamp = false);
    for auth in [WebhookAuth::default(), line(true), line(false), hmac(|_| {}), address, timeless, standard()] {
        let secret = STANDARD_KEY;
        let headers = headers_for(&auth, secret, ("POST", url, BODY), "msg_test", now()).unwrap();
        let request = SignedRequest { method: "POST", url, headers: &headers, body: BODY };
        assert!(verify(&auth, &[secret], &request, now()).is_ok(), "{auth:?}");
        assert!(verify(&auth, &["b3RoZXI="], &request, now()).is_err(), "{auth:?}");
        let tampered = SignedRequest { body: b"{}", ..request };
        let only_carries_the_secret = matches!(auth, WebhookAuth::SharedSecret(_));
        assert_eq!(verify(&auth, &[secret], &tampered, now()).is_ok(), only_carries_the_secret, "{auth:?}");
    }
    assert!(headers_for(&standard(), "not base64!", ("POST", url, BODY), "msg_test", now()).is_none());
    let vector = headers_for(&hmac(|_| {}), SECRET, ("POST", url, BODY), "", now()).unwrap();
    assert_eq!(vector["x-signature"], SHA256);
}

// --- configuration -----------------------------------------------------------------------------------------------------

#[test]
fn options_that_would_verify_nothing_are_refused_when_set_and_when_used() {
    for (auth, expected) in [
        (hmac(|scheme| scheme.payload_format = Some("{timestamp}".into())), SchemeError::BodyNotSigned),
        (hmac(|scheme| scheme.payload_format = Some(String::new())), SchemeError::BodyNotSigned),
        (hmac(|scheme| scheme.payload_format = Some("{body}".into())), SchemeError::TimestampNotSigned),
        (
            hmac(|scheme| scheme.payload_format = Some("{svix-id}.{timestamp}.{body}".into())),
            SchemeError::MessageIdHeader,
        ),
        (hmac(|scheme| scheme.signature_header = String::new()), SchemeError::HeaderName),
        (hmac(|scheme| scheme.timestamp_header = "x timestamp".into()), SchemeError::HeaderName),
        (hmac(|scheme| scheme.message_id_header = Some("\n".into())), SchemeError::HeaderName),
        (
            WebhookAuth::SharedSecret(SharedSecret { header: Some("x:y".into()), bearer_prefix: true }),
            SchemeError::HeaderName,
        ),
    ] {
        assert_eq!(auth.check(), Err(expected));
        assert_eq!(check(&auth, &[SECRET], &signed(SHA256), BODY), Err(Refused::Misconfigured));
    }
    assert_eq!(standard().check(), Ok(()));
    assert_eq!(WebhookAuth::default().check(), Ok(()));
}

#[test]
fn the_stored_form_has_the_documented_defaults() {
    let read = |value: serde_json::Value| serde_json::from_value::<WebhookAuth>(value);
    assert_eq!(read(json!({"scheme": "shared_secret"})).unwrap(), WebhookAuth::default());
    assert_eq!(read(json!({"scheme": "hmac"})).unwrap(), hmac(|_| {}));
    let WebhookAuth::Hmac(scheme) =
        read(json!({"scheme": "hmac", "algorithm": "sha512", "encoding": "base64"})).unwrap()
    else {
        panic!("not HMAC")
    };
    assert_eq!((scheme.signature_header.as_str(), scheme.timestamp_header.as_str()), ("x-signature", "x-timestamp"));
    assert!(scheme.include_timestamp && !scheme.secret_is_base64);
    for auth in [WebhookAuth::default(), standard(), hmac(|scheme| scheme.algorithm = Algorithm::Sha1)] {
        assert_eq!(read(serde_json::to_value(&auth).unwrap()).unwrap(), auth);
    }
    assert!(
        read(json!({"scheme": "hmac", "algoritm": "sha1"})).is_err(),
        "a misspelt option must not fall back to a default"
    );
    assert!(read(json!({"scheme": "none"})).is_err());
}

#[test]
fn a_refusal_tells_the_sender_nothing() {
    let all = [
        Refused::NoSecret,
        Refused::Misconfigured,
        Refused::Mismatch,
        Refused::OutsideWindow,
        Refused::MalformedSignature,
    ];
    assert!(all.iter().all(|refused| refused.to_string() == "the request was refused"));
    let reasons: std::collections::HashSet<_> = all.iter().map(|refused| refused.reason()).collect();
    assert_eq!(reasons.len(), all.len());
}
