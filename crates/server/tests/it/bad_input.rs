//! What nobody should send, and what it is answered. The corpus is in `bad-input/`: the status stands before the name of a
//! body, or before a query. What is too large or too many for a file is made here.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::SignedDuration;
use platform::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::openapi::operations;
use crate::support::{Client, PASSWORD, Practice, TestApp, answer, fixture, forged_cursor, new_call};

fn corpus(name: &str) -> String {
    format!("{}/tests/bad-input/{name}", env!("CARGO_MANIFEST_DIR"))
}

// --- HTTP ----------------------------------------------------------------------------------------------------------------

/// Sends bytes as they are; answers everything that comes back until the server closes.
async fn raw(app: &TestApp, parts: &[&[u8]]) -> String {
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    for part in parts {
        // A server that has heard enough closes; what it said is what counts.
        if socket.write_all(part).await.is_err() {
            break;
        }
    }
    let mut said = Vec::new();
    let reading = tokio::time::timeout(Duration::from_secs(20), socket.read_to_end(&mut said)).await;
    assert!(reading.is_ok(), "the server kept the connection");
    String::from_utf8_lossy(&said).into_owned()
}

fn statuses(said: &str) -> Vec<u16> {
    said.split("HTTP/1.").skip(1).map(|answer| answer[2..5].parse().unwrap()).collect()
}

/// A verified request whose head ends with `extra`.
fn head(ours: &Practice, extra: &str) -> String {
    format!(
        "POST {} HTTP/1.1\r\nHost: desk.example\r\nX-Vapi-Secret: {}\r\nContent-Type: application/json\r\n{extra}\r\n",
        ours.webhook(),
        ours.secret
    )
}

