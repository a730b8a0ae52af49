//! The routes of demos over a database of their own.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use demos::{Demos, Services};
use identity::organizations::actions::ensure_operator_organization;
use mail::Outbox;
use platform::config::Config;
use platform::http::{ClientAddr, Limiter};
use platform::ids::OrgId;
use platform::jobs::Jobs;
use platform::tasks::Tasks;
use platform::tenancy::Tenancy;
use serde_json::{Value, json};
use sqlx::Connection as _;
use test_support::TestDb;
use tower::ServiceExt as _;

/// Where requests come from unless a test says otherwise.
pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
/// A Wednesday morning that is offered; the clock of tests stands at Tuesday 14:00.
pub const SLOT: &str = "2026-11-25T09:00:00Z";

pub struct TestDesk {
    pub db: TestDb,
    pub demos: Demos,
    pub org: OrgId,
    /// Organizations whose watchers were told, in order.
    pub told: Arc<Mutex<Vec<OrgId>>>,
    router: Router,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Answer {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    #[track_caller]
    pub fn refuses(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        self
    }

    /// The token at the end of the link in the body.
    pub fn token(&self) -> String {
        self.body["link"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    }
}

/// A mail that is kept, as the administrator sees its row; its words are opened with the key.
#[derive(Debug)]
pub struct Kept {
    pub template: String,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub calendar: Option<String>,
}

impl TestDesk {
    pub async fn new() -> Self {
        Self::with(&[], None).await
    }

    pub async fn with(variables: &[(&str, &str)], limit: Option<Limiter<IpAddr>>) -> Self {
        let db = TestDb::new().await;
        let org = ensure_operator_organization(&db.tenancy(), &db.clock(), None, false).await.unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let demos = demos(&db, variables, limit, Arc::clone(&told));
        let router = routes(&demos);
        Self { db, demos, org, told, router }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        send(self.router.clone(), request).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(post(path, body)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path, Body::empty())).await
    }

    /// The routes, for requests at the same moment.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Every mail that is kept, the oldest first.
    pub async fn mails(&self) -> Vec<Kept> {
        let mut admin = self.db.admin().await;
        let rows: Vec<(uuid::Uuid, String, String, String, Vec<u8>)> =
            sqlx::query_as("select mail_id, template, to_address, subject, sealed from mails order by mail_id")
                .fetch_all(&mut admin)
                .await
                .unwrap();
        let key = self.db.master_key();
        let rows = rows.into_iter().map(|(id, template, to, subject, sealed)| {
            let plain = key.open(&format!("mails/{}/{id}", self.org), &sealed).unwrap();
            let words: Value = serde_json::from_slice(&plain).unwrap();
            let text = |name: &str| words[name].as_str().unwrap().to_owned();
            let calendar = words["calendar"]["body"].as_str().map(|body| body.replace("\r\n ", ""));
            Kept { template, to, subject, text: text("text"), html: text("html"), calendar }
        });
        rows.collect()
    }

    /// The mails that wait to be sent: their templates, the oldest first.
    pub async fn waiting(&self) -> Vec<String> {
        let mut admin = self.db.admin().await;
        sqlx::query_scalar("select template from mails where state in ('queued', 'deferred') order by mail_id")
            .fetch_all(&mut admin)
            .await
            .unwrap()
    }

    /// Every mail that waits leaves.
    pub async fn send_mails(&self) {
        let sent = "update mails set state = 'accepted', ended_at = created_at where state = 'queued'";
        sqlx::query(sent).execute(&mut self.db.admin().await).await.unwrap();
    }

    /// One number from the database.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let mut admin = self.db.admin().await;
        let count = sqlx::query_scalar(sql).fetch_one(&mut admin).await.unwrap();
        admin.close().await.unwrap();
        count
    }

    /// Begins with what a working node does in the background.
    pub fn start_worker(&self) {
        self.demos.start_worker(&Jobs::new(self.db.tenancy(), self.db.clock(), Tasks::new()));
    }

    pub fn advance(&self, minutes: i64) {
        self.db.clock().advance(jiff::SignedDuration::from_mins(minutes));
    }
}

pub fn demos(
    db: &TestDb,
    variables: &[(&str, &str)],
    limit: Option<Limiter<IpAddr>>,
    told: Arc<Mutex<Vec<OrgId>>>,
) -> Demos {
    build(db, db.tenancy(), variables, limit, told)
}

/// Demos on another way to the database.
pub fn demos_on(db: &TestDb, tenancy: Tenancy) -> Demos {
    build(db, tenancy, &[], None, Arc::default())
}

fn build(
    db: &TestDb,
    tenancy: Tenancy,
    variables: &[(&str, &str)],
    limit: Option<Limiter<IpAddr>>,
    told: Arc<Mutex<Vec<OrgId>>>,
) -> Demos {
    let env: BTreeMap<_, _> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let config = Config::from_env(&env).unwrap();
    let outbox = Outbox::new(mail::Services {
        tenancy: tenancy.clone(),
        clock: db.clock(),
        master_key: db.master_key(),
        config: config.mail,
    });
    let identity = identity::State::new(identity::Services {
        tenancy,
        clock: db.clock(),
        master_key: db.master_key(),
        public_origin: "https://voice.example.com".parse().unwrap(),
        public_limit: None,
        tasks: Tasks::new(),
        outbox: outbox.clone(),
    });
    Demos::new(Services {
        authority: identity.authority,
        master_key: db.master_key(),
        outbox,
        name: "Voxanne".to_owned(),
        public_limit: None,
        booking_limit: limit,
        keep_for: config.bookings_keep_for,
        tell: Arc::new(move |org, _| told.lock().unwrap().push(org)),
    })
}

pub fn routes(demos: &Demos) -> Router {
    let (tenant, _) = demos::tenant_router(demos.clone()).split();
    let (public, _) = demos::public_router(demos.clone()).split();
    tenant.merge(public).layer(axum::middleware::from_fn(platform::http::request_id::layer))
}

pub async fn send(router: Router, request: Request<Body>) -> Answer {
    let answer = router.oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status: parts.status, headers: parts.headers, text, body }
}

pub fn request(method: &str, path: &str, body: Body) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).body(body).unwrap();
    request.extensions_mut().insert(ClientAddr(CLIENT));
    request
}

pub fn post(path: &str, body: &Value) -> Request<Body> {
    let mut request = request("POST", path, Body::from(body.to_string()));
    request.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    request
}

/// A prospect who may be answered.
pub fn amara() -> Value {
    json!({
        "name": "Amara Obi",
        "email": "amara@brightdental.example.com",
        "phone": "+44 7700 900118",
        "clinic_name": "Bright Dental",
    })
}

/// The same with more fields, or other ones.
pub fn amara_with(more: &Value) -> Value {
    let mut body = amara();
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}
