//! What the tests of this crate share: the ingest with its parts on a database of its own, and planted practices.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use platform::audit::Actor;
use platform::http::ClientAddr;
use platform::ids::{ConnectionId, OrgId};
use platform::jobs::Jobs;
use platform::realtime::Hub;
use platform::secret::Secret;
use platform::tasks::Tasks;
use platform::tenancy::Tenancy;
use serde_json::Value;
use test_support::TestDb;
use tower::ServiceExt as _;
use voice::connections::Registry;
use voice::connections::model::Verifier;
use voice::ingress::actions::{IngestError, Ingress, Parts};
use voice::ingress::api::{WebhookState, router};
use voice::ingress::model::Event;
use voice::ingress::spool::Spool;
use voice::live::model::LiveEvent;
use voice::live::neighbours::Neighbours;
use voice::numbers::Routing;
use voice::numbers::actions::{Mapping, map_number};

/// What the provider presents on the platform-wide connection.
pub const PLATFORM_SECRET: &str = "platform-wide-secret";

/// What the ingest answered.
pub type Taken = voice::ingress::Ingested;

/// The ingest on a database of its own.
pub struct Desk {
    pub db: TestDb,
    pub tenancy: Tenancy,
    pub ingress: Ingress,
    pub hub: Hub<LiveEvent>,
    pub tasks: Tasks,
}

impl Desk {
    pub async fn new() -> Self {
        let db = TestDb::new().await;
        let (tenancy, tasks, hub) = (db.tenancy(), Tasks::new(), Hub::default());
        let ingress = ingress(&db, &tasks, &hub);
        Self { db, tenancy, ingress, hub, tasks }
    }

    /// The ingest of a process that starts after the first one, on the same database and disk.
    pub fn next_process(&self) -> Ingress {
        ingress(&self.db, &self.tasks, &Hub::default())
    }

    /// Takes a message in as if a connection of `org` had brought it; `None` is the platform-wide connection.
    pub async fn take(&self, org: Option<OrgId>, message: &Value) -> Taken {
        self.try_take(org, message).await.unwrap()
    }

    pub async fn try_take(&self, org: Option<OrgId>, message: &Value) -> Result<Taken, IngestError> {
        self.take_bytes(org, message.to_string().as_bytes()).await
    }

    pub async fn take_bytes(&self, org: Option<OrgId>, body: &[u8]) -> Result<Taken, IngestError> {
        let event = Event::from_received(providers::vapi::receive(body).unwrap());
        let verifier = Verifier { org, id: org.map(connection_of), ..Verifier::default() };
        self.ingress.take(Arc::new(verifier), Arc::new(event)).await
    }

    /// The webhook routes as the server mounts them, for a client at a documentation address.
    pub fn webhooks(&self) -> Router {
        let state = WebhookState {
            ingress: self.ingress.clone(),
            unverified: None,
            public_origin: "https://voice.example.test".parse().unwrap(),
            max_bytes: 8 << 20,
        };
        let (routes, _) = router(std::sync::Arc::new(state)).split();
        routes.layer(axum::Extension(ClientAddr([192, 0, 2, 7].into())))
    }

    /// Posts to the platform-wide address with its secret; answers status and body.
    pub async fn post(&self, body: Vec<u8>) -> (StatusCode, Value) {
        let request = Request::post("/api/webhooks/vapi")
            .header("x-vapi-secret", PLATFORM_SECRET)
            .body(Body::from(body))
            .unwrap();
        let response = self.webhooks().oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Lets an agent of `org` answer a number.
    pub async fn map(&self, org: OrgId, number: &str, number_ref: Option<&str>, agent: &str, assistant: &str) {
        let mut tx = self.tenancy.tenant(org).await.unwrap();
        let mapping = Mapping { number, provider_number_id: number_ref, agent_name: agent, assistant_id: assistant };
        map_number(&mut tx, Actor::System, &mapping).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// An agent that answers no number, only known by its assistant.
    pub async fn agent(&self, org: OrgId, name: &str, assistant: &str) {
        sqlx::query(
            "insert into agents (org_id, agent_id, name, provider_assistant_id) values ($1, gen_random_uuid(), $2, $3)",
        )
        .bind(org)
        .bind(name)
        .bind(assistant)
        .execute(&mut self.db.admin().await)
        .await
        .unwrap();
    }

    /// Jobs and schedules, worked on by the tasks of the test.
    pub fn jobs(&self) -> Jobs {
        self.ingress.jobs.clone()
    }

    /// One number from the database, past row security.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.db.admin().await).await.unwrap()
    }

    /// Ends the background tasks of the test.
    pub async fn close(self) {
        assert!(self.tasks.stop_and_wait(Duration::from_secs(20)).await, "a task went on after the test");
    }
}

fn ingress(db: &TestDb, tasks: &Tasks, hub: &Hub<LiveEvent>) -> Ingress {
    let secrets = vec![Secret::new(PLATFORM_SECRET)];
    Ingress::new(Parts {
        tenancy: db.tenancy(),
        clock: db.clock(),
        tasks: tasks.clone(),
        jobs: Jobs::new(db.tenancy(), db.clock(), tasks.clone()),
        registry: Registry::new(db.tenancy(), db.master_key(), db.clock(), secrets),
        routing: Routing::default(),
        hub: Hub::clone(hub),
        neighbours: Neighbours::default(),
        spool: Spool::new(db.scratch_dir().join("spool"), db.master_key()),
    })
}

/// The connection that brings an organization's events here; its id is the organization's, to find it again.
pub fn connection_of(org: OrgId) -> ConnectionId {
    ConnectionId::from_uuid(org.uuid())
}
