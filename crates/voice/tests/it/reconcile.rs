//! Every call accounted for: what was lost on the way is asked for, and the rows are as if nothing had been lost.

use std::collections::BTreeMap;

use identity::organizations::actions::ensure_operator_organization;
use platform::ids::OrgId;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use simulator::{ApiFault, ApiRoute, Faults, Kind as PracticeKind, SimulateOptions, Target, Truth, run};
use tokio_util::sync::CancellationToken;
use voice::reconcile::{AccountReport, AskedBy, Kind};

use crate::provider::{Asked, PLATFORM_KEY, WEBHOOK_SECRET, call_object};
use crate::rows;

const KEY: &str = "private-key-of-a-practice";

/// What the provider's record of a call cannot bring back: what was only said while it went on.
const ONLY_LIVE: [&str; 8] = [
    ".events",
    ".audit",
    ".tools",
    ".log.language",
    ".log.language_at",
    ".tracking.said_role",
    ".tracking.said_text",
    ".tracking.said_at",
];

/// A practice whose calls are played by the simulator.
struct Stage {
    asked: Asked,
    org: OrgId,
    target: Target,
}

impl Stage {
    async fn new() -> Self {
        let asked = Asked::new().await;
        let org = asked.desk.db.organization("Elm Street Dental").await;
        let connection = asked.connect(org, Some(KEY)).await;
        let mut target =
            Target::of_kind(PracticeKind::Dental, &asked.base_url, Some(connection.uuid()), WEBHOOK_SECRET).unwrap();
        // The other number has no assistant, and asking who answers is never lost: somebody waits for it.
        target.numbers.truncate(1);
        asked.provider.add_key(KEY, Some(&target.org_label));
        for number in &target.numbers {
            let assistant = number.assistant_id.as_deref().unwrap_or("assistant-on-request");
            asked.desk.map(org, &number.e164, Some(&number.phone_number_id), "Ivy", assistant).await;
        }
        asked.desk.ingress.refresh_routing().await.unwrap();
        Self { asked, org, target }
    }

    async fn play(&self, seed: u64, faults: Faults) -> Truth {
        let options = SimulateOptions {
            faults,
            concurrency: 3,
            provider: Some(self.asked.provider.clone()),
            ..SimulateOptions::flat_out(seed, 6, self.asked.ago(40))
        };
        run(options, vec![self.target.clone()], CancellationToken::new(), |_| {}).await.unwrap()
    }

    async fn reconcile(&self) -> AccountReport {
        let mut reports = self.asked.reconciler.run(AskedBy::Command, None).await.unwrap();
        assert_eq!(reports.len(), 1, "{reports:?}");
        reports.remove(0)
    }

    async fn rows(&self, truth: &Truth) -> BTreeMap<String, Value> {
        voice::calls::jobs::index_all(&self.asked.desk.tenancy).await.unwrap();
        let mut admin = self.asked.desk.db.admin().await;
        let mut found = BTreeMap::new();
        for call in &truth.calls {
            let id = call.call_id.to_string();
            // Where recordings appear to lie is this run's own provider.
            let rows = rows::of_call(&mut admin, self.org, &id).await.to_string();
            let rows = rows.replace(&self.asked.provider.base_url().unwrap(), "PROVIDER");
            found.insert(id, serde_json::from_str(&rows).unwrap());
        }
        found
    }
}

fn assert_same(expected: &BTreeMap<String, Value>, found: &BTreeMap<String, Value>, what: &str) {
    for (id, rows) in expected {
        let differences: Vec<String> = rows::differences(rows, &found[id])
            .into_iter()
            .filter(|line| !ONLY_LIVE.iter().any(|field| line.starts_with(&format!("{field}:"))))
            .collect();
        assert!(differences.is_empty(), "{what}, call {id}: {differences:#?}");
    }
}