#[tokio::test]
async fn broken_http_is_answered_or_cut_off_and_never_a_fault() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let body = fixture("hang", "http-1").to_string();
    let length = body.len();
    let send =
        async |extra: &str, body: &str| statuses(&raw(&app, &[head(&ours, extra).as_bytes(), body.as_bytes()]).await);
    let close = "Connection: close\r\n";

    assert_eq!(send(&format!("Content-Length: {length}\r\n{close}"), &body).await, [200]);
    assert_eq!(send(close, "").await, [400], "no body at all");
    let chunked = format!("{length:x}\r\n{body}\r\n0\r\nX-Trailer: odd\r\n\r\n");
    assert_eq!(send(&format!("Transfer-Encoding: chunked\r\nTrailer: X-Trailer\r\n{close}"), &chunked).await, [200]);
    let broken = "zz\r\nnonsense\r\n0\r\n\r\n";
    assert_eq!(send(&format!("Transfer-Encoding: chunked\r\n{close}"), broken).await, [400]);
    let both = send(&format!("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n{close}"), &chunked).await;
    assert!(both == [200] || both == [400], "one answer to both lengths: {both:?}");
    let twice = send(&format!("Content-Length: 2\r\nContent-Length: {length}\r\n{close}"), &body).await;
    assert_eq!(twice, [400]);
    for wrong in ["-1", "1e3", "0x10", "99999999999999999999999", ""] {
        assert_eq!(send(&format!("Content-Length: {wrong}\r\n{close}"), &body).await, [400], "{wrong:?}");
    }
    // Too short a length: the rest is not a request.
    assert_eq!(send("Content-Length: 2\r\n", &body).await, [400, 400]);
    let unknown = send(&format!("Transfer-Encoding: gzip\r\n{close}"), &body).await;
    assert_eq!(unknown, [400], "a transfer coding that hides the length");

    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let promise = head(&ours, &format!("Content-Length: {}\r\n", length + 100));
    socket.write_all(format!("{promise}{body}").as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut said = String::new();
    socket.read_to_string(&mut said).await.unwrap();
    assert!(statuses(&said).iter().all(|status| *status == 400), "a promise of more bytes than come: {said}");

    let floods = ["X: y\r\n".repeat(100_000), format!("X: {}\r\n", "y".repeat(2 << 20))];
    for flood in floods {
        assert_eq!(send(&format!("{flood}Content-Length: 0\r\n{close}"), "").await, [431]);
    }
    for garbage in
        ["\r\n\r\nnonsense\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\0", "\0\0\0\0\r\n\r\n"]
    {
        let said = statuses(&raw(&app, &[garbage.as_bytes()]).await);
        assert!(said.iter().all(|status| *status == 400), "{garbage:?}: {said:?}");
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n{close}\r\n", "a".repeat(100_000));
    let said = statuses(&raw(&app, &[long.as_bytes()]).await);
    assert!(said == [414] || said == [404] || said == [431], "{said:?}");
    let hostless = statuses(&raw(&app, &[b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n"]).await);
    assert!(hostless == [200] || hostless == [400], "{hostless:?}");
    app.nobody().get("/health").await.expect(200);
    assert_eq!(ours.owner.calls().await.len(), 1, "what was refused left nothing behind");
}

#[tokio::test]
async fn old_clients_and_impatient_ones_are_served() {
    let app = TestApp::start().await;
    assert_eq!(statuses(&raw(&app, &[b"GET /health HTTP/1.0\r\n\r\n"]).await), [200]);
    let twice = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(statuses(&raw(&app, &[twice]).await), [200, 200]);
    let absolute = b"GET http://desk.example/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(statuses(&raw(&app, &[absolute]).await), [200]);
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let app = TestApp::start().await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut socket = TcpStream::connect(app.address).await.unwrap();
        socket.write_all(b"GET /health HTTP/1.1\r\nHo").await.unwrap();
        slow.push(socket);
    }
    let closed = async |mut socket: TcpStream| {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            assert!(tokio::time::Instant::now() < deadline, "a slow client holds its connection");
            // A byte now and then must not buy more time.
            let gone = socket.write_all(b"s").await.is_err();
            let mut byte = [0];
            let read = tokio::time::timeout(Duration::from_millis(250), socket.read(&mut byte)).await;
            if gone || matches!(read, Ok(Ok(0) | Err(_))) {
                return;
            }
        }
    };
    app.nobody().get("/health").await.expect(200);
    futures::future::join_all(slow.into_iter().map(closed)).await;
}

#[tokio::test]
async fn packed_bodies_are_not_unpacked() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let pack = |bytes: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    };
    let small = pack(fixture("hang", "gzip-1").to_string().as_bytes());
    let bomb = pack(&vec![b' '; 200 << 20]);
    assert!(bomb.len() < 2 << 20);
    for (coding, body) in
        [("gzip", &small), ("gzip", &bomb), ("deflate", &small), ("br", &small), ("identity, gzip", &small)]
    {
        let request = ours.owner.anonymous(Method::POST, &ours.webhook()).header("x-vapi-secret", &ours.secret);
        answer(request.header("content-encoding", coding).body(body.clone())).await.refuses(415, "encoded_body");
        let request = app.nobody().request(Method::POST, "/api/v1/auth/login").header("content-encoding", coding);
        let request = request.header("content-type", "application/json").body(body.clone());
        let status = answer(request).await.status;
        assert!(matches!(status, 400 | 413 | 415), "{coding}: {status}");
    }
    assert!(ours.owner.calls().await.is_empty());
}

#[tokio::test]
async fn odd_paths_are_not_found() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    for id in [
        "%00",
        "%ff",
        "%c3%28",
        "..%2f..%2fetc%2fpasswd",
        "%F0%9F%93%9E",
        "null",
        "0",
        "-1",
        "%20",
        "00000000-0000-0000-0000-000000000000",
        "{id}",
        "1%27%20or%201=1",
        &"a".repeat(4_000),
    ] {
        for path in ["calls/", "connections/", "api-keys/", "members/", "invitations/"] {
            let method = if path == "calls/" { Method::GET } else { Method::DELETE };
            let request = ours.owner.request(method, &format!("/api/v1/{path}{id}"));
            let status = answer(request).await.status;
            assert!(status == 404 || status == 400, "{path}{id}: {status}");
        }
    }
}

// --- JSON: events ----------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn each_body_of_the_corpus_gets_its_status() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let mut tried = 0;
    for file in std::fs::read_dir(corpus("webhook")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let expected: u16 = name[..3].parse().unwrap();
        let answer = ours.send_bytes(std::fs::read(&path).unwrap()).await;
        assert_eq!(answer.status, expected, "{name}: {}", String::from_utf8_lossy(&answer.body));
        if expected == 400 {
            let place = &answer.json()["errors"][0]["path"];
            assert!(place.as_str().is_some_and(|place| place.starts_with('$')), "{name}: {place}");
        }
        tried += 1;
    }
    assert!(tried >= 40, "{tried}");
    for call in ours.owner.calls().await {
        ours.owner.get(&format!("/api/v1/calls/{}", call["id"].as_str().unwrap())).await.expect(200);
    }
    let spoken = ours.owner.call("odd-6").await["transcript"][0]["text"].clone();
    assert!(spoken.as_str().unwrap().starts_with('a') && !spoken.as_str().unwrap().contains('\0'), "{spoken}");
}

