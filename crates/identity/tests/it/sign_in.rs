//! Signing in: the contract's answer, the same work for everybody, the throttle.

use std::time::Duration;

use platform::http::Limiter;
use serde_json::{Value, json};

use crate::app::{CLIENT, PASSWORD, TestApp, ask};

#[tokio::test]
async fn a_program_signs_in_and_is_told_where_it_belongs() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    let answer = app.try_login("  Olive@Example.com ", PASSWORD).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let body = answer.body.as_object().unwrap();
    let mut names: Vec<&str> = body.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["access_token", "expires_in", "memberships", "org_id", "refresh_token", "token_type"]);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 900);
    assert_eq!(body["org_id"], json!(made.org_id));
    assert_eq!(body["memberships"], json!([{ "org_id": made.org_id, "org_name": "Harbour Dental", "role": "owner" }]));
    let me = app.send(ask("GET", "/api/v1/me").bearer(body["access_token"].as_str().unwrap())).await;
    assert_eq!((me.status.as_u16(), &me.body["email"]), (200, &json!("olive@example.com")));
    assert_eq!(me.body["role"], "owner");
    assert_eq!(app.audit(made.org_id).await, ["organization.created", "session.signed_in"]);
}

#[tokio::test]
async fn unknown_and_wrong_get_the_same_answer_after_the_same_work() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    app.member(app.db.organization("Elsewhere").await, "dora@example.com", identity::Role::Member).await;
    app.plant("update users set disabled_at = now() where email = 'dora@example.com'").await;
    let passwords = app.state.authority.passwords();
    let mut answers = Vec::new();
    for (email, password) in [
        ("olive@example.com", "wrong horse battery"),
        ("nobody@example.com", PASSWORD),
        ("dora@example.com", PASSWORD),
        ("not an address", PASSWORD),
        ("olive@example.com", &"x".repeat(10_240)),
    ] {
        let before = passwords.computed();
        let answer = app.try_login(email, password).await;
        assert_eq!(passwords.computed() - before, 1, "{email}");
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "wrong_credentials"), "{email}");
        let mut headers = answer.headers.clone();
        headers.remove("x-request-id");
        answers.push((answer.lasting_body(), headers));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

#[tokio::test]
async fn whatever_is_sent_as_credentials_is_refused_and_breaks_nothing() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let long = "a".repeat(20_000);
    for email in ["", "\0", "olive@example.com\0", "' or 1=1 --", "пароль@пример.рф", "\u{202e}", &long] {
        for password in ["", "x", "\0", "пароль-пароль", "🔑🔑🔑🔑"] {
            let answer = app.try_login(email, password).await;
            assert!([401, 429].contains(&answer.status.as_u16()), "{answer:?}");
        }
    }
    for body in [json!({}), json!({ "email": "olive@example.com" }), json!({ "email": 1, "password": [] }), json!([])] {
        assert_eq!(app.status(ask("POST", "/api/v1/auth/login").json(&body)).await, 422, "{body}");
    }
    assert_eq!(app.status(ask("POST", "/api/v1/auth/login").form("email=a&password=b")).await, 415);
}

#[tokio::test]
async fn an_account_has_to_wait_after_ten_failures_even_with_the_right_password() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    for failure in 1..=10 {
        // From a new address each time: the account is what counts.
        let body = json!({ "email": "olive@example.com", "password": "wrong horse battery" });
        let ask = ask("POST", "/api/v1/auth/login").json(&body).from(&format!("203.0.113.{failure}"));
        assert_eq!(app.status(ask).await, 401);
    }
    let computed = app.state.authority.passwords().computed();
    let refused = app.try_login("OLIVE@example.com", PASSWORD).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.headers["retry-after"], "31");
    assert_eq!(app.state.authority.passwords().computed(), computed, "no guess is looked at");
    let failed: Vec<String> =
        app.audit(made.org_id).await.into_iter().filter(|action| action == "session.sign_in_failed").collect();
    assert_eq!(failed.len(), 1, "the organization is told once the account has to wait");

    app.advance(30);
    assert_eq!(app.try_login("olive@example.com", PASSWORD).await.status, 200);
    assert_eq!(app.try_login("olive@example.com", "wrong horse battery").await.status, 401, "the count began again");
}

