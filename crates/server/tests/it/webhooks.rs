//! The provider at our door: who gets in, what is answered, and where an event ends up.

use std::collections::BTreeSet;
use std::future::Future;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use platform::audit::Actor;
use platform::clock::Clock;
use platform::ids::OrgId;
use reqwest::Method;
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use uuid::Uuid;
use voice::numbers::actions::{Mapping, map_number};

use crate::support::{Answer, Practice, TestApp, answer, eventually, fixture, fixture_bytes, new_call};

/// Posts exactly these bytes with exactly these headers.
async fn post(app: &TestApp, path: &str, headers: &[(&str, String)], body: &[u8]) -> Answer {
    let mut request = app.nobody().request(Method::POST, path).body(body.to_vec());
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    answer(request).await
}

async fn posts(app: &TestApp, practice: &Practice, headers: &[(&str, &str)]) -> u16 {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    post(app, &practice.webhook(), &headers, &fixture_bytes("hang")).await.status
}

/// Lets an agent answer a number of the fixtures.
async fn map(app: &TestApp, practice: &Practice, number: &str) {
    let mut tx = app.db.tenancy().tenant(OrgId::from_uuid(practice.org)).await.unwrap();
    let assistant_id = format!("assistant-of-{}", practice.connection);
    let mapping = Mapping { number, provider_number_id: None, agent_name: "Ivy", assistant_id: &assistant_id };
    map_number(&mut tx, Actor::System, &mapping).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn the_secret_itself_opens_the_door_in_either_header_and_nothing_else_does() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let theirs = app.practice("Birch Lane Dental").await;
    let (secret, bearer) = (ours.secret.as_str(), format!("Bearer {}", ours.secret));
    assert_eq!(posts(&app, &ours, &[("x-vapi-secret", secret)]).await, 200);
    assert_eq!(posts(&app, &ours, &[("authorization", &bearer)]).await, 200);
    let long = "x".repeat(10_000);
    let prefix = &secret[..secret.len() - 1];
    for headers in [
        &[][..],
        &[("x-vapi-secret", "")],
        &[("x-vapi-secret", " ")],
        &[("x-vapi-secret", "wrong")],
        &[("x-vapi-secret", prefix)],
        &[("x-vapi-secret", &theirs.secret)],
        &[("x-vapi-secret", &long)],
        &[("x-vapi-secret", secret), ("x-vapi-secret", secret)],
        &[("x-vapi-secret", "wrong"), ("x-vapi-secret", secret)],
        &[("authorization", secret)],
        &[("authorization", "Bearer ")],
        &[("authorization", "Basic eDp5")],
        &[("x-signature", secret)],
    ] {
        assert_eq!(posts(&app, &ours, headers).await, 401, "{headers:?}");
    }
    assert_eq!(ours.owner.calls().await.len(), 1, "what was refused left nothing behind");
    assert!(theirs.owner.calls().await.is_empty());
}

#[tokio::test]
async fn a_refusal_does_not_tell_whether_the_connection_exists() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let wrong = [("x-vapi-secret", "wrong".to_owned())];
    let known = post(&app, &ours.webhook(), &wrong, b"{}").await.refuses(401, "unauthenticated");
    for path in [
        format!("/api/webhooks/vapi/{}", Uuid::now_v7()),
        format!("/api/webhooks/vapi/{}", Uuid::nil()),
        "/api/webhooks/vapi/nonsense".to_owned(),
        "/api/webhooks/vapi/%00".to_owned(),
        "/api/webhooks/vapi".to_owned(),
    ] {
        let other = post(&app, &path, &wrong, b"{}").await.expect(401);
        assert_eq!(other.without_request_id(), known.without_request_id(), "{path}");
    }
    ours.owner.delete(&format!("/api/v1/connections/{}", ours.connection)).await.expect(204);
    let off = ours.send(&fixture("hang", &new_call())).await.expect(401);
    assert_eq!(off.without_request_id(), known.without_request_id(), "a disabled connection");
}

