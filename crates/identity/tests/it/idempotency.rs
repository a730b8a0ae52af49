//! The same answer for a repeated request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use identity::{Role, SignedIn, State, Viewer};
use serde_json::json;
use tokio::sync::Notify;

use crate::app::{Ask, TestApp, ask};

/// A route that counts its deeds and answers with the status its body names.
fn counting(deeds: &Arc<AtomicUsize>) -> Router<State> {
    let deeds = Arc::clone(deeds);
    let handler = move |_: Viewer, body: Bytes| {
        let deed = deeds.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            let status = std::str::from_utf8(&body).unwrap_or_default().trim_matches('"').parse().unwrap_or(200);
            (StatusCode::from_u16(status).unwrap(), [("location", "/somewhere")], format!("deed {deed}"))
        }
    };
    Router::new().route("/api/v1/deeds", post(handler.clone())).route("/api/v1/other-deeds", post(handler))
}

fn deed(token: &str, key: &str) -> Ask {
    ask("POST", "/api/v1/deeds").bearer(token).header("idempotency-key", key)
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_no_second_deed() {
    let deeds = Arc::default();
    let app = TestApp::new().await.with_routes(counting(&deeds));
    app.organization("Harbour Dental", "olive@example.com").await;
    let token = app.login("olive@example.com").await;
    let first = app.send(deed(&token, "k-1").json(&json!(201))).await;
    assert_eq!((first.status.as_u16(), first.headers.get("idempotency-replayed")), (201, None));
    app.advance(3_600 * 2);
    let token = app.login("olive@example.com").await;
    for _ in 0..2 {
        let again = app.send(deed(&token, "k-1").json(&json!(201))).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        assert_eq!(again.headers["idempotency-replayed"], "true");
        assert_eq!(again.headers["location"], "/somewhere");
        assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    }
    assert_eq!(deeds.load(Ordering::SeqCst), 1);
    assert_eq!(app.send(deed(&token, "k-2").json(&json!(201))).await.body, json!("deed 2"));
    assert_eq!(app.send(ask("POST", "/api/v1/deeds").bearer(&token)).await.body, json!("deed 3"), "without a key");
}

#[tokio::test]
async fn a_key_means_one_caller_one_route_and_one_body() {
    let deeds = Arc::default();
    let app = TestApp::new().await.with_routes(counting(&deeds));
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    app.member(made.org_id, "mia@example.com", Role::Viewer).await;
    app.organization("Station Clinic", "sam@example.com").await;
    let token = app.login("olive@example.com").await;
    assert_eq!(app.status(deed(&token, "k").json(&json!(200))).await, 200);
    let other = app.send(deed(&token, "k").json(&json!(202))).await;
    assert_eq!((other.status.as_u16(), other.code()), (422, "idempotency_key_reused"));
    let elsewhere = ask("POST", "/api/v1/other-deeds").bearer(&token).header("idempotency-key", "k");
    assert_eq!(app.send(elsewhere.json(&json!(200))).await.body, json!("deed 2"));
    for (number, email) in [(3, "mia@example.com"), (4, "sam@example.com")] {
        let theirs = app.login(email).await;
        assert_eq!(app.send(deed(&theirs, "k").json(&json!(200))).await.body, json!(format!("deed {number}")));
    }
    let with_query = ask("POST", "/api/v1/deeds?dry=1").bearer(&token).header("idempotency-key", "k");
    assert_eq!(app.status(with_query.json(&json!(200))).await, 422);
}

#[tokio::test]
async fn refusals_are_repeated_and_faults_and_laters_are_tried_again() {
    let deeds = Arc::default();
    let app = TestApp::new().await.with_routes(counting(&deeds));
    app.organization("Harbour Dental", "olive@example.com").await;
    let token = app.login("olive@example.com").await;
    for (status, deeds_expected) in [(404, 1), (409, 2), (422, 3)] {
        for _ in 0..2 {
            assert_eq!(app.status(deed(&token, &format!("k-{status}")).json(&json!(status))).await, status);
        }
        assert_eq!(deeds.load(Ordering::SeqCst), deeds_expected, "{status}");
    }
    for _ in 0..2 {
        assert_eq!(app.status(deed(&token, "k-429").json(&json!(429))).await, 429);
    }
    assert_eq!(deeds.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn faulty_keys_are_refused_before_anything_is_done() {
    let deeds = Arc::default();
    let app = TestApp::new().await.with_routes(counting(&deeds));
    app.organization("Harbour Dental", "olive@example.com").await;
    let token = app.login("olive@example.com").await;
    for key in ["", "a\tb", "\u{e9}", &"k".repeat(301)] {
        let answer = app.send(deed(&token, key)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "bad_idempotency_key"), "{key:?}");
    }
    let twice = deed(&token, "a").header("idempotency-key", "b");
    assert_eq!(app.status(twice).await, 400);
    assert_eq!(app.status(deed(&token, &"k".repeat(300))).await, 200);
    assert_eq!(deeds.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn requests_that_nobody_answers_for_are_left_alone() {
    let deeds = Arc::default();
    let app = TestApp::new().await.with_routes(counting(&deeds));
    app.organization("Harbour Dental", "olive@example.com").await;
    assert_eq!(app.status(ask("POST", "/api/v1/deeds").header("idempotency-key", "k")).await, 401);
    let login = ask("POST", "/api/v1/auth/login").header("idempotency-key", "k");
    let body = json!({ "email": "olive@example.com", "password": crate::app::PASSWORD });
    assert_eq!(app.status(login.json(&body)).await, 200);
    let mut admin = app.db.admin().await;
    let rows: i64 = sqlx::query_scalar("select count(*) from idempotency_keys").fetch_one(&mut admin).await.unwrap();
    assert_eq!(rows, 0);
}

/// A route that waits to be let go on.
fn waiting(deeds: &Arc<AtomicUsize>, began: &Arc<Notify>, go_on: &Arc<Notify>) -> Router<State> {
    let (deeds, began, go_on) = (Arc::clone(deeds), Arc::clone(began), Arc::clone(go_on));
    let handler = move |_: SignedIn| async move {
        began.notify_one();
        go_on.notified().await;
        format!("deed {}", deeds.fetch_add(1, Ordering::SeqCst) + 1)
    };
    Router::new().route("/api/v1/deeds", post(handler))
}

#[tokio::test]
async fn while_a_request_is_answered_its_key_is_taken() {
    let (deeds, began, go_on) = (Arc::default(), Arc::default(), Arc::default());
    let app = TestApp::new().await.with_routes(waiting(&deeds, &began, &go_on));
    app.organization("Harbour Dental", "olive@example.com").await;
    let token = app.login("olive@example.com").await;
    let meanwhile = async {
        began.notified().await;
        let answer = app.send(deed(&token, "k")).await;
        go_on.notify_one();
        answer
    };
    let (first, second) = tokio::join!(app.send(deed(&token, "k")), meanwhile);
    assert_eq!((second.status.as_u16(), second.code()), (409, "idempotency_key_in_progress"));
    assert_eq!(second.headers["retry-after"], "1");
    assert_eq!(first.body, json!("deed 1"));
    assert_eq!(app.send(deed(&token, "k")).await.body, json!("deed 1"));
}

#[tokio::test]
async fn a_caller_that_hangs_up_finds_the_answer_later() {
    let (deeds, began, go_on) = (Arc::default(), Arc::default(), Arc::default());
    let app = TestApp::new().await.with_routes(waiting(&deeds, &began, &go_on));
    app.organization("Harbour Dental", "olive@example.com").await;
    let token = app.login("olive@example.com").await;
    tokio::select! {
        _ = app.send(deed(&token, "k")) => unreachable!("nobody let it go on"),
        () = began.notified() => {}
    }
    go_on.notify_one();
    let answer = loop {
        let answer = app.send(deed(&token, "k")).await;
        if answer.status != 409 {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((answer.status.as_u16(), &answer.body), (200, &json!("deed 1")));
    assert_eq!(answer.headers["idempotency-replayed"], "true");
    assert_eq!(deeds.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_key_whose_server_died_is_free_again_after_a_while() {
    let deeds = Arc::default();
    let app = TestApp::new().await.with_routes(counting(&deeds));
    app.organization("Harbour Dental", "olive@example.com").await;
    let token = app.login("olive@example.com").await;
    assert_eq!(app.status(deed(&token, "k")).await, 200);
    app.plant("update idempotency_keys set status = null, body = null").await;
    assert_eq!(app.status(deed(&token, "k")).await, 409);
    app.advance(120);
    assert_eq!(app.send(deed(&token, "k")).await.body, json!("deed 2"));
}

#[tokio::test]
async fn a_secret_shown_once_is_repeated_to_its_owner_and_stored_sealed() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let token = app.login("olive@example.com").await;
    let make = || {
        let body = json!({ "name": "Desk", "scopes": ["calls:read"] });
        ask("POST", "/api/v1/api-keys").bearer(&token).header("idempotency-key", "k").json(&body)
    };
    let (first, again) = (app.send(make()).await, app.send(make()).await);
    assert_eq!(first.body, again.body);
    assert_eq!(again.headers["cache-control"], "no-store");
    let mut admin = app.db.admin().await;
    let body: Vec<u8> = sqlx::query_scalar("select body from idempotency_keys").fetch_one(&mut admin).await.unwrap();
    let key = first.body["key"].as_str().unwrap();
    assert!(!body.windows(8).any(|window| window == &key.as_bytes()[..8]));
    let keys: i64 = sqlx::query_scalar("select count(*) from api_keys").fetch_one(&mut admin).await.unwrap();
    assert_eq!(keys, 1);
}

#[tokio::test]
async fn an_answer_is_forgotten_after_a_day() {
    let deeds = Arc::default();
    let app = TestApp::new().await.with_routes(counting(&deeds));
    app.organization("Harbour Dental", "olive@example.com").await;
    let token = app.login("olive@example.com").await;
    assert_eq!(app.status(deed(&token, "k")).await, 200);
    app.advance(24 * 3_600);
    identity::jobs::sweep(&app.state.authority).await.unwrap();
    let token = app.login("olive@example.com").await;
    assert_eq!(app.send(deed(&token, "k")).await.body, json!("deed 2"));
}
