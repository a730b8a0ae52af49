//! Browser sessions: cookies, renewal, expiry, other sites, forms, passwords.

use axum::http::HeaderMap;
use identity::Role;
use platform::http::ClientAddr;
use platform::secret::Secret;
use serde_json::json;

use crate::app::{CLIENT, ORIGIN, PASSWORD, TestApp, ask};

const HOUR: i64 = 3_600;

fn viewer() -> crate::app::Ask {
    ask("GET", "/api/probe/viewer")
}

#[tokio::test]
async fn a_session_works_until_signed_out() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    let cookie = app.browser("olive@example.com").await;
    assert!(cookie.starts_with("vx="), "{cookie}");
    assert_eq!(app.status(viewer().cookie(&cookie)).await, 200);
    let out = app.send(ask("POST", "/api/v1/auth/logout").cookie(&cookie).same_origin()).await;
    assert_eq!((out.status.as_u16(), out.cookie().as_deref()), (204, Some("vx=")));
    assert_eq!(app.status(viewer().cookie(&cookie)).await, 401);
    assert!(app.audit(made.org_id).await.contains(&"session.signed_out".to_owned()));
}

#[tokio::test]
async fn signing_out_has_the_last_word_over_a_renewal() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let cookie = app.browser("olive@example.com").await;
    app.advance(HOUR);
    let out = app.send(ask("POST", "/api/v1/auth/logout").cookie(&cookie).same_origin()).await;
    let set: Vec<_> = out.headers.get_all("set-cookie").iter().collect();
    assert_eq!(set, ["vx=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"]);
    assert_eq!(app.status(viewer().cookie(&cookie)).await, 401);
}

#[tokio::test]
async fn over_tls_the_cookie_is_bound_to_the_host() {
    let app = TestApp::at("https://desk.example").await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let cookie = app.browser("olive@example.com").await;
    let value = cookie.strip_prefix("__Host-vx=").unwrap();
    assert_eq!(app.status(viewer().cookie(&cookie)).await, 200);
    assert_eq!(app.status(viewer().cookie(&format!("vx={value}"))).await, 401, "a name that a neighbour could set");
}

#[tokio::test]
async fn only_digests_of_tokens_are_stored() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let cookie = app.browser("olive@example.com").await;
    let token = cookie.split_once('=').unwrap().1;
    let (_, refresh) = app.tokens("olive@example.com").await;
    let mut admin = app.db.admin().await;
    for text in [token, &refresh] {
        let found: bool = sqlx::query_scalar(
            "select exists (select 1 from sessions s where s::text like '%' || $1 || '%') \
                 or exists (select 1 from sessions s where s::text like '%' || encode($1::bytea, 'hex') || '%') \
                 or exists (select 1 from refresh_tokens t where t::text like '%' || encode($1::bytea, 'hex') || '%')",
        )
        .bind(text)
        .fetch_one(&mut admin)
        .await
        .unwrap();
        assert!(!found);
    }
}

#[tokio::test]
async fn a_token_is_renewed_after_an_hour_and_the_old_one_lasts_half_a_minute_more() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let old = app.browser("olive@example.com").await;
    app.advance(HOUR - 1);
    assert_eq!(app.send(viewer().cookie(&old)).await.cookie(), None);
    app.advance(2);
    let renewed = app.send(viewer().cookie(&old)).await;
    let new = renewed.cookie().unwrap();
    assert_ne!(new, old);
    assert_eq!(app.send(viewer().cookie(&old)).await.cookie(), None, "one renewal, not one per request");
    app.advance(3);
    assert_eq!(app.status(viewer().cookie(&old)).await, 200, "a request that was under way");
    assert_eq!(app.status(viewer().cookie(&new)).await, 200);
    app.advance(31);
    assert_eq!(app.status(viewer().cookie(&old)).await, 401);
    assert_eq!(app.status(viewer().cookie(&new)).await, 200);
}

