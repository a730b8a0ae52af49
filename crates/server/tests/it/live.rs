//! Calls as they happen, over real sockets.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use platform::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::http::Request;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::{Client, PATIENCE, Practice, TestApp, answer, cookie, eventually, fixture, new_call};

/// A live connection.
struct Live(WebSocketStream<TcpStream>);

/// The upgrade request of a client with these headers.
fn upgrade(app: &TestApp, query: &str, headers: &[(&str, &str)]) -> Request<()> {
    let url = format!("ws://{}/api/v1/live{query}", app.address);
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request
            .headers_mut()
            .insert(tokio_tungstenite::tungstenite::http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    request
}

async fn connect(app: &TestApp, request: Request<()>) -> Result<(Live, Response), Box<Error>> {
    let socket = TcpStream::connect(app.address).await.unwrap();
    client_async(request, socket).await.map(|(socket, response)| (Live(socket), response)).map_err(Box::new)
}

async fn refused(app: &TestApp, query: &str, headers: &[(&str, &str)]) -> u16 {
    match connect(app, upgrade(app, query, headers)).await.map_err(|error| *error) {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
        Ok(_) => 101,
    }
}

fn bearer(client: &Client) -> String {
    format!("Bearer {}", client.token.as_ref().unwrap())
}

impl Live {
    async fn open(app: &TestApp, client: &Client, query: &str) -> Self {
        connect(app, upgrade(app, query, &[("authorization", &bearer(client))])).await.unwrap().0
    }

    /// The next text, or the code the server closed with.
    async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.unwrap_or_else(|_| panic!("nothing comes"));
            match message {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(0, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(0),
            }
        }
    }

    /// Reads up to and including the event with this number.
    async fn read_to(&mut self, seq: i64) -> Vec<Value> {
        let mut read = Vec::new();
        while read.last().is_none_or(|event: &Value| event["seq"].as_i64() < Some(seq)) {
            read.push(self.next().await.unwrap());
        }
        read
    }

    /// Reads whatever still comes and answers the code of the end.
    async fn end(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }
}

async fn head(app: &TestApp, practice: &Practice) -> i64 {
    sqlx::query_scalar("select coalesce(max(seq), 0) from live_events where org_id = $1")
        .bind(practice.org)
        .fetch_one(&mut app.db.admin().await)
        .await
        .unwrap()
}

/// What the database holds, as (number, type, call).
async fn stored(app: &TestApp, practice: &Practice) -> Vec<(i64, String)> {
    sqlx::query_as("select seq, call_id::text from live_events where org_id = $1 order by seq")
        .bind(practice.org)
        .fetch_all(&mut app.db.admin().await)
        .await
        .unwrap()
}

/// A caption each, so that each is an event.
async fn say(practice: &Practice, call: &str, words: &str) {
    let mut event = fixture("transcript", call);
    event["message"]["transcript"] = json!(words);
    practice.send(&event).await.expect(200);
}

#[tokio::test]
async fn a_call_is_seen_as_it_happens_with_any_credential() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let theirs = app.practice("Birch Lane Dental").await;
    let key = app.api_key(&ours, &["live:read"]).await;
    let cookie = cookie(&app, &ours).await;
    let by_cookie = upgrade(&app, "", &[("cookie", &cookie), ("origin", &app.base)]);
    let mut watching = [
        Live::open(&app, &ours.owner, "").await,
        Live::open(&app, &key, "").await,
        connect(&app, by_cookie).await.unwrap().0,
    ];
    let mut foreign = Live::open(&app, &theirs.owner, "").await;
    for live in watching.iter_mut().chain([&mut foreign]) {
        let hello = live.next().await.unwrap();
        assert_eq!((&hello["t"], &hello["seq"], &hello["resumed"]), (&json!("hello"), &json!(0), &json!(false)));
        assert_eq!(live.next().await.unwrap()["t"], "snapshot");
    }
    let call = new_call();
    for name in ["status-update", "transcript", "end-of-call-report"] {
        ours.send(&fixture(name, &call)).await.expect(200);
    }
    let id = ours.owner.call(&call).await["id"].clone();
    let last = head(&app, &ours).await;
    for live in &mut watching {
        let events = live.read_to(last).await;
        let seqs: Vec<i64> = events.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
        assert_eq!(seqs, (1..=last).collect::<Vec<_>>());
        assert!(events.iter().all(|event| event["id"] == id), "{events:?}");
        assert_eq!(events[0]["t"], "call.created");
        assert_eq!(events.last().unwrap()["t"], "call.ended");
        let caption = events.iter().find(|event| event["t"] == "call.caption").unwrap();
        assert!(caption["text"].as_str().unwrap().contains("Nadia"), "{caption}");
    }
    say(&theirs, &new_call(), "Something of our own").await;
    let first = foreign.next().await.unwrap();
    assert_eq!(
        (&first["t"], &first["seq"]),
        (&json!("call.created"), &json!(1)),
        "nothing of another organization came"
    );
}

