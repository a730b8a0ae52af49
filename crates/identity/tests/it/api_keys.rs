//! API keys: scopes, what is shown and stored, revocation.

use identity::{Role, Scope};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, ask};

async fn make(app: &TestApp, token: &str, scopes: &[&str]) -> Answer {
    let body = json!({ "name": "Practice software", "scopes": scopes });
    app.send(ask("POST", "/api/v1/api-keys").bearer(token).json(&body)).await
}

fn key_of(answer: &Answer) -> String {
    answer.body["key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_does_what_its_scope_says_and_nothing_else() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let owner = app.login("olive@example.com").await;
    for held in Scope::ALL {
        let key = key_of(&make(&app, &owner, &[held.as_str()]).await);
        for wanted in Scope::ALL {
            let answer = app.send(ask("GET", &format!("/api/probe/{}", wanted.as_str())).bearer(&key)).await;
            let expected = if held == wanted { 200 } else { 403 };
            assert_eq!(answer.status, expected, "{} at {}", held.as_str(), wanted.as_str());
        }
    }
    let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let everything = key_of(&make(&app, &owner, &all).await);
    for place in ["viewer", "member", "admin", "owner", "operator", "signed-in"] {
        let answer = app.send(ask("GET", &format!("/api/probe/{place}")).bearer(&everything)).await;
        assert_eq!(answer.status, 403, "{place} is for people");
    }
    assert_eq!(app.status(ask("GET", "/api/v1/members").bearer(&everything)).await, 200);
    assert_eq!(make(&app, &everything, &["calls:read"]).await.status, 403, "keys do not make keys");
}

#[tokio::test]
async fn a_key_is_shown_once_and_stored_as_a_digest() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    let owner = app.login("olive@example.com").await;
    let answer = make(&app, &owner, &["calls:read", "calls:read", "live:read"]).await;
    assert_eq!((answer.status.as_u16(), &answer.headers["cache-control"]), (201, &"no-store".parse().unwrap()));
    let key = key_of(&answer);
    assert!(key.starts_with(&format!("vx_{}_", answer.body["prefix"].as_str().unwrap())));
    assert_eq!(answer.body["scopes"], json!(["calls:read", "live:read"]));
    let list = app.send(ask("GET", "/api/v1/api-keys").bearer(&owner)).await;
    assert_eq!(list.body["items"][0]["id"], answer.body["id"]);
    assert!(!list.body.to_string().contains(&key) && list.body["items"][0].get("digest").is_none());
    let mut admin = app.db.admin().await;
    let stored: String = sqlx::query_scalar("select k::text from api_keys k").fetch_one(&mut admin).await.unwrap();
    assert!(!stored.contains(key.rsplit('_').next().unwrap()));
    assert!(app.audit(made.org_id).await.contains(&"api_key.created".to_owned()));
}

#[tokio::test]
async fn the_last_use_is_noted_at_most_once_a_minute() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let owner = app.login("olive@example.com").await;
    let key = key_of(&make(&app, &owner, &["calls:read"]).await);
    let last_used = async || {
        let list = app.send(ask("GET", "/api/v1/api-keys").bearer(&owner)).await;
        list.body["items"][0]["last_used_at"].clone()
    };
    assert_eq!(last_used().await, Value::Null);
    let using = || ask("GET", "/api/probe/calls:read").bearer(&key);
    assert_eq!(app.status(using()).await, 200);
    let first = last_used().await;
    assert_eq!(first, json!(test_support::START));
    app.advance(59);
    assert_eq!(app.status(using()).await, 200);
    assert_eq!(last_used().await, first);
    app.advance(3);
    assert_eq!(app.status(using()).await, 200);
    assert_eq!(last_used().await, "2026-11-24T14:01:02Z");
}

#[tokio::test]
async fn a_revoked_key_is_refused_here_at_once_and_elsewhere_within_two_seconds() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    let owner = app.login("olive@example.com").await;
    let answer = make(&app, &owner, &["calls:read"]).await;
    let key = key_of(&answer);
    let using = || ask("GET", "/api/probe/calls:read").bearer(&key);
    let node = app.second_node();
    assert_eq!((app.status(using()).await, node.status(using()).await), (200, 200));
    let path = format!("/api/v1/api-keys/{}", answer.body["id"].as_str().unwrap());
    assert_eq!(app.status(ask("DELETE", &path).bearer(&owner)).await, 204);
    assert_eq!((app.status(using()).await, node.status(using()).await), (401, 200));
    app.advance(2);
    assert_eq!(node.status(using()).await, 401);
    assert_eq!(app.status(ask("DELETE", &path).bearer(&owner)).await, 404);
    assert!(app.audit(made.org_id).await.contains(&"api_key.revoked".to_owned()));
}

#[tokio::test]
async fn a_key_outlives_the_person_who_made_it() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    let ada = app.member(made.org_id, "ada@example.com", Role::Admin).await;
    let (owner, admin) = (app.login("olive@example.com").await, app.login("ada@example.com").await);
    let key = key_of(&make(&app, &admin, &["calls:read"]).await);
    assert_eq!(app.status(ask("DELETE", &format!("/api/v1/members/{ada}")).bearer(&owner)).await, 204);
    assert_eq!(app.status(ask("GET", "/api/probe/calls:read").bearer(&key)).await, 200);
    assert_eq!(
        app.send(ask("GET", "/api/v1/api-keys").bearer(&owner)).await.body["items"][0]["created_by"],
        json!(ada)
    );
}

#[tokio::test]
async fn made_up_keys_and_faulty_requests_are_refused() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    app.member(made.org_id, "mia@example.com", Role::Member).await;
    let (owner, member) = (app.login("olive@example.com").await, app.login("mia@example.com").await);
    let good = key_of(&make(&app, &owner, &["calls:read"]).await);
    let swapped = format!("{}{}", &good[..good.len() - 1], if good.ends_with('A') { 'B' } else { 'A' });
    for key in ["vx_", "vx_x", &format!("vx_12345678_{}", "A".repeat(43)), &swapped, &good.to_lowercase()] {
        let answer = app.send(ask("GET", "/api/probe/calls:read").bearer(key)).await;
        assert_eq!(answer.status, 401, "{key}");
    }
    assert_eq!(make(&app, &member, &["calls:read"]).await.status, 403);
    assert_eq!(make(&app, &owner, &[]).await.status, 422);
    assert_eq!(make(&app, &owner, &["everything"]).await.status, 422);
    for name in ["", " ", "a\0b", &"n".repeat(101)] {
        let body = json!({ "name": name, "scopes": ["calls:read"] });
        let answer = app.send(ask("POST", "/api/v1/api-keys").bearer(&owner).json(&body)).await;
        assert_eq!((answer.status.as_u16(), &answer.body["errors"][0]["path"]), (422, &json!("name")), "{name:?}");
    }
}
