//! A forgotten password, and what people are told by mail.

use std::time::Duration;

use jiff::SignedDuration;
use platform::ids::{MailId, OrgId};
use serde_json::json;

use crate::app::{ORIGIN, PASSWORD, TestApp, ask};

const NEW: &str = "an entirely new password";

async fn owner(app: &TestApp) -> String {
    app.organization("Harbour Dental", "ana@example.com").await;
    app.login("ana@example.com").await
}

/// The texts of all mails of a kind, in the order in which they were kept; waits until there are so many.
async fn mails(app: &TestApp, template: &str, at_least: usize) -> Vec<String> {
    for _ in 0..500 {
        let rows: Vec<(OrgId, MailId, Vec<u8>)> =
            sqlx::query_as("select org_id, mail_id, sealed from mails where template = $1 order by mail_id")
                .bind(template)
                .fetch_all(&mut app.db.admin().await)
                .await
                .unwrap();
        if rows.len() >= at_least {
            let outbox = app.state.authority.outbox();
            return rows.iter().map(|(org, id, sealed)| outbox.open(*org, *id, sealed).unwrap().text).collect();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{template} was not kept");
}

fn token_in(text: &str) -> String {
    let link = text.lines().find_map(|line| line.strip_prefix(&format!("{ORIGIN}/reset/"))).unwrap();
    link.to_owned()
}

async fn forgot(app: &TestApp, email: &str) -> u16 {
    app.status(ask("POST", "/api/v1/auth/forgot").json(&json!({ "email": email }))).await
}

async fn reset(app: &TestApp, token: &str, password: &str) -> u16 {
    app.status(ask("POST", "/api/v1/auth/reset").json(&json!({ "token": token, "password": password }))).await
}

async fn signs_in(app: &TestApp, email: &str, password: &str) -> u16 {
    app.status(ask("POST", "/api/v1/auth/login").json(&json!({ "email": email, "password": password }))).await
}

#[tokio::test]
async fn a_link_sets_a_new_password_once_and_ends_every_sign_in() {
    let app = TestApp::new().await;
    let owner = owner(&app).await;
    assert_eq!(forgot(&app, "Ana@Example.com").await, 202);
    let token = token_in(&mails(&app, "account.password_reset", 1).await[0]);
    assert_eq!(reset(&app, &token, "short").await, 422);
    assert_eq!(reset(&app, &token, NEW).await, 204);
    assert_eq!(reset(&app, &token, "yet another password").await, 404, "it works once");
    assert_eq!(app.status(ask("GET", "/api/v1/me").bearer(&owner)).await, 401, "older sign-ins ended");
    assert_eq!(signs_in(&app, "ana@example.com", PASSWORD).await, 401);
    assert_eq!(signs_in(&app, "ana@example.com", NEW).await, 200);
    let actions: Vec<String> =
        sqlx::query_scalar("select action from audit_log where action like 'user.%' order by at, id")
            .fetch_all(&mut app.db.admin().await)
            .await
            .unwrap();
    assert_eq!(actions, ["user.password_reset_requested", "user.password_reset"]);
    let told = mails(&app, "account.password_changed", 1).await;
    assert!(told[0].contains(&format!("{ORIGIN}/forgot")));
}

#[tokio::test]
async fn an_unknown_address_gets_the_same_answer_and_no_mail() {
    let app = TestApp::new().await;
    owner(&app).await;
    for email in ["nobody@example.com", "no address at all", ""] {
        assert_eq!(forgot(&app, email).await, 202);
    }
    // Asked for last, kept first: whatever the others would have done is done.
    assert_eq!(forgot(&app, "ana@example.com").await, 202);
    mails(&app, "account.password_reset", 1).await;
    let count: i64 =
        sqlx::query_scalar("select count(*) from mails").fetch_one(&mut app.db.admin().await).await.unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_link_ends_after_an_hour_and_only_its_digest_is_kept() {
    let app = TestApp::new().await;
    owner(&app).await;
    forgot(&app, "ana@example.com").await;
    let token = token_in(&mails(&app, "account.password_reset", 1).await[0]);
    let kept: String =
        sqlx::query_scalar("select r::text from password_resets r").fetch_one(&mut app.db.admin().await).await.unwrap();
    assert!(!kept.contains(&token));
    app.db.clock().advance(SignedDuration::from_mins(61));
    assert_eq!(reset(&app, &token, NEW).await, 404);
    assert_eq!(reset(&app, "made-up", NEW).await, 404);
}

#[tokio::test]
async fn one_used_link_makes_the_others_worthless() {
    let app = TestApp::new().await;
    owner(&app).await;
    for asked in 1..=2 {
        forgot(&app, "ana@example.com").await;
        mails(&app, "account.password_reset", asked).await;
    }
    let texts = mails(&app, "account.password_reset", 2).await;
    assert_eq!(reset(&app, &token_in(&texts[1]), NEW).await, 204);
    assert_eq!(reset(&app, &token_in(&texts[0]), "yet another password").await, 404);
}

#[tokio::test]
async fn nobody_is_flooded_with_links() {
    let app = TestApp::new().await;
    owner(&app).await;
    let mut answers = Vec::new();
    for _ in 0..11 {
        answers.push(forgot(&app, "ana@example.com").await);
    }
    assert_eq!(answers, [vec![202; 10], vec![429]].concat());
    mails(&app, "account.password_reset", 3).await;
    assert!(app.tasks.stop_and_wait(Duration::from_secs(20)).await, "everything that was asked for is done");
    assert_eq!(mails(&app, "account.password_reset", 3).await.len(), 3, "more links than three at once are not sent");
}

#[tokio::test]
async fn a_change_of_password_is_told_in_the_browsers_language() {
    let app = TestApp::new().await;
    let owner = owner(&app).await;
    let body = json!({ "current_password": PASSWORD, "new_password": NEW });
    let ask = ask("POST", "/api/v1/me/password").bearer(&owner).header("accept-language", "de-CH,de;q=0.9").json(&body);
    assert_eq!(app.status(ask).await, 204);
    assert!(mails(&app, "account.password_changed", 1).await[0].starts_with("Ihr Passwort wurde geändert"));
}

#[tokio::test]
async fn an_invitation_goes_out_by_mail_with_the_link_that_is_shown() {
    let app = TestApp::new().await;
    let owner = owner(&app).await;
    let body = json!({ "email": "ben@example.com", "role": "member" });
    let answer = app.send(ask("POST", "/api/v1/invitations").bearer(&owner).json(&body)).await;
    let link = answer.body["link"].as_str().unwrap();
    assert!(mails(&app, "member.invited", 1).await[0].contains(link));
}