#[tokio::test]
async fn deep_wide_and_long_events_get_their_status() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let deep = |open: &str, close: &str| {
        format!(r#"{{"message":{{"type":"hang","deep":{}1{}}}}}"#, open.repeat(10_000), close.repeat(10_000))
    };
    let many: BTreeMap<String, u32> = (0..500).map(|number| (format!("extra{number}"), number)).collect();
    let cases = [
        ("depth of lists", 400, deep("[", "]")),
        ("depth of objects", 400, deep(r#"{"a":"#, "}")),
        ("unclosed depth", 400, "[".repeat(1 << 20)),
        ("a million items", 200, json!({"message": {"type": "hang", "wide": vec![0; 1_000_000]}}).to_string()),
        ("a type of a megabyte", 200, json!({"message": {"type": "x".repeat(1 << 20)}}).to_string()),
        (
            "500 more fields",
            200,
            json!({"message": {"type": "hang", "call": {"id": "wide", "more": many}}}).to_string(),
        ),
    ];
    for (what, status, body) in cases {
        assert_eq!(ours.send_bytes(body).await.status, status, "{what}");
    }
}

/// Every field of the events that say most, replaced in turn by what it is not. One call each, so that nothing is a repeat.
#[tokio::test]
async fn a_senseless_value_in_any_field_is_survived() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let odd = [
        json!(null),
        json!([[], {}, null]),
        json!({"id": [], "number": {}}),
        json!(-1e300),
        json!("\u{0}=cmd|' /C calc'!A0"),
    ];
    let mut tried = 0;
    for name in ["end-of-call-report", "status-update", "transcript", "tool-calls"] {
        let whole = fixture(name, "x");
        let message = whole["message"].as_object().unwrap();
        let mut places: Vec<String> = message.keys().map(|key| format!("/message/{key}")).collect();
        for part in ["call", "artifact", "analysis", "customer", "phoneNumber"] {
            let members = message.get(part).and_then(Value::as_object).into_iter().flat_map(|members| members.keys());
            places.extend(members.map(|key| format!("/message/{part}/{key}")));
        }
        let bodies = places.iter().filter(|place| *place != "/message/type").flat_map(|place| {
            odd.iter().map(move |value| {
                let mut event = fixture(name, &new_call());
                *event.pointer_mut(place).unwrap() = value.clone();
                (place.clone(), event)
            })
        });
        for batch in bodies.collect::<Vec<_>>().chunks(16) {
            let sent = batch.iter().map(|(_, event)| ours.send(event));
            for ((place, event), answer) in batch.iter().zip(futures::future::join_all(sent).await) {
                assert_eq!(answer.status, 200, "{name}{place} = {}", event.pointer(place).unwrap());
                tried += 1;
            }
        }
    }
    assert!(tried > 200, "{tried}");
    for call in ours.owner.calls().await.iter().step_by(7) {
        ours.owner.get(&format!("/api/v1/calls/{}", call["id"].as_str().unwrap())).await.expect(200);
    }
}

// --- events that are well formed and odd ---------------------------------------------------------------------------------

#[tokio::test]
async fn odd_call_ids_and_numbers_are_stored_and_shown() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let ids = [
        "",
        " ",
        "/../",
        "%00",
        "a/b?c#d",
        "\u{1f4de}",
        "\u{202e}drow",
        "UPPER",
        "upper",
        "e\u{301}",
        "\u{e9}",
        "' or 1=1 --",
        "=cmd|' /C calc'!A0",
        "<script>alert(1)</script>",
        &"x".repeat(4_096),
    ];
    for id in ids {
        assert_eq!(ours.send(&fixture("status-update", id)).await.status, 200, "{id:?}");
    }
    let listed = ours.owner.calls().await;
    for id in ["UPPER", "upper", "e\u{301}", "\u{e9}", "<script>alert(1)</script>"] {
        assert_eq!(
            listed.iter().filter(|call| call["provider_call_id"] == id).count(),
            1,
            "{id:?} is a call of its own"
        );
    }
    for number in [
        "+",
        "+0",
        "anonymous",
        "Restricted",
        "112",
        "+1 (202) 555-0123",
        "+12025550123,,9",
        "sip:desk@example.test",
        &format!("+{}", "1".repeat(40)),
        "+1202555ABCD",
        "\u{ff0b}\u{ff11}\u{ff12}",
        "\0",
    ] {
        let mut event = fixture("status-update", &new_call());
        event["message"]["customer"]["number"] = json!(number);
        event["message"]["call"]["customer"]["number"] = json!(number);
        assert_eq!(ours.send(&event).await.status, 200, "{number:?}");
    }
    for call in ours.owner.calls().await {
        let from = call["from_number"].as_str().unwrap_or("+12025550123");
        let digits = from.strip_prefix('+').unwrap_or("not E.164");
        assert!((7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()), "{from}");
        ours.owner.get(&format!("/api/v1/calls/{}", call["id"].as_str().unwrap())).await.expect(200);
    }
}

