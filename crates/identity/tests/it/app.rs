//! A node of identity over a database of its own, and what tests do with it.

use std::net::{IpAddr, Ipv4Addr};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::middleware::from_fn;
use identity::access::permission;
use identity::organizations::actions::create_organization;
use identity::organizations::model::{CreatedOrganization, NewOrganization};
use identity::{
    Admin, Can, Form, Member, Operator, Owner, PublicForm, Role, Services, SignedIn, State, Viewer, access, idempotency,
};
use platform::http::{ClientAddr, Limiter, Report, TenantRouter, Validate, request_id};
use platform::ids::{OrgId, UserId};
use platform::secret::Secret;
use platform::tasks::Tasks;
use serde_json::Value;
use sqlx::Connection as _;
use test_support::TestDb;
use tower::ServiceExt as _;

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";
pub const ORIGIN: &str = "http://127.0.0.1:8080";
/// Where requests come from unless a test says otherwise.
pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

pub struct TestApp {
    pub db: TestDb,
    pub state: State,
    pub tasks: Tasks,
    router: Router,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The stable code of a problem.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The body without what differs from request to request.
    pub fn lasting_body(&self) -> Value {
        let mut body = self.body.clone();
        if let Some(body) = body.as_object_mut() {
            body.remove("request_id");
        }
        body
    }

    /// The session cookie it sets, as `name=value`.
    pub fn cookie(&self) -> Option<String> {
        let line = self.headers.get(header::SET_COOKIE)?.to_str().unwrap();
        Some(line.split(';').next().unwrap().to_owned())
    }
}

/// A request being written.
pub struct Ask {
    request: axum::http::request::Builder,
    body: Body,
    client: IpAddr,
}

pub fn ask(method: &str, path: &str) -> Ask {
    let request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    Ask { request, body: Body::empty(), client: CLIENT }
}

impl Ask {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn cookie(self, cookie: &str) -> Self {
        self.header("cookie", cookie)
    }

    /// As one of our own pages sends it.
    pub fn same_origin(self) -> Self {
        self.header("origin", ORIGIN)
    }

    pub fn json(mut self, body: &Value) -> Self {
        self.body = Body::from(body.to_string());
        self.header("content-type", "application/json")
    }

    pub fn form(mut self, body: &str) -> Self {
        self.body = Body::from(body.to_owned());
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    pub fn from(mut self, client: &str) -> Self {
        self.client = client.parse().unwrap();
        self
    }
}

#[derive(Debug, serde::Deserialize)]
struct Note {
    text: String,
}

impl Validate for Note {
    fn validate(&self, report: &mut Report) {
        report.text("text", &self.text, 10);
    }
}

/// A route for each access level, so that each can be tried alone.
fn probes(state: State) -> Router {
    async fn note(_: Viewer, form: Form<Note>) -> String {
        form.input.map_or_else(|faults| format!("{} is wrong", faults[0].path), |note| note.text)
    }
    async fn public_note(form: PublicForm<Note>) -> String {
        form.input.map_or_else(|faults| format!("{} is wrong", faults[0].path), |note| note.text)
    }
    async fn token(caller: Viewer) -> String {
        caller.csrf.as_ref().map(|csrf| csrf.as_str().to_owned()).unwrap_or_default()
    }
    let (router, _) = TenantRouter::new()
        .page("GET", "/api/probe/viewer", async |_: Viewer| "")
        .page("GET", "/api/probe/member", async |_: Member| "")
        .page("GET", "/api/probe/admin", async |_: Admin| "")
        .page("GET", "/api/probe/owner", async |_: Owner| "")
        .page("GET", "/api/probe/operator", async |_: Operator| "")
        .page("GET", "/api/probe/signed-in", async |_: SignedIn| "")
        .page("GET", "/api/probe/calls:read", async |_: Can<permission::CallsRead>| "")
        .page("GET", "/api/probe/calls:write", async |_: Can<permission::CallsWrite>| "")
        .page("GET", "/api/probe/connections:read", async |_: Can<permission::ConnectionsRead>| "")
        .page("GET", "/api/probe/connections:write", async |_: Can<permission::ConnectionsWrite>| "")
        .page("GET", "/api/probe/members:read", async |_: Can<permission::MembersRead>| "")
        .page("GET", "/api/probe/live:read", async |_: Can<permission::LiveRead>| "")
        .page("POST", "/api/probe/viewer", async |_: Viewer| "")
        .page("GET", "/page", async |_: Viewer| "")
        .page("GET", "/page/token", token)
        .page("POST", "/page/note", note)
        .with_state(state.clone())
        .split();
    router.merge(Router::new().route("/page/public", axum::routing::post(public_note)).with_state(state))
}

impl TestApp {
    pub async fn new() -> Self {
        Self::build(TestDb::new().await, ORIGIN, None)
    }