#[tokio::test]
async fn during_a_rotation_both_secrets_work_and_afterwards_the_new_one() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let connection = format!("/api/v1/connections/{}", ours.connection);
    let new = json!({"webhook_secret": "the-next-secret"});
    ours.owner.post(&format!("{connection}/secrets"), &new).await.expect(204);
    assert_eq!(posts(&app, &ours, &[("x-vapi-secret", &ours.secret)]).await, 200);
    assert_eq!(posts(&app, &ours, &[("x-vapi-secret", "the-next-secret")]).await, 200);
    ours.owner.post(&format!("{connection}/secrets/retire-older"), &json!({})).await.expect(204);
    assert_eq!(posts(&app, &ours, &[("x-vapi-secret", &ours.secret)]).await, 401);
    assert_eq!(posts(&app, &ours, &[("x-vapi-secret", "the-next-secret")]).await, 200);
    let test = ours.owner.post(&format!("{connection}/test-event"), &json!({})).await.expect(200).json();
    assert!(test["milliseconds"].is_u64());
}

/// A way to sign, written from the provider's documentation and not with the code under test.
struct Plan {
    auth: Value,
    secret: String,
    sign: fn(&Signed<'_>) -> Vec<(&'static str, String)>,
}

struct Signed<'a> {
    key: &'a [u8],
    seconds: i64,
    url: &'a str,
    body: &'a [u8],
}

impl Signed<'_> {
    fn payload(&self, head: &str) -> Vec<u8> {
        [head.as_bytes(), self.body].concat()
    }
}

fn sha1(key: &[u8], payload: &[u8]) -> Vec<u8> {
    Hmac::<Sha1>::new_from_slice(key).unwrap().chain_update(payload).finalize().into_bytes().to_vec()
}

fn sha256(key: &[u8], payload: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(payload).finalize().into_bytes().to_vec()
}

fn sha512(key: &[u8], payload: &[u8]) -> Vec<u8> {
    Hmac::<Sha512>::new_from_slice(key).unwrap().chain_update(payload).finalize().into_bytes().to_vec()
}

fn plans() -> Vec<Plan> {
    let plain = |auth, sign| Plan { auth, secret: "signing-key-of-elm-street".to_owned(), sign };
    vec![
        plain(json!({"scheme": "hmac"}), |it| {
            let mac = sha256(it.key, &it.payload(&format!("{}.", it.seconds)));
            vec![("x-signature", hex::encode(mac)), ("x-timestamp", it.seconds.to_string())]
        }),
        plain(
            json!({"scheme": "hmac", "algorithm": "sha1", "include_timestamp": false, "signature_prefix": "sha1="}),
            |it| vec![("x-signature", format!("sha1={}", hex::encode_upper(sha1(it.key, it.body))))],
        ),
        plain(json!({"scheme": "hmac", "algorithm": "sha512", "encoding": "base64"}), |it| {
            let mac = sha512(it.key, &it.payload(&format!("{}.", it.seconds)));
            vec![("x-signature", STANDARD.encode(mac)), ("x-timestamp", it.seconds.to_string())]
        }),
        plain(
            json!({"scheme": "hmac", "signature_header": "x-hub-signature-256", "signature_prefix": "sha256=",
                   "include_timestamp": false}),
            |it| vec![("x-hub-signature-256", format!("sha256={}", hex::encode(sha256(it.key, it.body))))],
        ),
        plain(json!({"scheme": "hmac", "payload_format": "{method}\n{url}\n{timestamp}\n{body}"}), |it| {
            let mac = sha256(it.key, &it.payload(&format!("POST\n{}\n{}\n", it.url, it.seconds)));
            vec![("x-signature", hex::encode(mac)), ("x-timestamp", it.seconds.to_string())]
        }),
        Plan {
            auth: json!({"scheme": "hmac", "signature_header": "webhook-signature", "timestamp_header": "webhook-timestamp",
                         "message_id_header": "webhook-id", "payload_format": "{svix-id}.{timestamp}.{body}",
                         "signature_prefix": "v1,", "encoding": "base64", "secret_is_base64": true}),
            secret: format!("whsec_{}", STANDARD.encode(b"signing-key-of-elm-street")),
            sign: |it| {
                let mac = sha256(it.key, &it.payload(&format!("msg_1.{}.", it.seconds)));
                let old = STANDARD.encode([0; 32]);
                vec![
                    ("webhook-signature", format!("v1,{old} v1,{}", STANDARD.encode(mac))),
                    ("webhook-timestamp", it.seconds.to_string()),
                    ("webhook-id", "msg_1".to_owned()),
                ]
            },
        },
    ]
}

