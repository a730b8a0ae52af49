//! Invitations by link: made, renewed, revoked, followed once.

use identity::organizations::actions::{OrganizationError, accept_invitation_as, find_invitation, renew_invitation};
use identity::{Caller, Person, Role};
use platform::i18n::Locale;
use serde_json::json;

use crate::app::{Answer, Ask, ORIGIN, PASSWORD, TestApp, ask};

const DAY: i64 = 86_400;

async fn invite(app: &TestApp, token: &str, email: &str, role: &str) -> Answer {
    let body = json!({ "email": email, "role": role });
    app.send(ask("POST", "/api/v1/invitations").bearer(token).json(&body)).await
}

fn token_of(answer: &Answer) -> String {
    answer.body["link"].as_str().unwrap().strip_prefix(&format!("{ORIGIN}/invite/")).unwrap().to_owned()
}

fn accept(token: &str, name: &str, password: &str) -> Ask {
    let body = json!({ "token": token, "name": name, "password": password });
    ask("POST", "/api/v1/invitations/accept").json(&body)
}

async fn caller(app: &TestApp, cookie: &str) -> Caller {
    let (parts, ()) = axum::http::Request::get("/").header("cookie", cookie).body(()).unwrap().into_parts();
    app.state.authority.authenticate(&parts).await.unwrap()
}

async fn person(app: &TestApp, cookie: &str) -> Person {
    let (parts, ()) = axum::http::Request::get("/").header("cookie", cookie).body(()).unwrap().into_parts();
    match &*app.state.authority.identify(&parts).await.unwrap() {
        identity::access::Principal::Person(person) => person.clone(),
        identity::access::Principal::Program(_) => unreachable!("a cookie belongs to a person"),
    }
}

#[tokio::test]
async fn a_new_person_joins_by_link_once() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    let owner = app.login("olive@example.com").await;
    let invitation = invite(&app, &owner, "Ben@Example.com", "member").await;
    assert_eq!(invitation.status, 201);
    assert_eq!(invitation.headers["cache-control"], "no-store");
    let link = token_of(&invitation);
    let offer = find_invitation(&app.state.authority, &link).await.unwrap();
    assert_eq!((offer.org_name.as_str(), offer.role, offer.has_account), ("Harbour Dental", Role::Member, false));

    let nameless = app.send(accept(&link, " ", "a new long password")).await;
    assert_eq!((nameless.status.as_u16(), &nameless.body["errors"][0]["path"]), (422, &json!("name")));
    let short = app.send(accept(&link, "Ben Baker", "short")).await;
    assert_eq!((short.status.as_u16(), &short.body["errors"][0]["path"]), (422, &json!("password")));
    let joined = app.send(accept(&link, "Ben Baker", "a new long password")).await;
    assert_eq!((joined.status.as_u16(), &joined.body["org_id"]), (200, &json!(made.org_id)));
    let token = joined.body["access_token"].as_str().unwrap();
    let me = app.send(ask("GET", "/api/v1/me").bearer(token)).await;
    assert_eq!((&me.body["email"], &me.body["name"]), (&json!("Ben@Example.com"), &json!("Ben Baker")));
    assert_eq!(me.body["role"], "member");
    assert_eq!(app.try_login("ben@example.com", "a new long password").await.status, 200);

    let again = app.send(accept(&link, "Eve", "another long password")).await;
    assert_eq!((again.status.as_u16(), again.code()), (404, "link_dead"));
    let list = app.send(ask("GET", "/api/v1/invitations").bearer(&owner)).await;
    assert_eq!(list.body["items"], json!([]));
    let audit = app.audit(made.org_id).await;
    assert!(audit.contains(&"member.invited".to_owned()) && audit.contains(&"member.joined".to_owned()));
}

#[tokio::test]
async fn the_link_is_shown_once_and_not_stored() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let owner = app.login("olive@example.com").await;
    let link = token_of(&invite(&app, &owner, "ben@example.com", "member").await);
    let list = app.send(ask("GET", "/api/v1/invitations").bearer(&owner)).await;
    assert_eq!(list.body["items"][0]["email"], "ben@example.com");
    assert!(!list.body.to_string().contains(&link));
    let mut admin = app.db.admin().await;
    let stored: String = sqlx::query_scalar("select i::text from invitations i").fetch_one(&mut admin).await.unwrap();
    assert!(!stored.contains(&link));
}

