//! A whole installation without a listener: a database, the pages, the webhook ingress; and browsers that use it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use alarms::signs::actions::Alarms;
use axum::Router;
use axum::body::{Body, to_bytes};
use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use identity::organizations::actions::create_organization;
use identity::organizations::model::NewOrganization;
use jiff::{SignedDuration, Timestamp};
use platform::clock::Clock;
use platform::config::Config;
use platform::http::ClientAddr;
use platform::ids::{ConnectionId, MailId, OrgId};
use platform::jobs::Jobs;
use platform::secret::Secret;
use platform::storage::Storage;
use platform::tasks::Tasks;
use platform::tenancy::{Logins, Tenancy};
use serde_json::{Value, json};
use test_support::TestDb;
use tower::ServiceExt as _;
use voice::VoiceState;
use voice::connections::actions::{NewConnection, create_connection};

pub const PASSWORD: &str = "four words in a row";
pub const WEBHOOK_SECRET: &str = "a-shared-secret";
const ORIGIN: &str = "http://desk.example";

pub struct Desk {
    pub db: TestDb,
    pub clock: Clock,
    pub outbox: mail::Outbox,
    pub alarms: Alarms,
    pub storage: Storage,
    identity: identity::State,
    router: Router,
}

/// An organization with its owner and a connection.
pub struct Practice {
    pub org: OrgId,
    pub owner: String,
    pub connection: ConnectionId,
}

impl Desk {
    pub async fn new() -> Self {
        Self::with_mail(&[]).await
    }

    /// With these settings of mail.
    pub async fn with_mail(variables: &[(&str, &str)]) -> Self {
        let db = TestDb::new().await;
        let (outbox, storage, identity, alarms, router) = build(&db, &db.tenancy(), variables);
        Self { clock: db.clock(), db, outbox, alarms, storage, identity, router }
    }

    /// From now on the pages find no database; what was sealed before can still be read.
    pub fn lose_database(&mut self) {
        let nowhere = sqlx::postgres::PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(1);
        let tenancy = Tenancy::unconnected(Logins { app: nowhere.clone(), system: nowhere }, 1);
        (self.outbox, self.storage, self.identity, self.alarms, self.router) = build(&self.db, &tenancy, &[]);
    }

    /// The first practice's owner runs the installation.
    pub async fn practice(&self, name: &str, owner: &str) -> Practice {
        let new = NewOrganization {
            name: name.to_owned(),
            zone: "Europe/London".to_owned(),
            owner_email: owner.to_owned(),
            owner_name: "Amara Osei".to_owned(),
            owner_password: Secret::new(PASSWORD),
            first_user_is_operator: true,
            is_demo: false,
        };
        let created = create_organization(&self.db.tenancy(), &self.clock, new).await.unwrap();
        let mut tx = self.db.tenancy().tenant(created.org_id).await.unwrap();
        let connection = NewConnection {
            label: "Front desk line".to_owned(),
            auth: providers::vapi::signature::WebhookAuth::default(),
            webhook_secret: Secret::new(WEBHOOK_SECRET),
            api_key: None,
            simulated: false,
        };
        let actor = platform::audit::Actor::System;
        let connection = create_connection(&mut tx, &self.db.master_key(), actor, &connection).await.unwrap();
        tx.commit().await.unwrap();
        Practice { org: created.org_id, owner: owner.to_owned(), connection }
    }

    pub fn authority(&self) -> &identity::Authority {
        &self.identity.authority
    }

