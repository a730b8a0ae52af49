//! What an operator's program does: alerts, jobs, duties and backups of the installation, over JSON.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Practice, TestApp};

async fn execute(app: &TestApp, practice: &Practice, sql: &'static str) {
    sqlx::query(sql).bind(practice.org).execute(&mut app.db.admin().await).await.unwrap();
}

async fn audited(app: &TestApp) -> Vec<String> {
    let sql = "select action from audit_log where action in ('alert.acknowledged', 'job.retried', 'schedule.run') order by at, id";
    sqlx::query_scalar(sql).fetch_all(&mut app.db.admin().await).await.unwrap()
}

#[tokio::test]
async fn an_alert_is_taken_on_by_a_program_as_long_as_it_is_open() {
    let app = TestApp::start().await;
    let practice = app.practice("Elm Street Dental").await;
    let operator = app.operator(&practice).await;
    execute(
        &app,
        &practice,
        "insert into alerts (alert_id, sign, level, worst, words, opened_at, resolved_at, told_at, told_over, repeats, flapped)
         select gen_random_uuid(), sign, level, 'critical', 'It is full.', now() - interval '1 hour', over, now(), false, 0, false
           from (values ('disk', 'warning', null), ('storage', 'critical', null), ('backups', 'warning', now())) a (sign, level, over)
          where $1::uuid is not null",
    )
    .await;
    let list = async || operator.get("/api/v1/operator/alerts").await.expect(200).json();
    let signs = |alerts: &Value| {
        let alerts = alerts.as_array().unwrap();
        alerts.iter().map(|alert| alert["sign"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let known = list().await;
    assert_eq!(signs(&known["open"]), ["storage", "disk"], "the worst first");
    assert_eq!((signs(&known["over"]), &known["over"][0]["level"]), (vec!["backups".to_owned()], &json!("critical")));
    assert_eq!(known["open"][0]["acknowledged"], Value::Null);

    let of = |alert: &Value| format!("/api/v1/operator/alerts/{}/acknowledge", alert["id"].as_str().unwrap());
    for _ in 0..2 {
        operator.post(&of(&known["open"][0]), &json!({})).await.expect(204);
    }
    assert_eq!(list().await["open"][0]["acknowledged"]["user_id"], json!(practice.owner_id));
    operator.post(&of(&known["over"][0]), &json!({})).await.refuses(404, "not_found");
    for unknown in [Uuid::now_v7().to_string(), "x".to_owned(), "%00".to_owned()] {
        let path = format!("/api/v1/operator/alerts/{unknown}/acknowledge");
        operator.post(&path, &json!({})).await.refuses(404, "not_found");
    }
    assert_eq!(audited(&app).await, ["alert.acknowledged", "alert.acknowledged"]);
}

#[tokio::test]
async fn dead_jobs_are_listed_page_by_page_and_tried_again_and_a_duty_is_brought_forward() {
    let app = TestApp::start().await;
    let practice = app.practice("Elm Street Dental").await;
    let operator = app.operator(&practice).await;
    execute(
        &app,
        &practice,
        "insert into jobs (org_id, job_id, queue, key, payload, state, created_at, due_at, died_at, last_words)
         select $1, gen_random_uuid(), 'test.copy', n, '{}', 'dead', now(), now(), now() - n * interval '1 minute', 'too large'
           from generate_series(1, 5) n",
    )
    .await;
    execute(
        &app,
        &practice,
        "insert into schedules (name, every_seconds, on_every_node, declared_at, next_at)
         select name, 3600, often, now(), now() + interval '1 hour'
           from (values ('test.sweep', false), ('test.often', true)) s (name, often) where $1::uuid is not null",
    )
    .await;
    let mut keys = Vec::new();
    let mut path = "/api/v1/operator/jobs/dead?limit=2".to_owned();
    loop {
        let page = operator.get(&path).await.expect(200).json();
        keys.extend(page["items"].as_array().unwrap().iter().map(|job| job["key"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/operator/jobs/dead?limit=2&cursor={next}");
    }
    assert_eq!(keys, ["1", "2", "3", "4", "5"], "newest first, each once");
    operator.get("/api/v1/operator/jobs/dead?cursor=x").await.refuses(400, "invalid_input");

    let job = operator.get("/api/v1/operator/jobs/dead?limit=1").await.expect(200).json()["items"][0].clone();
    let retry = format!("/api/v1/operator/jobs/{}/retry", job["job_id"].as_str().unwrap());
    operator.post(&retry, &json!({ "org_id": Uuid::now_v7() })).await.refuses(404, "not_found");
    operator.post(&retry, &json!({ "org_id": job["org_id"] })).await.expect(204);
    operator.post(&retry, &json!({ "org_id": job["org_id"] })).await.refuses(404, "not_found");
    let queues = operator.get("/api/v1/operator/jobs").await.expect(200).json()["queues"].clone();
    let queue = queues.as_array().unwrap().iter().find(|queue| queue["name"] == "test.copy").unwrap();
    assert_eq!((&queue["waiting"], &queue["dead"]), (&json!(1), &json!(4)));

    operator.post("/api/v1/operator/schedules/test.sweep/run", &json!({})).await.expect(202);
    let duties = operator.get("/api/v1/operator/jobs").await.expect(200).json();
    let sweep = duties["schedules"].as_array().unwrap().iter().find(|duty| duty["name"] == "test.sweep").unwrap();
    let next: jiff::Timestamp = sweep["next_at"].as_str().unwrap().parse().unwrap();
    assert!(next <= app.clock.now());
    for name in ["test.often", "test.unknown", "%00", "a%20b"] {
        operator.post(&format!("/api/v1/operator/schedules/{name}/run"), &json!({})).await.refuses(404, "not_found");
    }
    assert_eq!(audited(&app).await, ["job.retried", "schedule.run"]);
}

#[tokio::test]
async fn backups_are_listed_with_what_came_of_them() {
    let app = TestApp::start().await;
    let practice = app.practice("Elm Street Dental").await;
    let operator = app.operator(&practice).await;
    execute(
        &app,
        &practice,
        "insert into backups (backup_id, started_at, outcome, place, bytes, error)
         select gen_random_uuid(), at, outcome, '/mnt/backup', 7, error
           from (values ('2026-11-24T02:30:00Z'::timestamptz, 'damaged', 'database.dump of the backup is damaged'),
                        ('2026-11-23T02:30:00Z', 'done', null)) b (at, outcome, error) where $1::uuid is not null",
    )
    .await;
    let first = operator.get("/api/v1/operator/backups?limit=1").await.expect(200).json();
    assert_eq!((&first["items"][0]["outcome"], &first["items"][0]["bytes"]), (&json!("damaged"), &json!(7)));
    let rest = format!("/api/v1/operator/backups?cursor={}", first["next_cursor"].as_str().unwrap());
    let rest = operator.get(&rest).await.expect(200).json();
    assert_eq!((&rest["items"][0]["outcome"], &rest["next_cursor"]), (&json!("done"), &Value::Null));
}