#[tokio::test]
async fn a_ticket_opens_one_connection_for_half_a_minute() {
    let app = TestApp::at(Clock::frozen_at(test_support::START.parse().unwrap()), &[]).await;
    let ours = app.practice("Elm Street Dental").await;
    let ticket = async || {
        let made = ours.owner.post("/api/v1/live/tickets", &json!({})).await.expect(201).json();
        assert_eq!(made["expires_in"], 30);
        format!("?ticket={}", made["ticket"].as_str().unwrap())
    };
    let first = ticket().await;
    let (mut live, _) = connect(&app, upgrade(&app, &first, &[])).await.unwrap();
    assert_eq!(live.next().await.unwrap()["t"], "hello");
    assert_eq!(refused(&app, &first, &[]).await, 401, "used");
    let late = ticket().await;
    app.clock.advance(jiff::SignedDuration::from_secs(31));
    assert_eq!(refused(&app, &late, &[]).await, 401, "too late");
    for made_up in ["?ticket=", "?ticket=x", "?ticket=%00", &format!("?ticket={}", "x".repeat(5_000))] {
        assert_eq!(refused(&app, made_up, &[]).await, 401, "{made_up:.30}");
    }
    let orphan = ticket().await;
    ours.owner.post("/api/v1/auth/logout", &json!({})).await.expect(204);
    assert_eq!(refused(&app, &orphan, &[]).await, 401, "its owner has signed out");
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_listen() {
    let app = TestApp::with(&[("VOXANNE_CORS_ORIGINS", "https://www.example.com")]).await;
    let ours = app.practice("Elm Street Dental").await;
    let (token, cookie) = (bearer(&ours.owner), cookie(&app, &ours).await);
    for credential in [("authorization", token.as_str()), ("cookie", cookie.as_str())] {
        for origin in ["https://evil.example", "null", "http://127.0.0.1:1", ""] {
            assert_eq!(refused(&app, "", &[credential, ("origin", origin)]).await, 403, "{origin} {}", credential.0);
        }
        assert_eq!(refused(&app, "", &[credential, ("origin", &app.base)]).await, 101);
    }
    let listed = [("authorization", token.as_str()), ("origin", "https://www.example.com")];
    assert_eq!(refused(&app, "", &listed).await, 101);
    assert_eq!(refused(&app, "", &[]).await, 401);
    assert_eq!(refused(&app, "", &[("authorization", "Bearer x")]).await, 401);
}

/// Every message of a stream until the event with this number.
async fn stream_to(client: &Client, query: &str, seq: i64) -> Vec<Value> {
    let request = client.request(Method::GET, &format!("/api/v1/live{query}")).header("accept", "text/event-stream");
    let mut response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut text, mut messages) = (String::new(), Vec::<Value>::new());
    while messages.last().is_none_or(|event| event["seq"].as_i64() < Some(seq)) {
        let chunk = timeout(PATIENCE, response.chunk()).await.unwrap().unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            let data = event.lines().find_map(|line| line.strip_prefix("data: "));
            messages.extend(data.map(|data| serde_json::from_str::<Value>(data).unwrap()));
            text = rest.to_owned();
        }
    }
    messages
}

