//! A whole server for one test, people in every role, and answers that are checked wherever they come from.

pub mod binary;
pub mod relay;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use identity::organizations::actions::create_organization;
use identity::organizations::model::NewOrganization;
use platform::clock::Clock;
use platform::config::Config;
use platform::http::pages::Cursor;
use platform::secret::Secret;
use platform::storage::{Key, Storage, StorageError};
use platform::tasks::Tasks;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use server::app::{App, Foundation};
use server::listener;
use test_support::TestDb;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Everybody's password here.
pub const PASSWORD: &str = "correct horse battery staple";
/// Generous, because other work may share the machine. Nothing waits this long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Limits that only tests of limits want to meet.
const GENEROUS: [(&str, &str); 3] = [
    ("VOXANNE_RATE_PUBLIC_API", "100000/15m"),
    ("VOXANNE_RATE_UNVERIFIED_WEBHOOKS", "100000/1m"),
    ("VOXANNE_RATE_BOOKING", "100000/1h"),
];

/// A server on a port of its own, with a database of its own.
pub struct TestApp {
    pub db: TestDb,
    pub base: String,
    pub address: SocketAddr,
    pub clock: Clock,
    pub tasks: Tasks,
    pub storage: Storage,
    answering: CancellationToken,
    watchers: voice::live::Watchers,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With settings as an operator would put them into the environment.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::at(Clock::system(), settings).await
    }

    pub async fn at(clock: Clock, settings: &[(&str, &str)]) -> Self {
        Self::on(TestDb::new().await, clock, settings).await
    }

    /// With a database that the test has prepared.
    pub async fn on(db: TestDb, clock: Clock, settings: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // Fails when an earlier test of this process has done it.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        std::fs::create_dir_all(db.scratch_dir()).unwrap();
        let data_dir = db.scratch_dir().display().to_string();
        let environment: BTreeMap<String, String> = [("VOXANNE_DATA_DIR", data_dir.as_str())]
            .iter()
            .chain(&GENEROUS)
            .chain(settings)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let config = Config::from_env(&environment).unwrap();
        let address = listener.local_addr().unwrap();
        let tasks = Tasks::new();
        let foundation = Foundation {
            tenancy: db.tenancy(),
            clock: clock.clone(),
            master_key: db.master_key(),
            tasks: tasks.clone(),
            public_origin: config.server.public_origin(address),
            demonstration: false,
            simulated_api: None,
        };
        let app = App::new(&config, foundation).unwrap();
        app.start_forgetting(&tasks);
        app.start_worker();
        app.voice.start_receiving().await.unwrap();
        app.voice.start_live();
        let answering = CancellationToken::new();
        // Short, so that the test of slow heads need not wait long; idle clients of other tests connect again.
        let patience = Duration::from_secs(3);
        tasks.spawn(listener::answer(listener, app.router(), answering.clone(), tasks.clone(), patience));
        let watchers = app.voice.live.watchers.clone();
        let storage = app.voice.storage.clone();
        Self { db, base: format!("http://{address}"), address, clock, tasks, storage, answering, watchers }
    }

    /// Stops as the binary does: no new requests, then the tasks. True when nothing was left running.
    pub async fn stop(&self) -> bool {
        self.answering.cancel();
        self.tasks.stop_and_wait(Duration::from_secs(15)).await
    }

    /// Open live connections.
    pub fn watching(&self) -> usize {
        self.watchers.count()
    }

    pub fn nobody(&self) -> Client {
        Client::new(&self.base, None)
    }

    pub fn bearer(&self, token: &str) -> Client {
        Client::new(&self.base, Some(token.to_owned()))
    }

    /// Signs in through the API.
    pub async fn sign_in(&self, email: &str) -> Client {
        let answer = self.nobody().post("/api/v1/auth/login", &json!({"email": email, "password": PASSWORD})).await;
        self.bearer(answer.expect(200).json()["access_token"].as_str().unwrap())
    }

    /// An organization with an owner and a provider connection.
    pub async fn practice(&self, name: &str) -> Practice {
        let word: String = name.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        let owner_email = format!("owner@{word}.example");
        let new = NewOrganization {
            name: name.to_owned(),
            zone: "Europe/London".to_owned(),
            owner_email: owner_email.clone(),
            owner_name: format!("Owner of {name}"),
            owner_password: Secret::new(PASSWORD),
            first_user_is_operator: false,
            is_demo: false,
        };
        let created = create_organization(&self.db.tenancy(), &self.clock, new).await.unwrap();
        let owner = self.sign_in(&owner_email).await;
        let secret = format!("webhook-secret-of-{word}");
        let connection = owner.create_connection(&json!({"label": name, "webhook_secret": secret})).await;
        Practice {
            org: created.org_id.uuid(),
            owner_id: created.user_id.uuid(),
            name: name.to_owned(),
            owner_email,
            owner,
            connection,
            secret,
        }
    }

    /// Joins by invitation, as people do.
    pub async fn member(&self, practice: &Practice, role: &str) -> Client {
        let email = format!("{role}.{}@example.com", Uuid::now_v7().simple());
        let invited = practice.owner.post("/api/v1/invitations", &json!({"email": email, "role": role})).await;
        let link = invited.expect(201).json()["link"].as_str().unwrap().to_owned();
        let token = link.rsplit('/').next().unwrap();
        let body = json!({"token": token, "name": format!("A {role}"), "password": PASSWORD});
        let joined = self.nobody().post("/api/v1/invitations/accept", &body).await.expect(200).json();
        self.bearer(joined["access_token"].as_str().unwrap())
    }

    /// A recording of a call as if it had been copied.
    pub async fn plant_recording(&self, practice: &Practice, call: Uuid, bytes: &'static [u8]) {
        let key = format!("{}/{call}/{}.1", practice.org, Uuid::now_v7());
        let sound = futures::stream::iter([Ok::<_, StorageError>(Bytes::from_static(bytes))]);
        self.storage.put(&Key::new(key.as_str()).unwrap(), sound).await.unwrap();
        let mut admin = self.db.admin().await;
        sqlx::query(
            "insert into call_recordings (org_id, recording_id, call_id, channel, state, storage_key, size_bytes, sha256,
               content_type, duration_ms, channels, peaks, copied_at, queued_at)
             values ($1, gen_random_uuid(), $2, 'stereo', 'ready', $3, $4, sha256($5), 'audio/wav', 4000, 2, '\\x00ff00ff', now(), now())
             on conflict (org_id, call_id, channel) do update set state = 'ready', storage_key = excluded.storage_key,
               size_bytes = excluded.size_bytes, sha256 = excluded.sha256, content_type = excluded.content_type,
               copied_at = now(), queued_at = now(), reason = null",
        )
        .bind(practice.org)
        .bind(call)
        .bind(&key)
        .bind(i64::try_from(bytes.len()).unwrap())
        .bind(bytes)
        .execute(&mut admin)
        .await
        .unwrap();
        sqlx::query("update call_logs set recording_state = 'ready' where org_id = $1 and id = $2")
            .bind(practice.org)
            .bind(call)
            .execute(&mut admin)
            .await
            .unwrap();
    }

    /// The practice's owner, as somebody who also runs the installation.
    pub async fn operator(&self, practice: &Practice) -> Client {
        identity::accounts::actions::grant_operator(&self.db.tenancy(), &practice.owner_email).await.unwrap();
        self.sign_in(&practice.owner_email).await
    }

    pub async fn api_key(&self, practice: &Practice, scopes: &[&str]) -> Client {
        let made = practice.owner.post("/api/v1/api-keys", &json!({"name": "A program", "scopes": scopes})).await;
        self.bearer(made.expect(201).json()["key"].as_str().unwrap())
    }
}

