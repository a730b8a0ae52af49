//! What hostile and broken clients send.

use axum::body::Body;
use axum::http::header;
use platform::http::Limiter;
use serde_json::json;
use std::time::Duration;

use crate::support::{SLOT, TestDesk, amara, amara_with, post, request};

const PATHS: [(&str, u16); 2] = [("/api/book-demo", 400), ("/api/v1/demo-bookings", 422)];

#[tokio::test]
async fn faults_point_at_their_fields_in_words_that_can_be_shown() {
    let desk = TestDesk::new().await;
    let answer = desk.post("/api/book-demo", &json!({ "name": "Amara" })).await.refuses(400, "invalid_input");
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
    let fields: Vec<_> = answer.body["errors"].as_array().unwrap().iter().map(|error| error["path"].clone()).collect();
    assert_eq!(fields, ["email", "clinic_name", "phone"]);
    assert_eq!(answer.body["error"], answer.body["message"]);
    assert!(answer.body["error"].as_str().unwrap().contains("Enter your email address."));
    assert_eq!(answer.body["success"], false);
}

#[tokio::test]
async fn line_breaks_lists_of_recipients_and_nonsense_are_refused_everywhere() {
    let desk = TestDesk::new().await;
    let twenty = (0..20).map(|n| format!("victim{n}@example.org")).collect::<Vec<_>>().join(",");
    let crlf = "x\r\nBcc: victim@example.org";
    for (path, status) in PATHS {
        for (field, value) in [
            ("email", twenty.as_str()),
            ("email", "a@example.com\r\nBcc: victim@example.org"),
            ("email", "a@example.com\nb@example.com"),
            ("email", "amara@localhost"),
            ("email", "<script>@example.com"),
            ("name", crlf),
            ("clinic_name", crlf),
            ("phone", crlf),
            ("clinic_type", crlf),
            ("goal", crlf),
            ("notes", "\u{0}"),
            ("phone", "12345"),
            ("phone", "000"),
            ("phone", "+44 7700 9001181234567"),
            ("name", "Visit https://spam.example now"),
            ("name", ""),
            ("name", "   "),
        ] {
            let answer = desk.post(path, &amara_with(&json!({ field: value }))).await;
            let answer = answer.refuses(status, "invalid_input");
            assert_eq!(answer.body["errors"][0]["path"], field, "{value:?}");
            assert!(!answer.text.contains("victim"), "what was typed is not sent back");
        }
        for body in ["", "{", "[]", "null", "{\"name\": 5}", "\"x\"", "{\"name\":\"a\"}{}", "\u{feff}{}"] {
            let mut request = request("POST", path, Body::from(body));
            request.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
            let answer = desk.send(request).await;
            assert!(matches!(answer.status.as_u16(), 400 | 422), "{body}: {}", answer.text);
        }
        let form = "name=Amara&email=a%40example.com";
        let mut request = request("POST", path, Body::from(form));
        request.headers_mut().insert(header::CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap());
        desk.send(request).await.refuses(415, "not_json");
    }
    assert_eq!(desk.count("select count(*) from demo_bookings").await, 0);
    assert_eq!(desk.count("select count(*) from mails").await, 0);
}

#[tokio::test]
async fn a_note_of_ten_megabytes_is_refused_before_it_is_read() {
    let desk = TestDesk::new().await;
    for (path, _) in PATHS {
        let answer = desk.post(path, &amara_with(&json!({ "notes": "x".repeat(10 << 20) }))).await;
        assert_eq!(answer.status, 413, "{}", answer.text);
        assert_eq!(answer.body["code"], "unreadable_body");
    }
    let long = desk.post("/api/v1/demo-bookings", &amara_with(&json!({ "notes": "x".repeat(2001) }))).await;
    long.refuses(422, "invalid_input");
}

#[tokio::test]
async fn html_is_escaped_in_mails_and_stored_as_it_is() {
    let desk = TestDesk::new().await;
    let html = "<img src=x onerror=alert(1)>\"'&";
    let body = amara_with(&json!({ "name": html, "clinic_name": html, "notes": html, "goal": html, "slot": SLOT }));
    desk.post("/api/v1/demo-bookings", &body).await.expect(201);
    for mail in desk.mails().await {
        assert!(!mail.html.contains("<img") && !mail.subject.contains(['\r', '\n']), "{}", mail.html);
    }
    let name: String = sqlx::query_scalar("select prospect_name from demo_bookings")
        .fetch_one(&mut desk.db.admin().await)
        .await
        .unwrap();
    assert_eq!(name, html);
}

#[tokio::test]
async fn tags_of_one_mailbox_do_not_get_round_its_limit() {
    let desk = TestDesk::new().await;
    for n in 0..5 {
        let body = amara_with(&json!({ "email": format!("Amara+{n}@example.com") }));
        desk.post("/api/v1/demo-bookings", &body).await.expect(201);
    }
    let sixth = desk.post("/api/v1/demo-bookings", &amara_with(&json!({ "email": "amara+x@example.com" }))).await;
    let sixth = sixth.refuses(429, "too_many_bookings");
    assert!(sixth.headers.contains_key(header::RETRY_AFTER));
    desk.post("/api/v1/demo-bookings", &amara()).await.expect(201);
    desk.advance(24 * 60 + 1);
    desk.post("/api/v1/demo-bookings", &amara_with(&json!({ "email": "amara@example.com" }))).await.expect(201);
}

#[tokio::test]
async fn a_client_that_books_and_books_is_told_to_wait() {
    let limit = Limiter::new("booking", 3, Duration::from_hours(1));
    let desk = TestDesk::with(&[], limit).await;
    let send = async |n: i32, forwarded: &str| {
        let mut request = post("/api/book-demo", &amara_with(&json!({ "email": format!("v{n}@example.com") })));
        request.headers_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
        desk.send(request).await
    };
    for n in 0..3 {
        send(n, "203.0.113.1").await.expect(200);
    }
    // Another address in a header that anybody can write changes nothing.
    let refused = send(4, "203.0.113.2").await.refuses(429, "too_many_requests");
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    assert_eq!(refused.body["success"], false);
    assert_eq!(desk.count("select count(*) from demo_bookings").await, 3);
}

#[tokio::test]
async fn without_a_database_nothing_is_said_to_be_stored() {
    let desk = TestDesk::new().await;
    let gone = platform::tenancy::Logins {
        app: desk.db.logins().app.socket("/nonexistent"),
        system: desk.db.logins().system.socket("/nonexistent"),
    };
    let demos = crate::support::demos_on(&desk.db, platform::tenancy::Tenancy::unconnected(gone, 2));
    for (path, _) in PATHS {
        let answer = crate::support::send(crate::support::routes(&demos), post(path, &amara())).await;
        let answer = answer.refuses(503, "unavailable");
        assert!(answer.headers.contains_key(header::RETRY_AFTER), "{path}");
    }
}

#[tokio::test]
async fn before_there_is_an_operator_nothing_is_said_to_be_stored() {
    let desk = TestDesk::new().await;
    sqlx::query("delete from installation").execute(&mut desk.db.admin().await).await.unwrap();
    desk.post("/api/book-demo", &amara()).await.refuses(503, "unavailable");
    desk.get("/api/v1/demo-slots").await.refuses(503, "unavailable");
}
