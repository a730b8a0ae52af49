//! The operator's pages of the status and of alerts.

use alarms::signs::actions::Measured;
use alarms::signs::model::{Measurement, Sign};
use http::StatusCode;
use jiff::SignedDuration;

use crate::desk::Desk;

const STATUS: &str = "/app/operator/status";
const BACKUPS: &str = "/app/operator/backups";
const ALERTS: &str = "/app/operator/alerts";

/// A look that finds this, a minute after the last.
async fn find(desk: &Desk, sign: Sign, measured: Measurement) {
    desk.clock.advance(SignedDuration::from_mins(1));
    desk.alarms.take_in(vec![(sign, Measured::Is(measured))]).await.unwrap();
}

#[tokio::test]
async fn the_status_says_what_is_wrong_and_what_nobody_has_looked_at() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut browser = desk.signed_in(&practice.owner).await;
    let fresh = browser.get(STATUS).await.body;
    assert!(fresh.contains("Nobody has looked yet") && fresh.contains("Not known"), "{fresh}");
    find(&desk, Sign::DeadJobs, Measurement::DeadJobs(2)).await;
    find(&desk, Sign::Jobs, Measurement::Jobs(None)).await;
    let page = browser.get(STATUS).await.body;
    assert!(page.contains("2 jobs were given up") && page.contains("What helps:"), "{page}");
    assert!(page.contains("It answers."), "{page}");
}

#[tokio::test]
async fn backups_are_listed_with_what_came_of_them() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut browser = desk.signed_in(&practice.owner).await;
    assert!(browser.get(BACKUPS).await.body.contains("No backup was taken yet"));
    sqlx::query(
        "insert into backups (backup_id, started_at, ended_at, outcome, place, bytes, verified_at, removed_at, error)
         select gen_random_uuid(), at, at, outcome, '/mnt/<backup>', bytes, verified, removed, error
           from (values ('2026-11-24T02:30:00Z'::timestamptz, 'done', 50000000, '2026-11-24T03:00:00Z'::timestamptz, null::timestamptz, null),
                        ('2026-11-23T02:30:00Z', 'failed', null, null, null, 'the disk is <full>'),
                        ('2026-11-16T02:30:00Z', 'done', 40000000, null, '2026-11-24T02:31:00Z', null))
                b (at, outcome, bytes, verified, removed, error)",
    )
    .execute(&mut desk.db.admin().await)
    .await
    .unwrap();
    let page = browser.get(BACKUPS).await.body;
    for part in ["Complete", "50 MB", "/mnt/&lt;backup&gt;", "Failed", "the disk is &lt;full&gt;", "Removed ", "Never"]
    {
        assert!(page.contains(part), "{part} in {page}");
    }
}

#[tokio::test]
async fn an_alert_is_seen_taken_on_and_kept_as_history() {
    let desk = Desk::with_mail(&[("VOXANNE_ALERT_TO", "ops@example.com")]).await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut browser = desk.signed_in(&practice.owner).await;
    let empty = browser.get(ALERTS).await.body;
    assert!(empty.contains("Nothing is wrong") && empty.contains("one address by mail (no relay"), "{empty}");
    for _ in 0..4 {
        find(&desk, Sign::Quarantine, Measurement::Quarantine(1)).await;
    }
    let open = browser.get(ALERTS).await;
    assert!(
        open.body.contains("One event belongs to no organization.") && open.body.contains("told once"),
        "{}",
        open.body
    );
    let id = open.between("name=\"alert_id\" value=\"", "\"").to_owned();
    let path = "/app/operator/alerts/acknowledge";
    let taken = browser.submit(ALERTS, path, &[("alert_id", &id)]).await;
    assert_eq!(taken.location(), "/app/operator/alerts?done=acknowledged");
    assert!(browser.get(ALERTS).await.body.contains("Taken on by <strong>Amara Osei</strong>"));
    for _ in 0..12 {
        find(&desk, Sign::Quarantine, Measurement::Quarantine(0)).await;
    }
    let over = browser.get(ALERTS).await.body;
    assert!(over.contains("Nothing is wrong") && over.contains("One event belongs to no organization."), "{over}");
    // No form asks for it any more; somebody had the page open.
    let csrf = browser.get(ALERTS).await.between("name=\"_csrf\" value=\"", "\"").to_owned();
    let late = browser.post(path, &[("_csrf", &csrf), ("alert_id", &id)]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("That alert is over"), "{}", late.body);
    for nonsense in ["", "x", "0199f0aa-1c11-7d52-9a3e-5d1f0c0a0001"] {
        let answer = browser.post(path, &[("_csrf", &csrf), ("alert_id", nonsense)]).await;
        assert!(!answer.status.is_server_error(), "{nonsense}: {}", answer.status);
    }
}
