//! `voxanne reconcile`: what was lost on the way is there afterwards, whatever becomes of the command; and the private key
//! that it asks with.

use std::cell::Cell;
use std::process::Stdio;

use jiff::SignedDuration;
use platform::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{
    ApiAccess, ApiFault, ApiRoute, Credential, Faults, Kind, Provider, ProviderOptions, SimulateOptions, Target, run,
    verify,
};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::binary::{Installation, complaint};
use crate::support::{PASSWORD, TestApp, answer, eventually};

const NAME: &str = "Elm Street Dental";
const EMAIL: &str = "owner@elmstreet.example";
const SECRET: &str = "webhook-secret-of-elm-street";
const KEY: &str = "private-key-of-elm-street";

#[tokio::test]
async fn after_a_comparison_every_call_is_as_if_nothing_had_been_lost() {
    let place = Installation::new();
    let provider = Provider::new(ProviderOptions { keys: vec![(KEY.into(), None)], ..ProviderOptions::default() });
    let mut answering = JoinSet::new();
    answering.spawn(provider.listen("127.0.0.1:0".parse().unwrap(), CancellationToken::new()).await.unwrap());
    let (url, allowed) = (provider.base_url().unwrap(), provider.authority().unwrap());
    let settings = [("VOXANNE_VAPI_API_URL", url.as_str()), ("VOXANNE_OUTBOUND_ALLOW", allowed.as_str())];

    let org = place.create_org(NAME, EMAIL).await;
    let connection = place.connect(org, SECRET).await;
    let nothing = place.succeed(&["reconcile"], "").await;
    assert!(nothing.contains("Nothing was compared: no connection has a private key"), "{nothing}");
    std::fs::write(place.file("key"), KEY).unwrap();
    let (org, id) = (org.to_string(), connection.to_string());
    place
        .succeed(&["admin", "set-provider-key", "--org", &org, "--connection", &id, "--api-key-file", "key"], "")
        .await;

    let server = place.serve(&[], &settings).await;
    let played = Target::of_kind(Kind::Dental, &place.base(), Some(connection), SECRET).unwrap();
    let target = Target { org_label: NAME.to_owned(), ..played };
    let options = SimulateOptions {
        faults: Faults { lost: 0.3, ..Faults::default() },
        start: None,
        provider: Some(provider.clone()),
        ..SimulateOptions::flat_out(3, 12, "2026-03-11T09:00:00Z".parse().unwrap())
    };
    let truth = run(options, vec![target], CancellationToken::new(), |_| {}).await.unwrap();
    assert!(truth.counters.lost > 20, "{:?}", truth.counters);

    let compared = place.run(&["reconcile", "--json"], "", &settings).await;
    assert!(compared.status.success(), "{}", complaint(&compared));
    let reports: Value = serde_json::from_slice(&compared.stdout).unwrap();
    assert_eq!((&reports[0]["calls"], &reports[0]["complete"]), (&12.into(), &true.into()), "{reports}");
    assert!(reports[0]["healed"].as_i64().unwrap() > 0, "{reports}");

    let access = ApiAccess {
        base_url: place.base(),
        credential: Credential::Password { email: EMAIL.into(), password: PASSWORD.into() },
        org_label: Some(NAME.to_owned()),
    };
    let report = verify(&truth.reconciled(), &access).await.unwrap();
    assert!(report.is_clean() && report.complete == 12, "{report}");

    let again = place.run(&["reconcile"], "", &settings).await;
    let told = String::from_utf8(again.stdout).unwrap();
    assert!(again.status.success() && told.contains("12 of 12 accounted") && !told.contains("healed"), "{told}");
    provider.revoke_keys();
    let refused = place.run(&["reconcile"], "", &settings).await;
    let told = String::from_utf8(refused.stdout).unwrap();
    assert!(!refused.status.success() && told.contains("does not accept the private key"), "{told}");
    assert!(!told.contains(KEY));
    assert!(server.stop().await.success());
}

/// Calls of the last ten hours that nobody told us of: more than one answer holds.
const UNKNOWN: i64 = 300;