    pub async fn at(origin: &str) -> Self {
        Self::build(TestDb::new().await, origin, None)
    }

    pub async fn limited(limit: Limiter<IpAddr>) -> Self {
        Self::build(TestDb::new().await, ORIGIN, Some(limit))
    }

    fn build(db: TestDb, origin: &str, limit: Option<Limiter<IpAddr>>) -> Self {
        let tasks = Tasks::new();
        let state = node(&db, origin, limit, &tasks);
        let router = routes(&state, Router::new());
        Self { db, state, tasks, router }
    }

    /// Adds routes of a test's own, inside the layers.
    pub fn with_routes(mut self, routes_of_test: Router<State>) -> Self {
        self.router = routes(&self.state, routes_of_test.with_state(self.state.clone()));
        self
    }

    /// A second node on the same database, with nothing in memory.
    pub fn second_node(&self) -> Node {
        let state = node(&self.db, ORIGIN, None, &self.tasks);
        Node { router: routes(&state, Router::new()) }
    }

    pub async fn send(&self, ask: Ask) -> Answer {
        send(&self.router, ask).await
    }

    pub async fn status(&self, ask: Ask) -> u16 {
        self.send(ask).await.status.as_u16()
    }

    pub fn advance(&self, seconds: i64) {
        self.db.clock().advance(jiff::SignedDuration::from_secs(seconds));
    }

    /// An organization with its owner.
    pub async fn organization(&self, name: &str, owner_email: &str) -> CreatedOrganization {
        let new = NewOrganization {
            name: name.to_owned(),
            zone: "Europe/London".to_owned(),
            owner_email: owner_email.to_owned(),
            owner_name: "Olive Owner".to_owned(),
            owner_password: Secret::new(PASSWORD),
            first_user_is_operator: false,
            is_demo: false,
        };
        create_organization(&self.db.tenancy(), &self.db.clock(), new).await.unwrap()
    }

    /// A further member with everybody's password, planted beside the owner.
    pub async fn member(&self, org: OrgId, email: &str, role: Role) -> UserId {
        let user = UserId::new();
        let mut admin = self.db.admin().await;
        sqlx::query(
            "with u as ( \
               insert into users (id, email, name, password_hash, password_changed_at, created_at) \
               select $2, $3, 'Mia Member', password_hash, created_at, created_at from users order by created_at limit 1 \
               returning id, created_at) \
             insert into memberships (org_id, user_id, role, role_changed_at, created_at) \
             select $1, id, $4, created_at, created_at from u",
        )
        .bind(org)
        .bind(user)
        .bind(email)
        .bind(role.as_str())
        .execute(&mut admin)
        .await
        .unwrap();
        user
    }

    /// Adds an existing person to another organization.
    pub async fn join(&self, org: OrgId, user: UserId, role: Role) {
        let mut admin = self.db.admin().await;
        sqlx::query(
            "insert into memberships (org_id, user_id, role, role_changed_at, created_at) \
             select $1, id, $3, created_at, created_at from users where id = $2",
        )
        .bind(org)
        .bind(user)
        .bind(role.as_str())
        .execute(&mut admin)
        .await
        .unwrap();
    }

    /// Tries to sign a program in.
    pub async fn try_login(&self, email: &str, password: &str) -> Answer {
        self.send(ask("POST", "/api/v1/auth/login").json(&serde_json::json!({ "email": email, "password": password })))
            .await
    }