#[tokio::test]
async fn a_link_works_for_seven_days() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let owner = app.login("olive@example.com").await;
    let link = token_of(&invite(&app, &owner, "ben@example.com", "member").await);
    app.advance(7 * DAY - 1);
    assert!(find_invitation(&app.state.authority, &link).await.is_ok());
    app.advance(1);
    assert_eq!(app.status(accept(&link, "Ben Baker", "a new long password")).await, 404);
    let owner = app.login("olive@example.com").await;
    let list = app.send(ask("GET", "/api/v1/invitations").bearer(&owner)).await;
    assert_eq!(list.body["items"][0]["is_expired"], true, "still listed, to be renewed");
}

#[tokio::test]
async fn inviting_again_makes_a_new_link_and_kills_the_old() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let owner = app.login("olive@example.com").await;
    let first = invite(&app, &owner, "ben@example.com", "member").await;
    app.advance(6 * DAY);
    let owner = app.login("olive@example.com").await;
    let second = invite(&app, &owner, "BEN@example.com", "viewer").await;
    assert_eq!(first.body["id"], second.body["id"], "one open invitation for an address");
    let authority = &app.state.authority;
    assert!(matches!(find_invitation(authority, &token_of(&first)).await, Err(OrganizationError::LinkDead)));
    app.advance(2 * DAY);
    assert_eq!(find_invitation(authority, &token_of(&second)).await.unwrap().role, Role::Viewer);

    let caller = caller(&app, &app.browser("olive@example.com").await).await;
    let id = second.body["id"].as_str().unwrap().parse().unwrap();
    let third = renew_invitation(authority, &caller, id, Locale::En).await.unwrap();
    assert!(find_invitation(authority, &token_of(&second)).await.is_err());
    let link = third.link.expose().rsplit('/').next().unwrap();
    assert!(find_invitation(authority, link).await.is_ok());
    let unknown = renew_invitation(authority, &caller, platform::ids::InvitationId::new(), Locale::En).await;
    assert!(matches!(unknown, Err(OrganizationError::NotFound)));
}

#[tokio::test]
async fn a_revoked_link_is_dead() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let owner = app.login("olive@example.com").await;
    let invitation = invite(&app, &owner, "ben@example.com", "member").await;
    let path = format!("/api/v1/invitations/{}", invitation.body["id"].as_str().unwrap());
    assert_eq!(app.status(ask("DELETE", &path).bearer(&owner)).await, 204);
    assert_eq!(app.status(ask("DELETE", &path).bearer(&owner)).await, 404);
    assert_eq!(app.status(accept(&token_of(&invitation), "Ben Baker", "a new long password")).await, 404);
}

#[tokio::test]
async fn somebody_with_an_account_gives_its_password() {
    let app = TestApp::new().await;
    let harbour = app.organization("Harbour Dental", "olive@example.com").await;
    let station = app.organization("Station Clinic", "sam@example.com").await;
    let owner = app.login("olive@example.com").await;
    let link = token_of(&invite(&app, &owner, "Sam@example.com", "admin").await);
    assert!(find_invitation(&app.state.authority, &link).await.unwrap().has_account);
    let wrong = app.send(accept(&link, "", "wrong horse battery")).await;
    assert_eq!((wrong.status.as_u16(), wrong.code()), (401, "wrong_credentials"));
    let joined = app.send(accept(&link, "Another Name", PASSWORD)).await;
    assert_eq!((joined.status.as_u16(), &joined.body["org_id"]), (200, &json!(harbour.org_id)));
    let orgs: Vec<_> = joined.body["memberships"].as_array().unwrap().iter().map(|m| m["org_id"].clone()).collect();
    assert_eq!(orgs, [json!(harbour.org_id), json!(station.org_id)]);
    let me = app.send(ask("GET", "/api/v1/me").bearer(joined.body["access_token"].as_str().unwrap())).await;
    assert_eq!(me.body["name"], "Olive Owner", "an account keeps its name");
}