#[tokio::test]
async fn a_browser_that_lost_its_new_token_gets_another() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let old = app.browser("olive@example.com").await;
    app.advance(HOUR);
    let lost = app.send(viewer().cookie(&old)).await.cookie().unwrap();
    app.advance(600);
    let second = app.send(viewer().cookie(&old)).await;
    let new = second.cookie().unwrap();
    assert_eq!(second.status, 200);
    assert_eq!(app.status(viewer().cookie(&new)).await, 200);
    assert_eq!(app.status(viewer().cookie(&lost)).await, 401, "nobody else may find a use for it");
    app.advance(31);
    assert_eq!(app.status(viewer().cookie(&old)).await, 401);
}

#[tokio::test]
async fn of_many_requests_at_once_one_renews_and_all_are_answered() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let old = app.browser("olive@example.com").await;
    app.advance(HOUR);
    let second = app.second_node();
    let (a, b, c, d) = tokio::join!(
        app.send(viewer().cookie(&old)),
        second.send(viewer().cookie(&old)),
        app.send(viewer().cookie(&old)),
        second.send(viewer().cookie(&old)),
    );
    let answers = [a, b, c, d];
    assert!(answers.iter().all(|answer| answer.status == 200));
    let renewals: Vec<String> = answers.iter().filter_map(crate::app::Answer::cookie).collect();
    assert_eq!(renewals.len(), 1, "{renewals:?}");
    app.advance(3);
    assert_eq!(app.status(viewer().cookie(&renewals[0])).await, 200);
}

#[tokio::test]
async fn a_change_of_rights_renews_the_token() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    let mia = app.member(made.org_id, "mia@example.com", Role::Viewer).await;
    let cookie = app.browser("mia@example.com").await;
    let owner = app.login("olive@example.com").await;
    app.advance(60);
    let body = json!({ "role": "admin" });
    let change = ask("PATCH", &format!("/api/v1/members/{mia}")).bearer(&owner).json(&body);
    assert_eq!(app.status(change).await, 204);
    let answer = app.send(ask("GET", "/api/probe/admin").cookie(&cookie)).await;
    assert_eq!(answer.status, 200);
    assert!(answer.cookie().is_some());
}

#[tokio::test]
async fn a_session_ends_when_idle_and_in_any_case_after_a_month() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let mut cookie = app.browser("olive@example.com").await;
    app.advance(12 * HOUR);
    assert_eq!(app.status(viewer().cookie(&cookie)).await, 401, "idle");
    cookie = app.browser("olive@example.com").await;
    for _ in 0..(30 * 24 / 8 - 1) {
        app.advance(8 * HOUR);
        let answer = app.send(viewer().cookie(&cookie)).await;
        assert_eq!(answer.status, 200);
        cookie = answer.cookie().unwrap_or(cookie);
    }
    app.advance(8 * HOUR);
    assert_eq!(app.status(viewer().cookie(&cookie)).await, 401, "a month");
}

#[tokio::test]
async fn signing_in_again_ends_the_session_that_was_there() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let old = app.browser("olive@example.com").await;
    let authority = &app.state.authority;
    let user =
        identity::accounts::actions::sign_in(authority, "olive@example.com", Secret::new(PASSWORD), ClientAddr(CLIENT))
            .await
            .unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("cookie", old.parse().unwrap());
    identity::accounts::actions::open_session(authority, &user, &headers).await.unwrap();
    assert_eq!(app.status(viewer().cookie(&old)).await, 401);
}

#[tokio::test]
async fn made_up_cookies_are_nobody() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let good = app.browser("olive@example.com").await;
    let upper = good.to_uppercase().replacen("VX", "vx", 1);
    for cookie in ["vx=", "vx=x", "vx=\u{e9}", &format!("{good}x"), &good[..good.len() - 1], &upper, "vx=' or 1=1 --"] {
        assert_eq!(app.status(viewer().cookie(cookie)).await, 401, "{cookie}");
    }
}

