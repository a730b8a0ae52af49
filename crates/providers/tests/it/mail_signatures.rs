//! Who may tell us about mails: the official vector, our own signatures, and everything that must be refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use providers::webhook::Refused;
use providers::{mailgun, postmark, sendgrid};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::Value;

/// Of SendGrid's own libraries (`sendgrid-python`, `test/unit/test_eventwebhook.py`).
const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
const OTHER_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqTxd43gyp8IOEto2LdIfjRQrIbsd4SXZkLW6jDutdhXSJCWHw8REntlo7aNDthvj+y7GjUuFDb/R1NGe1OPzpA==";
const SIGNATURE: &str =
    "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=";
const OTHER_SIGNATURE: &str =
    "MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH3j/0=";
const SENT: &str = "1600112502";
const BODY: &str = "[{\"email\":\"hello@world.com\",\"event\":\"dropped\",\"reason\":\"Bounced Address\",\"sg_event_id\":\"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA\",\"sg_message_id\":\"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0\",\"smtp-id\":\"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>\",\"timestamp\":1600112492}]\r\n";
const WINDOW: SignedDuration = SignedDuration::from_secs(300);

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

fn keys(texts: &[&str]) -> Vec<sendgrid::VerificationKey> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// The official request, with some of it replaced.
fn check(key: &str, signature: &str, sent: &str, body: &[u8], now: i64) -> Result<(), Refused> {
    let headers = headers(&[(sendgrid::SIGNATURE_HEADER, signature), (sendgrid::TIMESTAMP_HEADER, sent)]);
    sendgrid::verify(&keys(&[key]), &headers, body, at(now), WINDOW)
}

#[test]
fn the_official_vector_verifies_with_its_line_end_and_not_without() {
    assert_eq!(check(KEY, SIGNATURE, SENT, BODY.as_bytes(), 1_600_112_502), Ok(()));
    assert_eq!(sendgrid::receive(BODY.as_bytes()).unwrap().events.len(), 1);
    for body in [BODY.trim_end(), &BODY.replace("\r\n", "\n"), &format!("{BODY}\r\n"), "payload", ""] {
        assert_eq!(check(KEY, SIGNATURE, SENT, body.as_bytes(), 1_600_112_502), Err(Refused::Mismatch));
    }
}

#[test]
fn the_right_signature_of_the_same_json_written_anew_is_refused() {
    let value: Value = serde_json::from_str(BODY).unwrap();
    for body in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
        assert_eq!(check(KEY, SIGNATURE, SENT, body.as_bytes(), 1_600_112_502), Err(Refused::Mismatch), "{body}");
    }
    let spaced = BODY.replace("\":\"", "\": \"");
    assert_eq!(check(KEY, SIGNATURE, SENT, spaced.as_bytes(), 1_600_112_502), Err(Refused::Mismatch));
}

#[test]
fn another_key_signature_or_time_is_refused() {
    let body = BODY.as_bytes();
    assert_eq!(check(OTHER_KEY, SIGNATURE, SENT, body, 1_600_112_502), Err(Refused::Mismatch));
    assert_eq!(check(KEY, OTHER_SIGNATURE, SENT, body, 1_600_112_502), Err(Refused::Mismatch));
    assert_eq!(check(KEY, SIGNATURE, "1600112503", body, 1_600_112_502), Err(Refused::Mismatch));
    for broken in ["not base64!", "AAAA", &SIGNATURE[..40], &format!("{SIGNATURE}AA")] {
        let refused = check(KEY, broken, SENT, body, 1_600_112_502).unwrap_err();
        assert!(matches!(refused, Refused::MalformedSignature | Refused::Mismatch), "{broken}");
    }
    for broken in ["timestamp", "01600112502", "+1600112502", "1600112502.0", "99999999999999999999", "-1"] {
        assert_eq!(check(KEY, SIGNATURE, broken, body, 1_600_112_502), Err(Refused::MalformedTimestamp), "{broken}");
    }
}

#[test]
fn a_request_is_good_for_five_minutes_before_and_after() {
    let body = BODY.as_bytes();
    for (now, fine) in [
        (1_600_112_802, true),
        (1_600_112_803, false),
        (1_600_112_202, true),
        (1_600_112_201, false),
        (4_000_000_000, false),
    ] {
        let verdict = check(KEY, SIGNATURE, SENT, body, now);
        assert_eq!(verdict, if fine { Ok(()) } else { Err(Refused::OutsideWindow) }, "{now}");
    }
}

#[test]
fn headers_must_be_there_once() {
    let verify = |pairs: &[(&str, &str)]| {
        sendgrid::verify(&keys(&[KEY]), &headers(pairs), BODY.as_bytes(), at(1_600_112_502), WINDOW)
    };
    let (signature, time) = ((sendgrid::SIGNATURE_HEADER, SIGNATURE), (sendgrid::TIMESTAMP_HEADER, SENT));
    assert_eq!(verify(&[signature, time]), Ok(()));
    assert_eq!(verify(&[time]), Err(Refused::NoCredential));
    assert_eq!(verify(&[signature]), Err(Refused::NoTimestamp));
    assert_eq!(verify(&[signature, signature, time]), Err(Refused::RepeatedHeader));
    assert_eq!(verify(&[signature, time, time]), Err(Refused::RepeatedHeader));
    assert_eq!(verify(&[(signature.0, &"A".repeat(5_000)), time]), Err(Refused::OversizedHeader));
}

