//! What relays say about mails: a fixture of every kind, and whatever else may arrive.

use jiff::Timestamp;
use proptest::prelude::*;
use providers::mail_events::{Batch, Cause, EventKind, MailEvent, Unreadable, tracking_headers};
use providers::{mailgun, postmark, sendgrid};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::pointers;

const MAIL: Uuid = Uuid::from_u128(0x0199_f0aa_1c11_7d52_9a3e_5d1f_0c0a_0001);
const NADIA: &str = "nadia.example@example.org";

type Receive = fn(&[u8]) -> Result<Batch, Unreadable>;

const RELAYS: [(&str, Receive); 3] =
    [("sendgrid", sendgrid::receive), ("postmark", postmark::receive), ("mailgun", mailgun::receive)];

fn bytes(relay: &str, name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/fixtures/{relay}/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn json_of(relay: &str, name: &str) -> Value {
    serde_json::from_slice(&bytes(relay, name)).unwrap()
}

fn receiver(relay: &str) -> Receive {
    RELAYS.iter().find(|(name, _)| *name == relay).unwrap().1
}

/// The one event of a fixture.
fn event(relay: &str, name: &str) -> MailEvent {
    let batch = receiver(relay)(&bytes(relay, name)).unwrap();
    assert!(batch.faulty.is_empty(), "{relay}/{name}");
    let [event] = <[MailEvent; 1]>::try_from(batch.events).unwrap();
    event
}

fn fixtures() -> Vec<(&'static str, String)> {
    RELAYS
        .into_iter()
        .flat_map(|(relay, _)| {
            let folder = format!("{}/fixtures/{relay}", env!("CARGO_MANIFEST_DIR"));
            let mut names: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|file| file.unwrap().file_name().into_string().unwrap().replace(".json", ""))
                .collect();
            names.sort();
            names.into_iter().map(move |name| (relay, name))
        })
        .collect()
}

#[test]
fn every_fixture_means_what_its_relay_documents() {
    let opened = |by_machine| EventKind::Opened { by_machine };
    let other = |name: &str| EventKind::Other(name.to_owned());
    let expected: Vec<(&str, &str, EventKind, Option<Cause>)> = vec![
        ("mailgun", "accepted", EventKind::Processed, None),
        ("mailgun", "clicked", EventKind::Clicked, None),
        ("mailgun", "complained", EventKind::Complained, Some(Cause::Spam)),
        ("mailgun", "delivered", EventKind::Delivered, None),
        ("mailgun", "failed-old", EventKind::Dropped, Some(Cause::TimedOut)),
        ("mailgun", "failed-permanent", EventKind::Bounced, Some(Cause::Bounced)),
        ("mailgun", "failed-suppressed", EventKind::Dropped, Some(Cause::Spam)),
        ("mailgun", "failed-temporary", EventKind::Deferred, None),
        ("mailgun", "opened", opened(false), None),
        ("mailgun", "opened-by-machine", opened(true), None),
        ("mailgun", "rejected", EventKind::Dropped, Some(Cause::Blocked)),
        ("mailgun", "unsubscribed", EventKind::Unsubscribed, Some(Cause::Unsubscribed)),
        ("postmark", "blocked-bounce", EventKind::Blocked, Some(Cause::Blocked)),
        ("postmark", "click", EventKind::Clicked, None),
        ("postmark", "delivery", EventKind::Delivered, None),
        ("postmark", "hard-bounce", EventKind::Bounced, Some(Cause::Bounced)),
        ("postmark", "open", opened(false), None),
        ("postmark", "resubscribed", other("Resubscribed"), None),
        ("postmark", "spam-complaint", EventKind::Complained, Some(Cause::Spam)),
        ("postmark", "transient-bounce", EventKind::Deferred, None),
        ("postmark", "unsubscribed", EventKind::Unsubscribed, Some(Cause::Unsubscribed)),
        ("sendgrid", "account-status-change", other("account_status_change"), None),
        ("sendgrid", "blocked", EventKind::Blocked, Some(Cause::Blocked)),
        ("sendgrid", "bounce", EventKind::Bounced, Some(Cause::Bounced)),
        ("sendgrid", "click", EventKind::Clicked, None),
        ("sendgrid", "deferred", EventKind::Deferred, None),
        ("sendgrid", "delivered", EventKind::Delivered, None),
        ("sendgrid", "dropped-bounced", EventKind::Dropped, Some(Cause::Bounced)),
        ("sendgrid", "dropped-invalid", EventKind::Dropped, Some(Cause::Invalid)),
        ("sendgrid", "dropped-spam", EventKind::Dropped, Some(Cause::Spam)),
        ("sendgrid", "dropped-unsubscribed", EventKind::Dropped, Some(Cause::Unsubscribed)),
        ("sendgrid", "expired", EventKind::Dropped, Some(Cause::TimedOut)),
        ("sendgrid", "group-resubscribe", other("group_resubscribe"), None),
        ("sendgrid", "group-unsubscribe", EventKind::Unsubscribed, Some(Cause::Unsubscribed)),
        ("sendgrid", "open", opened(false), None),
        ("sendgrid", "open-by-machine", opened(true), None),
        ("sendgrid", "processed", EventKind::Processed, None),
        ("sendgrid", "spamreport", EventKind::Complained, Some(Cause::Spam)),
        ("sendgrid", "unsubscribe", EventKind::Unsubscribed, Some(Cause::Unsubscribed)),
    ];
    let all: Vec<(&str, String)> = expected.iter().map(|(relay, name, ..)| (*relay, (*name).to_owned())).collect();
    let mut there = fixtures();
    there.sort();
    assert_eq!(all, there, "each fixture is named above");
    for (relay, name, kind, cause) in expected {
        let event = event(relay, name);
        assert_eq!((&event.kind, event.cause), (&kind, cause), "{relay}/{name}");
        assert_eq!(EventKind::from_word(kind.word(), Some(name)).word(), kind.word());
        if !name.starts_with("account") {
            assert_eq!(event.mail, Some(MAIL), "{relay}/{name}");
            assert!(event.at.is_some() && !event.event_id.is_empty());
        }
    }
}