#[tokio::test]
async fn every_documented_signature_is_believed_for_exactly_the_signed_bytes() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let body = fixture_bytes("status-update");
    let rewritten = serde_json::from_slice::<Value>(&body).unwrap().to_string().into_bytes();
    let spaced = [body.as_slice(), b" "].concat();
    assert_ne!(rewritten, body);
    for (index, plan) in plans().into_iter().enumerate() {
        let made = json!({"label": format!("Line {index}"), "auth": plan.auth, "webhook_secret": plan.secret});
        let connection = ours.owner.create_connection(&made).await;
        let path = format!("/api/webhooks/vapi/{connection}");
        let (url, seconds) = (format!("{}{path}", app.base), app.clock.now().as_second());
        let signed = Signed { key: b"signing-key-of-elm-street", seconds, url: &url, body: &body };
        let headers = (plan.sign)(&signed);
        post(&app, &path, &headers, &body).await.expect(200);
        for (what, changed) in [("one space more", &spaced), ("the same JSON written anew", &rewritten)] {
            assert_eq!(post(&app, &path, &headers, changed).await.status, 401, "plan {index}: {what}");
        }
        let other = (plan.sign)(&Signed { key: b"another-key", ..signed });
        assert_eq!(post(&app, &path, &other, &body).await.status, 401, "plan {index}: another key");
        assert_eq!(post(&app, &path, &[], &body).await.status, 401, "plan {index}: nothing");
        let bare = [("x-vapi-secret", plan.secret.clone())];
        assert_eq!(
            post(&app, &path, &bare, &body).await.status,
            401,
            "plan {index}: the secret instead of a signature"
        );
        for (name, _) in &headers {
            let broken: Vec<_> = headers
                .iter()
                .map(|(key, value)| (*key, if key == name { "00ff".to_owned() } else { value.clone() }))
                .collect();
            assert_eq!(post(&app, &path, &broken, &body).await.status, 401, "plan {index}: {name}");
        }
        assert_eq!(post(&app, &ours.webhook(), &headers, &body).await.status, 401, "plan {index}: another connection");
    }
}

#[tokio::test]
async fn a_signature_is_believed_for_five_minutes_either_way() {
    let start = test_support::START.parse().unwrap();
    let app = TestApp::at(Clock::frozen_at(start), &[]).await;
    let ours = app.practice("Elm Street Dental").await;
    let made = json!({"label": "Signed", "auth": {"scheme": "hmac"}, "webhook_secret": "signing-key-of-elm-street"});
    let path = format!("/api/webhooks/vapi/{}", ours.owner.create_connection(&made).await);
    let body = fixture_bytes("hang");
    let now = start.as_second();
    let at = |text: &str| {
        let mac = sha256(b"signing-key-of-elm-street", &[text.as_bytes(), b".", &body].concat());
        [("x-signature", hex::encode(mac)), ("x-timestamp", text.to_owned())]
    };
    for fine in [now, now - 299, now + 299, now * 1000] {
        post(&app, &path, &at(&fine.to_string()), &body).await.expect(200);
    }
    let odd = ["0", "-1", "1e20", "NaN", "", " ", "99999999999999999999", "0x10"].map(str::to_owned);
    let far = [now - 301, now + 301, -now].map(|seconds| seconds.to_string());
    let dressed = [format!("+{now}"), format!("0{now}"), format!("{now}.5"), format!("{now} ")];
    for wrong in odd.into_iter().chain(far).chain(dressed).filter(|text| text.trim() != now.to_string()) {
        assert_eq!(post(&app, &path, &at(&wrong), &body).await.status, 401, "{wrong:?}");
    }
}

#[tokio::test]
async fn the_platform_wide_door_is_shut_until_it_has_a_secret() {
    let app = TestApp::start().await;
    for secret in ["", "anything", "null"] {
        let headers = [("x-vapi-secret", secret.to_owned())];
        post(&app, "/api/webhooks/vapi", &headers, &fixture_bytes("hang")).await.expect(401);
    }
}