#[tokio::test]
async fn socket_stream_and_polling_carry_the_same_messages() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let call = new_call();
    ours.send(&fixture("status-update", &call)).await.expect(200);
    let start = head(&app, &ours).await;
    for index in 0..300 {
        say(&ours, &call, &format!("Sentence {index}")).await;
    }
    let last = head(&app, &ours).await;
    let query = format!("?since={start}");

    let mut live = Live::open(&app, &ours.owner, &query).await;
    let hello = live.next().await.unwrap();
    assert_eq!((&hello["t"], &hello["resumed"]), (&json!("hello"), &json!(true)));
    let by_socket = live.read_to(last).await;
    let by_stream = stream_to(&ours.owner, &query, last).await;
    let (mut by_poll, mut since) = (Vec::new(), start);
    while since < last {
        let page = ours.owner.get(&format!("/api/v1/live?since={since}")).await.expect(200).json();
        assert_eq!(page["reset"], false);
        by_poll.extend(page["events"].as_array().unwrap().iter().cloned());
        since = page["seq"].as_i64().unwrap();
    }
    assert_eq!(by_socket.len(), usize::try_from(last - start).unwrap());
    assert_eq!(by_stream[0]["t"], "hello");
    assert_eq!(by_stream[1..], by_socket);
    assert_eq!(by_poll, by_socket);

    for (nowhere, what) in [(last + 1_000, "a place that is not there yet"), (-1, "a place before the first")] {
        let mut live = Live::open(&app, &ours.owner, &format!("?since={nowhere}")).await;
        let told = [live.next().await.unwrap(), live.next().await.unwrap(), live.next().await.unwrap()];
        let kinds: Vec<_> = told.iter().map(|message| message["t"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["hello", "reset", "snapshot"], "{what}");
        assert_eq!(told[2]["seq"], last);
        let polled = ours.owner.get(&format!("/api/v1/live?since={nowhere}")).await.expect(200).json();
        assert_eq!((&polled["reset"], &polled["seq"]), (&json!(true), &json!(last)), "{what}");
    }
    for wrong in ["?since=x", "?since=1.5", "?since=99999999999999999999"] {
        ours.owner.get(&format!("/api/v1/live{wrong}")).await.refuses(400, "invalid_input");
    }
    let odd = ours.owner.request(Method::GET, "/api/v1/live").header("upgrade", "h2c").header("connection", "upgrade");
    let odd = answer(odd).await.status;
    assert!((400..500).contains(&odd), "{odd}");
}

#[tokio::test]
async fn a_credential_that_ends_closes_its_connections_within_seconds() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let leaver = app.member(&ours, "member").await;
    let signing_out = app.sign_in(&ours.owner_email).await;
    let key = app.api_key(&ours, &["live:read"]).await;
    let staying = Live::open(&app, &ours.owner, "").await;
    let mut ending = [
        Live::open(&app, &leaver, "").await,
        Live::open(&app, &signing_out, "").await,
        Live::open(&app, &key, "").await,
    ];
    let stream = key.request(Method::GET, "/api/v1/live").header("accept", "text/event-stream").send().await.unwrap();

    let leaver = leaver.get("/api/v1/me").await.expect(200).json()["user_id"].as_str().unwrap().to_owned();
    let keys = ours.owner.get("/api/v1/api-keys").await.expect(200).json();
    ours.owner.delete(&format!("/api/v1/members/{leaver}")).await.expect(204);
    signing_out.post("/api/v1/auth/logout", &json!({})).await.expect(204);
    let key_id = keys["items"][0]["id"].as_str().unwrap();
    ours.owner.delete(&format!("/api/v1/api-keys/{key_id}")).await.expect(204);
    let revoked = Instant::now();
    for live in &mut ending {
        assert_eq!(live.end().await, 4001);
    }
    // A stream has no codes: it ends.
    timeout(PATIENCE, stream.bytes()).await.unwrap().unwrap();
    assert!(revoked.elapsed() < Duration::from_secs(5), "{:?}", revoked.elapsed());

    let mut staying = staying;
    say(&ours, &new_call(), "Still here").await;
    let last = head(&app, &ours).await;
    while staying.next().await.unwrap()["seq"] != last {}
}

#[tokio::test]
async fn there_is_an_end_to_the_connections_of_one_person_and_of_one_organization() {
    let app =
        TestApp::with(&[("VOXANNE_LIVE_CONNECTIONS_PER_USER", "3"), ("VOXANNE_LIVE_CONNECTIONS_PER_ORG", "5")]).await;
    let ours = app.practice("Elm Street Dental").await;
    let theirs = app.practice("Birch Lane Dental").await;
    let member = app.member(&ours, "member").await;
    let key = app.api_key(&ours, &["live:read"]).await;
    let mut open = Vec::new();
    for client in [&ours.owner, &ours.owner, &ours.owner, &member, &member] {
        let mut live = Live::open(&app, client, "").await;
        assert_eq!(live.next().await.unwrap()["t"], "hello");
        open.push(live);
    }
    for (client, whose) in
        [(&ours.owner, "the person's"), (&member, "the organization's"), (&key, "the organization's")]
    {
        assert_eq!(Live::open(&app, client, "").await.end().await, 4003, "{whose} are used up");
        let stream = client.request(Method::GET, "/api/v1/live").header("accept", "text/event-stream");
        answer(stream).await.refuses(429, "too_many_connections");
    }
    client_is_served(&app, &theirs.owner).await;
    drop(open.pop());
    eventually("the place is free again", || async { Live::open(&app, &member, "").await.next().await.ok() }).await;
}

