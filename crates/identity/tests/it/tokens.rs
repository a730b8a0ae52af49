//! Access tokens under attack, refresh tokens used twice, keys that change.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use identity::Role;
use serde_json::{Value, json};

use crate::app::{Ask, TestApp, ask};

fn viewer() -> Ask {
    ask("GET", "/api/probe/viewer")
}

fn exchange(refresh: &str) -> Ask {
    ask("POST", "/api/v1/auth/refresh").json(&json!({ "refresh_token": refresh }))
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn forged_tokens_get_the_one_refusal() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let foreign = TestApp::new().await;
    foreign.organization("Harbour Dental", "olive@example.com").await;
    let token = app.login("olive@example.com").await;
    assert_eq!(app.status(viewer().bearer(&token)).await, 200);
    let parts: Vec<&str> = token.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let with_header = |change: &dyn Fn(&mut Value)| {
        let mut value = decoded(header);
        change(&mut value);
        format!("{}.{payload}.{signature}", encoded(&value))
    };
    let with_payload = |change: &dyn Fn(&mut Value)| {
        let mut value = decoded(payload);
        change(&mut value);
        format!("{header}.{}.{signature}", encoded(&value))
    };
    let keys = app.send(ask("GET", "/.well-known/jwks.json")).await.body;
    let public = URL_SAFE_NO_PAD.decode(keys["keys"][0]["x"].as_str().unwrap()).unwrap();
    let hs256_head = encoded(&json!({ "alg": "HS256", "typ": "at+jwt", "kid": keys["keys"][0]["kid"] }));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&public).unwrap();
    mac.update(format!("{hs256_head}.{payload}").as_bytes());
    let hs256 = format!("{hs256_head}.{payload}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));

    let forged = [
        format!("{}.{payload}.", encoded(&json!({ "alg": "none", "typ": "at+jwt" }))),
        with_header(&|h| h["alg"] = json!("none")),
        hs256,
        with_header(&|h| h["kid"] = json!("../../../../dev/null")),
        with_header(&|h| h["kid"] = json!("x' union select 1 --")),
        with_header(&|h| h["kid"] = json!("\u{0}")),
        with_header(&|h| h["jku"] = json!("https://evil.example/keys.json")),
        with_payload(&|p| p["org"] = json!(platform::ids::OrgId::new())),
        with_payload(&|p| p["sub"] = json!(platform::ids::UserId::new())),
        with_payload(&|p| p["exp"] = json!(i64::MAX)),
        foreign.login("olive@example.com").await,
        format!("{header}.{payload}.{}", "A".repeat(86)),
        format!("{token}{}", "A".repeat(65_536)),
        format!("{header}.{payload}"),
        "..".to_owned(),
        "\u{1F511}".to_owned(),
    ];
    let expected = app.send(viewer()).await.lasting_body();
    for token in forged {
        let answer = app.send(viewer().bearer(&token)).await;
        assert_eq!(answer.status, 401, "{}", &token[..token.len().min(80)]);
        assert_eq!(answer.lasting_body(), expected);
    }
    for line in ["Bearer", "Bearer ", "Basic b2xpdmU6eA==", "bearer  x", &token, ""] {
        assert_eq!(app.status(viewer().header("authorization", line)).await, 401, "{line}");
    }
    let twice = viewer().bearer(&token).bearer(&token);
    assert_eq!(app.status(twice).await, 401);
    assert_eq!(app.status(viewer().header("authorization", &format!("bearer {token}"))).await, 200);
}

#[tokio::test]
async fn an_access_token_lives_a_quarter_of_an_hour() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let token = app.login("olive@example.com").await;
    app.advance(15 * 60 + 29);
    assert_eq!(app.status(viewer().bearer(&token)).await, 200);
    app.advance(1);
    assert_eq!(app.status(viewer().bearer(&token)).await, 401);
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_for_a_new_pair() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    let (_, first) = app.tokens("olive@example.com").await;
    app.advance(29 * 24 * 3_600);
    let answer = app.send(exchange(&first)).await;
    assert_eq!((answer.status.as_u16(), &answer.body["org_id"]), (200, &json!(made.org_id)));
    let second = answer.body["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(second, first);
    assert_eq!(app.status(viewer().bearer(answer.body["access_token"].as_str().unwrap())).await, 200);
    app.advance(29 * 24 * 3_600);
    assert_eq!(app.status(exchange(&second)).await, 200, "each lives its own thirty days");
}