/// An organization of a test.
pub struct Practice {
    pub org: Uuid,
    pub owner_id: Uuid,
    pub name: String,
    pub owner_email: String,
    pub owner: Client,
    pub connection: Uuid,
    pub secret: String,
}

impl Practice {
    pub fn webhook(&self) -> String {
        format!("/api/webhooks/vapi/{}", self.connection)
    }

    /// Sends an event as the provider would.
    pub async fn send(&self, event: &Value) -> Answer {
        self.send_bytes(event.to_string()).await
    }

    pub async fn send_bytes(&self, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.owner.anonymous(Method::POST, &self.webhook()).header("x-vapi-secret", &self.secret);
        answer(request.header(CONTENT_TYPE, "application/json").body(body)).await
    }
}

/// Somebody who asks.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    pub token: Option<String>,
}

impl Client {
    pub fn new(base: &str, token: Option<String>) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            // The server closes idle connections sooner.
            .pool_idle_timeout(Duration::from_secs(1))
            .build()
            .unwrap();
        Self { http, base: base.to_owned(), token }
    }

    /// A request without the credential.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.anonymous(method, path);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).json(body)).await
    }

    pub async fn create_connection(&self, body: &Value) -> Uuid {
        let made = self.post("/api/v1/connections", body).await.expect(201).json();
        made["id"].as_str().unwrap().parse().unwrap()
    }

    /// Every call that the list shows.
    pub async fn calls(&self) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("/api/v1/calls?limit=100{cursor}")).await.expect(200).json();
            all.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    /// The one call that the provider knows under this id, with everything known of it.
    pub async fn call(&self, provider_call_id: &str) -> Value {
        let found: Vec<_> =
            self.calls().await.into_iter().filter(|call| call["provider_call_id"] == provider_call_id).collect();
        assert_eq!(found.len(), 1, "{provider_call_id} is in the list once");
        self.get(&format!("/api/v1/calls/{}", found[0]["id"].as_str().unwrap())).await.expect(200).json()
    }
}

