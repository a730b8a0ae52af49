//! The simulated provider's API and webhooks over real sockets, for tests of asking it.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use platform::audit::Actor;
use platform::config::OutboundConfig;
use platform::ids::{ConnectionId, OrgId};
use platform::outbound::Outbound;
use platform::secret::Secret;
use providers::vapi::signature::WebhookAuth;
use serde_json::{Value, json};
use simulator::{Provider, ProviderOptions};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use voice::connections::actions::{NewConnection, create_connection};
use voice::provider::{ProviderClient, ProviderSettings};
use voice::reconcile::Reconciler;

use crate::support::Desk;

/// What the provider presents on the connections here.
pub const WEBHOOK_SECRET: &str = "secret-of-a-connection";
/// Private key of the platform-wide account.
pub const PLATFORM_KEY: &str = "private-key-of-the-platform";

/// A desk whose provider can be asked.
pub struct Asked {
    pub desk: Desk,
    pub provider: Provider,
    pub reconciler: Reconciler,
    pub client: ProviderClient,
    /// Where the webhooks are.
    pub base_url: String,
    _serving: JoinSet<()>,
}

impl Asked {
    pub async fn new() -> Self {
        Self::with(None).await
    }

    /// With a key of the platform-wide account.
    pub async fn with(platform_key: Option<&str>) -> Self {
        // Fails when an earlier test of this process has done it.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let desk = Desk::new().await;
        let provider = Provider::new(ProviderOptions::default());
        let mut serving = JoinSet::new();
        let answering = provider.listen("127.0.0.1:0".parse().unwrap(), CancellationToken::new()).await.unwrap();
        serving.spawn(async move { answering.await.unwrap() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let webhooks = desk.webhooks();
        serving.spawn(async move { axum::serve(listener, webhooks).await.unwrap() });
        let allow = vec![provider.authority().unwrap().parse().unwrap()];
        let outbound = Outbound::new(&OutboundConfig { allow }, desk.db.clock()).unwrap();
        let settings = ProviderSettings {
            api_url: provider.base_url().unwrap(),
            simulated_url: None,
            platform_key: platform_key.map(Secret::new),
        };
        let (tenancy, clock) = (desk.tenancy.clone(), desk.db.clock());
        let client = ProviderClient::new(tenancy.clone(), clock.clone(), desk.db.master_key(), outbound, settings);
        let reconciler = Reconciler::new(tenancy, clock, client.clone(), desk.ingress.clone());
        Self { desk, provider, reconciler, client, base_url, _serving: serving }
    }

    /// A connection of `org` with this private key, made an hour before the clock of the test.
    pub async fn connect(&self, org: OrgId, key: Option<&str>) -> ConnectionId {
        let new = NewConnection {
            label: "Front desk".to_owned(),
            auth: WebhookAuth::default(),
            webhook_secret: Secret::new(WEBHOOK_SECRET),
            api_key: key.map(Secret::new),
            simulated: false,
        };
        let mut tx = self.desk.tenancy.tenant(org).await.unwrap();
        let id = create_connection(&mut tx, &self.desk.db.master_key(), Actor::System, &new).await.unwrap();
        tx.commit().await.unwrap();
        sqlx::query("update provider_connections set created_at = $2 where connection_id = $1")
            .bind(id)
            .bind(jiff_sqlx::ToSqlx::to_sqlx(self.ago(60)))
            .execute(&mut self.desk.db.admin().await)
            .await
            .unwrap();
        id
    }

    /// So many minutes before the clock of the test.
    pub fn ago(&self, minutes: i64) -> Timestamp {
        self.desk.db.clock().now() - SignedDuration::from_mins(minutes)
    }
}

/// A call object as the provider's API shows it, changed so many minutes ago.
pub fn call_object(asked: &Asked, status: &str, minutes: i64, extra: &Value) -> (Uuid, Value) {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let id = Uuid::from_u64_pair(0x7f00_0000_0000_4000, NUMBER.fetch_add(1, Ordering::Relaxed));
    let at = |seconds: i64| (asked.ago(minutes) - SignedDuration::from_secs(seconds)).to_string();
    let mut call = json!({
        "id": id, "orgId": Uuid::nil(), "type": "inboundPhoneCall", "status": status,
        "createdAt": at(90), "updatedAt": at(0), "customer": {"number": "+12025550143"},
        "phoneNumberId": "unmapped-number", "assistantId": "unmapped-assistant",
    });
    if status != "ringing" {
        call["startedAt"] = json!(at(80));
    }
    if status == "ended" {
        call["endedAt"] = json!(at(20));
        call["endedReason"] = json!("customer-ended-call");
        call["cost"] = json!(0.0412);
        call["analysis"] = json!({"summary": "A check-up was booked."});
        call["artifact"] = json!({
            "messages": [
                {"role": "bot", "message": "Good morning.", "time": 1_764_000_000_000_i64, "secondsFromStart": 1},
                {"role": "user", "message": "I would like a check-up.", "time": 1_764_000_004_000_i64, "secondsFromStart": 5},
            ],
            "recording": {"stereoUrl": "https://recordings.example.test/s.wav"},
        });
    }
    for (key, value) in extra.as_object().into_iter().flatten() {
        call[key] = value.clone();
    }
    (id, call)
}