#[tokio::test]
async fn an_event_of_the_platform_goes_to_whoever_has_the_number_and_else_to_quarantine() {
    let app = TestApp::with(&[("VOXANNE_VAPI_WEBHOOK_SECRET", "new-platform-secret,old-platform-secret")]).await;
    let ours = app.practice("Elm Street Dental").await;
    let theirs = app.practice("Birch Lane Dental").await;
    map(&app, &ours, "+12025550100").await;
    for secret in ["new-platform-secret", "old-platform-secret"] {
        let event = fixture("status-update", &new_call()).to_string();
        let headers = [("x-vapi-secret", secret.to_owned())];
        post(&app, "/api/webhooks/vapi", &headers, event.as_bytes()).await.expect(200);
    }
    assert_eq!(ours.owner.calls().await.len(), 2);

    let stray = new_call();
    let event = fixture("status-update", &stray).to_string().replace("+12025550100", "+12025550177");
    let headers = [("x-vapi-secret", "new-platform-secret".to_owned())];
    post(&app, "/api/webhooks/vapi", &headers, event.as_bytes()).await.expect(200);
    assert_eq!((ours.owner.calls().await.len(), theirs.owner.calls().await.len()), (2, 0));

    let operator = app.operator(&theirs).await;
    let waiting = operator.get("/api/v1/operator/quarantine").await.expect(200).json();
    let waiting = waiting["items"].as_array().unwrap().clone();
    assert_eq!(waiting.len(), 1);
    assert_eq!((&waiting[0]["provider_call_id"], &waiting[0]["reason"]), (&json!(stray), &json!("unknown")));
    let replay = format!("/api/v1/operator/quarantine/{}/replay", waiting[0]["id"].as_str().unwrap());
    assert_eq!(operator.post(&replay, &json!({})).await.expect(200).json()["outcome"], "still_quarantined");
    operator.post(&replay, &json!({"org_id": Uuid::now_v7()})).await.refuses(422, "invalid_input");
    let given = operator.post(&replay, &json!({"org_id": theirs.org})).await.expect(200).json();
    assert_eq!(given["outcome"], "applied");
    operator.post(&replay, &json!({"org_id": ours.org})).await.refuses(404, "not_found");
    assert_eq!(theirs.owner.call(&stray).await["status"], "in-progress");
    let left = operator.get("/api/v1/operator/quarantine").await.expect(200).json();
    assert_eq!(left["items"], json!([]));
}

#[tokio::test]
async fn every_documented_message_is_taken_in() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let folder = format!("{}/../providers/fixtures/vapi", env!("CARGO_MANIFEST_DIR"));
    let mut types = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let event = fixture(name, &new_call());
        assert_eq!(ours.send(&event).await.status, 200, "{name}");
        assert_eq!(ours.send(&event).await.status, 200, "{name} once more");
        let kind = event["message"]["type"].as_str().unwrap();
        types.insert(kind.split('[').next().unwrap().to_owned());
    }
    types.remove("call.mood-changed");
    assert_eq!(types.len(), 29, "{types:?}");
}

#[tokio::test]
async fn a_call_is_what_its_events_say_however_often_they_come() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let theirs = app.practice("Birch Lane Dental").await;
    let call = new_call();
    let story = ["end-of-call-report", "status-update", "transcript", "tool-calls", "status-update-ended"];
    for name in story.iter().chain(&story) {
        ours.send(&fixture(name, &call)).await.expect(200);
    }
    let told = ours.owner.call(&call).await;
    assert_eq!(told["status"], "ended");
    assert_eq!((&told["from_number"], &told["to_number"]), (&json!("+12025550123"), &json!("+12025550100")));
    assert_eq!(told["direction"], "inbound");
    assert_eq!(told["transcript"].as_array().unwrap().len(), 6);
    assert_eq!(told["events"].as_array().unwrap().len(), story.len(), "each event once");
    assert!(told["cost"]["amount_micros"].as_i64().unwrap() > 0);
    assert_eq!(told["recording"]["state"], "pending");

    theirs.send(&fixture("end-of-call-report-transferred", &call)).await.expect(200);
    assert_eq!(ours.owner.call(&call).await, told, "another organization cannot write to our call");
    assert!(theirs.owner.calls().await.is_empty());
}