/// An installation whose provider answers each list only when it is told to.
struct Held {
    place: Installation,
    provider: Provider,
    settings: [(&'static str, String); 2],
    _answering: JoinSet<anyhow::Result<()>>,
}

impl Held {
    async fn new() -> Self {
        let place = Installation::new();
        let provider = Provider::new(ProviderOptions { keys: vec![(KEY.into(), None)], ..ProviderOptions::default() });
        let mut answering = JoinSet::new();
        answering.spawn(provider.listen("127.0.0.1:0".parse().unwrap(), CancellationToken::new()).await.unwrap());
        let settings = [
            ("VOXANNE_VAPI_API_URL", provider.base_url().unwrap()),
            ("VOXANNE_OUTBOUND_ALLOW", provider.authority().unwrap()),
        ];
        let org = place.create_org(NAME, EMAIL).await.to_string();
        let id = place.connect(org.parse().unwrap(), SECRET).await.to_string();
        std::fs::write(place.file("key"), KEY).unwrap();
        let set = ["admin", "set-provider-key", "--org", &org, "--connection", &id, "--api-key-file", "key"];
        place.succeed(&set, "").await;
        for number in 1..=UNKNOWN {
            let at = Clock::system().now() - SignedDuration::from_mins(2 * number);
            let call = json!({
                "id": Uuid::now_v7(), "type": "inboundPhoneCall", "status": "ended", "createdAt": at, "updatedAt": at,
                "startedAt": at, "endedAt": at, "endedReason": "customer-ended-call", "customer": {"number": "+12025550143"},
            });
            provider.put(NAME, call).unwrap();
        }
        provider.spoil_api(ApiRoute::List, ApiFault::Held, u32::MAX);
        Self { place, provider, settings, _answering: answering }
    }

    fn reconcile(&self) -> Command {
        let settings: Vec<(&str, &str)> = self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.place.command(&["reconcile", "--days", "1", "--json"], &settings)
    }

    /// The next request has come in and is held: what was answered before it is settled.
    async fn asked(&self, before: usize) -> usize {
        eventually("the provider is asked", || async {
            Some(self.provider.requests().len()).filter(|now| *now > before)
        })
        .await
    }

    async fn number(&self, sql: &str) -> i64 {
        self.place.succeed(&["psql", "--", "-qAtXc", sql], "").await.trim().parse().unwrap()
    }
}

/// As a power cut would end it.
async fn cut(mut command: Child) {
    command.start_kill().unwrap();
    assert!(!command.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_comparison_that_is_killed_again_and_again_accounts_for_every_call_once() {
    let held = Held::new().await;
    let settled = "select coalesce(sum(calls), 0) from reconcile_windows";

    // Killed after a page was settled, while the provider is asked for the next one.
    let first = held.reconcile().spawn().unwrap();
    let mut asked = held.asked(0).await;
    while held.number(settled).await == 0 {
        held.provider.release();
        asked = held.asked(asked).await;
    }
    cut(first).await;
    let noted = held.number(settled).await;
    assert!((1..UNKNOWN).contains(&noted), "{noted}");
    assert_eq!(held.number("select count(*) from call_logs").await, noted);

    // Killed after a page was healed, before that could be noted: somebody holds the table.
    let second = held.reconcile().spawn().unwrap();
    asked = held.asked(asked).await;
    let mut holder = held.place.command(&["psql", "--", "-qAtX"], &[]);
    let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lock = b"begin; lock table reconcile_windows in share mode; select 'held';\n";
    holder.stdin.as_mut().unwrap().write_all(lock).await.unwrap();
    let told = BufReader::new(holder.stdout.take().unwrap()).lines().next_line().await.unwrap();
    assert_eq!(told.as_deref(), Some("held"));
    held.provider.release();
    let waits = "select count(*) from pg_locks where relation = 'reconcile_windows'::regclass and not granted";
    let asked = Cell::new(asked);
    eventually("a page cannot be noted", || async {
        // A page that was too large is asked for again, in parts.
        if held.provider.requests().len() > asked.get() {
            asked.set(held.provider.requests().len());
            held.provider.release();
        }
        (held.number(waits).await > 0).then_some(())
    })
    .await;
    let healed = held.number("select count(*) from call_logs").await;
    assert!((noted + 1..UNKNOWN).contains(&healed), "{healed} of {UNKNOWN}, {noted} noted");
    cut(second).await;
    cut(holder).await;

    held.provider.mend();
    let done = held.reconcile().output().await.unwrap();
    assert!(done.status.success(), "{}", complaint(&done));
    let reports: Value = serde_json::from_slice(&done.stdout).unwrap();
    let report = &reports[0];
    let counts = (&report["calls"], &report["healed"], &report["agreed"]);
    assert_eq!(counts, (&UNKNOWN.into(), &UNKNOWN.into(), &0.into()), "{report}");
    assert_eq!(report["differences"], json!({"missing_call": UNKNOWN, "unknown_number": UNKNOWN}));
    assert_eq!((&report["complete"], &report["problem"]), (&true.into(), &Value::Null));
    for (sql, expected) in [
        ("select count(*) from reconcile_windows", 1),
        ("select count(*) from reconcile_differences where not healed", 0),
        ("select count(*) from call_logs where status = 'ended'", UNKNOWN),
        ("select count(distinct provider_call_id::text) from call_logs", UNKNOWN),
        ("select count(*) from provider_events", UNKNOWN),
        ("select count(*) from quarantined_events", 0),
    ] {
        assert_eq!(held.number(sql).await, expected, "{sql}");
    }
    let again: Value = serde_json::from_slice(&held.reconcile().output().await.unwrap().stdout).unwrap();
    assert_eq!((&again[0]["agreed"], &again[0]["healed"]), (&UNKNOWN.into(), &0.into()), "{again}");
}

#[tokio::test]
async fn a_private_key_is_kept_sealed_replaced_and_removed_and_never_shown() {
    let app = TestApp::start().await;
    let ours = app.practice(NAME).await;
    let path = format!("/api/v1/connections/{}/api-key", ours.connection);
    let put = async |key: &str| answer(ours.owner.request(Method::PUT, &path).json(&json!({"api_key": key}))).await;
    let shown = async || ours.owner.get("/api/v1/connections").await.expect(200).json()[0].clone();
    assert_eq!(shown().await["has_api_key"], false);

    for (key, words) in [("short", "between 8 and 500"), ("with a space in it", "without spaces")] {
        let refused = put(key).await.refuses(422, "invalid_input").json();
        assert_eq!(refused["errors"][0]["path"], "api_key");
        assert!(refused["errors"][0]["message"].as_str().unwrap().contains(words), "{refused}");
        assert!(!refused.to_string().contains(key));
    }
    put("first-key-of-elm-street").await.expect(204);
    put(" second-key-of-elm-street\n").await.expect(204);
    let connection = shown().await;
    assert_eq!(connection["has_api_key"], true);
    assert!(!connection.to_string().contains("key-of-elm-street"), "{connection}");

    let mut admin = app.db.admin().await;
    let sealed = "select sealed from connection_secrets where purpose = 'api' and retired_at is null";
    let sealed: Vec<Vec<u8>> = sqlx::query_scalar(sealed).fetch_all(&mut admin).await.unwrap();
    assert_eq!(sealed.len(), 1, "one is in force");
    assert!(!String::from_utf8_lossy(&sealed[0]).contains("elm-street"));

    ours.owner.delete(&path).await.expect(204);
    ours.owner.delete(&path).await.expect(204);
    assert_eq!(shown().await["has_api_key"], false);
    let audit = ours.owner.get("/api/v1/audit?limit=100").await.expect(200).json();
    let rows = audit["items"].as_array().unwrap().iter().filter(|row| row["subject"] == json!(ours.connection));
    let rows: Vec<(&str, &Value)> = rows.map(|row| (row["action"].as_str().unwrap(), &row["detail"])).collect();
    let set = |replaced: bool| ("connection.key_set", json!({"replaced": replaced}));
    let (first, second, nothing) = (set(false), set(true), json!({}));
    let expected = [("connection.key_removed", &nothing), (second.0, &second.1), (first.0, &first.1)];
    assert_eq!(rows[..3], expected, "each deed once, the newest first");
    assert!(!audit.to_string().contains("key-of-elm"));
}
