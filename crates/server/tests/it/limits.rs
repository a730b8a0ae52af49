//! Limits, addresses behind proxies, foreign origins, and sizes.

use std::net::{IpAddr, Ipv4Addr};

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::{Answer, Practice, TestApp, answer, fixture, new_call};

const PUBLIC: (&str, &str) = ("VOXANNE_RATE_PUBLIC_API", "100/15m");
const UNVERIFIED: (&str, &str) = ("VOXANNE_RATE_UNVERIFIED_WEBHOOKS", "30/1m");
const BEHIND_US: (&str, &str) = ("VOXANNE_TRUSTED_PROXIES", "127.0.0.1");

/// The cheapest request that the public limit counts.
fn refresh(app: &TestApp) -> RequestBuilder {
    app.nobody().request(Method::POST, "/api/v1/auth/refresh").json(&json!({"refresh_token": "made-up"}))
}

fn forged(practice: &Practice) -> RequestBuilder {
    practice.owner.anonymous(Method::POST, &practice.webhook()).header("x-vapi-secret", "wrong").body("{}")
}

/// The limits an operator gets who sets none.
#[test]
fn the_defaults_are_the_promised_ones() {
    let limits = platform::config::Config::from_env(&std::collections::BTreeMap::new()).unwrap().limits;
    assert_eq!((limits.public_api.limit, limits.public_api.period.as_secs()), (100, 15 * 60));
    assert_eq!((limits.unverified_webhooks.limit, limits.unverified_webhooks.period.as_secs()), (30, 60));
    assert_eq!(limits.max_webhook_bytes, 8 << 20);
}

#[tokio::test]
async fn the_hundred_and_first_public_request_must_wait() {
    let app = TestApp::with(&[PUBLIC]).await;
    for index in 0..100 {
        assert_eq!(answer(refresh(&app)).await.status, 401, "{index}");
    }
    // While these were sent, the first one's share may have been given back.
    let mut refused = answer(refresh(&app)).await;
    if refused.status == 401 {
        refused = answer(refresh(&app)).await;
    }
    let refused = refused.refuses(429, "too_many_requests");
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=9).contains(&wait), "{wait}");
    app.nobody().get("/health").await.expect(200);

    let neighbour = reqwest::Client::builder().no_proxy().local_address(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)));
    let request = neighbour.build().unwrap().post(format!("{}/api/v1/auth/refresh", app.base));
    answer(request.json(&json!({"refresh_token": "made-up"}))).await.expect(401);
}

