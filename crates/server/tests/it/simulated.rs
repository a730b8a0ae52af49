//! The voice provider on the desk against the whole application, with everything that goes wrong on the way.

use platform::audit::Actor;
use platform::ids::OrgId;
use serde_json::json;
use simulator::{
    ApiAccess, Credential, Faults, HmacPlan, Kind, Report, Scheme, SimulateOptions, Target, Truth, run, verify,
};
use tokio_util::sync::CancellationToken;
use voice::numbers::actions::{Mapping, map_number};

use crate::support::{Practice, TestApp, eventually, fixture, new_call};

const START: &str = "2026-03-11T09:00:00Z";

/// The practice, played by the invented one of this kind.
async fn target(app: &TestApp, practice: &Practice, kind: Kind) -> Target {
    let played = Target::of_kind(kind, &app.base, Some(practice.connection), &practice.secret).unwrap();
    let mut tx = app.db.tenancy().tenant(OrgId::from_uuid(practice.org)).await.unwrap();
    for number in &played.numbers {
        let assistant_id = number.assistant_id.as_deref().unwrap_or("assistant-on-request");
        let mapping = Mapping {
            number: &number.e164,
            provider_number_id: Some(&number.phone_number_id),
            agent_name: "Ivy",
            assistant_id,
        };
        map_number(&mut tx, Actor::System, &mapping).await.unwrap();
    }
    tx.commit().await.unwrap();
    Target { org_label: practice.name.clone(), ..played }
}

/// Waits until the server knows who answers the practice's numbers.
async fn until_known(practice: &Practice, target: &Target) {
    let asked = &target.numbers[0].e164;
    eventually("the numbers are known", || async {
        let event = fixture("assistant-request", &new_call()).to_string().replace("+12025550100", asked);
        let reply = practice.send_bytes(event).await.expect(200).json();
        reply["assistantId"].is_string().then_some(())
    })
    .await;
}

async fn compare(app: &TestApp, practice: &Practice, truth: &Truth) -> Report {
    let access = ApiAccess {
        base_url: app.base.clone(),
        credential: Credential::Token(practice.owner.token.clone().unwrap()),
        org_label: Some(practice.name.clone()),
    };
    verify(truth, &access).await.unwrap()
}

struct Stage {
    app: TestApp,
    practices: Vec<Practice>,
    targets: Vec<Target>,
}

impl Stage {
    async fn new() -> Self {
        let app = TestApp::start().await;
        let mut practices = Vec::new();
        let mut targets = Vec::new();
        for (name, kind) in
            [("Elm Street Dental", Kind::Dental), ("Harbour Surgery", Kind::Surgery), ("Oak Road Vets", Kind::Vet)]
        {
            let practice = app.practice(name).await;
            targets.push(target(&app, &practice, kind).await);
            practices.push(practice);
        }
        for (practice, target) in practices.iter().zip(&targets) {
            until_known(practice, target).await;
        }
        // One of them signs its events.
        let signing = json!({"label": "Signed", "auth": {"scheme": "hmac"}, "webhook_secret": practices[1].secret});
        let signing = practices[1].owner.create_connection(&signing).await;
        targets[1].connection_id = Some(signing);
        targets[1].scheme = Scheme::Hmac(HmacPlan::default());
        Self { app, practices, targets }
    }

    async fn play(&self, seed: u64, calls: u64, faults: Faults) -> Truth {
        let options = SimulateOptions { faults, ..SimulateOptions::flat_out(seed, calls, START.parse().unwrap()) };
        let truth = run(options, self.targets.clone(), CancellationToken::new(), |_| {}).await.unwrap();
        assert_eq!(truth.violations, [], "{:?}", truth.counters);
        assert_eq!((truth.counters.refused, truth.counters.unanswered), (0, 0), "{:?}", truth.counters);
        truth
    }
}

#[tokio::test]
async fn whatever_goes_wrong_on_the_way_every_practice_has_its_calls_as_they_were() {
    let stage = Stage::new().await;
    let faults = Faults { lost: 0.0, tampered: 0.1, new_ended_reason: 0.3, ..Faults::some_of_everything() };
    let truth = stage.play(11, 30, faults).await;
    assert!(truth.counters.forged > 20 && truth.counters.calls == 30, "{:?}", truth.counters);
    for practice in &stage.practices {
        let report = compare(&stage.app, practice, &truth).await;
        assert!(report.is_clean(), "{}: {report}", practice.name);
        assert!(report.complete >= 8 && report.complete == report.compared, "{}: {report}", practice.name);
    }
    let waiting: i64 = sqlx::query_scalar("select count(*) from quarantined_events")
        .fetch_one(&mut stage.app.db.admin().await)
        .await
        .unwrap();
    assert_eq!(waiting, 0);
}

#[tokio::test]
async fn what_was_lost_on_the_way_is_missing_and_nothing_else() {
    let stage = Stage::new().await;
    let truth = stage.play(12, 18, Faults { lost: 0.15, ..Faults::default() }).await;
    assert!(truth.counters.lost > 30, "{:?}", truth.counters);
    let mut incomplete = 0;
    for practice in &stage.practices {
        let report = compare(&stage.app, practice, &truth).await;
        assert!(report.is_clean(), "{}: {report}", practice.name);
        incomplete += report.compared - report.complete;
    }
    assert!(incomplete > 0, "some reports were lost");

    // Had nothing been lost, the same run would show what the server does not know.
    let mut whole = truth.clone();
    for record in whole.events.iter_mut().filter(|record| record.fault == Some(simulator::Fault::Lost)) {
        record.fault = None;
        record.status = Some(200);
    }
    let reports =
        futures::future::join_all(stage.practices.iter().map(|practice| compare(&stage.app, practice, &whole)));
    let differences: usize = reports.await.iter().map(|report| report.differences.len()).sum();
    assert!(differences > 10, "the comparison sees what is missing: {differences}");
}