#[tokio::test]
async fn whatever_is_lost_late_or_doubled_the_rows_are_in_the_end_as_if_nothing_had_been() {
    for seed in 1..=3 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let faults = Faults {
            lost: rng.random_range(0.1..0.7),
            late: rng.random_range(0.0..0.3),
            doubled: rng.random_range(0.0..0.3),
            reordered: rng.random_range(0.0..0.3),
            ..Faults::default()
        };
        let (whole, lossy) = (Stage::new().await, Stage::new().await);
        let truth = whole.play(seed, Faults::default()).await;
        let expected = whole.rows(&truth).await;
        assert!(expected.values().all(|rows| rows["log"]["is_reported"] == true), "the whole run is whole");

        let played = lossy.play(seed, faults).await;
        assert_eq!(played.calls.len(), truth.calls.len());
        let report = lossy.reconcile().await;
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(report.calls, i64::try_from(truth.calls.len()).unwrap());
        assert!(report.healed > 0, "nothing was lost: {report:?}");
        assert_same(&expected, &lossy.rows(&truth).await, "after the comparison");

        let again = lossy.reconcile().await;
        assert_eq!((again.agreed, again.healed), (report.calls, 0), "{again:?}");

        // The provider's own messages come after all: nothing is doubled, nothing erased.
        lossy.play(seed, Faults::default()).await;
        assert_same(&expected, &lossy.rows(&truth).await, "after the late messages");
        let calls: i64 = lossy.asked.desk.count("select count(*) from call_logs").await;
        assert_eq!(calls, report.calls);
        let quarantined = lossy.asked.desk.count("select count(*) from quarantined_events").await;
        assert_eq!(quarantined, 0);
        whole.asked.desk.close().await;
        lossy.asked.desk.close().await;
    }
}

#[tokio::test]
async fn a_call_of_which_nothing_came_is_made_and_its_body_is_kept_for_replay() {
    let stage = Stage::new().await;
    let truth = stage.play(9, Faults { lost: 1.0, ..Faults::default() }).await;
    assert_eq!(stage.asked.desk.count("select count(*) from call_logs").await, 0);
    let report = stage.reconcile().await;
    assert_eq!(report.differences, BTreeMap::from([(Kind::MissingCall, report.calls)]));
    for call in voice::ingress::replay::calls_with_events(&stage.asked.desk.tenancy, stage.org).await.unwrap() {
        let replayed =
            voice::ingress::replay::replay_call(&stage.asked.desk.tenancy, stage.org, call, false).await.unwrap();
        assert_eq!(replayed.differences, [], "{replayed:?}");
        assert_eq!(replayed.events, 1);
    }
    assert_eq!(truth.calls.len(), 6);
    // What we say to ourselves is no sign of life of the webhooks.
    stage.asked.desk.ingress.registry().flush_last_events().await.unwrap();
    let heard =
        stage.asked.desk.count("select count(*) from provider_connections where last_event_at is not null").await;
    assert_eq!(heard, 0);
    stage.asked.desk.close().await;
}