#[tokio::test]
async fn an_unused_refresh_token_ends_after_thirty_days() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let (_, refresh) = app.tokens("olive@example.com").await;
    app.advance(30 * 24 * 3_600);
    assert_eq!(app.status(exchange(&refresh)).await, 401);
    for rubbish in ["", "x", &"A".repeat(43), &"A".repeat(100_000), "\0"] {
        assert_eq!(app.status(exchange(rubbish)).await, 401);
    }
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_whole_sign_in() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    let (other_access, _) = app.tokens("olive@example.com").await;
    let (access, stolen) = app.tokens("olive@example.com").await;
    let thief = app.send(exchange(&stolen)).await;
    let thiefs_refresh = thief.body["refresh_token"].as_str().unwrap();
    let thiefs_access = thief.body["access_token"].as_str().unwrap();
    assert_eq!(app.status(viewer().bearer(thiefs_access)).await, 200);
    assert_eq!(app.status(exchange(&stolen)).await, 401, "the owner of the token comes second");
    assert_eq!(app.status(viewer().bearer(thiefs_access)).await, 401);
    assert_eq!(app.status(viewer().bearer(&access)).await, 401);
    assert_eq!(app.status(exchange(thiefs_refresh)).await, 401);
    assert_eq!(app.status(viewer().bearer(&other_access)).await, 200, "other sign-ins stay");
    let reused = app.audit(made.org_id).await.into_iter().filter(|action| action == "token.reused").count();
    assert_eq!(reused, 1);
}

#[tokio::test]
async fn of_two_exchanges_at_once_one_wins_and_nothing_survives() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let second_node = app.second_node();
    for _ in 0..2 {
        let (_, refresh) = app.tokens("olive@example.com").await;
        let both = async { tokio::join!(app.send(exchange(&refresh)), second_node.send(exchange(&refresh))) };
        let (a, b) = app.line_up("lock table refresh_tokens in share row exclusive mode", 2, both).await;
        let (winner, loser) = if a.status == 200 { (a, b) } else { (b, a) };
        assert_eq!((winner.status.as_u16(), loser.status.as_u16()), (200, 401));
        assert_eq!(app.status(exchange(winner.body["refresh_token"].as_str().unwrap())).await, 401);
        assert_eq!(app.status(viewer().bearer(winner.body["access_token"].as_str().unwrap())).await, 401);
    }
}

#[tokio::test]
async fn signing_out_ends_the_access_token_at_once() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let (access, refresh) = app.tokens("olive@example.com").await;
    let node = app.second_node();
    assert_eq!(app.status(viewer().bearer(&access)).await, 200);
    assert_eq!(node.status(viewer().bearer(&access)).await, 200);
    assert_eq!(app.status(ask("POST", "/api/v1/auth/logout").bearer(&access)).await, 204);
    assert_eq!(app.status(viewer().bearer(&access)).await, 401);
    assert_eq!(app.status(exchange(&refresh)).await, 401);
    assert_eq!(node.status(viewer().bearer(&access)).await, 200, "another node remembers for two seconds");
    app.advance(2);
    assert_eq!(node.status(viewer().bearer(&access)).await, 401);
}