/// What came back, already checked for what every answer must have.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Sends and checks.
pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let answer = Answer { status, headers, body: response.bytes().await.unwrap() };
    answer.check();
    answer
}

impl Answer {
    fn check(&self) {
        let header = |name: &str| self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
        assert!(self.status < 500 || self.status == 503, "a server fault: {self:?}");
        assert!(header("x-request-id").parse::<Uuid>().is_ok(), "no request id: {self:?}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{self:?}");
        assert_eq!(header("x-frame-options"), "DENY", "{self:?}");
        assert_eq!(header("referrer-policy"), "same-origin", "{self:?}");
        assert!(header("content-security-policy").contains("default-src 'none'"), "{self:?}");
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{self:?}");
        if self.status >= 400 && self.status != 503 && !header("content-type").starts_with("text/html") {
            self.check_problem();
        }
    }

    fn check_problem(&self) {
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json", "{self:?}");
        if self.body.is_empty() {
            return; // To a HEAD request.
        }
        let problem: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status, "{self:?}");
        let code = problem["code"].as_str().unwrap();
        assert!(
            !code.is_empty() && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
            "{self:?}"
        );
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{self:?}");
        assert_eq!(problem["request_id"].as_str().unwrap(), self.headers["x-request-id"], "{self:?}");
        for error in problem["errors"].as_array().into_iter().flatten() {
            assert!(error["path"].is_string() && error["message"].is_string(), "{self:?}");
        }
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// Fails with this status and code.
    #[track_caller]
    pub fn refuses(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.json()["code"], code);
        answer
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The body without what differs between any two answers.
    pub fn without_request_id(&self) -> String {
        let id = self.headers["x-request-id"].to_str().unwrap();
        String::from_utf8(self.body.to_vec()).unwrap().replace(id, "-")
    }
}

/// Asks again and again until there is something.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "still waiting: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// The bytes of one of the provider's documented messages.
pub fn fixture_bytes(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../providers/fixtures/vapi/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A documented message about another call.
pub fn fixture(name: &str, call: &str) -> Value {
    let mut event: Value = serde_json::from_slice(&fixture_bytes(name)).unwrap();
    if event["message"]["call"].is_object() {
        event["message"]["call"]["id"] = json!(call);
    }
    event
}

/// The report of a call of which the provider has no recording, so that nobody begins to copy one.
pub fn unrecorded(call: &str) -> Value {
    let mut event = fixture("end-of-call-report", call);
    let is_other = |name: &str| !name.to_ascii_lowercase().contains("recording") && !name.starts_with("presigned");
    let message = event["message"].as_object_mut().unwrap();
    message.retain(|name, _| is_other(name));
    message["artifact"].as_object_mut().unwrap().retain(|name, _| is_other(name));
    event
}

/// A new call's id.
pub fn new_call() -> String {
    Uuid::now_v7().to_string()
}

/// A place in no list.
pub fn forged_cursor(at: &str) -> String {
    Cursor { at: at.parse().unwrap(), id: Uuid::now_v7() }.encode()
}

/// Signs the owner in through the page, as a browser does, and answers the `Cookie` header.
pub async fn cookie(app: &TestApp, practice: &Practice) -> String {
    let form = app
        .nobody()
        .request(Method::POST, "/signin")
        .header("origin", &app.base)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(format!("email={}&password={}", practice.owner_email.replace('@', "%40"), PASSWORD.replace(' ', "+")));
    let signed_in = answer(form).await.expect(303);
    let set = signed_in.headers["set-cookie"].to_str().unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "the session cookie keeps its flags");
    set.split(';').next().unwrap().to_owned()
}
