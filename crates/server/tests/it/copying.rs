//! Recordings in the real binary: a power cut in the middle of a copy, a full disk, sound that is too large, and what a long
//! one costs in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::support::binary::{Installation, Server};
use crate::support::{Client, PASSWORD, PATIENCE, answer, eventually, new_call, unrecorded};

const EMAIL: &str = "owner@elmstreet.example";
const SECRET: &str = "webhook-secret-of-elm-street";
const KEY: &str = "private-key-of-elm-street";
const MIB: u64 = 1 << 20;
/// Bytes that a sound is sent in.
const PIECE: u64 = 64 << 10;

/// A sound that the provider has.
#[derive(Clone, Copy)]
struct Sound {
    size: u64,
    /// Whether its length is announced.
    is_announced: bool,
    /// Where it stops coming, the first time it is asked for.
    stops_at: Option<u64>,
}

impl Sound {
    fn of(size: u64) -> Self {
        Self { size, is_announced: true, stops_at: None }
    }

    /// A WAV of two channels of 32 bits, in pieces.
    fn pieces(self) -> impl Iterator<Item = Bytes> {
        let data = u32::try_from(self.size - 44).unwrap();
        let mut head = b"RIFF".to_vec();
        head.extend_from_slice(&(data + 36).to_le_bytes());
        head.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
        head.extend_from_slice(&48_000_u32.to_le_bytes());
        head.extend_from_slice(&384_000_u32.to_le_bytes());
        head.extend_from_slice(b"\x08\0\x20\0data");
        head.extend_from_slice(&data.to_le_bytes());
        let tone = Bytes::from([0x10, 0x20].repeat(usize::try_from(PIECE / 2).unwrap()));
        let body = (0..u64::from(data).div_ceil(PIECE)).map(move |number| {
            let length = PIECE.min(u64::from(data) - number * PIECE);
            tone.slice(..usize::try_from(length).unwrap())
        });
        std::iter::once(head.into()).chain(body)
    }

    fn sha256(self) -> Vec<u8> {
        let mut hasher = Sha256::new();
        self.pieces().for_each(|piece| hasher.update(&piece));
        hasher.finalize().to_vec()
    }
}

/// A provider with generated sounds, whose route leads to another path as the real one does.
#[derive(Clone, Default)]
struct Sounds {
    known: Arc<Mutex<BTreeMap<String, Sound>>>,
    sent: Arc<AtomicU64>,
    authority: Arc<OnceLock<String>>,
}

impl Sounds {
    async fn listen(&self, answering: &mut JoinSet<()>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.authority.set(listener.local_addr().unwrap().to_string()).unwrap();
        let router = Router::new()
            .route("/call/{id}/stereo-recording", get(route))
            .route("/sound/{id}", get(sound))
            .with_state(self.clone());
        answering.spawn(async move { axum::serve(listener, router).await.unwrap() });
    }

    fn authority(&self) -> &str {
        self.authority.get().unwrap()
    }
}

async fn route(State(sounds): State<Sounds>, path: axum::extract::Path<String>) -> Response {
    let address = format!("http://{}/sound/{}", sounds.authority(), path.0);
    (StatusCode::FOUND, [(LOCATION, address)]).into_response()
}

async fn sound(State(sounds): State<Sounds>, path: axum::extract::Path<String>) -> Response {
    let (sound, stops_at) = {
        let mut known = sounds.known.lock().unwrap();
        let sound = known.get_mut(&path.0).unwrap();
        let stops_at = sound.stops_at.take();
        (*sound, stops_at)
    };
    let sent = Arc::clone(&sounds.sent);
    let mut come = 0;
    let pieces = futures::stream::iter(sound.pieces()).then(move |piece| {
        let is_over = stops_at.is_some_and(|stops_at| come >= stops_at);
        come += piece.len() as u64;
        sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        async move {
            if is_over {
                std::future::pending::<()>().await;
            }
            Ok::<_, std::convert::Infallible>(piece)
        }
    });
    let mut response = Body::from_stream(pieces).into_response();
    response.headers_mut().insert(CONTENT_TYPE, "audio/wav".parse().unwrap());
    if sound.is_announced {
        response.headers_mut().insert(CONTENT_LENGTH, sound.size.into());
    }
    response
}

/// A practice whose provider has sounds.
struct Studio {
    place: Installation,
    provider: Sounds,
    connection: Uuid,
    _answering: JoinSet<()>,
}