    /// A program's access token.
    pub async fn login(&self, email: &str) -> String {
        self.tokens(email).await.0
    }

    /// A program's access and refresh token.
    pub async fn tokens(&self, email: &str) -> (String, String) {
        let answer = self.try_login(email, PASSWORD).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = |name: &str| answer.body[name].as_str().unwrap().to_owned();
        (text("access_token"), text("refresh_token"))
    }

    /// A browser's session cookie, as `name=value`.
    pub async fn browser(&self, email: &str) -> String {
        let authority = &self.state.authority;
        let user = identity::accounts::actions::sign_in(authority, email, Secret::new(PASSWORD), ClientAddr(CLIENT));
        let user = user.await.unwrap();
        let cookie = identity::accounts::actions::open_session(authority, &user, &HeaderMap::new()).await.unwrap();
        cookie.value().to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    /// The actions in an organization's audit list, oldest first.
    pub async fn audit(&self, org: OrgId) -> Vec<String> {
        let mut admin = self.db.admin().await;
        sqlx::query_scalar("select action from audit_log where org_id = $1 order by id")
            .bind(org)
            .fetch_all(&mut admin)
            .await
            .unwrap()
    }

    /// Runs `work` with `lock` held in the database until `waiting` backends wait for it, so that a race between them
    /// happens every time.
    pub async fn line_up<F: Future>(&self, lock: &'static str, waiting: i64, work: F) -> F::Output {
        let mut holder = self.db.admin().await;
        let mut held = holder.begin().await.unwrap();
        sqlx::query(lock).execute(&mut *held).await.unwrap();
        let release = async {
            let mut watcher = self.db.admin().await;
            loop {
                let waiters: i64 = sqlx::query_scalar(
                    "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
                )
                .fetch_one(&mut watcher)
                .await
                .unwrap();
                if waiters >= waiting {
                    break;
                }
                tokio::task::yield_now().await;
            }
            held.commit().await.unwrap();
        };
        tokio::join!(work, release).0
    }

    /// Runs a statement past all row security.
    pub async fn plant(&self, sql: &'static str) {
        let mut admin = self.db.admin().await;
        sqlx::query(sql).execute(&mut admin).await.unwrap();
    }
}

/// A node without its database.
pub struct Node {
    router: Router,
}

impl Node {
    pub async fn send(&self, ask: Ask) -> Answer {
        send(&self.router, ask).await
    }

    pub async fn status(&self, ask: Ask) -> u16 {
        self.send(ask).await.status.as_u16()
    }
}

fn node(db: &TestDb, origin: &str, public_limit: Option<Limiter<IpAddr>>, tasks: &Tasks) -> State {
    State::new(Services {
        tenancy: db.tenancy(),
        clock: db.clock(),
        master_key: db.master_key(),
        public_origin: origin.parse().unwrap(),
        public_limit,
        tasks: tasks.clone(),
        outbox: mail::Outbox::new(mail::Services {
            tenancy: db.tenancy(),
            clock: db.clock(),
            master_key: db.master_key(),
            config: platform::config::Config::from_env(&std::collections::BTreeMap::new()).unwrap().mail,
        }),
    })
}

fn routes(state: &State, more: Router) -> Router {
    let (tenant, _) = identity::tenant_router(state.clone()).split();
    let (public, _) = identity::public_router(state.clone()).split();
    tenant
        .merge(public)
        .merge(probes(state.clone()))
        .merge(more)
        .layer(idempotency::layer(state.clone()))
        .layer(access::rotation_layer(state.clone()))
        .layer(from_fn(request_id::layer))
}

async fn send(router: &Router, ask: Ask) -> Answer {
    let mut request = ask.request.body(ask.body).unwrap();
    request.extensions_mut().insert(ClientAddr(ask.client));
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    let body =
        serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    assert!(!parts.status.is_server_error(), "{} {body}", parts.status);
    Answer { status: parts.status, headers: parts.headers, body }
}