#[tokio::test]
async fn each_difference_is_noted_by_its_kind_and_what_goes_on_here_is_not_ended() {
    let asked = Asked::new().await;
    let org = asked.desk.db.organization("Practice").await;
    asked.connect(org, Some(KEY)).await;
    asked.provider.add_key(KEY, None);
    let known = async |id: uuid::Uuid, kind: &str, extra: Value| {
        let mut message = json!({"type": kind, "timestamp": asked.ago(30).as_millisecond(),
            "call": {"id": id, "type": "inboundPhoneCall", "createdAt": asked.ago(30).to_string()}});
        for (key, value) in extra.as_object().unwrap() {
            message[key] = value.clone();
        }
        asked.desk.take(Some(org), &json!({"message": message})).await;
    };
    let mut expected = BTreeMap::new();
    let mut plan = |kind: Kind| *expected.entry(kind).or_insert(0) += 1;
    let put = |status: &str, extra: Value| {
        let (id, call) = call_object(&asked, status, 20, &extra);
        asked.provider.put("Practice", call).unwrap();
        id
    };

    let id = put("in-progress", json!({}));
    known(id, "status-update", json!({"status": "ringing"})).await;
    plan(Kind::MissingStatus);
    let id = put("ended", json!({}));
    known(id, "status-update", json!({"status": "in-progress"})).await;
    plan(Kind::MissingEnd);
    plan(Kind::MissingReport);
    let id = put("ended", json!({}));
    known(id, "status-update", json!({"status": "ended", "endedReason": "customer-ended-call"})).await;
    plan(Kind::MissingReport);
    let id = put("ended", json!({}));
    known(id, "end-of-call-report", json!({"endedReason": "customer-ended-call"})).await;
    plan(Kind::MissingRecording);
    plan(Kind::MissingTranscript);
    plan(Kind::MissingFacts);
    put("ended", json!({}));
    plan(Kind::MissingCall);
    plan(Kind::UnknownNumber);
    let id = put("in-progress", json!({}));
    known(id, "end-of-call-report", json!({"endedReason": "customer-ended-call"})).await;
    plan(Kind::EndedOnlyHere);

    let reports = asked.reconciler.run(AskedBy::Command, None).await.unwrap();
    assert_eq!(reports[0].differences, expected);
    assert_eq!((reports[0].calls, reports[0].healed, reports[0].agreed), (6, 5, 0), "{reports:?}");
    assert!(reports[0].complete && !reports[0].is_clean());
    let open = asked.desk.count("select count(*) from call_tracking where status_rank < 5").await;
    assert_eq!(open, 1, "one goes on");
    asked.desk.close().await;
}

#[tokio::test]
async fn a_run_that_is_cut_off_goes_on_where_it_stopped_and_lists_nothing_twice() {
    let asked = Asked::new().await;
    let org = asked.desk.db.organization("Practice").await;
    asked.connect(org, Some(KEY)).await;
    asked.provider.add_key(KEY, None);
    for number in 0..260 {
        let (_, call) = call_object(&asked, "ringing", 3 + number % 100, &json!({}));
        asked.provider.put("Practice", call).unwrap();
    }
    // Some windows are read, then the provider wants to be left alone for longer than a run waits.
    asked.provider.spoil_api(ApiRoute::List, ApiFault::Hang(std::time::Duration::ZERO), 3);
    asked.provider.spoil_api(ApiRoute::List, ApiFault::Throttled(Some(3_600)), 1);
    let first = asked.reconciler.run(AskedBy::Schedule, None).await.unwrap().remove(0);
    assert!(!first.complete && first.problem.is_some(), "{first:?}");
    assert!(first.calls > 0 && first.calls < 260, "{first:?}");
    let asked_before = asked.provider.requests().len();

    let waits = asked.reconciler.run(AskedBy::Schedule, None).await.unwrap();
    assert!(waits.is_empty(), "the provider asked for an hour: {waits:?}");
    assert_eq!(asked.provider.requests().len(), asked_before);

    asked.desk.db.clock().advance(jiff::SignedDuration::from_hours(2));
    let second = asked.reconciler.run(AskedBy::Schedule, None).await.unwrap().remove(0);
    assert!(second.is_clean(), "{second:?}");
    assert_eq!((second.calls, second.healed), (260, 260), "every call once");
    let windows = asked.desk.count("select count(*) from reconcile_windows").await;
    assert_eq!(windows, 1);
    asked.desk.close().await;
}