#[tokio::test]
async fn another_site_cannot_use_a_persons_cookie() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let cookie = app.browser("olive@example.com").await;
    let post = || ask("POST", "/api/probe/viewer").cookie(&cookie);
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:8081"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let answer = app.send(post().header(name, value)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (403, "cross_site"), "{name}: {value}");
        let socket = viewer().cookie(&cookie).header("upgrade", "websocket").header(name, value);
        assert_eq!(app.status(socket).await, 403, "a socket, {name}: {value}");
    }
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let simple = post().header("content-type", content_type).header("origin", "https://evil.example");
        assert_eq!(app.status(simple).await, 403, "{content_type}");
    }
    assert_eq!(app.status(post()).await, 403, "a client that does not say where it comes from");
    assert_eq!(app.status(post().header("x-csrf-token", "made-up")).await, 403);
    let token = app.send(ask("GET", "/page/token").cookie(&cookie)).await.body.as_str().unwrap().to_owned();
    assert_eq!(app.status(post().header("x-csrf-token", &token)).await, 200);
    assert_eq!(app.status(post().same_origin()).await, 200);
    assert_eq!(app.status(post().header("sec-fetch-site", "same-origin")).await, 200);
    let reading = viewer().cookie(&cookie).header("origin", "https://evil.example");
    assert_eq!(app.status(reading).await, 200, "reading is not guarded by origin: no script there sees the answer");
}

#[tokio::test]
async fn an_access_token_needs_no_origin() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let token = app.login("olive@example.com").await;
    let post = ask("POST", "/api/probe/viewer").bearer(&token).header("origin", "https://partner.example");
    assert_eq!(app.status(post).await, 200);
    let cookie = app.browser("olive@example.com").await;
    let both = viewer().cookie(&cookie).bearer("rubbish");
    assert_eq!(app.status(both).await, 401, "a bad token is not made good by a cookie");
}

#[tokio::test]
async fn a_form_needs_the_token_of_its_session_and_organization() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    let other = app.organization("Station Clinic", "sam@example.com").await;
    app.join(other.org_id, made.user_id, Role::Viewer).await;
    let cookie = app.browser("olive@example.com").await;
    let stranger = app.browser("sam@example.com").await;
    let token_of =
        async |cookie: &str| app.send(ask("GET", "/page/token").cookie(cookie)).await.body.as_str().unwrap().to_owned();
    let (token, strangers) = (token_of(&cookie).await, token_of(&stranger).await);
    let post = |body: &str| ask("POST", "/page/note").cookie(&cookie).same_origin().form(body);
    for body in ["text=hello", "text=hello&_csrf=", &format!("text=hello&_csrf={strangers}")] {
        let answer = app.send(post(body)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (403, "outdated_form"), "{body}");
    }
    let fine = app.send(post(&format!("text=hello&_csrf={token}"))).await;
    assert_eq!((fine.status.as_u16(), &fine.body), (200, &json!("hello")));
    let faulty = app.send(post(&format!("text=&_csrf={token}"))).await;
    assert_eq!(faulty.body, json!("text is wrong"));
    let foreign = ask("POST", "/page/note").cookie(&cookie).header("origin", "https://evil.example");
    assert_eq!(app.status(foreign.form(&format!("text=hello&_csrf={token}"))).await, 403);

    let select = ask("POST", "/api/v1/me/organization").cookie(&cookie).same_origin();
    assert_eq!(app.status(select.json(&json!({ "org_id": other.org_id }))).await, 204);
    let stale = app.send(post(&format!("text=hello&_csrf={token}"))).await;
    assert_eq!(stale.code(), "outdated_form", "the form was opened for the other organization");
    assert_ne!(token_of(&cookie).await, token);
}

#[tokio::test]
async fn a_form_stays_good_when_the_sessions_token_is_renewed() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let cookie = app.browser("olive@example.com").await;
    let token = app.send(ask("GET", "/page/token").cookie(&cookie)).await.body.as_str().unwrap().to_owned();
    app.advance(HOUR);
    let new = app.send(viewer().cookie(&cookie)).await.cookie().unwrap();
    let post = ask("POST", "/page/note").cookie(&new).same_origin().form(&format!("text=hello&_csrf={token}"));
    assert_eq!(app.status(post).await, 200);
}

#[tokio::test]
async fn another_site_cannot_sign_a_browser_in() {
    let app = TestApp::new().await;
    let post = || ask("POST", "/page/public").form("text=hello");
    assert_eq!(app.status(post().header("origin", "https://evil.example")).await, 403);
    assert_eq!(app.status(post().header("sec-fetch-site", "cross-site")).await, 403);
    assert_eq!(app.status(post().header("origin", ORIGIN)).await, 200);
}

