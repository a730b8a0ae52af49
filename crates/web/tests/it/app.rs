//! Signing in, seeing calls, and not seeing somebody else's.

use http::StatusCode;
use http::header::CONTENT_SECURITY_POLICY;
use jiff::SignedDuration;

use crate::desk::{Desk, PASSWORD};

const CALL: &str = "0199f0aa-1c11-7d52-9a3e-5d1f0c0a0001";

/// Every page and every form of the app. A new route belongs in one of these lists.
const PAGES: [&str; 21] = [
    "/app",
    "/app/live",
    "/app/calls",
    "/app/calls/0199f0aa-1c11-7d52-9a3e-5d1f0c0a0009",
    "/app/settings/profile",
    "/app/settings/team",
    "/app/settings/api-keys",
    "/app/settings/connections",
    "/app/settings/retention",
    "/app/operator/mail",
    "/app/operator/mail/suppressions",
    "/app/operator/mail/unmatched",
    "/app/operator/mail/previews",
    "/app/operator/limits",
    "/app/operator/status",
    "/app/operator/alerts",
    "/app/operator/backups",
    "/app/operator/accounting",
    "/app/operator/jobs",
    "/app/operator/quarantine",
    "/app/operator/import",
];
const FORMS: [&str; 33] = [
    "/app/organization",
    "/app/settings/profile/password",
    "/app/settings/profile/preferences",
    "/app/settings/team/invite",
    "/app/settings/team/renew",
    "/app/settings/team/revoke",
    "/app/settings/team/role",
    "/app/settings/team/remove",
    "/app/settings/api-keys/create",
    "/app/settings/api-keys/revoke",
    "/app/settings/connections/create",
    "/app/settings/connections/test",
    "/app/settings/connections/rotate",
    "/app/settings/connections/retire",
    "/app/settings/connections/key",
    "/app/settings/connections/remove-key",
    "/app/settings/connections/disable",
    "/app/settings/retention",
    "/app/calls/0199f0aa-1c11-7d52-9a3e-5d1f0c0a0009/hold",
    "/app/calls/0199f0aa-1c11-7d52-9a3e-5d1f0c0a0009/hold/lift",
    "/app/calls/0199f0aa-1c11-7d52-9a3e-5d1f0c0a0009/erase",
    "/app/calls/0199f0aa-1c11-7d52-9a3e-5d1f0c0a0009/recording/retry",
    "/app/operator/mail/resend",
    "/app/operator/mail/cancel",
    "/app/operator/mail/suppress",
    "/app/operator/mail/unsuppress",
    "/app/operator/alerts/acknowledge",
    "/app/operator/jobs/retry",
    "/app/operator/jobs/run",
    "/app/operator/quarantine/replay",
    "/app/operator/import/assign",
    "/app/operator/import/drop",
    "/sign-out",
];

