//! Faults of the program, from the log to a collector that reads envelopes, and nothing personal on the way.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use platform::clock::Clock;
use platform::config::Config;
use platform::http::ApiError;
use platform::jobs::{Jobs, NewJob, Outcome, Queue};
use platform::outbound::Outbound;
use platform::tasks::Tasks;
use platform::telemetry::faults;
use serde_json::{Value, json};
use test_support::TestDb;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What a caller said, who they are, and how to reach them: in none of the reports.
const PERSONAL: [&str; 6] =
    ["Priya Nair", "+442079460123", "2079460123", "priya@example.com", "wisdom tooth", "token-of-an-invitation"];

/// A collector in a process of its own.
struct Collector {
    child: Child,
    port: u16,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    async fn start() -> Self {
        let mut child = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/collector.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next_line().await.unwrap().expect("the collector starts");
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

    /// The log of this thread goes to the collector from here on.
    fn listen(&self, clock: &Clock, tasks: &Tasks) -> (tracing::subscriber::DefaultGuard, faults::FaultLayer) {
        let env = BTreeMap::from([
            ("VOXANNE_SENTRY_DSN".to_owned(), format!("http://publickey@127.0.0.1:{}/sub/42", self.port)),
            ("VOXANNE_OUTBOUND_ALLOW".to_owned(), format!("127.0.0.1:{}", self.port)),
        ]);
        let config = Config::from_env(&env).unwrap();
        let (layer, faults) = faults::channel();
        let guard = tracing_subscriber::registry().with(layer.clone()).set_default();
        let outbound = Outbound::new(&config.outbound, clock.clone()).unwrap();
        faults.report(config.alerts.sentry.unwrap(), outbound, clock.clone(), tasks);
        (guard, layer)
    }

    async fn answer(&mut self, with: &str) {
        self.child.stdin.as_mut().unwrap().write_all(format!("{with}\n").as_bytes()).await.unwrap();
        self.until("it heard", |seen| seen.iter().any(|one| one["heard"] == with)).await;
    }

    /// Waits until so many events came, and answers all. Each was an envelope.
    async fn events(&self, at_least: usize) -> Vec<Value> {
        let asked = |seen: &[Value]| seen.iter().filter(|one| one.get("raw").is_some()).cloned().collect::<Vec<_>>();
        let seen = self.until("events", |seen| asked(seen).len() >= at_least).await;
        let seen = asked(&seen);
        for one in &seen {
            assert!(one.get("fault").is_none(), "no envelope: {one}");
            for word in PERSONAL {
                assert!(!one["raw"].as_str().unwrap().contains(word), "{word} in {one}");
            }
        }
        seen.iter().map(|one| one["event"].clone()).collect()
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

/// Waits until nothing waits. What is not sent is dealt with at once: there is one thread, and nothing to wait for.
async fn settled(layer: &faults::FaultLayer) {
    while layer.waiting() > 0 {
        tokio::task::yield_now().await;
    }
}

fn clock() -> Clock {
    Clock::frozen_at("2026-11-24T14:00:00Z".parse().unwrap())
}

#[tokio::test]
async fn a_request_that_failed_is_reported_without_what_its_cause_quotes() {
    let collector = Collector::start().await;
    let tasks = Tasks::new();
    let (_guard, _) = collector.listen(&clock(), &tasks);
    let cause = std::io::Error::other("no row for \"Priya Nair\" priya@example.com, +442079460123 'wisdom tooth'");
    ApiError::internal(cause).log();
    let event = collector.events(1).await.remove(0);
    assert_eq!(
        (event["tags"]["code"].as_str(), event["tags"]["status"].as_str()),
        (Some("internal"), Some("500")),
        "{event}"
    );
    assert_eq!(event["message"]["formatted"], "request failed");
    assert!(event["tags"]["cause"].as_str().unwrap().starts_with("no row for […]"), "{event}");
    assert!(event["extra"]["place"].as_str().unwrap().starts_with("crates/platform/src/http/problem.rs:"), "{event}");
    assert!(event["release"].as_str().unwrap().starts_with("voxanne@"));
}

#[tokio::test]
async fn what_is_no_fault_and_what_others_log_is_not_reported() {
    let collector = Collector::start().await;
    let tasks = Tasks::new();
    let (_guard, _) = collector.listen(&clock(), &tasks);
    tracing::warn!(target: "voice::ingress", "a body is not a message");
    tracing::error!(target: "sqlx::postgres", "a query for Priya Nair failed");
    tracing::error!(target: "voice::ingress", transcript = "my wisdom tooth hurts", "an event could not be stored");
    let events = collector.events(1).await;
    assert_eq!(events[0]["logger"], "voice::ingress");
    assert_eq!(events[0]["tags"], json!({}), "a field that nobody has vouched for is left out");
    assert!(tasks.stop_and_wait(Duration::from_secs(10)).await);
    assert_eq!(collector.events(1).await.len(), 1);
}

#[tokio::test]
async fn a_panic_is_reported_with_its_place_and_without_words_that_were_put_together() {
    let collector = Collector::start().await;
    let tasks = Tasks::new();
    let (_guard, layer) = collector.listen(&clock(), &tasks);
    faults::catch_panics(Some(layer));
    #[expect(clippy::disallowed_methods, reason = "it panics and is gone")]
    let died = tokio::spawn(async {
        let name = std::hint::black_box("Priya Nair");
        panic!("no such person: {name}, {}", PERSONAL[1]);
    });
    assert!(died.await.unwrap_err().is_panic());
    let event = collector.events(1).await.remove(0);
    assert_eq!((event["level"].as_str(), event["logger"].as_str()), (Some("fatal"), Some("panic")));
    let exception = &event["exception"]["values"][0];
    assert!(exception["value"].as_str().unwrap().contains("may quote"), "{exception}");
    assert!(event["extra"]["place"].as_str().unwrap().starts_with("crates/platform/tests/it/faults.rs:"), "{event}");
    assert!(exception["stacktrace"]["frames"].as_array().unwrap().len() > 1, "{exception}");
}

#[tokio::test]
async fn a_job_that_failed_is_reported() {
    let collector = Collector::start().await;
    let db = TestDb::new().await;
    let tasks = Tasks::new();
    let (_guard, _) = collector.listen(&db.clock(), &tasks);
    let org = db.organization("Harbour Dental").await;
    let jobs = Jobs::new(db.tenancy(), db.clock(), tasks.clone());
    let mut tx = db.tenancy().tenant(org).await.unwrap();
    let job = NewJob { queue: "test.fail", key: "one".to_owned(), payload: json!({}), due: None };
    jobs.enqueue(&mut tx, job).await.unwrap();
    tx.commit().await.unwrap();
    let queue = Queue { name: "test.fail", attempts: 1, lease: Duration::from_mins(1), at_once: 1 };
    jobs.work(queue, |_| async { Outcome::failed("the file of \"Priya Nair\" is gone") });
    let event = collector.events(1).await.remove(0);
    assert!(event["logger"].as_str().unwrap().starts_with("platform::jobs"), "{event}");
    assert_eq!(event["tags"]["reason"], "the file of […] is gone", "{event}");
    tasks.stop_and_wait(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn the_same_fault_is_reported_once_a_minute_with_how_often() {
    let collector = Collector::start().await;
    let (clock, tasks) = (clock(), Tasks::new());
    let (_guard, layer) = collector.listen(&clock, &tasks);
    let fail = || tracing::error!(target: "voice::ingress", code = "gone", "an event could not be stored");
    fail();
    collector.events(1).await;
    for _ in 0..4 {
        fail();
    }
    settled(&layer).await;
    clock.advance(SignedDuration::from_secs(61));
    fail();
    let events = collector.events(2).await;
    assert_eq!(events.len(), 2);
    assert_eq!((events[0]["extra"]["times"].as_i64(), events[1]["extra"]["times"].as_i64()), (Some(1), Some(5)));
}

#[tokio::test]
async fn a_collector_that_wants_to_be_left_alone_is_left_alone() {
    let mut collector = Collector::start().await;
    collector.answer("429 X-Sentry-Rate-Limits=60:error:key").await;
    let (clock, tasks) = (clock(), Tasks::new());
    let (_guard, layer) = collector.listen(&clock, &tasks);
    tracing::error!(target: "voice::a", code = "a", "first");
    collector.events(1).await;
    clock.advance(SignedDuration::from_secs(30));
    tracing::error!(target: "voice::b", code = "b", "second");
    settled(&layer).await;
    clock.advance(SignedDuration::from_secs(31));
    tracing::error!(target: "voice::c", code = "c", "third");
    let events = collector.events(2).await;
    let said: Vec<&str> = events.iter().map(|event| event["message"]["formatted"].as_str().unwrap()).collect();
    assert_eq!(said, ["first", "third"]);
}