impl Studio {
    async fn new() -> Self {
        let place = Installation::new();
        let (provider, mut answering) = (Sounds::default(), JoinSet::new());
        provider.listen(&mut answering).await;
        let org = place.create_org("Elm Street Dental", EMAIL).await;
        let connection = place.connect(org, SECRET).await;
        std::fs::write(place.file("key"), KEY).unwrap();
        let (org, id) = (org.to_string(), connection.to_string());
        let set = ["admin", "set-provider-key", "--org", &org, "--connection", &id, "--api-key-file", "key"];
        place.succeed(&set, "").await;
        Self { place, provider, connection, _answering: answering }
    }

    async fn serve(&self, more: &[(&str, &str)]) -> Server {
        let api = format!("http://{}", self.provider.authority());
        let allowed = self.provider.authority();
        let settings = [("VOXANNE_VAPI_API_URL", api.as_str()), ("VOXANNE_OUTBOUND_ALLOW", allowed)];
        self.place.serve(&[], &[settings.as_slice(), more].concat()).await
    }

    /// A call whose report names one sound: the provider's id.
    async fn call(&self, sound: Sound) -> String {
        let call = new_call();
        self.provider.known.lock().unwrap().insert(call.clone(), sound);
        let mut report = unrecorded(&call);
        report["message"]["artifact"]["recording"] =
            json!({ "stereoUrl": "https://storage.example.test/1/stereo.wav" });
        let request = Client::new(&self.place.base(), None)
            .anonymous(Method::POST, &format!("/api/webhooks/vapi/{}", self.connection))
            .header("x-vapi-secret", SECRET)
            .header(CONTENT_TYPE, "application/json")
            .body(report.to_string());
        answer(request).await.expect(200);
        call
    }

    async fn sql(&self, sql: &str) -> String {
        self.place.succeed(&["psql", "--", "-qAtXc", sql], "").await.trim().to_owned()
    }