#[tokio::test]
async fn an_unknown_account_has_to_wait_like_a_known_one() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    for _ in 0..10 {
        assert_eq!(app.try_login("nobody@example.com", "wrong horse battery").await.status, 401);
    }
    assert_eq!(app.try_login("nobody@example.com", "wrong horse battery").await.status, 429);
    assert_eq!(app.try_login("olive@example.com", PASSWORD).await.status, 200, "others are not held up");
}

#[tokio::test]
async fn one_address_cannot_try_one_password_on_a_thousand_accounts() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let attempt = |email: &str, client: &str| {
        let body = json!({ "email": email, "password": "wrong horse battery" });
        ask("POST", "/api/v1/auth/login").json(&body).from(client)
    };
    assert_eq!(app.status(attempt("a@example.com", "2001:db8:1:2::1")).await, 401);
    app.plant("update login_failures set failures = 99 where kind = 'address'").await;
    assert_eq!(app.status(attempt("b@example.com", "2001:db8:1:2:ffff::9")).await, 401, "the hundredth");
    let refused = app.send(attempt("c@example.com", "2001:db8:1:2::3")).await;
    assert_eq!((refused.status.as_u16(), &refused.headers["retry-after"]), (429, &"901".parse().unwrap()));
    assert_eq!(app.status(attempt("c@example.com", "2001:db8:1:3::1")).await, 401, "a neighbour's network");
    app.advance(15 * 60);
    assert_eq!(app.status(attempt("c@example.com", "2001:db8:1:2::3")).await, 401);
}

#[tokio::test]
async fn guesses_sent_at_once_do_not_slip_past_the_count() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let before = app.state.authority.passwords().computed();
    let guesses = (0..30).map(|guess| {
        let app = &app;
        async move { app.try_login("olive@example.com", &format!("wrong horse {guess}")).await.status.as_u16() }
    });
    let statuses = futures_join(guesses).await;
    let looked_at = app.state.authority.passwords().computed() - before;
    // Two are computed at a time, so one may have begun before the tenth failure was counted.
    assert!((10..=11).contains(&looked_at), "{looked_at} guesses were looked at");
    assert_eq!(statuses.iter().filter(|status| **status == 401).count() as u64, looked_at);
    assert!(statuses.iter().all(|status| [401, 429].contains(status)));
}

/// Polls all at once.
async fn futures_join<F: Future<Output = u16>>(all: impl Iterator<Item = F>) -> Vec<u16> {
    let mut pending: Vec<_> = all.map(|one| Some(Box::pin(one))).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        for slot in &mut pending {
            if let Some(one) = slot
                && let std::task::Poll::Ready(value) = one.as_mut().poll(context)
            {
                done.push(value);
                *slot = None;
            }
        }
        if pending.iter().all(Option::is_none) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

#[tokio::test]
async fn the_public_rate_holds_for_sign_in_exchange_and_invitations() {
    let app = TestApp::limited(Limiter::new("test", 3, Duration::from_mins(15)).unwrap()).await;
    let body = json!({ "email": "nobody@example.com", "password": PASSWORD });
    assert_eq!(app.status(ask("POST", "/api/v1/auth/login").json(&body)).await, 401);
    let body = json!({ "refresh_token": "x" });
    assert_eq!(app.status(ask("POST", "/api/v1/auth/refresh").json(&body)).await, 401);
    let body = json!({ "token": "x", "password": PASSWORD });
    assert_eq!(app.status(ask("POST", "/api/v1/invitations/accept").json(&body)).await, 404);
    for path in ["/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/invitations/accept"] {
        let refused = app.send(ask("POST", path).json(&Value::Null)).await;
        assert_eq!(refused.status, 429, "{path}");
        assert!(refused.headers.contains_key("retry-after"));
    }
    assert_ne!(CLIENT.to_string(), "203.0.113.1");
    assert_eq!(app.status(ask("POST", "/api/v1/auth/login").json(&json!({})).from("203.0.113.1")).await, 422);
}