#[test]
fn an_event_says_whose_when_and_why() {
    let bounce = event("sendgrid", "bounce");
    assert_eq!(bounce.at, Some(Timestamp::from_second(1_793_433_604).unwrap()));
    assert_eq!(bounce.recipient.as_deref(), Some(NADIA));
    assert_eq!(bounce.event_id, "ZXZlbnQt0004");
    assert_eq!(bounce.message_id.as_deref(), Some("0199f0aa-1c11-7d52-9a3e-5d1f0c0a0001@mail.example.com"));
    assert_eq!(bounce.status.as_deref(), Some("5.1.1"));
    assert_eq!(bounce.words.as_deref(), Some("550 5.1.1 The account does not exist"));
    assert_eq!(event("sendgrid", "deferred").words.as_deref(), Some("451 4.7.1 Greylisted, please try again later"));
    assert_eq!(event("sendgrid", "dropped-invalid").recipient, None, "what is no address is no recipient");

    let bounce = event("postmark", "hard-bounce");
    assert_eq!(bounce.at, Some("2026-10-31T12:00:05.2735393Z".parse().unwrap()));
    assert_eq!(bounce.event_id, "Bounce:4323372036854775807");
    assert_eq!(bounce.words.as_deref(), Some("smtp;550 5.1.1 The account does not exist"));
    assert_eq!(event("postmark", "delivery").recipient.as_deref(), Some(NADIA), "in lower case");

    let bounce = event("mailgun", "failed-permanent");
    assert_eq!(bounce.at, Some("2026-10-31T08:00:04.25Z".parse().unwrap()));
    assert_eq!(bounce.event_id, format!("{:050x}", 4), "the token: the id of an event is unique for a day only");
    assert_eq!(bounce.status.as_deref(), Some("5.1.1"));
    assert_eq!(bounce.words.as_deref(), Some("5.1.1 The account does not exist"));
    assert_eq!(event("mailgun", "delivered").status.as_deref(), Some("250"));
}