    pub fn browser(&self) -> Browser<'_> {
        Browser { desk: self, cookies: Vec::new() }
    }

    /// A browser that signed in through the page.
    pub async fn signed_in(&self, email: &str) -> Browser<'_> {
        let mut browser = self.browser();
        let answer = browser.post("/signin", &[("email", email), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        browser
    }

    /// One number from the database.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.db.admin().await).await.unwrap()
    }

    /// Where the link leads that somebody gets who forgot their password.
    pub async fn reset_link(&self, email: &str) -> String {
        self.browser().post("/forgot", &[("email", email)]).await;
        let kept = "select org_id, mail_id, sealed from mails where template = 'account.password_reset'";
        let (org, id, sealed): (OrgId, MailId, Vec<u8>) = loop {
            // It is written after the answer.
            match sqlx::query_as(kept).fetch_optional(&mut self.db.admin().await).await.unwrap() {
                Some(row) => break row,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        let text = self.outbox.open(org, id, &sealed).unwrap().text;
        let path = text.lines().find_map(|line| line.strip_prefix(ORIGIN).filter(|path| path.starts_with("/reset/")));
        path.unwrap().to_owned()
    }

    /// Posts a message of the provider.
    pub async fn hear(&self, connection: Option<ConnectionId>, secret: &str, message: &Value) -> StatusCode {
        let path = connection.map_or_else(|| "/api/webhooks/vapi".to_owned(), |id| format!("/api/webhooks/vapi/{id}"));
        let request = Request::post(path)
            .header(CONTENT_TYPE, "application/json")
            .header("x-vapi-secret", secret)
            .extension(client())
            .body(Body::from(json!({ "message": message }).to_string()))
            .unwrap();
        self.router.clone().oneshot(request).await.unwrap().status()
    }

    /// A prospect asks for a demo as the original's front end does.
    pub async fn ask_for_demo(&self, wish: &Value) -> StatusCode {
        let request = Request::post("/api/book-demo")
            .header(CONTENT_TYPE, "application/json")
            .extension(client())
            .body(Body::from(wish.to_string()))
            .unwrap();
        self.router.clone().oneshot(request).await.unwrap().status()
    }

    /// A call that is going on: ringing, answered, one sentence said.
    pub async fn begin_call(&self, practice: &Practice, id: &str, said: &str) {
        let at = self.clock.now() - SignedDuration::from_secs(30);
        for message in [
            call_message(id, at, json!({ "type": "status-update", "status": "ringing" })),
            call_message(
                id,
                at + SignedDuration::from_secs(2),
                json!({ "type": "status-update", "status": "in-progress" }),
            ),
            call_message(
                id,
                at + SignedDuration::from_secs(5),
                json!({ "type": "transcript", "role": "user", "transcriptType": "final", "transcript": said }),
            ),
        ] {
            assert_eq!(self.hear(Some(practice.connection), WEBHOOK_SECRET, &message).await, StatusCode::OK);
        }
    }

    /// The end of it, with a summary.
    pub async fn end_call(&self, practice: &Practice, id: &str, summary: &str) {
        let end = self.clock.now();
        let start = end - SignedDuration::from_secs(28);
        let message = call_message(
            id,
            end,
            json!({
                "type": "end-of-call-report",
                "endedReason": "customer-ended-call",
                "startedAt": start,
                "endedAt": end,
                "cost": 0.07,
                "analysis": { "summary": summary, "structuredData": { "outcome": "booked", "callbackNumber": "none" } },
                "artifact": { "messages": [
                    { "role": "bot", "message": "Bright Dental, an automated receptionist.", "secondsFromStart": 1 },
                    { "role": "user", "message": "I would like a check-up.", "secondsFromStart": 6 },
                ] },
            }),
        );
        assert_eq!(self.hear(Some(practice.connection), WEBHOOK_SECRET, &message).await, StatusCode::OK);
    }
}

fn build(
    db: &TestDb,
    tenancy: &Tenancy,
    variables: &[(&str, &str)],
) -> (mail::Outbox, Storage, identity::State, Alarms, Router) {
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let config = Config::from_env(&env).unwrap();
    let clock = db.clock();
    let tasks = Tasks::new();
    let origin: platform::config::Origin = ORIGIN.parse().unwrap();
    let outbox = mail::Outbox::new(mail::Services {
        tenancy: tenancy.clone(),
        clock: clock.clone(),
        master_key: db.master_key(),
        config: config.mail,
    });
    let identity = identity::State::new(identity::Services {
        tenancy: tenancy.clone(),
        clock: clock.clone(),
        master_key: db.master_key(),
        public_origin: origin.clone(),
        public_limit: None,
        tasks: tasks.clone(),
        outbox: outbox.clone(),
    });
    let jobs = Jobs::new(tenancy.clone(), clock.clone(), tasks.clone());
    let storage = config.storage;
    let max_recording_bytes = storage.max_recording_bytes;
    let storage = Storage::open(&storage, &db.scratch_dir()).unwrap();
    let voice = VoiceState::new(voice::Services {
        tenancy: tenancy.clone(),
        clock: clock.clone(),
        master_key: db.master_key(),
        jobs: jobs.clone(),
        storage: storage.clone(),
        max_recording_bytes,
        copies_at_once: 1,
        orphans: voice::recordings::orphans::Mode::Report,
        tasks,
        authority: identity.authority.clone(),
        public_origin: origin.clone(),
        other_origins: Vec::new(),
        platform_secrets: vec![Secret::new("platform-secret")],
        outbound: platform::outbound::Outbound::new(&platform::config::OutboundConfig::default(), clock.clone())
            .unwrap(),
        provider: voice::provider::ProviderSettings {
            api_url: "https://provider.example.test".to_owned(),
            simulated_url: None,
            platform_key: None,
        },
        silence: voice::reconcile::model::SilenceLimits {
            ringing: jiff::SignedDuration::from_mins(10),
            talking: jiff::SignedDuration::from_hours(2),
        },
        unverified: None,
        max_webhook_bytes: 1 << 20,
        spool_dir: db.scratch_dir().join("spool"),
        live_per_user: 10,
        live_per_org: 10,
    });
    let demos = demos::Demos::new(demos::Services {
        authority: identity.authority.clone(),
        master_key: db.master_key(),
        outbox: outbox.clone(),
        name: "Voxanne".to_owned(),
        public_limit: None,
        booking_limit: None,
        keep_for: None,
        tell: std::sync::Arc::new(|_, _| {}),
    });
    let alarms = Alarms::new(alarms::signs::actions::Services {
        tenancy: tenancy.clone(),
        clock: clock.clone(),
        outbox: outbox.clone(),
        jobs: jobs.clone(),
        outbound: platform::outbound::Outbound::new(&config.outbound, clock).unwrap(),
        config: config.alerts,
        database_limit: None,
        public_origin: origin.clone(),
        data_dir: db.scratch_dir(),
        storage: storage.clone(),
        provider_requests: voice.provider.requests().clone(),
        trial_days: config.backup.trial_days,
    });
    let site = web::site::Site::new(platform::config::SiteConfig::default(), origin);
    let (webhooks, _) = voice::public_router(&voice).split();
    let (booking, _) = demos::public_router(demos.clone()).split();
    let pages = web::State::new(web::Services {
        identity: identity.clone(),
        voice: voice.clone(),
        demos,
        outbox: outbox.clone(),
        alarms: alarms.clone(),
        jobs,
        samples: vec![sample()],
        quotas: platform::config::QuotaConfig { provider_minutes: Some(100), ..Default::default() },
        data_dir: db.scratch_dir(),
        site,
        demonstration: false,
    });
    let router = web::router(pages).merge(webhooks).merge(booking);
    (outbox, storage, identity, alarms, router)
}

/// A text for the previews.
fn sample() -> mail::Sample {
    mail::Sample::new("test.hello", "To nobody, for a test.", |locale| draft(mail::Priority::Prospect, locale))
}

/// A mail to somebody at example.com, with hostile words.
pub fn draft(priority: mail::Priority, locale: platform::i18n::Locale) -> mail::Draft {
    mail::Draft {
        template: "test.hello",
        priority,
        to: mail::Mailbox { name: "Nadia Example".to_owned(), address: "nadia@example.com".to_owned() },
        cc: Vec::new(),
        reply_to: None,
        locale,
        subject: format!("Hello <b>{}</b>", locale.tag()),
        text: "Plain <words>.".to_owned(),
        html: "<!doctype html><p>Rich words.</p><script>alert(1)</script>".to_owned(),
        calendar: None,
        once: None,
        about: None,
    }
}

fn client() -> ClientAddr {
    ClientAddr(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)))
}