#[tokio::test]
async fn nobody_is_sent_to_sign_in_and_back_to_the_page() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut browser = desk.browser();
    for path in PAGES {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.location().starts_with("/signin?next=%2Fapp"), "{path}: {}", answer.location());
    }
    for path in FORMS {
        assert_eq!(browser.post(path, &[]).await.location(), "/signin", "{path}");
    }
    let part = browser.get_part("/app").await;
    assert_eq!(
        (part.status, part.headers["hx-redirect"].to_str().unwrap()),
        (StatusCode::UNAUTHORIZED, "/signin?next=%2Fapp")
    );

    let page = browser.get("/signin?next=%2Fapp%2Fcalls%3Fq%3Dx").await;
    assert!(page.body.contains("value=\"/app/calls?q=x\""));
    let fields = [("email", practice.owner.as_str()), ("password", PASSWORD), ("next", "/app/calls?q=x")];
    assert_eq!(browser.post("/signin", &fields).await.location(), "/app/calls?q=x");
    assert_eq!(browser.get("/app").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_link_cannot_lead_away_after_signing_in() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    for next in ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"] {
        let fields = [("email", practice.owner.as_str()), ("password", PASSWORD), ("next", next)];
        assert_eq!(desk.browser().post("/signin", &fields).await.location(), "/app", "{next}");
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_person_read_the_same() {
    let desk = Desk::new().await;
    desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut bodies = Vec::new();
    for email in ["amara@bright-dental.example", "nobody@bright-dental.example"] {
        let answer = desk.browser().post("/signin", &[("email", email), ("password", "wrong words here")]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.body.contains("Email or password is wrong."));
        assert!(!answer.body.contains("wrong words here"));
        bodies.push(answer.body.replace(email, ""));
    }
    assert_eq!(bodies[0], bodies[1]);
    let foreign =
        desk.browser().post_from("cross-site", "/signin", &[("email", "a@b.example"), ("password", "x")]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_call_is_seen_live_and_afterwards_and_by_its_own_people_only() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let other = desk.practice("Harbour Physio", "jonas@harbour.example").await;
    desk.begin_call(&practice, CALL, "Do you have anything on Thursday?").await;
    let mut browser = desk.signed_in(&practice.owner).await;

    let today = browser.get("/app").await;
    assert!(today.body.contains("One call is live.") && today.body.contains("Do you have anything on Thursday?"));
    let live = browser.get("/app/live").await;
    assert!(live.body.contains("<title>(1) Live calls · Voxanne</title>") && live.body.contains("Priya Nair"));
    let id = live.between("data-live-row=\"", "\"").to_owned();
    assert!(browser.get(&format!("/app/live?call={id}")).await.body.contains("role=\"log\""));

    desk.clock.advance(SignedDuration::from_secs(3));
    desk.end_call(&practice, CALL, "Check-up booked for Thursday.").await;
    let live = browser.get_part("/app/live?part=list").await.body;
    assert!(live.contains("No calls are live") && live.contains("Booked"), "it stays for a minute: {live}");
    assert_eq!(browser.get_part("/app/live?part=count").await.body.matches("in progress").count(), 0);
    desk.clock.advance(SignedDuration::from_secs(61));
    assert!(!browser.get_part("/app/live?part=list").await.body.contains("Booked"), "and then is gone");

    let calls = browser.get("/app/calls").await.body;
    assert!(calls.contains("Check-up booked for Thursday.") && calls.contains("0:28"));
    let detail = browser.get(&format!("/app/calls/{id}")).await.body;
    for part in [
        "I would like a check-up.",
        "Caller hung up",
        "$0.07",
        "+44 7700 900118",
        "Callback number",
        "This call was not recorded",
    ] {
        assert!(detail.contains(part), "{part} in {detail}");
    }

    let mut stranger = desk.signed_in(&other.owner).await;
    assert!(!stranger.get("/app/calls").await.body.contains("Priya"));
    let foreign = stranger.get(&format!("/app/calls/{id}")).await;
    let unknown = stranger.get("/app/calls/0199f0aa-1c11-7d52-9a3e-5d1f0c0a0009").await;
    assert_eq!((foreign.status, &foreign.body), (StatusCode::NOT_FOUND, &unknown.body));
    assert!(!stranger.get(&format!("/app/live?call={id}")).await.body.contains("Priya"));
    assert_eq!(stranger.get_part(&format!("/app/live?part=words&call={id}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_part_comes_without_the_shell_and_with_its_own_policy() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut browser = desk.signed_in(&practice.owner).await;
    for path in ["/app", "/app/calls", "/app/live?part=list", "/app/live?part=count"] {
        let part = browser.get_part(path).await;
        assert!(!part.body.contains("<html") && !part.body.contains("<nav"), "{path}");
        let policy = part.headers[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        assert!(!part.body.contains("hx-get") || part.body.contains(nonce), "{path}");
        let again = browser.get_part(path).await;
        assert_ne!(again.headers[CONTENT_SECURITY_POLICY].to_str().unwrap(), policy, "a nonce is used once");
    }
}

#[tokio::test]
async fn each_role_gets_the_pages_that_are_for_it() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    desk.practice("Harbour Physio", "jonas@harbour.example").await;
    let mut admin = desk.db.admin().await;
    let org = practice.org.uuid();
    for (role, pages, operator) in
        [("viewer", 5, false), ("member", 5, false), ("admin", 9, false), ("owner", 21, true)]
    {
        let set = "update memberships set role = $1 where org_id = $2";
        sqlx::query(set).bind(role).bind(org).execute(&mut admin).await.unwrap();
        let operates = "update users set is_operator = $1 where email = $2";
        sqlx::query(operates).bind(operator).bind(&practice.owner).execute(&mut admin).await.unwrap();
        let mut browser = desk.signed_in(&practice.owner).await;
        let mut open = 0;
        for path in PAGES.into_iter().filter(|path| !path.starts_with("/app/calls/")) {
            let answer = browser.get(path).await;
            let allowed = answer.status == StatusCode::OK;
            assert!(
                allowed || answer.status == StatusCode::FORBIDDEN && answer.body.contains("Not allowed"),
                "{role}: {path}"
            );
            open += usize::from(allowed);
        }
        assert_eq!(open + 1, pages, "{role}");
        let nav = browser.get("/app").await.body;
        assert_eq!(nav.contains("/app/settings/team"), pages > 5, "{role}");
        assert_eq!(nav.contains("/app/operator"), operator, "{role}");
        for path in FORMS.into_iter().filter(|path| {
            path.starts_with("/app/settings/") && !path.contains("/profile/") || path.starts_with("/app/calls/")
        }) {
            // Without the form's token nobody gets further; a role that may not is told so first.
            assert_eq!(browser.post(path, &[]).await.status, StatusCode::FORBIDDEN, "{role}: {path}");
        }
    }
}

#[tokio::test]
async fn a_form_needs_its_page_and_its_own_site() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut browser = desk.signed_in(&practice.owner).await;
    for path in FORMS {
        let without = browser.post(path, &[]).await;
        assert_eq!(without.status, StatusCode::FORBIDDEN, "{path}");
        assert!(without.body.contains("This form is too old"), "{path}: {}", without.body);
        let foreign = browser.post_from("cross-site", path, &[("_csrf", "x")]).await;
        assert_eq!(foreign.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(browser.get("/app").await.status, StatusCode::OK, "and nothing happened");
}

#[tokio::test]
async fn signing_out_ends_the_session_itself() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut browser = desk.signed_in(&practice.owner).await;
    let mut copy = desk.signed_in(&practice.owner).await;
    assert_eq!(browser.submit("/app", "/sign-out", &[]).await.location(), "/signin");
    assert_eq!(browser.get("/app").await.status, StatusCode::SEE_OTHER);
    assert_eq!(copy.get("/app").await.status, StatusCode::OK, "another device stays signed in");
}

#[tokio::test]
async fn a_person_of_two_practices_changes_between_them_and_loses_one() {
    let desk = Desk::new().await;
    let first = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let second = desk.practice("Harbour Physio", "amara@bright-dental.example").await;
    desk.begin_call(&second, CALL, "My knee hurts.").await;
    let mut browser = desk.signed_in(&first.owner).await;
    let here = browser.get("/app").await.body.contains("My knee hurts.");
    let other = if here { first.org } else { second.org };
    let answer = browser.submit("/app", "/app/organization", &[("organization", &other.to_string())]).await;
    assert_eq!(answer.location(), "/app");
    assert_ne!(browser.get("/app").await.body.contains("My knee hurts."), here);

    let stranger = desk.practice("Third", "third@third.example").await;
    let refused = browser.submit("/app", "/app/organization", &[("organization", &stranger.org.to_string())]).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);

    let mut admin = desk.db.admin().await;
    let end = "delete from memberships where org_id = $1";
    sqlx::query(end).bind(other.uuid()).execute(&mut admin).await.unwrap();
    desk.clock.advance(SignedDuration::from_secs(3));
    assert_eq!(browser.get("/app/calls").await.location(), "/app/organization");
    let left = if other == first.org { second.org } else { first.org };
    let choice = [("organization", left.to_string())];
    let choice = [(choice[0].0, choice[0].1.as_str())];
    assert_eq!(browser.submit("/app/organization", "/app/organization", &choice).await.location(), "/app");
    assert_eq!(browser.get("/app").await.status, StatusCode::OK);
}

#[tokio::test]
async fn calls_are_found_by_filters_and_read_page_by_page() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    for n in 0..30 {
        desk.end_call(&practice, &format!("call-{n}"), &format!("Visit number {n:02}.")).await;
        desk.clock.advance(SignedDuration::from_mins(1));
    }
    voice::calls::jobs::index_all(&desk.db.tenancy()).await.unwrap();
    let mut browser = desk.signed_in(&practice.owner).await;
    let first = browser.get("/app/calls?direction=inbound").await;
    let rows = |body: &str| body.matches("id=\"call-").count();
    assert_eq!(rows(&first.body), 25);
    assert!(first.body.find("Visit number 29").unwrap() < first.body.find("Visit number 28").unwrap());
    let href = first.body.split("<a class=\"btn\" href=\"").find(|part| part.contains("Older")).unwrap();
    let href = href.split('"').next().unwrap().replace("&amp;", "&");
    assert!(href.contains("direction=inbound"), "{href}");
    let second = browser.get(&href).await;
    assert_eq!(rows(&second.body), 5);
    assert!(second.body.contains("Visit number 00") && second.body.contains("Newest"));

    assert_eq!(rows(&browser.get("/app/calls?q=number+07").await.body), 1);
    assert_eq!(rows(&browser.get("/app/calls?q=900118").await.body), 25);
    assert!(browser.get("/app/calls?direction=web").await.body.contains("No call matches"));
    assert!(browser.get("/app/calls?to=2020-01-01").await.body.contains("No call matches"));
    assert_eq!(rows(&browser.get("/app/calls?from=2026-11-01").await.body), 25);
}

#[tokio::test]
async fn nonsense_in_an_address_is_never_our_fault() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut browser = desk.signed_in(&practice.owner).await;
    let long = format!("/app/calls?q={}", "x".repeat(5_000));
    for path in [
        "/app/calls?from=yesterday",
        "/app/calls?from=2026-13-99",
        "/app/calls?from=9999-12-31&to=9999-12-31",
        "/app/calls?from=-9999-01-01",
        "/app/calls?status=lost",
        "/app/calls?direction=up",
        "/app/calls?q=%00",
        "/app/calls?q=%27%3B+drop+table+calls--",
        "/app/calls?q=%EF%BF%BE%F0%9F%98%80",
        "/app/calls?q=a&q=b",
        &long,
        "/app/calls?cursor=",
        "/app/calls?cursor=%00",
        "/app/calls?cursor=AAAA",
        "/app/calls/x",
        "/app/calls/%00",
        "/app/calls/..%2f..",
        "/app/calls/0199f0aa-1c11-7d52-9a3e-5d1f0c0a0009?t=-1",
        "/app/settings/retention?show=1&recording_days=1e9&content_days=%00",
        "/app/settings/retention?show=1&recording_days=99999999999999",
        "/app/live?call=x",
        "/app/live?part=x",
        "/app/live?part=words",
        "/app?done=%3Cscript%3E",
        "/app/operator/quarantine?cursor=x",
        "/app/operator/jobs?cursor=x",
        "/app/operator/backups?cursor=x",
        "/app/operator/import?cursor=x",
        "/app/operator/import?alike=x",
        "/app/operator/import?alike=call_logs.%00.no_organization",
        "/invite/x",
        "/invite/%00",
        "/signin?next=%00",
        "/nowhere",
        "/app/nowhere",
    ] {
        let answer = browser.get(path).await;
        assert!(!answer.status.is_server_error(), "{path}: {}", answer.status);
        assert!(answer.body.starts_with("<!DOCTYPE html>"), "{path} is answered as a page: {}", answer.body);
        assert!(!answer.body.contains("<script>"), "{path}");
    }
    let api = browser.get("/api/v1/nowhere").await;
    assert_eq!(
        (api.status, api.headers["content-type"].to_str().unwrap()),
        (StatusCode::NOT_FOUND, "application/problem+json")
    );
}

#[tokio::test]
async fn the_look_is_kept_without_script() {
    let desk = Desk::new().await;
    let mut browser = desk.browser();
    let answer = browser.post("/theme", &[("theme", "dark")]).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/"));
    assert!(browser.get("/signin").await.body.contains("data-theme=\"dark\""));
    browser.post("/theme", &[("theme", "\"><script>")]).await;
    assert!(!browser.get("/signin").await.body.contains("data-theme"));
}

#[tokio::test]
async fn a_wrong_address_is_told_in_the_visitors_language_and_a_nearly_right_one_leads_on() {
    let desk = Desk::new().await;
    let mut browser = desk.browser();
    for (path, words) in [("/nothing", "There is no such page"), ("/de/nichts", "Diese Seite gibt es nicht")] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.body.contains(words), "{path}");
    }
    for (path, right) in [
        ("/fr/", "/fr"),
        ("/pricing/", "/pricing"),
        ("/en/pricing?from=mail", "/pricing?from=mail"),
        ("/PT-br/security", "/pt-BR/security"),
    ] {
        let answer = browser.get(path).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::PERMANENT_REDIRECT, right), "{path}");
    }
    // The app's own addresses keep the app's look.
    assert!(browser.get("/app/nothing").await.body.contains("Go to Today"));
}
