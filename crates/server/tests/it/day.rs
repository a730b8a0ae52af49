//! A bad day from its first call to its backup: a tenth of the webhooks never comes, the provider's recordings fail, and
//! the server loses its power again and again. In the evening every call is complete, every recording is ours, and another
//! machine shows the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{
    ApiAccess, Backoff, Credential, Faults, Kind, Progress, Provider, ProviderFaults, ProviderOptions, SimulateOptions,
    Target, Truth, run, verify,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::binary::{Installation, complaint};
use crate::support::{Client, PASSWORD, eventually};

const NAME: &str = "Elm Street Dental";
const EMAIL: &str = "owner@elmstreet.example";
const SECRET: &str = "webhook-secret-of-elm-street";
const KEY: &str = "private-key-of-elm-street";
const CUTS: u64 = 4;
const CALLS: u64 = 24;

/// Every recording fails for its first one to three requests, or none of them.
fn unreliable() -> ProviderFaults {
    ProviderFaults {
        recording_missing: 0.2,
        recording_html: 0.1,
        recording_empty: 0.1,
        recording_cut: 0.2,
        recording_expired: 0.1,
        api_error: 0.05,
        api_throttled: 0.05,
    }
}

/// The provider, the practice, and how the server is told of the provider.
struct Day {
    place: Installation,
    provider: Provider,
    target: Target,
    settings: [(&'static str, String); 2],
    _answering: JoinSet<anyhow::Result<()>>,
}

impl Day {
    async fn begin() -> Self {
        let place = Installation::new();
        let provider = Provider::new(ProviderOptions {
            keys: vec![(KEY.into(), None)],
            faults: unreliable(),
            ..ProviderOptions::default()
        });
        let mut answering = JoinSet::new();
        answering.spawn(provider.listen("127.0.0.1:0".parse().unwrap(), CancellationToken::new()).await.unwrap());
        let settings = [
            ("VOXANNE_VAPI_API_URL", provider.base_url().unwrap()),
            ("VOXANNE_OUTBOUND_ALLOW", provider.authority().unwrap()),
        ];
        let org = place.create_org(NAME, EMAIL).await;
        let connection = place.connect(org, SECRET).await;
        std::fs::write(place.file("key"), KEY).unwrap();
        let (org, id) = (org.to_string(), connection.to_string());
        let set = ["admin", "set-provider-key", "--org", &org, "--connection", &id, "--api-key-file", "key"];
        place.succeed(&set, "").await;
        let played = Target::of_kind(Kind::Dental, &place.base(), Some(connection), SECRET).unwrap();
        let target = Target { org_label: NAME.to_owned(), ..played };
        Self { place, provider, target, settings, _answering: answering }
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// The calls of the day, with the power going off in between.
    async fn pass(&self) -> Truth {
        let acknowledged = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&acknowledged);
        let options = SimulateOptions {
            faults: Faults { lost: 0.1, ..Faults::default() },
            backoff: Some(Backoff {
                exponential: false,
                max_retries: 600,
                base_delay: std::time::Duration::from_millis(50),
            }),
            start: None,
            provider: Some(self.provider.clone()),
            ..SimulateOptions::flat_out(17, CALLS, "2026-03-11T09:00:00Z".parse().unwrap())
        };
        let stop = CancellationToken::new();
        let calls = run(options, vec![self.target.clone()], stop, move |progress| {
            if matches!(progress, Progress::Sent { status: Some(200), .. }) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        let cuts = async {
            for cut in 0..CUTS {
                let server = self.place.serve(&[], &self.settings()).await;
                let wanted = acknowledged.load(Ordering::Relaxed) + 20 + 15 * cut;
                eventually("events are acknowledged", || async {
                    (acknowledged.load(Ordering::Relaxed) >= wanted).then_some(())
                })
                .await;
                server.kill().await;
            }
            self.place.serve(&[], &self.settings()).await
        };
        let (truth, server) = tokio::join!(calls, cuts);
        let truth = truth.unwrap();
        assert!(truth.counters.lost > 20 && truth.counters.calls == CALLS, "{:?}", truth.counters);
        self.compare().await;
        self.copy_everything().await;
        assert!(server.stop().await.success());
        truth
    }

    /// Asks the provider what was missed, as the schedule does.
    async fn compare(&self) {
        eventually("every call is accounted for", || async {
            let compared = self.place.run(&["reconcile", "--json"], "", &self.settings()).await;
            // The provider's API fails now and then, and says when to come back.
            let reports: Value = serde_json::from_slice(&compared.stdout).ok()?;
            (compared.status.success() && reports[0]["complete"] == true).then_some(())
        })
        .await;
    }

    /// Time passes until nothing waits to be copied: what failed is due again at once.
    async fn copy_everything(&self) {
        let sql = "update jobs set due_at = now() where state = 'waiting' and due_at > now(); \
                   select count(*) from call_logs where recording_state not in ('ready', 'none')";
        eventually("every recording is copied", || async {
            let left = self.place.succeed(&["psql", "--", "-qAtXc", sql], "").await;
            (left.trim() == "0").then_some(())
        })
        .await;
    }
}

async fn sign_in(place: &Installation) -> Client {
    let nobody = Client::new(&place.base(), None);
    let answered = nobody.post("/api/v1/auth/login", &json!({"email": EMAIL, "password": PASSWORD})).await;
    Client::new(&place.base(), Some(answered.expect(200).json()["access_token"].as_str().unwrap().to_owned()))
}

/// What the dashboard is drawn from: every call with all it has, and the sound of each.
async fn shown(place: &Installation) -> Vec<(Value, Vec<u8>)> {
    let client = sign_in(place).await;
    let mut shown = Vec::new();
    for call in client.calls().await {
        let path = format!("/api/v1/calls/{}", call["id"].as_str().unwrap());
        let call = client.get(&path).await.expect(200).json();
        let sound = match call["recording"]["state"].as_str().unwrap() {
            // Nobody spoke.
            "none" => Vec::new(),
            "ready" => {
                let sound = client.request(Method::GET, &format!("{path}/recording")).send().await.unwrap();
                assert!(sound.status().is_success(), "{}: {}", call["id"], sound.status());
                sound.bytes().await.unwrap().to_vec()
            }
            other => panic!("{}: {other}", call["id"]),
        };
        shown.push((call, sound));
    }
    shown
}

#[tokio::test]
async fn after_a_bad_day_every_call_is_complete_and_another_machine_shows_the_same() {
    let day = Day::begin().await;
    let truth = day.pass().await;

    let server = day.place.serve(&[], &day.settings()).await;
    let access = ApiAccess {
        base_url: day.place.base(),
        credential: Credential::Password { email: EMAIL.into(), password: PASSWORD.into() },
        org_label: Some(NAME.to_owned()),
    };
    let report = verify(&truth.reconciled(), &access).await.unwrap();
    assert!(report.is_clean() && report.complete == usize::try_from(CALLS).unwrap(), "{report}");
    let before = shown(&day.place).await;
    assert_eq!(before.len(), usize::try_from(CALLS).unwrap());
    let sounds: Vec<_> = before.iter().filter(|(_, sound)| !sound.is_empty()).collect();
    assert!(sounds.len() > before.len() / 2, "{} of {} calls sound", sounds.len(), before.len());
    for (call, sound) in sounds {
        assert!(sound.starts_with(b"RIFF") && sound.len() > 1_000, "{}: {} bytes", call["id"], sound.len());
    }

    let folder = day.place.file("backups");
    let to = folder.to_str().unwrap();
    day.place.succeed(&["backup", "--to", to], "").await;
    server.kill().await;

    let other = Installation::new();
    let restored = other.run(&["restore", "--from", to], "", &[]).await;
    assert!(restored.status.success(), "{}", complaint(&restored));
    let server = other.serve(&[], &[]).await;
    let after = shown(&other).await;
    assert_eq!(after.len(), before.len());
    for ((was, heard), (is, hears)) in before.iter().zip(&after) {
        assert_eq!(was, is);
        assert!(heard == hears, "{}: another sound", was["id"]);
    }
    assert!(server.stop().await.success());
}
