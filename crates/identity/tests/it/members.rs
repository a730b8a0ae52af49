//! Members and their roles: who may change whom, and how fast a change holds.

use identity::access::{CredentialId, CredentialRef};
use identity::{Authority, Role};
use platform::ids::{OrgId, SessionId, UserId};
use serde_json::{Value, json};

use crate::app::{Ask, TestApp, ask};

fn change(token: &str, user: UserId, role: &str) -> Ask {
    ask("PATCH", &format!("/api/v1/members/{user}")).bearer(token).json(&json!({ "role": role }))
}

fn remove(token: &str, user: UserId) -> Ask {
    ask("DELETE", &format!("/api/v1/members/{user}")).bearer(token)
}

#[tokio::test]
async fn each_access_level_lets_its_roles_through() {
    let app = TestApp::new().await;
    let org = app.organization("Harbour Dental", "owner@example.com").await.org_id;
    for role in [Role::Viewer, Role::Member, Role::Admin] {
        app.member(org, &format!("{role}@example.com"), role).await;
    }
    for role in Role::ALL {
        let token = app.login(&format!("{role}@example.com")).await;
        let cookie = app.browser(&format!("{role}@example.com")).await;
        for (path, lowest) in [
            ("viewer", Role::Viewer),
            ("member", Role::Member),
            ("admin", Role::Admin),
            ("owner", Role::Owner),
            ("signed-in", Role::Viewer),
            ("calls:read", Role::Viewer),
            ("calls:write", Role::Member),
            ("connections:read", Role::Admin),
            ("connections:write", Role::Admin),
            ("members:read", Role::Viewer),
            ("live:read", Role::Viewer),
        ] {
            let path = format!("/api/probe/{path}");
            let expected = if role >= lowest { 200 } else { 403 };
            assert_eq!(app.status(ask("GET", &path).bearer(&token)).await, expected, "{role} at {path}");
            assert_eq!(app.status(ask("GET", &path).cookie(&cookie)).await, expected, "{role} at {path} by cookie");
        }
        assert_eq!(app.status(ask("GET", "/api/probe/operator").bearer(&token)).await, 403);
    }
}

#[tokio::test]
async fn an_operator_runs_the_installation_and_opens_no_organization() {
    let app = TestApp::new().await;
    let org = app.organization("Harbour Dental", "olive@example.com").await.org_id;
    let token = app.login("olive@example.com").await;
    assert_eq!(app.status(ask("GET", "/api/probe/operator").bearer(&token)).await, 403);
    let granted = identity::accounts::actions::grant_operator(&app.db.tenancy(), "Olive@example.com").await.unwrap();
    assert!(granted);
    assert!(!identity::accounts::actions::grant_operator(&app.db.tenancy(), "nobody@example.com").await.unwrap());
    app.advance(2);
    assert_eq!(app.status(ask("GET", "/api/probe/operator").bearer(&token)).await, 200);
    assert!(app.audit(org).await.contains(&"operator.granted".to_owned()));

    app.plant("delete from memberships").await;
    app.advance(2);
    assert_eq!(app.status(ask("GET", "/api/probe/operator").bearer(&token)).await, 200);
    let outside = app.send(ask("GET", "/api/probe/viewer").bearer(&token)).await;
    assert_eq!((outside.status.as_u16(), outside.code()), (403, "no_organization"));
}

#[tokio::test]
async fn a_person_without_an_organization_can_sign_in_and_do_little() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    app.plant("delete from memberships").await;
    let answer = app.try_login("olive@example.com", crate::app::PASSWORD).await;
    assert_eq!((answer.status.as_u16(), &answer.body["org_id"]), (200, &Value::Null));
    let token = answer.body["access_token"].as_str().unwrap();
    assert_eq!(app.status(ask("GET", "/api/v1/me").bearer(token)).await, 200);
    assert_eq!(app.status(ask("GET", "/api/v1/members").bearer(token)).await, 403);
    let cookie = app.browser("olive@example.com").await;
    assert_eq!(app.status(ask("GET", "/api/v1/me").cookie(&cookie)).await, 200);
}

#[tokio::test]
async fn the_team_is_listed_with_addresses_and_last_visits() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    app.organization("Station Clinic", "sam@example.com").await;
    let mia = app.member(made.org_id, "mia@example.com", Role::Viewer).await;
    let token = app.login("olive@example.com").await;
    let list = app.send(ask("GET", "/api/v1/members").bearer(&token)).await;
    let items = list.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "nobody of the other organization");
    let member = |id: UserId| items.iter().find(|item| item["user_id"] == json!(id)).unwrap();
    assert_eq!(member(made.user_id)["email"], "olive@example.com");
    assert_eq!(member(made.user_id)["last_seen_at"], json!(test_support::START));
    assert_eq!((&member(mia)["role"], &member(mia)["last_seen_at"]), (&json!("viewer"), &Value::Null));
}