#[tokio::test]
async fn impossible_times_and_costs_do_not_become_facts() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let odd = [
        json!({"startedAt": "2026-10-31T08:10:00Z", "endedAt": "2026-10-31T08:00:00Z"}),
        json!({"startedAt": "2016-10-31T08:10:00Z", "endedAt": "2026-10-31T08:00:00Z"}),
        json!({"startedAt": "0000-01-01T00:00:00Z", "endedAt": "9999-12-31T23:59:59Z"}),
        json!({"startedAt": "2026-02-29T00:00:00Z", "endedAt": "soon"}),
        json!({"startedAt": "-9999-01-01T00:00:00Z"}),
        json!({"durationSeconds": -5, "durationMs": -5000}),
        json!({"durationSeconds": 1e18, "durationMs": 1e21}),
        json!({"durationSeconds": 0.4}),
        json!({"cost": -1.5}),
        json!({"cost": 1e30}),
        json!({"cost": 0.000_000_1}),
        json!({"timestamp": -1}),
        json!({"timestamp": 1e20}),
        json!({"timestamp": "0000-00-00"}),
    ];
    for changes in odd {
        let call = new_call();
        let mut event = fixture("end-of-call-report", &call);
        for (name, value) in changes.as_object().unwrap() {
            event["message"][name] = value.clone();
        }
        assert_eq!(ours.send(&event).await.status, 200, "{changes}");
        let told = ours.owner.call(&call).await;
        assert!(told["duration_seconds"].as_i64().is_none_or(|seconds| seconds >= 0), "{changes}: {told}");
        assert!(told["cost"].is_null() || told["cost"]["amount_micros"].as_i64().unwrap() >= 0, "{changes}: {told}");
        assert_eq!(told["status"], "ended", "{changes}");
    }
}

#[tokio::test]
async fn what_was_said_is_kept_as_it_was_said() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let word = "x".repeat(500_000);
    let long = "We will see you on Tuesday. ".repeat(80_000);
    for text in [
        "<script>alert(1)</script>",
        "=cmd|' /C calc'!A0",
        "\"><img src=x onerror=alert(1)>",
        "{{7*7}} ${7*7} %s %n \\u0041",
        "the of and a",
        "\u{1f600}\u{1f600}\u{1f600}",
        "\u{202e}evil\u{202c} \u{feff}\u{200b}",
        "Grüße 你好 שלום",
        &word,
        &long,
    ] {
        let call = new_call();
        let mut event = fixture("end-of-call-report", &call);
        event["message"]["artifact"]["messages"] = json!([
            {"role": "user", "message": text, "time": 1_793_433_605_000_i64, "secondsFromStart": 2.0}
        ]);
        event["message"]["analysis"]["summary"] = json!(text);
        assert_eq!(ours.send(&event).await.status, 200, "{text:.40}");
        let told = ours.owner.call(&call).await;
        assert_eq!(told["transcript"][0]["text"].as_str().unwrap().trim(), text.trim(), "{text:.40}");
    }
    ours.owner.get("/api/v1/calls?q=Tuesday").await.expect(200);
}