#[tokio::test]
async fn tool_calls_are_answered_one_by_one_and_alike_each_time() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    for name in ["tool-calls", "tool-calls-custom-tools-guide", "tool-calls-events-guide"] {
        let event = fixture(name, &new_call());
        let first = ours.send(&event).await.expect(200).json();
        let asked = &event["message"]["toolCallList"];
        let results = first["results"].as_array().unwrap();
        assert_eq!(results.len(), asked.as_array().unwrap().len(), "{name}");
        for (result, asked) in results.iter().zip(asked.as_array().unwrap()) {
            assert_eq!(result["toolCallId"], asked["id"], "{name}");
            assert!(result["name"].is_string() && result["error"].is_string(), "{name}: {result}");
        }
        assert_eq!(ours.send(&event).await.expect(200).json(), first, "{name}: the same story twice");
    }
}

#[tokio::test]
async fn whoever_answers_the_number_is_named_to_the_provider() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let theirs = app.practice("Birch Lane Dental").await;
    let unknown = ours.send(&fixture("assistant-request", &new_call())).await.expect(200).json();
    assert!(unknown["error"].as_str().is_some_and(|sentence| !sentence.is_empty()), "{unknown}");
    map(&app, &ours, "+12025550100").await;
    let named = eventually("the new number is known", || async {
        let reply = ours.send(&fixture("assistant-request", &new_call())).await.expect(200).json();
        reply["assistantId"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(named, format!("assistant-of-{}", ours.connection));
    let foreign = theirs.send(&fixture("assistant-request", &new_call())).await.expect(200).json();
    assert!(foreign["error"].is_string(), "our agent is not lent to others: {foreign}");
}

#[tokio::test]
async fn an_assistant_request_is_answered_in_time_while_the_database_stalls() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    ours.send(&fixture("hang", &new_call())).await.expect(200);
    let mut admin = app.db.admin().await;
    sqlx::query("begin").execute(&mut admin).await.unwrap();
    sqlx::query("lock table call_routes, call_logs, provider_events in access exclusive mode")
        .execute(&mut admin)
        .await
        .unwrap();
    let call = new_call();
    let started = tokio::time::Instant::now();
    let reply = ours.send(&fixture("assistant-request", &call)).await.expect(200).json();
    assert!(started.elapsed().as_millis() < 7_000, "{:?}", started.elapsed());
    assert!(reply.is_object());
    sqlx::query("rollback").execute(&mut admin).await.unwrap();
    eventually("the event is stored after all", || async {
        ours.owner.calls().await.into_iter().find(|found| found["provider_call_id"] == call)
    })
    .await;
}

#[tokio::test]
async fn what_was_answered_while_the_database_failed_is_stored_when_it_is_back() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    ours.send(&fixture("hang", &new_call())).await.expect(200);
    let mut admin = app.db.admin().await;
    sqlx::query("alter table provider_events rename to gone").execute(&mut admin).await.unwrap();
    let call = new_call();
    let event = fixture("tool-calls", &call);
    let reply = ours.send(&event).await.expect(200).json();
    assert!(reply["results"][0]["error"].is_string(), "{reply}");
    assert_eq!(ours.send(&fixture("transcript", &call)).await.status, 503, "nobody waits for this one");
    sqlx::query("alter table gone rename to provider_events").execute(&mut admin).await.unwrap();
    let stored = eventually("the answered event is stored", || async {
        ours.owner.calls().await.into_iter().find(|found| found["provider_call_id"] == call)
    })
    .await;
    let stored = ours.owner.get(&format!("/api/v1/calls/{}", stored["id"].as_str().unwrap())).await.expect(200).json();
    assert_eq!(stored["events"][0]["type"], "tool-calls");
}

/// Many at once must not be more than many one after the other.
#[tokio::test]
async fn the_same_event_on_many_connections_at_once_is_stored_once() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let call = new_call();
    let events: Vec<Value> =
        ["status-update", "end-of-call-report", "transcript"].map(|name| fixture(name, &call)).into();
    let sending: Vec<_> = (0..30).map(|index| ours.send(&events[index % 3])).map(status).collect();
    assert!(futures::future::join_all(sending).await.iter().all(|status| *status == 200));
    assert_eq!(ours.owner.call(&call).await["events"].as_array().unwrap().len(), 3);
}

async fn status(answer: impl Future<Output = Answer>) -> u16 {
    answer.await.status
}