async fn client_is_served(app: &TestApp, client: &Client) {
    assert_eq!(Live::open(app, client, "").await.next().await.unwrap()["t"], "hello");
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(Live::open(&app, &ours.owner, "").await);
    }
    for live in &mut open {
        live.next().await.unwrap();
    }
    assert!(app.stop().await, "no task is left running");
    for live in &mut open {
        assert_eq!(live.end().await, 1012);
    }
}

#[tokio::test]
async fn what_a_reader_says_is_not_acted_upon_and_cannot_be_large() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let mut live = Live::open(&app, &ours.owner, "").await;
    for message in [Message::text("{\"since\":-1}"), Message::binary(vec![0; 100]), Message::Ping(vec![1].into())] {
        live.0.send(message).await.unwrap();
    }
    say(&ours, &new_call(), "Still here").await;
    let last = head(&app, &ours).await;
    while live.next().await.unwrap()["seq"] != last {}
    // The server may close before all of it is written.
    let _written = live.0.send(Message::text("x".repeat(1 << 20))).await;
    live.end().await;
    app.nobody().get("/health").await.expect(200);
}

/// A reader that stops reading is dropped, and misses nothing when it comes back.
#[tokio::test]
async fn a_reader_that_does_not_read_is_dropped_and_resumes() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let socket = socket.connect(app.address).await.unwrap();
    let request = upgrade(&app, "", &[("authorization", &bearer(&ours.owner))]);
    let mut slow = Live(client_async(request, socket).await.unwrap().0);
    assert_eq!(slow.next().await.unwrap()["t"], "hello");
    assert_eq!(app.watching(), 1);

    let (call, words) = (new_call(), "All work and no play. ".repeat(400));
    let mut sent = 0;
    // The socket's own buffers hold some megabytes: send until the server has had enough.
    let deadline = Instant::now() + Duration::from_mins(1);
    while app.watching() == 1 {
        assert!(Instant::now() < deadline, "the slow reader is kept");
        if sent < 2_000 {
            let (ours, call, words) = (&ours, &call, &words);
            let batch = (0..50).map(|index| async move { say(ours, call, &format!("{sent} {index} {words}")).await });
            futures::future::join_all(batch).await;
            sent += 50;
        } else {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let mut seen = 0;
    let code = loop {
        match slow.next().await {
            Ok(event) => seen = event["seq"].as_i64().unwrap(),
            Err(code) => break code,
        }
    };
    assert!(code == 4002 || code == 0, "{code}");
    let last = head(&app, &ours).await;
    assert!(seen < last, "the backlog was not kept for it");
    let mut back = Live::open(&app, &ours.owner, &format!("?since={seen}")).await;
    assert_eq!(back.next().await.unwrap()["resumed"], true);
    let missed = back.read_to(last).await;
    let seqs: Vec<i64> = missed.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, (seen + 1..=last).collect::<Vec<_>>());
}

/// Many readers that come and go while calls happen in several organizations: in the end each has seen exactly what the
/// database holds for its own, in order, and nothing of the others.
#[tokio::test]
async fn three_hundred_restless_readers_miss_nothing_and_see_nothing_foreign() {
    const READERS: usize = 300;
    let app = TestApp::with(&[("VOXANNE_LIVE_CONNECTIONS_PER_USER", "1000")]).await;
    let practices = [
        app.practice("Elm Street Dental").await,
        app.practice("Birch Lane Dental").await,
        app.practice("Oak Road Vets").await,
    ];
    let (done, over) = tokio::sync::watch::channel(None);

    let writing = async {
        let each = practices.iter().map(|practice| async move {
            for round in 0..6 {
                let call = new_call();
                practice.send(&fixture("status-update", &call)).await.expect(200);
                let sentences = (0..8).map(|index| {
                    let call = call.clone();
                    async move { say(practice, &call, &format!("Round {round}, sentence {index}")).await }
                });
                futures::future::join_all(sentences).await;
                practice.send(&fixture("end-of-call-report", &call)).await.expect(200);
            }
        });
        futures::future::join_all(each).await;
        let mut ends = [0; 3];
        for (end, practice) in ends.iter_mut().zip(&practices) {
            *end = head(&app, practice).await;
        }
        done.send(Some(ends)).unwrap();
    };
    let readers = (0..READERS).map(|index| restless(&app, &practices[index % 3], index, over.clone()));
    let ((), seen) = tokio::join!(writing, futures::future::join_all(readers));

    let mut truth = BTreeMap::new();
    for (index, practice) in practices.iter().enumerate() {
        truth.insert(index, stored(&app, practice).await);
    }
    for (index, seen) in seen.into_iter().enumerate() {
        assert_eq!(seen, truth[&(index % 3)], "reader {index}");
    }
}