    /// State, reason and runs of the call's recording, once it is in this state, with this reason.
    async fn until(&self, call: &str, state: &str, reason: &str) -> i64 {
        let sql = format!(
            "select r.state, coalesce(r.reason, ''), r.attempts from call_recordings r join call_logs l
               on l.org_id = r.org_id and l.id = r.call_id where l.provider_call_id = '{call}'"
        );
        let wanted = format!("{state}|{reason}|");
        // A long recording is decoded slowly by a build without optimizations.
        let deadline = Instant::now() + 4 * PATIENCE;
        loop {
            let row = self.sql(&sql).await;
            if let Some(attempts) = row.strip_prefix(&wanted) {
                return attempts.parse().unwrap();
            }
            assert!(Instant::now() < deadline, "{row}, not {wanted}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Keys of all files in the folder of recordings, whole ones and others.
    fn files(&self) -> Vec<(PathBuf, u64)> {
        let mut found = Vec::new();
        list(&self.place.data().join("recordings"), &mut found);
        found
    }

    async fn sign_in(&self) -> Client {
        let nobody = Client::new(&self.place.base(), None);
        let answered = nobody.post("/api/v1/auth/login", &json!({"email": EMAIL, "password": PASSWORD})).await;
        let token = answered.expect(200).json()["access_token"].as_str().unwrap().to_owned();
        Client::new(&self.place.base(), Some(token))
    }

    async fn shown(&self, call: &str) -> Value {
        self.sign_in().await.call(call).await
    }

    /// The call's page, as the owner's browser gets it.
    async fn page(&self, call: &str) -> String {
        let nobody = Client::new(&self.place.base(), None);
        let form = nobody
            .anonymous(Method::POST, "/signin")
            .header("origin", self.place.base())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("email={}&password={}", EMAIL.replace('@', "%40"), PASSWORD.replace(' ', "+")));
        let signed_in = answer(form).await.expect(303);
        let cookie = signed_in.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let id = self.shown(call).await["id"].as_str().unwrap().to_owned();
        let page = nobody.anonymous(Method::GET, &format!("/app/calls/{id}")).header("cookie", cookie);
        String::from_utf8(answer(page).await.expect(200).body.to_vec()).unwrap()
    }
}

fn list(folder: &Path, found: &mut Vec<(PathBuf, u64)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        // A file that is finished at this moment is called otherwise by now.
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() {
            list(&entry.path(), found);
        } else {
            found.push((entry.path(), meta.len()));
        }
    }
}

fn is_half(path: &Path) -> bool {
    path.to_str().unwrap().contains('#')
}

#[tokio::test]
async fn a_power_cut_in_the_middle_of_a_copy_leaves_one_whole_recording() {
    let studio = Studio::new().await;
    let server = studio.serve(&[]).await;
    let sound = Sound { stops_at: Some(4 * MIB), ..Sound::of(8 * MIB) };
    let call = studio.call(sound).await;
    eventually("half of it is on the disk", || async {
        studio.files().iter().any(|(path, size)| is_half(path) && *size >= 2 * MIB).then_some(())
    })
    .await;
    assert_eq!(studio.until(&call, "copying", "").await, 1);
    server.kill().await;
    assert!(studio.files().iter().all(|(path, _)| is_half(path)) && !studio.files().is_empty());

    let server = studio.serve(&[]).await;
    assert_eq!(studio.until(&call, "ready", "").await, 2, "each run is counted");
    eventually("what the dead one left is gone", || async {
        (!studio.files().iter().any(|(path, _)| is_half(path))).then_some(())
    })
    .await;
    let files = studio.files();
    assert_eq!((files.len(), files[0].1), (1, sound.size));
    assert!(files[0].0.to_str().unwrap().ends_with(".2"), "{files:?}");
    let client = studio.sign_in().await;
    let shown = client.call(&call).await;
    assert_eq!(shown["recording"]["state"], "ready");
    let path = format!("/api/v1/calls/{}/recording", shown["id"].as_str().unwrap());
    let heard = client.request(Method::GET, &path).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(Sha256::digest(&heard).to_vec(), sound.sha256());
    assert_eq!(studio.sql("select count(*) from live_events where kind = 'recording.ready'").await, "1");
    assert_eq!(studio.sql("select count(*) from jobs").await, "0");
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn a_disk_that_is_full_is_told_and_waited_for() {
    let studio = Studio::new().await;
    let server = studio.serve(&[]).await;
    // No file of the server may grow beyond this: the system refuses the write, as it does on a full disk.
    server.limit_files(&(4 * MIB).to_string());
    let call = studio.call(Sound::of(8 * MIB)).await;
    studio.until(&call, "pending", "storage_full").await;
    let page = studio.page(&call).await;
    assert!(page.contains("Our own storage is full.") && page.contains("It will be tried again by itself"), "{page}");
    assert_eq!(studio.files(), [], "nothing takes room in vain");

    server.limit_files("unlimited");
    let wait_is_over = "update jobs set due_at = now() where state = 'waiting' and due_at > now()";
    studio.sql(wait_is_over).await;
    assert!(studio.until(&call, "ready", "").await > 1);
    assert_eq!(studio.files().len(), 1);
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn sound_that_is_too_large_is_refused_whether_it_says_so_or_not() {
    let studio = Studio::new().await;
    let server = studio.serve(&[]).await;
    let announced = studio.call(Sound::of(3 << 30)).await;
    studio.until(&announced, "failed", "too_large").await;
    assert!(studio.provider.sent.load(Ordering::Relaxed) < 64 * MIB, "three gigabytes are not fetched to be refused");
    assert!(server.stop().await.success());

    let server = studio.serve(&[("VOXANNE_RECORDING_MAX_BYTES", "4000000")]).await;
    let silent = studio.call(Sound { is_announced: false, ..Sound::of(8 * MIB) }).await;
    studio.until(&silent, "failed", "too_large").await;
    for call in [&announced, &silent] {
        assert_eq!(studio.shown(call).await["recording"]["state"], "failed");
        let page = studio.page(call).await;
        assert!(page.contains("The recording is larger than this installation accepts."), "{page}");
    }
    assert_eq!(studio.files(), []);
    assert!(server.stop().await.success());
}

/// `make bench` measures 500 MB; this one is small enough for every run.
#[tokio::test]
async fn a_long_recording_is_never_whole_in_memory() {
    const SIZE: u64 = 96 * MIB;
    const MORE: u64 = 64 * MIB;
    let studio = Studio::new().await;
    let server = studio.serve(&[]).await;
    // What the first one needs once, such as connections, is not what a long one costs.
    let first = studio.call(Sound::of(MIB)).await;
    studio.until(&first, "ready", "").await;
    let before = server.forget_peak();
    let call = studio.call(Sound::of(SIZE)).await;
    studio.until(&call, "ready", "").await;
    let more = server.peak().saturating_sub(before);
    assert!(more < MORE, "{} MiB more than the {} MiB before", more / MIB, before / MIB);
    assert!(server.stop().await.success());
}
