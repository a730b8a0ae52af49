//! From a report to a recording in our own storage, past a provider that does everything wrong that providers do.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::TryStreamExt as _;
use jiff::SignedDuration;
use platform::audit::Actor;
use platform::clock::Clock;
use platform::config::{OutboundConfig, Place, StorageConfig};
use platform::crypto::MasterKey;
use platform::failpoint;
use platform::ids::{CallId, ConnectionId, OrgId};
use platform::jobs::Jobs;
use platform::outbound::Outbound;
use platform::secret::Secret;
use platform::storage::{Key, Storage};
use platform::tasks::Tasks;
use platform::tenancy::{Logins, Tenancy};
use providers::vapi::signature::WebhookAuth;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use voice::calls::jobs::index_all;
use voice::connections::actions::{NewConnection, create_connection};
use voice::connections::model::Verifier;
use voice::ingress::model::Event;
use voice::provider::{ProviderClient, ProviderSettings};
use voice::recordings::copy::{Copier, Parts, Patience};
use voice::recordings::model::{Channel, Reason, Recording, State};
use voice::recordings::{actions, jobs, of_call};

use crate::messages;
use crate::support::Desk;

const KEY: &str = "private-key-of-the-practice";

/// What the provider says to one request.
#[derive(Clone)]
enum Says {
    /// A status, with a header.
    Status(u16, Option<(&'static str, String)>),
    /// A redirect.
    To(String),
    /// A body, its type, and the length that is announced, where it is not the true one.
    Body(Bytes, &'static str, Option<u64>),
    /// Pieces for ever, with a pause after each.
    Drip(Bytes, Duration),
}

fn status(status: u16) -> Says {
    Says::Status(status, None)
}

fn sound(bytes: impl Into<Bytes>) -> Says {
    Says::Body(bytes.into(), "audio/wav", None)
}

/// A server on loopback that says what it was told to, the last of it again and again.
#[derive(Clone, Default)]
struct Provider {
    says: Arc<Mutex<VecDeque<Says>>>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    async fn start(&self, tasks: &Tasks) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(self.clone());
        let stopping = tasks.stopping();
        tasks.spawn(async move {
            tokio::select! {
                () = stopping.cancelled() => {}
                ended = async { axum::serve(listener, router).await } => ended.unwrap(),
            }
        });
        address.to_string()
    }

    fn will_say(&self, says: impl IntoIterator<Item = Says>) {
        *self.says.lock().unwrap() = says.into_iter().collect();
    }

    /// Path and credential of each request.
    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn answer(Shared(provider): Shared<Provider>, request: Request) -> Response {
    let key = request.headers().get("authorization").map_or("nobody", |value| value.to_str().unwrap());
    provider.heard.lock().unwrap().push(format!("{} {key}", request.uri()));
    let says = {
        let mut says = provider.says.lock().unwrap();
        if says.len() > 1 { says.pop_front() } else { says.front().cloned() }
    };
    match says.unwrap() {
        Says::Status(status, header) => {
            let mut response = StatusCode::from_u16(status).unwrap().into_response();
            if let Some((name, value)) = header {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
        Says::To(url) => (StatusCode::FOUND, [("location", url)]).into_response(),
        Says::Body(bytes, kind, announced) => {
            let length = announced.unwrap_or(bytes.len() as u64).to_string();
            let pieces: Vec<_> = bytes.chunks(60_000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
            // The connection is cut when what has come has surely left.
            let cut = announced.map(|_| async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Err(std::io::Error::other("cut"))
            });
            let body =
                Body::from_stream(futures::stream::iter(pieces).chain(futures::stream::iter(cut).then(|cut| cut)));
            ([("content-type", kind.to_owned()), ("content-length", length)], body).into_response()
        }
        Says::Drip(piece, pause) => {
            let pieces = futures::stream::repeat(piece).then(move |piece| async move {
                tokio::time::sleep(pause).await;
                Ok::<_, std::io::Error>(piece)
            });
            Body::from_stream(pieces).into_response()
        }
    }
}

/// A WAV of 8,000 samples a second, a tone on the left and half of it on the right.
fn wav(seconds: u32) -> Vec<u8> {
    let frames = seconds * 8_000;
    let size = frames * 4;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend_from_slice(&(36 + size).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    bytes.extend_from_slice(&8_000_u32.to_le_bytes());
    bytes.extend_from_slice(&32_000_u32.to_le_bytes());
    bytes.extend_from_slice(b"\x04\0\x10\0data");
    bytes.extend_from_slice(&size.to_le_bytes());
    for frame in 0..frames {
        let sample: i16 = if frame % 16 < 8 { 16_000 } else { -16_000 };
        bytes.extend_from_slice(&sample.to_le_bytes());
        bytes.extend_from_slice(&(sample / 2).to_le_bytes());
    }
    bytes
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("voxanne-recordings-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn storage(&self) -> Storage {
        let config = StorageConfig {
            place: Place::DataDirectory,
            keys: Vec::new(),
            max_recording_bytes: 0,
            copies_at_once: 0,
            settle_orphans: false,
        };
        Storage::open(&config, &self.0).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// What a node that copies is made of, so that it can be made in another runtime as well.
#[derive(Clone)]
struct Plan {
    logins: Logins,
    clock: Clock,
    master_key: MasterKey,
    storage: Storage,
    api: String,
    allow: Vec<String>,
    max_bytes: u64,
    patience: Patience,
}

impl Plan {
    async fn copier(&self) -> (Copier, Tenancy) {
        let tenancy = Tenancy::connect(self.logins.clone(), 4).await.unwrap();
        let allow = self.allow.iter().map(|address| address.parse().unwrap()).collect();
        let outbound = Outbound::new(&OutboundConfig { allow }, self.clock.clone()).unwrap();
        let settings =
            ProviderSettings { api_url: format!("http://{}", self.api), simulated_url: None, platform_key: None };
        let (clock, key) = (self.clock.clone(), self.master_key.clone());
        let provider = ProviderClient::new(tenancy.clone(), clock, key, outbound, settings);
        let copier = Copier::new(Parts {
            tenancy: tenancy.clone(),
            clock: self.clock.clone(),
            storage: self.storage.clone(),
            provider,
            announce: Arc::new(|_, _| {}),
            max_bytes: self.max_bytes,
            patience: self.patience,
        });
        (copier, tenancy)
    }

    /// Begins to copy.
    async fn start(&self, tasks: &Tasks) -> Jobs {
        let (copier, tenancy) = self.copier().await;
        let jobs = Jobs::new(tenancy, self.clock.clone(), tasks.clone());
        jobs::start(&copier, &jobs, 2);
        jobs
    }
}

/// A practice with a call whose recording is to be copied.
struct Studio {
    desk: Desk,
    folder: Folder,
    /// Has the API.
    api: Provider,
    /// Has the sound, at another address.
    store: Provider,
    store_url: String,
    plan: Plan,
    org: OrgId,
    connection: ConnectionId,
}

impl Studio {
    async fn new() -> Self {
        let desk = Desk::new().await;
        let folder = Folder::new();
        let (api, store) = (Provider::default(), Provider::default());
        let (api_at, store_at) = (api.start(&desk.tasks).await, store.start(&desk.tasks).await);
        let org = desk.db.organization("Harbour Dental").await;
        let new = NewConnection {
            label: "Vapi".to_owned(),
            auth: WebhookAuth::default(),
            webhook_secret: Secret::new("webhook-secret"),
            api_key: Some(Secret::new(KEY)),
            simulated: false,
        };
        let mut tx = desk.tenancy.tenant(org).await.unwrap();
        let connection = create_connection(&mut tx, &desk.db.master_key(), Actor::System, &new).await.unwrap();
        tx.commit().await.unwrap();
        let plan = Plan {
            logins: desk.db.logins(),
            clock: desk.db.clock(),
            master_key: desk.db.master_key(),
            storage: folder.storage(),
            allow: vec![api_at.clone(), store_at.clone()],
            api: api_at,
            max_bytes: 4 << 20,
            patience: Patience { idle: Duration::from_millis(300), ..Patience::default() },
        };
        let store_url = format!("http://{store_at}/sound?signature=secret");
        Self { desk, folder, api, store, store_url, plan, org, connection }
    }

    /// A call with a report that names a recording.
    async fn call(&self, id: &str) -> CallId {
        self.reported(&messages::about(&messages::report(), id)).await
    }

    async fn reported(&self, report: &serde_json::Value) -> CallId {
        let report = report.to_string();
        let event = Event::from_received(providers::vapi::receive(report.as_bytes()).unwrap());
        let verifier = Verifier { org: Some(self.org), id: Some(self.connection), ..Verifier::default() };
        let call = self.desk.ingress.take(Arc::new(verifier), Arc::new(event)).await.unwrap().call_id.unwrap();
        index_all(&self.desk.tenancy).await.unwrap();
        call
    }

    async fn recording(&self, call: CallId) -> Recording {
        let mut tx = self.desk.tenancy.tenant(self.org).await.unwrap();
        let found = of_call(&mut tx, call).await.unwrap();
        tx.commit().await.unwrap();
        found.into_iter().next().unwrap()
    }

    /// Waits until a recording is as it should be; whenever it waits for its time, time goes on.
    async fn until(&self, jobs: &Jobs, call: CallId, what: impl Fn(&Recording) -> bool) -> Recording {
        let waited = async {
            loop {
                // Looked at first: what waits stays as it is until time goes on, so no state is passed over unseen.
                let waiting = self.is_waiting().await;
                let recording = self.recording(call).await;
                if what(&recording) {
                    return recording;
                }
                if waiting {
                    self.plan.clock.advance(SignedDuration::from_mins(8));
                    jobs.wake(jobs::QUEUE);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), waited).await.unwrap()
    }

    async fn is_waiting(&self) -> bool {
        self.desk.count("select count(*) from jobs where state = 'waiting' and last_words is not null").await > 0
    }

    async fn shown(&self, call: CallId) -> (String, Option<String>) {
        sqlx::query_as("select recording_state::text, recording_storage_path from call_logs where id = $1")
            .bind(call)
            .fetch_one(&mut self.desk.db.admin().await)
            .await
            .unwrap()
    }

    async fn told(&self, kind: &str) -> i64 {
        sqlx::query_scalar("select count(*) from live_events where kind = $1")
            .bind(kind)
            .fetch_one(&mut self.desk.db.admin().await)
            .await
            .unwrap()
    }

    /// Keys of the files that are there.
    async fn files(&self) -> Vec<String> {
        self.plan.storage.list(None).map_ok(|entry| entry.key).try_collect().await.unwrap()
    }
}

#[tokio::test]
async fn a_report_with_recordings_makes_a_row_for_each_sound_once() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour Dental").await;
    let mut report = messages::report();
    report["message"]["artifact"]["recording"] = json!({
        "stereoUrl": "https://storage.example.test/call-1-stereo.wav",
        "videoUrl": "https://storage.example.test/call-1-video.mp4",
        "mono": {
            "combinedUrl": "https://storage.example.test/call-1-mono.wav",
            "assistantUrl": "https://storage.example.test/call-1-assistant.wav",
            "customerUrl": "https://storage.example.test/call-1-customer.wav",
        },
    });
    let call = desk.take(Some(org), &report).await.call_id.unwrap();
    index_all(&desk.tenancy).await.unwrap();
    // A repetition that knows more is followed up as well.
    report["message"]["artifact"]["recording"]["mono"]["combinedUrl"] =
        json!("https://storage.example.test/longer/name.wav");
    desk.take(Some(org), &report).await;
    index_all(&desk.tenancy).await.unwrap();
    let mut tx = desk.tenancy.tenant(org).await.unwrap();
    let found = of_call(&mut tx, call).await.unwrap();
    let channels: Vec<Channel> = found.iter().map(|recording| recording.channel).collect();
    assert_eq!(channels, [Channel::Stereo, Channel::Mono, Channel::Agent, Channel::Caller], "no picture");
    assert!(found.iter().all(|recording| recording.state == State::Pending && recording.attempts == 0));
    let stranger: OrgId = desk.db.organization("Beacon Dental").await;
    let mut tx = desk.tenancy.tenant(stranger).await.unwrap();
    assert!(of_call(&mut tx, call).await.unwrap().is_empty(), "nobody else's");
}

#[tokio::test]
async fn a_recording_is_copied_measured_and_shown() {
    let studio = Studio::new().await;
    let bytes = wav(30);
    studio.api.will_say([Says::To(studio.store_url.clone())]);
    studio.store.will_say([sound(bytes.clone())]);
    let call = studio.call("call-1").await;
    assert_eq!(studio.shown(call).await, ("pending".to_owned(), None));
    let jobs = studio.plan.start(&studio.desk.tasks).await;
    let recording = studio.until(&jobs, call, |recording| recording.state == State::Ready).await;
    let file = recording.file.unwrap();
    assert_eq!(file.key, format!("{}/{call}/{}.1", studio.org, recording.id));
    assert_eq!((file.size, file.media.content_type()), (bytes.len() as u64, "audio/wav"));
    assert_eq!(file.sha256, Sha256::digest(&bytes).to_vec());
    assert_eq!((file.duration, file.channels), (Some(Duration::from_secs(30)), Some(2)));
    let peaks = file.peaks.unwrap().channels;
    assert!((400..=1024).contains(&peaks[0].len()) && peaks[0].len() == peaks[1].len(), "{}", peaks[0].len());
    assert!(peaks[0].iter().all(|peak| *peak == 125) && peaks[1].iter().all(|peak| *peak == 62), "the two sides");
    let kept = studio.plan.storage.get(&Key::new(file.key.clone()).unwrap(), None).await.unwrap();
    assert_eq!(kept.bytes().await.unwrap(), bytes);
    assert_eq!(studio.shown(call).await, ("ready".to_owned(), Some(file.key)));
    assert_eq!((studio.told("recording.ready").await, studio.told("recording.failed").await), (1, 0));
    let bearer = format!("Bearer {KEY}");
    assert_eq!(studio.api.heard(), [format!("/call/call-1/stereo-recording {bearer}")]);
    assert_eq!(studio.store.heard(), ["/sound?signature=secret nobody"], "the key stays where it belongs");
    studio.desk.close().await;
}

#[tokio::test]
async fn signed_addresses_alone_lead_to_the_providers_route() {
    let studio = Studio::new().await;
    studio.api.will_say([Says::To(studio.store_url.clone())]);
    studio.store.will_say([sound(wav(1))]);
    let mut report = messages::about(&messages::report(), "call-1");
    let artifact = report["message"]["artifact"].as_object_mut().unwrap();
    artifact.remove("recording");
    artifact.insert(
        "presignedStereoUrl".to_owned(),
        json!("https://recordings.example.test/1/stereo.wav?X-Amz-Signature=abc"),
    );
    let call = studio.reported(&report).await;
    let jobs = studio.plan.start(&studio.desk.tasks).await;
    let ready = studio.until(&jobs, call, |recording| recording.state == State::Ready).await;
    assert_eq!((ready.channel, ready.attempts), (Channel::Stereo, 1));
    assert_eq!(studio.api.heard(), [format!("/call/call-1/stereo-recording Bearer {KEY}")]);
    studio.desk.close().await;
}

#[tokio::test]
async fn what_is_not_there_yet_is_asked_for_again_with_a_fresh_address() {
    let studio = Studio::new().await;
    studio.api.will_say([
        status(404),
        Says::To(format!("{}&old", studio.store_url)),
        Says::To(studio.store_url.clone()),
    ]);
    studio.store.will_say([status(403), sound(wav(1))]);
    let call = studio.call("call-1").await;
    let jobs = studio.plan.start(&studio.desk.tasks).await;
    let waiting = studio.until(&jobs, call, |recording| recording.reason == Some(Reason::NotThere)).await;
    assert_eq!(waiting.state, State::Pending, "it may still come");
    assert_eq!(studio.shown(call).await.0, "pending");
    // An address that has expired is refused by its store, and that is final until somebody asks again.
    let refused = studio.until(&jobs, call, |recording| recording.reason == Some(Reason::Refused)).await;
    assert_eq!(refused.state, State::Failed);
    let mut tx = studio.desk.tenancy.tenant(studio.org).await.unwrap();
    let again = actions::try_again(&mut tx, &jobs, &studio.plan.clock, Actor::System, refused.id).await.unwrap();
    assert!(again.is_some());
    tx.commit().await.unwrap();
    jobs.wake(jobs::QUEUE);
    let ready = studio.until(&jobs, call, |recording| recording.state == State::Ready).await;
    assert_eq!((ready.attempts, ready.reason), (3, None));
    assert_eq!(studio.store.heard(), ["/sound?signature=secret&old nobody", "/sound?signature=secret nobody"]);
    studio.desk.close().await;
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_kept_and_costs_no_attempt() {
    let studio = Studio::new().await;
    studio
        .api
        .will_say([Says::Status(429, Some(("retry-after", "400".to_owned()))), Says::To(studio.store_url.clone())]);
    studio.store.will_say([sound(wav(1))]);
    let call = studio.call("call-1").await;
    let jobs = studio.plan.start(&studio.desk.tasks).await;
    let sql =
        "select count(*) from jobs where state = 'waiting' and attempts = 0 and due_at >= now() - interval '100 years'
               and extract(epoch from due_at - created_at) between 399 and 401";
    let asked = async {
        while studio.desk.count(sql).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asked).await.unwrap();
    assert_eq!(studio.recording(call).await.reason, Some(Reason::Provider));
    studio.until(&jobs, call, |recording| recording.state == State::Ready).await;
    studio.desk.close().await;
}

#[tokio::test]
async fn everything_that_is_no_recording_fails_with_its_own_reason() {
    let studio = Studio::new().await;
    let jobs = studio.plan.start(&studio.desk.tasks).await;
    let page = Bytes::from_static(b"\n <!DOCTYPE html><html><body>Sign in</body></html>");
    let whole = wav(5);
    let lying = {
        let mut bytes = wav(1);
        bytes.truncate(44);
        bytes.extend_from_slice(&[0; 3]);
        bytes
    };
    let mut silent = wav(0);
    silent.truncate(44);
    let large = u64::from(u32::MAX);
    let cases = [
        ("page", Says::Body(page.clone(), "text/html; charset=utf-8", None), State::Failed, Reason::WebPage),
        ("page-as-sound", Says::Body(page, "audio/wav", None), State::Failed, Reason::WebPage),
        ("nothing", Says::Body(Bytes::new(), "audio/wav", None), State::Failed, Reason::Empty),
        ("no-sound-in-it", sound(silent), State::Failed, Reason::Empty),
        ("text", sound("this is no recording at all, whatever its type says"), State::Failed, Reason::NotAudio),
        (
            "short",
            Says::Body(whole.clone().into(), "audio/wav", Some(whole.len() as u64 + 7)),
            State::Failed,
            Reason::WrongLength,
        ),
        ("cut-inside", sound(whole[..9_000].to_vec()), State::Failed, Reason::WrongLength),
        ("lying-head", sound(lying), State::Failed, Reason::WrongLength),
        (
            "three-gigabytes",
            Says::Body(whole.clone().into(), "audio/wav", Some(large)),
            State::Failed,
            Reason::TooLarge,
        ),
        ("endless", Says::Drip(Bytes::from(wav(10)), Duration::ZERO), State::Failed, Reason::TooLarge),
        ("stalls", Says::Drip(Bytes::from(wav(1)), Duration::from_secs(5)), State::Failed, Reason::TooSlow),
        ("gone", status(410), State::Expired, Reason::Gone),
        ("forbidden", status(403), State::Failed, Reason::Refused),
        ("broken", status(500), State::Failed, Reason::Provider),
        ("loopback", Says::To("http://127.0.0.1:1/".to_owned()), State::Failed, Reason::BadAddress),
        ("decimal", Says::To("https://2130706433/".to_owned()), State::Failed, Reason::BadAddress),
        ("mapped", Says::To("https://[::ffff:10.0.0.1]/".to_owned()), State::Failed, Reason::BadAddress),
        (
            "metadata",
            Says::To("http://169.254.169.254/latest/meta-data/".to_owned()),
            State::Failed,
            Reason::BadAddress,
        ),
        ("file", Says::To("file:///etc/passwd".to_owned()), State::Failed, Reason::BadAddress),
    ];
    for (name, says, state, reason) in cases {
        studio.api.will_say([Says::To(studio.store_url.clone())]);
        studio.store.will_say([says]);
        let call = studio.call(name).await;
        let recording = studio
            .until(&jobs, call, |recording| recording.state != State::Pending && recording.state != State::Copying)
            .await;
        assert_eq!((recording.state, recording.reason), (state, Some(reason)), "{name}: {:?}", recording.detail);
        assert_eq!(studio.shown(call).await.0, state.as_str(), "{name}");
        let detail = recording.detail.unwrap();
        assert!(!detail.contains("signature") && !detail.contains("secret"), "{name}: {detail}");
    }
    assert!(studio.files().await.is_empty(), "nothing is left behind");
    assert_eq!(studio.told("recording.ready").await, 0);
    studio.desk.close().await;
}

#[tokio::test]
async fn without_a_key_only_an_open_address_gives_a_recording() {
    let studio = Studio::new().await;
    sqlx::query("update connection_secrets set retired_at = now() where purpose = 'api'")
        .execute(&mut studio.desk.db.admin().await)
        .await
        .unwrap();
    studio.store.will_say([sound(wav(1)), status(403)]);
    let jobs = studio.plan.start(&studio.desk.tasks).await;
    for (name, state, reason) in [("open", State::Ready, None), ("closed", State::Failed, Some(Reason::NoKey))] {
        let call = studio.call(name).await;
        // The report's address has to be one that the test may ask; nothing has looked at it yet, for the sake of this.
        let done = studio.until(&jobs, call, |recording| recording.state == State::Failed).await;
        assert_eq!(done.reason, Some(Reason::Network), "the example's address does not exist: {:?}", done.detail);
        sqlx::query("update call_recordings set source_url = $1 where recording_id = $2")
            .bind(&studio.store_url)
            .bind(done.id)
            .execute(&mut studio.desk.db.admin().await)
            .await
            .unwrap();
        let mut tx = studio.desk.tenancy.tenant(studio.org).await.unwrap();
        actions::try_again(&mut tx, &jobs, &studio.plan.clock, Actor::System, done.id).await.unwrap();
        tx.commit().await.unwrap();
        jobs.wake(jobs::QUEUE);
        let done = studio.until(&jobs, call, |recording| recording.state == state).await;
        assert_eq!(done.reason, reason, "{name}");
    }
    assert!(studio.api.heard().is_empty());
    studio.desk.close().await;
}

#[tokio::test]
async fn a_storage_that_does_not_take_it_is_waited_for() {
    let studio = Studio::new().await;
    studio.api.will_say([Says::To(studio.store_url.clone())]);
    studio.store.will_say([sound(wav(1))]);
    let in_the_way = studio.folder.0.join("recordings").join(studio.org.to_string());
    studio.plan.storage.prepare().unwrap();
    std::fs::write(&in_the_way, "").unwrap();
    let call = studio.call("call-1").await;
    let jobs = studio.plan.start(&studio.desk.tasks).await;
    let waiting =
        studio.until(&jobs, call, |recording| recording.attempts > 15 && recording.state == State::Pending).await;
    assert_eq!(waiting.reason, Some(Reason::Storage), "longer than the attempts of the queue");
    std::fs::remove_file(&in_the_way).unwrap();
    studio.until(&jobs, call, |recording| recording.state == State::Ready).await;
    studio.desk.close().await;
}

/// Places where a process may die, in the order in which a run comes by.
const PLACES: [&str; 7] = [
    "recordings.begun",
    "recordings.copying",
    "recordings.received",
    "recordings.stored",
    "recordings.measured",
    "recordings.written",
    "recordings.committed",
];

#[test]
fn a_process_that_dies_between_two_effects_loses_and_doubles_nothing() {
    let here = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for place in PLACES {
        let bytes = wav(2);
        let studio = here.block_on(Studio::new());
        studio.api.will_say([Says::To(studio.store_url.clone())]);
        studio.store.will_say([sound(bytes.clone())]);
        let call = here.block_on(studio.call("call-1"));

        // The first process has a runtime of its own, which ends in the middle of everything.
        let stop = failpoint::stop_at(place);
        let first = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let tasks = Tasks::new();
        first.block_on(async {
            studio.plan.start(&tasks).await;
            tokio::time::timeout(Duration::from_secs(30), stop.reached()).await.expect(place);
        });
        first.shutdown_timeout(Duration::from_secs(5));

        here.block_on(async {
            studio.plan.clock.advance(SignedDuration::from_mins(2));
            let jobs = studio.plan.start(&studio.desk.tasks).await;
            let recording = studio.until(&jobs, call, |recording| recording.state == State::Ready).await;
            let file = recording.file.unwrap();
            let kept = studio.plan.storage.get(&Key::new(file.key.clone()).unwrap(), None).await.unwrap();
            assert_eq!(kept.bytes().await.unwrap(), bytes, "{place}");
            assert_eq!(studio.shown(call).await, ("ready".to_owned(), Some(file.key)), "{place}");
            assert_eq!(studio.told("recording.ready").await, 1, "{place}");
            assert!(studio.files().await.len() <= 2, "{place}: at most the dead one's file, which no row names");
            let idle = async {
                while studio.desk.count("select count(*) from jobs").await > 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), idle).await.expect(place);
            studio.desk.close().await;
        });
    }
}

#[tokio::test]
async fn of_two_workers_on_one_recording_the_later_one_counts() {
    let studio = Studio::new().await;
    studio.api.will_say([Says::To(studio.store_url.clone())]);
    studio.store.will_say([sound(wav(2))]);
    let call = studio.call("call-1").await;
    // The first one is held up for longer than its lease.
    let stop = failpoint::stop_at("recordings.measured");
    let first = Tasks::new();
    studio.plan.start(&first).await;
    tokio::time::timeout(Duration::from_secs(30), stop.reached()).await.unwrap();
    studio.plan.clock.advance(SignedDuration::from_mins(2));
    let jobs = studio.plan.start(&studio.desk.tasks).await;
    let ready = studio.until(&jobs, call, |recording| recording.state == State::Ready).await;
    assert_eq!(ready.attempts, 2);
    // Now it goes on, and finds that nobody waits for it.
    stop.release();
    let alone = async {
        while studio.files().await.len() > 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), alone).await.expect("the file that nobody wants is gone");
    assert_eq!(studio.files().await, [ready.file.unwrap().key]);
    assert_eq!(studio.told("recording.ready").await, 1);
    assert!(first.stop_and_wait(Duration::from_secs(20)).await);
    studio.desk.close().await;
}
