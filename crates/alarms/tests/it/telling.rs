//! Alerts open, tell by mail and by webhook, are acknowledged, and end. The switch is asked for while all is alive.

use alarms::alerts::model::Level;
use alarms::alerts::{jobs as alert_jobs, model::AlertError};
use alarms::heartbeat::HeartbeatError;
use alarms::signs::model::{Measurement, Sign};
use jiff::SignedDuration;
use platform::ids::UserId;
use serde_json::Value;

use crate::support::{KEY, Place, Receiver, eventually};

const BAD: Measurement = Measurement::Quarantine(3);
const GOOD: Measurement = Measurement::Quarantine(0);

#[tokio::test]
async fn an_alert_is_told_once_again_sparingly_and_when_it_is_over() {
    let place = Place::with(&[("VOXANNE_ALERT_TO", "Ops <ops@example.com>, night@example.com")]).await;
    for _ in 0..90 {
        place.find(1, Sign::Quarantine, BAD).await;
    }
    assert_eq!(place.notices().await, [("opened".to_owned(), 2, None), ("again".to_owned(), 2, None)]);
    for _ in 0..12 {
        place.find(1, Sign::Quarantine, GOOD).await;
    }
    let mails = place.mails().await;
    let to_ops: Vec<&str> =
        mails.iter().filter(|(to, _)| to == "ops@example.com").map(|(_, subject)| subject.as_str()).collect();
    assert_eq!(
        to_ops,
        ["[Voxanne] Quarantine: needs a look", "[Voxanne] Quarantine: still a problem", "[Voxanne] Quarantine: over"]
    );
    assert_eq!(mails.len(), 6, "each address gets its own mail");
    let (open, over) = place.alarms.alerts().await.unwrap();
    assert!(open.is_empty());
    assert_eq!((over.len(), over[0].told, over[0].level), (1, 3, Level::Warning));
    assert!(over[0].words.contains("3 events"), "what was wrong stays readable: {}", over[0].words);
}

#[tokio::test]
async fn without_anybody_to_tell_alerts_are_on_the_page_alone() {
    let place = Place::new().await;
    for _ in 0..5 {
        place.find(1, Sign::Quarantine, BAD).await;
    }
    assert_eq!(place.notices().await, [("opened".to_owned(), 0, None)]);
    assert_eq!(place.alarms.alerts().await.unwrap().0.len(), 1);
    assert!(place.mails().await.is_empty());
}

#[tokio::test]
async fn an_acknowledged_alert_is_quiet_and_the_deed_is_audited() {
    let place = Place::with(&[("VOXANNE_ALERT_TO", "ops@example.com")]).await;
    place
        .execute(
            "insert into users (id, email, name, password_hash, password_changed_at, created_at)
         values ('0199f0aa-1c11-7d52-9a3e-5d1f0c0a0001', 'amara@example.com', 'Amara Obi', 'x', now(), now())",
        )
        .await;
    let amara: UserId = "0199f0aa-1c11-7d52-9a3e-5d1f0c0a0001".parse().unwrap();
    for _ in 0..5 {
        place.find(1, Sign::Quarantine, BAD).await;
    }
    let alert = place.alarms.alerts().await.unwrap().0.remove(0);
    place.alarms.acknowledge(amara, place.org, alert.id).await.unwrap();
    for _ in 0..40 {
        place.find(60, Sign::Quarantine, BAD).await;
    }
    assert_eq!(place.notices().await.len(), 1, "it is not told again");
    let known = place.alarms.alerts().await.unwrap().0.remove(0);
    assert_eq!(known.acknowledged.unwrap().1, "Amara Obi");
    let audited: Vec<(String, Value)> = sqlx::query_as("select action, detail from audit_log where org_id = $1")
        .bind(place.org)
        .fetch_all(&mut place.db.admin().await)
        .await
        .unwrap();
    assert_eq!(audited, [("alert.acknowledged".to_owned(), serde_json::json!({ "sign": "quarantine" }))]);
    for _ in 0..12 {
        place.find(1, Sign::Quarantine, GOOD).await;
    }
    assert!(matches!(place.alarms.acknowledge(amara, place.org, alert.id).await, Err(AlertError::NotFound)));
}

async fn webhook(receiver: &Receiver) -> Place {
    let url = receiver.url("/hook");
    let place = Place::with(&[
        ("VOXANNE_ALERT_WEBHOOK_URL", url.as_str()),
        ("VOXANNE_ALERT_WEBHOOK_SECRET", KEY),
        ("VOXANNE_OUTBOUND_ALLOW", receiver.host().as_str()),
        ("VOXANNE_PUBLIC_URL", "https://voice.example.com"),
    ])
    .await;
    let alarms = place.alarms.clone();
    place.jobs.work(alert_jobs::WEBHOOK, move |job| {
        let alarms = alarms.clone();
        async move { alert_jobs::post(&alarms, &job).await }
    });
    place
}