// --- the query API -------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn each_query_of_the_corpus_gets_its_status() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    ours.send(&fixture("end-of-call-report", &new_call())).await.expect(200);
    let text = std::fs::read_to_string(corpus("queries.txt")).unwrap();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (status, query) = line.split_once(' ').unwrap();
        let answer = ours.owner.get(&format!("/api/v1/calls?{query}")).await;
        assert_eq!(answer.status.to_string(), status, "{query}: {}", String::from_utf8_lossy(&answer.body));
        if answer.status == 400 {
            let parameter = answer.json()["errors"][0]["path"].clone();
            assert!(parameter.as_str().is_some_and(|name| query.contains(name)), "{query}: {parameter}");
        }
    }
    for (words, status) in [("OR%20".repeat(60), 200), ("x".repeat(10_240), 400), ("%C3%A9".repeat(200), 200)] {
        ours.owner.get(&format!("/api/v1/calls?q={words}")).await.expect(status);
    }
}

#[tokio::test]
async fn a_foreign_or_forged_cursor_shows_nothing_that_the_list_would_not() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let theirs = app.practice("Birch Lane Dental").await;
    for practice in [&ours, &theirs] {
        for _ in 0..3 {
            practice.send(&fixture("end-of-call-report", &new_call())).await.expect(200);
        }
    }
    let own: Vec<Value> = ours.owner.calls().await.into_iter().map(|call| call["id"].clone()).collect();
    let foreign = theirs.owner.get("/api/v1/calls?limit=1").await.expect(200).json()["next_cursor"].clone();
    let forged = ["9999-12-30T00:00:00Z", "2026-11-01T00:00:00Z", "0001-01-01T00:00:00Z"].map(forged_cursor);
    for cursor in forged.iter().map(String::as_str).chain(foreign.as_str()) {
        let page = ours.owner.get(&format!("/api/v1/calls?cursor={cursor}")).await.expect(200).json();
        for call in page["items"].as_array().unwrap() {
            assert!(own.contains(&call["id"]), "{cursor}");
        }
        ours.owner.get(&format!("/api/v1/audit?cursor={cursor}")).await.expect(200);
    }
    for old in ["0000-01-01T00:00:00Z", "-009999-01-03T00:00:00Z"].map(forged_cursor) {
        for list in ["calls", "audit"] {
            ours.owner.get(&format!("/api/v1/{list}?cursor={old}")).await.refuses(400, "invalid_input");
        }
    }
}

// --- JSON: requests ------------------------------------------------------------------------------------------------------

/// A body that is fine, for each operation that takes one.
fn fine_bodies(ours: &Practice) -> BTreeMap<&'static str, (String, Value)> {
    let connection = format!("/api/v1/connections/{}", ours.connection);
    BTreeMap::from([
        ("sign_in", ("/api/v1/auth/login".into(), json!({"email": "a@example.com", "password": "x"}))),
        ("refresh_token", ("/api/v1/auth/refresh".into(), json!({"refresh_token": "x"}))),
        (
            "accept_invitation",
            ("/api/v1/invitations/accept".into(), json!({"token": "x", "name": "Ana", "password": PASSWORD})),
        ),
        ("change_password", ("/api/v1/me/password".into(), json!({"current_password": "x", "new_password": PASSWORD}))),
        ("select_organization", ("/api/v1/me/organization".into(), json!({"org_id": ours.org}))),
        ("update_member", (format!("/api/v1/members/{}", Uuid::now_v7()), json!({"role": "viewer"}))),
        ("create_invitation", ("/api/v1/invitations".into(), json!({"email": "b@example.com", "role": "viewer"}))),
        ("create_api_key", ("/api/v1/api-keys".into(), json!({"name": "Desk", "scopes": ["calls:read"]}))),
        (
            "create_connection",
            (
                "/api/v1/connections".into(),
                json!({"label": "Line", "webhook_secret": "long-enough", "auth": {"scheme": "hmac"}, "api_key": "private-key-of-the-line"}),
            ),
        ),
        ("add_connection_secret", (format!("{connection}/secrets"), json!({"webhook_secret": "long-enough"}))),
        ("forgot_password", ("/api/v1/auth/forgot".into(), json!({"email": "a@example.com"}))),
        ("reset_password", ("/api/v1/auth/reset".into(), json!({"token": "x", "password": PASSWORD}))),
        ("book_demo", ("/api/book-demo".into(), prospect())),
        ("create_demo_booking", ("/api/v1/demo-bookings".into(), prospect())),
        (
            "create_demo_hold",
            ("/api/v1/demo-holds".into(), json!({"start": "2099-11-25T09:00:00Z", "instead_of": "x"})),
        ),
        (
            "update_demo_booking",
            (
                format!("/api/v1/demo-bookings/{}", Uuid::now_v7()),
                json!({"staff_notes": "x", "state": "done", "start": "2099-11-25T09:00:00Z", "owner_id": null}),
            ),
        ),
        ("suppress_address", ("/api/v1/mail-suppressions".into(), json!({"address": "ana@example.com"}))),
        ("release_address", ("/api/v1/mail-suppressions/release".into(), json!({"address": "ana@example.com"}))),
        (
            "update_demo_rules",
            (
                "/api/v1/demo-rules".into(),
                json!({
                    "zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}, "length_minutes": 25, "buffer_minutes": 5,
                    "notice_minutes": 60, "horizon_days": 14, "days_off": ["2026-12-25"],
                }),
            ),
        ),
        (
            "create_recording_link",
            (format!("/api/v1/calls/{}/recording/links", Uuid::now_v7()), json!({"channel": "mono", "download": true})),
        ),
        (
            "set_retention",
            ("/api/v1/retention".into(), json!({"recording_days": 30, "content_days": 90, "confirmation": "made up"})),
        ),
        ("place_hold", (format!("/api/v1/calls/{}/hold", Uuid::now_v7()), json!({"reason": "A complaint"}))),
        ("retry_job", (format!("/api/v1/operator/jobs/{}/retry", Uuid::now_v7()), json!({"org_id": ours.org}))),
        (
            "replay_quarantined_event",
            (format!("/api/v1/operator/quarantine/{}/replay", Uuid::now_v7()), json!({"org_id": ours.org})),
        ),
    ])
}

