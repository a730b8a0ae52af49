//! Calls that fell silent are asked for, and closed only when nobody knows their end.

use jiff::SignedDuration;
use platform::ids::OrgId;
use platform::recent::Tries;
use serde_json::{Value, json};
use simulator::{ApiFault, ApiRoute};
use uuid::Uuid;
use voice::reconcile::model::SilenceLimits;
use voice::reconcile::reaper::Reaped;

use crate::provider::{Asked, call_object};

const KEY: &str = "private-key-of-a-practice";
const LIMITS: SilenceLimits =
    SilenceLimits { ringing: SignedDuration::from_mins(10), talking: SignedDuration::from_hours(2) };

/// Takes in what the webhooks said of a call, so many minutes ago by every clock.
async fn said(asked: &Asked, org: OrgId, id: Uuid, minutes: i64, kind: &str, extra: Value) {
    let mut message = json!({"type": kind, "timestamp": asked.ago(minutes).as_millisecond(),
        "call": {"id": id, "type": "inboundPhoneCall", "createdAt": asked.ago(minutes).to_string()}});
    for (key, value) in extra.as_object().unwrap() {
        message[key] = value.clone();
    }
    let mut admin = asked.desk.db.admin().await;
    // The call came through the organization's own connection.
    let connection: Option<Uuid> =
        sqlx::query_scalar("select connection_id from provider_connections where org_id = $1 and disabled_at is null")
            .bind(org)
            .fetch_optional(&mut admin)
            .await
            .unwrap();
    asked.desk.take(Some(org), &json!({"message": message})).await;
    let at = jiff_sqlx::ToSqlx::to_sqlx(asked.ago(minutes));
    for sql in [
        "update provider_events e set received_at = $3 from call_logs l
          where e.org_id = $1 and l.org_id = $1 and e.call_id = l.id and l.provider_call_id = $2",
        "update call_logs l set created_at = $3 where l.org_id = $1 and l.provider_call_id = $2",
    ] {
        sqlx::query(sql).bind(org).bind(id.to_string()).bind(at).execute(&mut admin).await.unwrap();
    }
    sqlx::query("update call_routes set connection_id = $3 where org_id = $1 and provider_call_id = $2")
        .bind(org)
        .bind(id.to_string())
        .bind(connection)
        .execute(&mut admin)
        .await
        .unwrap();
}

async fn row(asked: &Asked, id: Uuid) -> Value {
    sqlx::query_scalar(
        "select jsonb_build_object('status', l.status, 'reason', l.ended_reason, 'class', l.ended_class,
                'outcome', l.outcome, 'ended', l.ended_at is not null, 'reported', l.reported_at is not null)
           from call_logs l where l.provider_call_id = $1",
    )
    .bind(id.to_string())
    .fetch_one(&mut asked.desk.db.admin().await)
    .await
    .unwrap()
}

const CLOSED: &str = "voxanne.no-end-received";

#[tokio::test]
async fn a_silent_call_is_closed_only_when_the_provider_does_not_say_that_it_goes_on() {
    let asked = Asked::new().await;
    let org = asked.desk.db.organization("Practice").await;
    asked.connect(org, Some(KEY)).await;
    asked.provider.add_key(KEY, None);
    let put = |status: &str| {
        let (id, call) = call_object(&asked, status, 150, &json!({}));
        asked.provider.put("Practice", call).unwrap();
        id
    };
    let (goes_on, over) = (put("in-progress"), put("ended"));
    let (unknown, ringing, lively) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    for (id, minutes, status) in [
        (goes_on, 150, "in-progress"),
        (over, 150, "in-progress"),
        (unknown, 150, "in-progress"),
        (ringing, 11, "ringing"),
        (lively, 30, "in-progress"),
    ] {
        said(&asked, org, id, minutes, "status-update", json!({"status": status})).await;
    }

    let reaped = asked.reconciler.reap(LIMITS).await.unwrap();
    assert_eq!(reaped, Reaped { asked: 4, going_on: 1, learnt: 1, closed: 2, unanswered: 0 });
    assert_eq!(row(&asked, goes_on).await["status"], "in-progress");
    assert_eq!(row(&asked, lively).await["status"], "in-progress", "not silent for long enough");
    let learnt = row(&asked, over).await;
    assert_eq!((&learnt["reason"], &learnt["reported"]), (&json!("customer-ended-call"), &json!(true)));
    for id in [unknown, ringing] {
        let closed = row(&asked, id).await;
        let expected = json!({"status": "ended", "reason": CLOSED, "class": "no_end_received", "outcome": "unknown",
            "ended": false, "reported": false});
        assert_eq!(closed, expected);
    }
    // It is not asked for again before its limit has passed once more.
    assert_eq!(asked.reconciler.reap(LIMITS).await.unwrap(), Reaped::default());
    asked.desk.close().await;
}