#[tokio::test]
async fn removal_cuts_access_here_at_once_and_elsewhere_within_two_seconds() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    let mia = app.member(made.org_id, "mia@example.com", Role::Member).await;
    let owner = app.login("olive@example.com").await;
    let (token, cookie) = (app.login("mia@example.com").await, app.browser("mia@example.com").await);
    let node = app.second_node();
    let by_token = || ask("GET", "/api/probe/viewer").bearer(&token);
    let by_cookie = || ask("GET", "/api/probe/viewer").cookie(&cookie);
    assert_eq!(app.status(by_token()).await, 200);
    assert_eq!((node.status(by_token()).await, node.status(by_cookie()).await), (200, 200));
    assert_eq!(app.status(remove(&owner, mia)).await, 204);
    assert_eq!((app.status(by_token()).await, app.status(by_cookie()).await), (403, 403));
    assert_eq!((node.status(by_token()).await, node.status(by_cookie()).await), (200, 200), "remembered");
    app.advance(2);
    assert_eq!((node.status(by_token()).await, node.status(by_cookie()).await), (403, 403));
    assert!(app.audit(made.org_id).await.contains(&"member.removed".to_owned()));
}

#[tokio::test]
async fn nobody_gives_or_takes_more_than_they_have() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    app.member(made.org_id, "ada@example.com", Role::Admin).await;
    let mia = app.member(made.org_id, "mia@example.com", Role::Member).await;
    let (owner, admin, member) =
        (app.login("olive@example.com").await, app.login("ada@example.com").await, app.login("mia@example.com").await);
    assert_eq!(app.status(change(&member, mia, "admin")).await, 403);
    assert_eq!(app.status(change(&admin, mia, "owner")).await, 403);
    assert_eq!(app.status(change(&admin, made.user_id, "viewer")).await, 403);
    assert_eq!(app.status(remove(&admin, made.user_id)).await, 403);
    assert_eq!(app.status(change(&admin, mia, "admin")).await, 204);
    assert_eq!(app.status(change(&owner, mia, "owner")).await, 204);
    assert_eq!(app.status(change(&owner, mia, "emperor")).await, 422);
}

#[tokio::test]
async fn the_last_owner_stays() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    let mia = app.member(made.org_id, "mia@example.com", Role::Owner).await;
    let (olive_token, mia_token) = (app.login("olive@example.com").await, app.login("mia@example.com").await);
    // What each request asks first is remembered, so that nothing but the change itself waits for the rows.
    assert_eq!(app.status(ask("GET", "/api/probe/owner").bearer(&olive_token)).await, 200);
    assert_eq!(app.status(ask("GET", "/api/probe/owner").bearer(&mia_token)).await, 200);
    let step_down = change(&olive_token, made.user_id, "viewer");
    let both = async { tokio::join!(app.send(step_down), app.send(remove(&mia_token, mia))) };
    let (a, b) = app.line_up("select 1 from memberships for update", 2, both).await;
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);
    let refused = if a.status == 409 { a } else { b };
    assert_eq!(refused.code(), "last_owner");
    let mut admin = app.db.admin().await;
    let owners: i64 = sqlx::query_scalar("select count(*) from memberships where org_id = $1 and role = 'owner'")
        .bind(made.org_id)
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(owners, 1);
}

#[tokio::test]
async fn somebody_elses_ids_are_as_unknown_as_made_up_ones() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let other = app.organization("Station Clinic", "sam@example.com").await;
    let (mine, theirs) = (app.login("olive@example.com").await, app.login("sam@example.com").await);
    let body = json!({ "email": "ben@example.com", "role": "viewer" });
    let invitation = app.send(ask("POST", "/api/v1/invitations").bearer(&theirs).json(&body)).await;
    let body = json!({ "name": "Desk", "scopes": ["calls:read"] });
    let key = app.send(ask("POST", "/api/v1/api-keys").bearer(&theirs).json(&body)).await;
    assert_eq!((invitation.status.as_u16(), key.status.as_u16()), (201, 201));
    let id = |answer: &crate::app::Answer| answer.body["id"].as_str().unwrap().to_owned();
    for (place, foreign) in
        [("members", other.user_id.to_string()), ("invitations", id(&invitation)), ("api-keys", id(&key))]
    {
        let refused = app.send(ask("DELETE", &format!("/api/v1/{place}/{foreign}")).bearer(&mine)).await;
        assert_eq!(refused.status, 404, "{place}");
        for made_up in [uuid::Uuid::now_v7().to_string(), "x".to_owned(), "%00".to_owned(), "..".to_owned()] {
            let unknown = app.send(ask("DELETE", &format!("/api/v1/{place}/{made_up}")).bearer(&mine)).await;
            assert_eq!(unknown.status, 404, "{place} {made_up}");
            assert_eq!(unknown.lasting_body(), refused.lasting_body(), "{place} {made_up}");
        }
    }
    assert_eq!(app.status(change(&mine, other.user_id, "viewer")).await, 404);
    assert_eq!(app.status(ask("GET", "/api/probe/owner").bearer(&theirs)).await, 200, "untouched");
}