fn prospect() -> Value {
    json!({
        "name": "Amara Obi", "email": "amara@example.com", "phone": "+12025550123", "clinic_name": "Bright Dental",
        "clinic_type": "dental", "goal": "More bookings", "notes": "None", "country": "GB", "tz": "UTC", "locale": "en",
        "slot": "2099-11-25T09:00:00Z", "hold": "x",
    })
}

async fn send_text(client: &Client, method: &Method, path: &str, kind: Option<&str>, body: Vec<u8>) -> u16 {
    let mut request = client.request(method.clone(), path).body(body);
    if let Some(kind) = kind {
        request = request.header("content-type", kind);
    }
    answer(request).await.status
}

#[tokio::test]
async fn every_request_body_is_read_with_care() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let operator = app.operator(&ours).await;
    let document: Value = serde_json::from_str(&server::openapi::document().unwrap()).unwrap();
    let fine = fine_bodies(&ours);
    for (path, method, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let Some(schema) = schema.as_str() else { continue };
        let (path_here, body) = fine.get(name).unwrap_or_else(|| panic!("{path}: give {name} a body"));
        let method: Method = method.parse().unwrap();
        let json = Some("application/json");
        let send = async |kind, body: Vec<u8>| send_text(&operator, &method, path_here, kind, body).await;
        let bytes = body.to_string().into_bytes();
        // The path of the original system says 400 for what is wrong with a field.
        let wrong = if name == "book_demo" { 400 } else { 422 };

        for kind in
            [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonx"), Some("")]
        {
            assert_eq!(send(kind, bytes.clone()).await, 415, "{name} as {kind:?}");
        }
        for broken in ["", " ", "{", "{\"a\":NaN}", "{\"a\":1}x", "\u{feff}{}", "{'a':1}"] {
            let status = send(json, broken.as_bytes().to_vec()).await;
            assert!(status == 400 || status == 422, "{name}: {broken:?} is {status}");
        }
        for bytes in [b"\xff\xfe{\0}\0".to_vec(), "[".repeat(10_000).into_bytes(), b"{\"a\":".repeat(10_000)] {
            let status = send(json, bytes).await;
            assert!(status == 400 || status == 422, "{name}: {status}");
        }
        for scalar in ["null", "7", "\"x\"", "true", "[]", "[{}]"] {
            // A struct may be written as a list of its fields; a list with too few is refused like one with none.
            assert_eq!(send(json, scalar.as_bytes().to_vec()).await, wrong, "{name}: {scalar}");
        }

        let schema = document.pointer(schema.trim_start_matches('#')).unwrap();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for field in schema["properties"].as_object().unwrap().keys() {
            let with = |value: Value| {
                let mut body = body.clone();
                body[field] = value;
                body.to_string()
            };
            let of_another_kind = |value: &Value| {
                !(value.is_number() && body[field].is_number() || value.is_boolean() && body[field].is_boolean())
            };
            for value in [json!(null), json!(7), json!({"x": [1]}), json!([[1]]), json!(true)]
                .into_iter()
                .filter(of_another_kind)
            {
                let request = operator.request(method.clone(), path_here).header("content-type", "application/json");
                let answer = answer(request.body(with(value.clone()))).await;
                if value.is_null() && !required.contains(&field.as_str()) && answer.status != wrong {
                    assert!(answer.status < 500, "{name} {field}");
                    continue;
                }
                assert_eq!(answer.status, wrong, "{name} {field} = {value}");
                let place = answer.json()["errors"][0]["path"].as_str().unwrap().to_owned();
                assert!(place.starts_with(field.as_str()), "{name} {field} = {value}: {place}");
            }
            let twice = format!("{{\"{field}\":{},{}", body[field], &body.to_string()[1..]);
            assert_eq!(send(json, twice.into_bytes()).await, wrong, "{name}: {field} twice");
            if required.contains(&field.as_str()) {
                let mut without = body.clone();
                without.as_object_mut().unwrap().remove(field);
                assert_eq!(send(json, without.to_string().into_bytes()).await, wrong, "{name} without {field}");
            }
            for text in
                ["\0", "a\0b", "\u{202e}", &"x".repeat(500_000), "", " ", "\r\nBcc: all@example.com", "<script>"]
            {
                let status = send(json, with(json!(text)).into_bytes()).await;
                assert!(
                    matches!(status, 200 | 201 | 202 | 204 | 400 | 401 | 403 | 404 | 409 | 413 | 422 | 429),
                    "{name} {field} = {text:.20?}: {status}"
                );
            }
        }
    }
}