#[tokio::test]
async fn a_program_moves_to_another_of_the_persons_organizations() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    let other = app.organization("Station Clinic", "sam@example.com").await;
    let stranger = app.organization("Far Away", "far@example.com").await;
    app.join(other.org_id, made.user_id, Role::Viewer).await;
    let (access, refresh) = app.tokens("olive@example.com").await;
    let select = |org| ask("POST", "/api/v1/me/organization").bearer(&access).json(&json!({ "org_id": org }));
    let refused = app.send(select(stranger.org_id)).await;
    let unknown = app.send(select(platform::ids::OrgId::new())).await;
    assert_eq!((refused.status.as_u16(), refused.lasting_body()), (404, unknown.lasting_body()));
    let moved = app.send(select(other.org_id)).await;
    assert_eq!(moved.status, 200);
    let moved = moved.body["access_token"].as_str().unwrap();
    assert_eq!(app.send(ask("GET", "/api/v1/me").bearer(moved)).await.body["role"], "viewer");
    assert_eq!(app.status(ask("GET", "/api/probe/member").bearer(moved)).await, 403);
    assert_eq!(app.send(ask("GET", "/api/v1/me").bearer(&access)).await.body["role"], "owner", "the old token stays");
    let renewed = app.send(exchange(&refresh)).await;
    assert_eq!(renewed.body["org_id"], json!(other.org_id), "the choice stays with the sign-in");
}

#[tokio::test]
async fn keys_are_replaced_and_the_old_one_verifies_its_last_tokens() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let kids = async || {
        let keys = app.send(ask("GET", "/.well-known/jwks.json")).await.body["keys"].clone();
        let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
        keys.as_array().unwrap().iter().map(kid).collect::<Vec<_>>()
    };
    let first = kids().await;
    assert_eq!(first.len(), 1);
    app.advance(30 * 24 * 3_600 - 60);
    let old = app.login("olive@example.com").await;
    assert_eq!(decoded(old.split('.').next().unwrap())["kid"], json!(first[0]));
    app.advance(120);
    let new = app.login("olive@example.com").await;
    let both = kids().await;
    assert_eq!((both.len(), &both[1]), (2, &first[0]), "newest first");
    assert_eq!(decoded(new.split('.').next().unwrap())["kid"], json!(both[0]));
    let fresh_node = app.second_node();
    for token in [&old, &new] {
        assert_eq!(app.status(viewer().bearer(token)).await, 200);
        assert_eq!(fresh_node.status(viewer().bearer(token)).await, 200);
    }
    app.advance(3_601);
    assert_eq!(kids().await, [both[0].clone()]);
}

#[tokio::test]
async fn a_node_believes_tokens_signed_by_another() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let node = app.second_node();
    let (token, second) = (app.login("olive@example.com").await, app.login("olive@example.com").await);
    assert_eq!(node.status(viewer().bearer(&token)).await, 200);
    assert_eq!(node.status(viewer().bearer(&second)).await, 200);
    let mut admin = app.db.admin().await;
    let keys: i64 = sqlx::query_scalar("select count(*) from signing_keys").fetch_one(&mut admin).await.unwrap();
    assert_eq!(keys, 1);
}

#[tokio::test]
async fn nodes_that_need_a_key_at_once_make_one() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let node = app.second_node();
    let jwks = || ask("GET", "/.well-known/jwks.json");
    let both = async { tokio::join!(app.send(jwks()), node.send(jwks())) };
    let (a, b) = app.line_up("lock table signing_keys in share row exclusive mode", 2, both).await;
    assert_eq!(a.body, b.body);
    assert_eq!(a.body["keys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_private_key_is_stored_sealed() {
    let app = TestApp::new().await;
    app.send(ask("GET", "/.well-known/jwks.json")).await;
    let mut admin = app.db.admin().await;
    let (kid, sealed): (uuid::Uuid, Vec<u8>) =
        sqlx::query_as("select kid, sealed_private from signing_keys").fetch_one(&mut admin).await.unwrap();
    let opened = app.db.master_key().open(&format!("signing_keys/{kid}"), &sealed).unwrap();
    assert_eq!(opened.len(), 32);
    assert!(!sealed.windows(32).any(|window| window == opened));
    assert!(app.db.master_key().open("signing_keys/elsewhere", &sealed).is_err());
}
