//! An upgrade while the telephone rings.
//!
//! Migrations are applied while nodes still answer, so the newest one has to leave the way of an event alone while it runs
//! and after it. Nothing is released yet, so the version before is this program on the schema without the newest migration;
//! once there is a release, its own program is the better witness. A migration that gives this program's ingest something it
//! cannot do without is then no fault, and this test needs that release.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use platform::clock::Clock;
use platform::tenancy::{catalogue, migrate, newest_schema, schema_is_current};
use simulator::{ApiAccess, Backoff, Credential, Kind, Progress, SimulateOptions, Target, run, verify};
use test_support::TestDb;
use tokio_util::sync::CancellationToken;

use crate::support::{Practice, TestApp, eventually};

const START: &str = "2026-03-11T09:00:00Z";

async fn version(app: &TestApp) -> i64 {
    let applied = sqlx::query_scalar("select max(version) from _sqlx_migrations where success");
    applied.fetch_one(&mut app.db.admin().await).await.unwrap()
}

fn access(app: &TestApp, practice: &Practice) -> ApiAccess {
    ApiAccess {
        base_url: app.base.clone(),
        credential: Credential::Token(practice.owner.token.clone().unwrap()),
        org_label: Some(practice.name.clone()),
    }
}

#[tokio::test]
async fn the_newest_migration_loses_nothing_while_calls_come_in() {
    let app = TestApp::on(TestDb::before_the_newest_migration().await, Clock::system(), &[]).await;
    assert!(version(&app).await < newest_schema());
    let practice = app.practice("Elm Street Dental").await;
    let played = Target::of_kind(Kind::Dental, &app.base, Some(practice.connection), &practice.secret).unwrap();
    let target = Target { org_label: practice.name.clone(), ..played };

    // Data of the schema before, then calls that go on.
    let past = SimulateOptions::flat_out(21, 12, START.parse().unwrap());
    let past = run(past, vec![target.clone()], CancellationToken::new(), |_| {}).await.unwrap();
    assert_eq!(past.violations, []);
    let (stop, heard) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
    let options = SimulateOptions {
        calls: None,
        // As long as a table may be locked. What was not acknowledged is the provider's to send again.
        backoff: Some(Backoff { exponential: false, max_retries: 100, base_delay: Duration::from_millis(50) }),
        ..SimulateOptions::flat_out(22, 0, START.parse().unwrap())
    };
    let counter = Arc::clone(&heard);
    let rush = run(options, vec![target], stop.clone(), move |progress| {
        if matches!(progress, Progress::Sent { status: Some(200), .. }) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    let more = async |events| {
        let wanted = heard.load(Ordering::Relaxed) + events;
        eventually("events are acknowledged", || async { (heard.load(Ordering::Relaxed) >= wanted).then_some(()) })
            .await;
    };
    let upgrade = async {
        more(40).await;
        migrate(&app.db.admin_options()).await.unwrap();
        more(40).await;
        stop.cancel();
    };
    let (rushed, ()) = tokio::join!(rush, upgrade);
    let rushed = rushed.unwrap();
    assert_eq!(rushed.violations, []);

    schema_is_current(&app.db.logins().app).await.unwrap();
    assert_eq!(catalogue::faults(&mut app.db.admin().await).await.unwrap(), Vec::<String>::new());
    for truth in [&past, &rushed] {
        let report = verify(truth, &access(&app, &practice)).await.unwrap();
        assert!(report.is_clean() && report.compared > 0, "{report}");
    }
    assert!(app.stop().await);
}