#[tokio::test]
async fn odd_idempotency_keys_are_client_errors() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let make = |key: &str, name: &str| {
        let request = ours.owner.request(Method::POST, "/api/v1/api-keys").header("idempotency-key", key);
        answer(request.json(&json!({"name": name, "scopes": ["calls:read"]})))
    };
    for key in ["", " ", &"x".repeat(5_000)] {
        make(key, "Odd").await.refuses(400, "bad_idempotency_key");
    }
    let first = make("order-1", "Desk").await.expect(201);
    let again = make("order-1", "Desk").await.expect(201);
    assert_eq!(again.body, first.body);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    make("order-1", "Another").await.refuses(422, "idempotency_key_reused");
}

// --- credentials ---------------------------------------------------------------------------------------------------------

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn a_token_that_we_did_not_sign_as_it_stands_is_nobody_s() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let theirs = app.practice("Birch Lane Dental").await;
    let token = ours.owner.token.clone().unwrap();
    let pieces: Vec<&str> = token.split('.').collect();
    let read = |text: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    let (header, claims) = (read(pieces[0]), read(pieces[1]));
    let with = |base: &Value, name: &str, value: Value| {
        let mut changed = base.clone();
        changed[name] = value;
        changed
    };
    let keys = app.nobody().get("/.well-known/jwks.json").await.expect(200).json();
    let public = URL_SAFE_NO_PAD.decode(keys["keys"][0]["x"].as_str().unwrap()).unwrap();
    let hs256 = |key: &[u8]| {
        let signed = format!("{}.{}", part(&with(&header, "alg", json!("HS256"))), pieces[1]);
        let mac = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(&signed).finalize().into_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
    };
    let mut forged = vec![
        hs256(&public),
        hs256(keys["keys"][0]["x"].as_str().unwrap().as_bytes()),
        hs256(b""),
        format!("{}.{}.{}", pieces[0], part(&with(&claims, "org", json!(theirs.org))), pieces[2]),
        format!("{}.{}.{}", pieces[0], part(&with(&claims, "sub", json!(theirs.owner_id))), pieces[2]),
        format!("{}.{}.{}", pieces[0], part(&with(&claims, "exp", json!(9_999_999_999_i64))), pieces[2]),
        format!("{}.{}.", pieces[0], pieces[1]),
        format!("{}.{}", pieces[0], pieces[1]),
        format!("{token}."),
        format!("{token}A"),
        format!("{token}="),
        token[1..].to_owned(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        "x".repeat(16_384),
        format!("{}.{}.{}", pieces[0], "A".repeat(60_000), pieces[2]),
        "vx_".to_owned(),
        format!("vx_{}", "A".repeat(52)),
        format!("vx_{}_{}", "A".repeat(8), "A".repeat(43)),
    ];
    for alg in ["none", "None", "nOnE", "", "RS256", "ES256", "EdDSA "] {
        let head = part(&with(&header, "alg", json!(alg)));
        forged.extend(["", pieces[2]].map(|signature| format!("{head}.{}.{signature}", pieces[1])));
    }
    for kid in ["../../../../dev/null", "' or '1'='1", "", "\0", &Uuid::now_v7().to_string(), &"k".repeat(2_000)] {
        forged.push(format!("{}.{}.{}", part(&with(&header, "kid", json!(kid))), pieces[1], pieces[2]));
    }
    for name in ["jku", "x5u", "jwk", "crit"] {
        let head = part(&with(&header, name, json!("https://evil.example/keys")));
        forged.push(format!("{head}.{}.{}", pieces[1], pieces[2]));
    }
    for token in &forged {
        let status = app.bearer(token).get("/api/v1/calls").await.status;
        assert_eq!(status, 401, "{token:.120}");
    }
    let twice = app.nobody().request(Method::GET, "/api/v1/calls").bearer_auth(&token).bearer_auth("x");
    answer(twice).await.expect(401);
    ours.owner.get("/api/v1/calls").await.expect(200);
}