#[test]
fn without_a_key_nothing_verifies_and_while_keys_change_both_do() {
    let headers = headers(&[(sendgrid::SIGNATURE_HEADER, SIGNATURE), (sendgrid::TIMESTAMP_HEADER, SENT)]);
    let verify = |texts: &[&str]| sendgrid::verify(&keys(texts), &headers, BODY.as_bytes(), at(1_600_112_502), WINDOW);
    assert_eq!(verify(&[]), Err(Refused::NoSecret));
    assert_eq!(verify(&[OTHER_KEY, KEY]), Ok(()));
}

#[test]
fn what_is_no_key_is_told_when_it_is_set() {
    assert!(format!(" {KEY}\n").parse::<sendgrid::VerificationKey>().is_ok());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{KEY}\n-----END PUBLIC KEY-----");
    let short = STANDARD.encode(&STANDARD.decode(KEY).unwrap()[..90]);
    let mut other_curve = STANDARD.decode(KEY).unwrap();
    other_curve[20] ^= 1;
    for text in ["", "SG.abc", &pem, &short, &STANDARD.encode(other_curve), &STANDARD.encode([4; 65])] {
        assert!(text.parse::<sendgrid::VerificationKey>().is_err(), "{text}");
    }
}

#[test]
fn what_another_program_signs_with_a_fresh_key_verifies() {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
    let mut spki = STANDARD.decode(KEY).unwrap()[..26].to_vec();
    spki.extend_from_slice(pair.public_key().as_ref());
    let body = vec![b' '; 1 << 20];
    let signature = pair.sign(&random, &[b"1793433600", body.as_slice()].concat()).unwrap();
    let signature = STANDARD.encode(signature.as_ref());
    let key = STANDARD.encode(spki);
    assert_eq!(check(&key, &signature, "1793433600", &body, 1_793_433_600), Ok(()));
    assert_eq!(check(&key, &signature, "1793433600", &body[1..], 1_793_433_600), Err(Refused::Mismatch));
}

#[test]
fn postmark_proves_itself_by_the_password_in_its_address() {
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let verify = |secrets: &[&str], pairs: &[(&str, &str)]| postmark::verify(secrets, &headers(pairs));
    let secrets = ["fixture:secret"];
    assert_eq!(verify(&secrets, &[("authorization", &basic("voxanne:fixture:secret"))]), Ok(()));
    assert_eq!(verify(&secrets, &[("authorization", &basic(":fixture:secret"))]), Ok(()));
    assert_eq!(verify(&secrets, &[(postmark::SECRET_HEADER, "fixture:secret")]), Ok(()));
    assert_eq!(verify(&["new", "fixture:secret"], &[(postmark::SECRET_HEADER, "new")]), Ok(()));
    for wrong in [basic("voxanne:wrong"), basic("fixture:secret"), basic("voxanne:fixture:secret ")] {
        assert_eq!(verify(&secrets, &[("authorization", &wrong)]), Err(Refused::Mismatch), "{wrong}");
    }
    for missing in ["Basic", "Basic !!", "Bearer fixture:secret", &basic("nocolon")] {
        assert_eq!(verify(&secrets, &[("authorization", missing)]), Err(Refused::NoCredential), "{missing}");
    }
    assert_eq!(verify(&secrets, &[]), Err(Refused::NoCredential));
    assert_eq!(verify(&[], &[(postmark::SECRET_HEADER, "x")]), Err(Refused::NoSecret));
    assert_eq!(verify(&["", " "], &[(postmark::SECRET_HEADER, "")]), Err(Refused::NoSecret));
}

#[test]
fn mailgun_proves_itself_by_the_signature_in_its_body() {
    let path = format!("{}/fixtures/mailgun/delivered.json", env!("CARGO_MANIFEST_DIR"));
    let body = std::fs::read(path).unwrap();
    let verify = |keys: &[&str], body: &[u8], now: i64| mailgun::verify(keys, body, at(now), WINDOW);
    assert_eq!(verify(&["fixture-signing-key"], &body, 1_793_433_600), Ok(()));
    assert_eq!(verify(&["new", "fixture-signing-key"], &body, 1_793_433_600), Ok(()));
    assert_eq!(verify(&["fixture-signing-kex"], &body, 1_793_433_600), Err(Refused::Mismatch));
    assert_eq!(verify(&["fixture-signing-key"], &body, 1_793_433_901), Err(Refused::OutsideWindow));
    assert_eq!(verify(&[], &body, 1_793_433_600), Err(Refused::NoSecret));
    let json: Value = serde_json::from_slice(&body).unwrap();
    for (field, value, refused) in [
        ("token", Value::from("another"), Refused::Mismatch),
        ("token", Value::Null, Refused::NoCredential),
        ("timestamp", Value::from("1793433601"), Refused::Mismatch),
        ("timestamp", Value::from(1.5), Refused::NoTimestamp),
        ("timestamp", Value::from("now"), Refused::MalformedTimestamp),
        ("signature", Value::from("zz"), Refused::MalformedSignature),
        ("signature", Value::from("00"), Refused::Mismatch),
        ("signature", Value::Null, Refused::NoCredential),
    ] {
        let mut changed = json.clone();
        changed["signature"][field] = value;
        assert_eq!(
            verify(&["fixture-signing-key"], changed.to_string().as_bytes(), 1_793_433_600),
            Err(refused),
            "{field}"
        );
    }
    for body in [&b""[..], b"[]", b"{}", b"\xff", b"{\"signature\":7}"] {
        assert!(verify(&["fixture-signing-key"], body, 1_793_433_600).is_err());
    }
}