#[tokio::test]
async fn a_short_pause_is_obeyed_and_a_refused_key_is_a_problem_that_is_told() {
    let asked = Asked::new().await;
    let org = asked.desk.db.organization("Practice").await;
    asked.connect(org, Some(KEY)).await;
    asked.provider.add_key(KEY, None);
    let (_, call) = call_object(&asked, "ended", 20, &json!({}));
    asked.provider.put("Practice", call).unwrap();
    asked.provider.spoil_api(ApiRoute::List, ApiFault::Throttled(Some(1)), 1);
    asked.provider.spoil_api(ApiRoute::List, ApiFault::Html, 1);
    let report = asked.reconciler.run(AskedBy::Command, None).await.unwrap().remove(0);
    assert!(report.is_clean() && report.healed == 1, "{report:?}");

    asked.provider.revoke_keys();
    let report = asked.reconciler.run(AskedBy::Command, None).await.unwrap().remove(0);
    assert!(!report.complete, "{report:?}");
    let problem = report.problem.unwrap();
    assert!(problem.contains("does not accept the private key") && !problem.contains(KEY), "{problem}");
    asked.desk.close().await;
}

#[tokio::test]
async fn a_key_that_several_organizations_share_brings_none_of_them_a_call_of_another() {
    let asked = Asked::new().await;
    let (left, right) = (asked.desk.db.organization("Left").await, asked.desk.db.organization("Right").await);
    for org in [left, right] {
        asked.connect(org, Some(KEY)).await;
    }
    asked.provider.add_key(KEY, None);
    asked.desk.map(right, "+12025550177", Some("number-of-the-right"), "Ivy", "assistant-of-the-right").await;
    let (mapped, call) = call_object(&asked, "ended", 20, &json!({"phoneNumberId": "number-of-the-right"}));
    asked.provider.put("Both", call).unwrap();
    let (nobodys, call) = call_object(&asked, "ended", 20, &json!({}));
    asked.provider.put("Both", call).unwrap();

    let reports = asked.reconciler.run(AskedBy::Command, None).await.unwrap();
    let of = |org: OrgId| reports.iter().find(|report| report.org_id == Some(org)).unwrap();
    assert_eq!((of(left).calls, of(left).healed), (1, 0), "only the call that is nobody's: {reports:?}");
    assert_eq!((of(right).calls, of(right).healed), (2, 1), "{reports:?}");
    let owners: Vec<(OrgId, String)> = sqlx::query_as("select org_id, provider_call_id::text from call_logs")
        .fetch_all(&mut asked.desk.db.admin().await)
        .await
        .unwrap();
    assert_eq!(owners, [(right, mapped.to_string())], "{nobodys} belongs to nobody");
    asked.desk.close().await;
}

#[tokio::test]
async fn the_platform_wide_account_finds_the_organization_and_puts_what_is_nobodys_into_quarantine() {
    let asked = Asked::with(Some(PLATFORM_KEY)).await;
    asked.provider.add_key(PLATFORM_KEY, None);
    let org = asked.desk.db.organization("Practice").await;
    ensure_operator_organization(&asked.desk.tenancy, &asked.desk.db.clock(), None, false).await.unwrap();
    asked.desk.map(org, "+12025550177", Some("a-number"), "Ivy", "an-assistant").await;
    let (mapped, call) = call_object(&asked, "ended", 20, &json!({"phoneNumberId": "a-number"}));
    asked.provider.put("All", call).unwrap();
    let (_, call) = call_object(&asked, "ended", 20, &json!({}));
    asked.provider.put("All", call).unwrap();

    let report = asked.reconciler.run(AskedBy::Command, None).await.unwrap().remove(0);
    assert_eq!((report.org_id, report.calls, report.healed), (None, 2, 1), "{report:?}");
    assert_eq!(report.differences[&Kind::Quarantined], 1);
    let owners: Vec<(OrgId, String)> = sqlx::query_as("select org_id, provider_call_id::text from call_logs")
        .fetch_all(&mut asked.desk.db.admin().await)
        .await
        .unwrap();
    assert_eq!(owners, [(org, mapped.to_string())]);
    assert_eq!(asked.desk.count("select count(*) from quarantined_events").await, 1);
    asked.desk.close().await;
}