#[tokio::test]
async fn a_page_leads_to_sign_in() {
    let app = TestApp::new().await;
    let page = app.send(ask("GET", "/page?tab=2").header("accept", "text/html")).await;
    assert_eq!(
        (page.status.as_u16(), &page.headers["location"]),
        (303, &"/signin?next=%2Fpage%3Ftab%3D2".parse().unwrap())
    );
    let api = app.send(ask("GET", "/api/v1/members").header("accept", "text/html")).await;
    assert_eq!((api.status.as_u16(), api.code()), (401, "unauthenticated"));
    assert_eq!(api.headers["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn a_new_password_ends_every_other_sign_in() {
    let app = TestApp::new().await;
    let made = app.organization("Harbour Dental", "olive@example.com").await;
    let (here, elsewhere) = (app.browser("olive@example.com").await, app.browser("olive@example.com").await);
    let (access, refresh) = app.tokens("olive@example.com").await;
    app.advance(60);
    let change = |current: &str, new: &str| {
        let body = json!({ "current_password": current, "new_password": new });
        ask("POST", "/api/v1/me/password").cookie(&here).same_origin().json(&body)
    };
    let wrong = app.send(change("wrong horse battery", "a new long password")).await;
    assert_eq!((wrong.status.as_u16(), &wrong.body["errors"][0]["path"]), (422, &json!("current_password")));
    let short = app.send(change(PASSWORD, "short")).await;
    assert_eq!((short.status.as_u16(), &short.body["errors"][0]["path"]), (422, &json!("new_password")));
    assert_eq!(app.status(viewer().cookie(&elsewhere)).await, 200, "nothing has happened yet");

    assert_eq!(app.status(change(PASSWORD, "a new long password")).await, 204);
    let next = app.send(viewer().cookie(&here)).await;
    assert_eq!(next.status, 200);
    assert!(next.cookie().is_some(), "the session that changed it gets a new token");
    assert_eq!(app.status(viewer().cookie(&elsewhere)).await, 401);
    assert_eq!(app.status(viewer().bearer(&access)).await, 401);
    let exchange = ask("POST", "/api/v1/auth/refresh").json(&json!({ "refresh_token": refresh }));
    assert_eq!(app.status(exchange).await, 401);
    assert_eq!(app.try_login("olive@example.com", PASSWORD).await.status, 401);
    assert_eq!(app.try_login("olive@example.com", "a new long password").await.status, 200);
    assert!(app.audit(made.org_id).await.contains(&"user.password_changed".to_owned()));
}

#[tokio::test]
async fn a_stolen_session_is_no_way_to_guess_the_password() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    let cookie = app.browser("olive@example.com").await;
    let guess = || {
        let body = json!({ "current_password": "wrong horse battery", "new_password": "a new long password" });
        ask("POST", "/api/v1/me/password").cookie(&cookie).same_origin().json(&body)
    };
    for _ in 0..10 {
        assert_eq!(app.status(guess()).await, 422);
    }
    assert_eq!(app.status(guess()).await, 429);
}

#[tokio::test]
async fn expired_rows_are_swept_and_live_ones_stay() {
    let app = TestApp::new().await;
    app.organization("Harbour Dental", "olive@example.com").await;
    app.browser("olive@example.com").await;
    app.tokens("olive@example.com").await;
    app.try_login("nobody@example.com", PASSWORD).await;
    app.advance(6 * HOUR);
    let cookie = app.browser("olive@example.com").await;
    app.advance(7 * HOUR);
    let rows = identity::jobs::sweep(&app.state.authority).await.unwrap();
    assert_eq!(rows, 3, "the idle session, and two counters");
    assert_eq!(app.status(viewer().cookie(&cookie)).await, 200);
    app.advance(31 * 24 * HOUR);
    let rows = identity::jobs::sweep(&app.state.authority).await.unwrap();
    assert_eq!(rows, 2, "the other session, and the program's sign-in");
}