pub fn call_message(id: &str, at: Timestamp, mut rest: Value) -> Value {
    rest["timestamp"] = json!(at.as_millisecond());
    rest["call"] = json!({
        "id": id,
        "type": "inboundPhoneCall",
        "customer": { "number": "+447700900118", "name": "Priya Nair" },
        "phoneNumber": { "number": "+441134960100" },
    });
    rest
}

/// What a browser got.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |v| v.to_str().unwrap())
    }

    /// The text between two marks.
    pub fn between(&self, from: &str, to: &str) -> &str {
        assert!(self.body.contains(from), "no {from} in {}", self.body);
        let start = self.body.find(from).unwrap() + from.len();
        &self.body[start..start + self.body[start..].find(to).unwrap()]
    }
}

/// Keeps cookies, sends what browsers send, and puts the page's token into its forms.
#[derive(Clone)]
pub struct Browser<'a> {
    desk: &'a Desk,
    cookies: Vec<(String, String)>,
}

impl Browser<'_> {
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], String::new()).await
    }

    /// As htmx asks.
    pub async fn get_part(&mut self, path: &str) -> Answer {
        self.send(
            Method::GET,
            path,
            &[("hx-request", "true"), ("hx-current-url", "http://desk.example/app")],
            String::new(),
        )
        .await
    }

    /// Posts a form of our own pages: with the token that the page `from` carries, when it carries one.
    pub async fn submit(&mut self, from: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.get(from).await;
        assert!(page.body.contains(&format!("action=\"{action}\"")), "{from} has no form for {action}");
        let token = page.between("name=\"_csrf\" value=\"", "\"").to_owned();
        let fields: Vec<_> = fields.iter().copied().chain([("_csrf", token.as_str())]).collect();
        self.post(action, &fields).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from("same-origin", path, fields).await
    }

    pub async fn post_from(&mut self, site: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        self.send(Method::POST, path, &[("sec-fetch-site", site)], body.finish()).await
    }

    async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .extension(client());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let line: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, line.join("; "));
        }
        let response = self.desk.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        for line in parts.headers.get_all(SET_COOKIE) {
            let (name, value) = line.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}