#[tokio::test]
async fn a_true_end_that_comes_late_stands_above_the_one_we_made_up_in_any_order() {
    let asked = Asked::new().await;
    let org = asked.desk.db.organization("Practice").await;
    let ids = [Uuid::from_u128(1), Uuid::from_u128(2)];
    for id in ids {
        said(&asked, org, id, 150, "status-update", json!({"status": "in-progress"})).await;
    }
    let reaped = asked.reconciler.reap(LIMITS).await.unwrap();
    assert_eq!((reaped.asked, reaped.closed), (2, 2), "there is no key to ask with: {reaped:?}");

    let ended = json!({"status": "ended", "endedReason": "busy"});
    said(&asked, org, ids[0], 140, "status-update", ended).await;
    let row_of_status = row(&asked, ids[0]).await;
    assert_eq!((&row_of_status["reason"], &row_of_status["ended"]), (&json!("busy"), &json!(true)));
    let report = json!({"endedReason": "customer-ended-call", "endedAt": asked.ago(145).to_string(),
        "analysis": {"summary": "Booked."}});
    for id in ids {
        said(&asked, org, id, 139, "end-of-call-report", report.clone()).await;
        let reported = row(&asked, id).await;
        assert_eq!(
            (&reported["reason"], &reported["ended"], &reported["class"]),
            (&json!("customer-ended-call"), &json!(true), &json!("customer_hung_up"))
        );
    }
    let notes: Vec<String> = sqlx::query_scalar("select type from provider_events where type like 'voxanne.%'")
        .fetch_all(&mut asked.desk.db.admin().await)
        .await
        .unwrap();
    assert_eq!(notes, [CLOSED, CLOSED], "that we closed it stays on record");
    asked.desk.close().await;
}

#[tokio::test]
async fn a_provider_that_does_not_answer_closes_nothing_for_a_day() {
    let asked = Asked::new().await;
    let org = asked.desk.db.organization("Practice").await;
    asked.connect(org, Some(KEY)).await;
    asked.provider.add_key(KEY, None);
    let id = Uuid::from_u128(1);
    said(&asked, org, id, 150, "status-update", json!({"status": "in-progress"})).await;
    asked.provider.spoil_api(ApiRoute::Call, ApiFault::Status(500), 2);
    let reaped = asked.reconciler.reap(LIMITS).await.unwrap();
    assert_eq!((reaped.asked, reaped.unanswered), (1, 1), "{reaped:?}");
    assert_eq!(row(&asked, id).await["status"], "in-progress");
    let tries = || asked.client.requests().tries(asked.desk.db.clock().now());
    assert_eq!(tries(), Tries { tried: 1, failed: 1 }, "a vital sign counts it");
    asked.desk.db.clock().advance(SignedDuration::from_hours(25));
    assert_eq!(tries(), Tries::default(), "for an hour");
    let reaped = asked.reconciler.reap(LIMITS).await.unwrap();
    assert_eq!((reaped.asked, reaped.closed), (1, 1), "{reaped:?}");
    asked.desk.close().await;
}