#[test]
fn a_debug_print_names_nobody() {
    for (relay, name) in fixtures() {
        let batch = receiver(relay)(&bytes(relay, &name)).unwrap();
        assert!(!format!("{batch:?}").to_lowercase().contains("nadia"), "{relay}/{name}");
    }
    let faulty = sendgrid::receive(br#"[{"email":"nadia.example@example.org"}]"#).unwrap();
    assert!(!format!("{faulty:?}").contains("nadia"));
}

#[test]
fn a_bounce_of_a_kind_we_do_not_know_does_not_condemn_the_address() {
    let mut body = json_of("sendgrid", "bounce");
    body[0]["type"] = json!("new-kind");
    let batch = sendgrid::receive(body.to_string().as_bytes()).unwrap();
    assert_eq!(batch.events[0].kind, EventKind::Blocked);
    let mut body = json_of("postmark", "hard-bounce");
    body["Type"] = json!("NewKind");
    assert_eq!(postmark::receive(body.to_string().as_bytes()).unwrap().events[0].kind.word(), "other");
}

#[test]
fn one_faulty_event_does_not_lose_the_others() {
    let good = json_of("sendgrid", "delivered")[0].to_string();
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let body = format!(
        r#"[{good},7,null,"text",[],{{}},{{"event":7}},{{"event":" "}},{{"event":"open","x":{deep}}},{{"event":"open","timestamp":1e400,"email":"\ud800a@example.org"}},{good}]"#
    );
    let batch = sendgrid::receive(body.as_bytes()).unwrap();
    let faults: Vec<_> = batch.faulty.iter().map(|faulty| (faulty.index, faulty.fault)).collect();
    let expected = [
        (1, "not_an_object"),
        (2, "not_an_object"),
        (3, "not_an_object"),
        (4, "not_an_object"),
        (5, "event_missing"),
        (6, "event_missing"),
        (7, "event_missing"),
        (8, "not_readable"),
    ];
    assert_eq!(faults, expected);
    assert_eq!(batch.events.len(), 3);
    assert!(batch.events[1].at.is_none(), "a number that no machine can hold counts as missing");
    assert_eq!(batch.faulty[7].raw, format!(r#"{{"event":"open","x":{deep}}}"#), "kept as it came");
    assert_ne!(batch.faulty[0].digest(), batch.faulty[1].digest());
}

#[test]
fn what_is_no_list_of_events_is_refused_as_a_whole() {
    for (body, code) in [
        (&b""[..], "body_not_json"),
        (b"[", "body_not_json"),
        (b"[{\"event\":\"open\"}", "body_not_json"),
        (b"[{\"event\":\"open\"}] []", "body_not_json"),
        (b"{}", "body_wrong_shape"),
        (b"null", "body_wrong_shape"),
        (b"\"[]\"", "body_wrong_shape"),
        (b"\xff\xfe[]", "body_not_utf8"),
    ] {
        let error = sendgrid::receive(body).expect_err(&String::from_utf8_lossy(body));
        assert_eq!(error.code(), code, "{}", String::from_utf8_lossy(body));
    }
    for receive in [postmark::receive, mailgun::receive] {
        assert_eq!(receive(b"[]").unwrap_err().code(), "body_wrong_shape");
        assert_eq!(receive(b"{\"RecordType\":").unwrap_err().code(), "body_not_json");
        assert_eq!(receive(b"{}").unwrap().faulty.len(), 1, "an object without a kind is kept");
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(receive(deep.as_bytes()).unwrap_err().code(), "body_not_json");
    }
    assert_eq!(sendgrid::receive(b"[]").unwrap(), Batch::default());
}

#[test]
fn an_error_never_repeats_the_body() {
    let error = sendgrid::receive(b"[{\"email\":\"nadia.example@example.org\"").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("nadia"));
}

#[test]
fn depth_and_size_are_survived() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(sendgrid::receive(deep.as_bytes()).unwrap().faulty.len(), 1);
    assert!(sendgrid::receive("[".repeat(1_000_000).as_bytes()).is_err());
    let one = json_of("sendgrid", "delivered")[0].to_string();
    let count = (1 << 20) / (one.len() + 1);
    let many = format!("[{}]", vec![one; count].join(","));
    assert_eq!(sendgrid::receive(many.as_bytes()).unwrap().events.len(), count);
    assert!(count > 1_500, "{count}");
}

#[test]
fn nothing_that_a_database_refuses_comes_out() {
    let body = br#"[{"event":"bounce\u0000","email":"a\u0000b@example.org","reason":"\ud800 \u0000 x","sg_event_id":"\u0000id","sg_message_id":"m\u0000"},{"x":"\u0000\udfff"}]"#;
    let batch = sendgrid::receive(body).unwrap();
    let event = &batch.events[0];
    assert_eq!((&event.kind, event.recipient.as_deref()), (&EventKind::Bounced, Some("ab@example.org")));
    assert_eq!((event.event_id.as_str(), event.words.as_deref()), ("id", Some("\u{fffd} x")));
    assert!(!batch.faulty[0].raw.contains("\\u0000") && !batch.faulty[0].raw.contains("\\udfff"));
}

#[test]
fn null_and_wrong_types_in_any_field_are_survived() {
    for replacement in ["null", "[[],{},null]", "{\"id\":[]}", "7", "-0.0", "1e400", "true", "\"\\u0000\\ud800=cmd|'\""]
    {
        for (relay, name) in fixtures() {
            let original = json_of(relay, &name);
            for pointer in pointers(&original) {
                let mut changed = original.clone();
                *changed.pointer_mut(&pointer).unwrap() = json!("@@");
                let body = changed.to_string().replace("\"@@\"", replacement);
                let batch =
                    receiver(relay)(body.as_bytes()).unwrap_or_else(|error| panic!("{relay}/{name}{pointer}: {error}"));
                assert_eq!(batch.events.len() + batch.faulty.len(), 1, "{relay}/{name}{pointer} = {replacement}");
            }
        }
    }
}

#[test]
fn an_event_without_an_id_of_its_own_is_named_by_what_it_says() {
    let without = |change: fn(&mut Value)| {
        let mut body = json_of("sendgrid", "delivered");
        body[0].as_object_mut().unwrap().remove("sg_event_id");
        change(&mut body[0]);
        sendgrid::receive(body.to_string().as_bytes()).unwrap().events[0].event_id.clone()
    };
    let first = without(|_| ());
    assert_eq!(first, without(|event| event["response"] = json!("250 OK again")));
    for change in [
        (|event| event["event"] = json!("deferred")) as fn(&mut Value),
        |event| event["email"] = json!("tom@example.org"),
        |event| event["timestamp"] = json!(1_793_433_999),
        |event| event["sg_message_id"] = json!("another"),
    ] {
        assert_ne!(first, without(change));
    }
    let long = json!([{"event": "open", "sg_event_id": "x".repeat(5_000)}]).to_string();
    let id = &sendgrid::receive(long.as_bytes()).unwrap().events[0].event_id;
    assert!(id.len() == 33 && id.starts_with('#'), "{id}");
    assert_ne!(event("postmark", "open").event_id, event("postmark", "click").event_id);
}

#[test]
fn each_relay_gets_our_id_the_way_it_sends_it_back() {
    let [(name, value)] = <[_; 1]>::try_from(tracking_headers("smtp.sendgrid.net", MAIL)).unwrap();
    assert_eq!(name, "X-SMTPAPI");
    assert_eq!(value, format!(r#"{{"unique_args":{{"voxanne_mail":"{MAIL}"}}}}"#));
    let sent: Value = serde_json::from_str(&value).unwrap();
    let mut event = json!({"event": "open"});
    event.as_object_mut().unwrap().extend(sent["unique_args"].as_object().unwrap().clone());
    let back = sendgrid::receive(json!([event]).to_string().as_bytes()).unwrap();
    assert_eq!(back.events[0].mail, Some(MAIL));

    for (host, header) in [
        ("SMTP.SendGrid.net.", Some("X-SMTPAPI")),
        ("smtp.eu.sendgrid.net", Some("X-SMTPAPI")),
        ("smtp.postmarkapp.com", Some("X-PM-Metadata-voxanne_mail")),
        ("smtp.eu.mailgun.org", Some("X-Mailgun-Variables")),
        ("notsendgrid.net", None),
        ("sendgrid.net.example.com", None),
        ("127.0.0.1", None),
    ] {
        let headers = tracking_headers(host, MAIL);
        assert_eq!(headers.first().map(|(name, _)| *name), header, "{host}");
        assert!(headers.iter().all(|(_, value)| value.is_ascii()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..300)) {
        for (_, receive) in RELAYS {
            let _ = receive(&body);
        }
    }

    #[test]
    fn a_damaged_body_is_read_or_refused(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()
    ) {
        let all = fixtures();
        let (relay, name) = &all[which.index(all.len())];
        let mut body = bytes(relay, name);
        let at = at.index(body.len());
        if cut { body.truncate(at); } else { body[at] = byte; }
        if let Ok(batch) = receiver(relay)(&body) {
            for event in batch.events {
                prop_assert!(event.event_id.len() <= 200 && event.event_id.bytes().all(|b| b.is_ascii_graphic()));
                let texts = [event.recipient, event.words, event.status, event.message_id, event.provider_message_id];
                prop_assert!(texts.into_iter().flatten().all(|text| !text.contains('\0')));
            }
        }
    }
}