#[tokio::test]
async fn a_stranger_cannot_choose_an_address_to_be_counted_under() {
    let app = TestApp::with(&[("VOXANNE_RATE_PUBLIC_API", "5/15m")]).await;
    let mut last = 0;
    for index in 0..6 {
        let claim = format!("198.51.100.{index}");
        last = answer(refresh(&app).header("x-forwarded-for", &claim).header("forwarded", format!("for={claim}")))
            .await
            .status;
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn behind_our_proxy_each_client_has_its_own_share() {
    let app = TestApp::with(&[("VOXANNE_RATE_PUBLIC_API", "5/15m"), BEHIND_US]).await;
    for client in 1..20 {
        // What the client itself claims stands to the left of what the proxy saw.
        let seen = format!("6.6.6.6, 198.51.100.{client}");
        assert_eq!(answer(refresh(&app).header("x-forwarded-for", seen)).await.status, 401, "{client}");
    }
    let mut last = 0;
    for claim in 0..6 {
        let seen = format!("203.0.113.{claim}, 198.51.100.77");
        last = answer(refresh(&app).header("x-forwarded-for", seen)).await.status;
    }
    assert_eq!(last, 429, "one client under many claims");
    for nonsense in ["", ",,,", "not-an-address", "127.0.0.1", "::ffff:198.51.100.9", &"9,".repeat(3_000)] {
        let status = answer(refresh(&app).header("x-forwarded-for", nonsense)).await.status;
        assert!(status == 401 || status == 429, "{nonsense:.20}: {status}");
    }
}

#[tokio::test]
async fn forgeries_are_limited_and_genuine_events_never() {
    let app = TestApp::with(&[UNVERIFIED]).await;
    let ours = app.practice("Elm Street Dental").await;
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(answer(forged(&ours)).await.status);
    }
    assert!(statuses[..30].iter().all(|status| *status == 401), "{statuses:?}");
    assert!(statuses[35..].contains(&429), "{statuses:?}");
    let refused = answer(forged(&ours)).await.refuses(429, "too_many_requests");
    assert!(refused.headers.contains_key("retry-after"));

    // From the same address, in the middle of the flood.
    let call = new_call();
    let (mut stored, mut sent) = (0, 0);
    while sent < 500 {
        let genuine = (0..25).map(|_| async {
            let mut event = fixture("transcript", &call);
            event["message"]["transcript"] = json!(format!("Sentence {}", uuid::Uuid::now_v7()));
            ours.send(&event).await.status
        });
        let forgeries = (0..10).map(|_| async { answer(forged(&ours)).await.status });
        let (genuine, forgeries) =
            futures::join!(futures::future::join_all(genuine), futures::future::join_all(forgeries));
        sent += genuine.len();
        stored += genuine.iter().filter(|status| **status == 200).count();
        assert!(forgeries.iter().all(|status| matches!(status, 401 | 429)), "{forgeries:?}");
    }
    assert_eq!(stored, 500);
    let events: i64 = sqlx::query_scalar("select count(*) from provider_events where type = 'transcript'")
        .fetch_one(&mut app.db.admin().await)
        .await
        .unwrap();
    assert_eq!(events, 500);
}

fn from_page(app: &TestApp, method: Method, origin: &str) -> RequestBuilder {
    app.nobody().request(method, "/api/v1/calls").header("origin", origin)
}

fn cors_headers(answer: &Answer) -> Vec<String> {
    let names = answer.headers.keys().map(ToString::to_string);
    names.filter(|name| name.starts_with("access-control-")).collect()
}

#[tokio::test]
async fn no_foreign_page_may_read_the_api_unless_it_is_on_the_list() {
    let closed = TestApp::start().await;
    for origin in ["https://www.example.com", "null", &closed.base] {
        let answer = answer(from_page(&closed, Method::GET, origin)).await.expect(401);
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{origin}: {answer:?}");
    }

    let app = TestApp::with(&[("VOXANNE_CORS_ORIGINS", "https://www.example.com,https://app.example.com")]).await;
    for origin in ["https://www.example.com", "https://app.example.com"] {
        let read = answer(from_page(&app, Method::GET, origin)).await.expect(401);
        assert_eq!(read.headers["access-control-allow-origin"], origin);
        assert!(!read.headers.contains_key("access-control-allow-credentials"), "never with cookies");
        let asked = from_page(&app, Method::OPTIONS, origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type,idempotency-key");
        let asked = answer(asked).await.expect(200);
        assert_eq!(asked.headers["access-control-allow-origin"], origin);
        let allowed = asked.headers["access-control-allow-headers"].to_str().unwrap().to_ascii_lowercase();
        assert!(allowed.contains("authorization") && allowed.contains("idempotency-key"), "{allowed}");
    }
    for origin in ["https://www.example.com.evil.example", "http://www.example.com", "https://evil.example", "null"] {
        let answer = answer(from_page(&app, Method::GET, origin)).await.expect(401);
        assert!(!cors_headers(&answer).contains(&"access-control-allow-origin".to_owned()), "{origin}: {answer:?}");
    }
}

#[tokio::test]
async fn a_body_is_taken_up_to_its_limit_and_not_a_byte_further() {
    let app = TestApp::start().await;
    let ours = app.practice("Elm Street Dental").await;
    let (limit, shell) = (8 << 20, r#"{"message":{"type":"hang","text":""}}"#);
    for (bytes, status) in [(limit - 1, 200), (limit, 200), (limit + 1, 413), (12 << 20, 413)] {
        let body = shell.replace("\"\"", &format!("\"{}\"", "x".repeat(bytes - shell.len())));
        assert_eq!(body.len(), bytes);
        assert_eq!(ours.send_bytes(body).await.status, status, "{bytes} bytes");
    }
    let limit = 1 << 20;
    let shell = r#"{"label":"","webhook_secret":"long enough"}"#;
    for (bytes, status) in [(limit, 422), (limit + 1, 413)] {
        let body = shell.replacen("\"\"", &format!("\"{}\"", "x".repeat(bytes - shell.len())), 1);
        let request = ours.owner.request(Method::POST, "/api/v1/connections");
        let request = request.header("content-type", "application/json").body(body);
        assert_eq!(answer(request).await.status, status, "{bytes} bytes");
    }
}