/// Follows from the beginning, hangs up every few events, comes back where it was; in the end reads to the end.
async fn restless(
    app: &TestApp,
    practice: &Practice,
    index: usize,
    mut over: tokio::sync::watch::Receiver<Option<[i64; 3]>>,
) -> Vec<(i64, String)> {
    let (mut seen, mut cursor, mut visit) = (Vec::new(), 0, 0);
    loop {
        let end = over.borrow().map(|ends| ends[index % 3]);
        if end.is_some_and(|end| cursor >= end) {
            return seen;
        }
        let request = upgrade(app, &format!("?since={cursor}"), &[("authorization", &bearer(&practice.owner))]);
        let mut live = match connect(app, request).await.map_err(|error| *error) {
            Ok((live, _)) => live,
            // So many at once may find the database busy: come again.
            Err(Error::Http(response)) if response.status().as_u16() == 503 => continue,
            Err(error) => panic!("{error}"),
        };
        match live.next().await {
            Ok(hello) => assert_eq!(hello["resumed"], true),
            Err(code) => {
                assert_eq!(code, 1012);
                continue;
            }
        }
        visit += 1;
        // A different number for every reader and visit, without a source of chance.
        let stay = if end.is_some() { usize::MAX } else { 3 + (index * 7 + visit * 13) % 23 };
        for _ in 0..stay {
            if end.is_some_and(|end| cursor >= end) {
                break;
            }
            let event = tokio::select! {
                event = live.next() => event,
                _ = over.wait_for(Option::is_some), if end.is_none() => break,
            };
            let event = match event {
                Ok(event) => event,
                Err(code) => {
                    assert_eq!(code, 1012, "sent away with another word than to come again");
                    break;
                }
            };
            cursor = event["seq"].as_i64().unwrap();
            seen.push((cursor, event["id"].as_str().unwrap().to_owned()));
        }
    }
}

#[tokio::test]
async fn an_operator_hears_of_bookings_whichever_organization_they_look_at_and_of_nothing_else() {
    let app = TestApp::start().await;
    let agency = app.practice("Agency").await;
    let practice = app.practice("Elm Street Dental").await;
    let operator = app.operator(&practice).await;
    let mut bookings = Live::open(&app, &operator, "?feed=bookings").await;
    let hello = bookings.next().await.unwrap();
    assert_eq!((&hello["t"], &hello["resumed"]), (&json!("hello"), &json!(false)));
    // What the operator's organization itself hears on the phone is for its members.
    say(&agency, &new_call(), "Not for others").await;
    say(&practice, &new_call(), "Nor this").await;
    let wish = json!({
        "name": "Amara Obi", "email": "amara@example.com", "phone": "+12025550123", "clinic_name": "Bright Dental",
    });
    let booked = app.nobody().post("/api/book-demo", &wish).await.expect(200).json();
    let heard = bookings.next().await.unwrap();
    assert_eq!((&heard["t"], &heard["id"]), (&json!("booking.changed"), &booked["booking_id"]));
    let seq = heard["seq"].as_i64().unwrap();
    let polled = operator.get(&format!("/api/v1/live?feed=bookings&since={}", seq - 1)).await.expect(200).json();
    assert_eq!((polled["events"].as_array().unwrap().len(), &polled["seq"]), (1, &json!(seq)));
    let lost = operator.get("/api/v1/live?feed=bookings&since=999999").await.expect(200).json();
    assert_eq!((&lost["reset"], &lost["seq"]), (&json!(true), &json!(seq)));

    let owner = &agency.owner;
    owner.get("/api/v1/live?feed=bookings").await.refuses(403, "forbidden");
    operator.get("/api/v1/live?feed=everything").await.expect(400);
}