async fn holds(authority: &Authority, credential: CredentialRef) -> bool {
    authority.still_valid(&[credential]).await.unwrap() == [true]
}

#[tokio::test]
async fn open_connections_learn_which_credentials_still_hold() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    let mia = app.member(made.org_id, "mia@example.com", Role::Viewer).await;
    let authority = &app.state.authority;
    let owner = app.login("olive@example.com").await;
    let (token, cookie) = (app.login("mia@example.com").await, app.browser("mia@example.com").await);
    let body = json!({ "name": "Desk", "scopes": ["live:read"] });
    let key = app.send(ask("POST", "/api/v1/api-keys").bearer(&owner).json(&body)).await;
    let key_text = key.body["key"].as_str().unwrap();

    let caller_of = async |name: &str, value: &str| {
        let (parts, ()) = axum::http::Request::get("/").header(name, value).body(()).unwrap().into_parts();
        authority.authenticate(&parts).await.unwrap().credential_ref()
    };
    let by_token = caller_of("authorization", &format!("Bearer {token}")).await;
    let by_cookie = caller_of("cookie", &cookie).await;
    let by_key = caller_of("authorization", &format!("Bearer {key_text}")).await;
    let made_up = CredentialRef { credential: CredentialId::Session(SessionId::new()), ..by_cookie };
    let elsewhere = CredentialRef { org: OrgId::new(), ..by_token };
    let keys_elsewhere = CredentialRef { org: OrgId::new(), ..by_key };
    let all = [made_up, by_token, elsewhere, by_cookie, keys_elsewhere, by_key];
    assert_eq!(authority.still_valid(&all).await.unwrap(), [false, true, false, true, false, true]);
    assert_eq!(authority.still_valid(&[]).await.unwrap(), [] as [bool; 0]);

    app.status(ask("DELETE", &format!("/api/v1/api-keys/{}", key.body["id"].as_str().unwrap())).bearer(&owner)).await;
    assert!(!holds(authority, by_key).await);
    app.status(ask("POST", "/api/v1/auth/logout").bearer(&token)).await;
    assert!(!holds(authority, by_token).await);
    assert!(holds(authority, by_cookie).await);
    assert_eq!(app.status(remove(&owner, mia)).await, 204);
    assert!(!holds(authority, by_cookie).await);
}

#[tokio::test]
async fn a_deleted_organization_and_a_disabled_person_are_shut_out() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    app.member(made.org_id, "mia@example.com", Role::Admin).await;
    let (token, cookie) = (app.login("mia@example.com").await, app.browser("mia@example.com").await);
    app.plant("update users set disabled_at = now() where email = 'mia@example.com'").await;
    app.advance(2);
    assert_eq!(app.status(ask("GET", "/api/v1/me").bearer(&token)).await, 401);
    assert_eq!(app.status(ask("GET", "/api/v1/me").cookie(&cookie)).await, 401);
    let owner = app.login("olive@example.com").await;
    assert_eq!(app.status(ask("GET", "/api/probe/viewer").bearer(&owner)).await, 200);
    app.plant("update organizations set deleted_at = now()").await;
    app.advance(2);
    assert_eq!(app.status(ask("GET", "/api/probe/viewer").bearer(&owner)).await, 403);
    assert_eq!(app.send(ask("GET", "/api/v1/me").bearer(&owner)).await.body["memberships"], json!([]));
}

#[tokio::test]
async fn the_audit_list_is_paged_and_only_for_admins() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    app.member(made.org_id, "mia@example.com", Role::Member).await;
    let (owner, member) = (app.login("olive@example.com").await, app.login("mia@example.com").await);
    for number in 0..5 {
        let body = json!({ "name": format!("Key {number}"), "scopes": ["calls:read"] });
        assert_eq!(app.status(ask("POST", "/api/v1/api-keys").bearer(&owner).json(&body)).await, 201);
    }
    assert_eq!(app.status(ask("GET", "/api/v1/audit").bearer(&member)).await, 403);
    let mut seen = Vec::new();
    let mut path = "/api/v1/audit?limit=3".to_owned();
    loop {
        let page = app.send(ask("GET", &path).bearer(&owner)).await;
        assert_eq!(page.status, 200);
        for item in page.body["items"].as_array().unwrap() {
            seen.push((item["id"].as_str().unwrap().to_owned(), item["action"].as_str().unwrap().to_owned()));
        }
        match page.body["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/audit?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    let mut expected = app.audit(made.org_id).await;
    expected.reverse();
    assert_eq!(seen.iter().map(|(_, action)| action.clone()).collect::<Vec<_>>(), expected);
    let newest = app.send(ask("GET", "/api/v1/audit?limit=1").bearer(&owner)).await;
    assert_eq!(newest.body["items"][0]["actor_name"], "Olive Owner");
    for bad in ["limit=0", "limit=-1", "limit=x", "cursor=x", "cursor=%00"] {
        assert_eq!(app.status(ask("GET", &format!("/api/v1/audit?{bad}")).bearer(&owner)).await, 400, "{bad}");
    }
}
