//! What the tests share.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mail::relay::{Outcome, Patience};
use mail::{Draft, Mailbox, Outbox, Priority, Services, Turn, Worker};
use platform::config::{Config, MailConfig};
use platform::i18n::Locale;
use platform::ids::{MailId, OrgId};
use serde_json::Value;
use test_support::TestDb;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

/// Mail settings as from these variables.
pub fn settings(variables: &[(&str, &str)]) -> MailConfig {
    let env: BTreeMap<String, String> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Config::from_env(&env).unwrap().mail
}

/// An outbox on a test's database.
pub fn outbox(db: &TestDb, config: MailConfig) -> Outbox {
    Outbox::new(Services { tenancy: db.tenancy(), clock: db.clock(), master_key: db.master_key(), config })
}

/// A mail to somebody at example.com.
pub fn draft(priority: Priority, to: &str) -> Draft {
    Draft {
        template: "test.mail",
        priority,
        to: Mailbox { name: "Ana Lima".to_owned(), address: format!("{to}@example.com") },
        cc: vec![],
        reply_to: None,
        locale: Locale::En,
        subject: "An appointment".to_owned(),
        text: "Tuesday at nine.".to_owned(),
        html: "<!doctype html><p>Tuesday at nine.</p>".to_owned(),
        calendar: None,
        once: None,
        about: None,
    }
}

/// A mail relay in a process of its own; ends with the test.
pub struct TestRelay {
    child: Child,
    port: u16,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl TestRelay {
    /// Starts one in this mode.
    pub async fn start(mode: &str) -> Self {
        Self::with(&["--mode", mode]).await
    }

    /// Starts one with these arguments.
    pub async fn with(arguments: &[&str]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/relay.py");
        let mut child = Command::new(python())
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next_line().await.unwrap().expect("the relay starts: is python3-aiosmtpd installed?");
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

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes what is wrong with it.
    pub async fn mode(&mut self, mode: &str) {
        self.tell(&format!("mode {mode}\n")).await;
        self.until(|seen| seen["now"] == mode).await;
    }

    /// Lets what hangs go on.
    pub async fn go(&mut self) {
        self.tell("go\n").await;
    }

    async fn tell(&mut self, line: &str) {
        self.child.stdin.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
    }

    /// Waits until it has told something like this.
    pub async fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = || self.seen.lock().unwrap().iter().find(|seen| wanted(seen)).cloned();
        for _ in 0..2_000 {
            if let Some(value) = found() {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the relay never saw it: {:?}", self.seen.lock().unwrap());
    }

    /// Waits until it took so many mails, and answers all it took.
    pub async fn mails(&self, at_least: usize) -> Vec<Value> {
        let count =
            || self.seen.lock().unwrap().iter().filter_map(|seen| seen.get("mail").cloned()).collect::<Vec<_>>();
        for _ in 0..2_000 {
            let mails = count();
            if mails.len() >= at_least {
                return mails;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the relay took {} mails, not {at_least}", count().len());
    }

    /// The settings to send through it in clear, with a budget.
    pub fn settings(&self, limit: u32) -> MailConfig {
        relay_settings(&format!("smtp://127.0.0.1:{}", self.port), limit)
    }
}

/// Settings to send through a relay, with a budget.
pub fn relay_settings(url: &str, limit: u32) -> MailConfig {
    settings(&[
        ("VOXANNE_SMTP_URL", url),
        ("VOXANNE_MAIL_FROM", "Harbour Dental <hello@example.org>"),
        ("VOXANNE_MAIL_DAILY_LIMIT", &limit.to_string()),
    ])
}

/// The first Python that has aiosmtpd: the system's, when another one stands before it.
fn python() -> &'static str {
    ["/usr/bin/python3", "python3"]
        .into_iter()
        .find(|python| {
            std::process::Command::new(python)
                .args(["-c", "import aiosmtpd"])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        })
        .unwrap_or("python3")
}

/// Waits that do not try the patience of a test.
pub fn hasty() -> Patience {
    Patience {
        connect: Duration::from_secs(5),
        command: Duration::from_secs(5),
        before_words: Duration::from_secs(10),
        words: Duration::from_secs(10),
    }
}

/// A worker of an outbox.
pub fn worker(outbox: &Outbox, patience: Patience) -> Worker {
    Worker::new(outbox, patience).unwrap().unwrap()
}

/// Keeps mails of an organization.
pub async fn enqueue(db: &TestDb, outbox: &Outbox, org: OrgId, drafts: Vec<Draft>) -> Vec<MailId> {
    let mut tx = db.tenancy().tenant(org).await.unwrap();
    let mut ids = Vec::new();
    for draft in drafts {
        ids.push(outbox.enqueue(&mut tx, draft).await.unwrap());
    }
    tx.commit().await.unwrap();
    ids
}

/// Works until there is nothing more to do now. Answers what came of each, and why it stopped.
pub async fn drain(worker: &Worker) -> (Vec<Outcome>, Turn) {
    let mut outcomes = Vec::new();
    loop {
        match worker.turn().await.unwrap() {
            Turn::Tried(outcome) => outcomes.push(outcome),
            turn => return (outcomes, turn),
        }
    }
}

/// What is kept of a mail: state, last words, attempts counted.
pub async fn kept(db: &TestDb, id: MailId) -> (String, Option<String>, i32) {
    sqlx::query_as("select state, last_words, attempts from mails where mail_id = $1")
        .bind(id)
        .fetch_one(&mut db.admin().await)
        .await
        .unwrap()
}

/// Recipients spent in all.
pub async fn spent(db: &TestDb) -> i64 {
    sqlx::query_scalar("select coalesce(sum(recipients), 0)::int8 from mail_spending")
        .fetch_one(&mut db.admin().await)
        .await
        .unwrap()
}