#[tokio::test]
async fn a_notice_is_posted_with_a_signature_that_a_stranger_can_verify() {
    let receiver = Receiver::start().await;
    let place = webhook(&receiver).await;
    place.find(0, Sign::Disk, Measurement::Disk { free: 1, total: 100 }).await;
    let request = receiver.requests(1).await.remove(0);
    assert_eq!((request["path"].as_str(), request["verified"].as_bool()), (Some("/hook"), Some(true)), "{request}");
    let body: Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["type"], "alert.opened");
    assert_eq!((body["data"]["sign"].as_str(), body["data"]["level"].as_str()), (Some("disk"), Some("critical")));
    assert_eq!(body["data"]["url"], "https://voice.example.com/app/operator/alerts");
    eventually("the notice is delivered", async || place.notices().await[0].2.as_deref() == Some("delivered")).await;
}

#[tokio::test]
async fn a_receiver_that_fails_gets_the_same_notice_again_until_it_takes_it() {
    let mut receiver = Receiver::start().await;
    receiver.answer(&["500", "503 30", "302"]).await;
    let place = webhook(&receiver).await;
    place.find(0, Sign::Disk, Measurement::Disk { free: 1, total: 100 }).await;
    for tried in 1..=3 {
        receiver.requests(tried).await;
        let waits = "select count(*) from jobs where state = 'waiting' and last_words is not null and due_at > $1";
        eventually("it waits for its next turn", async || {
            let now = place.db.clock().now().to_string();
            let sql = waits.replace("$1", &format!("'{now}'"));
            let count: i64 =
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut place.db.admin().await).await.unwrap();
            count == 1
        })
        .await;
        assert_eq!(place.notices().await[0].2.as_deref(), Some("waiting"));
        place.db.clock().advance(SignedDuration::from_hours(1));
        place.jobs.wake(alert_jobs::WEBHOOK.name);
    }
    let requests = receiver.requests(4).await;
    assert!(requests.iter().all(|request| request["verified"] == true), "each attempt is signed anew");
    let ids: Vec<&Value> = requests.iter().map(|request| &request["id"]).collect();
    assert!(ids.iter().all(|id| *id == ids[0] && id.is_string()), "under one id: {ids:?}");
    eventually("the notice is delivered", async || place.notices().await[0].2.as_deref() == Some("delivered")).await;
}

#[tokio::test]
async fn a_receiver_that_wants_no_more_or_is_inside_gets_none() {
    let mut receiver = Receiver::start().await;
    receiver.answer(&["410"]).await;
    let place = webhook(&receiver).await;
    place.find(0, Sign::Disk, Measurement::Disk { free: 1, total: 100 }).await;
    eventually("the notice is given up", async || place.notices().await[0].2.as_deref() == Some("failed")).await;

    let url = receiver.url("/hook");
    let guarded =
        Place::with(&[("VOXANNE_ALERT_WEBHOOK_URL", url.as_str()), ("VOXANNE_ALERT_WEBHOOK_SECRET", KEY)]).await;
    alert_jobs::start(&guarded.alarms);
    guarded.find(0, Sign::Disk, Measurement::Disk { free: 1, total: 100 }).await;
    eventually("it is given up without being asked", async || {
        guarded.notices().await.first().is_some_and(|notice| notice.2.as_deref() == Some("failed"))
    })
    .await;
    assert_eq!(receiver.requests(1).await.len(), 1);
}

#[tokio::test]
async fn the_switch_is_asked_for_only_while_the_worker_looks_and_works() {
    let mut receiver = Receiver::start().await;
    let url = receiver.url("/ping");
    let place =
        Place::with(&[("VOXANNE_HEARTBEAT_URL", url.as_str()), ("VOXANNE_OUTBOUND_ALLOW", receiver.host().as_str())])
            .await;
    assert!(matches!(place.alarms.beat().await, Err(HeartbeatError::NobodyLooks)), "nobody has looked yet");
    place.find(0, Sign::Jobs, Measurement::Jobs(None)).await;
    place.alarms.beat().await.unwrap();
    assert_eq!(receiver.requests(1).await[0]["path"], "/ping");

    place.db.clock().advance(SignedDuration::from_mins(6));
    assert!(matches!(place.alarms.beat().await, Err(HeartbeatError::NobodyLooks)), "the worker hangs");
    let since = place.db.clock().now() - SignedDuration::from_hours(3);
    place.find(0, Sign::Jobs, Measurement::Jobs(Some(since))).await;
    assert!(matches!(place.alarms.beat().await, Err(HeartbeatError::WorkIsStuck)));
    place.find(0, Sign::Jobs, Measurement::Jobs(None)).await;
    receiver.answer(&["500"]).await;
    assert!(matches!(place.alarms.beat().await, Err(HeartbeatError::Status(500))));
    assert_eq!(receiver.requests(2).await.len(), 2, "silence is silence");
}