#[tokio::test]
async fn a_token_ends_and_a_refresh_token_works_once() {
    let app = TestApp::at(Clock::frozen_at(test_support::START.parse().unwrap()), &[]).await;
    let ours = app.practice("Elm Street Dental").await;
    let login = json!({"email": ours.owner_email, "password": PASSWORD});
    let issued = app.nobody().post("/api/v1/auth/login", &login).await.expect(200).json();
    let owner = app.bearer(issued["access_token"].as_str().unwrap());
    owner.get("/api/v1/me").await.expect(200);
    app.clock.advance(SignedDuration::from_mins(16));
    owner.get("/api/v1/me").await.refuses(401, "unauthenticated");

    let exchange =
        async |token: &Value| app.nobody().post("/api/v1/auth/refresh", &json!({"refresh_token": token})).await;
    let second = exchange(&issued["refresh_token"]).await.expect(200).json();
    let renewed = app.bearer(second["access_token"].as_str().unwrap());
    renewed.get("/api/v1/me").await.expect(200);
    exchange(&issued["refresh_token"]).await.refuses(401, "unauthenticated");
    exchange(&second["refresh_token"]).await.refuses(401, "unauthenticated");
    app.clock.advance(SignedDuration::from_secs(3));
    renewed.get("/api/v1/me").await.refuses(401, "unauthenticated");
}

#[tokio::test]
async fn who_signs_out_is_out() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    ours.owner.post("/api/v1/auth/logout", &json!({})).await.expect(204);
    ours.owner.get("/api/v1/me").await.refuses(401, "unauthenticated");
}

#[tokio::test]
async fn unknown_and_wrong_sign_ins_are_told_alike() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let attempt = async |email: &str, password: &str| {
        app.nobody().post("/api/v1/auth/login", &json!({"email": email, "password": password})).await.expect(401)
    };
    let wrong = attempt(&ours.owner_email, "not the password").await;
    for (email, password) in [
        ("nobody@example.com", "not the password"),
        ("", ""),
        ("not an address", "x"),
        ("' or 1=1 --", "' or 1=1 --"),
        (&ours.owner_email, ""),
        (&ours.owner_email, &"p".repeat(10_240)),
        (&ours.owner_email, "\u{1f511}\u{0}"),
        (&format!("{}\u{0}", ours.owner_email), PASSWORD),
    ] {
        let other = attempt(email, password).await;
        assert_eq!(other.without_request_id(), wrong.without_request_id(), "{email:?} {password:.20?}");
    }
}

#[tokio::test]
async fn a_form_of_another_site_cannot_use_the_cookie() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let cookie = crate::support::cookie(&app, &ours).await;
    let post = |headers: &[(&str, &str)]| {
        let mut request = app.nobody().request(Method::POST, "/api/v1/live/tickets").header("cookie", &cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request)
    };
    for foreign in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", app.base.as_str())],
        &[],
    ] {
        post(foreign).await.refuses(403, "cross_site");
    }
    post(&[("origin", &app.base)]).await.expect(201);
    post(&[("sec-fetch-site", "same-origin")]).await.expect(201);
}
