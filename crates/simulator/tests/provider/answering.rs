//! The provider's API: real routes and shapes, real sound, real faults.

use std::time::Duration;

use axum::http::StatusCode;
use jiff::Timestamp;
use reqwest::{Client, Response, redirect};
use serde_json::Value;
use simulator::{
    ApiFault, ApiRoute, Provider, ProviderFaults, ProviderOptions, RecordingFault, SimulateOptions, SoundFormat, Truth,
    practices, run,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::receiver::Receiver;

const KEY: &str = "private-key-of-the-test";
const EVERYTHING: &str = "private-key-of-the-platform";

struct Desk {
    provider: Provider,
    client: Client,
    truth: Truth,
    /// Ends when the test does.
    _answering: JoinSet<anyhow::Result<()>>,
}

impl Desk {
    /// A provider that knows 40 finished calls of all practices.
    async fn new() -> Self {
        Self::with(ProviderOptions::default()).await
    }

    async fn with(options: ProviderOptions) -> Self {
        let receiver = Receiver::start().await;
        let provider = Provider::new(ProviderOptions { keys: vec![(EVERYTHING.into(), None)], ..options });
        provider.add_key(KEY, Some(practices()[0].name));
        let mut answering = JoinSet::new();
        answering.spawn(provider.listen("127.0.0.1:0".parse().unwrap(), CancellationToken::new()).await.unwrap());
        let start: Timestamp = "2026-03-11T09:00:00Z".parse().unwrap();
        let options = SimulateOptions { provider: Some(provider.clone()), ..SimulateOptions::flat_out(4, 40, start) };
        let truth = run(options, receiver.targets(), CancellationToken::new(), |_| {}).await.unwrap();
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { provider, client, truth, _answering: answering }
    }

    async fn get(&self, path: &str, key: &str) -> Response {
        let url = format!("{}{path}", self.provider.base_url().unwrap());
        self.client.get(url).bearer_auth(key).send().await.unwrap()
    }

    async fn json(&self, path: &str, key: &str) -> Value {
        let response = self.get(path, key).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// The id of a call with a recording.
    fn recorded(&self) -> String {
        self.truth.calls.iter().find(|call| call.recording).unwrap().call_id.to_string()
    }

    /// What the address of a recording answers.
    async fn fetch(&self, call: &str, channel: &str) -> Response {
        let redirect = self.get(&format!("/call/{call}/{channel}-recording"), EVERYTHING).await;
        assert_eq!(redirect.status(), StatusCode::FOUND);
        let place = redirect.headers()["location"].to_str().unwrap().to_owned();
        self.client.get(place).send().await.unwrap()
    }
}

fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_list_holds_every_call_and_its_filters_cut_it_in_time() {
    let desk = Desk::new().await;
    let all = desk.json("/call", EVERYTHING).await;
    let mut known: Vec<String> = desk.truth.calls.iter().map(|call| call.call_id.to_string()).collect();
    let mut listed = ids(&all);
    listed.sort();
    known.sort();
    assert_eq!(listed, known);

    let times: Vec<Timestamp> =
        all.as_array().unwrap().iter().map(|call| call["updatedAt"].as_str().unwrap().parse().unwrap()).collect();
    let middle = times[20];
    for (filter, expected) in [
        ("updatedAtGt", times.iter().filter(|at| **at > middle).count()),
        ("updatedAtGe", times.iter().filter(|at| **at >= middle).count()),
        ("updatedAtLt", times.iter().filter(|at| **at < middle).count()),
        ("updatedAtLe", times.iter().filter(|at| **at <= middle).count()),
    ] {
        let found = desk.json(&format!("/call?{filter}={middle}&limit=1000"), EVERYTHING).await;
        assert_eq!(ids(&found).len(), expected, "{filter}");
    }
    assert_eq!(ids(&desk.json("/call?limit=7", EVERYTHING).await), ids(&all)[..7], "the newest");
    let one = &ids(&all)[3];
    let single = desk.json(&format!("/call/{one}"), EVERYTHING).await;
    assert_eq!(single, all[3]);
    assert_eq!(single["status"], "ended");
    for query in ["/call?limit=1001", "/call?updatedAtGt=yesterday", "/call?page=2"] {
        assert_eq!(desk.get(query, EVERYTHING).await.status(), StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn a_key_shows_its_own_calls_and_a_wrong_one_none() {
    let desk = Desk::new().await;
    let own: Vec<String> = ids(&desk.json("/call", KEY).await);
    let expected = desk.truth.calls.iter().filter(|call| call.org_label == practices()[0].name).count();
    assert_eq!(own.len(), expected);
    let other = desk.truth.calls.iter().find(|call| call.org_label != practices()[0].name).unwrap().call_id;
    assert_eq!(desk.get(&format!("/call/{other}"), KEY).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(desk.get("/call", "wrong").await.status(), StatusCode::UNAUTHORIZED);
    desk.provider.revoke_keys();
    assert_eq!(desk.get("/call", KEY).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_recording_is_sound_behind_an_address_that_expires() {
    let desk =
        Desk::with(ProviderOptions { sound: SoundFormat { rate: 8_000, bits: 8 }, ..ProviderOptions::default() }).await;
    let call = desk.recorded();
    for (channel, lanes) in [("mono", 1), ("stereo", 2), ("assistant", 1), ("customer", 1)] {
        let file = desk.fetch(&call, channel).await;
        assert_eq!(file.headers()["content-type"], "audio/wav");
        let length: usize = file.headers()["content-length"].to_str().unwrap().parse().unwrap();
        let bytes = file.bytes().await.unwrap();
        assert_eq!(bytes.len(), length);
        assert_eq!((&bytes[..4], bytes[22]), (&b"RIFF"[..], lanes), "{channel}");
        assert!(bytes[44..].iter().any(|sample| *sample > 150), "{channel} is silent");
    }
    let redirect = desk.get(&format!("/call/{call}/mono-recording"), EVERYTHING).await;
    let place = redirect.headers()["location"].to_str().unwrap();
    let part = desk.client.get(place).header("range", "bytes=8-11").send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.unwrap(), "WAVE");
    let forged = place.replace("mono.wav", "stereo.wav");
    assert_eq!(desk.client.get(forged).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    desk.provider.spoil_recording(None, RecordingFault::Expired, 1);
    assert_eq!(desk.fetch(&call, "mono").await.status(), StatusCode::FORBIDDEN);
    // The address in the report is a name, not a way in.
    let object = desk.json(&format!("/call/{call}"), EVERYTHING).await;
    let named = object["artifact"]["recordingUrl"].as_str().unwrap();
    assert!(named.starts_with(&desk.provider.recordings_base().unwrap()), "{named}");
    assert_eq!(desk.client.get(named).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let unanswered = desk.truth.calls.iter().find(|call| !call.recording).unwrap().call_id;
    let none = desk.get(&format!("/call/{unanswered}/mono-recording"), EVERYTHING).await;
    assert_eq!(none.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn each_fault_of_a_recording_happens_as_often_as_asked_and_then_no_more() {
    let desk = Desk::new().await;
    let call = desk.recorded();
    let id = call.parse().unwrap();
    let whole = desk.fetch(&call, "mono").await.bytes().await.unwrap();

    desk.provider.spoil_recording(Some(id), RecordingFault::Missing, 2);
    for expected in [StatusCode::NOT_FOUND, StatusCode::NOT_FOUND, StatusCode::FOUND] {
        assert_eq!(desk.get(&format!("/call/{call}/mono-recording"), EVERYTHING).await.status(), expected);
    }
    desk.provider.spoil_recording(Some(id), RecordingFault::Html, 1);
    assert!(desk.fetch(&call, "mono").await.text().await.unwrap().contains("<!doctype html>"));
    desk.provider.spoil_recording(Some(id), RecordingFault::Empty, 1);
    assert!(desk.fetch(&call, "mono").await.bytes().await.unwrap().is_empty());
    for fault in [RecordingFault::Cut, RecordingFault::WrongLength] {
        desk.provider.spoil_recording(Some(id), fault.clone(), 1);
        assert!(desk.fetch(&call, "mono").await.bytes().await.is_err(), "{fault:?}");
    }
    desk.provider.spoil_recording(Some(id), RecordingFault::Huge(3 << 30), 1);
    assert_eq!(desk.fetch(&call, "mono").await.headers()["content-length"], (3_u64 << 30).to_string());
    for fault in [RecordingFault::Slow, RecordingFault::Endless] {
        desk.provider.spoil_recording(Some(id), fault, 1);
        let mut endless = desk.fetch(&call, "mono").await;
        assert!(endless.content_length().is_none() && endless.chunk().await.unwrap().is_some());
    }
    desk.provider.spoil_recording(Some(id), RecordingFault::RedirectTo("http://169.254.169.254/x".into()), 1);
    let away = desk.get(&format!("/call/{call}/mono-recording"), EVERYTHING).await;
    assert_eq!(away.headers()["location"], "http://169.254.169.254/x");
    desk.provider.spoil_recording(Some(id), RecordingFault::Refused(429, Some(7)), 1);
    let refused = desk.get(&format!("/call/{call}/mono-recording"), EVERYTHING).await;
    assert_eq!(
        (refused.status(), refused.headers()["retry-after"].to_str().unwrap()),
        (StatusCode::TOO_MANY_REQUESTS, "7")
    );
    assert_eq!(desk.fetch(&call, "mono").await.bytes().await.unwrap(), whole, "and then it is as before");
}

#[tokio::test]
async fn each_fault_of_the_api_happens_as_often_as_asked() {
    let desk = Desk::new().await;
    desk.provider.spoil_api(ApiRoute::List, ApiFault::Status(503), 2);
    desk.provider.spoil_api(ApiRoute::List, ApiFault::Throttled(Some(3)), 1);
    desk.provider.spoil_api(ApiRoute::List, ApiFault::Html, 1);
    desk.provider.spoil_api(ApiRoute::List, ApiFault::Hang(Duration::from_millis(1)), 1);
    let mut answers = Vec::new();
    for _ in 0..6 {
        let answer = desk.get("/call?limit=1", EVERYTHING).await;
        answers.push((answer.status().as_u16(), answer.headers()["content-type"] == "application/json"));
    }
    assert_eq!(answers, [(503, true), (503, true), (429, true), (200, false), (200, true), (200, true)]);
}

#[tokio::test]
async fn faults_as_rates_pass_after_a_few_requests() {
    let faults = ProviderFaults { recording_missing: 0.5, api_error: 0.3, ..ProviderFaults::default() };
    let desk = Desk::with(ProviderOptions { faults, ..ProviderOptions::default() }).await;
    let calls: Vec<String> =
        desk.truth.calls.iter().filter(|call| call.recording).map(|call| call.call_id.to_string()).collect();
    let (mut missing, mut failed) = (0, 0);
    for call in &calls {
        loop {
            match desk.get(&format!("/call/{call}/stereo-recording"), EVERYTHING).await.status() {
                StatusCode::FOUND => break,
                StatusCode::NOT_FOUND => missing += 1,
                StatusCode::INTERNAL_SERVER_ERROR => failed += 1,
                other => panic!("{other}"),
            }
        }
    }
    assert!(missing > calls.len() / 4 && failed > calls.len() / 5, "{missing} missing, {failed} failed");
}

#[tokio::test]
async fn a_call_in_progress_says_so_whatever_became_of_its_messages() {
    let receiver = Receiver::start().await;
    let provider = Provider::new(ProviderOptions { keys: vec![(KEY.into(), None)], ..ProviderOptions::default() });
    let stop = CancellationToken::new();
    let mut answering = JoinSet::new();
    answering.spawn(provider.listen("127.0.0.1:0".parse().unwrap(), stop.clone()).await.unwrap());
    let faults = simulator::Faults { lost: 1.0, ..simulator::Faults::default() };
    let options = SimulateOptions {
        faults,
        concurrency: 1,
        calls: Some(1),
        only: vec!["opening-hours".into()],
        provider: Some(provider.clone()),
        ..SimulateOptions::default()
    };
    let mut playing = JoinSet::new();
    playing.spawn(run(options, vec![receiver.targets().remove(0)], stop.clone(), |_| {}));
    let client = Client::builder().build().unwrap();
    let url = format!("{}/call", provider.base_url().unwrap());
    let status = loop {
        let list: Value = client.get(&url).bearer_auth(KEY).send().await.unwrap().json().await.unwrap();
        match list[0]["status"].as_str() {
            None | Some("queued" | "ringing") => tokio::time::sleep(Duration::from_millis(20)).await,
            Some(status) => break status.to_owned(),
        }
    };
    assert_eq!(status, "in-progress");
    assert!(receiver.seen().is_empty());
    stop.cancel();
    playing.join_next().await.unwrap().unwrap().unwrap();
}
