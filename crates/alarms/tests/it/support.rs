//! What the tests share.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alarms::signs::actions::{Alarms, Measured, Services};
use alarms::signs::model::{Measurement, Sign};
use jiff::SignedDuration;
use mail::Outbox;
use platform::config::Config;
use platform::ids::OrgId;
use platform::jobs::Jobs;
use platform::outbound::Outbound;
use platform::recent::Recent;
use platform::storage::Storage;
use platform::tasks::Tasks;
use serde_json::Value;
use test_support::TestDb;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

pub const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// An installation with an operator's organization, and what looks after it.
pub struct Place {
    pub db: TestDb,
    pub org: OrgId,
    pub alarms: Alarms,
    pub jobs: Jobs,
    pub tasks: Tasks,
    pub requests: Recent,
}

impl Place {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With settings as an operator would put them into the environment.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let db = TestDb::new().await;
        let org = db.organization("Harbour Dental").await;
        sqlx::query("insert into installation (operator_org_id, is_claimed) values ($1, true)")
            .bind(org)
            .execute(&mut db.admin().await)
            .await
            .unwrap();
        let env: BTreeMap<String, String> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let config = Config::from_env(&env).unwrap();
        let tasks = Tasks::new();
        let outbox = Outbox::new(mail::Services {
            tenancy: db.tenancy(),
            clock: db.clock(),
            master_key: db.master_key(),
            config: config.mail.clone(),
        });
        let jobs = Jobs::new(db.tenancy(), db.clock(), tasks.clone());
        let requests = Recent::default();
        std::fs::create_dir_all(db.scratch_dir()).unwrap();
        let alarms = Alarms::new(Services {
            tenancy: db.tenancy(),
            clock: db.clock(),
            outbox,
            jobs: jobs.clone(),
            outbound: Outbound::new(&config.outbound, db.clock()).unwrap(),
            config: config.alerts.clone(),
            database_limit: config.quotas.database_bytes,
            public_origin: config.server.public_origin(config.server.listen),
            data_dir: db.scratch_dir(),
            storage: Storage::open(&config.storage, &db.scratch_dir()).unwrap(),
            provider_requests: requests.clone(),
            trial_days: config.backup.trial_days,
        });
        Self { db, org, alarms, jobs, tasks, requests }
    }

    /// A look that finds this of one sign, so many minutes after the last one.
    pub async fn find(&self, minutes: i64, sign: Sign, measured: Measurement) {
        self.db.clock().advance(SignedDuration::from_mins(minutes));
        self.alarms.take_in(vec![(sign, Measured::Is(measured))]).await.unwrap();
    }

    pub async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(&mut self.db.admin().await).await.unwrap();
    }

    /// What was told: kind and level of the alert then, mails, state of the webhook.
    pub async fn notices(&self) -> Vec<(String, i32, Option<String>)> {
        sqlx::query_as("select kind, mails, webhook from alert_notices order by at, notice_id")
            .fetch_all(&mut self.db.admin().await)
            .await
            .unwrap()
    }

    /// Recipient and subject of every mail.
    pub async fn mails(&self) -> Vec<(String, String)> {
        sqlx::query_as("select to_address, subject from mails order by created_at, to_address")
            .fetch_all(&mut self.db.admin().await)
            .await
            .unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.tasks.stop();
    }
}

/// A receiver in a process of its own; ends with the test.
pub struct Receiver {
    child: Child,
    port: u16,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/receiver.py");
        let mut child = Command::new("python3")
            .args([script, KEY])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next_line().await.unwrap().expect("the receiver starts");
        let port = serde_json::from_str::<Value>(&first).unwrap()["port"].as_u64().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let writer = seen.clone();
        #[expect(clippy::disallowed_methods, reason = "ends with the pipe, which ends with the test")]
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                writer.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, port: u16::try_from(port).unwrap(), seen }
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host())
    }

    /// The next requests are answered so, one after the other.
    pub async fn answer(&mut self, statuses: &[&str]) {
        for status in statuses {
            self.child.stdin.as_mut().unwrap().write_all(format!("{status}\n").as_bytes()).await.unwrap();
        }
        let heard = |seen: &[Value]| seen.iter().filter(|one| one.get("heard").is_some()).count() >= statuses.len();
        self.until("it heard", heard).await;
    }

    /// Waits until so many requests came, and answers all.
    pub async fn requests(&self, at_least: usize) -> Vec<Value> {
        let asked = |seen: &[Value]| seen.iter().filter(|one| one.get("method").is_some()).cloned().collect::<Vec<_>>();
        let seen = self.until("requests", |seen| asked(seen).len() >= at_least).await;
        asked(&seen)
    }

    async fn until(&self, what: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        for _ in 0..2_000 {
            let seen = self.seen.lock().unwrap().clone();
            if wanted(&seen) {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("still waiting for {what}: {:?}", self.seen.lock().unwrap());
    }
}

/// Asks again and again until it is so.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    for _ in 0..2_000 {
        if look().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still waiting: {what}");
}