#[tokio::test]
async fn guessing_a_password_through_a_link_is_throttled() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    app.organization("Station Clinic", "sam@example.com").await;
    let owner = app.login("olive@example.com").await;
    let link = token_of(&invite(&app, &owner, "sam@example.com", "admin").await);
    for _ in 0..10 {
        assert_eq!(app.status(accept(&link, "", "wrong horse battery")).await, 401);
    }
    assert_eq!(app.status(accept(&link, "", PASSWORD)).await, 429);
    assert_eq!(app.try_login("sam@example.com", PASSWORD).await.status, 429, "it is the same account");
}

#[tokio::test]
async fn a_signed_in_person_joins_with_their_own_link_only() {
    let app = TestApp::new().await;
    let harbour = app.organization("Harbour Dental", "olive@example.com").await;
    app.organization("Station Clinic", "sam@example.com").await;
    app.organization("Far Away", "far@example.com").await;
    let owner = app.login("olive@example.com").await;
    let link = token_of(&invite(&app, &owner, "sam@example.com", "viewer").await);
    let authority = &app.state.authority;
    let far = person(&app, &app.browser("far@example.com").await).await;
    let refused = accept_invitation_as(authority, &far, &link).await;
    assert!(matches!(refused, Err(OrganizationError::OtherAccount)));
    let sam = person(&app, &app.browser("sam@example.com").await).await;
    let joined = accept_invitation_as(authority, &sam, &link).await.unwrap();
    assert_eq!((joined.org, joined.memberships.len()), (Some(harbour.org_id), 2));
    assert!(matches!(accept_invitation_as(authority, &sam, &link).await, Err(OrganizationError::LinkDead)));
}

#[tokio::test]
async fn only_admins_invite_and_only_owners_invite_owners() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    app.member(made.org_id, "ada@example.com", Role::Admin).await;
    app.member(made.org_id, "mia@example.com", Role::Member).await;
    let (owner, admin, member) =
        (app.login("olive@example.com").await, app.login("ada@example.com").await, app.login("mia@example.com").await);
    assert_eq!(invite(&app, &member, "ben@example.com", "viewer").await.status, 403);
    assert_eq!(invite(&app, &admin, "ben@example.com", "owner").await.status, 403);
    assert_eq!(invite(&app, &admin, "ben@example.com", "admin").await.status, 201);
    let owners = invite(&app, &owner, "cy@example.com", "owner").await;
    assert_eq!(owners.status, 201);
    let path = format!("/api/v1/invitations/{}", owners.body["id"].as_str().unwrap());
    assert_eq!(app.status(ask("DELETE", &path).bearer(&admin)).await, 403);
    let already = invite(&app, &owner, "MIA@example.com", "viewer").await;
    assert_eq!((already.status.as_u16(), already.code()), (409, "already_member"));
    for bad in ["", "ben", "ben@example.com\r\nBcc: x@example.com", "\0@example.com", "a@b.c, d@e.f"] {
        let refused = invite(&app, &owner, bad, "viewer").await;
        assert_eq!((refused.status.as_u16(), &refused.body["errors"][0]["path"]), (422, &json!("email")), "{bad:?}");
    }
}

#[tokio::test]
async fn made_up_links_are_dead() {
    let app = TestApp::new().await;
    for token in ["", "x", &"A".repeat(43), &"A".repeat(100_000), "\0", "../../etc/passwd"] {
        let answer = app.send(accept(token, "Eve", "a new long password")).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "link_dead"));
    }
}

#[tokio::test]
async fn a_link_followed_twice_at_once_makes_one_member() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let owner = app.login("olive@example.com").await;
    let link = token_of(&invite(&app, &owner, "ben@example.com", "member").await);
    let both = async {
        tokio::join!(
            app.send(accept(&link, "Ben Baker", "a new long password")),
            app.send(accept(&link, "Ben Baker", "a new long password")),
        )
    };
    let (a, b) = app.line_up("lock table users in share row exclusive mode", 2, both).await;
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404]);
    let list = app.send(ask("GET", "/api/v1/members").bearer(&owner)).await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 2);
}
